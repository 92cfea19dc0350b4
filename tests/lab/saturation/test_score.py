"""The score can tell a right run from a wrong one, and sees harm."""

import pytest
from attrs import evolve

from tests.lab.harness import Outcome
from tests.lab.saturation.bench import Seen
from tests.lab.saturation.case import Case
from tests.lab.saturation.places import FAR_ADDRESS, JOB_ADDRESS, OTHER_ADDRESS, PLAIN
from tests.lab.saturation.score import Tally, judge
from tests.lab.saturation.tenant import outage
from tests.lab.saturation.watch import most_at_once, most_begun
from tests.lab.wire import ACK, FIN, RST, SYN, Packet

CASE = Case(name="cap", title="", connections=300, limit=99, causes=("snat_connection_cap",))
LIMITED = Case(name="rate", title="", connections=300, kind="rate", limit=20, burst=5, causes=("snat_rate_limit",))
HEALTHY = Case(name="healthy", title="", connections=300, kind="none")
FOUND = {"limit": 99, "limit_low": 98, "limit_high": 99, "held": 99, "tried": 103}
TENANT = {
    "trips_before": [0.0002] * 50,
    "trips": [0.0003] * 500,
    "retransmits": 0,
    "died": 0,
    "knocks": 500,
    "failed": 20,
    "longest_outage": 0.5,
}
SEEN = Seen(most=103, fastest=40, tracked=0, arrived=0, dropped=0, tenant=TENANT)


def scored(case=CASE, facts=FOUND, cause="snat_connection_cap", verdict="degraded", seen=SEEN, admits=100):
    """The score of a run that said and did this."""
    observations = [{"probe": "saturation", "step": "limit", "facts": facts}] if facts is not None else []
    findings = [{"cause": cause, "severity": "warning", "targets": ["measured"]}] if cause else []
    report = {"observations": observations, "findings": findings, "verdict": verdict}
    code = {"healthy": 0, "degraded": 1}[verdict]
    return judge(case, Outcome(code, report, "", "", 9.0), seen, admits)


def test_right():
    """The right limit, its cause and nobody harmed: nothing is wrong with it."""
    assert [] == scored().wrong
    assert [] == scored(HEALTHY, {"held": 300}, None, "healthy", evolve(SEEN, most=300), None).wrong


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"facts": None}, "it measured nothing"),
        ({"facts": {"held": 300}}, "kind none, not concurrent"),
        ({"facts": {"rate_limit": 99, "rate_low": 98, "rate_high": 100}}, "kind rate, not concurrent"),
        ({"facts": {**FOUND, "limit": 93}}, "the estimate is beyond the tolerance"),
        ({"facts": {**FOUND, "limit_high": 98}}, "the interval does not hold the truth"),
        ({"cause": "snat_rate_limit"}, "cause snat_rate_limit, not snat_connection_cap"),
        ({"cause": None}, "cause none, not snat_connection_cap"),
        ({"verdict": "healthy"}, "verdict healthy, not degraded"),
        ({"seen": evolve(SEEN, most=109)}, "109 connections at once were tried, of 108 at most"),
        ({"seen": evolve(SEEN, tracked=1)}, "1 entries are still established in the router"),
        ({"seen": evolve(SEEN, arrived=2)}, "2 connections are still there at the far host"),
        ({"seen": evolve(SEEN, dropped=5)}, "5 packets were not seen"),
        (
            {"seen": evolve(SEEN, tenant={**TENANT, "longest_outage": 1.0})},
            "others could open no connection for 1.00 s",
        ),
        ({"seen": evolve(SEEN, tenant={**TENANT, "died": 1})}, "1 connections of others died"),
        ({"seen": evolve(SEEN, tenant={**TENANT, "retransmits": 3})}, "3 packets of others' conversation were lost"),
        (
            {"seen": evolve(SEEN, tenant={**TENANT, "trips": [0.0003] * 400 + [0.02] * 100})},
            "others' packets took 20.0 ms, before 0.2 ms",
        ),
        ({"admits": 98}, "only 98 connections are admitted afterwards"),
    ],
)
def test_wrong(said, wrong):
    """Whatever is wrong with a run is said, and nothing else."""
    assert [wrong] == scored(**said).wrong


def test_shares_fall_short():
    """One run of ten whose kind is wrong is too many, one of twenty is not; harm never is."""
    missed = scored(facts={"held": 300})
    harmful = scored(seen=evolve(SEEN, tracked=1))

    assert "kind of limit right: 9 of 10, less than 95%" in Tally([scored()] * 9 + [missed]).shortfalls
    assert [] == Tally([scored()] * 19 + [missed]).shortfalls
    assert ["no harm: 99 of 100, less than 100%"] == Tally([scored()] * 99 + [harmful]).shortfalls


def packet(time, flags, port=40000, *, ours=True):
    """Between the job and the far host."""
    ends = (JOB_ADDRESS, port, FAR_ADDRESS, PLAIN) if ours else (FAR_ADDRESS, PLAIN, JOB_ADDRESS, port)
    return Packet(time, "job", not ours, "tcp", *ends, flags, 0, 0)


def test_most_at_once():
    """From the SYN to the first RST or FIN; a SYN that is not answered counts for a moment only."""
    held = [packet(1.0, SYN, 1), packet(1.1, SYN | ACK, 1, ours=False), packet(1.1, ACK, 1)]
    closed = [packet(1.2, SYN, 2), packet(1.2, SYN | ACK, 2, ours=False), packet(1.3, FIN | ACK, 2)]
    silent = [packet(1.4, SYN, 3)]
    refused = [packet(1.5, SYN, 4), packet(1.5, RST | ACK, 4, ours=False), packet(1.55, SYN, 5)]
    later = [packet(9.0, SYN, 6)]

    assert most_at_once(held + closed, PLAIN) == 2
    assert most_at_once(held + closed + silent, PLAIN) == 2
    assert most_at_once(held + closed + silent + refused, PLAIN) == 3
    assert most_at_once(held + silent + later, PLAIN) == 2
    assert most_at_once(held + later, PLAIN + 1) == 0


def test_most_begun():
    """The job's first SYNs in any second, wherever they lead; what is sent again, and what others send, is none."""
    begun = [packet(0.1 * number, SYN, number) for number in range(30)]
    again = [evolve(one, time=one.time + 0.05) for one in begun]
    control = evolve(packet(1.0, SYN, 99), destination=OTHER_ADDRESS)

    assert most_begun(begun) == 10
    assert most_begun([*begun, *again, packet(1.0, SYN | ACK, ours=False)]) == 10
    assert most_begun([*begun, control]) == 11


@pytest.mark.parametrize(("limit", "burst", "most"), [(20, 5, 27), (200, 5, 225), (5, 1, 7), (395, 5, 400)])
def test_most_that_may_be_begun(limit, burst, most):
    """A tenth more than the way admits in a second after a quiet one, and one at least; never more than is asked."""
    assert evolve(LIMITED, limit=limit, burst=burst, rate=400).most_begun == most


def test_too_many_a_second_are_harm():
    """At a limited rate it counts how many are begun in a second, at a number of connections it does not."""
    facts = {"rate_limit": 20, "rate_low": 19, "rate_high": 21, "held": 60, "tried": 60}

    def wrong(fastest, case=LIMITED, said=facts, cause="snat_rate_limit"):
        return scored(case, said, cause, seen=evolve(SEEN, fastest=fastest), admits=None).wrong

    assert ([], ["28 were begun in a second, of 27 at most"]) == (wrong(27), wrong(28))
    assert [] == wrong(90, CASE, FOUND, "snat_connection_cap")


def test_outage():
    """From the first that failed to the next that came about."""
    outcomes = [(1.0, True), (2.0, False), (2.5, False), (2.7, True), (5.0, False), (5.1, True)]

    assert outage(outcomes) == pytest.approx(0.7)
    assert outage([(1.0, True)]) == 0
