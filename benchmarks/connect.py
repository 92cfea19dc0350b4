"""1,000 reachable TCP targets by address: the CPU of a whole ``linkdoctor check``, and that of blackbox_exporter.

Both are new processes each time, and all that a process takes counts, from its start to the last answer. A second row
compares what a target adds: both without what the first one costs. The exporter's clients keep their connections, as
Prometheus does, and their CPU does not count. All of it runs in a network namespace of its own, where few closed
connections are kept: those of earlier turns are no part of an ordinary machine, and linkdoctor looks into them.
"""

import asyncio
import re
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import fabric
from benchmarks.measure import CannotRun, Result, addresses, check, cpu_clock, listener, plan_file

_EXPORTER = "prometheus-blackbox-exporter"
_TARGETS = 1000
_IN_FLIGHT = 256
_TIMES = 15
_MODULE = "modules: {tcp_connect: {prober: tcp, timeout: 5s}}\n"
# Connections in TIME_WAIT.
_MOST_KEPT = 1000


def run() -> Iterator[Result]:
    """See the module."""
    return fabric.apart("benchmarks.connect", ("unshare", "ip", _EXPORTER))


def _inside() -> Iterator[Result]:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    Path("/proc/sys/net/ipv4/tcp_max_tw_buckets").write_text(str(_MOST_KEPT))
    with listener() as port:
        targets = [f"{address}:{port}" for address in addresses("127.1", _TARGETS)]
        with plan_file(targets, concurrency=_IN_FLIGHT) as many, plan_file(targets[:1]) as one:
            # In turns, so that all meet the same machine; the first of each warms the caches.
            costs = [
                (check(*many).cpu, check(*one).cpu, _exporter(targets), _exporter(targets[:1]))
                for _ in range(_TIMES + 1)
            ]
    ours, our_start, theirs, their_start = (statistics.median(each) for each in zip(*costs[1:], strict=True))
    yield _row("CPU a target / blackbox_exporter's, each with its start-up", ours, theirs)
    yield _row("the same, without", ours - our_start, theirs - their_start)


def _row(what: str, ours: float, theirs: float) -> Result:
    detail = " / ".join(f"{seconds / _TARGETS * 1e6:.0f} us" for seconds in (ours, theirs))
    return Result(what=what, measured=ours / theirs, goal=1.0, detail=detail)


def _exporter(targets: Sequence[str]) -> float:
    """Seconds of CPU that a new exporter takes from its start until it has answered for all of these."""
    with exporter() as (port, pid):
        asyncio.run(probe_all(port, targets))
        return cpu_clock(pid)


@contextmanager
def exporter() -> Iterator[tuple[int, int]]:
    """The port and process of a new exporter. Raises CannotRun."""
    program = shutil.which(_EXPORTER)
    if program is None:
        raise CannotRun(f"{_EXPORTER} is not installed (apt-get install {_EXPORTER})")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with TemporaryDirectory() as folder:
        config = Path(folder, "blackbox.yml")
        config.write_text(_MODULE)
        command = [program, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                _await(port)
                yield port, process.pid
            finally:
                process.terminate()


def _await(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise CannotRun(f"{_EXPORTER} does not start")


async def probe_all(port: int, targets: Sequence[str]) -> None:
    """Ask the exporter about each target, so many at once. Raises CannotRun where it did not reach one."""
    left = list(targets)
    reached: list[bool] = []

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while left:
            writer.write(
                b"GET /probe?module=tcp_connect&target=%s HTTP/1.1\r\nHost: exporter\r\n\r\n" % left.pop().encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
            if length is None:
                raise CannotRun(f"{_EXPORTER} answers without a length")
            reached.append(b"\nprobe_success 1\n" in await reader.readexactly(int(length[1])))
        writer.close()

    await asyncio.gather(*[ask() for _ in range(_IN_FLIGHT)])
    if not all(reached):
        raise CannotRun(f"{_EXPORTER} reached {sum(reached)} of {len(targets)} targets")


if __name__ == "__main__":
    fabric.tell(_inside())
