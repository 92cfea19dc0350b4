"""The networks of a report, as every medium tells them: which were swept, from where, and what is said of which."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from reports import words
from reports.model import UNDETERMINED, Finding, Observation, Report
from reports.subnet import PROBE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reports.subnet.swept import Swept


class Networks:
    """Indexed once for those who tell them. Names and sources are there also where addresses were taken out."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._seen = [seen for seen in report.observations if seen.probe == PROBE]

    @property
    def any(self) -> bool:
        """Whether a sweep is told of at all."""
        return bool(self._seen)

    @cached_property
    def swept(self) -> tuple[Swept, ...]:
        """Those that were swept, the plan's first."""
        if not self.any:
            return ()
        from reports.subnet.swept import swept  # noqa: PLC0415 - start-up: few runs sweep

        return swept(self._report.run.plan, self._report.vantage, self._seen)

    @cached_property
    def names(self) -> list[str]:
        """Of those that were swept."""
        return _facts((seen for seen in self._seen if seen.step == "states"), "network")

    @property
    def sources(self) -> list[str]:
        """The addresses that they were swept from."""
        return _facts((seen for seen in self._seen if seen.step == "place"), "source")

    def counted(self, findings: Iterable[Finding]) -> str:
        """``3 networks``, or ``1 of 3 networks``: those that the verdict is about, by its ``findings``."""
        about = {name for finding in findings for name in self.of(finding)}
        if self._report.verdict == UNDETERMINED:
            about = {network.name for network in self.swept if not network.is_settled}
        total = words.count(len(self.names), "network")
        return f"{len(about):,} of {total}" if 0 < len(about) < len(self.names) else total

    def of(self, finding: Finding) -> Sequence[str]:
        """The names of those that the finding is about; none where it rests on anything beside their sweeps."""
        if not finding.evidence or not self._ids.issuperset(finding.evidence):
            return ()
        evidence = set(finding.evidence)
        return _facts((seen for seen in self._seen if seen.id in evidence), "network")

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(seen.id for seen in self._seen)


def _facts(seen: Iterable[Observation], name: str) -> list[str]:
    """The values of a fact, each once."""
    return list(dict.fromkeys(str(one.facts[name]) for one in seen if one.facts.get(name)))
