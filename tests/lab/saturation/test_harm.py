"""First do no harm: what others on the same way feel, and what a kill leaves."""

import pytest

from tests.lab.saturation.bench import standing
from tests.lab.saturation.cases import CASES
from tests.lab.saturation.score import LONGEST_OUTAGE, judge

# At the first ones, half way, and at the limit.
MOMENTS = (3, 50, 99)


@pytest.fixture(scope="module")
def measured(lab):
    """A way of a hundred connections, measured, and the score of it."""
    case = CASES["cap_100_drop"]
    with standing(lab, case) as bench:
        outcome, seen = bench.check()
        return judge(case, outcome, seen, bench.bare()["held"])


def test_no_more_than_a_tenth_too_many(measured):
    """On the router's wire there are never more connections of ours at once than 110 of 100 that it holds."""
    assert measured.case.limit <= measured.seen.most <= measured.case.most_tried


def test_a_conversation_goes_on(measured):
    """The other tenant's conversation loses nothing, and its packets take no longer than this machine's noise."""
    assert measured.seen.tenant["trips"]
    assert [] == measured.harm


def test_new_connections_fail_for_less_than_a_second(measured):
    """At the limit the other tenant's new connections fail, for less than the bounded time; otherwise none does."""
    tenant = measured.seen.tenant

    assert 0 < tenant["longest_outage"] < LONGEST_OUTAGE
    assert tenant["failed"] < tenant["knocks"] / 2


def test_everything_is_given_back(measured):
    """Nothing of ours is established afterwards, and the way admits as many as before."""
    assert (measured.seen.tracked, measured.seen.arrived, measured.admits) == (0, 0, measured.case.limit + 1)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_leaves_nothing(lab, moment):
    """Killed while it holds so many, linkdoctor leaves no entry in the router, no socket, and no place taken."""
    case = CASES["cap_100_drop"]
    with standing(lab, case) as bench:
        left = bench.kill(moment)
        admits = bench.bare()["held"]

    assert left["held"] >= moment
    # The other tenant, with its one connection, is not there.
    assert (left["tracked"], left["arrived"], admits) == (0, 0, case.limit + 1)
