"""Whether a comparison says the truth about a case, and no report alone did."""

import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from attrs import frozen

from reports.comparison import Comparison, Merge
from reports.document import loads
from reports.model import Report
from tests.lab.comparisons.case import Case, Point
from tests.lab.harness import PLAN, ROOT, Lab, Outcome
from tests.lab.labs import Labs
from tests.lab.scenario import Plan

_POINT = ("-m", "tests.lab.comparisons.point")


@frozen
class Score:
    """``wrong`` holds what is wrong, in words. ``alone``: the first causes of the reports, with their confidence."""

    case: Case
    found: str
    confidence: float
    alone: tuple[tuple[str, float], ...]
    wrong: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Nothing is wrong."""
        return not self.wrong

    def __str__(self) -> str:
        mark = "ok   " if self.right else "WRONG"
        alone = ", ".join(dict.fromkeys(f"{cause} {share:.0%}" if cause else "-" for cause, share in self.alone))
        line = (
            f"{mark} {self.case.name:38} {self.case.expected:26} {self.found:26} {self.confidence:4.0%}  alone: {alone}"
        )
        return "\n".join((line, *(f"        {reason}" for reason in self.wrong)))


class Scoring(Labs):
    """Scores cases, several at a time."""

    def submit(self, case: Case) -> Future[tuple[Score, tuple[Report, ...]]]:
        """The score to come, and the reports; see Labs.do."""
        return self.do(lambda lab: _score(lab, case))


def _score(lab: Lab, case: Case) -> tuple[Score, tuple[Report, ...]]:
    reports = tuple(look(lab, case, point) for point in case.points)
    return judge(case, reports), reports


def look(lab: Lab, case: Case, point: Point) -> Report:
    """The report of one vantage point."""
    argv = [sys.executable, *_POINT, point.kind, json.dumps(dict(point.labels)), PLAN]
    plan: Plan = point.plan or case.plan
    with lab.broken(*case.faults, *point.faults):
        outcome: Outcome = lab.outcome(
            argv, plan, point.node, env={"PYTHONPATH": str(ROOT)}, resolv_conf=point.resolv_conf
        )
    return loads(outcome.stdout or outcome.stderr, f"{case.name} at {point.node}: {outcome.stderr[-1000:]}")


def compare(reports: Sequence[Report]) -> Comparison:
    """What they say together."""
    merge = Merge()
    for report in reports:
        merge.add(report)
    return merge.conclude()


def judge(case: Case, reports: Sequence[Report]) -> Score:
    """Verdict, first cause, its targets, its reasons; and that nobody alone was as sure."""
    comparison = compare(reports)
    findings = [finding for finding in comparison.findings if finding.severity != "info"]
    alone = tuple(_first(report, case.targets) for report in reports)
    wrong = []
    if comparison.verdict != case.verdict:
        wrong.append(f"verdict {comparison.verdict}, not {case.verdict}")
    if not findings:
        return Score(case, "nothing", 0.0, alone, (*wrong, "nothing was found"))
    first = findings[0]
    if first.cause != case.expected:
        wrong.append(f"first: {first.cause} {first.confidence:.0%}")
        wrong.append("candidates: " + ", ".join(f"{one.cause} {one.confidence:.0%}" for one in first.candidates))
    concerned = {name for finding in findings if finding.cause == case.expected for name in finding.targets}
    if concerned != set(case.targets):
        wrong.append(f"it is said of {sorted(concerned)}, not of {sorted(case.targets)}")
    wrong += [
        f"beside it: {finding.cause} of {', '.join(finding.targets)}"
        for finding in findings
        if finding.cause != case.expected
    ]
    if case.says and not any(case.says in reason for reason in first.because):
        wrong += ["it does not say so:", *first.because]
    sure = max((share for cause, share in alone if cause == case.expected), default=0.0)
    if sure and not case.surer:
        wrong.append(f"one report alone was sure: {sure:.0%}")
    if sure >= first.confidence:
        wrong.append(f"no surer than one report alone: {first.confidence:.0%}")
    return Score(case, first.cause, first.confidence, alone, tuple(wrong))


def _first(report: Report, targets: Sequence[str]) -> tuple[str, float]:
    """The first cause that the report itself gives for the targets."""
    about: Mapping[str, Any] = {
        finding.cause: finding.confidence
        for finding in reversed(report.findings)
        if set(finding.targets) & set(targets) and finding.severity == "critical"
    }
    return list(about.items())[-1] if about else ("", 0.0)
