"""Runs that are kept: where, how privately, and what becomes of files that cannot be read."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from agent import state
from agent.state import State, remembered
from reports import document
from reports.model import FAILING, HEALTHY, Egress, Observation, Plan, Report, Run, Vantage, content_id

LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"
OLD, NEW = "203.0.113.7", "203.0.113.8"
_AT = 1_800_000_000.0


def report(name="nightly-etl", started=_AT, observations=(), verdict=HEALTHY):
    """A report on a plan of this name."""
    run = Run(
        id=content_id("r-", name, started),
        started=started,
        duration_s=1.0,
        linkdoctor="0",
        plan=Plan(name=name, egress=Egress(echo="http://ip.example:80/")),
    )
    vantage = Vantage(kind="udf", host="worker")
    return Report(run=run, vantage=vantage, verdict=verdict, observations=tuple(observations))


def echoed(*addresses, via="direct"):
    """What the echo saw, a connection each."""
    return [
        Observation(probe="egress", step="address", facts={"seen": ip, "via": via}, id=f"o-{number}")
        for number, ip in enumerate(addresses)
    ]


def facts(found):
    """What is remembered: way, addresses, and when."""
    return [(seen.facts["via"], seen.facts["seen"], seen.facts["at"]) for seen in found]


def test_the_newest_is_the_last(tmp_path):
    """In the order in which they began, whatever the order in which they were kept."""
    kept = State.at(str(tmp_path / "new" / "folder"))
    for started in (_AT + 9.5, _AT + 10, _AT):
        kept.keep(report(started=started))

    assert kept.last("nightly-etl") == report(started=_AT + 10)
    assert kept.last("another") is None
    assert len(list(kept.runs("nightly-etl"))) == 3


def test_it_is_private(tmp_path):
    """Nobody else may read what was found, and nothing but the report is left."""
    kept = State.at(str(tmp_path / "kept"))
    kept.keep(report())
    (path,) = (tmp_path / "kept" / "nightly-etl").iterdir()

    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)] == [
        0o600,
        0o700,
        0o700,
    ]
    assert report() == document.loads(path.read_bytes())


def test_so_many_are_kept(tmp_path, monkeypatch):
    """The oldest goes; what is not ours stays, however it is called."""
    monkeypatch.setattr(state, "KEPT", 3)
    kept = State.at(str(tmp_path))
    foreign = tmp_path / "nightly-etl" / "20200101T000000Z-notes.json"
    foreign.parent.mkdir()
    foreign.write_text("mine")
    for number in range(5):
        kept.keep(report(started=_AT + number))

    assert [document.loads(path.read_bytes()).run.started - _AT for path in kept.runs("nightly-etl")] == [4, 3, 2]
    assert foreign.read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "this is empty"),
        (document.dumps(report())[:100], "cut short"),
        ('{"schema": "linkdoctor/report/9"}', "another linkdoctor"),
        (document.dumps(report(name="another")), "a run of another plan"),
    ],
    ids=["empty", "cut short", "later", "foreign"],
)
def test_what_cannot_be_read_is_left(tmp_path, capsys, text, said):
    """It is told, the run before is used, and the file is what it was."""
    kept = State.at(str(tmp_path))
    kept.keep(report())
    broken = tmp_path / "nightly-etl" / "29990101T000000000000Z-r-0.json"
    broken.write_text(text)
    kept.keep(report(started=_AT + 1))

    assert kept.last("nightly-etl") == report(started=_AT + 1)
    error = capsys.readouterr().err
    assert said in error
    assert str(broken) in error
    assert broken.read_text() == text


@pytest.mark.parametrize("name", ["kept", "kept/nightly-etl"])
def test_what_is_no_folder(tmp_path, name):
    """A file in the place of the folder is an error with its name, and stays."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with pytest.raises(click.ClickException) as error:
        State.at(str(tmp_path / "kept")).keep(report())

    assert str(path) in error.value.message
    assert path.read_text() == "mine"


_NAMES = st.text(min_size=1, max_size=200)


@given(_NAMES, _NAMES)
def test_any_name_of_a_plan(tmp_path_factory, one, other):
    """A plan's folder is directly in the state's, whatever the plan is called, and is no other plan's."""
    folder = tmp_path_factory.getbasetemp()
    places = [State(folder)._place(name) for name in (one, other)]

    for place in places:
        assert place.parent == folder
        assert Path(os.path.normpath(place)) == place
        assert place.name.isascii()
        assert place.name.isprintable()
        assert len(place.name) < 100
    assert (one == other) == (places[0] == places[1])


def test_what_a_run_leaves():
    """For each way out all addresses, once, with the time and the place."""
    run = report(observations=[*echoed(NEW, OLD, NEW), *echoed(OLD, via="proxy")])
    found = remembered(run)

    assert facts(found) == [
        ("direct", f"{NEW},{OLD}", "2027-01-15T08:00:00.000000Z"),
        ("proxy", OLD, "2027-01-15T08:00:00.000000Z"),
    ]
    assert {(seen.facts["kind"], seen.facts["host"], seen.target, seen.failure) for seen in found} == {
        ("udf", "worker", None, None)
    }


def test_what_it_was_given_is_passed_on():
    """By a run that saw no address, and by one that failed: it is how it was when nothing did."""
    given = remembered(report(observations=echoed(OLD)))
    mute = report(started=_AT + 1, observations=given)
    failing = report(started=_AT + 1, observations=[*given, *echoed(NEW)], verdict=FAILING)
    healthy = evolve(failing, verdict=HEALTHY)

    assert given == remembered(mute)
    assert given == remembered(failing)
    assert facts(remembered(healthy)) == [("direct", NEW, "2027-01-15T08:00:01.000000Z")]
    assert remembered(report()) == ()


def check(*arguments, cwd):
    """The command as a user runs it."""
    return subprocess.run(
        [LINKDOCTOR, "check", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PATH": os.environ["PATH"]},
        timeout=60,
        check=False,
    )


def test_the_command_keeps_its_runs(tmp_path):
    """The report that is printed is the one that is kept; targets need no plan."""
    done = [check("127.0.0.1:1", "--state", "kept", "--format", "json", cwd=tmp_path) for _ in range(2)]
    kept = sorted((tmp_path / "kept").glob("*/*.json"))

    assert [(one.returncode, one.stderr) for one in done] == [(2, ""), (2, "")]
    assert [json.loads(one.stdout) for one in done] == [json.loads(path.read_text()) for path in kept]


def test_the_command_says_what_is_wrong_with_the_folder(tmp_path):
    """Before anything is sent: 3, and one line."""
    (tmp_path / "kept").write_text("mine")
    done = check("127.0.0.1:1", "--state", "kept", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "Error: kept: runs cannot be kept here: this is no folder\n"
