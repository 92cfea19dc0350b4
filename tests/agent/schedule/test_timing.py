"""When plans are run: slots, phases of hosts, gaps between starts."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.schedule.timing import Gate, Slots, gap_of, phase

_INTERVALS = st.floats(1.0, 604_800.0)
_MOMENTS = st.floats(0.0, 1e9)
_SLOTS = st.builds(Slots, _MOMENTS, _INTERVALS, st.floats(0.0, 1.0, exclude_max=True))


@given(st.text(), st.text())
def test_a_phase_is_worked_out(host, plan):
    """The same for the same names, always inside of the interval."""
    assert 0 <= phase(host, plan) == phase(host, plan) < 1


def test_hosts_spread():
    """A thousand hosts that start a plan together ask its targets in every part of the interval."""
    tenths = [int(phase(f"worker-{n}", "nightly-etl") * 10) for n in range(1000)]

    assert all(60 < tenths.count(tenth) < 140 for tenth in range(10))


@given(_SLOTS, st.floats(0.0, 1e6))
def test_the_next_slot_is_later_and_near(slots, later):
    """The slot after a moment is after it, by an interval at most (but for what floats lose)."""
    now = slots.begun + later
    at = slots.at(slots.after(now))
    lost = 1e-6 * (1 + now)

    assert now - lost <= at <= now + slots.interval + lost


@given(_SLOTS)
def test_the_first_run_is_soon_and_the_second_not_at_once(slots):
    """Within five seconds; then at a slot, half an interval later at least."""
    assert slots.begun <= slots.first <= slots.begun + 5
    assert slots.at(slots.second()) - slots.first >= slots.interval / 2 - 1e-6 * (1 + slots.begun)


@given(_SLOTS, st.integers(0, 1000), st.integers(0, 50))
def test_what_is_missed_is_left_out(slots, due, late):
    """A run that ends between two slots has missed those before: the next start lies in the future."""
    ended = slots.at(due + late) - slots.interval / 2
    missed = slots.missed(due, ended)

    assert missed == late
    assert slots.at(due + missed) > ended


@given(_SLOTS, st.floats(0, 1))
def test_jitter_is_small(slots, chance):
    """A twentieth of the interval."""
    assert 0 <= slots.late(chance) <= slots.interval / 20 * (1 + 1e-9)


@given(st.lists(_INTERVALS, min_size=1, max_size=200))
def test_starts_never_burst(intervals):
    """Plans that all want to start at once start one by one, and all of them within the shortest interval."""
    gate = Gate(gap_of(intervals))
    starts = [gate.pass_at(100.0) for _ in intervals]

    assert all(later - earlier >= gate.gap * 0.99 for earlier, later in itertools.pairwise(starts))
    assert gate.gap <= 0.25
    assert starts[0] == 100.0
    assert gate.gap * sum(1 / interval for interval in intervals) <= 0.51


def test_a_gate_that_nobody_waits_at_is_open():
    """Whoever comes when the last start is long past is let through at once."""
    gate = Gate(0.25)
    chance = random.Random(7)
    now = 0.0
    for _ in range(100):
        now += 0.25 + chance.random()

        assert gate.pass_at(now) == pytest.approx(now)
