"""What every benchmark is made of: a Result, the CPU of a process, and servers in processes of their own."""

import json
import os
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from attrs import frozen

LINKDOCTOR = str(Path(sys.executable).with_name("linkdoctor"))

# With it, a program whose source has changed would compile it at each of its starts.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

# So much that only ``concurrency`` and the time-out bound a run.
NO_RATE = {"rate": 100_000, "packet_rate": 100_000, "deadline": "10m"}


class CannotRun(Exception):
    """This machine lacks what the benchmark needs."""


@frozen(kw_only=True)
class Result:
    """One row: ``measured`` is good up to ``goal``; without a goal it is for information."""

    what: str
    measured: float
    goal: float | None = None
    detail: str = ""

    @property
    def good(self) -> bool:
        """Whether the goal was reached, if there is one."""
        return self.goal is None or self.measured <= self.goal


@frozen(kw_only=True)
class Cost:
    """What one process took, from its start to its end: seconds of CPU (user and system), seconds on the wall.

    Its children, once it has waited for them, are part of it: wait4(2).
    """

    cpu: float
    wall: float


def cost_of(*command: str, accept: Sequence[int] = (0,), output: IO[bytes] | int = subprocess.DEVNULL) -> Cost:
    """Run the command to its end. Raises CannotRun where its exit code is none of ``accept``."""
    start = time.monotonic()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, env=_ENVIRONMENT
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in accept:
        raise CannotRun(f"{' '.join(command)[:200]}: exit code {process.returncode}: {said.decode()[-500:]}")
    return Cost(cpu=usage.ru_utime + usage.ru_stime, wall=wall)


def median_cpu(*command: str, times: int) -> float:
    """The median CPU of several runs, after one that warms the caches."""
    cost_of(*command)
    return statistics.median(cost_of(*command).cpu for _ in range(times))


def cpu_clock(pid: int) -> float:
    """Seconds of CPU that a running process has taken, all threads together: clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | 2)


def addresses(network: str, count: int) -> list[str]:
    """So many addresses of a /16, given as its first two bytes."""
    return [f"{network}.{index // 250}.{index % 250 + 1}" for index in range(count)]


@contextmanager
def plan_file(targets: Iterable[str], **limits: Any) -> Iterator[tuple[str, str]]:
    """The names of a plan of these targets and of the report to be."""
    with TemporaryDirectory() as folder:
        plan, report = Path(folder, "plan.json"), Path(folder, "report.json")
        plan.write_text(json.dumps({"targets": list(targets), "limits": {**NO_RATE, **limits}}))
        yield str(plan), str(report)


def check(plan: str, report: str) -> Cost:
    """The cost of ``linkdoctor check``, whatever it finds."""
    return cost_of(LINKDOCTOR, "check", plan, "--format", "json", "--output", report, accept=(0, 1, 2, 3))


@contextmanager
def listener() -> Iterator[int]:
    """The port of a server on every address that accepts, and closes when its peer has: in a process of its own."""
    with socket.create_server(("0.0.0.0", 0), backlog=4096) as server:
        process = get_context("fork").Process(target=_serve, args=(server,), daemon=True)
        process.start()
        try:
            yield server.getsockname()[1]
        finally:
            process.terminate()
            process.join()


def _serve(server: socket.socket) -> None:
    server.setblocking(False)
    poller = select.epoll()
    poller.register(server, select.EPOLLIN)
    clients: dict[int, socket.socket] = {}
    while True:
        for descriptor, _ in poller.poll():
            client = clients.pop(descriptor, None)
            if client is not None:
                client.close()
                continue
            with suppress(BlockingIOError):
                while True:
                    client, _ = server.accept()
                    clients[client.fileno()] = client
                    poller.register(client, select.EPOLLIN)
