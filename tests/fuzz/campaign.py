"""One target after the other, each with its share of the time."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import define, field

from tests.fuzz.engine import Finding, Search, keep
from tests.fuzz.targets import TARGETS


@define
class Told:
    """What all of it came to. ``folder``: where the bytes of findings go; None: nowhere."""

    folder: Path | None = None
    runs: int = 0
    findings: list[Finding] = field(factory=list)


def run(names: Sequence[str], seconds: float, seed: str, told: Told) -> Iterator[str]:
    """Lines for people, while it goes on. What one target leaves of its time the later ones have."""
    until = time.monotonic() + seconds
    for number, name in enumerate(names):
        began = time.monotonic()
        with TARGETS[name]() as target:
            search = Search(name, target, seed)
            try:
                for finding in search.over((until - began) / (len(names) - number)):
                    told.findings.append(finding)
                    path = keep(finding, told.folder) if told.folder is not None else ""
                    yield f"FOUND {name}: {finding.problem} ({finding.place}; {len(finding.data)} bytes: {path})"
                    yield finding.trace
            finally:
                told.runs += search.runs
        rate = search.runs / max(0.001, time.monotonic() - began)
        yield f"{name:28} {search.runs:9,} runs {rate:7,.0f}/s {search.lines:6,} lines {len(search.kept):6,} kept"
