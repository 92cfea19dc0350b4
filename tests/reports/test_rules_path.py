"""What is said of packets that are lost or late, and what is asked before it is said."""

import pytest
from attrs import evolve

from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import DEGRADED, FAILING, HEALTHY, Network, Plan, Slow, Target, Vantage
from reports.rules.contract import Want
from reports.statistics import wilson
from tests.reports.building import connected, seen

HOST, NEIGHBOUR, FAR = "10.10.2.40", "10.10.2.30", "10.10.3.20"
NETWORKS = (
    Network(name="vswitch-a", cidr="10.10.1.0/24"),
    Network(name="vswitch-b", cidr="10.10.2.0/24"),
    Network(name="vswitch-c", cidr="10.10.3.0/24"),
)


def target(name, ip, port, **more):
    """One of the job's."""
    return Target(name=name, host=ip, port=port, service="tcp", **{"via": "vpc", **more})


IT, PORT, NEAR, OTHER = (
    target("it", HOST, 6379),
    target("port", HOST, 3306),
    target("near", NEIGHBOUR, 9083),
    target("other", FAR, 2181),
)
ALL = (IT, PORT, NEAR, OTHER)


def answers(one, syns=1, rtt_s=0.0004):
    """A target that is reached, after so many SYNs."""
    opened = connected(one.name, one.host, one.port, rtt_s)
    opened = evolve(opened, facts={**opened.facts, "syns": syns}, id=f"o-{one.name}")
    reply = seen("service", "exchange", one.name, one.address, service="tcp", answers=False, bytes_in=0)
    return [opened, reply]


def silent(one):
    """A target that did not answer two SYNs."""
    facts = {"ip": one.host, "port": one.port, "syns": 2}
    return [seen("tcp", "connect", one.name, one.address, failure=Failure.TIMED_OUT, duration_s=1.5, **facts)]


def series(one, lost, tried, rtts=(0.0003, 0.0003, 0.0004, 0.0005)):
    """Repeated handshakes with it; ``rtts``: the least, and of the median the low end, itself and the high end."""
    low, high = wilson(lost, tried)
    facts = {"ip": one.host, "port": one.port, "tried": tried, "answered": tried - lost, "syns": tried}
    facts |= {"syns_lost": lost, "loss_low": low, "loss_high": high}
    if lost < tried:
        names = ("rtt_min_s", "rtt_median_low_s", "rtt_median_s", "rtt_median_high_s")
        facts |= dict(zip(names, rtts, strict=True))
    failure = Failure.TIMED_OUT if lost == tried else None
    return [seen("loss", "handshakes", one.name, one.address, failure=failure, duration_s=1.0, **facts)]


def diagnosed(*parts, targets=ALL, **plan):
    """The diagnosis of these observations."""
    observations = [one for part in parts for one in part]
    return diagnose(Plan(name="p", targets=targets, networks=NETWORKS, **plan), Vantage(), observations)


def said(diagnosis):
    """Of each finding its cause, severity and targets."""
    return [(one.cause, one.severity, one.targets) for one in diagnosis.findings]


def wanted(one, step="handshakes"):
    """A series with it."""
    return Want("loss", step, one.name, one.host)


HEALTHY_REST = [*answers(PORT), *answers(NEAR), *answers(OTHER)]


def test_nothing_is_asked_of_a_healthy_plan():
    """No SYN was lost, nothing is slow: no experiment."""
    diagnosis = diagnosed(answers(IT), HEALTHY_REST)

    assert (diagnosis.verdict, diagnosis.wanted) == (HEALTHY, ())


def test_a_lost_syn_asks_for_a_series_and_what_to_hold_it_against():
    """The target, another port of its host, a neighbour, a host elsewhere by the same way; and nothing is said yet."""
    diagnosis = diagnosed(answers(IT, syns=2), HEALTHY_REST)

    assert said(diagnosis) == []
    assert set(diagnosis.wanted) == {wanted(one) for one in ALL}


def test_a_clean_series_clears_it():
    """One lost SYN is nobody's fault."""
    clean = [one for target in ALL for one in series(target, 0, 20)]
    diagnosis = diagnosed(answers(IT, syns=2), HEALTHY_REST, clean)

    assert (diagnosis.verdict, said(diagnosis)) == (HEALTHY, [])


def test_one_loss_more_is_no_finding():
    """One of sixty: every network does that now and then."""
    assert said(diagnosed(answers(IT, syns=2), HEALTHY_REST, series(IT, 1, 60))) == []


def test_what_was_sent_again_is_a_hint_too():
    """The handshake was lucky, the exchange had to repeat itself."""
    mended = seen("service", "exchange", "it", IT.address, service="tcp", bytes_in=7, retransmits=1)

    assert wanted(IT) in diagnosed([answers(IT)[0], mended], HEALTHY_REST).wanted


def test_the_plan_asks_without_a_suspicion():
    """`measure: [loss]`: the target alone, and no control; as soon as the first hop says whose handshakes these are."""
    asked = evolve(IT, measure=("loss",))
    targets = (asked, PORT, NEAR, OTHER)
    expired = seen("path", "hop", "it", IT.address, ip=HOST, ttl=1, reached=False, **{"from": "10.10.1.1"})

    first = diagnosed(answers(asked), HEALTHY_REST, targets=targets)
    then = diagnosed(answers(asked), HEALTHY_REST, [expired], targets=targets)

    assert first.wanted == (Want("path", "first_hop", "it"),)
    assert then.wanted == (wanted(IT),)


def test_silent_targets_of_a_way_that_lost_are_tried_again():
    """Two SYNs may be lost by chance as well as by a filter: where another of the way was, more are sent."""
    assert wanted(IT) in diagnosed(silent(IT), answers(NEAR, syns=2), answers(OTHER)).wanted


def test_silent_targets_are_not_tried_again_without_a_suspicion():
    """A filter is no reason to knock on it."""
    assert wanted(IT) not in diagnosed(silent(IT), HEALTHY_REST).wanted


def test_a_way_that_loses_is_one_finding():
    """Two hosts lose, and none is clean: everything by the way is concerned, measured or not."""
    diagnosis = diagnosed(answers(IT, syns=2), HEALTHY_REST, series(IT, 5, 12), series(OTHER, 4, 12))

    assert said(diagnosis) == [("packet_loss", "critical", ("it", "port", "near", "other"))]
    assert diagnosis.verdict == FAILING
    assert "9 of" not in diagnosis.findings[0].because[0]
    assert "38 % are lost (95 % sure: 21 % to 57 %)" in diagnosis.findings[0].because[0]


def test_a_host_that_loses_is_told_from_the_way():
    """Both of its ports lose, its neighbour does not."""
    diagnosis = diagnosed(
        answers(IT, syns=2), HEALTHY_REST, series(IT, 5, 12), series(PORT, 4, 12), series(NEAR, 0, 20)
    )

    assert said(diagnosis) == [("packet_loss", "critical", ("it", "port"))]


def test_a_little_loss_is_a_warning():
    """8 of 200 may be less than 5 %: the job works, slowly at times."""
    diagnosis = diagnosed(answers(IT), HEALTHY_REST, series(IT, 8, 200), series(NEAR, 0, 20))

    assert said(diagnosis) == [("packet_loss", "warning", ("it",))]
    assert diagnosis.verdict == DEGRADED


def test_a_target_that_was_silent_by_chance():
    """It answers when it is tried again: neither filter nor dead host; the way lost its SYNs, and it failed by that."""
    diagnosis = diagnosed(silent(IT), answers(NEAR, syns=2), answers(OTHER), series(IT, 3, 12), series(NEAR, 4, 12))
    first = diagnosis.findings[0]

    assert (first.cause, first.severity) == ("packet_loss", "critical")
    assert "it" in first.targets
    assert not {"sg_drop", "host_down", "blackhole_route"} & {one.cause for one in first.candidates}


def test_silence_stays_silence_on_a_way_that_loses():
    """None of the SYNs is answered, where others get most of theirs through: it is no loss."""
    diagnosis = diagnosed(silent(IT), answers(NEAR, syns=2), answers(OTHER), series(IT, 6, 6), series(NEAR, 4, 20))
    of_it = next(one for one in diagnosis.findings if "it" in one.targets)

    assert of_it.cause != "packet_loss"


@pytest.mark.parametrize(("control", "first"), [((0, 20), "accept_queue_full"), ((7, 12), "packet_loss")])
def test_a_full_queue_is_told_by_another_port_of_the_host(control, first):
    """SYNs are lost at one port alone: its listener; at another as well: the way."""
    diagnosis = diagnosed(
        answers(IT, syns=2), HEALTHY_REST, series(IT, 6, 12), series(PORT, *control), series(NEAR, 0, 20)
    )
    finding = diagnosis.findings[0]

    assert finding.cause == first
    assert finding.confidence < 0.99


def test_without_another_port_the_queue_stays_a_candidate():
    """Nothing else of the host was tried: the way to it, or its listener."""
    diagnosis = diagnosed(answers(IT, syns=2), answers(NEAR), series(IT, 6, 12), series(NEAR, 0, 20))

    assert diagnosis.findings[0].cause == "packet_loss"
    assert "accept_queue_full" in {one.cause for one in diagnosis.findings[0].candidates}


def test_a_slow_handshake_asks_for_its_round_trips():
    """A single one may be an outlier: nothing is said yet."""
    diagnosis = diagnosed(answers(IT, rtt_s=0.08), HEALTHY_REST)

    assert said(diagnosis) == []
    assert diagnosis.wanted == (wanted(IT, "round_trips"),)


@pytest.mark.parametrize(
    ("rtts", "expected"),
    [
        ((0.079, 0.08, 0.081, 0.09), [("high_latency", "warning", ("it",))]),
        ((0.002, 0.06, 0.09, 0.12), [("high_latency", "warning", ("it",))]),
        ((0.002, 0.03, 0.06, 0.09), []),
        ((0.04, 0.041, 0.042, 0.2), []),
    ],
)
def test_the_median_decides(rtts, expected):
    """It is above the limit for sure, or nothing is said."""
    assert expected == said(diagnosed(answers(IT, rtt_s=0.08), HEALTHY_REST, series(IT, 0, 9, rtts)))


@pytest.mark.parametrize(("least", "words"), [(0.079, "distance, or a detour"), (0.004, "waiting in a queue")])
def test_distance_is_told_from_a_queue(least, words):
    """Distance is in every round trip, the fastest among them."""
    diagnosis = diagnosed(answers(IT, rtt_s=0.08), HEALTHY_REST, series(IT, 0, 9, (least, 0.08, 0.081, 0.09)))

    assert words in diagnosis.findings[0].because[0]


def test_each_way_has_its_limit():
    """What is far in a VPC is near on the Internet."""
    public = target("public", "198.51.100.10", 443, via="internet")
    slow = Slow(vpc_rtt=0.05, internet_rtt=0.3)
    observations = [*answers(public, rtt_s=0.2), *series(public, 0, 9, (0.2, 0.2, 0.2, 0.2))]

    assert said(diagnosed(observations, targets=(public,), slow=slow)) == []
