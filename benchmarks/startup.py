"""What it costs to start: ``--help``, and a check of one target, beside bare interpreters."""

import sys
from collections.abc import Iterator

from benchmarks.measure import LINKDOCTOR, Result, listener, median_cpu

_TIMES = 15


def run() -> Iterator[Result]:
    """See the module."""
    yield _result("--help / python -c pass", 6.0, [LINKDOCTOR, "--help"], "pass")
    with listener() as port:
        command = [LINKDOCTOR, "check", f"127.0.0.1:{port}"]
        program = "import asyncio, dns.resolver"
        yield _result(f"check of one target / {program}", 3.5, command, program)


def _result(what: str, goal: float, command: list[str], program: str) -> Result:
    ours, theirs = median_cpu(*command, times=_TIMES), median_cpu(sys.executable, "-c", program, times=_TIMES)
    return Result(
        what=what, measured=ours / theirs, goal=goal, detail=f"{ours * 1e3:.0f} ms / {theirs * 1e3:.0f} ms of CPU"
    )
