"""How fast connections are opened: slowly at first, then faster and faster, and never two at once."""

import asyncio
import collections
import time
from typing import Deque, List, Optional, Sequence, Set, Tuple

from attrs import frozen

from probes.holding import Attempt, Holding
from reports.statistics import median, wilson

# Opening begins with so many a second, and becomes so much faster for each half second, and at most so much at once.
# Near a known limit it becomes faster more slowly: what a bucket has saved hides the limit until it is spent.
FIRST_RATE = 20
_FASTER, _LITTLE_FASTER = 1.07, 1.03
_EVERY, _AT_ONCE = 0.5, 1.08
# A limiter's bucket saves so many where nobody sets it (nftables, iptables).
_BUCKET = 5
# Who began less than this part of what he meant to begin is busy: to want more would come as a burst.
_KEPT = 0.9
# Seconds: who is woken up so late begins the next one sooner.
_LATE = 0.005

# An answer takes longer than before if it takes so many times as long, and so many seconds more, twice in a row.
_SLOWER, _SLOWER_BY = 3.0, 0.05
_TWICE = 2

# Seconds over which a rate is counted at a limit: others' new connections fail as well meanwhile.
WINDOW = 0.6
# More than this share refused is heavy also where nobody knows how many were before. Whoever counts only where one was
# refused is misled by chance more often: 98 %, in standard deviations.
_HEAVY, _SURE = 0.06, 2.3
# A limiter lets as many through each time, within this part of them or so many; how many are not lost follows the pace.
_ALIKE, _ALIKE_BY = 0.1, 2


class Pace:
    """Spreads what is begun evenly, ``rate`` a second, and becomes faster when told: up to ``most``.

    ``begun``: the most that were begun in any second. It is told to rise by who knows that nothing was refused, so that
    a limit is met by the step that is the first one past it.
    """

    def __init__(self, rate: float, most: Optional[float] = None, faster: float = _FASTER) -> None:
        self.rate = rate
        self.begun = 0
        self._most = max(rate, most or rate)
        self._faster = faster
        self._since = time.monotonic()
        self._next = 0.0
        self._times: Deque[float] = collections.deque()

    @property
    def is_kept(self) -> bool:
        """Whether about as many were begun in the last second as there should be."""
        return len(self._times) >= _KEPT * self.rate

    @property
    def is_spent(self) -> bool:
        """Whether it has been as fast as it may be for so long that a limit one step below would have shown."""
        shown = max(1.0, _BUCKET / ((_FASTER - 1) * self.rate))
        return self.rate >= self._most and time.monotonic() >= self._since + shown

    def rise(self) -> None:
        """Faster, where it is half a second ago that it became so."""
        now = time.monotonic()
        if self.rate < self._most and now >= self._since + _EVERY:
            self.rate = min(self._most, self.rate * min(_AT_ONCE, self._faster ** ((now - self._since) / _EVERY)))
            self._since = now

    async def wait(self) -> None:
        """Return when the next one may begin."""
        now = time.monotonic()
        if self._next > now:
            await asyncio.sleep(self._next - now)
        self._next = max(now - _LATE, self._next) + 1 / self.rate
        self._note(time.monotonic())

    def _note(self, now: float) -> None:
        self._times.append(now)
        while self._times[0] <= now - 1:
            self._times.popleft()
        self.begun = max(self.begun, len(self._times))


def rising(most: int) -> Pace:
    """The pace of a first ascent."""
    return Pace(min(most, FIRST_RATE), most)


def approaching(first: float, most: float) -> Pace:
    """The pace towards a limit that is known to be near."""
    return Pace(first, most, _LITTLE_FASTER)


@frozen(kw_only=True)
class Count:
    """A limited rate, counted: how many passed in how many seconds, and how many did not, one of which is ``example``.

    ``before``: how many were begun, more slowly, up to the first that was refused, and how many of those were refused.
    """

    passed: int
    refused: int
    seconds: float
    before: int
    refused_before: int
    example: Attempt


def is_limited(counts: Sequence[Count]) -> bool:
    """Whether as many passed each time, and more were refused than before, more slowly; or than chance explains."""
    passed = [one.passed for one in counts]
    if max(passed) - min(passed) > max(_ALIKE_BY, _ALIKE * max(passed)):
        return False
    usual = wilson(sum(one.refused_before for one in counts), sum(one.before for one in counts), _SURE)[1]
    refused = sum(one.refused for one in counts)
    return wilson(refused, refused + sum(passed), _SURE)[0] > min(usual, _HEAVY)


class Flow:
    """Connections that are opened at a pace and closed at once. ``since``: when one was begun that was refused.

    It becomes faster until then, and is counted from there on, for ``WINDOW`` seconds at that one rate.
    """

    def __init__(self, holding: Holding, pace: Pace) -> None:
        self.pace = pace
        self.done: List[Tuple[float, Attempt]] = []
        self.since = 0.0
        self._holding = holding
        self._under_way: Set[asyncio.Future[None]] = set()
        self._cleared = 0.0

    @property
    def is_counted(self) -> bool:
        """Whether one was refused, and the window from there on is over."""
        return bool(self.since) and time.monotonic() >= self.since + WINDOW

    async def offer(self) -> None:
        """One more, when it is time."""
        if not self.since and self.pace.is_kept:
            self.pace.rise()
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

    async def counted(self) -> Optional[Count]:
        """What became of those in the window; None where none was refused, or too few were begun (who is busy)."""
        if self._under_way:
            await asyncio.wait(set(self._under_way))
        since, until = self.since, self.since + WINDOW
        self.since, self._cleared = 0.0, until
        inside = [one for at, one in self.done if since < at <= until]
        refused = [one for one in inside if not one.held]
        if not refused or len(inside) < _KEPT * self.pace.rate * WINDOW:
            return None
        before = [one for at, one in self.done if at <= since]
        return Count(
            passed=len(inside) - len(refused),
            refused=len(refused),
            seconds=WINDOW,
            before=len(before),
            refused_before=sum(not one.held for one in before),
            example=refused[0],
        )

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
