"""The echo probe: whether the host itself answers anything but TCP.

An ICMP echo, where this process may send one, and a UDP datagram to a port where nobody listens. An answer shows that
the host is up and that the way back works; silence shows nothing: many networks answer neither.
"""

import asyncio
import contextlib
import time

from probes.contract import Ask, Notes
from probes.datagrams import Method, methods
from probes.kernel import IcmpError, failure_of
from probes.network import Network
from reports.failures import Failure

# Bytes of the IP packet, as of ping(8).
_SIZE = 84


async def probe(ask: Ask, network: Network, notes: Notes) -> None:
    """Ask the target's host by each method that there is, at the same time, and wait ``ask.timeout`` seconds for each.

    Facts: docs/observations.md.
    """
    await asyncio.gather(*(_ask(method, ask, network, notes) for method in methods(ask.address)))


async def _ask(method: Method, ask: Ask, network: Network, notes: Notes) -> None:
    kind, messages = method.of_sizes([_SIZE])
    started, start = round(time.time(), 6), time.monotonic()
    # What this machine does not let out is no observation.
    with contextlib.suppress(OSError):
        heard = (await network.volley(kind, ask.address, messages, ask.timeout, ask.target.name)).get(0)
        with notes.step("path", method.name, ask, address=ask.address) as step:
            step.started, step.duration = started, time.monotonic() - start
            step.note("ip", ask.address)
            if heard is None:
                step.failure = Failure.TIMED_OUT
            elif isinstance(heard, IcmpError):
                step.note("from", heard.sender or None)
                # Nobody listens there: the host's own word is the answer.
                step.failure = None if heard.sender == ask.address else failure_of(heard.errno, heard)
