"""Whose turn it is with a plan: one run of all of it, or some probes of single targets, never both.

Each of them counts its own budget, and together they may not take more than the plan allows.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """``places``: how many single probes may go at once. A run that waits is let in before probes that come later."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._probes = 0
        self._running = False
        self._waiting: deque[tuple[asyncio.Future[None], bool]] = deque()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Within it a run of the whole plan goes on."""
        await self._take(whole=True)
        try:
            yield
        finally:
            self._running = False
            self._hand_on()

    @asynccontextmanager
    async def probe(self) -> AsyncIterator[None]:
        """Within it a single target is probed."""
        await self._take(whole=False)
        try:
            yield
        finally:
            self._probes -= 1
            self._hand_on()

    def _fits(self, *, whole: bool) -> bool:
        return not self._running and (self._probes == 0 if whole else self._probes < self.places)

    def _enter(self, *, whole: bool) -> None:
        if whole:
            self._running = True
        else:
            self._probes += 1

    async def _take(self, *, whole: bool) -> None:
        if not self._waiting and self._fits(whole=whole):
            self._enter(whole=whole)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, whole))
        try:
            await future
        except BaseException:
            if future.done() and not future.cancelled():
                # The place was given at the same moment.
                if whole:
                    self._running = False
                else:
                    self._probes -= 1
            self._hand_on()
            raise

    def _hand_on(self) -> None:
        while self._waiting:
            future, whole = self._waiting[0]
            if future.done():
                self._waiting.popleft()
            elif self._fits(whole=whole):
                self._waiting.popleft()
                self._enter(whole=whole)
                future.set_result(None)
            else:
                return
