"""What those that fail share: found, said with its counts, and never sold for more than it is."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.comparison.contest import judge
from reports.comparison.factors import CHANCE, bayes_factor, fisher
from tests.reports.vantages import CACHE, MYSQL, OTHER, PARTNER, SILENT, WORKS, executors, job, view


def first(places):
    """The cause that comes first, its share, and the reasons."""
    verdict = judge(view(places))
    cause, share = verdict.shares[0]
    return cause, share, " | ".join(verdict.words)


FINE = {MYSQL: WORKS, CACHE: WORKS}
BROKEN = {MYSQL: SILENT, CACHE: WORKS}
PUBLIC_FINE, PUBLIC_BROKEN = {PARTNER: WORKS, OTHER: WORKS}, {PARTNER: SILENT, OTHER: WORKS}


@pytest.mark.parametrize(
    ("groups", "expected", "words"),
    [
        (
            ((37, job(FINE)), (3, job(BROKEN, "10.10.9.10"))),
            "eni_wrong_vswitch",
            "the 3 of 40 that fail are exactly those that come from the vSwitch 10.10.9.0/24",
        ),
        (
            ((37, job(FINE)), (3, job(BROKEN, "10.10.1.11"))),
            "ip_whitelist_mismatch",
            "the 3 of 40 that fail are exactly those that come from 10.10.1.11",
        ),
        (
            ((3, job(FINE)), (37, job(BROKEN, "10.10.9.10"))),
            "eni_wrong_vswitch",
            "the 3 of 40 that work are exactly those that come from the vSwitch 10.10.1.0/24",
        ),
        (
            ((20, job(FINE)), (6, job({MYSQL: SILENT, CACHE: SILENT}, "100.64.3.7"))),
            "eni_missing",
            "the 6 of 26 that fail are exactly those without an address in the VPC",
        ),
        (
            ((20, job(FINE)), (6, job(BROKEN, answers={MYSQL: "10.10.2.98"}))),
            "dns_stale_answer",
            "the 6 of 26 that fail are exactly those whose name leads to 10.10.2.98",
        ),
        (
            ((20, job(PUBLIC_FINE, outbound="203.0.113.7")), (6, job(PUBLIC_BROKEN, outbound="203.0.113.8"))),
            "outbound_ip_pool_partly_admitted",
            "the 6 of 26 that fail are exactly those that go out as 203.0.113.8",
        ),
        (
            ((20, job(FINE)), (6, job(BROKEN, host="worker-7"))),
            "local_firewall_drop",
            "the 6 of 26 that fail are exactly those on host worker-7",
        ),
        (
            ((20, job(FINE, labels=(("zone", "a"),))), (6, job(BROKEN, labels=(("zone", "b"),)))),
            "blackhole_route",
            "the 6 of 26 that fail are exactly those in zone b",
        ),
    ],
)
def test_what_those_that_fail_share(groups, expected, words):
    """With enough of them, what parts them exactly is said with its counts, and names the cause."""
    cause, _, reasons = first(executors(*groups))

    assert words in reasons
    assert "by chance once in" in reasons
    assert expected == cause


def test_properties_that_part_alike_are_all_named():
    """What cannot be told apart is not told apart."""
    places = executors((20, job(FINE)), (6, job(BROKEN, "10.10.9.10", host="worker-7")))
    _, _, reasons = first(places)

    assert "(they share ENI address 10.10.9.10, host worker-7 as well)" in reasons


def test_an_exception_is_counted():
    """One that works among those that fail: it is said as it is, and not as an exact parting."""
    places = executors((30, job(FINE)), (9, job(BROKEN, "10.10.9.10")), (1, job(FINE, "10.10.9.10")))
    _, _, reasons = first(places)

    assert "9 of the 10 that come from the vSwitch 10.10.9.0/24 fail, and 0 of the 30 others" in reasons


def test_few_are_no_certainty():
    """One of two may differ by chance: it is said, and the confidence shows it."""
    few = executors((1, job(FINE)), (1, job(BROKEN, "10.10.9.10")))
    many = executors((30, job(FINE)), (10, job(BROKEN, "10.10.9.10")))
    _, share_of_few, reasons = first(few)
    _, share_of_many, _ = first(many)

    assert "so few may part like that by chance (p = 0.5)" in reasons
    assert share_of_few < 0.6 < share_of_many


def test_a_coincidence_is_not_sold():
    """Failures spread over everything: nothing parts them, and that is said."""
    spread = [
        job(BROKEN if number % 3 == 0 else FINE, f"10.10.1.{10 + number % 2}", host=f"worker-{number % 4}")
        for number in range(24)
    ]
    _, _, reasons = first(executors(*((1, at) for at in spread)))

    assert "nothing that is known of the vantage points parts those that fail from the others" in reasons


def test_many_properties_are_many_chances():
    """Each property that is looked at is another chance for a coincidence: the bar rises with their number."""
    plain = executors((5, job(FINE)), (2, job(BROKEN, "10.10.1.11")))
    varied = executors(
        *((1, job(FINE, labels=(("container", f"c{number}"),))) for number in range(5)),
        *((1, job(BROKEN, "10.10.1.11", labels=(("container", f"c{number}"),))) for number in (5, 6)),
    )

    [alone] = view(plain).partings
    [among_others] = view(varied).partings

    assert alone.chance < among_others.chance


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n))))
def test_fisher_counts(numbers):
    """The probability is what counting all groups gives."""
    total, failing, size = numbers
    for hits in range(min(failing, size) + 1):
        groups = list(itertools.combinations(range(total), size))
        counted = sum(sum(one < failing for one in group) >= hits for group in groups) / len(groups)

        assert math.isclose(counted, fisher(failing, total, hits, size), abs_tol=1e-9)


def test_fisher_of_many():
    """Ten thousand vantage points are no trouble, and nothing leaves 0 to 1."""
    assert 0 < fisher(5_000, 10_000, 2_600, 5_000) < 1e-3
    assert math.isclose(fisher(5_000, 10_000, 0, 5_000), 1.0)


def test_a_p_value_says_little_by_itself():
    """At 0.05 something is at most 2.5 times likelier; where chance is likely, it says nothing."""
    assert bayes_factor(1.0) == bayes_factor(0.5) == 1.0
    assert 2.4 < bayes_factor(CHANCE) < 2.5
