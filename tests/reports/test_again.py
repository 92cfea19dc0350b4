import pytest
from attrs import evolve

from reports.again import CHANGED, FIXED, NEW, OPEN, SKIPPED, STILL, Change, State, compare, subset
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED, Finding, Plan, TargetResult, Vantage
from tests.reports import samples


def one(verdict, *causes, severity="critical"):
    """A report with one target."""
    findings = tuple(
        Finding(id=f"f-{code}", cause=code, layer="route", severity=severity, confidence=1.0) for code in causes
    )
    result = TargetResult(name="a", address="a:1", verdict=verdict, findings=tuple(finding.id for finding in findings))
    return samples.report_of(Plan(name="p"), Vantage(), [result], [], findings=findings, verdict=verdict)


NOTHING = evolve(one(HEALTHY), targets=())


def test_only_what_was_not_healthy_is_checked_again():
    """The plan stays as it was, but for the targets."""
    report = samples.nightly()
    plan = report.run.plan
    expected = evolve(plan, targets=(plan.targets[0],))

    assert expected == subset(report)


def test_degraded_and_undetermined_targets_are_checked_again():
    """Whatever was not healthy wants another look."""
    names = [target.name for target in subset(samples.scattered(6)).targets]

    assert names == ["10.30.0.2:7000", "10.30.0.3:7000", "10.30.0.5:7000", "10.30.0.6:7000"]


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (one(FAILING, "sg_drop"), one(HEALTHY), FIXED),
        (one(UNDETERMINED), one(HEALTHY), FIXED),
        (one(FAILING, "sg_drop"), one(FAILING, "sg_drop"), STILL),
        (one(FAILING, "sg_drop"), one(FAILING, "host_down"), CHANGED),
        (one(FAILING, "sg_drop"), one(DEGRADED, "dns_slow", severity="warning"), CHANGED),
        (one(UNDETERMINED), one(FAILING, "sg_drop"), CHANGED),
        (one(FAILING, "sg_drop"), one(UNDETERMINED, "local_resources", severity="warning"), OPEN),
        (one(HEALTHY), one(FAILING, "sg_drop"), NEW),
        (NOTHING, one(FAILING, "sg_drop"), NEW),
        (one(FAILING, "sg_drop"), NOTHING, SKIPPED),
    ],
)
def test_what_became_of_a_target(before, after, change):
    """Fixed, as before, another cause, newly broken, open again, or not checked."""
    [row] = compare(before, after)

    assert change == row.change


@pytest.mark.parametrize(
    ("before", "after"), [(one(HEALTHY), one(HEALTHY)), (one(HEALTHY), NOTHING), (NOTHING, one(HEALTHY))]
)
def test_what_was_and_is_healthy_has_no_row(before, after):
    """The table holds what matters; the second run may have checked less."""
    assert compare(before, after) == ()


def test_a_row_says_both_states():
    """Verdict and causes before and after; what is worth knowing only is no cause."""
    after = one(HEALTHY, "approval_needed", severity="info")
    [row] = compare(one(FAILING, "sg_drop", "host_down"), after)
    expected = Change(
        target="a",
        address="a:1",
        before=State(verdict=FAILING, causes=("sg_drop", "host_down")),
        after=State(verdict=HEALTHY),
        change=FIXED,
    )

    assert expected == row


def test_the_worst_stands_first():
    """What broke anew comes before what is fixed, whatever the order of the targets."""
    rows = compare(samples.scattered(6), evolve(samples.scattered(6), targets=samples.scattered(6).targets[:3]))

    assert [row.change for row in rows] == [STILL, OPEN, SKIPPED, SKIPPED]
