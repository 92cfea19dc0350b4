"""From one report to its gauges: what the last run of a plan says. Pure, and nothing for what did not run."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from attrs import frozen

from reports import curve
from reports.causes import CAUSES
from reports.failures import LOCAL_SHORTAGES
from reports.metrics import table
from reports.metrics.phases import Step, lookups, measured, moment, steps
from reports.metrics.table import Metric
from reports.model import DEGRADED, HEALTHY, UNDETERMINED, VERDICTS, Finding, Observation, Report, Scalar, TargetResult
from reports.sweep import WORDS

Series = tuple[Metric, tuple[str, ...], float]

# A report may come from a later linkdoctor, which knows more causes.
_OTHER = "other"
_INFO = "info"

_Read = Callable[[Scalar | None], float | None]
# Of a target's observations, by probe and step: which fact is which metric, and which of several values counts.
_FACTS: Mapping[tuple[str, str], tuple[tuple[str, Metric, _Read, Callable[[float, float], float]], ...]] = {
    ("tls", "handshake"): (("not_after", table.CERTIFICATE, moment, min),),
    ("http", "exchange"): (("status", table.STATUS, measured, max),),
    ("loss", "handshakes"): (("loss", table.LOSS, measured, max),),
    ("throughput", "transfer"): (("rate_bytes_s", table.THROUGHPUT, measured, min),),
    ("saturation", "limit"): (
        ("held", table.HELD, measured, max),
        ("tried", table.TRIED, measured, max),
        ("limit", table.LIMIT, measured, min),
        ("limit_low", table.LIMIT_LOW, measured, min),
        ("limit_high", table.LIMIT_HIGH, measured, max),
        ("rate_limit", table.RATE_LIMIT, measured, min),
    ),
}


def label(text: str) -> str:
    """A name as the value of a label: what cannot be written as UTF-8 (lone surrogates) stands as ``?``."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@frozen(kw_only=True)
class Watched:
    """What whoever watches a plan knows beyond its last run, by the names of targets.

    ``settled``: the verdicts in force, ``verdict`` the plan's. ``every``: in which of so many runs a target is asked,
    where not in each. ``kept``: when those were asked last (Unix seconds) of which the report tells what an earlier run
    saw. ``spoiled``: whether the run changed no verdict.
    """

    verdict: str
    interval_s: float
    settled: Mapping[str, str]
    every: Mapping[str, int] = {}
    kept: Mapping[str, float] = {}
    spoiled: bool = False


def gauges(report: Report, watched: Watched | None = None) -> Iterator[list[Series]]:
    """The series of a report, in groups that are kept or left out whole: the plan's, each network's, each target's."""
    yield _of_plan(report) + (_of_watched_plan(report, watched) if watched is not None else [])
    yield from _of_networks(report)
    yield from _of_targets(report, watched)


def cause_of(finding: Finding) -> tuple[str, str]:
    """Cause and layer as words of the catalogue."""
    known = CAUSES.get(finding.cause)
    return (known.code, known.layer) if known is not None else (_OTHER, _OTHER)


def shortages(observations: Iterable[Observation]) -> Counter[str]:
    """How often this machine fell short, by the failure."""
    return Counter(seen.failure.value for seen in observations if seen.failure in LOCAL_SHORTAGES and seen.failure)


# --- the plan -------------------------------------------------------------------------------------------------------


def _of_plan(report: Report) -> list[Series]:
    run, plan = report.run, label(report.run.plan.name)
    counted = Counter(result.verdict for result in report.targets)
    key = (plan,)
    series: list[Series] = [(table.PLAN_VERDICT, (plan, word), word == report.verdict) for word in VERDICTS]
    series += [(table.PLAN_TARGETS, (plan, word), counted[word]) for word in VERDICTS]
    series += _findings(report.findings, plan)
    need = curve.needed(run.plan.job)
    if need is not None:
        series.append((table.NEEDED, key, need))
    series += [
        (table.LAST_RUN, key, run.started + run.duration_s),
        (table.LAST_DURATION, key, run.duration_s),
        (table.LAST_PARTIAL, key, run.partial),
    ]
    short = shortages(report.observations)
    series += [(table.LAST_SHORTAGES, (word, plan), number) for word, number in sorted(short.items())]
    for seen in report.observations:
        lag = measured(seen.facts.get("lag_s")) if (seen.probe, seen.step) == ("local", "loop") else None
        if lag is not None:
            series.append((table.LAST_LAG, key, lag))
            break
    return series


def _of_watched_plan(report: Report, watched: Watched) -> list[Series]:
    plan = label(report.run.plan.name)
    series: list[Series] = [(table.PLAN_SETTLED, (plan, word), word == watched.verdict) for word in VERDICTS]
    return [*series, (table.INTERVAL, (plan,), watched.interval_s)]


def _findings(findings: Iterable[Finding], plan: str) -> list[Series]:
    counted = Counter(
        (cause, layer, finding.remedy.owner, plan, finding.severity)
        for finding in findings
        for cause, layer in [cause_of(finding)]
    )
    return [(table.PLAN_FINDINGS, labels, number) for labels, number in counted.items()]


# --- networks -------------------------------------------------------------------------------------------------------


def _of_networks(report: Report) -> Iterator[list[Series]]:
    """Of each network and question, how many addresses are in which state: all its blocks together."""
    counted: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: dict.fromkeys(WORDS.values(), 0.0))
    for seen in report.observations:
        if (seen.probe, seen.step) == ("subnet", "states"):
            network, asked = (label(str(seen.facts.get(fact, ""))) for fact in ("network", "asked"))
            states = counted[network, asked]
            for state in states:
                states[state] += measured(seen.facts.get(state)) or 0.0
    plan = label(report.run.plan.name)
    for (network, asked), states in counted.items():
        yield [(table.ADDRESSES, (asked, network, plan, state), number) for state, number in states.items()]


# --- targets --------------------------------------------------------------------------------------------------------


def _of_targets(report: Report, watched: Watched | None) -> Iterator[list[Series]]:
    plan = label(report.run.plan.name)
    declared = {target.name: target for target in report.run.plan.targets}
    facts = _facts(report.observations)
    names = lookups(report.observations)
    passed: dict[str, list[Step]] = defaultdict(list)
    for step in steps(report.observations):
        passed[step.target or ""].append(step)
    findings = {finding.id: finding for finding in report.findings if finding.severity != _INFO}
    told = set()
    for result in report.targets:
        name = label(result.name)
        if name in told:
            continue
        told.add(name)
        key = (plan, name)
        series = _verdicts(result, plan, name)
        target = declared.get(result.name)
        if target is not None:
            place = (label(target.address), label(target.group or ""), plan, target.service, name, target.via)
            series.append((table.TARGET, place, 1.0))
        if result.latency_s is not None:
            series.append((table.LATENCY, key, result.latency_s))
        gone = passed.get(result.name, [])
        if target is not None and target.host in names:
            gone = [names[target.host], *gone]
        series += _phases(gone, plan, name)
        series += _causes([findings[id_] for id_ in result.findings if id_ in findings], plan, name)
        series += [(metric, key, value) for metric, value in facts.get(result.name, {}).items()]
        if watched is not None:
            series += _of_watched(result.name, key, watched)
        yield series


def _of_watched(target: str, key: tuple[str, str], watched: Watched) -> Iterator[Series]:
    settled = watched.settled.get(target)
    if settled is not None:
        yield from [(table.SETTLED, (*key, word), word == settled) for word in VERDICTS]
    if target in watched.every:
        yield table.ASKED_EVERY, key, watched.every[target]
    if target in watched.kept:
        yield table.ASKED, key, watched.kept[target]


def _verdicts(result: TargetResult, plan: str, name: str) -> list[Series]:
    series: list[Series] = [(table.VERDICT, (plan, name, word), word == result.verdict) for word in VERDICTS]
    if result.verdict != UNDETERMINED:
        series.append((table.UP, (plan, name), result.verdict in (HEALTHY, DEGRADED)))
    return series


def _phases(gone: Iterable[Step], plan: str, name: str) -> list[Series]:
    slowest: dict[str, float] = {}
    failed: dict[tuple[str, str], int] = {}
    for _, phase, seconds, failure in gone:
        if seconds is not None:
            slowest[phase] = max(seconds, slowest.get(phase, 0.0))
        elif failure is not None:
            failed[failure.value, phase] = failed.get((failure.value, phase), 0) + 1
    series: list[Series] = [(table.PHASE, (phase, plan, name), seconds) for phase, seconds in slowest.items()]
    first = list(failed.items())[: table.MOST_FAILURES]
    series += [(table.FAILURES, (failure, phase, plan, name), number) for (failure, phase), number in first]
    return series


def _causes(findings: Iterable[Finding], plan: str, name: str) -> list[Series]:
    surest: dict[tuple[str, ...], float] = {}
    for finding in findings:
        cause, layer = cause_of(finding)
        labels = (cause, layer, finding.remedy.owner, plan, finding.severity, name)
        surest[labels] = max(finding.confidence, surest.get(labels, 0.0))
    return [(table.CAUSE, labels, surest[labels]) for labels in list(surest)[: table.MOST_CAUSES]]


def _facts(observations: Iterable[Observation]) -> dict[str, dict[Metric, float]]:
    """The values of the metrics that are facts, by target."""
    found: dict[str, dict[Metric, float]] = defaultdict(dict)
    for seen in observations:
        if seen.target is None:
            continue
        for fact, metric, read, choose in _FACTS.get((seen.probe, seen.step), ()):
            value = read(seen.facts.get(fact))
            if value is not None:
                values = found[seen.target]
                values[metric] = choose(values[metric], value) if metric in values else value
    return found
