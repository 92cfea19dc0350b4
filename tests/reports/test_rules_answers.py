"""Behind one who accepts every connection: what answers show of the way, and what is asked for."""

import pytest
from attrs import evolve

from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import DEGRADED, FAILING, HEALTHY, Network, Plan, Target, Vantage
from reports.rules.contract import Want
from tests.reports.building import connected, seen

HOST, NEIGHBOUR, FAR = "10.10.2.40", "10.10.2.30", "10.10.3.20"
NETWORKS = tuple(
    Network(name=f"vswitch-{name}", cidr=f"10.10.{number}.0/24") for number, name in enumerate("abc", start=1)
)


def target(name, ip, port, **more):
    """One of the job's."""
    return Target(name=name, host=ip, port=port, service="redis", via="vpc", **more)


IT, PORT = target("it", HOST, 6379), target("port", HOST, 6380)
NEAR, OTHER = target("near", NEIGHBOUR, 6379), target("other", FAR, 6379)
ALL = (IT, PORT, NEAR, OTHER)


def answers(one, after=0.001):
    """A target that is accepted at once, and answers after so many seconds."""
    opened = connected(one.name, one.host, one.port, 0.00002)
    facts = {"phase": "reply", "bytes_out": 14, "bytes_in": 7, "first_byte_s": after}
    return [opened, seen("service", "exchange", one.name, one.address, duration_s=after, **facts)]


def mute(one):
    """A target that is accepted at once, and says nothing."""
    opened = connected(one.name, one.host, one.port, 0.00002)
    facts = {"phase": "reply", "bytes_out": 14, "bytes_in": 0}
    return [
        opened,
        seen("service", "exchange", one.name, one.address, failure=Failure.TIMED_OUT, duration_s=5.0, **facts),
    ]


def series(one, late=0, tried=20, median=0.051):
    """Repeated exchanges with it."""
    facts = {"ip": one.host, "port": one.port, "tried": tried, "answered": tried - late, "late": late}
    if late < tried:
        facts |= dict.fromkeys(("answer_median_low_s", "answer_median_s", "answer_median_high_s"), median)
    failure = Failure.TIMED_OUT if late == tried else None
    return [seen("answer", "series", one.name, one.address, failure=failure, **facts)]


ACCEPTED = [seen("path", "hop", "other", OTHER.address, ip=FAR, ttl=1, reached=True)]
REST = [*answers(PORT), *answers(NEAR), *answers(OTHER)]


def diagnosed(*parts, targets=ALL):
    """The diagnosis of these observations."""
    observations = [one for part in parts for one in part]
    return diagnose(Plan(name="p", targets=targets, networks=NETWORKS), Vantage(), observations)


def shares(diagnosis):
    """Cause to share, of the first finding and its candidates."""
    first = diagnosis.findings[0]
    return {first.cause: first.confidence, **{one.cause: one.confidence for one in first.candidates}}


def test_prompt_answers_ask_for_nothing():
    """Nobody is suspected of accepting in another's place."""
    diagnosis = diagnosed(answers(IT), REST)

    assert (diagnosis.verdict, diagnosis.wanted) == (HEALTHY, ())


def test_a_late_answer_asks_who_accepts():
    """It took much longer than the handshake explains."""
    diagnosis = diagnosed(answers(IT, 0.21), REST)

    assert (diagnosis.verdict, diagnosis.wanted) == (HEALTHY, (Want("path", "first_hop", "it"),))


def test_a_late_answer_of_a_long_way_asks_for_nothing():
    """Its handshake took long as well: a round trip explains it."""
    opened, reply = answers(IT, 0.21)
    far = evolve(opened, facts={**opened.facts, "rtt_s": 0.04})

    assert diagnosed([far, reply], REST).wanted == ()


def test_behind_one_who_accepts_exchanges_are_repeated():
    """With the target that was late, its host's other port, its neighbour, and a host elsewhere."""
    diagnosis = diagnosed(answers(IT, 0.21), REST, ACCEPTED)

    assert set(diagnosis.wanted) == {Want("answer", "series", one.name, one.host) for one in ALL}


def test_a_way_that_loses():
    """Two hosts answer as late as what is sent again does, or not at all."""
    diagnosis = diagnosed(answers(IT, 0.21), REST, ACCEPTED, series(IT, 9), series(NEAR, 10))
    first = diagnosis.findings[0]

    assert (first.cause, set(first.targets), diagnosis.verdict) == (
        "packet_loss",
        {"it", "port", "near", "other"},
        FAILING,
    )
    assert "9 of 20 exchanges with 10.10.2.40:6379" in first.because[0]


def test_a_target_that_then_answers_is_not_dropped():
    """It was silent once, and answers half of the exchanges after that: loss, and no filter."""
    diagnosis = diagnosed(mute(IT), REST, ACCEPTED, series(IT, 9), series(NEAR, 10))

    assert diagnosis.findings[0].cause == "packet_loss"
    assert "sg_drop" not in shares(diagnosis)


def test_clean_series_say_nothing():
    """One late answer is nobody's fault."""
    diagnosis = diagnosed(answers(IT, 0.21), REST, ACCEPTED, *(series(one) for one in ALL))

    assert diagnosis.verdict == HEALTHY


def test_a_long_way_is_late_at_every_host():
    """The median answer takes two slow round trips at two hosts, and at none less; the services stay candidates."""
    late = [series(one, median=0.16) for one in (IT, OTHER)]
    diagnosis = diagnosed(*(answers(one, 0.11) for one in ALL), ACCEPTED, *late)

    assert diagnosis.verdict == DEGRADED
    assert diagnosis.findings[0].cause == "high_latency"
    assert set(shares(diagnosis)) == {"high_latency", "service_slow"}
    assert shares(diagnosis)["high_latency"] < 0.9


@pytest.mark.parametrize("median", [0.051, 0.09])
def test_one_host_that_is_late_is_no_long_way(median):
    """Another answers promptly, or within two round trips that are not slow."""
    diagnosis = diagnosed(answers(IT, 0.11), REST, ACCEPTED, series(IT, median=0.16), series(OTHER, median=median))

    assert diagnosis.verdict == HEALTHY


def test_a_slow_service_is_not_sure():
    """Behind one who accepts, the way may be as late as the service."""
    here = diagnosed(answers(IT, 3.0), REST)
    behind = diagnosed(answers(IT, 3.0), REST, ACCEPTED)

    assert shares(here) == {"service_slow": 0.98}
    assert shares(behind)["service_slow"] < 0.8
    assert "high_latency" in shares(behind)


def test_another_source_is_tried_with_a_whole_exchange():
    """The other address's handshake would be accepted as well; only an answer counts."""
    own = "10.10.1.10/24,10.10.1.11/24"
    eni = [seen("local", "interface", None, "eth1", name="eth1", up=True, carrier=True, addresses=own)]
    opened, silent = mute(IT)
    opened = evolve(opened, facts={**opened.facts, "source": "10.10.1.10"})
    facts = {"ip": HOST, "port": 6379, "source": "10.10.1.11"}
    answered = [seen("answer", "from", "it", IT.address, bytes_in=7, **facts)]
    shaken = [seen("tcp", "connect_from", "it", IT.address, **facts)]
    known = [eni, [opened, silent], answers(NEAR), answers(OTHER), ACCEPTED]
    targets = (IT, NEAR, OTHER)

    assert Want("answer", "from", "it", "10.10.1.11") in diagnosed(*known, targets=targets).wanted
    assert "ip_whitelist_mismatch" not in shares(diagnosed(*known, shaken, targets=targets))
    assert diagnosed(*known, answered, targets=targets).findings[0].cause == "ip_whitelist_mismatch"


def test_a_subnet_whose_hosts_all_end_has_lost_its_route():
    """Two hosts of which nothing listens at either are less likely than one route for both."""
    ends = [
        evolve(one, failure=Failure.EOF, duration_s=0.001) if one.probe == "service" else one
        for target_ in (IT, NEAR)
        for one in mute(target_)
    ]
    diagnosis = diagnosed(ends, answers(OTHER), ACCEPTED, targets=(IT, NEAR, OTHER))

    assert diagnosis.findings[0].cause == "router_no_route"
    assert {"it", "near"} == set(diagnosis.findings[0].targets)
    assert "service_not_listening" in shares(diagnosis)
