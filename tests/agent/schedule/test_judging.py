"""What of a run counts: this machine's own troubles change no verdict."""

import pytest
from attrs import evolve

from agent.schedule.judging import evidence_of, judge
from agent.schedule.state import PlanState, after_run
from agent.schedule.watch import Ended
from reports.failures import Failure
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED, Finding, Plan, Target, TargetResult, Vantage, worst
from tests.reports import samples
from tests.reports.building import report_of, seen


def two(verdicts, *observations):
    """A report on two targets of one name server."""
    targets = tuple(Target(name=name, host=f"{name}.example", port=443) for name in verdicts)
    results = [TargetResult(name=name, address=f"{name}.example:443", verdict=word) for name, word in verdicts.items()]
    verdict = worst(tuple(verdicts.values()))
    return report_of(Plan(name="p", targets=targets), Vantage(), results, observations, verdict=verdict)


def test_a_shortage_blinds_its_target_alone():
    """No descriptor for one of them: it keeps its verdict, whatever that was; the other one counts."""
    short = seen("tcp", "connect", "a", "192.0.2.1:443", failure=Failure.NO_DESCRIPTORS)

    assert judge(two({"a": UNDETERMINED, "b": FAILING}, short)).verdicts == {"a": None, "b": FAILING}


def test_a_shortage_of_the_look_up():
    """It blinds all targets of that name."""
    short = seen("dns", "resolver", None, None, failure=Failure.NO_DESCRIPTORS, name="a.example")

    assert judge(two({"a": UNDETERMINED, "b": UNDETERMINED}, short)).verdicts == {"a": None, "b": UNDETERMINED}


def test_what_is_plainly_undetermined_counts():
    """Nobody here fell short of anything: it is not known, and that is to be seen."""
    assert judge(two({"a": UNDETERMINED})).verdicts == {"a": UNDETERMINED}


def test_what_was_seen_counts_in_spite_of_a_shortage():
    """A target that answered has answered."""
    short = seen("tcp", "connect_from", "a", "192.0.2.1:443", failure=Failure.NO_LOCAL_PORT)

    assert judge(two({"a": HEALTHY}, short)).verdicts == {"a": HEALTHY}


def test_what_a_run_did_not_get_to():
    """Where it ran out of time, what it does not know changes nothing."""
    report = two({"a": UNDETERMINED, "b": FAILING})

    assert judge(evolve(report, run=evolve(report.run, partial=True))).verdicts == {"a": None, "b": FAILING}


def test_a_loop_that_came_late():
    """Nothing of such a run counts, and it says why; a little late is nothing."""
    late = judge(two({"a": FAILING, "b": HEALTHY}, seen("local", "loop", None, None, lag_s=1.7)))
    usual = judge(two({"a": FAILING, "b": HEALTHY}, seen("local", "loop", None, None, lag_s=0.4)))

    assert late.verdicts == {"a": None, "b": None}
    assert late.spoiled == "the event loop came 1.7 s late: more than 1.5 s"
    assert (usual.verdicts, usual.spoiled) == ({"a": FAILING, "b": HEALTHY}, "")


def test_a_first_run_that_does_not_count():
    """The history is told that nothing is in force yet, whatever was measured."""
    report = two({"a": FAILING, "b": HEALTHY}, seen("local", "loop", None, None, lag_s=1.7))

    ended = Ended.of(PlanState.of(report.run.plan, 60.0), report, (), 1000)

    assert ended.held == {"a": UNDETERMINED, "b": UNDETERMINED}


def test_a_target_that_is_another_one_by_now():
    """A run that began before a reload says nothing of it: neither at another address, nor as another service."""
    report = two({"a": FAILING, "b": FAILING, "c": FAILING})
    a, b, c = report.run.plan.targets
    new = evolve(report.run.plan, targets=(evolve(a, port=444), evolve(b, service="redis"), c))

    state, _ = after_run(PlanState.of(new, 60.0), report, judge(report), ())

    assert [state.targets[name].settled is None for name in "abc"] == [True, True, False]


def with_findings(verdict, *findings):
    """A report on one target, with findings of these causes and severities."""
    found = [
        Finding(
            id=f"f-{cause}", cause=cause, layer="tls", severity=severity, confidence=0.9, targets=("a",), summary=""
        )
        for cause, severity in findings
    ]
    report = two({"a": verdict, "b": HEALTHY})
    first = evolve(report.targets[0], findings=tuple(one.id for one in found))
    return evolve(report, targets=(first, *report.targets[1:]), findings=tuple(found))


@pytest.mark.parametrize(
    ("verdict", "findings", "counts"),
    [
        (FAILING, [("tls_expired", "critical")], False),
        (FAILING, [("tls_not_yet_valid", "critical")], False),
        (DEGRADED, [("tls_expiring_soon", "warning")], False),
        (FAILING, [("tls_expired", "critical"), ("tls_wrong_name", "critical")], True),
        (FAILING, [("http_5xx", "critical"), ("tls_expiring_soon", "warning")], True),
        (DEGRADED, [("tls_expiring_soon", "warning"), ("path_loss", "warning")], True),
    ],
)
def test_a_clock_that_jumped(verdict, findings, counts):
    """Where nothing but a date is wrong with a target nothing of it counts; without a jump it does."""
    report = with_findings(verdict, *findings)

    assert judge(report, clock_off=86_400.0).verdicts == {"a": verdict if counts else None, "b": HEALTHY}
    assert judge(report).verdicts == {"a": verdict, "b": HEALTHY}


def test_how_targets_failed():
    """By phase and failure, at any address; by the look-up of its name; by the cause where no step failed."""
    report = two(
        {"a": FAILING, "b": FAILING, "c": HEALTHY},
        seen("tcp", "connect", "a", "192.0.2.1:443", failure=Failure.TIMED_OUT),
        seen("tcp", "connect", "a", "192.0.2.2:443", failure=Failure.CONNECTION_REFUSED),
        seen("tcp", "connect", "a", "192.0.2.3:443", failure=Failure.NO_LOCAL_PORT),
        seen("dns", "resolver", None, None, failure=Failure.DNS_NXDOMAIN, name="b.example"),
    )
    failed = judge(report).failed

    assert failed == {"a": "connect:connection_refused connect:timed_out", "b": "resolve:dns_nxdomain"}


def test_the_evidence_of_a_target():
    """All that was seen of it, the way to its address, and the look-ups of its name; of nobody else's."""
    report = samples.nightly()
    (name,) = [result.name for result in report.targets if result.verdict == FAILING]
    (mine,) = evidence_of(report, {name}).values()

    assert {one.id for one in report.observations if one.target == name} <= {one.id for one in mine}
    assert {one.target for one in mine} <= {name, None}
    assert len({one.id for one in mine}) == len(mine)
    assert all(one.target or "name" in one.facts or "ip" in one.facts for one in mine)
