"""What a way lets through one after the other, and not all at once."""

import pytest
from attrs import evolve

from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import Plan, Target, Vantage
from reports.rules.contract import Want
from tests.reports.building import connected, seen

TARGETS = tuple(Target(name=f"t{n}", host=f"198.51.100.{n}", port=443, via="internet") for n in range(1, 13))
SERVED = {"phase": "greeting", "bytes_in": 9}


def looked_at(one, syns=1):
    """A target that answers; with two SYNs, after the first one was lost."""
    shaken = connected(one.name, one.host, one.port)
    shaken = evolve(shaken, id="", duration_s=1.0 if syns > 1 else 0.01, facts={**shaken.facts, "syns": syns})
    return (shaken, seen("service", "exchange", one.name, one.address, **SERVED))


def silent(one):
    """A target that does not."""
    facts = {"ip": one.host, "port": one.port, "syns": 2}
    return (seen("tcp", "connect", one.name, one.address, failure=Failure.TIMED_OUT, duration_s=1.5, **facts),)


def series(one, lost=0, tried=20):
    """Handshakes with it, one after the other."""
    facts = {"ip": one.host, "port": one.port, "tried": tried, "answered": tried - lost, "syns": tried}
    return seen("loss", "handshakes", one.name, one.address, after=2.0, syns_lost=lost, **facts)


def diagnosed(*observations, targets=TARGETS):
    """The diagnosis of a run by the Internet."""
    return diagnose(Plan(name="p", targets=targets), Vantage(kind="udf"), observations)


def run(lost, then, via="internet"):
    """A run in which the first SYNs to so many were lost, and of the series so many."""
    targets = tuple(evolve(one, via=via) for one in TARGETS)
    parts = [part for n, one in enumerate(targets) for part in looked_at(one, 2 if n < lost else 1)]
    parts += [series(one, lost=then) for one in targets[:3]]
    return diagnosed(*parts, targets=targets)


def first(diagnosis):
    """The first cause, and the others that it may be; None where nothing is above info."""
    found = [finding for finding in diagnosis.findings if finding.severity != "info"]
    return (found[0].cause, {one.cause for one in found[0].candidates}) if found else (None, set())


@pytest.mark.parametrize(
    ("lost", "then", "via", "cause", "others"),
    [
        (5, 0, "internet", "snat_connection_cap", {"snat_rate_limit"}),
        (3, 0, "internet", "snat_connection_cap", {"snat_rate_limit"}),
        # Two hosts are a matter of their own; behind an ENI nothing is shared that would have such a limit.
        (2, 0, "internet", None, set()),
        (5, 0, "vpc", None, set()),
        # What loses one after the other, too, may lose at random.
        (5, 6, "internet", "packet_loss", {"snat_rate_limit"}),
    ],
)
def test_a_burst_that_is_lost(lost, then, via, cause, others):
    """A limit of the way, where what is lost at once passes slowly; else it may still be one of new ones per second."""
    assert first(run(lost, then, via)) == (cause, others)


def test_it_is_about_the_way():
    """A warning for all that take it, never sure; the words say how many, and that later ones pass."""
    (finding,) = run(5, 0).findings

    assert set(finding.targets) == {one.name for one in TARGETS}
    assert finding.severity == "warning"
    assert finding.confidence < 0.7
    assert "5 of 12 first SYNs by the same way (internet) got no answer" in finding.because[0]
    assert "of 60 SYNs then, one after the other, none got no answer" in finding.because


def test_a_few_in_many_are_chance():
    """Three of sixty, and none of sixty after them, are no limit."""
    targets = tuple(Target(name=f"h{n}", host=f"198.51.100.{n}", port=443, via="internet") for n in range(1, 61))
    parts = [part for n, one in enumerate(targets) for part in looked_at(one, 2 if n < 3 else 1)]

    assert first(diagnosed(*parts, *(series(one) for one in targets[:3]), targets=targets)) == (None, set())


def test_silent_ones_are_asked_again():
    """Three at a time, where others by the way answer: those that answer then were lost in the burst."""
    broken, well = TARGETS[:5], TARGETS[5:]
    parts = [part for one in broken for part in silent(one)] + [part for one in well for part in looked_at(one)]
    asked = [Want("loss", "handshakes", one.name, one.host) for one in broken]
    before = diagnosed(*parts)
    between = diagnosed(*parts, *(series(one) for one in broken[:3]))
    after = diagnosed(*parts, *(series(one) for one in broken))
    capped = next(finding for finding in after.findings if finding.cause == "snat_connection_cap")

    assert [want for want in before.wanted if want in asked] == asked[:3]
    assert [want for want in between.wanted if want in asked] == asked[3:]
    assert first(after)[0] == "snat_connection_cap"
    assert capped.severity == "critical"
    assert set(capped.targets) == {one.name for one in broken}


@pytest.mark.parametrize("count", [2, 12], ids=["few", "all"])
def test_they_are_not_asked_again(count):
    """Where few are silent, or everything is."""
    parts = [part for n, one in enumerate(TARGETS) for part in (silent(one) if n < count else looked_at(one))]

    assert "loss" not in {want.probe for want in diagnosed(*parts).wanted}
