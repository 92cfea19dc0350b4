"""What of a run's report counts, and how its targets failed. Pure.

This machine's own troubles never change a verdict: what could not be determined for want of something here,
everything of a run in which the event loop came much too late, and what is wrong by date where the clock has jumped.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping

from attrs import frozen

from reports.failures import LOCAL_SHORTAGES
from reports.metrics.phases import lookups, steps
from reports.model import DEGRADED, FAILING, UNDETERMINED, Observation, Report
from reports.words import seconds

# A loop that comes later than this part of the time that one connection is given may have missed answers.
_PART_OF_TIMEOUT = 0.5
_LEAST_LAG = 0.5
# What is found by comparing dates with this machine's clock, and which findings make which verdict.
_BY_DATE = frozenset({"tls_expired", "tls_expiring_soon", "tls_not_yet_valid"})
_DECISIVE = {FAILING: "critical", DEGRADED: "warning"}


@frozen
class Judgement:
    """``spoiled``: why nothing of the run counts, in words; "" where it does.

    ``clock_off``: by how many seconds the clock jumped, where it did.
    ``verdicts``: of each target what counts, None where that is nothing. ``failed``: how those failed that did.
    """

    spoiled: str
    verdicts: Mapping[str, str | None]
    failed: Mapping[str, str]
    clock_off: float = 0.0


def judge(report: Report, clock_off: float = 0.0) -> Judgement:
    """What of the report counts."""
    spoiled = _spoiled(report)
    blind = _blind(report)
    by_date = _by_date(report) if clock_off else frozenset()
    verdicts = {
        result.name: None
        if spoiled or (result.verdict == UNDETERMINED and result.name in blind) or result.name in by_date
        else result.verdict
        for result in report.targets
    }
    failing = [result.name for result in report.targets if result.verdict == FAILING]
    return Judgement(spoiled, verdicts, _failed(report, failing) if failing else {}, clock_off)


def lag_of(report: Report) -> float | None:
    """By how many seconds the event loop came late at worst."""
    for seen in report.observations:
        if (seen.probe, seen.step) == ("local", "loop"):
            lag = seen.facts.get("lag_s")
            return float(lag) if isinstance(lag, (int, float)) else None
    return None


def evidence_of(report: Report, names: Collection[str]) -> dict[str, tuple[Observation, ...]]:
    """What was seen of each of these targets, the look-ups of its name and the ways to its addresses among it."""
    own: dict[str, list[Observation]] = {name: [] for name in names}
    shared: dict[object, list[Observation]] = defaultdict(list)
    for seen in report.observations if names else ():
        if seen.target in own:
            own[seen.target].append(seen)
        elif seen.target is None:
            shared[seen.facts.get("name") or seen.facts.get("ip")].append(seen)
    hosts = {target.name: target.host for target in report.run.plan.targets}
    found = {}
    for name, about in own.items():
        ips = dict.fromkeys(seen.facts["ip"] for seen in about if "ip" in seen.facts)
        found[name] = (*about, *(seen for key in (hosts.get(name), *ips) if key in shared for seen in shared[key]))
    return found


def _spoiled(report: Report) -> str:
    lag = lag_of(report)
    most = max(_LEAST_LAG, _PART_OF_TIMEOUT * report.run.plan.limits.connect_timeout)
    if lag is not None and lag > most:
        return f"the event loop came {seconds(lag)} late: more than {seconds(most)}"
    return ""


def _blind(report: Report) -> set[str]:
    """The targets of which something could not be done for want of something here; all that a run did not get to."""
    if report.run.partial:
        return {target.name for target in report.run.plan.targets}
    short = [seen for seen in report.observations if seen.failure in LOCAL_SHORTAGES]
    names = {seen.facts.get("name") for seen in short if seen.target is None}
    return {seen.target for seen in short if seen.target is not None} | {
        target.name for target in report.run.plan.targets if target.host in names
    }


def _by_date(report: Report) -> frozenset[str]:
    """The targets of which nothing but a date is wrong."""
    findings = {finding.id: finding for finding in report.findings}
    found = set()
    for result in report.targets:
        about = [findings[id_] for id_ in result.findings if id_ in findings]
        decisive = {one.cause for one in about if one.severity == _DECISIVE.get(result.verdict)}
        if decisive and decisive <= _BY_DATE:
            found.add(result.name)
    return frozenset(found)


def _failed(report: Report, failing: Collection[str]) -> dict[str, str]:
    """Of each target, the phases that failed and how, as one word; its causes where none did."""
    looked_up = lookups(report.observations)
    hosts = {target.name: target.host for target in report.run.plan.targets}
    causes = {finding.id: finding.cause for finding in report.findings}
    found: dict[str, set[str]] = {name: set() for name in failing}
    for step in steps(report.observations):
        if step.target in found and step.failure is not None:
            found[step.target].add(f"{step.phase}:{step.failure.value}")
    for name, words in found.items():
        step_before = looked_up.get(hosts.get(name, ""))
        if step_before is not None and step_before.failure is not None:
            words.add(f"{step_before.phase}:{step_before.failure.value}")
    told = {result.name: {causes[id_] for id_ in result.findings if id_ in causes} for result in report.targets}
    return {name: " ".join(sorted(words or told[name])) for name, words in found.items()}
