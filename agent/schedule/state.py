"""What is known of a plan that is watched: its last run, and of each target both verdicts, measured and in force.

Values: a run makes a new state of the old one. ``document`` is what the page is given.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from agent.schedule.judging import Judgement, evidence_of
from agent.schedule.patience import NONE, Patience, after, is_due
from agent.schedule.settling import Settled, settle
from reports.codec import rfc3339
from reports.metrics import Watched
from reports.metrics.gauges import shortages
from reports.model import HEALTHY, UNDETERMINED, Observation, Plan, Report, Target, TargetResult, worst

SCHEMA = "linkdoctor/state/1"

_INFO = "info"


@frozen(kw_only=True)
class Change:
    """The verdict in force on a target changed. ``cause``: the likeliest, "" where there is none."""

    target: str
    before: str
    after: str
    cause: str


@frozen(kw_only=True)
class TargetState:
    """One target. ``settled``: None until a run could tell. ``since``, ``asked``: Unix seconds.

    ``measured``: the verdict of the last run that asked; ``counts``: whether it counted. ``seen``: what was observed
    then, where the target is asked in some runs only.
    """

    target: Target
    settled: Settled | None = None
    since: float = 0.0
    cause: str = ""
    measured: str = UNDETERMINED
    counts: bool = True
    confidence: float | None = None
    latency_s: float | None = None
    asked: float | None = None
    old: bool = False
    patience: Patience = NONE
    seen: tuple[Observation, ...] = ()

    @property
    def verdict(self) -> str:
        """The verdict in force."""
        return self.settled.verdict if self.settled is not None else UNDETERMINED

    def document(self, interval: float) -> dict[str, Any]:
        """As the page is given it."""
        target = self.target
        found: dict[str, Any] = {
            "name": target.name,
            "address": target.address,
            "service": target.service,
            "via": target.via,
            "verdict": self.verdict,
            "measured": self.measured,
            "counts": self.counts,
            "since": _moment(self.since or None),
            "cause": self.cause,
            "confidence": self.confidence,
            "latency_s": self.latency_s,
            "asked": _moment(self.asked),
            "asked_every_runs": self.patience.every(interval),
            "old": self.old,
        }
        return {**found, "group": target.group} if target.group is not None else found


@frozen(kw_only=True)
class LastRun:
    """The last run of a plan, in a few words."""

    id: str
    started: float
    duration_s: float
    verdict: str
    partial: bool
    spoiled: str
    shortages: int
    clock_off_s: float

    @classmethod
    def of(cls, report: Report, judgement: Judgement) -> "LastRun":
        """Of a run."""
        return cls(
            id=report.run.id,
            started=report.run.started,
            duration_s=report.run.duration_s,
            verdict=report.verdict,
            partial=report.run.partial,
            spoiled=judgement.spoiled,
            shortages=sum(shortages(report.observations).values()),
            clock_off_s=round(judgement.clock_off, 1),
        )

    def document(self) -> dict[str, Any]:
        """As the page is given it."""
        return {
            "id": self.id,
            "started": _moment(self.started),
            "duration_s": self.duration_s,
            "verdict": self.verdict,
            "partial": self.partial,
            "spoiled": self.spoiled,
            "shortages": self.shortages,
            "clock_off_s": self.clock_off_s,
        }


@frozen(kw_only=True)
class PlanState:
    """A plan. ``runs``: how many have ended; ``settled``: of a plan without targets.

    ``heavy``: what its last sweeps and its last saturation saw. ``trouble``: why the last run could not even begin.
    """

    plan: Plan
    interval: float
    targets: Mapping[str, TargetState]
    settled: Settled | None = None
    last: LastRun | None = None
    runs: int = 0
    heavy: tuple[Observation, ...] = ()
    trouble: str = ""

    @classmethod
    def of(cls, plan: Plan, interval: float, before: "PlanState | None" = None) -> "PlanState":
        """Of a plan of which nothing is known, or of which ``before`` is: of targets that stay, what is known stays."""
        known = before.targets if before is not None else {}
        targets = {
            target.name: evolve(known[target.name], target=target)
            if target.name in known and _is_same(known[target.name].target, target)
            else TargetState(target=target)
            for target in plan.targets
        }
        if before is None:
            return cls(plan=plan, interval=interval, targets=targets)
        return evolve(before, plan=plan, interval=interval, targets=targets, heavy=())

    @property
    def verdict(self) -> str:
        """The verdict in force: the worst of the targets'."""
        if self.targets:
            return worst(tuple(state.verdict for state in self.targets.values()))
        return self.settled.verdict if self.settled is not None else UNDETERMINED

    def skipped(self) -> frozenset[str]:
        """The targets that the next run does not ask: they have failed the same way for long."""
        return frozenset(
            name
            for name, state in self.targets.items()
            if state.asked is not None and not is_due(state.patience, self.runs, self.interval)
        )

    def seen_before(self, skipped: Collection[str]) -> list[Observation]:
        """What earlier runs saw of these, each once."""
        found = {seen.id: seen for name in skipped for seen in self.targets[name].seen}
        return list(found.values())

    def held(self) -> dict[str, str]:
        """The verdicts in force by target, of those of which there is one."""
        return {name: state.verdict for name, state in self.targets.items() if state.settled is not None}

    def watched(self, spoiled: bool = False) -> Watched:
        """What the metrics tell beyond the last run."""
        return Watched(
            verdict=self.verdict,
            interval_s=self.interval,
            settled=self.held(),
            every={
                name: every
                for name, state in self.targets.items()
                if (every := state.patience.every(self.interval)) > 1
            },
            kept={name: state.asked or 0.0 for name, state in self.targets.items() if state.old},
            spoiled=spoiled,
        )

    def document(self) -> dict[str, Any]:
        """As the page is given it."""
        return {
            "name": self.plan.name,
            "interval_s": self.interval,
            "verdict": self.verdict,
            "runs": self.runs,
            "last_run": self.last.document() if self.last is not None else None,
            "trouble": self.trouble,
            "targets": [state.document(self.interval) for state in self.targets.values()],
        }


def after_run(
    before: PlanState,
    report: Report,
    judgement: Judgement,
    skipped: Collection[str],
) -> tuple[PlanState, Sequence[Change]]:
    """The state after one more run of the plan, and what changed by it.

    ``skipped``: the targets that were not asked. Targets that left the plan meanwhile, or that are others by now, are
    passed over.
    """
    findings = {finding.id: finding for finding in report.findings if finding.severity != _INFO}
    asked = {target.name: target for target in report.run.plan.targets}
    targets = dict(before.targets)
    changes = []
    for result in report.targets:
        state = targets.get(result.name)
        if state is None or not _is_same(state.target, asked[result.name]):
            continue
        if result.name in skipped:
            targets[result.name] = evolve(state, old=True)
            continue
        about = next((findings[id_] for id_ in result.findings if id_ in findings), None)
        cause, confidence = (about.cause, about.confidence) if about is not None else ("", None)
        new = _asked(state, result, judgement, report.run.started, cause)
        targets[result.name] = evolve(new, confidence=confidence)
        if state.settled is not None and new.verdict != state.verdict:
            changes.append(Change(target=result.name, before=state.verdict, after=new.verdict, cause=new.cause))
    seldom = {name for name, new in targets.items() if not new.old and new.patience.every(before.interval) > 1}
    for name, seen in evidence_of(report, seldom).items():
        targets[name] = evolve(targets[name], seen=seen)
    counted = None if judgement.spoiled else report.verdict
    settled = settle(before.settled, counted) if not before.targets else None
    last = LastRun.of(report, judgement)
    then = evolve(before, targets=targets, settled=settled, last=last, runs=before.runs + 1, trouble="")
    return then, changes


def _asked(state: TargetState, result: TargetResult, judgement: Judgement, started: float, cause: str) -> TargetState:
    counted = judgement.verdicts.get(result.name)
    settled = settle(state.settled, counted)
    changed = (settled.verdict if settled else None) != (state.settled.verdict if state.settled else None)
    in_force = settled is not None and counted == settled.verdict
    patience = state.patience if counted is None else after(state.patience, judgement.failed.get(result.name))
    return evolve(
        state,
        settled=settled,
        since=started if changed else state.since,
        # While another verdict than the measured one is in force, so is the cause that it had.
        cause=("" if counted == HEALTHY else cause) if in_force else ("" if changed else state.cause),
        measured=result.verdict,
        counts=counted is not None,
        latency_s=result.latency_s,
        asked=started,
        old=False,
        patience=patience,
        seen=(),
    )


def _is_same(one: Target, other: Target) -> bool:
    return (one.address, one.service) == (other.address, other.service)


def _moment(unix: float | None) -> str | None:
    return rfc3339(unix) if unix is not None else None
