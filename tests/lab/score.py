"""Whether a report says the truth about a scenario."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from attrs import frozen

from tests.lab.harness import Lab, Outcome
from tests.lab.labs import Labs
from tests.lab.scenario import EXIT_CODES, HEALTHY, Scenario

# Has the scenario's plan checked in the lab.
Check = Callable[[Lab, Scenario], Outcome]


@frozen
class Score:
    """``wrong`` holds what is wrong with the report, in words; none: it is right."""

    scenario: Scenario
    found: str
    confidence: float
    seconds: float
    wrong: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Nothing is wrong."""
        return not self.wrong

    def __str__(self) -> str:
        mark = "ok   " if self.right else "WRONG"
        expected = self.scenario.expected or HEALTHY
        line = (
            f"{mark} {self.scenario.name:36} {expected:30} {self.found:30} {self.confidence:4.0%} {self.seconds:6.2f} s"
        )
        return "\n".join((line, *(f"        {reason}" for reason in self.wrong)))


class Scoring(Labs):
    """Scores scenarios, several at a time."""

    def submit(self, scenario: Scenario, check: Check | None = None) -> Future[tuple[Score, Outcome]]:
        """The score to come; see Labs.do."""
        return self.do(lambda lab: run(lab, scenario, check or by_command))


def run(lab: Lab, scenario: Scenario, check: Check) -> tuple[Score, Outcome]:
    """Run a scenario and judge what came out."""
    lab.start(*scenario.real)
    with lab.broken(*scenario.faults):
        outcome = check(lab, scenario)
    return judge(scenario, outcome), outcome


def by_command(lab: Lab, scenario: Scenario) -> Outcome:
    """`linkdoctor check`, as a user of the node types it."""
    return lab.check(
        scenario.plan,
        scenario.vantage,
        env=dict(scenario.env),
        resolv_conf=scenario.resolv_conf,
        hosts=scenario.hosts,
        descriptors=scenario.descriptors,
    )


def judge(scenario: Scenario, outcome: Outcome) -> Score:
    """Compare with the truth: verdict, exit code, first cause, its targets, and no other accusation."""
    if outcome.report is None:
        said = (outcome.stderr or outcome.stdout).strip()[-1500:]
        return Score(scenario, "no report", 0.0, outcome.seconds, (f"exit code {outcome.code}: {said}",))
    report = outcome.report
    findings = [finding for finding in report["findings"] if finding["severity"] != "info"]
    first = findings[0] if findings else None
    wrong = [*_verdict(scenario, outcome, report)]
    if scenario.expected is None:
        wrong += [f"false alarm: {_words(finding)}" for finding in findings]
    else:
        wrong += _causes(scenario, findings)
    found = first["cause"] if first else HEALTHY
    confidence = float(first["confidence"]) if first else 1.0
    return Score(scenario, found, confidence, outcome.seconds, tuple(wrong))


def _verdict(scenario: Scenario, outcome: Outcome, report: Mapping[str, Any]) -> list[str]:
    wrong = []
    if report["verdict"] != scenario.verdict:
        wrong.append(f"verdict {report['verdict']}, not {scenario.verdict}")
    if outcome.code != EXIT_CODES[scenario.verdict]:
        wrong.append(f"exit code {outcome.code}, not {EXIT_CODES[scenario.verdict]}")
    return wrong


def _causes(scenario: Scenario, findings: list[Mapping[str, Any]]) -> list[str]:
    wrong = []
    if not findings:
        return ["nothing was found"]
    if findings[0]["cause"] != scenario.expected:
        wrong.append(f"first: {_words(findings[0])}")
    expected = [finding for finding in findings if finding["cause"] == scenario.expected]
    concerned = {name for finding in expected for name in finding["targets"]}
    if expected and scenario.targets and concerned != set(scenario.targets):
        wrong.append(f"it is said of {sorted(concerned)}, not of {sorted(scenario.targets)}")
    allowed = {scenario.expected, *scenario.also}
    wrong += [
        f"beside it: {_words(finding)}"
        for finding in findings[1:]
        if finding["severity"] == "critical" and finding["cause"] not in allowed
    ]
    return wrong


def _words(finding: Mapping[str, Any]) -> str:
    others = ", ".join(f"{entry['cause']} {entry['confidence']:.0%}" for entry in finding["candidates"][:3])
    return f"{finding['cause']} {finding['confidence']:.0%} of {', '.join(finding['targets'])}" + (
        f" (or {others})" if others else ""
    )
