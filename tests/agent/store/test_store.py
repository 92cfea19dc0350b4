"""Runs that are kept in a store: what is asked of it afterwards, and what it gives up."""

import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.store import DAY, NAME, Broken, Foreign, Newer, Retention, Store, Unusable, opening, schema
from agent.store.rows import plain
from reports.history import BIT, LETTERS
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED, VERDICTS
from tests.agent.store.runs import AT, report
from tests.reports import samples
from tests.reports.strategies import reports

OLD, NEW = "203.0.113.7", "203.0.113.8"
WELL = {"metastore": HEALTHY, "mysql": HEALTHY}
ILL = {"metastore": FAILING, "mysql": HEALTHY}


def untold(sentence):
    """Nothing is to be told."""
    pytest.fail(sentence)


@pytest.fixture
def path(tmp_path):
    """Where a store is to be."""
    return tmp_path / "state" / NAME


@pytest.fixture
def store(path):
    """A new store."""
    with Store.open(path, tell=untold) as made:
        yield made


def kept(store, *reports, **options):
    """Keep them; their run ids."""
    for one in reports:
        assert store.keep(one, **options)
    return [one.run.id for one in reports]


# --- runs and reports -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", samples.ALL.values(), ids=samples.ALL)
def test_a_report_comes_back_as_it_was(path, make):
    """Whatever is in it, from another connection, after the first is closed."""
    given = make()
    with Store.open(path, tell=untold) as store:
        store.keep(given)
    with Store.look(path) as asked:
        found = asked.report(given.run.id)
        (run,) = asked.runs(given.run.plan.name)

    assert given == found
    assert (given.run.id, given.verdict, given.run.partial, given.vantage.kind, given.vantage.host) == (
        run.id,
        run.verdict,
        run.partial,
        run.kind,
        run.host,
    )
    assert (len(given.targets), sum(one.verdict != HEALTHY for one in given.targets)) == (run.targets, run.broken)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(reports, reports)
def test_any_report(one, other):
    """Whatever it says can be kept, and comes back; all questions have an answer."""
    with Store.in_memory() as store:
        given = {run.run.id: run for run in (other, one) if store.keep(run)}
        plans = [plan.name for plan in store.plans()]
        for plan in plans:
            store.strips(plan, since=0.0, until=AT, most=60)
            store.events(plan)
            store.outbound(plan)
            store.turn(plan)
            assert {standing.target for standing in store.standing(plan)} <= {
                plain(result.name) for run in given.values() for result in run.targets
            }
        assert {plain(run.run.plan.name) for run in given.values()} == set(plans)
        assert {id_: store.report(id_) for id_ in given} == given


def test_runs_stand_in_the_order_in_which_they_were_kept(store):
    """A clock that was set back does not move them; a list since a moment goes by the clock."""
    ids = kept(store, *(report(WELL, started=AT + offset) for offset in (0, 60, -DAY, -DAY + 60)))

    assert [run.id for run in store.runs("nightly-etl")] == ids[::-1]
    assert [run.id for run in store.runs("nightly-etl", since=AT)] == [ids[1], ids[0]]
    assert [run.id for run in store.runs("nightly-etl", most=1)] == [ids[3]]
    assert store.last("nightly-etl") == report(WELL, started=AT - DAY + 60)
    assert store.last("another") is None


def test_a_run_is_kept_once(store):
    """The second time nothing changes, and that is said."""
    assert store.keep(report(WELL, outbound=[OLD]))
    assert not store.keep(report(WELL, outbound=[OLD]))

    assert len(store.runs("nightly-etl")) == 1
    assert len(store.outbound("nightly-etl")) == 1


def test_plans_are_apart(store):
    """Each with its number of runs, its time and its newest run; targets of one name are two."""
    kept(store, report(WELL), report(ILL, started=AT + 60), report({"mysql": HEALTHY}, plan="other"))

    assert [(one.name, one.runs, one.first, one.last, one.newest.verdict) for one in store.plans()] == [
        ("nightly-etl", 2, AT, AT + 60, FAILING),
        ("other", 1, AT, AT, HEALTHY),
    ]
    assert [one.target for one in store.standing("other")] == ["mysql"]


def test_a_run_is_found_by_the_beginning_of_its_id(store):
    """Signs of a pattern are letters like others."""
    first, second = kept(store, report(WELL), report(WELL, started=AT + 1))

    assert [run.id for run in store.runs_like(first)] == [first]
    assert {run.id for run in store.runs_like("r-")} == {first, second}
    assert store.runs_like("r_") == store.runs_like("%") == store.runs_like("r-\\") == []
    assert store.report("r-none") is None


# --- changes --------------------------------------------------------------------------------------------------------


def changes(store, **options):
    """The changes in short, oldest first."""
    return [
        (one.at - AT, one.target, one.before, one.after, one.cause_before, one.cause)
        for one in reversed(store.events("nightly-etl", **options))
    ]


def test_a_change_is_an_event(store):
    """Of the verdict, and of the cause of what stays wrong; not what is as it was, nor what is new."""
    kept(
        store,
        report(ILL),
        report(ILL, started=AT + 60),
        report(ILL, started=AT + 120, causes={"metastore": "host_down"}),
        report(WELL, started=AT + 180),
        report(ILL | {"new": FAILING}, started=AT + 240),
    )

    assert changes(store) == [
        (120, "metastore", FAILING, FAILING, "sg_drop", "host_down"),
        (180, "metastore", FAILING, HEALTHY, "host_down", ""),
        (240, "metastore", HEALTHY, FAILING, "", "sg_drop"),
    ]
    assert changes(store, since=AT + 200) == changes(store)[2:]
    assert changes(store, most=1) == changes(store)[2:]
    assert changes(store, target="mysql") == []


def test_how_targets_stand(store):
    """Since when, since which run, and whether that is only since the first one; what left the plan is not told."""
    ids = kept(store, report(ILL | {"gone": FAILING}), report(ILL, started=AT + 60), report(WELL, started=AT + 120))

    assert [
        (one.target, one.address, one.verdict, one.cause, one.since - AT, one.run, one.from_start)
        for one in store.standing("nightly-etl")
    ] == [
        ("metastore", "metastore.example:9083", HEALTHY, "", 120, ids[2], False),
        ("mysql", "mysql.example:9083", HEALTHY, "", 0, ids[0], True),
    ]


def test_verdicts_that_the_caller_holds(store):
    """Changes tell of the verdict in force, with the cause that goes with it; the strip shows what was measured."""
    kept(store, report(WELL))
    kept(store, report(ILL, started=AT + 60), held={"metastore": HEALTHY})
    kept(store, report(ILL, started=AT + 120), held={"metastore": FAILING})
    kept(store, report(WELL, started=AT + 180), held={"metastore": FAILING})

    assert changes(store) == [(120, "metastore", HEALTHY, FAILING, "", "sg_drop")]
    assert store.standing("nightly-etl")[0].cause == "sg_drop"
    assert strip(store, "metastore", AT, AT + 240, 10) == "hffh"


def test_a_first_run_that_does_not_count(store):
    """What it measured is in its strip alone: it was never in force."""
    kept(store, report(ILL), held={"metastore": UNDETERMINED})
    first = store.standing("nightly-etl")[0]
    assert (first.verdict, first.cause) == (UNDETERMINED, "")

    kept(store, report(WELL, started=AT + 60), held={"metastore": HEALTHY})

    assert changes(store) == [(60, "metastore", UNDETERMINED, HEALTHY, "", "")]
    assert strip(store, "metastore", AT, AT + 120, 10) == "fh"


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ("hhff", (1, 2)),
        ("hhfhf", (3, 4)),
        ("hfh", (0, 1)),
        ("hdf", (1, 2)),
        ("huf", (0, 2)),
        ("hufh", (0, 2)),
        ("fffh", None),
        ("hhuh", None),
        ("fdhd", (2, 3)),
    ],
)
def test_where_it_became_worse(store, verdicts, expected):
    """The last good run and the first bad one, of the plan as of its only target; what was not settled is neither."""
    words = {word[0]: word for word in VERDICTS}
    ids = kept(store, *(report({"mysql": words[sign]}, started=AT + n) for n, sign in enumerate(verdicts)))

    for target in (None, "mysql"):
        turn = store.turn("nightly-etl", target)
        assert (turn and tuple(ids.index(run.id) for run in turn)) == expected
        good = store.last_good("nightly-etl", target)
        assert (good and ids.index(good.id)) == (expected and expected[0])
    assert store.turn("nightly-etl", "nobody") is store.turn("another") is None


def test_one_target_among_others(store):
    """It became worse where it did, and not where another one did."""
    ids = kept(
        store,
        report(WELL),
        report({"metastore": HEALTHY, "mysql": FAILING}, started=AT + 1),
        report({"metastore": FAILING, "mysql": FAILING}, started=AT + 2),
        report({"mysql": FAILING}, started=AT + 3),
    )

    assert [run.id for run in store.turn("nightly-etl", "metastore")] == ids[1:3]
    assert [run.id for run in store.turn("nightly-etl", "mysql")] == ids[:2]


def test_outbound_addresses_over_time(store):
    """Each from its first to its last; a pool that takes turns is two addresses, and what comes back is a new one."""
    looks = [[OLD, NEW], [NEW], [], [OLD], *[[NEW]] * 21, [OLD]]
    kept(store, *(report(WELL, started=AT + n, outbound=seen) for n, seen in enumerate(looks)))

    assert [(one.way, one.address, one.first - AT, one.last - AT) for one in store.outbound("nightly-etl")] == [
        ("direct", OLD, 25, 25),
        ("direct", NEW, 0, 24),
        ("direct", OLD, 0, 3),
    ]
    assert len(store.outbound("nightly-etl", since=AT + 10)) == 2


# --- strips ---------------------------------------------------------------------------------------------------------


def strip(store, target, since, until, most):
    """The letters of one target's strip."""
    rows = {one.target: one.letters for one in store.strips("nightly-etl", since=since, until=until, most=most).rows}
    return rows.get(target, "")


def test_a_strip_by_hours(store):
    """Of each bucket the worst; a dash where nobody looked, or the target was not there."""
    day = AT - AT % DAY
    kept(
        store,
        report(WELL, started=day),
        report({"mysql": DEGRADED}, started=day + 3600 * 5),
        report(ILL, started=day + 3600 * 5 + 60),
        report(WELL, started=day + 3600 * 5 + 120),
        report({"mysql": UNDETERMINED}, started=day + DAY),
    )

    found = store.strips("nightly-etl", since=day, until=day + 2 * DAY, most=8)
    assert (found.since, found.width_s) == (day, 21600)
    assert [(one.target, one.letters) for one in found.rows] == [("metastore", "f-------"), ("mysql", "d---u---")]
    assert found.rows[1].cells[0] == BIT[HEALTHY] | BIT[DEGRADED]
    assert strip(store, "metastore", day + DAY, day + 2 * DAY, 9) == ""


RUNS = st.lists(
    st.tuples(
        st.integers(0, 10 * 86_400),
        st.dictionaries(st.sampled_from("abcd"), st.sampled_from(VERDICTS), min_size=1),
    ),
    max_size=12,
    unique_by=lambda run: run[0],
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RUNS, st.integers(0, 10 * 86_400), st.integers(1, 10 * 86_400), st.integers(1, 100))
def test_any_strip(runs, since, span, most):
    """Its buckets cover the time, are no more than asked for and one, and show of each target exactly what was seen."""
    with Store.in_memory() as store:
        kept(store, *(report(found, started=AT + at) for at, found in runs))
        strips = store.strips("nightly-etl", since=AT + since, until=AT + since + span, most=most)
        cells = {one.target: one.cells for one in strips.rows}
    count = len(next(iter(cells.values()), b""))
    expected = {}
    for at, found in runs:
        place = int((AT + at - strips.since) // strips.width_s)
        for target, verdict in found.items():
            if 0 <= place < count:
                expected.setdefault(target, [0] * count)[place] |= BIT[verdict]

    assert strips.since <= AT + since
    assert not cells or strips.since + count * strips.width_s >= AT + since + span
    assert count <= most + 1
    assert {target: list(row) for target, row in cells.items()} == expected


def test_letters_are_of_the_worst():
    """For every cell that there can be."""
    for cell, letter in enumerate(LETTERS):
        worst = max((place for place in range(4) if cell >> place & 1), default=None)
        assert letter == ("-" if worst is None else VERDICTS[worst][0])


# --- what is given up -----------------------------------------------------------------------------------------------


def tidied(store):
    """All that is to be given up by now."""
    while store.tidy():
        pass


def aged(store, seconds):
    """Let the kept runs be so much older."""
    store._connection.execute("UPDATE age SET seconds = seconds + ?", (seconds,))


def test_old_runs_go(path):
    """With their reports, changes and hours, but for what the next incident asks for."""
    with Store.open(path, tell=untold, retention=Retention(age_s=30 * DAY)) as store:
        ids = kept(store, *(report(WELL | {"gone": HEALTHY}, started=AT + n * 3600) for n in range(40)))
        turn = kept(store, report(ILL, started=AT + 40 * 3600))
        later = kept(store, report(ILL, started=AT + 41 * 3600), report(ILL, started=AT + 42 * 3600))
        aged(store, 31 * DAY)
        newest = kept(store, report(ILL | {"new": HEALTHY}, started=AT + 31 * DAY))
        tidied(store)
        left = [run.id for run in store.runs("nightly-etl")]
        after = kept(store, report(WELL | {"second": HEALTHY}, started=AT + 31 * DAY + 60))
        slots = store._connection.execute("SELECT name, slot FROM target ORDER BY slot").fetchall()
        hours = store._connection.execute("SELECT count(*) FROM hour").fetchone()[0]

        assert left == [*newest, *turn, ids[-1]]
        assert all(store.report(id_) for id_ in left + after)
        assert store.report(later[0]) is None
        assert [name for name, _ in slots] == ["metastore", "mysql", "gone", "new", "second"]
        assert hours == 3
        assert [run.id for run in store.turn("nightly-etl")] == [ids[-1], *turn]


def test_a_slot_is_free_again(path):
    """When nothing shows its target any more."""
    with Store.open(path, tell=untold, retention=Retention(age_s=DAY)) as store:
        kept(store, report(WELL | {"gone": HEALTHY}))
        aged(store, 2 * DAY)
        kept(store, report(WELL, started=AT + 2 * DAY))
        tidied(store)
        kept(store, report(WELL | {"new": FAILING}, started=AT + 2 * DAY + 1))

        assert strip(store, "new", AT, AT + 3 * DAY, 60).strip("-") == "f"
        assert strip(store, "gone", AT, AT + 3 * DAY, 60) == ""
        assert store._connection.execute("SELECT max(slot) FROM target").fetchone() == (2,)


def test_too_large_a_file(path):
    """Reports of runs in which nothing changed go first; the lines of all runs stay, and the file stays small."""
    with Store.open(path, tell=untold, retention=Retention(size=1_000_000)) as store:
        ids = []
        for number in range(120):
            found = ILL if number in (40, 41) else WELL
            ids += kept(store, report(found, started=AT + number * 60, ballast=os.urandom(20_000).hex()))
            store.tidy()
        tidied(store)
        having = [ids.index(run.id) for run in store.runs("nightly-etl") if run.has_report]

        assert len(store.runs("nightly-etl")) == 120
        assert having[-4:] == [42, 41, 40, 39]
        assert having[:-4] == list(range(119, 119 - len(having[:-4]), -1))
        assert len(having) > 20
        assert [number for number in range(120) if store.report(ids[number])] == sorted(having)
        assert store.size().bytes - store.size().free <= 1_000_000
        assert path.stat().st_size <= 2 * 1_000_000


def test_a_smaller_limit(path):
    """The file shrinks step by step, and no step is long: so many pages, so many rows."""
    with Store.open(path, tell=untold) as store:
        for number in range(200):
            kept(store, report(WELL, started=AT + number, ballast=os.urandom(30_000).hex()))
        large = store.size().bytes
    with Store.open(path, tell=untold, retention=Retention(size=1_000_000)) as store:
        sizes = []
        while store.tidy():
            sizes.append(store.size().bytes)
        steps = [before - after for before, after in zip([large, *sizes], sizes, strict=False)]

        assert large > 6_000_000
        assert max(steps) <= 256 * 4096
        assert store.size().bytes <= 1_000_000 + 1024 * 4096 + 256 * 4096
        assert len(store.runs("nightly-etl")) == 200


# --- the file -------------------------------------------------------------------------------------------------------


def test_it_is_private(path):
    """The folder that is made, the file, and what SQLite puts beside it."""
    with Store.open(path, tell=untold) as store:
        kept(store, report(WELL))
        modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}

    assert modes == {NAME: 0o600, NAME + "-wal": 0o600, NAME + "-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_commit_is_on_the_disk(store):
    """The log is synced with each of them (sqlite.org/pragma.html: 2 is FULL), and pages can be given back (2)."""
    modes = [store._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]

    assert modes == ["wal", 2]
    assert store._connection.execute("PRAGMA auto_vacuum").fetchone()[0] == 2


def test_several_begin_at_once(path):
    """One makes the file, the others wait for it."""

    def work(number):
        with Store.open(path, tell=untold) as store:
            return kept(store, report(WELL, started=AT + number))

    with ThreadPoolExecutor(8) as pool:
        ids = [id_ for ids in pool.map(work, range(16)) for id_ in ids]
    with Store.look(path) as store:
        assert {run.id for run in store.runs("nightly-etl")} == set(ids)


def test_a_later_file_is_refused(path):
    """In words, for writing and for reading; nothing of it changes."""
    with Store.open(path, tell=untold) as store:
        store._connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    for attempt in (lambda: Store.open(path, tell=untold), lambda: Store.look(path)):
        with pytest.raises(Newer, match=r"history\.db: it was written by a later linkdoctor \(version 99"):
            attempt()
    assert path.read_bytes() == before


def test_an_older_file_is_brought_up_to_date(path, monkeypatch):
    """With all that is in it; by whoever writes, and not by whoever only reads. What fails leaves it as it was."""
    with Store.open(path, tell=untold) as store:
        (id_,) = kept(store, report(WELL))
    monkeypatch.setattr(opening, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE x (y); CREATE TABLE x (y)"))
    with pytest.raises(Unusable):
        Store.open(path, tell=untold)
    monkeypatch.setattr(opening, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE x (y); INSERT INTO x VALUES (1)"))
    with pytest.raises(Unusable, match="an earlier linkdoctor"):
        Store.look(path)
    for _ in range(2):
        with Store.open(path, tell=untold) as store:
            assert store.report(id_) == report(WELL)
            assert store._connection.execute("SELECT * FROM x").fetchall() == [(1,)]


def test_another_programs_file(path):
    """It is refused, and stays."""
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mine (a)")
    other.close()
    before = path.read_bytes()
    for attempt in (lambda: Store.open(path, tell=untold), lambda: Store.look(path)):
        with pytest.raises(Foreign, match="another program"):
            attempt()
    assert path.read_bytes() == before


def test_a_file_that_is_no_database(tmp_path):
    """A plan that was named for a store by mistake is refused, and stays where it is; a damaged store is set aside."""
    mine = tmp_path / "nightly-etl.yaml"
    mine.write_text("targets: [www.example.com:443]\n" * 100)
    with pytest.raises(Foreign, match=r"nightly-etl\.yaml: this is no store of linkdoctor"):
        Store.open(mine, tell=untold)
    assert [path.name for path in tmp_path.iterdir()] == ["nightly-etl.yaml"]

    copy, told = tmp_path / "copy.sqlite", []
    with Store.open(copy, tell=untold) as store:
        kept(store, *(report(WELL, started=AT + n) for n in range(50)))
    copy.write_bytes(copy.read_bytes()[:100] + b"\xff" * 8000)
    Store.open(copy, tell=told.append).close()
    assert "the file is damaged" in told[0]


@pytest.mark.parametrize("damage", ["header", "pages", "text"])
def test_a_damaged_file_is_set_aside(path, damage):
    """As it is, with its log, and that is told; a new one is begun. Who only reads says what is wrong."""
    with Store.open(path, tell=untold) as store:
        kept(store, *(report(WELL, started=AT + n) for n in range(50)))
    content = path.read_bytes()
    broken = {
        "header": b"x" * 100 + content[100:],
        "pages": content[:8192] + b"\xff" * (len(content) - 8192),
        "text": b"notes of mine\n" * 100,
    }[damage]
    path.write_bytes(broken)
    with pytest.raises(Exception, match="damaged"), Store.look(path) as store:
        store.runs("nightly-etl")
    assert path.read_bytes() == broken

    told = []
    with Store.open(path, tell=told.append) as store:
        (id_,) = kept(store, report(ILL, started=AT + 99))
        assert [run.id for run in store.runs("nightly-etl")] == [id_]
    (aside,) = path.parent.glob("history.db.damaged-*")

    assert (aside / NAME).read_bytes() == broken
    (sentence,) = told
    assert "the file is damaged" in sentence
    assert str(aside / NAME) in sentence


def test_a_damaged_report(store):
    """It is told of that run alone."""
    first, second = kept(store, report(WELL), report(ILL, started=AT + 1))
    store._connection.execute("UPDATE report SET text = x'00' WHERE run = 1")
    with pytest.raises(Exception, match="what was kept there of a run is damaged"):
        store.report(first)
    assert store.report(second) == report(ILL, started=AT + 1)


@pytest.mark.parametrize("harm", ["plan SET newest = 99", "run SET verdict = 77", "run SET verdict = x'ff'"])
def test_rows_that_no_store_has(store, harm):
    """A damaged file may hold any numbers: what is asked of it fails in words."""
    kept(store, report(WELL))
    store._connection.execute("PRAGMA foreign_keys = OFF")
    store._connection.execute("PRAGMA ignore_check_constraints = ON")
    store._connection.execute(f"UPDATE {harm}")

    with pytest.raises(Broken, match="what was kept there is damaged"):
        store.plans()


def test_what_cannot_be_opened(path, tmp_path):
    """A folder in its place, a file in its folder's place, nothing at all: in words."""
    with pytest.raises(Unusable, match="there is no such file"):
        Store.look(path)
    path.mkdir(parents=True)
    (tmp_path / "file").write_text("mine")
    for place in (path, tmp_path / "file" / NAME):
        with pytest.raises(Unusable, match=str(place)):
            Store.open(place, tell=untold)
    assert (tmp_path / "file").read_text() == "mine"
