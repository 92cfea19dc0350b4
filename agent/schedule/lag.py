"""How late the event loop comes: this process's own health, and nobody else's fault."""

import asyncio
import time
from collections import deque

_EVERY = 0.25
# The worst of the last minute is told.
_BUCKETS = 60


class Lag:
    """Watches the loop that it is started in."""

    def __init__(self) -> None:
        self._worst: deque[float] = deque([0.0], maxlen=_BUCKETS)
        self._second = 0

    @property
    def lately(self) -> float:
        """Seconds, at worst, in the last minute."""
        return max(self._worst)

    async def watch(self) -> None:
        """Until it is cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_EVERY)
            now = time.monotonic()
            self._note(now, max(0.0, now - before - _EVERY))

    def _note(self, now: float, lag: float) -> None:
        # Each second has its place; those that nobody saw were lag themselves.
        if int(now) != self._second:
            self._second = int(now)
            self._worst.append(lag)
        elif lag > self._worst[-1]:
            self._worst[-1] = lag
