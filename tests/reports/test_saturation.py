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
        # Somebody else may have had one more.
        ([ended(100)], Interval(value=100, low=100, high=101)),
        ([ended(16), ended(16)], Interval(value=16, low=16, high=17)),
        # A lost packet ends an ascent too low; what was silent in between may have been counted.
        ([ended(299), ended(300, pending=1)], Interval(value=300, low=299, high=302)),
        # The limit moved, and the last two agree.
        ([ended(100), ended(60), ended(60)], Interval(value=60, low=60, high=61)),
        # It moved, and nothing says more.
        ([ended(100), ended(60)], Interval(value=60, low=60, high=101)),
    ],
)
def test_limit(ascents, expected):
    """The most of those that agree with the last one."""
    assert limit_of(ascents) == expected


def test_same():
    """One more or less, or a few in a hundred."""
    assert (same(16, 17), same(16, 18), same(1000, 970), same(1000, 960)) == (True, False, True, False)


def test_rate():
    """The most of the seconds that were counted, which is as fine as one connection in a second."""
    assert rate_of([]) is None
    assert rate_of([(20, 1.0), (21, 1.0), (19, 1.0)]) == Interval(value=21, low=18, high=22)
