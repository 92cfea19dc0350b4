"""From observations to findings: pure, total, and indifferent to order."""

import random

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import identified
from reports.causes import CAUSES, CRITICAL
from reports.diagnose import diagnose
from reports.evidence import Evidence
from reports.failures import LOCAL_SHORTAGES, Failure
from reports.model import FAILING, HEALTHY, UNDETERMINED, Job, Network, Observation, Plan, Target, Vantage
from reports.rules.contract import CONNECT, LOAD, WORKS
from reports.rules.table import every, possible
from tests.reports.strategies import of

_PLAN = Plan(
    name="p",
    targets=(
        Target(name="metastore", host="emr.internal", port=9083, service="hive-metastore", via="vpc"),
        Target(name="namenode", host="10.10.2.30", port=8020, service="hdfs-namenode"),
        Target(name="datanode", host="10.10.2.31", port=50010, service="hdfs-datanode", admits=("10.10.1.0/24",)),
        Target(name="site", host="www.example.com", port=443, service="https", via="internet"),
    ),
    networks=(Network(name="a", cidr="10.10.1.0/24", enis=("10.10.1.10",)),),
)
_IPS = ("10.10.2.30", "10.10.2.31", "198.51.100.1", "2001:db8::1", "", "not an address")
_FACTS = {
    "ip": st.sampled_from(_IPS),
    "name": st.sampled_from(["emr.internal", "www.example.com", "."]),
    "addresses": st.sampled_from(["", "10.10.2.30", "10.10.2.30,198.51.100.1", "10.10.1.10/24"]),
    "source": st.sampled_from(["10.10.1.10", "0.0.0.0", ""]),
    "syns": st.integers(1, 5),
    "unsent": st.integers(0, 3),
    "icmp_from": st.sampled_from(["10.10.1.1", "10.10.1.10"]),
    "index": st.integers(0, 2),
    "bytes_in": st.integers(0, 100),
    "bytes_out": st.integers(0, 100),
    "phase": st.sampled_from(["greeting", "reply", "request"]),
    "first_byte_s": st.floats(0, 10),
    "days_left": st.floats(-100, 100),
    "status": st.sampled_from([200, 403, 407, 502, 503]),
    "interface": st.sampled_from(["eth0", "eth1"]),
    "route": st.sampled_from(["default", "10.10.2.0/24"]),
    "up": st.booleans(),
    "carrier": st.booleans(),
    "immediate": st.booleans(),
    "truncated": st.booleans(),
    "tcp_failure": st.just("timed_out"),
    "listed": st.sampled_from(["yes", "no", "other_port"]),
    "enabled": st.booleans(),
    "way": st.sampled_from(["auto", "internet", "vpc", "service"]),
    "cnames": st.sampled_from(["a>b", "a>b>a"]),
    "message": st.text(max_size=5),
    "ended_by": st.sampled_from(["refused", "control", "maximum", "slower", "lost", "shortage"]),
    "sign": st.sampled_from(["silent", "reset", "icmp", "closed", "answer", "unanswered", "local"]),
    "kind": st.sampled_from(["way", "port"]),
    "spread": st.booleans(),
    "held": st.integers(0, 2000),
    "start": st.integers(0, 2000),
    "limit": st.integers(0, 2000),
    "limit_low": st.integers(0, 2000),
    "limit_high": st.integers(0, 2000),
    "rate_limit": st.floats(0, 500),
    "refused": st.integers(0, 3),
    "answer_s": st.floats(0, 10),
    "handshake_s": st.floats(0, 10),
    "after_s": st.floats(0, 1),
    "idle_s": st.floats(0, 600),
    "dropped": st.integers(0, 3),
    "closed_held": st.integers(1, 3),
}
# What a saturation says: by a target that works more of it matters than among arbitrary facts.
_MEASURED = st.sampled_from(["level", "ascent", "ascent", "control", "freed", "rate", "idle", "limit"])
_STEPS = st.sampled_from(
    [
        ("tcp", "connect"),
        ("tcp", "connect_proxy"),
        ("dns", "query"),
        ("dns", "resolver"),
        ("dns", "control"),
        ("tls", "handshake"),
        ("http", "exchange"),
        ("http", "proxy"),
        ("service", "exchange"),
        ("settings", "coverage"),
        ("settings", "job"),
        ("settings", "setting"),
        ("local", "interface"),
        ("local", "way"),
        ("local", "name_servers"),
        ("local", "routes"),
    ]
)


@st.composite
def _observations(draw):
    probe, step = draw(_STEPS)
    target = draw(st.sampled_from([None, "metastore", "namenode", "datanode", "site", "nobody"]))
    keys = draw(st.lists(st.sampled_from(list(_FACTS)), unique=True, max_size=10))
    return identified(
        Observation(
            probe=probe,
            step=step,
            target=None if probe in ("dns", "local") else target,
            address=draw(st.sampled_from([None, "10.10.2.30:8020", "10.0.0.53:53"])),
            failure=draw(st.none() | st.sampled_from(list(Failure))),
            started=draw(st.floats(0, 100)),
            duration_s=draw(st.floats(0, 10)),
            facts={key: draw(_FACTS[key]) for key in keys},
        )
    )


@st.composite
def _saturations(draw):
    """The observations of one target's saturation, in any number and order."""
    seen = []
    for started, step in enumerate(draw(st.lists(_MEASURED, max_size=8))):
        keys = draw(st.lists(st.sampled_from(list(_FACTS)), unique=True, max_size=12))
        seen.append(
            identified(
                Observation(
                    probe="saturation",
                    step=step,
                    target="namenode",
                    address=draw(st.sampled_from([None, "10.10.2.30:8020"])),
                    failure=draw(st.none() | st.sampled_from(list(Failure))),
                    started=float(started),
                    facts={key: draw(_FACTS[key]) for key in keys},
                )
            )
        )
    return seen


@given(_saturations(), of(Job), st.randoms(use_true_random=False))
def test_any_saturation_has_a_meaning(observations, job, shuffler):
    """Whatever was met under load: no more than a share each, nothing twice, and in any order the same."""
    plan = evolve(_PLAN, job=job)
    shuffled = list(observations)
    shuffler.shuffle(shuffled)
    diagnosis = diagnose(plan, Vantage(), observations)

    assert diagnose(plan, Vantage(), shuffled) == diagnosis
    for finding in diagnosis.findings:
        likely = [candidate.cause for candidate in finding.candidates]
        assert len({finding.cause, *likely}) == 1 + len(likely)
        assert sum(candidate.confidence for candidate in finding.candidates) + finding.confidence <= 1.01


@given(st.lists(_observations(), max_size=20))
def test_never_raises(observations):
    """Whatever was observed: a diagnosis comes out, and it keeps its own rules."""
    diagnosis = diagnose(_PLAN, Vantage(), observations)

    names = {target.name for target in _PLAN.targets}
    assert names == {result.name for result in diagnosis.targets}
    for finding in diagnosis.findings:
        assert finding.cause in CAUSES
        assert 0 < finding.confidence <= 1
        assert set(finding.targets) <= names
        assert sum(candidate.confidence for candidate in finding.candidates) + finding.confidence <= 1.01
    of_name = {finding.id: finding for finding in diagnosis.findings}
    for result in diagnosis.targets:
        severities = {of_name[number].severity for number in result.findings}
        assert (result.verdict != HEALTHY) or severities <= {"info"}
        assert (CRITICAL in severities) <= (result.verdict == FAILING)


@given(st.lists(of(Observation), max_size=5), of(Plan))
def test_never_raises_for_any_facts(observations, plan):
    """Facts of any name and kind, and plans that no loader would make, raise nothing either."""
    plan = evolve(plan, networks=())

    assert diagnose(plan, Vantage(), observations).verdict


@given(st.lists(_observations(), max_size=20), st.randoms(use_true_random=False))
def test_order_changes_nothing(observations, shuffler):
    """The same observations in any order mean the same."""
    shuffled = list(observations)
    shuffler.shuffle(shuffled)

    assert diagnose(_PLAN, Vantage(), observations) == diagnose(_PLAN, Vantage(), shuffled)


_ADMITS_ALL = evolve(_PLAN, targets=tuple(evolve(target, admits=()) for target in _PLAN.targets))
_ALL_TRIED = [
    identified(Observation(probe="tcp", step="connect", target=target.name, facts={"ip": "10.10.2.30"}))
    for target in _PLAN.targets
]


@given(st.lists(_observations(), max_size=10), st.sampled_from([_PLAN, _ADMITS_ALL]), st.sampled_from([[], _ALL_TRIED]))
def test_what_is_not_tried_has_nothing_to_say(observations, plan, tried_before):
    """A rule that is left out, for want of what its module reads, holds nowhere and asks for nothing."""
    evidence = Evidence(plan, Vantage(), [*tried_before, *observations])
    tried = {id(rule) for rule in possible(evidence.kinds).rules}

    for rule in every().rules:
        for case in evidence.cases.values() if id(rule) not in tried else ():
            explains = {case.stage} if case.stage else {WORKS, LOAD}
            if rule.standalone or not explains.isdisjoint(rule.explains) or (case.behind and CONNECT in rule.explains):
                assert rule.applies(case) is None
            assert rule.suspects(case) == ()


@pytest.mark.parametrize("failure", sorted(LOCAL_SHORTAGES))
def test_a_shortage_here_blames_no_target(failure):
    """What this machine lacked leaves the target undetermined."""
    plan = evolve(_PLAN, targets=_PLAN.targets[1:2])
    seen = identified(
        Observation(probe="tcp", step="connect", target="namenode", failure=failure, facts={"ip": "10.10.2.30"})
    )
    diagnosis = diagnose(plan, Vantage(), [seen])

    assert diagnosis.verdict == UNDETERMINED
    assert [finding.cause for finding in diagnosis.findings] == ["local_resources"]


def test_nothing_observed_is_undetermined():
    """A target that was never looked at is neither healthy nor failing."""
    diagnosis = diagnose(_PLAN, Vantage(), [])

    assert {UNDETERMINED} == {result.verdict for result in diagnosis.targets}


def test_one_missing_link_is_one_finding():
    """Three hundred targets that fail for one reason are one finding."""
    targets = tuple(
        Target(name=f"t{number}", host=f"10.10.2.{number % 250 + 1}", port=8000 + number, via="vpc")
        for number in range(300)
    )
    plan = Plan(name="p", runtime="udf", targets=targets, networks=_PLAN.networks)
    eth0 = Observation(
        probe="local", step="interface", address="eth0", facts={"name": "eth0", "up": True, "addresses": "10.0.0.2/24"}
    )
    silent = [
        Observation(
            probe="tcp",
            step="connect",
            target=target.name,
            address=target.address,
            failure=Failure.TIMED_OUT,
            duration_s=3.0,
            facts={"ip": target.host, "syns": 3, "source": "10.0.0.2"},
        )
        for target in targets
    ]
    observations = [identified(seen) for seen in [eth0, *silent]]
    random.Random(1).shuffle(observations)
    diagnosis = diagnose(plan, Vantage(), observations)

    critical = [finding for finding in diagnosis.findings if finding.severity == CRITICAL]
    assert [("eni_missing", 300)] == [(finding.cause, len(finding.targets)) for finding in critical]
