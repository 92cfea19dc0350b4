"""Whether a report says the truth about a scenario."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any

from attrs import evolve, frozen

from reports.model import SEVERITIES
from tests.lab.harness import LINKDOCTOR, PLAN, Lab, Outcome
from tests.lab.labs import Labs
from tests.lab.scenario import DEGRADED, EXIT_CODES, FAILING, HEALTHY, Scenario
from tests.lab.variants import PLAIN, SURE_OF_SEVERAL, Variant

# A scenario is run so many times over at most, until no more than this part of its runs speaks against the others. One
# run alone does not speak against itself: this machine may have been busy with others.
_MOST_ROUNDS, _UNDECIDED = 3, 0.25

# Has the scenario's plan checked in the lab.
Check = Callable[[Lab, Scenario], Outcome]

Finding = Mapping[str, Any]


@frozen
class Score:
    """``wrong`` holds what is wrong with the report, in words; none: it is right.

    ``accusations``: critical findings that are neither the true cause nor one that may stand in its place or beside it.
    ``rate``: the share of the scenario's ``runs`` that were right; the score is one of the majority.
    """

    scenario: Scenario
    found: str
    confidence: float
    seconds: float
    wrong: tuple[str, ...]
    accusations: int = 0
    rate: float = 1.0
    runs: int = 1

    @property
    def right(self) -> bool:
        """Nothing is wrong."""
        return not self.wrong

    @property
    def expected(self) -> str:
        """The true cause, of several the one that was found first; of a healthy scenario that word."""
        return self.found if self.found in self.scenario.causes else self.scenario.expected or HEALTHY

    @property
    def timeouts(self) -> float:
        """How long the whole command took, in time-outs of the plan's connections."""
        return self.seconds / self.scenario.connect_timeout

    def __str__(self) -> str:
        mark = "ok   " if self.right else "WRONG"
        line = (
            f"{mark} {self.scenario.name:36} {self.expected:26} {self.found:26}"
            f" {self.confidence:4.0%} {self.seconds:6.2f} s"
        )
        if self.runs > 1:
            line += f"  {self.rate:.0%} of {self.runs} runs right"
        return "\n".join((line, *(f"        {reason}" for reason in self.wrong)))


class Scoring(Labs):
    """Scores scenarios, several at a time."""

    def submit(
        self, scenario: Scenario, check: Check | None = None, variant: Variant = PLAIN
    ) -> Future[tuple[Score, Outcome]]:
        """The score to come; see Labs.do."""
        return self.do(lambda lab: run(lab, scenario, check or partial(by_command, bare=variant.bare), variant))


def run(lab: Lab, scenario: Scenario, check: Check, variant: Variant = PLAIN) -> tuple[Score, Outcome]:
    """Run a scenario as often as it asks for, and again where that is undecided; the majority of all runs counts."""
    lab.start(*scenario.real)
    runs: list[tuple[Score, Outcome]] = []
    for _ in range(_MOST_ROUNDS):
        for _ in range(scenario.repeat):
            with lab.broken(*variant.faults, *scenario.faults):
                outcome = check(lab, scenario)
            runs.append((judge(scenario, outcome, variant), outcome))
        rate = _rate(runs)
        if rate >= 1 - _UNDECIDED or (rate <= _UNDECIDED and len(runs) > 1):
            break
    return majority(runs)


def majority(runs: list[tuple[Score, Outcome]]) -> tuple[Score, Outcome]:
    """A run of the kind, right or wrong, that came out more often; wrong where both did equally."""
    rate = _rate(runs)
    score, outcome = next(run for run in runs if run[0].right == (rate > 0.5))
    return evolve(score, rate=rate, runs=len(runs)), outcome


def _rate(runs: list[tuple[Score, Outcome]]) -> float:
    """The share that was right."""
    return sum(score.right for score, _ in runs) / len(runs)


def by_command(lab: Lab, scenario: Scenario, *, bare: bool = False) -> Outcome:
    """`linkdoctor check` (or `sweep`), as a user of the node types it."""
    return lab.outcome(
        [str(LINKDOCTOR), *scenario.command(PLAN), "--format", "json"],
        scenario.plan,
        scenario.vantage,
        files=scenario.files,
        env=dict(scenario.env),
        resolv_conf=scenario.resolv_conf,
        hosts=scenario.hosts,
        descriptors=scenario.descriptors,
        bare=bare,
    )


def judge(scenario: Scenario, outcome: Outcome, variant: Variant = PLAIN) -> Score:
    """Compare with the truth: verdict, exit code, first cause, its targets, and no other accusation."""
    if outcome.report is None:
        said = (outcome.stderr or outcome.stdout).strip()[-600:]
        return Score(scenario, "no report", 0.0, outcome.seconds, (f"exit code {outcome.code}: {said}",))
    report = outcome.report
    findings = [finding for finding in report["findings"] if finding["severity"] != "info"]
    first = findings[0] if findings else None
    lookalikes = variant.lookalikes(scenario)
    wrong = _verdict(_verdict_of(scenario, first, lookalikes), outcome, report)
    if scenario.expected is None:
        wrong += [f"false alarm: {_words(finding)}" for finding in findings]
    else:
        wrong += _causes(scenario, findings, lookalikes)
    told = {finding["cause"] for finding in report["findings"] if finding["severity"] == "info"}
    wrong += [f"not told: {cause}" for cause in scenario.infos if cause not in told]
    return Score(
        scenario,
        first["cause"] if first else HEALTHY,
        float(first["confidence"]) if first else 1.0,
        outcome.seconds,
        tuple(wrong),
        len(_accusations(scenario, findings, lookalikes)),
    )


def _verdict(verdict: str, outcome: Outcome, report: Mapping[str, Any]) -> list[str]:
    wrong = []
    if report["verdict"] != verdict:
        wrong.append(f"verdict {report['verdict']}, not {verdict}")
    if outcome.code != EXIT_CODES[verdict]:
        wrong.append(f"exit code {outcome.code}, not {EXIT_CODES[verdict]}")
    return wrong


def _verdict_of(scenario: Scenario, first: Finding | None, lookalikes: Mapping[str, str]) -> str:
    """The scenario's own, or the one of what may stand in the true cause's place."""
    if first is None or first["cause"] not in lookalikes:
        return scenario.verdict
    return {"critical": FAILING, "warning": DEGRADED}[first["severity"]]


def _causes(scenario: Scenario, findings: list[Finding], lookalikes: Mapping[str, str]) -> list[str]:
    if not findings:
        return ["nothing was found"]
    wrong = []
    first = findings[0]
    equals = {cause for cause, targets in scenario.causes.items() if len(targets) == len(scenario.targets)}
    if first["cause"] not in equals:
        wrong += _in_its_place(scenario, first, lookalikes)
    expected = [finding for finding in findings if finding["cause"] == scenario.expected] or [first]
    concerned = {name for finding in expected for name in finding["targets"]}
    if not wrong and scenario.targets and concerned != set(scenario.targets):
        wrong.append(f"it is said of {sorted(concerned)}, not of {sorted(scenario.targets)}")
    wrong += _others(scenario, findings)
    if first["confidence"] > scenario.surest:
        wrong.append(f"too sure of what has changed: {_words(first)}")
    said = not scenario.said or any(scenario.said in reason for reason in first["because"])
    if first["cause"] in scenario.causes and not said:
        wrong.append(f'"{scenario.said}" is not said: {_words(first)}')
    return wrong + [
        f"beside it: {_words(finding)}"
        for finding in _accusations(scenario, findings, lookalikes)
        if finding is not first
    ]


def _others(scenario: Scenario, findings: list[Finding]) -> list[str]:
    """The further true causes stand there too, each of its targets; what concerns more of them comes first."""
    wrong = []
    for cause, targets in scenario.others.items():
        concerned = {name for finding in findings if finding["cause"] == cause for name in finding["targets"]}
        if concerned != set(targets):
            wrong.append(f"{cause} is said of {sorted(concerned)}, not of {sorted(targets)}")
    true = [finding for finding in findings if finding["cause"] in scenario.causes]
    weights = [(SEVERITIES.index(finding["severity"]), -len(scenario.causes[finding["cause"]])) for finding in true]
    if not wrong and scenario.others and weights != sorted(weights):
        wrong.append(f"in the order {', '.join(finding['cause'] for finding in true)}")
    return wrong


def _in_its_place(scenario: Scenario, first: Finding, lookalikes: Mapping[str, str]) -> list[str]:
    """A cause that truly looks the same is right as long as it names the true one beside it, and is not sure."""
    if first["cause"] not in lookalikes:
        return [f"first: {_words(first)}"]
    wrong = []
    if scenario.expected not in {entry["cause"] for entry in first["candidates"]}:
        wrong.append(f"the true one is no candidate: {_words(first)}")
    if first["confidence"] > SURE_OF_SEVERAL:
        wrong.append(f"too sure: {_words(first)}")
    return wrong


def _accusations(scenario: Scenario, findings: list[Finding], lookalikes: Mapping[str, str]) -> list[Finding]:
    allowed = {*scenario.causes, *scenario.also, *lookalikes}
    return [finding for finding in findings if finding["severity"] == "critical" and finding["cause"] not in allowed]


def _words(finding: Finding) -> str:
    others = ", ".join(f"{entry['cause']} {entry['confidence']:.0%}" for entry in finding["candidates"][:3])
    return f"{finding['cause']} {finding['confidence']:.0%} of {', '.join(finding['targets'])}" + (
        f" (or {others})" if others else ""
    )
