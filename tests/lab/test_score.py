"""The score is strict: each way in which a report can be wrong is seen."""

import pytest

from tests.lab.harness import Outcome
from tests.lab.scenario import Scenario, udf
from tests.lab.score import judge

BROKEN = Scenario(
    name="broken", title="", plan=udf("mysql"), expected="sg_drop", targets=("mysql",), also=("host_down",)
)
SOUND = Scenario(name="sound", title="", plan=udf("mysql"))


def finding(cause, *targets, severity="critical"):
    """A finding as a report has it."""
    return {"cause": cause, "severity": severity, "confidence": 0.8, "targets": list(targets), "candidates": []}


def outcome(code, verdict, *findings):
    """A run that ended so."""
    return Outcome(code, {"verdict": verdict, "findings": list(findings)}, "", "", 0.1)


TRUE = finding("sg_drop", "mysql")
SLOW = finding("dns_slow", "x", severity="warning")


@pytest.mark.parametrize(
    ("scenario", "seen", "wrong"),
    [
        (BROKEN, outcome(2, "failing", TRUE), []),
        (BROKEN, outcome(2, "failing", TRUE, finding("host_down", "mysql")), []),
        (BROKEN, outcome(2, "failing", TRUE, SLOW), []),
        (BROKEN, outcome(1, "failing", TRUE), ["exit code 1, not 2"]),
        (BROKEN, outcome(2, "degraded", TRUE), ["verdict degraded, not failing"]),
        (BROKEN, outcome(2, "failing"), ["nothing was found"]),
        (BROKEN, outcome(2, "failing", finding("host_down", "mysql"), TRUE), ["first: host_down 80% of mysql"]),
        (BROKEN, outcome(2, "failing", finding("sg_drop", "x")), ["it is said of ['x'], not of ['mysql']"]),
        (BROKEN, outcome(2, "failing", TRUE, finding("eni_down", "x")), ["beside it: eni_down 80% of x"]),
        (SOUND, outcome(0, "healthy"), []),
        (SOUND, outcome(0, "healthy", finding("approval_needed", severity="info")), []),
        (
            SOUND,
            outcome(0, "healthy", finding("dns_slow", "x", severity="warning")),
            ["false alarm: dns_slow 80% of x"],
        ),
        (SOUND, Outcome(1, None, "", "boom", 0.1), ["exit code 1: boom"]),
    ],
)
def test_a_report_is_judged_by_the_truth(scenario, seen, wrong):
    """Verdict, exit code, first cause, its targets, and no other accusation."""
    assert wrong == list(judge(scenario, seen).wrong)
