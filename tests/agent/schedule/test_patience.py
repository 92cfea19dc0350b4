"""Backing off from targets that fail the same way again and again."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from agent.schedule.patience import NONE, after, is_due, most

_INTERVALS = st.floats(1.0, 3600.0)


def asked(outcomes, interval):
    """In which runs a target is asked that fails as told, by the run's number."""
    patience, found = NONE, []
    for run, how in enumerate(outcomes):
        if is_due(patience, run, interval):
            found.append(run)
            patience = after(patience, how)
    return found


def test_less_and_less_often():
    """Five runs in a row; then every second, every fourth, every eighth."""
    found = asked(["connect:connection_refused"] * 120, 15.0)
    gaps = [later - earlier for earlier, later in itertools.pairwise(found)]

    assert found[:5] == [0, 1, 2, 3, 4]
    assert gaps == sorted(gaps) or gaps[-10:] == [8] * 10
    assert set(gaps) <= {1, 2, 3, 4, 8}
    assert gaps[-1] == 8


@given(_INTERVALS, st.lists(st.sampled_from([None, "a", "b"]), max_size=200))
def test_never_longer_than_the_bound(interval, outcomes):
    """Eight runs, and five minutes where the interval is shorter than that."""
    found = asked(outcomes, interval)
    gaps = [later - earlier for earlier, later in itertools.pairwise(found)]

    assert all(gap <= 8 and (gap == 1 or gap * interval <= 300.0) for gap in gaps)
    assert most(interval) in (1, 2, 4, 8)


@given(_INTERVALS, st.integers(0, 100), st.integers(0, 1000))
def test_a_success_brings_it_back_at_once(interval, failures, run):
    """However long it failed, it is asked in every run again."""
    patience = NONE
    for _ in range(failures):
        patience = after(patience, "tls:tls_expired")

    assert is_due(after(patience, None), run, interval)


def test_another_failure_begins_anew():
    """A target that fails in another way has changed: it is looked at closely again."""
    assert asked(["a"] * 5 + ["b"] + ["b"] * 10, 1.0)[:11] == [*range(5), 6, 7, 8, 9, 10, 12]


@given(st.lists(st.integers(5, 100), min_size=2, max_size=6))
def test_together(failures):
    """Targets that are asked less often are asked in the same runs: they are each other's evidence."""
    targets = []
    for count in failures:
        patience = NONE
        for _ in range(count):
            patience = after(patience, "a")
        targets.append(patience)

    assert all(is_due(patience, run, 1.0) for patience in targets for run in range(0, 80, 8))
