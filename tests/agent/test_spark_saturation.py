"""Executors of a real Spark session hold connections together, against listeners of this machine."""

import asyncio
import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.limited import Limited

ROOT = Path(__file__).resolve().parents[2]


class Watched(Limited):
    """From ``at`` connections on, what is to happen ``then`` happens."""

    def __init__(self, room, at, then):
        super().__init__(room)
        self._at, self._then = at, then

    async def _serve(self, reader, writer):
        if self.now >= self._at:
            self._then()
        await super()._serve(reader, writer)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What tests/agent/spark_saturation_program.py found, and what its servers saw."""
    if shutil.which("java") is None or find_spec("pyspark") is None:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse("not installed: java (default-jre-headless) or pyspark")
    for _ in range(3):
        found = asyncio.run(_run(tmp_path_factory.mktemp("spark")))
        # Where this machine is busy the ramp stops before it harms anybody: no limit is to be told, no executor killed.
        if "limit" in _limit(found["each"]) and _not_measured(found["lost"]):
            break
    return found


async def _run(work):
    program = str(ROOT / "tests" / "agent" / "spark_saturation_program.py")
    own = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    async with Limited(24) as limited, Watched(5000, 45, (work / "kill").touch) as unlimited:
        argv = [program, str(limited.port), str(unlimited.port), str(work)]
        running = await asyncio.create_subprocess_exec(
            sys.executable,
            *argv,
            cwd=work,
            env={**os.environ, **own},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        stdout, stderr = await asyncio.wait_for(running.communicate(), 300)
        await limited.empty.wait()
        await unlimited.empty.wait()
    assert running.returncode == 0, stderr.decode()[-5000:]
    return {**json.loads(stdout.splitlines()[-1]), "limited": limited, "unlimited": unlimited, "stderr": stderr}


def _driver(told):
    return next(report for report in told["reports"] if report["role"] != "executor")


def _not_measured(told):
    return [note for note in told["notes"] if "was not measured" in note]


def _limit(told):
    return next(one for one in _driver(told)["seen"] if one["step"] == "limit")


def test_the_same_limit_as_from_one_place(found):
    """The driver's report says what all executors together have found; no one of them says it for itself."""
    limit = _limit(found["each"])

    assert [3, 24, 24, 24] == [limit[key] for key in ("instances", "limit", "limit_low", "limit_high")]
    assert (limit["instance_low"], limit["instance_high"]) == (8, 8)
    assert limit["tried"] <= 26
    assert [] == [one["seen"] for one in found["each"]["reports"] if one["role"] == "executor" and one["seen"]]
    assert [] == [note for note in found["each"]["notes"] if "connections" in note and "places" not in note]


def test_in_the_report_of_a_plan_that_is_spread(found):
    """It is the same there."""
    limit = _limit(found["spread"])

    assert [3, 24] == [limit[key] for key in ("instances", "limit")]


def test_fewer_places_than_executors(found):
    """Those that have a free place hold them, and how many had is said."""
    limit = _limit(found["fewer"])

    assert (2, 20) == (limit["instances"], limit["unlimited_to"])
    assert "2 of 3 executors held connections together: 2 had a free place for a task" in found["fewer"]["notes"]


def test_an_executor_that_is_lost_ends_it(found):
    """What it was is said, nothing is measured for a second time, and nothing stays open."""
    (note,) = _not_measured(found["lost"])

    assert "one of the executors was lost" in note
    assert [] == _driver(found["lost"])["seen"]
    assert found["unlimited"].most < 150
    assert found["unlimited"].now == 0
