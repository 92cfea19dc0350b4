"""One row that came back from a job, read strictly by its columns (reports/rows.py).

Numbers may stand as text, as CSV has them, and whole ones as floats (3.0), as tools write them that know no gaps in a
column of integers; nothing else is coerced. This module travels in the carry-in kit: CPython 3.7, attrs alone.
"""

import json
import math
import re
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, Union

from attrs import evolve, frozen

from reports.causes import CAUSES
from reports.codec import WrongValue, between, number, refused, whole, word
from reports.model import OWNERS, SEVERITIES, VERDICTS, Finding, Remedy, TargetResult
from reports.rows import COLUMNS, FINDING, REPORT, TARGET

KINDS = (TARGET, FINDING, REPORT)

Key = Tuple[object, ...]  # what no two rows of a run share

_MOST_PARTS = 1 << 16
_LONGEST = 1 << 40

_BEGINNING = re.compile(r'\s*\{\s*"schema"\s*:\s*"linkdoctor/')
_WHOLE = re.compile(r"-?\d{1,18}(?:\.0+)?", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,30}(?:\.\d{0,30})?(?:[eE][+-]?\d{1,3})?", re.ASCII)


@frozen(kw_only=True)
class TargetRow:
    """The row of a target: its verdict, and the most important of its findings, without id, targets and remedy."""

    vantage: str
    result: TargetResult
    finding: Optional[Finding] = None

    @property
    def key(self) -> Key:
        """It is told from the others by the target's name."""
        return (TARGET, self.result.name)


@frozen(kw_only=True)
class FindingRow:
    """The row of a finding, and the verdict of the run."""

    vantage: str
    finding: Finding
    verdict: str

    @property
    def key(self) -> Key:
        """It is told from the others by the finding's id."""
        return (FINDING, self.finding.id)


@frozen(kw_only=True)
class PartRow:
    """One part of a report's text, ``number`` (from 0) of ``parts``, and the verdict of the run.

    ``length``: characters of the whole text.
    """

    vantage: str
    number: int
    parts: int
    length: int
    text: str
    verdict: str

    @property
    def key(self) -> Key:
        """It is told from the others by its number, among so many."""
        return (REPORT, "part", self.number, "of", self.parts, self.length)


ReportRow = Union[TargetRow, FindingRow, PartRow]


def is_row(row: Mapping[str, object]) -> bool:
    """Whether it is a row of ours: a run, and a kind that we know."""
    run = row.get("run")
    return row.get("kind") in KINDS and isinstance(run, str) and run != ""


def is_report(cell: object) -> bool:
    """Whether a cell begins as the text of a report does."""
    return isinstance(cell, str) and _BEGINNING.match(cell) is not None


def read(row: Mapping[str, object]) -> ReportRow:
    """What a row of ours says. Raises WrongValue, whose path is the column."""
    values = {column.name: _at(column.name, _READ[column.type], row.get(column.name)) for column in COLUMNS}
    return _KINDS[str(row["kind"])](values)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise refused(_plain(value), "text")


def _float(value: object) -> Optional[float]:
    if value is None or value == "" or value != value:  # noqa: PLR0124 -- NaN: how some tools write a missing number
        return None
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return number(float(value))
    return number(_plain(value))


def _int(value: object) -> Optional[int]:
    """A whole number, also as a tool spells it that has floats where a column has gaps: 3.0."""
    if value is None or value == "" or value != value:  # noqa: PLR0124 -- as above
        return None
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value.partition(".")[0])
    if type(value) is int or (type(value) is float and math.isfinite(value) and value.is_integer()):
        return int(value)
    raise refused(_plain(value), "a whole number")


def _texts(value: str) -> Tuple[str, ...]:
    try:
        texts = json.loads(value or "[]")
    except (ValueError, RecursionError):
        texts = value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise refused(value, "a JSON array of texts")
    return tuple(texts)


def _plain(value: object) -> object:
    """A value that an error can quote."""
    return value if isinstance(value, (str, int, float)) else str(value)


_READ: Dict[str, Callable[[object], Any]] = {"string": _text, "double": _float, "bigint": _int}

_VERDICT = word(VERDICTS)
_SEVERITY = word(SEVERITIES)
_CONFIDENCE = between(number, 0, 1)
_OWNER = word(OWNERS)


def _at(name: str, decode: Callable[[Any], Any], value: Any) -> Any:
    try:
        return decode(value)
    except WrongValue as error:
        error.keys.insert(0, name)
        raise


def _target(values: Mapping[str, Any]) -> TargetRow:
    verdict = _at("verdict", _VERDICT, values["verdict"])
    return TargetRow(
        vantage=values["vantage"],
        result=TargetResult(
            name=values["name"], address=values["address"], verdict=verdict, latency_s=values["latency_s"]
        ),
        finding=_said(values) if values["cause"] else None,
    )


def _finding(values: Mapping[str, Any]) -> FindingRow:
    owner = _at("owner", _OWNER, values["owner"])
    finding = evolve(
        _said(values),
        id=values["name"],
        targets=_at("targets", _texts, values["targets"]),
        because=_at("evidence", _texts, values["evidence"]),
        remedy=Remedy(text=values["remedy"], owner=owner),
    )
    return FindingRow(vantage=values["vantage"], finding=finding, verdict=_at("verdict", _VERDICT, values["verdict"]))


def _said(values: Mapping[str, Any]) -> Finding:
    cause = values["cause"]
    known = CAUSES.get(cause)
    return Finding(
        cause=cause,
        layer=known.layer if known is not None else "",
        severity=_at("severity", _SEVERITY, values["severity"]),
        confidence=_at("confidence", _CONFIDENCE, values["confidence"]),
        summary=values["summary"],
    )


def _part(values: Mapping[str, Any]) -> PartRow:
    parts = _at("parts", between(whole, 1, _MOST_PARTS), values["parts"])
    return PartRow(
        vantage=values["vantage"],
        number=_at("part", between(whole, 0, parts - 1), values["part"]),
        parts=parts,
        length=_at("length", between(whole, 1, _LONGEST), values["length"]),
        text=_at("report", _filled, values["report"]),
        verdict=_at("verdict", _VERDICT, values["verdict"]),
    )


def _filled(value: str) -> str:
    if not value:
        raise refused(value, "a part of a report's text")
    return value


_KINDS: Dict[str, Callable[[Mapping[str, Any]], ReportRow]] = {TARGET: _target, FINDING: _finding, REPORT: _part}
