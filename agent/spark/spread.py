"""A plan too large to be measured from everywhere: cut into parts, each measured once, and made one report."""

import time
from collections import defaultdict
from typing import Dict, FrozenSet, Iterator, List, Tuple

from attrs import evolve, frozen

from reports import __version__
from reports.diagnose import Diagnosis, conclude, diagnose
from reports.model import (
    SEVERITIES,
    Cleared,
    Finding,
    Observation,
    Plan,
    Report,
    Run,
    Target,
    TargetResult,
    Vantage,
    content_id,
    worst,
)
from reports.words import listed

# A part is small enough for its loss to cost little, and ends well before the plan's deadline.
_LARGEST = 1000
_OF_DEADLINE = 0.5

# What makes two places alike, when their own addresses are left out.
_ALIKE = ("interface", "routes", "name_servers", "proxy")
_OWN = frozenset({"addresses"})


def parts(plan: Plan, at_once: int) -> List[Plan]:
    """The plan in parts, of which so many are measured at once, each with its share of the limits.

    Targets of one host are in one part, so that what a target may bear is counted in one place.
    """
    limits, count = plan.limits, len(plan.targets)
    seconds = limits.deadline * _OF_DEADLINE
    size = min(
        float(_LARGEST),
        count / at_once,
        limits.rate / at_once * seconds,
        limits.concurrency / at_once * seconds / limits.connect_timeout,
    )
    hosts: Dict[str, List[Target]] = defaultdict(list)
    for target in plan.targets:
        hosts[target.host].append(target)
    # No other part has these targets: what is counted for each of them is not shared out.
    own = evolve(limits, per_target=limits.per_target * at_once, bytes_per_target=limits.bytes_per_target * at_once)
    found: List[Plan] = []
    part: List[Target] = []
    for targets in hosts.values():
        if part and len(part) + len(targets) > size:
            found.append(evolve(plan, targets=tuple(part), limits=own))
            part = []
        part.extend(targets)
    if part:
        found.append(evolve(plan, targets=tuple(part), limits=own))
    return found


@frozen
class _Group:
    """Places that are alike: what they saw is explained together."""

    vantage: Vantage
    places: Dict[str, None]
    observations: List[Observation]
    targets: Dict[str, None]


class Whole:
    """The report on a plan out of the reports on its parts."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._began = time.time(), time.monotonic()
        self._groups: Dict[FrozenSet[object], _Group] = {}
        self._partial = False

    def add(self, report: Report) -> None:
        """Take in what one executor says of one part."""
        key = _likeness(report)
        first = key not in self._groups
        if first:
            self._groups[key] = _Group(report.vantage, {}, [], {})
        group = self._groups[key]
        labels = report.vantage.labels
        group.places["executor %s (%s)" % (labels.get("executor", ""), labels.get("address", ""))] = None
        group.targets.update((target.name, None) for target in report.run.plan.targets)
        group.observations.extend(seen for seen in report.observations if first or not _of_the_place(seen))
        self._partial = self._partial or report.run.partial

    def report(self) -> Report:
        """Everything that came. What was not measured is undetermined, and the report then partial."""
        groups = sorted(self._groups.values(), key=lambda group: -len(group.targets))
        results: Dict[str, TargetResult] = {}
        findings: List[Finding] = []
        cleared: List[Cleared] = []
        for group in groups:
            about = self._about(group)
            results.update((target.name, target) for target in about.targets)
            seen_from = ("seen from %s" % listed(list(group.places)),) if len(groups) > 1 else ()
            findings.extend(evolve(finding, because=finding.because + seen_from) for finding in about.findings)
            cleared.extend(about.cleared)
        missing = tuple(target for target in self._plan.targets if target.name not in results)
        if missing:
            unseen = diagnose(evolve(self._plan, targets=missing), Vantage(kind="spark"), ())
            results.update((target.name, target) for target in unseen.targets)
        started, start = self._began
        vantage = groups[0].vantage if groups else Vantage(kind="spark")
        places = {place for group in groups for place in group.places}
        labels = {"role": "executors", "executors": str(len(places))}
        run = Run(
            id=content_id("r-", self._plan.name, vantage.host, started),
            started=round(started, 6),
            duration_s=round(time.monotonic() - start, 3),
            linkdoctor=__version__,
            plan=self._plan,
            partial=self._partial or bool(missing),
        )
        findings.sort(key=lambda one: (SEVERITIES.index(one.severity), -len(one.targets), -one.confidence))
        targets = tuple(results[target.name] for target in self._plan.targets)
        found = Diagnosis(
            verdict=worst(tuple(target.verdict for target in targets)),
            targets=targets,
            findings=tuple(findings),
            cleared=tuple(cleared),
        )
        observations = [seen for group in groups for seen in group.observations]
        return conclude(run, evolve(vantage, labels=labels), observations, found)

    def _about(self, group: _Group) -> Diagnosis:
        targets = tuple(target for target in self._plan.targets if target.name in group.targets)
        return diagnose(evolve(self._plan, targets=targets), group.vantage, group.observations)


def _likeness(report: Report) -> FrozenSet[object]:
    return frozenset(_traits(report))


def _traits(report: Report) -> Iterator[Tuple[object, ...]]:
    for seen in report.observations:
        if seen.probe == "local" and seen.step in _ALIKE:
            facts = frozenset((key, value) for key, value in seen.facts.items() if key not in _OWN)
            yield seen.step, seen.address, seen.failure, facts


def _of_the_place(seen: Observation) -> bool:
    """Whether it says something of the place itself, or of the job's settings: the same at every place alike."""
    return seen.target is None and (seen.probe == "settings" or (seen.probe == "local" and seen.step != "way"))
