"""Never more packets in any second than the rate says, whatever becomes of what was reserved."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.sweep.contract import EVERY, Pace, Unable


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        """Seconds."""
        return self.now


def densest(times):
    """The most within any second."""
    return max((sum(first <= other < first + 1.0 for other in times) for first in times), default=0)


# Of each question: how many packets it may cause, after how long it is settled, how many of these left at that time.
questions = st.lists(st.tuples(st.floats(0.0, 2.0), st.integers(0, 2)), min_size=1, max_size=300)


@given(rate=st.integers(3, 60), asked=questions)
@settings(max_examples=60, deadline=None)
def test_no_second_holds_more(rate, asked):
    """A packet leaves at once, and of two more some when it is settled: the wire is within the rate."""
    clock, wire, open_ones, waiting = Clock(), [], [], list(asked)
    pace = Pace(rate, clock)
    pace.serves(3)
    while waiting or open_ones:
        for settled in [one for one in open_ones if one[0] <= clock.now]:
            open_ones.remove(settled)
            wire.extend([clock.now] * settled[1])
            pace.left(settled[1])
            pace.back(2 - settled[1])
        if waiting and pace.take(1, 3):
            wire.append(clock.now)
            pace.left(1)
            took, more = waiting.pop()
            open_ones.append((clock.now + took, more))
        clock.now += 0.005

    assert pace.sent == len(wire)
    assert densest(wire) <= rate


def test_it_uses_what_it_may():
    """What comes back is used again: answers that cost nothing more leave room for questions."""
    clock, sent = Clock(), 0
    pace = Pace(1000, clock)
    pace.serves(2)
    start = clock.now
    while clock.now < start + 5.0:
        for _ in range(pace.take(64, 2)):
            pace.left(1)
            pace.back(1)
            sent += 1
        clock.now += pace.pause(2)

    assert 4500 < sent <= 5050


def test_no_bursts():
    """A second's packets do not leave at once: a hundredth of them, or what one question costs."""
    clock = Clock()
    pace = Pace(1000, clock)
    pace.serves(3)
    clock.now += 60.0

    assert pace.take(1000, 1) == 10
    assert pace.take(1000, 1) == 0


def test_neighbours_are_counted_longer():
    """The kernel repeats a request for a neighbour for three seconds."""
    clock = Clock()
    pace = Pace(2, clock)
    pace.serves(2)
    clock.now += 60.0
    assert pace.take(1, 1)
    pace.neighbours(1)
    free = []
    for _ in range(5):
        clock.now += 1.0
        free.append(pace.take(2, 1))
        pace.back(free[-1])

    assert free == [1, 1, 1, 1, 2]


def test_what_nobody_foresaw_is_made_up_for():
    """Others wait for it."""
    clock = Clock()
    pace = Pace(10, clock)
    pace.serves(1)
    clock.now += 60.0
    pace.unforeseen(12)

    assert pace.take(1, 1) == 0
    clock.now += 1.02
    assert pace.take(1, 1) == 1


def test_lent_out():
    """As long as others share the rate nothing of it is here; what they may have sent just now counts."""
    clock = Clock()
    pace = Pace(10, clock)
    pace.serves(1)
    clock.now += 1.0
    assert pace.lend()
    assert not pace.lend()
    assert pace.take(1, 1) == 0
    pace.regain()
    assert pace.take(1, 1) == 0
    clock.now += 1.02
    assert pace.take(1, 1) == 1


def test_too_slow_for_one_question():
    """What cannot be kept is refused, and what would do is said."""
    with pytest.raises(Unable, match="cause 9"):
        Pace(5).serves(9)


def test_no_limit():
    """Rate 0: everything at once, and counted."""
    pace = Pace(0)
    assert pace.take(5000, 3) == 5000
    pace.left(5000)

    assert (pace.sent, pace.pause(3)) == (5000, 0.0)
    assert Pace(1).pause(1) <= EVERY
