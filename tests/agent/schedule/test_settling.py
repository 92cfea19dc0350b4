"""Hysteresis, over sequences of verdicts."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from agent.schedule.settling import settle
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED, VERDICTS

_MEASURED = st.lists(st.none() | st.sampled_from(VERDICTS), max_size=40)


def run(measured):
    """The verdict in force after each run."""
    settled, found = None, []
    for one in measured:
        settled = settle(settled, one)
        found.append(settled.verdict if settled is not None else None)
    return found


@given(_MEASURED)
def test_a_change_needs_two_of_three(measured):
    """Whatever takes force was measured by this run, and by another of the two before that counted."""
    in_force = run(measured)
    for place in range(1, len(measured)):
        if in_force[place] != in_force[place - 1] and in_force[place - 1] is not None:
            counted = [one for one in measured[: place + 1] if one is not None][-3:]

            assert measured[place] == in_force[place]
            assert counted.count(in_force[place]) >= 2


@given(_MEASURED)
def test_no_change_by_a_run_that_could_not_tell(measured):
    """It changes nothing, and all else comes out as though it had not been."""
    in_force = run(measured)

    for place, one in enumerate(measured):
        if one is None:
            assert in_force[place] == (in_force[place - 1] if place else None)
    assert run([one for one in measured if one is not None]) == [
        force for force, one in zip(in_force, measured, strict=True) if one is not None
    ]


@given(_MEASURED)
def test_never_two_changes_after_each_other(measured):
    """Between two changes lies another run that counted."""
    counted = run([one for one in measured if one is not None])
    changes = [place for place in range(1, len(counted)) if counted[place] != counted[place - 1]]

    assert all(later - earlier >= 2 for earlier, later in itertools.pairwise(changes)) or changes[:1] == [1]


@given(st.sampled_from(VERDICTS), st.lists(st.sampled_from(VERDICTS), max_size=10))
def test_what_lasts_wins(verdict, before):
    """A verdict that is measured twice in a row is in force, whatever was before."""
    assert run([*before, verdict, verdict])[-1] == verdict


def test_one_outlier():
    """It changes nothing; the second one within three does."""
    assert run([HEALTHY, FAILING, HEALTHY, HEALTHY]) == [HEALTHY] * 4
    assert run([HEALTHY, FAILING, HEALTHY, FAILING]) == [HEALTHY] * 3 + [FAILING]
    assert run([HEALTHY, FAILING, DEGRADED, UNDETERMINED]) == [HEALTHY] * 4


def test_the_first_counts_at_once():
    """There is nothing that it could be held against."""
    assert run([None, FAILING]) == [None, FAILING]
