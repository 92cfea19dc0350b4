"""``python -m benchmarks.soak [--minutes 20] [--targets 1000] [--interval 15]``: a process on duty, for long.

A real Prometheus scrapes it and has blackbox_exporter probe the same targets, as often, in one namespace and one run.
What must hold: memory and descriptors flat, no run left out, starts where the schedule has them, no target called wrong
by either, CPU a probe no more than the exporter's. Exit code 1 where one does not.
"""

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import field, frozen

from agent.schedule.timing import Slots
from benchmarks.connect import exporter
from benchmarks.measure import CannotRun, Result, addresses, cpu_clock, listener
from benchmarks.serve import Served

# Caches fill, and Prometheus gets going, in this part of the time, and in so many runs; what must be flat is flat
# afterwards.
_WARM_UP, _FIRST_RUNS = 0.15, 6
# What a process may grow by in all the rest.
_GROWTH = 1.05
_SAMPLES = 60


@frozen
class Asked:
    """How long, how many, how often."""

    minutes: float
    targets: int
    interval: int


@frozen
class Seen:
    """Samples of the served process, since the warm-up: bytes in memory, descriptors between runs."""

    memory: list[int] = field(factory=list)
    descriptors: list[int] = field(factory=list)

    def sample(self, pid: int) -> None:
        """One more."""
        status = Path(f"/proc/{pid}/status").read_text()
        self.memory.append(int(status.partition("VmRSS:")[2].split()[0]) * 1024)
        self.descriptors.append(sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()))


def soak(asked: Asked) -> Iterator[Result]:
    """See the module."""
    with listener() as port, TemporaryDirectory() as name:
        folder = Path(name)
        targets = [f"{address}:{port}" for address in addresses("127.1", asked.targets)]
        with (
            Served.at(targets, f"{asked.interval}s", folder) as served,
            exporter() as (exporter_port, exporter_pid),
            _prometheus(folder, targets, asked.interval, exporter_port) as query,
        ):
            time.sleep(asked.minutes * 60 * _WARM_UP)
            served.wait(_FIRST_RUNS)
            seen, first = Seen(), len(served.runs)
            begun = time.monotonic(), cpu_clock(served.pid), cpu_clock(exporter_pid)
            rest = asked.minutes * 60 * (1 - _WARM_UP)
            for _ in range(_SAMPLES):
                time.sleep(rest / _SAMPLES)
                seen.sample(served.pid)
            wall = time.monotonic() - begun[0]
            ours, theirs = cpu_clock(served.pid) - begun[1], cpu_clock(exporter_pid) - begun[2]
            runs = len(served.runs) - first
            yield from _flat(seen)
            yield Result(what="runs left out", measured=served.metric("linkdoctor_overruns_total"), goal=0)
            yield Result(what="runs spoiled", measured=served.metric("linkdoctor_spoiled_runs_total"), goal=0)
            yield Result(what="runs not kept", measured=served.metric("linkdoctor_lost_runs_total"), goal=0)
            yield _starts(json.loads(served.ask("/api/runs?plan=bench&most=1000")), asked.interval)
            wrong = asked.targets - query("sum(linkdoctor_target_up)"), asked.targets - query("sum(probe_success)")
            yield Result(
                what="targets called wrong in the end", measured=wrong[0], goal=0, detail=f"theirs {wrong[1]:g}"
            )
            each = ours / (runs * asked.targets), theirs / (wall / asked.interval * asked.targets)
            detail = f"{each[0] * 1e6:.0f} us / {each[1] * 1e6:.0f} us, {runs} runs in {wall / 60:.1f} min"
            yield Result(what="CPU a probe / blackbox_exporter's", measured=each[0] / each[1], goal=1.0, detail=detail)


def _flat(seen: Seen) -> Iterator[Result]:
    quarter = max(1, len(seen.memory) // 4)
    before, after = (statistics.median(part) for part in (seen.memory[:quarter], seen.memory[-quarter:]))
    detail = f"{before / 2**20:.0f} MiB, {after / 2**20:.0f} MiB"
    yield Result(what="memory, last quarter / first", measured=after / before, goal=_GROWTH, detail=detail)
    few = min(seen.descriptors[:quarter]), min(seen.descriptors[-quarter:])
    detail = f"{few[0]}, {few[1]}"
    yield Result(what="descriptors at rest, last quarter - first", measured=few[1] - few[0], goal=3, detail=detail)


def _starts(runs: Sequence[dict[str, Any]], interval: int) -> Result:
    """By how much two starts were farther apart, or nearer, than the interval with its jitter."""
    moments = sorted(_unix(run["started"]) for run in runs)[2:]
    jitter = Slots(0, interval, 0).late(1)
    off = [max(0.0, abs(later - earlier - interval) - jitter) for earlier, later in pairwise(moments)]
    detail = f"{len(moments)} starts, jitter up to {jitter:g} s"
    return Result(what="starts off their slots, 95th percentile (s)", measured=_high(off), goal=0.2, detail=detail)


def _high(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)] if values else 0.0


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@contextmanager
def _prometheus(folder: Path, targets: Sequence[str], interval: int, exporter_port: int) -> Iterator[Any]:
    """A Prometheus that scrapes the server, and each target through the exporter; gives who evaluates a query."""
    program = shutil.which("prometheus")
    if program is None:
        raise CannotRun("prometheus is not installed (apt-get install prometheus)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    every = f"{interval}s"
    relabel = [
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"source_labels": ["__param_target"], "target_label": "instance"},
        {"target_label": "__address__", "replacement": f"127.0.0.1:{exporter_port}"},
    ]
    jobs = [
        {"job_name": "linkdoctor", "static_configs": [{"targets": ["127.0.0.1:19723"]}]},
        {
            "job_name": "blackbox",
            "metrics_path": "/probe",
            "params": {"module": ["tcp_connect"]},
            "static_configs": [{"targets": list(targets)}],
            "relabel_configs": relabel,
        },
    ]
    config = folder / "prometheus.json"  # JSON is YAML
    times = {"scrape_interval": every, "scrape_timeout": f"{min(10, interval)}s"}
    config.write_text(json.dumps({"global": times, "scrape_configs": jobs}))
    command = [
        *(program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"),
    ]

    def query(text: str) -> float:
        url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(text)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            found = json.load(answer)["data"]["result"]
        return float(found[0]["value"][1]) if found else 0.0

    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield query
        finally:
            process.terminate()


def main() -> int:
    """Soak, in a network namespace of its own; one line a result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--interval", type=int, default=15)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.inside:
        isolate = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-m", "benchmarks.soak", "--inside"]
        return subprocess.run([*isolate, *sys.argv[1:]], check=False).returncode
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    code = 0
    try:
        for result in soak(Asked(given.minutes, given.targets, given.interval)):
            goal = "" if result.goal is None else f"<= {result.goal:g}"
            said = "ok" if result.good else "MISSED"
            print(f"{result.what:<46} {result.measured:>9.3g} {goal:<8} {said:<7} {result.detail}", flush=True)
            code = code if result.good else 1
    except CannotRun as reason:
        print(f"could not run: {reason}")
        code = 3
    return code


if __name__ == "__main__":
    sys.exit(main())
