"""The tcp probe: one handshake with one address, and everything that the kernel tells about it."""

from typing import Optional, Tuple

from probes.connector import Handshake
from probes.contract import Ask, Notes
from probes.network import Network, SocketStream
from reports.failures import Failure
from reports.model import Observation, join_port


async def probe(
    ask: Ask, network: Network, notes: Notes, step: str = "connect"
) -> Tuple[Handshake, Optional[SocketStream]]:
    """Connect, write down how it went, and hand on the open stream (to be closed by the caller).

    Facts: ``ip``, ``port``, ``source`` (our address), ``syns`` (sent), ``rtt_s``, ``rtt_variance_s``, ``mss``,
    ``path_mtu``, ``immediate`` (no packet left: this machine's routes or filters refused), ``icmp_type``,
    ``icmp_code``, ``icmp_from``, ``errno``, ``loop_lag_s`` where this machine was late by more than 50 ms.
    """
    opened = await network.connect(ask)
    notes.add(_observation(ask, opened.handshake, step))
    return opened.handshake, opened.stream


def _observation(ask: Ask, shaken: Handshake, step: str) -> Observation:
    facts = {"ip": ask.address, "port": ask.port}
    if shaken.source:
        facts["source"] = shaken.source
    info = shaken.info
    if info is not None and not shaken.immediate:
        facts["syns"] = 1 + info.retransmits
        if shaken.failure is None:
            facts["rtt_s"] = info.rtt
            facts["rtt_variance_s"] = info.rtt_variance
            facts["mss"] = info.mss
            facts["path_mtu"] = info.path_mtu
    if shaken.immediate:
        facts["immediate"] = True
    if shaken.icmp is not None:
        facts["icmp_type"] = shaken.icmp.type
        facts["icmp_code"] = shaken.icmp.code
        facts["icmp_from"] = shaken.icmp.sender
        facts["icmp_local"] = shaken.icmp.local
    if shaken.errno and shaken.failure is not Failure.TIMED_OUT:
        facts["errno"] = shaken.errno
    if shaken.loop_lag > 0.05:
        facts["loop_lag_s"] = round(shaken.loop_lag, 3)
    return Observation(
        probe="tcp",
        step=step,
        target=ask.target.name,
        address=join_port(ask.address, ask.port),
        failure=shaken.failure,
        started=shaken.started,
        duration_s=round(shaken.duration, 6),
        facts=facts,
    )
