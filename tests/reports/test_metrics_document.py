"""docs/metrics.md is the table of the code, and its PromQL is valid."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from reports.failures import LOCAL_SHORTAGES, Failure
from reports.metrics import table
from reports.metrics.block import MOST_SERIES
from reports.metrics.phases import DNS, PHASES
from reports.metrics.probe import METRICS
from tests.tls_servers import program

TEXT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


def row(metric):
    """The metric's line in the document."""
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    said = metric.help.replace("|", "\\|")
    if metric.buckets:
        said += " Buckets: " + ", ".join(f"{bound:g}" for bound in metric.buckets) + "."
    return f"| `{metric.sample}` | {metric.kind} | {labels} | {said} |"


def rows_of(*groups):
    """The lines of all metrics of some groups."""
    return [row(metric) for group in groups for metric in group]


def names_in(text):
    """Every name of ours in a text, without a histogram's suffixes."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\blinkdoctor_\w+", text)}


def test_every_metric_has_its_line():
    """All of them, in the order of the table, and no other."""
    groups = (table.OF_A_TARGET, table.OF_A_NETWORK, table.OF_A_PLAN, (table.BUILD,), table.WATCHED, table.GROWING)
    expected = rows_of(*groups)

    assert [line for line in TEXT.splitlines() if line.startswith("| `linkdoctor_")] == expected


def test_no_other_name():
    """What the text and its examples speak of is there."""
    known = {metric.sample for metric in table.TABLE}

    assert names_in(TEXT) - known == set()


def test_the_closed_lists():
    """The words of the labels, and the limits, are those of the code."""
    for word in (*PHASES, DNS, *(failure.value for failure in Failure if failure not in LOCAL_SHORTAGES)):
        assert f"`{word}`" in TEXT
    assert f"{MOST_SERIES:,} gauges" in TEXT
    assert f"{table.MOST_OF_A_TARGET} series" in TEXT
    assert f"{table.MOST_WATCHED} more at most" in TEXT


def test_every_name_of_the_probe():
    """Those of blackbox_exporter that are given."""
    for metric in METRICS:
        assert f"`{metric.name}`" in TEXT


def test_labels_are_sorted():
    """As prometheus-client writes them: the text is made without sorting them again."""
    for metric in (*table.TABLE, *METRICS):
        assert list(metric.labels) == sorted(metric.labels)


@pytest.mark.parametrize("query", re.findall(r"```promql\n(.*?)```", TEXT, re.DOTALL))
def test_promql(query, tmp_path):
    """Each example is one query that Prometheus reads."""
    rule = {"record": "example:query", "expr": query}
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "examples", "rules": [rule]}]}))
    done = subprocess.run(
        [program("promtool"), "check", "rules", "rules.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert "SUCCESS: 1 rules found" in done.stdout, done.stderr
