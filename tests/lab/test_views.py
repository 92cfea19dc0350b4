"""Which causes the scenarios show, and from which point of view: none is left out without a reason."""

import pytest

from reports.causes import CAUSES
from tests.lab.comparisons.cases import CASES
from tests.lab.saturation.cases import CASES as SATURATED
from tests.lab.scenarios import SCENARIOS
from tests.lab.views import ALONE, BY_COMPARISON, BY_SATURATION, possible, seen

SINGLE = [code for code in CAUSES if code not in BY_COMPARISON | BY_SATURATION]


@pytest.mark.parametrize("code", SINGLE)
def test_a_cause_is_met_from_each_point_of_view(code):
    """From the job's sandbox and from the VPC host, but where one of them cannot meet it, for a stated reason."""
    assert possible(code) == seen()[code]


def test_what_takes_two_points_of_view_is_compared():
    """Causes that one point of view cannot know are expected by a comparison."""
    assert BY_COMPARISON <= {case.expected for case in CASES.values()}


def test_what_takes_many_connections_is_saturated():
    """Causes that a look cannot show are true in a way whose limits are known, and in no scenario."""
    assert BY_SATURATION <= {case.causes[0] for case in SATURATED.values() if case.causes}
    assert BY_SATURATION & set(seen()) == set()


def test_exceptions_are_causes():
    """Every exception is a cause of the catalogue."""
    alone = {code for codes in ALONE.values() for code in codes}

    assert alone | BY_SATURATION | BY_COMPARISON <= set(CAUSES)


def test_enough_scenarios():
    """At least 110 scenarios, 12 of them healthy, 8 with several faults, 6 that change."""
    healthy = [name for name, scenario in SCENARIOS.items() if scenario.expected is None]

    assert len(SCENARIOS) >= 110
    assert len(healthy) >= 12
    assert sum(bool(scenario.others) for scenario in SCENARIOS.values()) >= 8
    assert sum(name.startswith("changing_") for name in SCENARIOS) >= 6


def test_targets_are_the_plans():
    """Whatever a scenario says of a target, its plan has that target."""
    unknown = {
        scenario.name: sorted(said)
        for scenario in SCENARIOS.values()
        if (
            said := {name for targets in scenario.causes.values() for name in targets}
            - {target["name"] for target in scenario.plan["targets"]}
        )
    }

    assert unknown == {}
