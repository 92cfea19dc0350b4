"""The tcp probe: one handshake with one address, and everything that the kernel tells about it."""

from typing import Optional

from attrs import frozen

from probes.connector import USUAL, Dial, Handshake
from probes.contract import Ask, Notes, observed
from probes.network import Network
from probes.stream import SocketStream
from reports.failures import LOCAL_SHORTAGES, Failure
from reports.model import Facts, Observation, join_port

# A loop that came later than this is worth a fact.
_LATE = 0.05


async def probe(ask: Ask, network: Network, notes: Notes) -> Optional[SocketStream]:
    """Connect to the target, write down how it went, and hand on the open stream (the caller closes it).

    Facts: docs/observations.md.
    """
    opened = await network.connect(ask)
    notes.add(_observation(ask.target.name, ask.address, ask.port, "connect", opened.handshake))
    return opened.stream


async def probe_proxy(ask: Ask, address: str, port: int, network: Network, notes: Notes) -> Optional[SocketStream]:
    """The same to the HTTP proxy at ``address`` (an IP literal) that the target is reached through."""
    opened = await network.connect_to(address, port, ask.timeout, ask.target.name)
    notes.add(_observation(ask.target.name, address, port, "connect_proxy", opened.handshake))
    return opened.stream


async def probe_direct(ask: Ask, network: Network, notes: Notes) -> None:
    """Whether the target that is reached through a proxy would also answer without it; the connection is not used."""
    opened = await network.connect(ask)
    notes.add(_observation(ask.target.name, ask.address, ask.port, "connect_direct", opened.handshake))
    if opened.stream is not None:
        await opened.stream.close()


@frozen
class Attempt:
    """A handshake that differs from the job's own: what was observed, and the stream where it completed."""

    seen: Observation
    stream: Optional[SocketStream]


async def attempt(
    ask: Ask,
    step: str,
    network: Network,
    notes: Notes,
    port: Optional[int] = None,
    dial: Dial = USUAL,
    of_target: bool = True,
) -> Optional[Attempt]:
    """Connect to the target's host as ``step`` of the tcp probe: to another ``port`` of it, or in another way.

    ``of_target``: whether it is a target of the plan that is asked. None where this machine does not have what it
    takes: nothing was sent then. Facts: docs/observations.md.
    """
    port = port or ask.port
    opened = await network.connect_to(ask.address, port, ask.timeout, ask.target.name, dial)
    shaken = opened.handshake
    if shaken.immediate and shaken.failure in LOCAL_SHORTAGES:
        return None
    name = ask.target.name if of_target else None
    seen = _observation(name, ask.address, port, step, shaken, dial.source_port)
    notes.add(seen)
    return Attempt(seen, opened.stream)


def _observation(
    target: Optional[str], address: str, port: int, step: str, shaken: Handshake, source_port: int = 0
) -> Observation:
    facts: Facts = {"ip": address, "port": port}
    if shaken.source:
        facts["source"] = shaken.source
    if source_port:
        facts["source_port"] = source_port
    info = shaken.info
    if info is not None and not shaken.immediate:
        facts["syns"] = 1 + info.retransmits
        if info.unsent:
            facts["unsent"] = info.unsent
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
    if shaken.loop_lag > _LATE:
        facts["loop_lag_s"] = round(shaken.loop_lag, 3)
    where = join_port(address, port)
    return observed("tcp", step, target, where, shaken.failure, shaken.started, shaken.duration, facts)
