"""Intervals hold what they promise, for few samples as well."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics import median, median_interval, wilson

TRIED = st.integers(1, 500)


@st.composite
def counted(draw):
    """So many hits of so many tries."""
    tried = draw(TRIED)
    return draw(st.integers(0, tried)), tried


@given(counted())
def test_the_interval_holds_the_share(drawn):
    """It lies within 0 and 1, around what was seen."""
    hits, tried = drawn
    low, high = wilson(hits, tried)

    assert 0 <= low <= hits / tried <= high <= 1


@given(counted())
def test_the_interval_has_no_favourite(drawn):
    """Of the misses it says the same as of the hits."""
    hits, tried = drawn
    low, high = wilson(hits, tried)

    assert wilson(tried - hits, tried) == pytest.approx((1 - high, 1 - low))


@given(counted())
def test_more_of_the_same_makes_surer(drawn):
    """Ten times as many with the same share: a narrower interval."""
    hits, tried = drawn
    low, high = wilson(hits, tried)
    narrow_low, narrow_high = wilson(10 * hits, 10 * tried)

    assert narrow_high - narrow_low < high - low


@pytest.mark.parametrize(
    ("hits", "tried", "expected"),
    [(0, 0, (0.0, 1.0)), (0, 20, (0.0, 0.161)), (1, 20, (0.009, 0.236)), (8, 200, (0.020, 0.077))],
)
def test_known_intervals(hits, tried, expected):
    """Values of the literature; nothing tried says nothing."""
    assert wilson(hits, tried) == pytest.approx(expected, abs=0.001)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3, 0.5])
@pytest.mark.parametrize("tried", [20, 60, 200])
def test_the_true_share_is_inside(share, tried):
    """Summed over all that chance may give, the interval holds the true share in 9 of 10 draws at least."""
    inside = sum(
        math.comb(tried, hits) * share**hits * (1 - share) ** (tried - hits)
        for hits in range(tried + 1)
        if wilson(hits, tried)[0] <= share <= wilson(hits, tried)[1]
    )

    assert inside >= 0.9


@given(st.lists(st.floats(0, 10), min_size=1, max_size=80))
def test_the_median_lies_in_its_interval(values):
    """Whatever the values are."""
    ordered = sorted(values)
    low, high = median_interval(ordered)

    assert ordered[0] <= low <= median(ordered) <= high <= ordered[-1]


@pytest.mark.parametrize("count", [6, 9, 20, 60, 200])
def test_the_median_s_interval_is_as_sure_as_it_says(count):
    """The chance that the true median lies outside, by counting coins, is 5 % at most, and one place less is above."""
    low, _ = median_interval(range(count))

    def outside(place):
        return 2 * sum(math.comb(count, heads) for heads in range(place + 1)) / 2**count

    assert outside(low) <= 0.05 < outside(low + 1)
