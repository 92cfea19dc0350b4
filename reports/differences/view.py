"""One of the two runs, joined once for all that is compared."""

from typing import Dict, Iterable, List, Optional, Tuple

from attrs import frozen

from reports.case import Case, names_of
from reports.evidence import Evidence
from reports.model import HEALTHY, Finding, Observation, Report, Scalar, TargetResult


@frozen
class Seen:
    """A thing as one run saw it: ``value`` is compared, ``words`` are shown, ``targets`` are those that it concerns."""

    value: object
    words: str
    targets: Tuple[str, ...] = ()


Things = Dict[str, Seen]


class View:
    """A report, and look-ups in it."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.plan = report.run.plan
        self.evidence = Evidence(report.run.plan, report.vantage, report.observations)
        self.results: Dict[str, TargetResult] = {result.name: result for result in report.targets}
        self.names: Tuple[str, ...] = tuple(self.results)
        self._findings: Dict[str, Finding] = {finding.id: finding for finding in report.findings}

    def cases(self) -> Iterable[Case]:
        """The targets that the report gives a verdict on."""
        return (case for name, case in self.evidence.cases.items() if name in self.results)

    def findings(self, name: str) -> List[Finding]:
        """The findings on a target above ``info``, most important first."""
        found = (self._findings[id_] for id_ in self.results[name].findings if id_ in self._findings)
        return [finding for finding in found if finding.severity != "info"]

    def is_healthy(self, name: str) -> bool:
        """Whether the run looked at the target, and found nothing wrong."""
        return name in self.results and self.results[name].verdict == HEALTHY

    def by_way(self, *ways: str) -> Tuple[str, ...]:
        """The targets that take one of these ways, or one that is not known."""
        return tuple(case.target.name for case in self.cases() if case.way in (*ways, "auto"))

    def of(self, probe: str, step: str) -> List[Observation]:
        """What concerns the whole machine."""
        return self.evidence.of(probe, step)

    def worked(self, case: Case, probe: str, step: str) -> Optional[Observation]:
        """The first time that this worked with the target."""
        return next((seen for seen in case.of(probe, step) if seen.ok), None)


def facts_of(seen: Observation, *keys: str) -> Dict[str, Scalar]:
    """Those of these facts that are there."""
    return {key: seen.facts[key] for key in keys if seen.facts.get(key) not in (None, "")}


def listing(found: Iterable[Observation], key: str) -> Tuple[str, ...]:
    """The values of a comma-joined fact over several observations, sorted: their order says nothing."""
    return tuple(sorted(names_of(list(found), key)))


def changed_entries(before: Seen, after: Seen) -> Tuple[str, str]:
    """Of two lists only what one has and the other has not, each as words."""
    sides = [side.value if isinstance(side.value, tuple) else () for side in (before, after)]
    if max(map(len, sides)) <= 1:
        return before.words, after.words
    lost, new = set(sides[0]) - set(sides[1]), set(sides[1]) - set(sides[0])
    return _with(lost), _with(new)


def _with(entries: Iterable[str]) -> str:
    named = ", ".join(sorted(entries))
    return "with " + named if named else "without"
