"""How fast connections are opened: slowly at first, then faster and faster, and never two at once."""

import asyncio
import time
from typing import List, Optional, Set, Tuple

from probes.holding import Attempt, Holding
from reports.statistics import median

# Opening begins with so many a second, and becomes a tenth faster every half second.
FIRST_RATE = 20
_FASTER, _EVERY = 1.1, 0.5

# An answer takes longer than before if it takes so many times as long, and so many seconds more, twice in a row.
_SLOWER, _SLOWER_BY = 3.0, 0.05
_TWICE = 2

# A rate is counted over so many seconds.
WINDOW = 1.0


class Pace:
    """Spreads what is begun: never two within one ``rate``-th of a second, and faster with time up to ``most``."""

    def __init__(self, rate: float, most: Optional[float] = None) -> None:
        self._first = rate
        self._most = max(rate, most or rate)
        self._start = time.monotonic()
        self._next = 0.0

    @property
    def rate(self) -> float:
        """Per second, now."""
        steps = int((time.monotonic() - self._start) / _EVERY)
        # Beyond some steps the power would only overflow.
        return min(self._most, self._first * _FASTER ** min(steps, 200))

    async def wait(self) -> None:
        """Return when the next one may begin."""
        now = time.monotonic()
        if self._next > now:
            await asyncio.sleep(self._next - now)
        self._next = max(now, self._next) + 1 / self.rate


def rising(most: int) -> Pace:
    """The pace of a first ascent."""
    return Pace(min(most, FIRST_RATE), most)


class Flow:
    """Connections that are opened at a pace and closed at once. ``since``: when one was begun that was refused."""

    def __init__(self, holding: Holding, pace: Pace) -> None:
        self.pace = pace
        self.done: List[Tuple[float, Attempt]] = []
        self.since = 0.0
        self._holding = holding
        self._under_way: Set[asyncio.Future[None]] = set()
        self._cleared = 0.0

    async def offer(self) -> None:
        """One more, when it is time."""
        await self.pace.wait()
        task = asyncio.ensure_future(self._touch())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _touch(self) -> None:
        at = time.monotonic()
        attempt = await self._holding.touch()
        self.done.append((at, attempt))
        if not attempt.held and not self.since and at > self._cleared:
            self.since = at

    async def last_second(self) -> List[Attempt]:
        """Those that were begun within a second after the refused one, once it is known how they went."""
        if self._under_way:
            await asyncio.wait(set(self._under_way))
        since, self.since, self._cleared = self.since, 0.0, self.since + WINDOW
        return [one for at, one in self.done if since < at <= since + WINDOW]

    async def close(self) -> None:
        """Nothing stays under way."""
        for task in set(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


class Slowness:
    """Whether what is measured again and again takes longer than it took at first."""

    def __init__(self) -> None:
        self._usual: Optional[float] = None
        self._slow = 0

    def of(self, took: List[float]) -> bool:
        """Take some more (seconds); True where they were slow twice in a row."""
        if not took:
            return False
        now = median(sorted(took))
        if self._usual is None:
            self._usual = now
        self._slow = self._slow + 1 if now > max(_SLOWER * self._usual, self._usual + _SLOWER_BY) else 0
        return self._slow >= _TWICE
