"""What is given up, by age and by size: a little after each run that is kept, and never much at once.

By age: whole runs. By size, until the file is small enough: first the reports of runs in which nothing changed, then
those of the others, oldest first, and only then whole runs; a run without its report still stands in lists, strips and
changes. Of each plan these stay as long as they are that: the newest run, the one at which it last became worse, and
the one before.
"""

import sqlite3
from collections.abc import Sequence

from attrs import frozen

from agent.store import age
from agent.store.rows import united
from agent.store.schema import NONE, NOTABLE, PLAIN

DAY = 86_400.0

# Rows that one step gives up, and pages that it gives back to the file's system. A run that is kept is one row.
_ROWS = 16
_PAGES = 256
# So many free pages are left for what comes next.
_RESERVE = 1024


@frozen(kw_only=True)
class Retention:
    """``age_s``: seconds for which runs are kept; ``size``: bytes of the file, its log of a few MB apart."""

    age_s: float = 30 * DAY
    size: int = 1 << 30


def tidy(connection: sqlite3.Connection, retention: Retention) -> bool:
    """One step; whether there is more to do at once."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        more = _by_age(connection, retention.age_s) or _by_size(connection, retention.size)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return _shrink(connection, retention.size) or more


def _by_age(connection: sqlite3.Connection, age_s: float) -> bool:
    horizon = age.now(connection) - age_s
    oldest = connection.execute(
        "SELECT number, aged FROM run WHERE number NOT IN pinned ORDER BY number LIMIT ?", (_ROWS,)
    ).fetchall()
    old = [number for number, aged in oldest if aged < horizon]
    _forget(connection, old)
    return len(old) == _ROWS


def _by_size(connection: sqlite3.Connection, size: int) -> bool:
    for _ in range(_ROWS):
        if _used(connection) <= size:
            return False
        if not _give_up(connection):
            return False
    return True


def _give_up(connection: sqlite3.Connection) -> bool:
    """Give up the least important: a report, or else a run. Whether there was anything."""
    for kind in (PLAIN, NOTABLE):
        row = connection.execute(
            "SELECT number FROM run WHERE report = ? AND number NOT IN pinned ORDER BY number LIMIT 1", (kind,)
        ).fetchone()
        if row:
            connection.execute("DELETE FROM report WHERE run = ?", row)
            connection.execute("UPDATE run SET report = ? WHERE number = ?", (NONE, *row))
            return True
    row = connection.execute("SELECT number FROM run WHERE number NOT IN pinned ORDER BY number LIMIT 1").fetchone()
    if row:
        _forget(connection, row)
    return bool(row)


def _forget(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Whole runs: their reports, events, and hours of which no run is left."""
    for number in numbers:
        plan, started = connection.execute("SELECT plan, started FROM run WHERE number = ?", (number,)).fetchone()
        connection.execute("DELETE FROM report WHERE run = ?", (number,))
        connection.execute("DELETE FROM event WHERE run = ?", (number,))
        connection.execute("DELETE FROM run WHERE number = ?", (number,))
        hour = int(started // 3600)
        left = connection.execute(
            "SELECT 1 FROM run WHERE plan = ? AND started >= ? AND started < ? LIMIT 1",
            (plan, hour * 3600, (hour + 1) * 3600),
        ).fetchone()
        if not left:
            connection.execute("DELETE FROM hour WHERE plan = ? AND hour = ?", (plan, hour))
            _forget_targets(connection, plan)


def _forget_targets(connection: sqlite3.Connection, plan: int) -> None:
    """Those that no hour shows any more, so that their slots are free again; and outbound addresses as old."""
    rows = connection.execute("SELECT seen FROM hour WHERE plan = ?", (plan,)).fetchall()
    alive = united(seen for (seen,) in rows)
    targets = connection.execute("SELECT id, slot FROM target WHERE plan = ?", (plan,)).fetchall()
    for target, slot in targets:
        if slot >= len(alive) or not alive[slot]:
            connection.execute("DELETE FROM event WHERE target = ?", (target,))
            connection.execute("DELETE FROM target WHERE id = ?", (target,))
    connection.execute(
        "DELETE FROM outbound WHERE plan = ? AND last < (SELECT min(started) FROM run WHERE plan = ?)", (plan, plan)
    )


def _used(connection: sqlite3.Connection) -> int:
    count, free, each = pages(connection)
    return (count - free) * each


def pages(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Of the file: its pages, those that are free, the bytes of one."""
    count, free, each = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return count, free, each


def _shrink(connection: sqlite3.Connection, size: int) -> bool:
    """Give some free pages back where they are many, or the file is too large; whether there are more."""
    count, free, each = pages(connection)
    if free <= _RESERVE or (count * each <= size and free <= count // 4):
        return False
    # Each page is a row of its own: only reading them all does it.
    connection.execute(f"PRAGMA incremental_vacuum({min(_PAGES, free - _RESERVE)})").fetchall()
    return 0 < free - pages(connection)[1] < free - _RESERVE
