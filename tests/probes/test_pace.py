"""How fast connections are begun, and when a rate counts as limited."""

import pytest

from probes import pace as module
from probes.holding import Attempt
from probes.pace import Count, Pace, approaching, is_limited, rising


class Clock:
    """Stands in for the module's clock: it goes on when it is told."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        """Seconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """The clock, in the place of the module's."""
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


def rates(pace, clock, steps, every=0.5):
    """The rates of so many steps, told to rise at the end of each."""
    found = []
    for _ in range(steps):
        clock.now += every
        pace.rise()
        found.append(pace.rate)
    return found


def test_it_becomes_faster_when_told(clock):
    """By less than a tenth at once, from 20 a second up to the most, however late it is told; never by itself."""
    pace = rising(30)
    clock.now += 60

    assert pace.rate == 20
    for early, late in zip([20, *(found := rates(pace, clock, 20, every=3.0))], found, strict=False):
        assert early <= late <= 1.1 * early
    assert pace.rate == 30


def test_it_is_told_too_often(clock):
    """Within half a second it becomes faster once, and near a known limit by less."""
    assert rates(Pace(100, 1000), clock, 4, every=0.125) == [100, 100, 100, pytest.approx(107)]
    assert rates(approaching(100, 1000), clock, 2) == [pytest.approx(103), pytest.approx(103 * 1.03)]


def test_a_plan_may_want_it_slow(clock):
    """A plan that allows fewer than 20 a second begins with what it allows."""
    pace = rising(5)

    assert [5, 5] == rates(pace, clock, 2)


@pytest.mark.parametrize(("most", "seconds"), [(100, 1.0), (20, 3.58), (10, 7.15)])
def test_a_limit_has_time_to_show(clock, most, seconds):
    """The most stands until what a usual bucket has saved would be spent by a limit that is one step below."""
    pace = Pace(most, most)
    clock.now += seconds - 0.02
    early = pace.is_spent
    clock.now += 0.02

    assert (early, pace.is_spent, Pace(most, most + 1).is_spent) == (False, True, False)


async def test_turns_are_spread():
    """How many were begun in a second is known, and that they were fewer than the rate."""
    pace = Pace(1000)
    for _ in range(30):
        await pace.wait()

    assert pace.begun == 30
    assert not pace.is_kept


@pytest.mark.parametrize(
    ("counts", "limited"),
    [
        # Nothing is known of slower ones: as much as 6 % may be lost anywhere.
        ([(15, 4, 0, 0)] * 4, True),
        ([(72, 3, 0, 0)] * 3, False),
        # Slower ones passed: a few refused ones are enough.
        ([(150, 8, 500, 1)] * 3, True),
        ([(150, 3, 500, 1)] * 3, True),
        # Slower ones were lost as often.
        ([(72, 3, 50, 2)] * 3, False),
        ([(150, 5, 200, 6)] * 3, False),
        # One that was lost by chance ends each stretch: it counts with those before it.
        ([(17, 1, 25, 1)] * 3, False),
        # A limiter lets as many through each time, but for one or two.
        ([(11, 3, 30, 1), (13, 3, 30, 1), (12, 3, 30, 1), (12, 4, 30, 1)], True),
        ([(11, 3, 30, 1), (14, 3, 30, 1), (12, 3, 30, 1), (12, 4, 30, 1)], False),
        ([(120, 9, 500, 1), (132, 9, 500, 1)], True),
        ([(120, 9, 500, 1), (134, 9, 500, 1)], False),
    ],
)
def test_when_a_rate_is_limited(counts, limited):
    """As many passed each time; more were refused than of the slower ones before (the last two), or than by chance."""
    example = Attempt(sign="silent")

    assert limited == is_limited(
        [
            Count(passed=passed, refused=refused, seconds=0.6, before=before, refused_before=earlier, example=example)
            for passed, refused, before, earlier in counts
        ]
    )
