"""A partial report from what is left of one: rows of targets and findings, and the beginning of its JSON text.

It says what those hold and nothing else: no observations, ``run.partial``, and what no row tells (the time, the plan's
settings, the version) is empty. This module travels in the carry-in kit: CPython 3.7.
"""

import json
import re
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from attrs import evolve, frozen

from reports.columns import FindingRow, TargetRow
from reports.document import DocumentError, loads
from reports.model import (
    DEGRADED,
    FAILING,
    SCHEMA,
    SEVERITIES,
    UNDETERMINED,
    Finding,
    Plan,
    Report,
    Run,
    Share,
    Target,
    TargetResult,
    Vantage,
    content_id,
    worst,
)

_OPENING = re.compile(r"\s*\{")
_KEY = re.compile(r'\s*,?\s*"(\w+)"\s*:\s*')
_NEXT = re.compile(r"[\s,]*")
_ADDRESS = re.compile(r"\[?(.+?)\]?:(\d{1,5})")
_SHARED = re.compile(r"(.*), (\d{1,9}) of (\d{1,9})", re.DOTALL)
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")

# What a finding makes of its targets (docs/report.md); one of severity info says nothing of them.
_VERDICTS = {"critical": FAILING, "warning": DEGRADED}


@frozen(kw_only=True)
class Remains:
    """What is left of one run. ``verdicts``: those of the run that its rows name."""

    run: str
    vantage: str = ""
    targets: Sequence[TargetRow] = ()
    findings: Sequence[FindingRow] = ()
    verdicts: Sequence[str] = ()
    text: Optional[Report] = None


def rebuild(remains: Remains) -> Optional[Report]:
    """The partial report, or None where nothing is left that says anything.

    What stands in the text goes before what stands in the rows, which tell less.
    """
    base = remains.text
    if base is None:
        if not remains.targets and not remains.findings:
            return None
        base = _empty(remains.run, remains.vantage)
    findings = {finding.id: finding for finding in base.findings}
    for row in remains.findings:
        findings.setdefault(row.finding.id, row.finding)
    for finding in _only_of_targets(remains.targets, findings.values()):
        findings.setdefault(finding.id, finding)
    results = {result.name: result for result in base.targets}
    for target in remains.targets:
        results.setdefault(target.result.name, target.result)
    ordered = sorted(findings.values(), key=lambda finding: (SEVERITIES.index(finding.severity), -finding.confidence))
    for finding in ordered:
        for name in finding.targets:
            results.setdefault(name, _unseen(name, finding))
    targets = tuple([_with_findings(result, ordered) for result in results.values()])
    said = [*remains.verdicts, *(row.verdict for row in remains.findings)]
    if remains.text is not None:
        said.append(remains.text.verdict)
    plan = base.run.plan
    return evolve(
        base,
        run=evolve(base.run, partial=True, plan=plan if remains.text else evolve(plan, targets=_declared(targets))),
        verdict=worst(tuple(said) or tuple(result.verdict for result in targets)),
        targets=targets,
        findings=tuple(ordered),
        observations=(),
    )


def salvage(text: str) -> Optional[Report]:
    """What a report's text holds that was cut short: everything before the observations that is whole, or None.

    It needs the run, the vantage and the verdict, which come first.
    """
    found = _whole(text)
    if found.get("schema") != SCHEMA:
        return None
    found["observations"] = []
    for key in ("targets", "findings", "cleared"):
        found.setdefault(key, [])
    try:
        report = loads(json.dumps(found))
    except DocumentError:
        return None
    return evolve(report, run=evolve(report.run, partial=True))


# --- from the text --------------------------------------------------------------------------------------------------

_decode = json.JSONDecoder().raw_decode


def _whole(text: str) -> Dict[str, Any]:
    """The values of the outermost object that are whole, up to the observations; of an array, its whole entries."""
    found: Dict[str, Any] = {}
    opening = _OPENING.match(text)
    match = _KEY.match(text, opening.end()) if opening else None
    while match is not None and match.group(1) != "observations":
        try:
            found[match.group(1)], end = _decode(text, match.end())
        except (ValueError, RecursionError):
            if text[match.end() : match.end() + 1] == "[":
                found[match.group(1)] = _entries(text, match.end() + 1)
            break
        match = _KEY.match(text, end)
    return found


def _entries(text: str, position: int) -> List[Any]:
    entries: List[Any] = []
    while True:
        try:
            entry, position = _decode(text, _NEXT.match(text, position).end())  # type: ignore[union-attr] # matches all
        except (ValueError, RecursionError):
            return entries
        entries.append(entry)


# --- from the rows --------------------------------------------------------------------------------------------------


def _empty(run: str, vantage: str) -> Report:
    place, share = vantage, Share()
    shared = _SHARED.fullmatch(vantage)
    if shared is not None:
        place = shared.group(1)
        share = Share(index=int(shared.group(2)) - 1, of=int(shared.group(3)))
    return Report(
        run=Run(id=run, started=0.0, duration_s=0.0, linkdoctor="", plan=Plan(name=run), share=share),
        vantage=_vantage(place),
        verdict=UNDETERMINED,
    )


def _vantage(place: str) -> Vantage:
    """The reverse of rows.label: ``KIND HOST ADDRESS``, where the last two may be missing."""
    kind, _, rest = place.partition(" ")
    host, _, address = rest.rpartition(" ")
    if not _IPV4.fullmatch(address):
        return Vantage(kind=kind, host=rest)
    return Vantage(kind=kind, host=host, addresses=(address,))


def _only_of_targets(rows: Iterable[TargetRow], findings: Iterable[Finding]) -> List[Finding]:
    """Findings whose own rows are lost: what the rows of their targets say of them."""
    known = {(finding.cause, name) for finding in findings for name in finding.targets}
    lost: Dict[Finding, List[str]] = {}
    for row in rows:
        if row.finding is not None and (row.finding.cause, row.result.name) not in known:
            lost.setdefault(row.finding, []).append(row.result.name)
    return [
        evolve(finding, targets=tuple(names), id=content_id("f-", finding.cause, names))
        for finding, names in lost.items()
    ]


def _unseen(name: str, finding: Finding) -> TargetResult:
    return TargetResult(name=name, address="", verdict=_VERDICTS.get(finding.severity, UNDETERMINED))


def _with_findings(result: TargetResult, findings: Sequence[Finding]) -> TargetResult:
    return evolve(result, findings=tuple([finding.id for finding in findings if result.name in finding.targets]))


def _declared(results: Iterable[TargetResult]) -> Tuple[Target, ...]:
    """The targets as a plan has them, as far as their addresses tell."""
    declared = []
    for result in results:
        match = _ADDRESS.fullmatch(result.address)
        if match is not None and 1 <= int(match.group(2)) <= 65535:
            declared.append(Target(name=result.name, host=match.group(1), port=int(match.group(2))))
    return tuple(declared)
