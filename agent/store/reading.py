"""What is asked of a store: runs, reports, strips, changes, outbound addresses. Queries alone."""

import math
import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Iterable

from agent.store.rows import united
from agent.store.schema import NONE
from reports.history import BIT, Event, KeptPlan, KeptRun, Outbound, Standing, Strip, Strips
from reports.model import UNDETERMINED, VERDICTS

# Seconds that a bucket of a strip may last; longer ones are whole days.
_WIDTHS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 28800, 43200, 86400)
_HOUR, _DAY = 3600, 86_400
# More are no prefix, but a wish to see everything.
_MOST_ALIKE = 10

_RUN = (
    "SELECT run.number, run.id, plan.name, started, duration_s, verdict, partial, kind, host, targets, broken, report"
    " FROM run JOIN plan ON plan.id = run.plan "
)


def plans(connection: sqlite3.Connection) -> list[KeptPlan]:
    """All plans of which runs are kept, by name."""
    rows = connection.execute(
        "SELECT plan.name, count(*), min(run.started), max(run.started), plan.newest"
        " FROM run JOIN plan ON plan.id = run.plan GROUP BY plan.id ORDER BY plan.name"
    ).fetchall()
    return [
        KeptPlan(name=name, runs=count, first=first, last=last, newest=_one(connection, newest))
        for name, count, first, last, newest in rows
    ]


def runs(connection: sqlite3.Connection, plan: str, since: float, most: int) -> list[KeptRun]:
    """The runs of a plan that began at ``since`` or later, last kept first."""
    rows = connection.execute(
        _RUN + "WHERE plan.name = ? AND started >= ? ORDER BY run.number DESC LIMIT ?", (plan, since, most)
    )
    return [_kept_run(row) for row in rows]


def runs_like(connection: sqlite3.Connection, prefix: str) -> list[KeptRun]:
    """The runs whose id begins like that; a few of them, where they are many."""
    like = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    rows = connection.execute(_RUN + "WHERE run.id LIKE ? ESCAPE '\\' ORDER BY run.number LIMIT ?", (like, _MOST_ALIKE))
    return [_kept_run(row) for row in rows]


def text(connection: sqlite3.Connection, run: str) -> bytes | None:
    """The report's JSON; None where it, or the run, is not kept (any more)."""
    row = connection.execute(
        "SELECT report.text FROM report JOIN run ON run.number = report.run WHERE run.id = ?", (run,)
    ).fetchone()
    return zlib.decompress(row[0]) if row else None


def standing(connection: sqlite3.Connection, plan: str) -> list[Standing]:
    """How each target of the newest run stands, by name."""
    row = connection.execute(
        "SELECT plan.id, run.seen FROM plan JOIN run ON run.number = plan.newest WHERE plan.name = ?", (plan,)
    ).fetchone()
    if row is None:
        return []
    seen = zlib.decompress(row[1])
    rows = connection.execute(
        "SELECT slot, name, address, target.verdict, cause, since, run.id, from_start"
        " FROM target LEFT JOIN run ON run.number = target.run WHERE target.plan = ? ORDER BY name",
        (row[0],),
    )
    return [
        Standing(
            target=name,
            address=address,
            verdict=VERDICTS[verdict],
            cause=cause,
            since=since,
            run=run,
            from_start=bool(from_start),
        )
        for slot, name, address, verdict, cause, since, run, from_start in rows
        if slot < len(seen) and seen[slot]
    ]


def events(
    connection: sqlite3.Connection, plan: str | None, target: str | None, since: float, most: int
) -> list[Event]:
    """The changes in runs that began at ``since`` or later, last kept first; of all plans, or targets, where None."""
    rows = connection.execute(
        "SELECT run.started, run.id, plan.name, target.name, before, after, cause_before, event.cause"
        " FROM event JOIN run ON run.number = event.run JOIN target ON target.id = event.target"
        " JOIN plan ON plan.id = target.plan"
        " WHERE (?1 IS NULL OR plan.name = ?1) AND (?2 IS NULL OR target.name = ?2) AND run.started >= ?3"
        " ORDER BY event.id DESC LIMIT ?4",
        (plan, target, since, most),
    )
    return [
        Event(
            at=at,
            run=run,
            plan=of,
            target=name,
            before=VERDICTS[before],
            after=VERDICTS[after],
            cause_before=cause_before,
            cause=cause,
        )
        for at, run, of, name, before, after, cause_before, cause in rows
    ]


def outbound(connection: sqlite3.Connection, plan: str, since: float) -> list[Outbound]:
    """The addresses under which the plan's runs went out, that were seen at ``since`` or later; last seen first."""
    rows = connection.execute(
        "SELECT way, address, first, last FROM outbound JOIN plan ON plan.id = outbound.plan"
        " WHERE plan.name = ? AND last >= ? ORDER BY last DESC, outbound.id",
        (plan, since),
    )
    return [Outbound(way=way, address=address, first=first, last=last) for way, address, first, last in rows]


def strips(connection: sqlite3.Connection, plan: str, since: float, until: float, most: int) -> Strips:
    """The strips of the plan's targets, by name: buckets of a round width, at round times; ``most``, or one more.

    From an hour a bucket on they are made of the hours; below, of the runs themselves.
    """
    width = _width(until - since, most)
    first, last = int(since // width), math.ceil(until / width)
    gather = _hours if width >= _HOUR else _runs
    columns = gather(connection, plan, first, last, width)
    buckets = [columns.get(place, b"") for place in range(first, last)]
    rows = connection.execute(
        "SELECT target.name, slot FROM target JOIN plan ON plan.id = target.plan WHERE plan.name = ?"
        " ORDER BY target.name",
        (plan,),
    ).fetchall()
    length = max((slot for _, slot in rows), default=-1) + 1
    padded = [bucket.ljust(length, b"\0") for bucket in buckets]
    table = [bytes(cells) for cells in zip(*padded, strict=True)] if padded else []
    return Strips(
        since=float(first * width),
        width_s=width,
        rows=tuple(Strip(target=name, cells=table[slot]) for name, slot in rows if any(table[slot])),
    )


def turn(connection: sqlite3.Connection, plan: str, target: str | None) -> tuple[KeptRun, KeptRun] | None:
    """Where the plan (or one target of it) last became worse: the last run before that, and the first one of it.

    None where it never did. What was not settled counts as neither.
    """
    if target is None:
        row = connection.execute("SELECT good, bad FROM plan WHERE name = ? AND bad IS NOT NULL", (plan,)).fetchone()
        return (_one(connection, row[0]), _one(connection, row[1])) if row else None
    row = connection.execute(
        "SELECT plan.id, slot FROM target JOIN plan ON plan.id = target.plan WHERE plan.name = ? AND target.name = ?",
        (plan, target),
    ).fetchone()
    if row is None:
        return None
    rows = connection.execute("SELECT number, seen FROM run WHERE plan = ? ORDER BY number DESC", row[:1])
    found = _worsened(rows, row[1])
    return (_one(connection, found[0]), _one(connection, found[1])) if found else None


def _worsened(rows: Iterable[tuple[int, bytes]], slot: int) -> tuple[int, int] | None:
    """Of runs, newest first, the newest two of which the later one found the slot worse than the earlier one did."""
    later: tuple[int, int] | None = None
    for number, packed in rows:
        seen = zlib.decompress(packed)
        bit = seen[slot] if slot < len(seen) else 0
        if bit in (0, BIT[UNDETERMINED]):
            continue
        if later is not None and bit < later[1]:
            return number, later[0]
        later = number, bit
    return None


def _hours(connection: sqlite3.Connection, plan: str, first: int, last: int, width: int) -> dict[int, bytes]:
    """What was seen in each bucket, of the hours in it."""
    each = width // _HOUR
    rows = connection.execute(
        "SELECT hour, seen FROM hour JOIN plan ON plan.id = hour.plan WHERE plan.name = ? AND hour >= ? AND hour < ?",
        (plan, first * each, last * each),
    )
    found: dict[int, list[bytes]] = defaultdict(list)
    for hour, seen in rows:
        found[hour // each].append(seen)
    return {bucket: united(lines) for bucket, lines in found.items()}


def _runs(connection: sqlite3.Connection, plan: str, first: int, last: int, width: int) -> dict[int, bytes]:
    """The same of the single runs."""
    rows = connection.execute(
        "SELECT started, seen FROM run JOIN plan ON plan.id = run.plan"
        " WHERE plan.name = ? AND started >= ? AND started < ?",
        (plan, first * width, last * width),
    )
    found: dict[int, list[bytes]] = defaultdict(list)
    for started, seen in rows:
        found[int(started // width)].append(zlib.decompress(seen))
    return {bucket: united(lines) for bucket, lines in found.items()}


def _width(span: float, most: int) -> int:
    """The narrowest round width of which ``most`` buckets are as long as the span."""
    least = span / most
    for width in _WIDTHS:
        if width >= least:
            return width
    return math.ceil(least / _DAY) * _DAY


def _one(connection: sqlite3.Connection, number: int) -> KeptRun:
    return _kept_run(connection.execute(_RUN + "WHERE run.number = ?", (number,)).fetchone())


def _kept_run(row: tuple[int, str, str, float, float, int, int, str, str, int, int, int]) -> KeptRun:
    number, id_, plan, started, duration_s, verdict, partial, kind, host, targets, broken, report = row
    return KeptRun(
        number=number,
        id=id_,
        plan=plan,
        started=started,
        duration_s=duration_s,
        verdict=VERDICTS[verdict],
        partial=bool(partial),
        kind=kind,
        host=host,
        targets=targets,
        broken=broken,
        has_report=report != NONE,
    )
