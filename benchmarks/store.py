"""The history: what a run takes to keep, on the disk and of the event loop; how fast a month of strips is there.

Of a file on this machine's disk; the time of a keep is mostly that of its fsync.
"""

import asyncio
import gc
import random
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve

from agent.store import NAME, AsyncStore, Store
from agent.store.rows import mask
from agent.store.schema import NONE
from benchmarks.diagnose import observed
from benchmarks.measure import Result
from reports.diagnose import conclude
from reports.document import dumps
from reports.history import BIT
from reports.model import FAILING, HEALTHY, Report, Run, Vantage, content_id

_SIZES = (6, 100, 1000)
_KEEPS = 40
_MONTH, _TARGETS, _CELLS = 30 * 86_400, 2000, 60
_GOAL_STRIPS_S = 0.2
_VANTAGE = Vantage(kind="host", host="duty-1", addresses=("10.0.0.2/8%eth0",))


def run() -> Iterator[Result]:
    """See the module."""
    for count in _SIZES:
        yield from _keeping(count)
    yield from _lag(_SIZES[-1])
    yield from _strips()


def reports(count: int, runs: int, every: float = 60.0) -> Iterator[Report]:
    """Runs of one plan of so many targets, one of which is silent; no two measure the same times."""
    plan, seen = observed(count, lambda index: index == 2)
    chosen = random.Random(1)
    for number in range(runs):
        started = 1e9 + number * every
        now = [
            evolve(
                one,
                started=started + index / 1e3,
                duration_s=round(chosen.expovariate(1e3), 6),
                facts={**one.facts, "rtt_s": round(chosen.expovariate(1e3), 6)},
            )
            for index, one in enumerate(seen)
        ]
        id_ = content_id("r-", plan.name, started)
        yield conclude(Run(id=id_, started=started, duration_s=3.0, linkdoctor="", plan=plan), _VANTAGE, now)


def _keeping(count: int) -> Iterator[Result]:
    given = list(reports(count, _KEEPS))
    text = len(dumps(given[0], lines=True))
    with TemporaryDirectory(dir=".") as folder, Store.open(Path(folder, NAME), tell=print) as store:
        store.keep(given[0])
        begun, size = time.perf_counter(), _used(store)
        for report in given[1:]:
            store.keep(report)
        taken = (time.perf_counter() - begun) / (_KEEPS - 1)
        each = (_used(store) - size) / (_KEEPS - 1)
    yield Result(
        what=f"a run of {count:,} targets kept: ms",
        measured=taken * 1e3,
        detail=f"{1 / taken:.0f} a second; {each / 1000:.1f} kB each, of {text / 1000:.0f} kB of JSON",
    )


def _used(store: Store) -> int:
    size = store.size()
    return size.bytes - size.free


def _lag(count: int) -> Iterator[Result]:
    """How late an event loop comes at worst while runs are kept beside it."""

    async def measure(given: Sequence[Report]) -> float:
        worst, done = 0.0, False

        async def watch() -> None:
            nonlocal worst
            while not done:
                begun = time.perf_counter()
                await asyncio.sleep(0.001)
                worst = max(worst, time.perf_counter() - begun - 0.001)

        with TemporaryDirectory(dir=".") as folder:
            store = await AsyncStore.open(Path(folder, NAME), tell=print)
            watcher = asyncio.create_task(watch())
            for report in given:
                await store.keep(report)
            done = True
            await watcher
            await store.close()
        return worst

    given = list(reports(count, _KEEPS))
    # Nobody else holds so many: looking through them for garbage would be measured instead.
    gc.freeze()
    try:
        worst = asyncio.run(measure(given))
    finally:
        gc.unfreeze()
    yield Result(what=f"event loop beside {_KEEPS} such keeps: ms late at worst", measured=worst * 1e3)


def _strips() -> Iterator[Result]:
    """A month of a run a minute: the rows are written as keep() writes them, without their reports."""
    with TemporaryDirectory(dir=".") as folder, Store.open(Path(folder, NAME), tell=print) as store:
        (first,) = reports(_TARGETS, 1)
        store.keep(first)
        began, size = first.run.started, _used(store)
        _month(store, began)
        begun = time.perf_counter()
        store.close()
        with Store.look(Path(folder, NAME)) as asked:
            found = asked.strips(first.run.plan.name, since=began, until=began + _MONTH, most=_CELLS)
            taken = time.perf_counter() - begun
            runs = asked.plans()[0].runs
            grown = _used(asked) - size
        assert len(found.rows) == _TARGETS
    yield Result(
        what=f"strips of {_TARGETS:,} targets over 30 days: s",
        measured=taken,
        goal=_GOAL_STRIPS_S,
        detail=f"{runs:,} runs, {grown / 1e6:.0f} MB without their reports",
    )


def _month(store: Store, began: float) -> None:
    chosen = random.Random(2)
    connection = store._connection  # noqa: SLF001 - keep() would take half an hour
    connection.execute("BEGIN")
    for minute in range(60, _MONTH, 60):
        seen = dict.fromkeys(range(_TARGETS), HEALTHY)
        seen.update(dict.fromkeys(chosen.sample(range(_TARGETS), 5), FAILING))
        row = mask(seen)
        connection.execute(
            "INSERT INTO run (id, plan, started, duration_s, verdict, partial, kind, host, targets, broken, report,"
            " aged, seen) VALUES (?, 1, ?, 3, 3, 0, 'host', 'duty-1', ?, 5, ?, ?, ?)",
            (f"r-{minute:012}", began + minute, _TARGETS, NONE, float(minute), zlib.compress(row)),
        )
        if minute % 3600 == 0:
            hour = bytes(byte | BIT[HEALTHY] for byte in row)
            connection.execute("INSERT OR REPLACE INTO hour VALUES (1, ?, ?)", (int((began + minute) // 3600), hour))
    connection.execute("COMMIT")
