"""Every network with a known fault gets its one true diagnosis, every healthy one none."""

import re

import pytest

from tests.lab.conftest import unavailable
from tests.lab.harness import ROOT, LabUnavailableError
from tests.lab.real import missing
from tests.lab.scenarios import SCENARIOS
from tests.lab.score import Scoring

DOCUMENTED = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "observations.md").read_text()))


@pytest.fixture(scope="module")
def scores(request):
    """The scores to come of the scenarios that were selected: they run side by side."""
    selected = [item.callspec.params["name"] for item in request.session.items if item.module is request.module]
    scoring = Scoring()
    yield {name: scoring.submit(SCENARIOS[name]) for name in selected if not missing(*SCENARIOS[name].real)}
    scoring.close()


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_true_cause_comes_first(scores, name):
    """The expected cause is the first finding, of the right targets, without another accusation."""
    if name not in scores:
        unavailable(f"not installed: {', '.join(missing(*SCENARIOS[name].real))}")
    try:
        score, outcome = scores[name].result()
    except LabUnavailableError as error:
        unavailable(f"the lab cannot be built here: {error}")

    assert score.right, str(score)
    assert _undocumented(outcome.report["observations"]) == set()


def _undocumented(observations):
    """Facts that docs/observations.md does not know; where the way is open, two of them stand for one."""
    facts = {key for seen in observations for key in seen["facts"]}
    return {re.sub("^(internet|vpc)_", "", key) for key in facts} - DOCUMENTED
