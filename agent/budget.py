"""What a run may do, counted in one place: connections at once and per second, packets per second, bytes.

Never exceeded, not in the worst case of a fault: a place is taken before a socket is opened and given back when it is
closed, and the time of an opening is taken when the SYN has left, so that the rate holds on the wire and not only here.
"""

import asyncio
import collections
import contextlib
import time
from typing import Counter, Deque, Dict, Iterator, List, Optional, Tuple

from attrs import evolve

from probes.contract import LEAST_BYTES, Budget, spent
from reports.failures import Failed, Failure
from reports.model import Limits, Share

# Descriptors that the run needs beside its connections: standard streams, the loop, name servers, files.
RESERVED_DESCRIPTORS = 32

# What each connection that is to be held may cost beside: it speaks once, and is opened in a few ascents. Of that,
# LEAST_BYTES may wait for it unread.
HELD_BYTES = 3072

# The part of the bytes that is kept for what comes unread: a buffer takes twice of what it is asked to.
_UNREAD = 4
# What a connection takes of that part at least: some of it read after all, some unread.
_LEAST_PART = 2 * LEAST_BYTES

# From this rate on events are also spread inside the second.
_SPREAD_FROM = 20


# What all instances of a job together may do, and no more; of the first ones nobody can have less than one.
COUNTED = ("per_target", "concurrency", "rate", "packet_rate")
_SHARED = (*COUNTED, "bytes_per_target", "bytes")


def scarcest(limits: Limits) -> str:
    """The limit that lets the fewest instances probe at the same time."""
    return min(COUNTED, key=lambda name: getattr(limits, name))


def share_out(limits: Limits, share: Share) -> Tuple[Optional[Limits], str]:
    """One instance's part of the limits, and "". All parts together are the limits exactly.

    Where something allows fewer than there are instances, that many of them probe and share everything; the others get
    None, and the name of what fell short.
    """
    scarce = scarcest(limits)
    probing = min(share.of, getattr(limits, scarce))
    if share.index >= probing:
        return None, scarce
    parts = {}
    for name in _SHARED:
        whole, rest = divmod(getattr(limits, name), probing)
        parts[name] = whole + (share.index < rest)
    return evolve(limits, **parts), ""


class Pace:
    """At most ``rate`` events in any second, spread: at most a tenth of it in any tenth of a second."""

    def __init__(self, rate: int) -> None:
        self._rules = [(1.0, rate)]
        if rate >= _SPREAD_FROM:
            self._rules.append((0.1, rate // 10))
        self._times: Deque[float] = collections.deque(maxlen=rate)
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Return when one more event is allowed; the caller marks it without awaiting anything in between."""
        if not self._turn.locked() and self._pause(time.monotonic()) <= 0:
            return
        async with self._turn:
            pause = self._pause(time.monotonic())
            while pause > 0:
                await asyncio.sleep(pause)
                pause = self._pause(time.monotonic())

    def mark(self) -> None:
        """The event has happened."""
        self._times.append(time.monotonic())

    def _pause(self, now: float) -> float:
        pause = 0.0
        for window, allowed in self._rules:
            if len(self._times) >= allowed:
                pause = max(pause, self._times[-allowed] + window - now)
        return pause


def unread_of(limit: int) -> int:
    """How many bytes a buffer is asked to take, where a connection may cost so many: it takes twice as many."""
    return max(1, (limit // _UNREAD - LEAST_BYTES) // 2)


class RunBudget(Budget):
    """The budget of one run (see reports.model.Limits). ``descriptors``: how many this process may still open."""

    def __init__(self, limits: Limits, descriptors: Optional[int] = None) -> None:
        self._limits = limits
        self._allowed: Dict[str, int] = {}
        self._more_bytes: Counter[str] = collections.Counter()
        at_once = limits.concurrency
        if descriptors is not None:
            at_once = min(at_once, descriptors - RESERVED_DESCRIPTORS)
        # No more than the bytes bear: few of these allow few connections.
        at_once = max(1, min(at_once, limits.bytes // _UNREAD // _LEAST_PART))
        self.concurrency = at_once
        self._per_target = max(1, min(limits.per_target, limits.bytes_per_target // _UNREAD // _LEAST_PART))
        each = min(limits.bytes_per_target // self._per_target, limits.bytes // at_once)
        self.unread = unread_of(each)
        self._free = at_once
        self._connections = Pace(limits.rate)
        self._packets = Pace(limits.packet_rate)
        self._open: Counter[str] = collections.Counter()
        self._bytes: Counter[str] = collections.Counter()
        self._bytes_in_all = 0
        self._waiting: List[Tuple[asyncio.Future[None], Tuple[str, ...]]] = []
        self.closed = False

    async def admit(self, keys: Tuple[str, ...]) -> None:
        """See Budget."""
        self._refuse_when_closed()
        if self._fits(keys):
            self._take(keys)
        else:
            await self._wait_for_place(keys)
        try:
            await self._connections.wait()
            self._refuse_when_closed()
        except BaseException:
            self.release(keys)
            raise

    def opened(self) -> None:
        """See Budget."""
        self._connections.mark()

    def release(self, keys: Tuple[str, ...]) -> None:
        """See Budget."""
        self._free += 1
        for key in keys:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]
        self._hand_on()

    @contextlib.contextmanager
    def holding(self, keys: Tuple[str, ...], connections: int) -> Iterator[None]:
        """See Budget."""
        self._free += connections
        self._allowed.update(dict.fromkeys(keys, connections))
        self._more_bytes[keys[0]] += connections * (HELD_BYTES - LEAST_BYTES)
        try:
            yield
        finally:
            self._free -= connections
            for key in keys:
                del self._allowed[key]

    async def packet(self) -> None:
        """See Budget."""
        await self._packets.wait()
        self._refuse_when_closed()
        self._packets.mark()

    def bears(self, packets: int) -> bool:
        """See Budget."""
        return packets <= self._limits.packet_rate

    def sent(self, packets: int) -> None:
        """See Budget."""
        for _ in range(packets):
            self._packets.mark()

    def spend(self, keys: Tuple[str, ...], count: int) -> None:
        """See Budget."""
        self._bytes_in_all += count
        self._bytes[keys[0]] += count
        if self.left(keys) < 0:
            raise spent()

    def left(self, keys: Tuple[str, ...]) -> int:
        """See Budget. A part of the limits is never read: what a peer sends faster than that comes all the same."""
        limits = self._limits
        in_all, of_target = limits.bytes - self._bytes_in_all, limits.bytes_per_target - self._bytes[keys[0]]
        kept = limits.bytes // _UNREAD, limits.bytes_per_target // _UNREAD
        return min(in_all - kept[0], of_target - kept[1]) + self._more_bytes[keys[0]]

    def close(self) -> None:
        """Nothing more is opened or sent: whoever waits is refused."""
        self.closed = True
        waiting, self._waiting = self._waiting, []
        for future, _ in waiting:
            if not future.done():
                future.set_exception(_ending())

    def _fits(self, keys: Tuple[str, ...]) -> bool:
        if self._free <= 0:
            return False
        for key in keys:  # noqa: SIM110 - thousands of times a run, and a generator costs more than this
            if self._open[key] >= (self._allowed.get(key) or self._per_target):
                return False
        return True

    def _take(self, keys: Tuple[str, ...]) -> None:
        self._free -= 1
        for key in keys:
            self._open[key] += 1

    async def _wait_for_place(self, keys: Tuple[str, ...]) -> None:
        """The place is taken on the waiter's behalf by whoever gives one back."""
        future: asyncio.Future[None] = asyncio.get_event_loop().create_future()
        self._waiting.append((future, keys))
        try:
            await future
        except BaseException:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.release(keys)
            raise

    def _hand_on(self) -> None:
        """Give what is free to the first waiters that it suits."""
        left: List[Tuple[asyncio.Future[None], Tuple[str, ...]]] = []
        for future, keys in self._waiting:
            if future.done():
                continue
            if self._fits(keys):
                self._take(keys)
                future.set_result(None)
            else:
                left.append((future, keys))
        self._waiting = left

    def _refuse_when_closed(self) -> None:
        if self.closed:
            raise _ending()


def _ending() -> Failed:
    return Failed(Failure.INTERRUPTED, "the run is ending")
