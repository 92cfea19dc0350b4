"""Every network with a known fault gets its one true diagnosis, every healthy one none."""

import pytest

from tests.lab.conftest import unavailable
from tests.lab.harness import LabError
from tests.lab.real import NEEDED
from tests.lab.scenarios import SCENARIOS
from tests.lab.score import run


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_true_cause_comes_first(lab, name):
    """The expected cause is the first finding, of the right targets, without another accusation."""
    scenario = SCENARIOS[name]
    try:
        lab.start(*scenario.real)
    except LabError as error:
        unavailable(f"{', '.join(NEEDED[server][0] for server in scenario.real)}: {error}")
    score, _ = run(lab, scenario)

    assert score.right, str(score)
