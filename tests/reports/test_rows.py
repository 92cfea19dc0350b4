"""A report as rows: every row has every column, and holds what it says."""

import json
import re
from pathlib import Path

import pytest
from attrs import evolve

from reports.document import dumps, loads
from reports.model import Share
from reports.rows import COLUMNS, NAMES, label, to_rows
from tests.reports import samples

DOCUMENTED = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", re.MULTILINE)
TYPES = {"string": str, "double": float, "bigint": int}


def rows(report, **rest):
    """The report's rows by their columns."""
    return [dict(zip(NAMES, row, strict=True)) for row in to_rows(report, **rest)]


def test_columns_are_documented():
    """docs/rows.md has the columns in their order, each with its type and meaning."""
    text = (Path(__file__).parents[2] / "docs" / "rows.md").read_text()

    assert [(column.name, column.type, column.meaning) for column in COLUMNS] == DOCUMENTED.findall(text)


@pytest.mark.parametrize("name", samples.ALL)
def test_every_value_has_its_columns_type(name):
    """A value is None or of the type that the table declares."""
    report = samples.ALL[name]()
    wrong = [
        (column.name, value)
        for row in to_rows(report)
        for column, value in zip(COLUMNS, row, strict=True)
        if value is not None and type(value) is not TYPES[column.type]
    ]

    assert wrong == []


@pytest.mark.parametrize("name", samples.ALL)
@pytest.mark.parametrize("part", [100, 4096, 1 << 20])
def test_the_text_survives(name, part):
    """The parts, put together in their order, are the whole report."""
    report = samples.ALL[name]()
    parts = [row for row in rows(report, part=part) if row["kind"] == "report"]
    text = "".join(row["report"] for row in parts)

    assert report == loads(text)
    assert [(row["part"], row["parts"]) for row in parts] == [(n, len(parts)) for n in range(len(parts))]
    assert max(len(row["report"]) for row in parts) <= part
    assert len(parts) <= 1.1 * -(-len(dumps(report)) // part)
    assert [row["part"] for row in parts[1:] if row["report"][0] in ' "' or row["report"][-1] == " "] == []


def test_a_target_says_its_verdict_and_its_cause():
    """Whoever reads the table itself finds what is wrong in the target's own row."""
    row = next(row for row in rows(samples.nightly()) if row["name"] == "metastore")
    said = {key: value for key, value in row.items() if value is not None}

    assert said == {
        "run": "r-6d0f5b1c9a3e",
        "vantage": "udf a1b2c3d4e5f6 100.64.3.7",
        "kind": "target",
        "name": "metastore",
        "address": "emr-header-1:9083",
        "verdict": "failing",
        "cause": "sg_drop",
        "severity": "critical",
        "confidence": 0.78,
        "summary": "the destination's security group drops this source silently",
    }


def test_a_finding_says_what_to_change():
    """Its row has the evidence in words, the remedy and who must act."""
    report = samples.nightly()
    (finding,) = report.findings
    (row,) = [row for row in rows(report) if row["kind"] == "finding"]

    assert (list(finding.targets), list(finding.because)) == (json.loads(row["targets"]), json.loads(row["evidence"]))
    assert (finding.remedy.text, finding.remedy.owner) == (row["remedy"], row["owner"])
    assert (row["verdict"], row["address"], row["report"]) == ("failing", None, None)


def test_the_label_names_the_instance():
    """Of many instances, each says which it is."""
    report = samples.nightly()
    shared = evolve(report, run=evolve(report.run, share=Share(index=2, of=40)))

    assert label(shared) == "udf a1b2c3d4e5f6 100.64.3.7, 3 of 40"
