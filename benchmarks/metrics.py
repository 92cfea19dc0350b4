"""A scrape of 10,000 targets beside prometheus-client's own objects that hold the same series: time and memory.

Each side in a process of its own. ``keep`` is what a run costs (its report becomes series), ``scrape`` what a scrape
does.
"""

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from benchmarks.diagnose import observed
from benchmarks.measure import CannotRun, Result
from reports.diagnose import conclude
from reports.metrics import Tally
from reports.metrics.gauges import gauges
from reports.metrics.table import GAUGES
from reports.model import Report, Run, Vantage

_TARGETS = 10_000
_TIMES = 5


def run() -> Iterator[Result]:
    """See the module."""
    ours, theirs = _measured("ours"), _measured("theirs")
    size = f"{ours['bytes'] / 1e6:.1f} MB"
    yield _ratio(f"a scrape of {_TARGETS:,} targets / prometheus-client", 0.1, ours["scrape"], theirs["scrape"], size)
    whole = [side["keep"] + side["scrape"] for side in (ours, theirs)]
    yield _ratio("a report taken in and a scrape / prometheus-client", 1.0, *whole, size)
    yield Result(
        what="memory at its peak / prometheus-client",
        measured=ours["mib"] / theirs["mib"],
        goal=1.0,
        detail=f"{ours['mib']:.0f} MiB / {theirs['mib']:.0f} MiB",
    )


def _ratio(what: str, goal: float, ours: float, theirs: float, size: str) -> Result:
    detail = f"{ours * 1e3:.0f} ms / {theirs * 1e3:.0f} ms, {size}"
    return Result(what=what, measured=ours / theirs, goal=goal, detail=detail)


def _measured(side: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.metrics", side], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CannotRun(done.stderr[-500:])
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _report() -> Report:
    """A third of the targets silent, so that causes and failures stand there too."""
    plan, seen = observed(_TARGETS)
    return conclude(Run(id="r-0", started=1e9, duration_s=3.0, linkdoctor="", plan=plan), Vantage(), seen)


def _ours(report: Report) -> tuple[Callable[[], Any], Callable[[], bytes]]:
    tally = Tally()
    return lambda: tally.add(report), tally.text


def _theirs(report: Report) -> tuple[Callable[[], Any], Callable[[], bytes]]:
    """The same gauges as objects of prometheus-client, each set to its value."""
    registry = CollectorRegistry()
    ours = {
        metric: Gauge(metric.sample, metric.help, metric.labels, registry=registry)
        for metric in GAUGES
        if metric.labels
    }

    def keep() -> None:
        for gauge in ours.values():
            gauge.clear()
        for group in gauges(report):
            for metric, labels, value in group:
                ours[metric].labels(*labels).set(value)

    return keep, lambda: generate_latest(registry)


def main(side: str) -> None:
    """Measure one side, and print what it took: the best of some turns, and its memory above what the report takes."""
    keep, scrape = {"ours": _ours, "theirs": _theirs}[side](_report())
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): the peak begins anew
    before = _memory("VmRSS")
    best = {"keep": float("inf"), "scrape": float("inf")}
    length = 0
    for _ in range(_TIMES):
        begun = time.process_time()
        keep()
        kept = time.process_time()
        length = len(scrape())
        ended = time.process_time()
        best = {"keep": min(best["keep"], kept - begun), "scrape": min(best["scrape"], ended - kept)}
    print(json.dumps({**best, "mib": (_memory("VmHWM") - before) / 2**20, "bytes": length}))


def _memory(line: str) -> int:
    """Bytes, of a line of proc(5), status."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{line}:")[2].split()[0]) * 1024


if __name__ == "__main__":
    main(sys.argv[1])
