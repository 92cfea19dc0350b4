"""From the board to the comparison: rows of equal symptoms, the matrix, the findings, the verdict."""

from collections import defaultdict
from typing import Dict, Iterable, List, Sequence, Tuple

from attrs import evolve, frozen

from reports.causes import CAUSES
from reports.comparison.board import Board, Column, Point
from reports.comparison.contest import Verdict, judge
from reports.comparison.model import JOB, Cell, Compared, Comparison, Counts, Crossing, Member, Row, Trait
from reports.comparison.remedies import decided_by, remedy
from reports.comparison.symptoms import Symptom
from reports.comparison.view import View
from reports.model import (
    DEGRADED,
    FAILING,
    HEALTHY,
    SEVERITIES,
    UNDETERMINED,
    Candidate,
    Cleared,
    Finding,
    content_id,
    worst,
)
from reports.words import listed

_LEAST_SHARE = 0.05
_MOST_CANDIDATES = 4
_MOST_MEMBERS = 10
_SETTLED = 0.9


@frozen(kw_only=True)
class _Explained:
    view: View
    verdict: Verdict


def conclude(plan: str, counts: Counts, board: Board) -> Comparison:
    """Everything that the board says."""
    rows, row_of = _rows(board)
    explained: List[_Explained] = []
    verdicts: Dict[str, str] = {}
    settled: Dict[str, Tuple[int, int]] = {}
    for column in board.columns:
        view = View(board, column)
        verdicts[column.name] = _verdict(view)
        settled[column.name] = (len(view.fails_anywhere), len(view.fails_anywhere) + len(view.works))
        if view.fails:
            explained.append(_Explained(view=view, verdict=judge(view)))
    findings, cleared = _findings(explained, row_of)
    about: Dict[str, List[str]] = defaultdict(list)
    for finding in findings:
        for name in finding.targets:
            about[name].append(finding.id)
    return Comparison(
        plan=plan,
        verdict=worst(tuple(verdicts.values())),
        counts=counts,
        rows=rows,
        targets=tuple(
            Compared(
                name=column.name,
                address=column.target.address,
                verdict=verdicts[column.name],
                failing=settled[column.name][0],
                settled=settled[column.name][1],
                findings=tuple(about[column.name]),
            )
            for column in board.columns
        ),
        matrix=_matrix(board, rows, row_of),
        findings=findings,
        cleared=cleared,
        sweeps=tuple(
            Crossing(
                label=board.label(board.points[point]),
                source=sweep.source,
                whence=board.name_of(board.subnet_of(sweep.source)),
                network=sweep.network,
                cidr=sweep.cidr,
                asked=sweep.asked,
                answered=sweep.answered,
            )
            for point, sweep in board.sweeps
        ),
    )


# --- rows and matrix ------------------------------------------------------------------------------------------------


def _face(symptom: Symptom) -> Tuple[str, str, object, str]:
    return symptom.verdict, symptom.stage, symptom.failure, symptom.cause


def _rows(board: Board) -> Tuple[Tuple[Row, ...], List[int]]:
    """Points of one kind and place with equal symptoms are one row; and the row of each point."""
    signatures: List[List[Tuple[int, int]]] = [[] for _ in board.points]
    faces: Dict[object, int] = {}
    face_of = [faces.setdefault(_face(symptom), len(faces)) for symptom in board.pools.symptoms.values]
    for number, column in enumerate(board.columns):
        for index, symptom in zip(column.points, column.symptoms):
            signatures[index].append((number, face_of[symptom]))
    groups: Dict[object, List[Point]] = defaultdict(list)
    for point in board.points:
        groups[board.place(point), point.kind, tuple(signatures[point.index])].append(point)
    row_of = [0] * len(board.points)
    # The job first, then what failed most.
    ordered = sorted(groups.values(), key=lambda group: (board.place(group[0]) != JOB, -len(group), group[0].index))
    for number, group in enumerate(ordered):
        for point in group:
            row_of[point.index] = number
    return tuple(_row(board, number, group) for number, group in enumerate(ordered)), row_of


def _row(board: Board, number: int, group: Sequence[Point]) -> Row:
    first = group[0]
    label = board.label(first)
    if len(group) > 1:
        label = "%s and %s more" % (label, format(len(group) - 1, ","))
    return Row(
        id="v-%d" % (number + 1),
        label=label,
        kind=first.kind,
        place=board.place(first),
        count=len(group),
        partial=sum(point.partial for point in group),
        members=tuple(Member(label=board.label(point), run=point.run) for point in group[:_MOST_MEMBERS]),
        shared=tuple(_shared(board, group)),
    )


def _shared(board: Board, group: Sequence[Point]) -> Iterable[Trait]:
    """What all of them have in common."""
    for kind, values in (
        ("host", [(point.host,) for point in group]),
        ("vSwitch", [tuple(sorted({board.subnet_of(ip) for ip in board.vpc_addresses(point)})) for point in group]),
        ("name servers", [point.name_servers for point in group]),
        ("zone", [(point.named("zone"),) for point in group]),
        ("Python", [(point.python,) for point in group]),
        ("platform", [(point.platform,) for point in group]),
    ):
        if len(set(values)) == 1 and any(values[0]):
            yield Trait(kind=kind, value=", ".join(values[0]))


def _matrix(board: Board, rows: Sequence[Row], row_of: Sequence[int]) -> Tuple[Cell, ...]:
    cells: List[Cell] = []
    for column in board.columns:
        seen: Dict[int, int] = {}
        for point, symptom in zip(column.points, column.symptoms):
            seen.setdefault(row_of[point], symptom)
        cells.extend(_cell(board, column, rows[row], seen[row]) for row in sorted(seen))
    return tuple(cells)


def _cell(board: Board, column: Column, row: Row, number: int) -> Cell:
    symptom = board.pools.symptoms.values[number]
    return Cell(
        target=column.name,
        row=row.id,
        verdict=symptom.verdict,
        stage=symptom.stage,
        failure=symptom.failure,
        cause=symptom.cause,
        confidence=symptom.shares[0][1] if symptom.shares else 0.0,
    )


# --- findings -------------------------------------------------------------------------------------------------------


def _verdict(view: View) -> str:
    """The job's own verdict, where the job looked; what fails beside a job that works degrades."""
    places = [side for side in (view.job, view.host, view.outside) if side.fails or side.works]
    if not places:
        return UNDETERMINED
    if view.job.fails or (view.fails and not view.job.works):
        return FAILING
    verdicts = [look.symptom.verdict for look in (view.job.works or view.works)]
    return DEGRADED if view.fails or DEGRADED in verdicts else HEALTHY


def _findings(
    explained: Sequence[_Explained], row_of: Sequence[int]
) -> Tuple[Tuple[Finding, ...], Tuple[Cleared, ...]]:
    """One finding a cause and set of vantage points that fail, most important first."""
    groups: Dict[object, List[_Explained]] = defaultdict(list)
    for one in explained:
        where = frozenset(row_of[look.point.index] for look in one.view.fails)
        groups[one.verdict.shares[0][0], one.verdict.severity, where].append(one)
    findings = sorted(
        (_finding(group) for group in groups.values()),
        key=lambda one: (SEVERITIES.index(one.severity), -len(one.targets), -one.confidence),
    )
    ruled_out: Dict[Tuple[str, Tuple[str, ...]], List[str]] = defaultdict(list)
    for one in explained:
        for words, causes in one.verdict.cleared:
            ruled_out[words, causes].append(one.view.column.name)
    return tuple(findings), tuple(
        Cleared(targets=tuple(names), causes=causes, because=words) for (words, causes), names in ruled_out.items()
    )


def _finding(group: Sequence[_Explained]) -> Finding:
    lead = group[0]
    view, verdict = lead.view, lead.verdict
    views = [one.view for one in group]
    cause = CAUSES[verdict.shares[0][0]]
    confidence = sum(one.verdict.shares[0][1] for one in group) / len(group)
    candidates = tuple(
        Candidate(cause=code, confidence=round(share, 3), decided_by=decided_by(code, views))
        for code, share in verdict.shares[1 : _MOST_CANDIDATES + 1]
        if share >= _LEAST_SHARE
    )
    because = [*view.told(view.fails), *verdict.words]
    if len(group) > 1:
        because.append("the same of %s" % listed([one.view.column.name for one in group[1:]]))
    hints = [decided_by(cause.code, views)] + [candidate.decided_by for candidate in candidates]
    finding = Finding(
        cause=cause.code,
        layer=cause.layer,
        severity=verdict.severity,
        confidence=round(confidence, 3),
        targets=tuple(one.view.column.name for one in group),
        summary=cause.meaning,
        because=tuple(because),
        evidence=tuple(
            dict.fromkeys(id_ for one in group for id_ in one.view.evidence(one.view.fails + one.view.works))
        ),
        candidates=candidates,
        remedy=remedy(cause.code, views),
        surer=next((hint for hint in hints if hint), "") if confidence < _SETTLED else "",
    )
    return evolve(finding, id=content_id("f-", finding.cause, finding.severity, finding.targets, finding.because))
