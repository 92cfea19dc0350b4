"""The same networks, seen from a UDF: in PyODPS's own runner, and where nearly everything is forbidden."""

import os
from functools import partial

import pytest

from tests.lab import udf
from tests.lab.conftest import unavailable
from tests.lab.harness import LabUnavailableError
from tests.lab.network import SANDBOX
from tests.lab.real import missing
from tests.lab.scenario import representatives
from tests.lab.scenarios import SCENARIOS
from tests.lab.score import Scoring

# What cannot be known there: which route a packet takes, without rtnetlink; which ports are taken, and which never,
# without /proc; and pyou cannot start with so few descriptors.
_UNKNOWABLE = {
    udf.SANDBOX: {
        *("wrong_route", "policy_wrong_table", "policy_wrong_table_by_source"),
        *("local_pressure", "local_pressure_told", "local_resources", "return_path_drop"),
    },
    udf.PYOU: {"local_resources"},
}

_FORBIDDEN = {"threads", "subprocess", "raw_socket", "error_queue", "rtnetlink", "proc", "file_writes", "host_name"}

# One of each cause; all of them where LAB=whole stands in the environment.
_CHOSEN = list if os.environ.get("LAB") == "whole" else representatives

CASES = [
    (scenario.name, way)
    for way in udf.WAYS
    for scenario in _CHOSEN(
        scenario
        for name, scenario in SCENARIOS.items()
        if scenario.plan["runtime"] == "udf" and scenario.vantage == SANDBOX and name not in _UNKNOWABLE[way]
    )
]


@pytest.fixture(scope="module")
def scores(request):
    """The scores to come of the cases that were selected: they run side by side."""
    chosen = [item.callspec.params for item in request.session.items if item.module is request.module]
    selected = [(each["name"], each["way"]) for each in chosen]
    scoring = Scoring()
    with udf.unpacked() as folder:
        yield {
            (name, way): scoring.submit(SCENARIOS[name], partial(udf.check, folder=folder, way=way))
            for name, way in selected
            if not missing(*SCENARIOS[name].real)
        }
        scoring.close()


@pytest.mark.parametrize(("name", "way"), CASES)
def test_the_true_cause_comes_first_from_a_udf(scores, name, way):
    """The cause is the one that a check from the command line names; the vantage says what was forbidden."""
    if (name, way) not in scores:
        unavailable(f"not installed: {', '.join(missing(*SCENARIOS[name].real))}")
    try:
        score, outcome = scores[name, way].result()
    except LabUnavailableError as error:
        unavailable(f"the lab cannot be built here: {error}")

    assert score.right, str(score)
    assert outcome.report["vantage"]["kind"] == "udf"
    forbidden = _FORBIDDEN if way == udf.SANDBOX else set()
    capabilities = outcome.report["vantage"]["capabilities"]
    assert forbidden == {power for power, possible in capabilities.items() if not possible}
