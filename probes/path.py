"""The path probe: how far a SYN comes, and who says so, without any privilege.

SYNs with a growing TTL: each router at which one expires answers ICMP "time exceeded" (RFC 792), which the kernel gives
to the socket with its sender. Where the answers end, the SYN was dropped, or nobody answers from there on.
"""

from typing import Awaitable, Callable

from probes.connector import Dial
from probes.contract import Ask, Notes
from probes.network import Network
from probes.stream import SocketStream
from reports.failures import Failure

MOST_HOPS = 24
# Routers that say nothing are common; after so many in a row nobody is expected to answer any more.
_MOST_SILENT = 2


async def probe(
    ask: Ask,
    network: Network,
    notes: Notes,
    finish: Callable[[SocketStream], Awaitable[None]],
    most: int = MOST_HOPS,
) -> None:
    """Trace the way to the target, ``most`` hops of it, one after the other, each within ``ask.timeout`` seconds.

    What answers at all answers within a round trip. ``finish`` ends a connection that came about.

    Facts: docs/observations.md.
    """
    silent = 0
    for hops in range(1, most + 1):
        with notes.step("path", "hop", ask) as step:
            step.note("ip", ask.address)
            step.note("ttl", hops)
            opened = await network.connect_to(ask.address, ask.port, ask.timeout, ask.target.name, Dial(hops=hops))
            shaken = opened.handshake
            step.started, step.duration = shaken.started, shaken.duration
            expired = shaken.failure is Failure.TTL_EXCEEDED
            step.failure = None if expired else shaken.failure
            if shaken.icmp is not None:
                step.note("from", shaken.icmp.sender)
            step.note("reached", shaken.failure in (None, Failure.CONNECTION_REFUSED) and shaken.icmp is None)
        if opened.stream is not None:
            await finish(opened.stream)
        silent = silent + 1 if step.failure is Failure.TIMED_OUT else 0
        if not (expired or silent) or silent >= _MOST_SILENT:
            return
