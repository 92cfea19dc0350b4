"""The plan's text: read, resolved and validated before anything is sent. See docs/plan.md for every key.

    plan = load("nightly-etl.yaml")
    plan = from_targets(["emr-header-1:9083", "https://www.aliyun.com/"], limits={"deadline": "10s"})

Each raises PlanError, and nothing else, with everything that is wrong.
"""

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from agent.plan.files import WrongAt, decode, printable, read_bytes
from agent.plan.positions import BOOLEAN, INTEGER, NOTHING, NUMBER, TEXT, Items, Keys, Node, Scalar
from agent.plan.problems import PlanError, Position, Problem, Source, Wrong, quoted
from agent.plan.schema import PLAN
from agent.plan.syntax import compose
from reports.model import Plan

__all__ = ["LARGEST", "PlanError", "Problem", "from_targets", "load", "parse"]

# Bytes: hundreds of thousands of targets.
LARGEST = 8 << 20

_COMMAND_LINE = "command line"


def load(path: "str | PathLike[str]") -> Plan:
    """The plan in a YAML or JSON file; file names in it are relative to its folder."""
    source = _source(fspath(path))
    try:
        content = read_bytes(Path(path), LARGEST)
    except Wrong as wrong:
        source.stop(None, "", wrong.message, wrong.allowed, wrong.advice)
    return _parse(content, source)


def parse(text: str | bytes, name: str = "plan") -> Plan:
    """The plan in a YAML or JSON text; ``name`` is its file's name, for messages, the plan's name and its folder."""
    source = _source(name)
    if len(text) > LARGEST:
        source.stop(None, "", "is too large", f"up to {LARGEST >> 20} MB")
    return _parse(text, source)


def from_targets(targets: Iterable[str], *, name: str = "check", **keys: Any) -> Plan:
    """The plan of a command line: targets as they are typed, and any other key as a plan file would hold it.

    Values are what JSON can hold (``limits={"deadline": "10s"}``, ``settings_from=["job.sql"]``); file names are
    relative to the working directory. Without targets it is a plan for looking at settings alone.
    """
    source = Source(_COMMAND_LINE)
    plan: Plan | None = PLAN.read(_node({"name": name, "targets": list(targets), **keys}), "", source)
    if plan is None or source.collected.count:
        raise source.error()
    return plan


def _source(name: str) -> Source:
    return Source(name if name.isprintable() else quoted(name), Path(name.replace("\0", "")).parent)


def _parse(content: str | bytes, source: Source) -> Plan:
    try:
        text = printable(decode(content) if isinstance(content, bytes) else content.removeprefix("\ufeff"))
    except Wrong as wrong:
        at: Position | None = wrong if isinstance(wrong, WrongAt) else None
        source.stop(at, "", wrong.message, wrong.allowed, wrong.advice)
    root = compose(text, source)
    plan: Plan | None = PLAN.read(root, "", source)
    if plan is None or source.collected.count:
        raise source.error()
    if not (plan.targets or plan.networks or plan.ask_networks):
        source.stop(None, "targets", "there is nothing to check", "at least one target or one network")
    return plan


def _node(value: Any) -> Node:
    """A value that stands in no text."""
    if isinstance(value, Mapping):
        return Keys({str(key): _node(each) for key, each in value.items()})
    if isinstance(value, (list, tuple)):
        return Items([_node(each) for each in value])
    kinds = {str: TEXT, bool: BOOLEAN, int: INTEGER, float: NUMBER}
    kind = kinds.get(type(value), NOTHING)
    return Scalar(str(value).lower() if kind == BOOLEAN else str(value), kind)
