"""What a run may do, counted in one place: connections at once and per second, packets per second, bytes.

Never exceeded, not in the worst case of a fault: a place is taken before a socket is opened and given back when it is
closed; the time of an opening is taken *after* the SYN has left, so that the rate holds on the wire and not only here.
"""

import asyncio
import time
from collections import Counter, deque
from typing import Deque, Optional, Tuple

from probes.network import Budget
from reports.failures import Failed, Failure
from reports.model import Limits

# Descriptors that the run needs beside its connections: standard streams, the loop, name servers, files.
_RESERVED_DESCRIPTORS = 32


class Pace:
    """At most ``rate`` events in any second, spread: at most a tenth of it in any tenth of a second."""

    def __init__(self, rate: int) -> None:
        self._rules = [(1.0, rate)]
        if rate >= 20:
            self._rules.append((0.1, rate // 10))
        self._times: Deque[float] = deque(maxlen=rate)
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Return when one more event is allowed; call ``mark`` before the next wait."""
        while True:
            pause = self._pause(time.monotonic())
            if pause <= 0:
                return
            await asyncio.sleep(pause)

    def mark(self) -> None:
        """The event has happened."""
        self._times.append(time.monotonic())

    def _pause(self, now: float) -> float:
        pause = 0.0
        for window, allowed in self._rules:
            if len(self._times) >= allowed:
                pause = max(pause, self._times[-allowed] + window - now)
        return pause


class RunBudget(Budget):
    """The budget of one run (see reports.model.Limits). ``descriptors``: how many this process may have open."""

    def __init__(self, limits: Limits, descriptors: Optional[int] = None) -> None:
        self._limits = limits
        at_once = limits.concurrency
        if descriptors is not None:
            at_once = max(1, min(at_once, descriptors - _RESERVED_DESCRIPTORS))
        self.concurrency = at_once
        self._free = at_once
        self._connections = Pace(limits.rate)
        self._packets = Pace(limits.packet_rate)
        self._turn = asyncio.Lock()
        self._packet_turn = asyncio.Lock()
        self._open: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._bytes_in_all = 0
        self._released = asyncio.Event()
        self.closed = False

    async def admit(self, keys: Tuple[str, ...]) -> None:
        """See Budget. One waiter at a time looks at the pace, so that the order is fair and the count exact."""
        while not self._fits(keys):
            self._refuse_when_closed()
            self._released.clear()
            await self._released.wait()
        self._free -= 1
        self._open.update(keys)
        try:
            async with self._turn:
                await self._connections.wait()
                self._refuse_when_closed()
                # Marked here and again in ``opened``: between the two the next waiter must already see it.
                self._connections.mark()
        except BaseException:
            self.release(keys)
            raise

    def opened(self) -> None:
        """See Budget: the later time is the one that counts."""
        self._connections.moved()

    def release(self, keys: Tuple[str, ...]) -> None:
        """See Budget."""
        self._free += 1
        self._open.subtract(keys)
        self._released.set()

    async def packet(self) -> None:
        """See Budget."""
        async with self._packet_turn:
            await self._packets.wait()
            self._refuse_when_closed()
            self._packets.mark()

    def spend(self, keys: Tuple[str, ...], count: int) -> None:
        """See Budget."""
        self._bytes_in_all += count
        self._bytes.update(dict.fromkeys(keys[:1], count))
        if self._bytes_in_all > self._limits.bytes or self._bytes[keys[0]] > self._limits.bytes_per_target:
            raise Failed(Failure.BUDGET_SPENT, "the byte budget is spent")

    def close(self) -> None:
        """Nothing more is opened or sent: whoever waits is refused."""
        self.closed = True
        self._released.set()

    def _fits(self, keys: Tuple[str, ...]) -> bool:
        return not self.closed and self._free > 0 and all(self._open[key] < self._limits.per_target for key in keys)

    def _refuse_when_closed(self) -> None:
        if self.closed:
            raise Failed(Failure.INTERRUPTED, "the run is ending")
