"""Keeps runs in the store, one after the other, beside whatever goes on: a slow disk delays no run."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from agent.schedule.log import Log
from agent.store import AsyncStore, StoreError
from reports.model import Report

# Runs that wait to be kept; more are given up, and counted.
_MOST_WAITING = 64
# Seconds that the end of the process gives to what still waits.
_PATIENCE = 5.0


class Keeper:
    """``lost``: runs that could not be kept. ``trouble``: what the store said last, "" since it works again."""

    def __init__(self, store: AsyncStore, log: Log) -> None:
        self._store = store
        self._log = log
        self._waiting: asyncio.Queue[tuple[Report, Mapping[str, str]]] = asyncio.Queue(_MOST_WAITING)
        self.lost = 0
        self.trouble = ""

    def take(self, report: Report, held: Mapping[str, str]) -> None:
        """Have it kept soon. ``held``: the verdicts in force."""
        try:
            self._waiting.put_nowait((report, held))
        except asyncio.QueueFull:
            self._failed(f"{self._store.path}: the disk is too slow: {_MOST_WAITING} runs wait to be kept")

    async def work(self) -> None:
        """Until it is cancelled."""
        while True:
            report, held = await self._waiting.get()
            try:
                await self._store.keep(report, held=held)
                if self.trouble:
                    self._log("runs are kept again", lost=self.lost)
                self.trouble = ""
            except StoreError as wrong:
                self._failed(str(wrong))
            except Exception as wrong:  # noqa: BLE001 - whatever it is, the next run is tried all the same
                self._failed(f"{self._store.path}: {wrong!r}")
            finally:
                self._waiting.task_done()

    async def rest(self) -> None:
        """Wait for what still waits, but not for long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._waiting.join()

    def _failed(self, words: str) -> None:
        self.lost += 1
        if words != self.trouble:
            self._log("a run is not kept", level="error", reason=words)
        self.trouble = words
