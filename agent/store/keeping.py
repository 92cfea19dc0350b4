"""How a run is written: one transaction, of which everything is there afterwards or nothing."""

import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping

from attrs import frozen

from agent.store import age
from agent.store.rows import Look, looks, mask, outbound, plain, united
from agent.store.schema import NONE, NOTABLE, PLAIN
from reports.model import HEALTHY, UNDETERMINED, VERDICTS, Report, Run

_OPEN = VERDICTS.index(UNDETERMINED)
_HOUR = 3600
# An address that so many looks in a row did not show was given up: of a pool of eight, a look at three connections
# misses one for so long once in 3,000.
_FORGOTTEN = 20


@frozen
class _Known:
    """A target as the store knows it."""

    id: int
    slot: int
    address: str
    verdict: int
    cause: str


def insert(
    connection: sqlite3.Connection, report: Report, text: bytes | None, held: Mapping[str, str] | None
) -> int | None:
    """Write the run; its number, or None where a run of that id is kept already.

    ``text``: the packed report, None to keep none. ``held``: the verdicts in force, where others than the measured.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        number = _insert(connection, report, text, held or {})
        connection.execute("ROLLBACK" if number is None else "COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return number


def _insert(connection: sqlite3.Connection, report: Report, text: bytes | None, held: Mapping[str, str]) -> int | None:
    run, name = report.run, plain(report.run.plan.name)
    if connection.execute("SELECT 1 FROM run WHERE id = ?", (plain(run.id),)).fetchone():
        return None
    connection.execute("INSERT OR IGNORE INTO plan (name) VALUES (?)", (name,))
    plan, newest = connection.execute("SELECT id, newest FROM plan WHERE name = ?", (name,)).fetchone()
    found = looks(report)
    known = _targets(connection, plan)
    number = _run(connection, plan, report, NONE if text is None else PLAIN)
    if text is not None:
        connection.execute("INSERT INTO report (run, text) VALUES (?, ?)", (number, text))
    _add_targets(connection, plan, number, run, [look for look in found if look.target not in known], known, held)
    seen = mask({known[look.target].slot: look.verdict for look in found})
    connection.execute("UPDATE run SET seen = ? WHERE number = ?", (zlib.compress(seen), number))
    _add_to_hour(connection, plan, int(run.started // _HOUR), seen)
    notable = _changes(connection, number, run, found, known, held)
    notable |= _settle(connection, plan, number, VERDICTS.index(report.verdict))
    if notable:
        # What it was before the change is asked for together with what it is since.
        connection.execute(
            "UPDATE run SET report = ? WHERE number IN (?, ?) AND report = ?", (NOTABLE, number, newest, PLAIN)
        )
    connection.execute("UPDATE plan SET newest = ? WHERE id = ?", (number, plan))
    for way, addresses in outbound(report).items():
        _add_outbound(connection, plan, run.started, way, addresses)
    return number


def _run(connection: sqlite3.Connection, plan: int, report: Report, has_report: int) -> int:
    run = report.run
    row = (
        plain(run.id),
        plan,
        run.started,
        run.duration_s,
        VERDICTS.index(report.verdict),
        run.partial,
        plain(report.vantage.kind),
        plain(report.vantage.host),
        len(report.targets),
        sum(result.verdict != HEALTHY for result in report.targets),
        has_report,
        age.advance(connection, time.time()),
    )
    inserted = connection.execute(
        "INSERT INTO run (id, plan, started, duration_s, verdict, partial, kind, host, targets, broken, report, aged,"
        " seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')",
        row,
    )
    assert inserted.lastrowid is not None  # noqa: S101 - an INSERT has one
    return inserted.lastrowid


def _targets(connection: sqlite3.Connection, plan: int) -> dict[str, _Known]:
    rows = connection.execute("SELECT name, id, slot, address, verdict, cause FROM target WHERE plan = ?", (plan,))
    return {name: _Known(*rest) for name, *rest in rows}


def _add_targets(
    connection: sqlite3.Connection,
    plan: int,
    number: int,
    run: Run,
    new: list[Look],
    known: dict[str, _Known],
    held: Mapping[str, str],
) -> None:
    """Give each of them a slot, and put it among those that are known."""
    slots = _free({target.slot for target in known.values()})
    for look in new:
        verdict = held.get(look.target, look.verdict)
        slot, cause, rank = next(slots), look.cause if verdict == look.verdict else "", VERDICTS.index(verdict)
        inserted = connection.execute(
            "INSERT INTO target (plan, slot, name, address, verdict, cause, since, run, from_start)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)",
            (plan, slot, look.target, look.address, rank, cause, run.started, number),
        )
        known[look.target] = _Known(inserted.lastrowid or 0, slot, look.address, rank, cause)


def _free(taken: set[int]) -> Iterator[int]:
    slot = 0
    while True:
        if slot not in taken:
            yield slot
        slot += 1


def _changes(
    connection: sqlite3.Connection,
    number: int,
    run: Run,
    found: list[Look],
    known: Mapping[str, _Known],
    held: Mapping[str, str],
) -> bool:
    """Write what changed of the targets; whether anything did."""
    changed = False
    for look in found:
        old = known[look.target]
        verdict = held.get(look.target, look.verdict)
        after = VERDICTS.index(verdict)
        # While another verdict than the measured one is in force, so is the cause that it had.
        cause = look.cause if verdict == look.verdict else old.cause if after == old.verdict else ""
        if (after, cause) != (old.verdict, old.cause):
            changed = True
            connection.execute(
                "INSERT INTO event (run, target, before, after, cause_before, cause) VALUES (?, ?, ?, ?, ?, ?)",
                (number, old.id, old.verdict, after, old.cause, cause),
            )
            connection.execute(
                "UPDATE target SET verdict = ?, cause = ?, since = ?, run = ?, from_start = 0 WHERE id = ?",
                (after, cause, run.started, number, old.id),
            )
        if look.address != old.address:
            connection.execute("UPDATE target SET address = ? WHERE id = ?", (look.address, old.id))
    return changed


def _settle(connection: sqlite3.Connection, plan: int, number: int, verdict: int) -> bool:
    """Remember the newest settled run, and where the plan last became worse; whether it did now."""
    if verdict == _OPEN:
        return False
    before, was = connection.execute("SELECT settled, settled_verdict FROM plan WHERE id = ?", (plan,)).fetchone()
    worse = before is not None and verdict > was
    if worse:
        connection.execute("UPDATE plan SET good = ?, bad = ? WHERE id = ?", (before, number, plan))
        connection.execute("UPDATE run SET report = ? WHERE number = ? AND report = ?", (NOTABLE, before, PLAIN))
    connection.execute("UPDATE plan SET settled = ?, settled_verdict = ? WHERE id = ?", (number, verdict, plan))
    return worse


def _add_to_hour(connection: sqlite3.Connection, plan: int, hour: int, seen: bytes) -> None:
    row = connection.execute("SELECT seen FROM hour WHERE plan = ? AND hour = ?", (plan, hour)).fetchone()
    together = united([seen, row[0]]) if row else seen
    if not row or together != row[0]:
        connection.execute("INSERT OR REPLACE INTO hour (plan, hour, seen) VALUES (?, ?, ?)", (plan, hour, together))


def _add_outbound(connection: sqlite3.Connection, plan: int, at: float, way: str, addresses: tuple[str, ...]) -> None:
    """Extend the time of each address, or begin one; ``look`` counts the looks by this way."""
    last = connection.execute("SELECT max(look) FROM outbound WHERE plan = ? AND way = ?", (plan, way)).fetchone()[0]
    look = (last or 0) + 1
    for address in addresses:
        row = connection.execute(
            "SELECT id FROM outbound WHERE plan = ? AND way = ? AND address = ? AND look > ?",
            (plan, way, address, look - _FORGOTTEN),
        ).fetchone()
        if row:
            connection.execute("UPDATE outbound SET last = ?, look = ? WHERE id = ?", (at, look, row[0]))
        else:
            connection.execute(
                "INSERT INTO outbound (plan, way, address, first, last, look) VALUES (?, ?, ?, ?, ?, ?)",
                (plan, way, address, at, at, look),
            )
