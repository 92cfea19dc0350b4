"""Whether the wall clock is believed."""

from hypothesis import given
from hypothesis import strategies as st

from agent.schedule.clock import Clock, ahead

_HOUR = 3600.0


@given(st.lists(st.floats(-59, 59), max_size=20))
def test_small_steps_are_no_jumps(steps):
    """However far they lead in the end: clocks are set by a little again and again."""
    clock, where = Clock(1000.0), 1000.0
    for number, step in enumerate(steps):
        where += step
        assert clock.off(where, number * 60.0) == 0


@given(st.integers(120, 10**9) | st.integers(-(10**9), -120))
def test_a_jump_is_doubted_for_an_hour(jump):
    """Then the new time is believed, and the old one is the jump."""
    clock = Clock(1000.0)

    assert clock.off(1000.0 + jump, 0) == jump
    assert clock.off(1000.0 + jump, _HOUR - 1) == jump
    assert clock.off(1000.0 + jump, _HOUR) == 0
    assert clock.off(1000.0, _HOUR + 1) == -jump


def test_back_again():
    """What is set right is right at once; another jump is doubted for an hour of its own."""
    clock = Clock(0.0)

    assert clock.off(86_400.0, 0) == 86_400
    assert clock.off(0.0, 60) == 0
    assert clock.off(86_400.0, 3000) == 86_400
    assert clock.off(-86_400.0, 5000) == -86_400
    assert clock.off(-86_400.0, 8599) == -86_400
    assert clock.off(-86_400.0, 8600) == 0


def test_the_clock_of_this_machine():
    """It stands still with regard to itself."""
    assert abs(ahead() - ahead()) < 1
