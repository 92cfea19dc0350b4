"""What the documents and the examples show is what the loader takes."""

import json
import re
from pathlib import Path

import pytest

from agent.plan import load, parse
from agent.plan.schema import json_schema
from probes import inventory
from probes.contract import Notes
from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import Limits, Plan, Slow, Vantage
from tests.reports.building import seen

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ".inventory.json"
EXAMPLES = sorted(
    path
    for path in (ROOT / "examples").iterdir()
    if path.suffix in (".yaml", ".json") and not path.name.endswith(INVENTORY)
)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE))
]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example(path):
    """Every example is a plan."""
    plan = load(path)

    assert isinstance(plan, Plan)
    assert plan.targets
    assert plan.name == path.stem


@pytest.mark.parametrize("block", BLOCKS)
def test_plans_in_the_documents(block):
    """Every plan that a document shows is one; the files that it names are among the examples."""
    assert parse(block, str(ROOT / "examples" / "plan.yaml")).targets


def test_the_inventory_of_an_example():
    """It says of a silent target what the page shows."""
    page = (ROOT / "docs" / "inventory.md").read_text()
    plan, notes, vantage = load(ROOT / "examples" / "orders.yaml"), Notes(), Vantage(kind="udf")
    facts = {"ip": "10.10.2.30", "port": 3306, "source": "10.10.1.10", "syns": 2}
    notes.add(seen("tcp", "connect", "orders", "10.10.2.30:3306", failure=Failure.TIMED_OUT, duration_s=1.5, **facts))
    inventory.observe(plan, vantage, notes)
    (finding,) = diagnose(plan, vantage, notes.observations).findings
    shown = " ".join(page.partition("```\n    Cause")[2].partition("```")[0].split())

    assert shown.startswith(f"{finding.summary} {finding.cause}, {finding.confidence:.0%}".replace("%", " %"))
    assert shown.endswith(f"Evidence {' '.join(finding.because)} Fix {' '.join(finding.remedy.snippet.split())}")


def test_every_key_is_documented():
    """The page names every key of the schema, at every level."""
    page = (ROOT / "docs" / "plan.md").read_text()

    assert [key for key in _keys(json_schema()) if f"`{key}`" not in page] == []


def test_defaults_are_documented():
    """The limits on the page are those of the model."""
    page = (ROOT / "docs" / "plan.md").read_text()
    limits, slow = Limits(), Slow()

    assert f"| `deadline` | {limits.deadline:g}s |" in page
    assert f"| `connect_timeout` | {limits.connect_timeout:g}s |" in page
    for key in ("concurrency", "per_target", "rate", "packet_rate", "explore"):
        assert f"| `{key}` | {getattr(limits, key)} |" in page
    assert (limits.bytes, limits.bytes_per_target) == (64 << 20, 256 << 10)
    assert (slow.dns, slow.service, slow.vpc_rtt, slow.internet_rtt) == (1.0, 2.0, 0.05, 0.3)


def test_the_published_schema_is_the_loaders():
    """The file in the wheel is made from the loader's own table."""
    published = json.loads((ROOT / "agent" / "plan" / "plan.schema.json").read_text())

    assert json_schema() == published


def _keys(schema):
    for key, inner in schema.get("properties", {}).items():
        yield key
        yield from _keys(inner)
    for part in ("items", "additionalProperties"):
        if isinstance(schema.get(part), dict):
            yield from _keys(schema[part])
    for option in schema.get("anyOf", []) + schema.get("oneOf", []):
        yield from _keys(option)
