"""`linkdoctor history` and `linkdoctor diff`, as a user runs them."""

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agent.history.sources import default_folder
from agent.state import State
from agent.store import NAME, Retention, Store
from reports import document
from reports.model import DEGRADED, FAILING, HEALTHY
from tests.agent import history_example
from tests.agent.store.runs import AT, report
from tests.reports import samples

ROOT = Path(__file__).resolve().parents[2]
LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"
WELL, ILL = {"metastore": HEALTHY, "mysql": HEALTHY}, {"metastore": FAILING, "mysql": HEALTHY}


def linkdoctor(*arguments, cwd, code=0, **environment):
    """Run the command; what it prints to stdout, or where it could not run, to stderr."""
    done = subprocess.run(
        [LINKDOCTOR, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), "PYTHONIOENCODING": "utf-8", **environment},
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if code == 3 else done.stdout


@pytest.fixture
def store(tmp_path):
    """A store in the folder `state`, as `serve` keeps one."""
    with Store.open(tmp_path / "state" / NAME, tell=pytest.fail) as made:
        yield made


# --- the document ---------------------------------------------------------------------------------------------------

_EXAMPLE = re.compile(r"^```\n\$ linkdoctor (.*?)\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXAMPLES = _EXAMPLE.findall((ROOT / "docs" / "history.md").read_text())


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The folder that the document speaks of."""
    folder = tmp_path_factory.mktemp("example")
    history_example.make(folder / "state")
    return folder


@pytest.mark.parametrize(("command", "printed"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_the_document(example, command, printed):
    """Every command in it prints what stands there, and ends as the newest run did."""
    text = linkdoctor(*command.split(), cwd=example, code=2)

    assert "\n".join(line.rstrip() for line in text.splitlines()) == printed.rstrip("\n")


def test_the_document_has_examples():
    """Of both commands."""
    assert {command.split()[0] for command, _ in EXAMPLES} == {"history", "diff"}


# --- real checks ----------------------------------------------------------------------------------------------------


def test_a_service_that_stops(tmp_path):
    """Two checks that are kept, and what changed between them: the service, and nothing else of what is looked at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = "127.0.0.1:%d" % server.getsockname()[1]
        linkdoctor("check", address, "--state", "kept", cwd=tmp_path)
    linkdoctor("check", address, "--state", "kept", cwd=tmp_path, code=2)
    history = json.loads(linkdoctor("history", "--state", "kept", "--format", "json", cwd=tmp_path, code=2))
    text = linkdoctor("diff", "--state", "kept", cwd=tmp_path, code=2)
    changes = json.loads(linkdoctor("diff", "--state", "kept", "--format", "json", cwd=tmp_path, code=2))

    (plan,) = history["plans"]
    assert plan["plan"]["runs"] == 2
    assert [(one["target"], one["before"], one["after"]) for one in plan["events"]] == [(address, HEALTHY, FAILING)]
    assert plan["strips"]["rows"][0]["cells"].strip("-") in ("hf", "f")
    assert [(one["target"], one["fate"], one["after"]["failure"]) for one in changes["targets"]] == [
        (address, "broke", "connection_refused")
    ]
    assert [one for one in changes["differences"] if one["likelihood"] == "likely"] == []
    assert "healthy, now failing" in text
    assert "the reason lies where a run from here does not look" in text


# --- what is found where --------------------------------------------------------------------------------------------


def test_both_kinds_in_one_folder(tmp_path, store):
    """Each plan is told with where it is kept; a plan that is in both twice. Files are read, and nothing is moved."""
    store.keep(report(WELL))
    files = State(tmp_path / "state")
    for number in range(3):
        files.keep(report(ILL, started=AT + number))
    files.keep(report({"a": DEGRADED}, plan="other"))
    before = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "state").rglob("*.json"))
    found = json.loads(linkdoctor("history", "--state", "state", "--format", "json", cwd=tmp_path, code=2))

    assert [(one["kept_in"], one["plan"]["name"], one["plan"]["runs"]) for one in found["plans"]] == [
        ("state/history.db", "nightly-etl", 1),
        ("state/nightly-etl", "nightly-etl", 3),
        ("state/other", "other", 1),
    ]
    assert all(run["has_report"] for one in found["plans"] for run in one["runs"])
    assert sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "state").rglob("*.json")) == before


def test_a_file_that_cannot_be_read(tmp_path):
    """It is told, left, and the others count."""
    files = State.at(str(tmp_path / "state"))
    files.keep(report(WELL))
    broken = tmp_path / "state" / "nightly-etl" / "20300101T000000000000Z-r-0.json"
    broken.write_text('{"schema": ')
    done = subprocess.run(
        [LINKDOCTOR, "history", "--state", "state"], capture_output=True, text=True, cwd=tmp_path, check=False
    )

    assert done.returncode == 0
    assert "1 run kept" in done.stdout
    assert "left as it is, and not used" in done.stderr
    assert broken.read_text() == '{"schema": '


def test_while_it_is_written(tmp_path, store):
    """Whoever keeps runs in the store goes on, and each question sees what was kept so far."""
    for number in range(3):
        store.keep(report(WELL, started=AT + number))
        assert f"{number + 1} run" in linkdoctor("history", "--state", "state", cwd=tmp_path)


def test_a_stores_own_file(tmp_path, store):
    """May be named instead of its folder: one that was set aside, or copied."""
    store.keep(report(WELL))

    assert "1 run kept" in linkdoctor("history", "--state", f"state/{NAME}", cwd=tmp_path)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, "/home/me/.local/state/linkdoctor"), ({"XDG_STATE_HOME": "/var/lib/me"}, "/var/lib/me/linkdoctor")],
)
def test_where_nobody_says(monkeypatch, environment, expected):
    """By the XDG Base Directory."""
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert default_folder() == expected


# --- history --------------------------------------------------------------------------------------------------------


def test_one_plan_one_target_some_time(tmp_path, store):
    """Only these are told of."""
    store.keep(report(WELL, outbound=["203.0.113.7"]))
    store.keep(report(ILL, started=AT + 86_400, outbound=["203.0.113.8"]))
    store.keep(report({"a": HEALTHY}, plan="other", started=AT + 86_400))
    asked = ("history", "--state", "state", "nightly-etl", "--target", "metastore")
    (plan,) = json.loads(linkdoctor(*asked, "--format", "json", cwd=tmp_path, code=2))["plans"]
    (short,) = json.loads(linkdoctor(*asked, "--since", "1h", "--format", "json", cwd=tmp_path, code=2))["plans"]

    assert [one["target"] for one in plan["standing"]] == ["metastore"]
    assert [row["target"] for row in plan["strips"]["rows"]] == ["metastore"]
    assert len(plan["runs"]) == 2
    assert len(short["runs"]) == 1
    assert [one["address"] for one in short["outbound"]] == ["203.0.113.8"]


def test_any_text_is_shown_safely(tmp_path, store):
    """Names from a plan do not move the cursor, in a narrow and a plain terminal either."""
    hostile = samples.hostile()
    store.keep(hostile)
    for environment in ({}, {"COLUMNS": "30"}, {"PYTHONIOENCODING": "ascii"}):
        text = linkdoctor("history", "--state", "state", cwd=tmp_path, code=2, **environment)
        assert all(line.isprintable() for line in text.splitlines())
        assert "\\x1b" in text


def test_an_output_file(tmp_path, store):
    """Takes what else is printed."""
    store.keep(report(WELL))
    told = linkdoctor("history", "--state", "state", cwd=tmp_path)

    assert linkdoctor("history", "--state", "state", "--output", "h.txt", cwd=tmp_path) == ""
    assert (tmp_path / "h.txt").read_text() == told


# --- diff -----------------------------------------------------------------------------------------------------------


def sides(tmp_path, *arguments, code=2):
    """The runs that were compared."""
    found = json.loads(linkdoctor("diff", *arguments, "--format", "json", cwd=tmp_path, code=code))
    return found["before"]["run"], found["after"]["run"]


def test_what_runs_are_called(tmp_path, store):
    """By words, by the beginning of an id, by the file of a saved report, of either kind of keeping."""
    runs = [report(found, started=AT + number) for number, found in enumerate((WELL, WELL, ILL, ILL))]
    ids = [run.run.id for run in runs]
    for run in runs:
        store.keep(run)
    (tmp_path / "saved.json").write_text(document.dumps(runs[0]))
    filed = report(WELL, plan="filed")
    State(tmp_path / "state").keep(filed)
    state = ("--state", "state", "--plan", "nightly-etl")

    assert sides(tmp_path, *state) == (ids[1], ids[2])
    assert sides(tmp_path, "last-good", "last", *state) == (ids[1], ids[3])
    assert sides(tmp_path, ids[0][:7], ids[3], "--state", "state") == (ids[0], ids[3])
    assert sides(tmp_path, "saved.json", "first-bad", *state) == (ids[0], ids[2])
    assert sides(tmp_path, "saved.json", filed.run.id, "--state", "state", code=0) == (ids[0], filed.run.id)
    assert sides(tmp_path, "saved.json", "saved.json", code=0) == (ids[0], ids[0])


def test_a_targets_own_last_good_run(tmp_path, store):
    """Where another target broke at another time."""
    found = (WELL, {**WELL, "mysql": FAILING}, {**ILL, "mysql": FAILING}, {**ILL, "mysql": FAILING})
    ids = []
    for number, verdicts in enumerate(found):
        ids.append(report(verdicts, started=AT + number).run.id)
        store.keep(report(verdicts, started=AT + number))

    assert sides(tmp_path, "--state", "state") == (ids[0], ids[1])
    assert sides(tmp_path, "--state", "state", "--target", "metastore") == (ids[1], ids[2])


def test_redacted(tmp_path, store):
    """Neither names of hosts nor addresses are left, and the same thing has the same name in both runs."""
    for run in (history_example.run(history_example.BROKE - 1), history_example.run(history_example.BROKE)):
        store.keep(run)
    text = linkdoctor("diff", "--state", "state", "--redact", cwd=tmp_path, code=2)

    assert "emr-header" not in text
    assert re.findall(r"\d+\.\d+\.\d+\.\d+", text) == []
    assert re.search(r"source metastore.*: private-\d+, now private-\d+", text)


# --- what is wrong --------------------------------------------------------------------------------------------------


def test_bad_input(tmp_path, store):
    """One line that says what is wrong, what there is, and what to do; exit code 3."""
    for number, found in enumerate((WELL, WELL)):
        store.keep(report(found, started=AT + number))
    store.keep(report(WELL, plan="other"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    state = ("--state", "state")
    for arguments, said in (
        (("history", "--state", "nowhere"), "nowhere: there is no such folder"),
        (("history", "--state", "empty"), "empty: no run is kept there yet"),
        (("history",), "linkdoctor: there is no such folder"),
        (("history", *state, "nobody"), "no run of nobody is kept in state; there are nightly-etl, other"),
        (("history", *state, "--target", "nobody"), "looked at a target nobody"),
        (("history", *state, "--since", "7"), "allowed: a number with its unit (m, h, d, w)"),
        (("history", "--state", "notes.txt"), "the file is damaged"),
        (("diff", *state, "last"), "name two runs"),
        (("diff", *state), "name one with --plan: nightly-etl, other"),
        (("diff", *state, "--plan", "nobody"), "no run of nobody"),
        (("diff", *state, "--plan", "other"), "other never became worse in the runs that are kept"),
        (("diff", *state, "--plan", "other", "--target", "x"), "x of other never became worse"),
        (("diff", *state, "r-zzz", "last"), "r-zzz: no run in state has an id that begins so"),
        (("diff", *state, "r-", "last"), "r-: several runs begin so: r-"),
        (("diff", "notes.txt", "notes.txt"), "notes.txt"),
    ):
        error = linkdoctor(*arguments, cwd=tmp_path, code=3)
        assert said in " ".join(error.split()), error
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not (tmp_path / ".local").exists()


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_a_folder_of_somebody_else(tmp_path, store):
    """The store of a service, asked for by another user: in words."""
    store.keep(report(WELL))
    (tmp_path / "state").chmod(0o700)
    somebody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups") if os.geteuid() == 0 else ()
    if not somebody:
        (tmp_path / "state").chmod(0)
    for arguments in (("history",), ("diff",), ("diff", tmp_path / "state" / "x", "last")):
        command = [*somebody, LINKDOCTOR, *arguments, "--state", tmp_path / "state"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stdout) == (3, "")
        assert re.fullmatch(r"Error: \S+: cannot be read: Permission denied\n", done.stderr)
    (tmp_path / "state").chmod(0o700)


def test_a_report_that_made_room(tmp_path):
    """It is said what is left, and which are kept longest."""
    with Store.open(tmp_path / "state" / NAME, tell=pytest.fail, retention=Retention(size=1)) as store:
        ids = []
        for number in range(5):
            ids.append(report(WELL, started=AT + number).run.id)
            store.keep(report(WELL, started=AT + number), body=number == 4)
    error = linkdoctor("diff", ids[0], ids[4], "--state", "state", cwd=tmp_path, code=3)

    assert "of this run only its line is left" in error


def test_a_damaged_store(tmp_path, store):
    """Is told, and not touched: only whoever keeps runs sets it aside."""
    for number in range(200):
        store.keep(report(WELL, started=AT + number))
    store.close()
    path = tmp_path / "state" / NAME
    broken = path.read_bytes()[:4096] + b"\xff" * 100_000
    path.write_bytes(broken)
    for command in ("history", "diff"):
        assert "the file is damaged" in linkdoctor(command, "--state", "state", cwd=tmp_path, code=3)
    assert path.read_bytes() == broken
    assert [entry.name for entry in path.parent.iterdir() if "damaged" in entry.name] == []


def test_a_later_store(tmp_path, store):
    """Is refused in words."""
    store.keep(report(WELL))
    store.close()
    with sqlite3.connect(tmp_path / "state" / NAME) as raw:
        raw.execute("PRAGMA user_version = 99")
    raw.close()

    assert "written by a later linkdoctor" in linkdoctor("history", "--state", "state", cwd=tmp_path, code=3)
