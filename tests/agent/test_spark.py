"""Checks in a real Spark session: what they say, and what they leave of the session."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest
from attrs import evolve

from agent import plan as plans
from agent.bundle import spark as bundle
from reports import comparison, document
from reports.rows import COLUMNS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def _spark():
    """Skip what cannot be run here; in CI it must be."""
    if shutil.which("java") is None or find_spec("pyspark") is None:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse("not installed: java (default-jre-headless) or pyspark")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What tests/agent/spark_program.py found, and how many connections its silent server was asked for."""
    work = tmp_path_factory.mktemp("spark")
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept():
            while True:
                try:
                    connections.append(server.accept())
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        port = str(server.getsockname()[1])
        done = _run(ROOT / "tests" / "agent" / "spark_program.py", port, str(work), cwd=work, PYTHONPATH=str(ROOT))
        server.shutdown(socket.SHUT_RDWR)
    for connection, _ in connections:
        connection.close()
    assert done.returncode == 0, done.stderr[-5000:]
    return {**json.loads(done.stdout.splitlines()[-1]), "connections": len(connections)}


def test_local_mode(found):
    """Where the driver is all there is, its own report is the result, and says so."""
    local = found["local"]
    report = document.loads(local["text"])

    assert (local["mode"], local["executors"]) == ("each", 0)
    assert report.vantage.labels["role"] == "driver"
    assert report.vantage.kind == "spark"
    assert "there are no executors: only the driver measured" in local["notes"]


def test_settings_in_effect(found):
    """The session's settings count, not those that the plan declares; what is misspelt there is found."""
    local = found["local"]

    assert {
        "spark.hadoop.odps.cupid.eni.enable": ["true", "session"],
        "spark.hadoop.odps.cupid.eni.inof": ["cn-hangzhou:vpc-a", "session"],
        "odps.security.outbound.internetlist": ["example.com:80", "plan"],
    } == local["settings"]
    assert ["spark.hadoop.odps.cupid.eni.inof"] == local["wrong"]
    assert [
        "spark.hadoop.odps.cupid.eni.enable is declared (plan), and has another value in this session",
        "spark.hadoop.odps.cupid.eni.info is declared (plan), and not in effect in this session",
    ] == local["notes"][:2]


def test_no_secrets(found):
    """Credentials that the session holds are in nothing that comes out of it."""
    assert "TOP-SECRET-KEY" not in json.dumps(found)


def test_each_place_once(found):
    """The driver and each executor measure once, each named, and opens one connection to the target."""
    each = found["each"]

    assert ["", "0", "1"] == sorted(labels.get("executor", "") for labels in each["labels"])
    assert comparison.loads(each["text"]).counts.reports == 3
    assert all(
        {"application", "stage", "partition", "task", "attempt", "address"} <= set(labels)
        for labels in each["labels"]
        if labels["role"] == "executor"
    )
    assert found["connections"] == 3


def test_nothing_stays_in_the_session(found):
    """The job's own modules of equal names are used on the executors, nothing is added, and its job group stays."""
    assert ["the job", [], []] == found["before"][0][:3]
    assert found["before"] == found["after"]
    assert found["group"] == "mine"


def test_rows(found):
    """The DataFrame has the columns of docs/rows.md."""
    assert [[column.name, column.type] for column in COLUMNS] == found["columns"]


def test_spread_by_wish(found):
    """A small plan is spread where that is asked for."""
    spread = found["spread"]

    assert (spread["mode"], spread["executors"]) == ("spread", 1)
    assert document.loads(spread["text"]).targets[0].verdict == "failing"


def test_busy_executors_are_named(found):
    """An executor that had no place for a task in time is named, and what the others found is there."""
    busy = found["busy"]

    assert busy["executors"] == 0
    assert ["executor 0", "executor 1"] == [
        note.partition(" (")[0] for note in busy["notes"] if "was never given" in note
    ]
    assert document.loads(busy["text"]).vantage.labels["role"] == "driver"


def test_the_worked_example(tmp_path):
    """The job of deploy/spark fails as it did, and says why: its name servers do not know the host."""
    shutil.copy(ROOT / "deploy" / "spark" / "job.py", tmp_path)
    plan = plans.load(ROOT / "deploy" / "spark" / "plan.yaml")
    unknown = evolve(plan, name_servers=("127.0.0.1:9",), networks=())
    bundle.write(bundle.build(unknown), tmp_path)
    done = _run(tmp_path / "job.py", cwd=tmp_path, PYSPARK_SUBMIT_ARGS="--master local[1] pyspark-shell")

    assert done.returncode == 1
    assert "linkdoctor: failing" in done.stderr
    assert "(dns_unreachable, " in done.stderr
    report = document.loads((tmp_path / "why.json").read_text())
    assert {"failing"} == {target.verdict for target in report.targets}


def _run(program, *arguments, cwd, **environment):
    """A program in a Python of its own, with Spark on this machine alone."""
    own = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, **environment}
    return subprocess.run(
        [sys.executable, str(program), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **own},
        timeout=180,
    )
