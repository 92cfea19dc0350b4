"""The throughput probe: how fast one answer comes, over one connection, and in what shape.

The shape tells why: a token bucket gives a burst at once and then the same in every tenth of a second; a long round
trip gives more and more with each; loss gives pauses and packets out of order.
"""

import asyncio
import itertools
import time
from typing import Awaitable, Callable, List, Optional, Tuple

from probes.connector import Dial
from probes.contract import Ask, Notes, Step
from probes.kernel import TcpInfo
from probes.network import Network
from probes.stream import SocketStream, Stream

# Seconds; the transfer is looked at in pieces of so much.
_PIECE = 0.1
# What comes before the transfer proper: the end of a handshake, the head of the answer.
_HEAD = 2048


class Meter(Stream):
    """A Stream around a connection, which keeps when how much of the last answer came.

    ``reads``: bytes, in order, as they were read. ``arrived``: how many segments had come by when, in order or not: a
    gap in the one is none in the other.
    """

    def __init__(self, inner: SocketStream) -> None:
        super().__init__()
        self._inner = inner
        self._spoke = False
        self._last: Optional[TcpInfo] = None
        self.rtt_s = inner.rtt_s
        self.reads: List[Tuple[float, int]] = []
        self.arrived: List[Tuple[float, int]] = []

    @property
    def info(self) -> Optional[TcpInfo]:
        """See Stream; once it is closed, how it was at the end."""
        return self._last or self._inner.info

    async def receive(self, timeout: float) -> bytes:
        """See Stream."""
        data = await self._inner.receive(timeout)
        if self._spoke:
            self._spoke = False
            self.reads.clear()
            self.arrived.clear()
        self.reads.append((time.monotonic(), len(data)))
        return data

    async def write(self, data: bytes, timeout: float) -> None:
        """See Stream."""
        self._spoke = True
        await self._inner.write(data, timeout)

    async def count(self) -> None:
        """Count what has arrived, again and again, until this is cancelled."""
        while True:
            info = self.info
            if info is not None and info.segments_in is not None:
                self.arrived.append((time.monotonic(), info.segments_in))
            await asyncio.sleep(_PIECE)

    async def close(self) -> None:
        """See Stream."""
        self._last = self.info
        await self._inner.close()


async def probe(
    ask: Ask, network: Network, notes: Notes, speak: Callable[[Meter, Notes], Awaitable[None]], unread: int
) -> None:
    """How the target's answer comes. ``speak`` asks for it, into notes of its own, and ends the connection.

    ``unread``: how many bytes may wait for being read, so that it is not this machine that is slow.
    One observation; facts in docs/observations.md.
    """
    private = Notes()
    with notes.step("throughput", "transfer", ask) as step:
        dial = Dial(unread=unread)
        opened = await network.connect_to(ask.address, ask.port, ask.timeout, ask.target.name, dial)
        step.failure = opened.handshake.failure
        if opened.stream is None:
            return
        meter = Meter(opened.stream)
        counting = asyncio.ensure_future(meter.count())
        try:
            await speak(meter, private)
        finally:
            counting.cancel()
        # What came was measured, however it ended.
        if private.observations and not meter.reads:
            step.failure = private.observations[-1].failure
        step.note("rtt_s", meter.rtt_s)
        if meter.info is not None:
            step.note("mss", meter.info.mss)
            step.note("rtt_during_s", meter.info.receive_rtt or None)
            step.note("out_of_order", meter.info.out_of_order)
        _note_rate(step, meter.reads)
        if meter.reads and meter.info is not None:
            _note_shape(step, meter.arrived, meter.reads[-1][0], meter.info.mss)


def _note_rate(step: Step, reads: List[Tuple[float, int]]) -> None:
    """Of what came after the head: how much, in what time, and how much of it at once."""
    before, first = 0, 0
    while first < len(reads) and before < _HEAD:
        before += reads[first][1]
        first += 1
    if first >= len(reads):
        return
    start = reads[first - 1][0]
    came, took = sum(size for _, size in reads[first:]), max(reads[-1][0] - start, 1e-6)
    step.note("bytes", came)
    step.note("seconds", round(took, 6))
    step.note("rate_bytes_s", round(came / took))
    step.note("burst_bytes", sum(size for at, size in reads[first:] if at < start + _PIECE))


def _note_shape(step: Step, arrived: List[Tuple[float, int]], end: float, mss: int) -> None:
    """How fast it came in the second half, and how evenly."""
    pieces = zip(arrived, itertools.islice(arrived, 1, None))
    rates = [
        (segments - before) * mss / (until - since) for (since, before), (until, segments) in pieces if until <= end
    ]
    later = rates[len(rates) // 2 :]
    if len(later) > 1:
        step.note("plateau_bytes_s", round(sum(later) / len(later)))
        step.note("slowest_bytes_s", round(min(later)))
        step.note("fastest_bytes_s", round(max(later)))
