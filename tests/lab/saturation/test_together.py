"""Executors of a Spark application that hold connections together find what one place finds, and harm nobody more."""

import json
import shutil
import sys
from importlib.util import find_spec

import pytest

from agent import plan as plans
from agent.bundle import spark as bundle
from tests.lab.conftest import unavailable
from tests.lab.harness import Outcome
from tests.lab.saturation.bench import Seen, standing
from tests.lab.saturation.cases import CASES
from tests.lab.saturation.places import JOB
from tests.lab.saturation.score import judge

EXECUTORS = 3
_CONFIGURATION = {
    "spark.master": f"local-cluster[{EXECUTORS},1,600]",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "512m",
    "spark.executor.memory": "512m",
    "spark.executor.instances": str(EXECUTORS),
    "spark.ui.enabled": "false",
}


@pytest.fixture(scope="module")
def score(lab, tmp_path_factory):
    """A way of a hundred connections, measured by all executors together, and the score of it."""
    if shutil.which("java") is None or find_spec("pyspark") is None:
        unavailable("not installed: java (default-jre-headless) or pyspark")
    folder = tmp_path_factory.mktemp("together")
    case = CASES["cap_100_drop"]
    bundle.write(bundle.build(plans.parse(json.dumps(case.plan), "plan.json")), folder / "bundle")
    result = folder / "result.json"
    argv = [sys.executable, f"{folder}/bundle/linkdoctor_spark.py", "--spread", "--output", str(result)]
    conf = " ".join(f"--conf {key}={value}" for key, value in _CONFIGURATION.items())
    environment = {
        "PYSPARK_SUBMIT_ARGS": f"{conf} pyspark-shell",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder),
        "SPARK_WORKER_DIR": str(folder),
        "PYSPARK_PYTHON": sys.executable,
    }
    with standing(lab, case) as bench:
        lab.call("saturation", action="observe")
        try:
            done = lab.run(argv, JOB, env=environment, timeout=200.0)
        finally:
            seen = Seen(**lab.call("saturation", action="observed"))
        assert done["code"] == 0, done["stderr"][-5000:]
        report = json.loads(result.read_text())
        outcome = Outcome(done["code"], report, "", done["stderr"], done["seconds"])
        return judge(case, outcome, seen, bench.bare()["held"])


def test_the_same_as_from_one_place(score):
    """Kind, estimate, interval and cause are what they are from one place, and all executors held their part."""
    instances = [score.facts[key] for key in ("instances", "instance_low", "instance_high")]

    assert (True, True, True) == (score.kind_is_right, score.estimate_is_right, score.interval_holds), str(score)
    assert score.cause_is_right, str(score)
    assert [EXECUTORS, score.facts["held"] // EXECUTORS] == instances[:2]


def test_no_more_harm_than_from_one_place(score):
    """On the router's wire never more than a tenth too many, and never faster than the plan says; nothing is left."""
    assert score.seen.most <= score.case.most_tried
    assert score.seen.fastest <= score.case.rate + 2
    assert [] == score.harm
    assert (score.seen.tracked, score.seen.arrived, score.admits) == (0, 0, score.case.limit + 1)
