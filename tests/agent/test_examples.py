"""What the documents and the examples show is what the loader takes."""

import json
import re
from pathlib import Path

import pytest

from agent.plan import load, parse
from agent.plan.schema import json_schema
from reports.model import Limits, Plan, Slow

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples").iterdir() if path.suffix in (".yaml", ".json"))
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
    """Every plan that a document shows is one."""
    assert parse(block).targets


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
