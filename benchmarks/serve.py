"""A process on duty: what a scrape of 10,000 targets does to its loop, and its CPU a probe beside blackbox_exporter's.

The exporter probes the same targets, as often, at the same time, asked by clients that keep their connections as
Prometheus does. The clients, and the servers of the targets, are other processes and do not count. ``make soak`` is the
same for long, with a real Prometheus (soak.py).
"""

import asyncio
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from attrs import asdict

from benchmarks.connect import exporter, probe_all
from benchmarks.measure import LINKDOCTOR, NO_RATE, CannotRun, Result, addresses, cpu_clock, listener

_MANY, _FEW = 10_000, 1_000
_INTERVAL = 15
_ROUNDS = 4
# The worst lag is told of the last minute: until then no run has been.
_FORGOTTEN = 62
_SCRAPES = 20


class Served:
    """``linkdoctor serve`` as a process; ``runs``: what its log says of each run that has ended."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.pid = process.pid
        self.runs: list[dict[str, Any]] = []
        self.others: list[dict[str, Any]] = []
        self._url = f"http://127.0.0.1:{port}"
        self._news = threading.Condition()
        self._process = process
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @classmethod
    @contextmanager
    def at(cls, targets: Sequence[str], interval: str, folder: Path, port: int = 19_723) -> Iterator[Self]:
        """Serve a plan of these targets, which may take of everything what it needs."""
        plan = folder / "plan.json"
        limits = {**NO_RATE, "deadline": "5m"}
        plan.write_text(json.dumps({"name": "bench", "interval": interval, "targets": targets, "limits": limits}))
        command = [LINKDOCTOR, "serve", str(plan), "--listen", f"127.0.0.1:{port}", "--state", str(folder)]
        with subprocess.Popen([*command, "--log-format", "json"], stderr=subprocess.PIPE, text=True) as process:
            served = cls(process, port)
            try:
                yield served
            finally:
                process.terminate()
                served._listener.join()

    def wait(self, runs: int, patience: float = 300) -> None:
        """Until so many runs have ended."""
        with self._news:
            if not self._news.wait_for(lambda: len(self.runs) >= runs or self._process.poll() is not None, patience):
                raise CannotRun(f"serve made {len(self.runs)} runs in {patience:g} s")
        if len(self.runs) < runs:
            raise CannotRun(f"serve ended: {self.others[-3:]}")

    def ask(self, path: str, **headers: str) -> bytes:
        """What it answers."""
        request = urllib.request.Request(f"{self._url}{path}", headers=headers)  # noqa: S310 - on loopback
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
            body: bytes = answer.read()
            return body

    def metric(self, name: str) -> float:
        """The first sample of that name."""
        for line in self.ask("/metrics").decode().splitlines():
            if line.startswith((f"{name} ", f"{name}{{")):
                return float(line.rpartition(" ")[2])
        raise CannotRun(f"serve tells no {name}")

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._news:
                try:
                    event = json.loads(line)
                except ValueError:
                    event = {"event": "said", "line": line}
                (self.runs if event["event"] == "run" else self.others).append(event)
                self._news.notify_all()
        with self._news:
            self._news.notify_all()


def run() -> list[Result]:
    """See the module. In a network namespace of its own: what others left of their connections is no cost here."""
    command = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-m", "benchmarks.serve"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRun(f"a network namespace of its own is needed: {done.stderr[-500:]}")
    return [Result(**row) for row in json.loads(done.stdout)]


def _inside() -> Iterator[Result]:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with listener() as port, TemporaryDirectory() as folder:
        yield from _scrapes([f"{address}:{port}" for address in addresses("127.1", _MANY)], Path(folder))
    with listener() as port, TemporaryDirectory() as folder:
        yield _cpu([f"{address}:{port}" for address in addresses("127.1", _FEW)], Path(folder))


def _scrapes(targets: Sequence[str], folder: Path) -> Iterator[Result]:
    with Served.at(targets, "1h", folder) as served:
        served.wait(1)
        during = served.metric("linkdoctor_last_run_loop_lag_seconds")
        with _control() as waited:
            time.sleep(_FORGOTTEN)
            times, size = [], 0
            for _ in range(_SCRAPES):
                for headers in ({}, {"Accept-Encoding": "gzip"}):
                    begun = time.perf_counter()
                    size = max(size, len(served.ask("/metrics", **headers)))
                    times.append(time.perf_counter() - begun)
        lag = served.metric("linkdoctor_loop_lag_seconds")
    detail = f"{2 * _SCRAPES} of {size / 1e6:.1f} MB; {lag * 1e3:.1f} / {waited[0] * 1e3:.1f} ms"
    what = f"loop lag (ms) under scrapes of {_MANY:,} targets - an idle loop's"
    yield Result(what=what, measured=max(0.0, lag - waited[0]) * 1e3, goal=50, detail=detail)
    yield Result(what="the slowest of them (s), with its way to the client", measured=max(times), goal=0.3)
    yield Result(what="loop lag (ms) of a run of them", measured=during * 1e3, detail="for information")


@contextmanager
def _control() -> Iterator[list[float]]:
    """By how many seconds a loop that does nothing came late at worst: what this machine does to anybody, just now."""
    waited: list[float] = []
    command = [sys.executable, "-c", _IDLE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield waited
        waited.append(float(process.communicate("")[0]))


_IDLE = """
import asyncio, sys
from agent.schedule.lag import Lag
async def idle():
    lag = Lag()
    watching = asyncio.ensure_future(lag.watch())
    await asyncio.to_thread(sys.stdin.read)
    print(lag.lately)
    watching.cancel()
asyncio.run(idle())
"""


def _cpu(targets: Sequence[str], folder: Path) -> Result:
    with Served.at(targets, f"{_INTERVAL}s", folder) as served, exporter() as (port, pid):
        served.wait(2)
        asyncio.run(probe_all(port, targets))
        first, begun = len(served.runs), (cpu_clock(served.pid), cpu_clock(pid))
        for _ in range(_ROUNDS):
            served.wait(len(served.runs) + 1)
            served.ask("/metrics", **{"Accept-Encoding": "gzip"})
            asyncio.run(probe_all(port, targets))
        ended = cpu_clock(served.pid), cpu_clock(pid)
        runs = len(served.runs) - first
        overruns = served.metric("linkdoctor_overruns_total")
    ours = (ended[0] - begun[0]) / runs / len(targets)
    theirs = (ended[1] - begun[1]) / _ROUNDS / len(targets)
    detail = f"{ours * 1e6:.0f} us / {theirs * 1e6:.0f} us, every {_INTERVAL} s, {overruns:.0f} left out"
    return Result(
        what="CPU a probe / blackbox_exporter's, all they do", measured=ours / theirs, goal=1.0, detail=detail
    )


if __name__ == "__main__":
    print(json.dumps([asdict(each) for each in _inside()]))
