"""The store for an event loop: the same calls, awaited, on threads of their own."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from agent.store.opening import Tell
from agent.store.plain import Store
from agent.store.retention import Retention
from agent.store.trouble import Busy, Full, StoreError
from reports.model import Report

P = ParamSpec("P")
T = TypeVar("T")

# What passes by itself: a run is not kept, the next one may be.
PASSING = (Full, Busy)


class AsyncStore:
    """Keeps runs one after the other on one thread, and answers on another, from what is on the disk.

    ``tell`` gets sentences for a log, from any thread.
    """

    def __init__(self, path: Path, retention: Retention, tell: Tell) -> None:
        self.path = path
        self._retention = retention
        self._tell = tell
        self._store: Store | None = None  # of the writing thread
        self._writing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-keep")
        self._asking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-ask")
        self._closing = False

    @classmethod
    async def open(cls, path: Path, *, tell: Tell, retention: Retention = Retention()) -> Self:  # noqa: B008 - frozen
        """Raises StoreError for what somebody must mend first; what passes by itself is told, and tried again."""
        made = cls(path, retention, tell)
        try:
            await made._write(made._opened)
        except PASSING as wrong:
            tell(str(wrong))
        except BaseException:
            await made.close()
            raise
        return made

    async def close(self) -> None:
        """Keep what was asked to be kept, and give the file back."""
        self._closing = True
        await self._write(self._closed)
        await asyncio.to_thread(self._writing.shutdown)
        await asyncio.to_thread(self._asking.shutdown)

    async def keep(self, report: Report, *, held: Mapping[str, str] | None = None) -> bool:
        """Keep the report: it is on the disk when this returns. See Store.keep.

        Raises StoreError, and then nothing of it is kept; what was kept before can be read, and the next may succeed.
        """
        return await self._write(partial(self._kept, report, held))

    async def ask(self, question: Callable[Concatenate[Store, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Ask what Store can be asked: ``await store.ask(Store.runs, plan, most=50)``. Raises StoreError.

        A function of a Store asks several things at once.
        """

        def answer() -> T:
            # Opened anew each time: a damaged file may have been set aside meanwhile, and it takes a millisecond.
            with Store.look(self.path) as store:
                return question(store, *arguments, **named)

        return await asyncio.get_running_loop().run_in_executor(self._asking, answer)

    # --- threads --------------------------------------------------------------------------------------------------

    async def _write(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writing, work)

    def _opened(self) -> Store:
        if self._store is None:
            self._store = Store.open(self.path, tell=self._tell, retention=self._retention)
        return self._store

    def _closed(self) -> None:
        if self._store is not None:
            self._store.close()

    def _kept(self, report: Report, held: Mapping[str, str] | None) -> bool:
        kept = self._opened().keep(report, held=held)
        # Acknowledged first, tidied afterwards.
        self._writing.submit(self._tidied)
        return kept

    def _tidied(self) -> None:
        if self._store is None or self._closing:
            return
        try:
            more = self._store.tidy()
        except StoreError as wrong:
            self._tell(str(wrong))
            return
        if more:
            # Behind whatever is to be kept by now.
            self._writing.submit(self._tidied)
