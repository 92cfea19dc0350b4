"""The store by plain calls, for commands and for the threads of served.py."""

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from attrs import frozen

from agent.store import keeping, opening, reading, retention
from agent.store.retention import Retention
from agent.store.rows import packed, plain
from agent.store.trouble import Broken, told
from reports import document
from reports.history import Event, KeptPlan, KeptRun, Outbound, Standing, Strips
from reports.model import Report

P = ParamSpec("P")
T = TypeVar("T")

_ALL = 0.0
_MOST = 1000
_NO_FILE = (0, 0)


@frozen(kw_only=True)
class Size:
    """Bytes of the file (its log of a few MB apart), and how many of them are free for what comes."""

    bytes: int
    free: int


class Store:
    """One connection, for one thread. Every call raises StoreError, and no other exception of the file's."""

    def __init__(self, path: Path, connection: sqlite3.Connection, retention: Retention, tell: opening.Tell) -> None:
        self.path = path
        self.retention = retention
        self._connection = connection
        self._file = opening.identity(path)  # None: in memory
        self._tell = tell

    @classmethod
    def open(cls, path: Path, *, tell: opening.Tell, retention: Retention = Retention()) -> Self:  # noqa: B008 - frozen
        """To keep runs in this file, and to ask. It is made where it is missing, private to its owner.

        ``tell`` gets a sentence where a damaged file was set aside. Raises StoreError.
        """
        return cls(path, opening.for_writing(path, tell), retention, tell)

    @classmethod
    def look(cls, path: Path) -> Self:
        """To ask alone: nothing in the file is changed. Raises StoreError."""
        return cls(path, opening.for_reading(path), Retention(), _silent)

    @classmethod
    def in_memory(cls) -> Self:
        """Gone when it is closed."""
        return cls(Path("memory"), opening.in_memory(), Retention(), _silent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    # --- keeping --------------------------------------------------------------------------------------------------

    def keep(self, report: Report, *, held: Mapping[str, str] | None = None, body: bool = True) -> bool:
        """Keep the report. When this returns it is on the disk; False: a run of this id was there already.

        ``held``: the verdicts in force by target, where the caller does not take every measured one at once; changes
        are told of these, strips of what was measured. ``body``: false keeps what lists need, and not the report.
        """
        text = packed(report) if body else None
        if self._file is not None and opening.identity(self.path) != self._file:
            # Moved away or deleted: what was written to it would be found by nobody.
            self._replace(opening.for_writing, self.path, self._tell)
        try:
            with told(self.path):
                return keeping.insert(self._connection, report, text, held) is not None
        except Broken as wrong:
            self._replace(opening.in_place_of, self.path, self._file, wrong, self._tell)
            with told(self.path):
                return keeping.insert(self._connection, report, text, held) is not None

    def tidy(self) -> bool:
        """Give up a little of what is too old or too much; whether more is left to do. To be called after `keep`."""
        with told(self.path):
            return retention.tidy(self._connection, self.retention)

    # --- asking ---------------------------------------------------------------------------------------------------

    def plans(self) -> list[KeptPlan]:
        """All plans of which runs are kept, by name."""
        return self._asked(reading.plans)

    def runs(self, plan: str, *, since: float = _ALL, most: int = _MOST) -> list[KeptRun]:
        """The plan's runs that began at ``since`` or later, last kept first."""
        return self._asked(reading.runs, plan, since, most)

    def runs_like(self, prefix: str) -> list[KeptRun]:
        """The runs whose id begins like that."""
        return self._asked(reading.runs_like, prefix)

    def text(self, run: str) -> bytes | None:
        """The report of a run as JSON; None where it is not kept (any more)."""
        return self._asked(reading.text, run)

    def report(self, run: str) -> Report | None:
        """The report of a run; None where it is not kept (any more)."""
        text = self.text(run)
        if text is None:
            return None
        try:
            return document.loads(text, f"{self.path}, run {run}")
        except document.DocumentError as error:
            raise Broken(str(error)) from None

    def last(self, plan: str) -> Report | None:
        """The report of the plan's newest run."""
        newest = self.runs(plan, most=1)
        return self.report(newest[0].id) if newest else None

    def turn(self, plan: str, target: str | None = None) -> tuple[KeptRun, KeptRun] | None:
        """The last good and the first bad run, where the plan, or one target of it, last became worse."""
        return self._asked(reading.turn, plan, target)

    def last_good(self, plan: str, target: str | None = None) -> KeptRun | None:
        """The run before the one at which the plan, or the target, last became worse."""
        found = self.turn(plan, target)
        return found[0] if found else None

    def standing(self, plan: str) -> list[Standing]:
        """How each target of the plan's newest run stands, by name."""
        return self._asked(reading.standing, plan)

    def strips(self, plan: str, *, since: float, until: float, most: int = 60) -> Strips:
        """The strips of all targets of a plan: so many buckets or one more at most, of a round width."""
        return self._asked(reading.strips, plan, since, until, most)

    def events(
        self, plan: str | None = None, *, target: str | None = None, since: float = _ALL, most: int = _MOST
    ) -> list[Event]:
        """The changes, last kept first."""
        return self._asked(reading.events, plan, target, since, most)

    def outbound(self, plan: str, *, since: float = _ALL) -> list[Outbound]:
        """The addresses under which the plan's runs went out, last seen first."""
        return self._asked(reading.outbound, plan, since)

    def size(self) -> Size:
        """How large the file is."""
        with told(self.path):
            pages, free, each = retention.pages(self._connection)
            return Size(bytes=pages * each, free=free * each)

    def _replace(self, opened: Callable[P, sqlite3.Connection], *arguments: P.args, **named: P.kwargs) -> None:
        self.close()
        # Until that has worked, each run that is to be kept tries it again.
        self._file = _NO_FILE
        self._connection = opened(*arguments, **named)
        self._file = opening.identity(self.path)

    def _asked(self, query: Callable[..., T], *arguments: str | float | None) -> T:
        with told(self.path):
            try:
                return query(self._connection, *(plain(one) if isinstance(one, str) else one for one in arguments))
            except (TypeError, ValueError, LookupError) as error:  # rows that no store has
                raise Broken(f"{self.path}: what was kept there is damaged: {error}") from error


def _silent(sentence: str) -> None:
    """Nothing that is only read is set aside."""
