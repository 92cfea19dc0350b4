"""Estimates of a limit, and between what the true one lies."""

import pytest

from reports.saturation import Ascent, Interval, limit_of, rate_of, same


def ended(held, pending=0, ended_by="refused", spread=False):
    """An ascent that ended so high."""
    return Ascent(number=1, start=0, held=held, pending=pending, ended_by=ended_by, spread=spread)


@pytest.mark.parametrize(
    ("ascents", "expected"),
    [
        ([ended(100, ended_by="maximum")], None),
        ([ended(100, spread=True)], None),
        ([ended(100)], Interval(value=100, low=100, high=100)),
        ([ended(16), ended(16)], Interval(value=16, low=16, high=16)),
        # A lost packet ends an ascent too low; what was silent in between may have been counted.
        ([ended(299), ended(300, pending=1)], Interval(value=300, low=299, high=301)),
        # The limit moved, and the last two agree.
        ([ended(100), ended(60), ended(60)], Interval(value=60, low=60, high=60)),
        # It moved, and nothing says more.
        ([ended(100), ended(60)], Interval(value=60, low=60, high=100)),
    ],
)
def test_limit(ascents, expected):
    """The most of those that agree with the last one."""
    assert limit_of(ascents) == expected


def test_same():
    """One more or less, or a few in a hundred."""
    assert (same(16, 17), same(16, 18), same(1000, 970), same(1000, 960)) == (True, False, True, False)


def test_rate():
    """The mean of the times that were counted, each of which is as fine as one connection more or less."""
    assert rate_of([]) is None
    assert rate_of([(20, 1.0), (21, 1.0), (19, 1.0)]) == Interval(value=20, low=18, high=22)
    assert rate_of([(15, 0.75), (0, 0.0)]) == Interval(
        value=20, low=pytest.approx(18.667, 0.001), high=pytest.approx(21.333, 0.001)
    )
