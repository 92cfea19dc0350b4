"""The answer probe: whole harmless exchanges, where a handshake shows nothing because somebody on the way accepts it.

What is timed is the first byte of the answer, from the accepted connection on. Behind one who accepts and only then
connects, that takes two round trips: his own handshake, and the question. His TCP sends again what is lost, the sooner
of the two after 0.2 s (Linux, TCP_RTO_MIN): answers of a way that loses packets come in two heaps with a gap between.
"""

import asyncio
import time
from typing import Awaitable, Callable, List, Optional

from attrs import frozen

from probes.connector import USUAL, Dial
from probes.contract import Ask, Notes, Step
from probes.kernel import TcpInfo
from probes.network import Network
from probes.stream import SocketStream, Stream
from reports.failures import Failure
from reports.statistics import median, median_interval

Speak = Callable[[Stream, Notes], Awaitable[None]]

# Seconds between two exchanges.
_PAUSE = 0.01
# A little less than the shortest time after which Linux sends again: that much later is late.
_AGAIN = 0.15
# So many of at least so many say enough; so many unanswered ones, and none answered, are silence.
_PLENTY, _FEWEST, _SILENT = 6, 10, 3


@frozen(kw_only=True)
class Series:
    """How long to go on: ``most`` exchanges, ``within`` seconds, ``most_bytes`` read and written."""

    most: int = 20
    within: float = 3.0
    most_bytes: int = 65536


async def probe_from(ask: Ask, source: str, network: Network, notes: Notes, speak: Speak) -> None:
    """One exchange from another address of this machine, ``source``; it ends after ``ask.timeout`` without a byte.

    ``speak`` has the exchange over the stream, and closes it. Facts: docs/observations.md.
    """
    with notes.step("answer", "from", ask) as step:
        step.note("ip", ask.address)
        step.note("port", ask.port)
        step.note("source", source)
        heard = await _exchange(ask, network, speak, Dial(source=source))
        step.note("bytes_in", heard.bytes_in)
        step.note("answer_s", heard.after)
        step.failure = heard.failure


async def probe_series(ask: Ask, network: Network, notes: Notes, speak: Speak, series: Series) -> None:
    """One exchange after the other. One observation; its failure is ``timed_out`` where none was answered.

    What ends an exchange otherwise without a byte ends the series. Facts: docs/observations.md.
    """
    tally = _Tally()
    end = time.monotonic() + series.within
    with notes.step("answer", "series", ask) as step:
        step.note("ip", ask.address)
        step.note("port", ask.port)
        step.note("patience_s", round(ask.timeout, 3))
        try:
            while not tally.failure and not tally.is_decided(series) and time.monotonic() < end:
                if tally.tried:
                    await asyncio.sleep(_PAUSE)
                tally.count(await _exchange(ask, network, speak))
        finally:
            tally.note(step)
        step.failure = tally.failure or (None if tally.times else Failure.TIMED_OUT)


@frozen
class _Heard:
    """What came of one exchange. ``after``: seconds until the first byte; None where there was none."""

    after: Optional[float]
    failure: Optional[Failure]
    bytes_in: int = 0
    bytes_out: int = 0


async def _exchange(ask: Ask, network: Network, speak: Speak, dial: Dial = USUAL) -> _Heard:
    opened = await network.connect_to(ask.address, ask.port, ask.timeout, ask.target.name, dial)
    if opened.stream is None:
        return _Heard(None, opened.handshake.failure)
    private, ear = Notes(), _Ear(opened.stream)
    await speak(ear, private)
    failed = [seen.failure for seen in private.observations if seen.failure is not None]
    failure = None if ear.after is not None else failed[-1] if failed else Failure.TIMED_OUT
    return _Heard(ear.after, failure, ear.bytes_in, ear.bytes_out)


class _Ear(Stream):
    """A Stream around a connection, which keeps when the peer was heard first."""

    def __init__(self, inner: SocketStream) -> None:
        super().__init__()
        self._inner = inner
        self._since = time.monotonic()
        self.rtt_s = inner.rtt_s
        self.after: Optional[float] = None
        self.bytes_in = self.bytes_out = 0

    @property
    def info(self) -> Optional[TcpInfo]:
        """See Stream."""
        return self._inner.info

    async def receive(self, timeout: float) -> bytes:
        """See Stream."""
        data = await self._inner.receive(timeout)
        if data and self.after is None:
            self.after = round(time.monotonic() - self._since, 6)
        self.bytes_in += len(data)
        return data

    async def write(self, data: bytes, timeout: float) -> None:
        """See Stream."""
        await self._inner.write(data, timeout)
        self.bytes_out += len(data)

    async def close(self) -> None:
        """See Stream."""
        await self._inner.close()


class _Tally:
    """What the exchanges came to. ``times``: of those that were answered, in order."""

    def __init__(self) -> None:
        self.tried = self.bytes = 0
        self.failure: Optional[Failure] = None
        self.times: List[float] = []

    @property
    def late(self) -> int:
        """How many were answered after a gap, or not at all. The first quarter is never late."""
        times = sorted(self.times)
        prompt = (len(times) + 3) // 4
        while prompt < len(times) and times[prompt] - times[prompt - 1] < _AGAIN:
            prompt += 1
        return self.tried - prompt

    def is_decided(self, series: Series) -> bool:
        """Whether no more exchanges are needed, or may be made."""
        if self.tried >= series.most or self.bytes >= series.most_bytes:
            return True
        if not self.times:
            return self.tried >= _SILENT
        return self.tried >= _FEWEST and self.late >= _PLENTY

    def count(self, heard: _Heard) -> None:
        if heard.failure not in (None, Failure.TIMED_OUT):
            self.failure = heard.failure
            return
        self.tried += 1
        self.bytes += heard.bytes_in + heard.bytes_out
        if heard.after is not None:
            self.times.append(heard.after)

    def note(self, step: Step) -> None:
        step.note("tried", self.tried)
        step.note("answered", len(self.times))
        step.note("late", self.late)
        if self.times:
            times = sorted(self.times)
            low, high = median_interval(times)
            step.note("answer_min_s", times[0])
            step.note("answer_median_s", round(median(times), 6))
            step.note("answer_median_low_s", low)
            step.note("answer_median_high_s", high)
            step.note("answer_max_s", times[-1])
