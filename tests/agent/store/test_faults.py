"""What a store survives: kill -9, a full disk, a clock that leaps. Real processes, a real file system, libfaketime."""

import asyncio
import json
import os
import resource
import subprocess
import sys
import threading

import pytest

from agent.store import DAY, NAME, AsyncStore, Full, Newer, Store
from tests.agent.store import kills
from tests.agent.store.kills import PROGRAM, ROOT
from tests.agent.store.runs import AT, report
from tests.agent.store.test_store import ILL, WELL, untold

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


def unavailable(reason):
    """Skip; in CI, where everything must be there, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def test_killed_while_it_writes(tmp_path):
    """Nothing of what was acknowledged is lost, in a large file, in one that gives up old runs, in one just begun."""
    done = list(kills.rounds(tmp_path, 15, seed=7))

    assert [wrong for _, wrong in done if wrong] == []
    assert sum(count for count, _ in done) > 50


# --- no room --------------------------------------------------------------------------------------------------------

# A file system of 3 MB, a third of it taken by something that can be deleted.
_SMALL_DISK = """
mount -t tmpfs -o size=3m none "$1" && head -c 1000000 /dev/zero > "$1/ballast" || exit 125
shift; exec "$@"
"""


def no_room(path, ballast, *before):
    """What the process says that writes until there is no room, and then goes on."""
    command = (*before, *PROGRAM, "fill", str(path), str(ballast))
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    if done.returncode == 125:
        unavailable(f"no file system of its own can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_full_disk(tmp_path):
    """Each run that does not fit is refused in words, what was acknowledged stays, and with room it goes on."""
    unshare = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--user", "--map-root-user", "--mount")
    inside = (*unshare, "sh", "-c", _SMALL_DISK, "sh", str(tmp_path))
    found = no_room(tmp_path / NAME, tmp_path / "ballast", *inside)

    assert found["acknowledged"] > 20
    assert found["there"] == found["asked_there"] == found["acknowledged"]
    assert found["more"] == 5
    assert found["after"] == found["acknowledged"] + 5
    assert found["check"] == "ok"
    assert all("history.db: " in words and "room" in words for words in found["refused"])


def test_a_limit_on_the_size_of_files(tmp_path):
    """The same where the kernel refuses a larger file: an error of another kind, and the same answer."""
    path = tmp_path / NAME
    with Store.open(path, tell=untold) as store:
        store.keep(report(WELL))
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
        acknowledged = 1
        try:
            with pytest.raises(Full, match="nothing can be written: is the disk full"):  # noqa: PT012 - some fit
                for number in range(1, 100):
                    store.keep(report(WELL, started=AT + number, ballast=os.urandom(20_000).hex()))
                    acknowledged += 1
            there = len(store.runs("nightly-etl"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert store.keep(report(ILL, started=AT + 100))
        assert acknowledged == there
        assert all(store.report(run.id) for run in store.runs("nightly-etl"))


_READ_ON_A_FULL_DISK = """
mount -t tmpfs -o size=1m none "$1" || exit 125
"$2" -c "
import os, sys
from pathlib import Path
from agent.store import Full, Store
from tests.agent.store.runs import AT, report
path = Path(sys.argv[1], 'history.db')
store = Store.open(path, tell=print)
number = 0
try:
    while True:
        store.keep(report({'mysql': 'healthy'}, started=AT + number, ballast=os.urandom(5000).hex()))
        number += 1
except Full:
    pass
print(number, flush=True)
os._exit(9)
" "$1"
rm "$1/history.db-shm"
cat /dev/zero > "$1/ballast"
"$2" -c "
import sys
from pathlib import Path
from agent.store import Store
with Store.look(Path(sys.argv[1], 'history.db')) as store:
    print(sum(store.report(run.id) is not None for run in store.runs('nightly-etl')))
" "$1"
"""


def test_reading_without_room(tmp_path):
    """Who only asks needs no room, not even for the index beside the file, also of what was only in the log."""
    unshare = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--user", "--map-root-user", "--mount")
    command = (*unshare, "sh", "-c", _READ_ON_A_FULL_DISK, "sh", str(tmp_path), sys.executable)
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    if done.returncode == 125:
        unavailable(f"no file system of its own can be mounted here: {done.stderr.strip()}")
    written, there = done.stdout.split()

    assert int(written) > 10, done.stderr
    assert written == there


# --- the clock ------------------------------------------------------------------------------------------------------


def by_the_clock(tmp_path, *days):
    """A run at each of these times; of each its id, when it began, and which runs were there afterwards."""
    if not os.path.exists(FAKETIME):  # noqa: PTH110
        unavailable("libfaketime is not installed")
    clock = tmp_path / "clock"
    clock.write_text("2027-01-15 08:00:00")
    environment = {
        **os.environ,
        "LD_PRELOAD": FAKETIME,
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "TZ": "UTC",
    }
    command = (*PROGRAM, "clock", str(tmp_path / NAME), str(clock), *map(str, days))
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_clock_that_is_set_back(tmp_path):
    """The order is that of keeping, and nothing is given up."""
    runs = by_the_clock(tmp_path, 0, 0.1, -1, -0.9, -400)
    ids = [run["id"] for run in runs]

    assert [round((run["at"] - AT) / DAY, 1) for run in runs] == [0, 0.1, -1, -0.9, -400]
    assert runs[-1]["kept"] == ids[::-1]


def test_a_clock_that_leaps_forward(tmp_path):
    """A year, and back, and on: it counts as a day each time, and nothing is given up."""
    runs = by_the_clock(tmp_path, 0, 365, 0.1, 365.1, 3650)

    assert runs[-1]["kept"] == [run["id"] for run in runs][::-1]


def test_time_that_passes(tmp_path):
    """Day by day the oldest go after thirty."""
    runs = by_the_clock(tmp_path, *range(40))
    ids = [run["id"] for run in runs]

    assert len(runs[-1]["kept"]) in range(31, 36)
    assert runs[-1]["kept"][:31] == ids[:8:-1]
    assert runs[29]["kept"] == ids[29::-1]


# --- beside an event loop -------------------------------------------------------------------------------------------


async def test_awaited(tmp_path):
    """Many keeps at once, and questions meanwhile: all are kept in order, each answer is of what was acknowledged."""
    store = await AsyncStore.open(tmp_path / NAME, tell=untold)
    done = await asyncio.gather(*(store.keep(report(WELL, started=AT + number)) for number in range(20)))
    again = await store.keep(report(WELL))
    runs = await store.ask(Store.runs, "nightly-etl", most=5)
    several = await store.ask(lambda asked: (len(asked.plans()), asked.last("nightly-etl")))
    await store.close()

    assert done == [True] * 20
    assert not again
    assert [run.started for run in runs] == [AT + 19, AT + 18, AT + 17, AT + 16, AT + 15]
    assert several == (1, report(WELL, started=AT + 19))


async def test_the_loop_goes_on(tmp_path):
    """While another process holds the file, a keep waits and the event loop does not; then it is kept."""
    store = await AsyncStore.open(tmp_path / NAME, tell=untold)
    other = Store.open(tmp_path / NAME, tell=untold)
    other._connection.execute("BEGIN IMMEDIATE")
    keeping = asyncio.create_task(store.keep(report(WELL)))
    turns = 0
    for _ in range(50):
        await asyncio.sleep(0)
        turns += 1
    asked = await store.ask(Store.plans)
    waited = not keeping.done()
    other._connection.execute("ROLLBACK")
    kept = await keeping
    other.close()
    await store.close()

    assert (turns, asked, waited, kept) == (50, [], True, True)


async def test_closing_keeps_what_was_asked_for(tmp_path):
    """Nothing that waits is dropped."""
    store = await AsyncStore.open(tmp_path / NAME, tell=untold)
    waiting = [asyncio.create_task(store.keep(report(WELL, started=AT + number))) for number in range(10)]
    await asyncio.sleep(0)
    await store.close()

    assert await asyncio.gather(*waiting) == [True] * 10
    with Store.look(tmp_path / NAME) as asked:
        assert len(asked.runs("nightly-etl")) == 10
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("store-")]


async def test_a_store_that_cannot_begin(tmp_path):
    """What passes is told and tried again at each run; what somebody must mend is raised."""
    path = tmp_path / NAME
    told = []
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        store = await AsyncStore.open(path, tell=told.append)
        with pytest.raises(Full):
            await store.keep(report(WELL))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    kept = await store.keep(report(WELL))
    await store.close()

    assert kept
    assert len(told) == 1
    assert "is the disk full" in told[0]
    with Store.open(path, tell=untold) as made:
        made._connection.execute("PRAGMA user_version = 99")
    with pytest.raises(Newer):
        await AsyncStore.open(path, tell=untold)


def test_moved_away_while_it_is_open(tmp_path):
    """What is kept afterwards is where everybody looks for it, and not in a file that has no name any more."""
    path = tmp_path / NAME
    with Store.open(path, tell=untold) as store:
        store.keep(report(WELL))
        path.unlink()
        store.keep(report(WELL, started=AT + 1))
        with Store.look(path) as asked:
            assert [run.started for run in asked.runs("nightly-etl")] == [AT + 1]


def test_two_find_the_damage(tmp_path):
    """Who comes second takes the new file that the first has begun, and leaves it where it is."""
    path, told = tmp_path / NAME, []
    with Store.open(path, tell=told.append) as first, Store.open(path, tell=told.append) as second:
        for number in range(100):
            first.keep(report(WELL, started=AT + number, ballast=os.urandom(2000).hex()))
        first._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        for store in (first, second):
            store._connection.execute("PRAGMA shrink_memory")
        content = path.read_bytes()
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (len(content) - 4096))
        for number, store in enumerate((first, second, first), 100):
            assert store.keep(report(WELL, started=AT + number))
        runs = second.runs("nightly-etl")

    assert [run.started for run in runs] == [AT + 102, AT + 101, AT + 100]
    assert len(told) == 1
    assert len(list(tmp_path.glob("history.db.damaged-*"))) == 1


def test_damaged_while_it_is_open(tmp_path):
    """The file is set aside as it is, that is told, and the run is kept in a new one."""
    path, told = tmp_path / NAME, []
    with Store.open(path, tell=told.append) as store:
        for number in range(100):
            store.keep(report(WELL, started=AT + number, ballast=os.urandom(2000).hex()))
        # From the log into the file, and out of this connection's own memory.
        store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        store._connection.execute("PRAGMA shrink_memory")
        content = path.read_bytes()
        path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
        kept = store.keep(report(ILL, started=AT + 100))
        runs = store.runs("nightly-etl")
    (aside,) = tmp_path.glob("history.db.damaged-*")

    assert kept
    assert len(told) == 1
    assert "the file is damaged" in told[0]
    assert [run.started for run in runs] == [AT + 100]
    assert (aside / NAME).read_bytes()[4096:] == b"\xff" * (len(content) - 4096)
