"""A report as the rows of a table: how it comes out of a UDF or of Spark, where rows are the only way out.

First a row a target and a row a finding, for whoever reads the table itself; then the whole report as JSON, in as many
rows as it takes. COLUMNS is the contract (docs/rows.md); every row has all of them, None where one does not apply.
"""

import json
from typing import Dict, Iterator, Tuple, Union

from attrs import frozen

from reports.document import dumps
from reports.model import Finding, Report, Vantage

Value = Union[None, str, int, float]
Row = Tuple[Value, ...]

TARGET, FINDING, REPORT = "target", "finding", "report"

# Characters of a report in one row, far below the 8 MB that a STRING of MaxCompute may hold.
_PART = 1 << 20


@frozen
class Column:
    """A column: its name, its type in MaxCompute and Spark SQL (lower case), and what it holds."""

    name: str
    type: str
    meaning: str


COLUMNS: Tuple[Column, ...] = (
    Column("run", "string", "the run's id: the same in all rows of one report"),
    Column("vantage", "string", "where it ran: kind, host, the ENI's or own address, and which instance of how many"),
    Column("kind", "string", "target, finding, or report"),
    Column("name", "string", "of a target; a finding's id"),
    Column("address", "string", "of a target: host:port"),
    Column("verdict", "string", "of the target; in other rows, of the run: healthy, degraded, undetermined, failing"),
    Column("latency_s", "double", "of a target that answers: seconds"),
    Column("cause", "string", "of a finding; of a target, the most important of its findings"),
    Column("severity", "string", "of that finding: critical, warning, info"),
    Column("confidence", "double", "of that finding: 0 to 1"),
    Column("targets", "string", "of a finding: the names of its targets, a JSON array"),
    Column("summary", "string", "of that finding, in a sentence"),
    Column("evidence", "string", "of a finding, in words: a JSON array of sentences"),
    Column("remedy", "string", "of a finding: what to change"),
    Column("owner", "string", "of a finding: who must act"),
    Column("part", "bigint", "of a report: which part of its text, from 0"),
    Column("parts", "bigint", "of a report: how many parts there are"),
    Column("length", "bigint", "of a report: how many characters its whole text has"),
    Column("report", "string", "of a report: this part of its JSON text"),
)

NAMES: Tuple[str, ...] = tuple(column.name for column in COLUMNS)


def to_rows(report: Report, part: int = _PART) -> Iterator[Row]:
    """The report's rows. ``part``: how many characters of its text a row holds at most."""
    common: Dict[str, Value] = {"run": report.run.id, "vantage": label(report)}
    findings = {finding.id: finding for finding in report.findings}
    for target in report.targets:
        yield _row(
            common,
            kind=TARGET,
            name=target.name,
            address=target.address,
            verdict=target.verdict,
            latency_s=target.latency_s,
            **(_said(findings[target.findings[0]]) if target.findings else {}),
        )
    for finding in report.findings:
        yield _row(
            common,
            kind=FINDING,
            name=finding.id,
            verdict=report.verdict,
            targets=_texts(finding.targets),
            evidence=_texts(finding.because),
            remedy=finding.remedy.text,
            owner=finding.remedy.owner,
            **_said(finding),
        )
    text = dumps(report)
    parts = list(_parts(text, part))
    for number, piece in enumerate(parts):
        place = {"part": number, "parts": len(parts), "length": len(text)}
        yield _row(common, kind=REPORT, verdict=report.verdict, report=piece, **place)


def _parts(text: str, most: int) -> Iterator[str]:
    """The text in parts of ``most`` characters at most, cut where no client that prints them loses anything.

    A part that begins with a quote would be read as quoted, and spaces at its ends as padding.
    """
    start = 0
    while start < len(text):
        end = min(start + most, len(text))
        while start + 1 < end < len(text) and (text[end] in ' "' or text[end - 1] == " "):
            end -= 1
        yield text[start:end]
        start = end


def label(report: Report) -> str:
    """Where the report comes from, in a few words: ``udf a1b2c3 10.10.1.10, 3 of 40``."""
    share = report.run.share
    where = " ".join([report.vantage.kind, report.vantage.host, own_address(report.vantage)]).strip()
    return "%s, %d of %d" % (where, share.index + 1, share.of) if share.of > 1 else where


def own_address(vantage: Vantage) -> str:
    """The address that says most about the place: of the last interface that has an IPv4 one, an ENI's where it is."""
    addresses = [address.partition("/")[0] for address in vantage.addresses]
    return next((address for address in reversed(addresses) if ":" not in address), "")


def _said(finding: Finding) -> Dict[str, Value]:
    return {
        "cause": finding.cause,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "summary": finding.summary,
    }


def _row(common: Dict[str, Value], **values: Value) -> Row:
    found = {**common, **values}
    return tuple([found.get(name) for name in NAMES])


def _texts(texts: Tuple[str, ...]) -> str:
    return json.dumps(texts, ensure_ascii=False)
