"""1,000 reachable TCP targets by address: the CPU of a whole ``linkdoctor check``, and that of blackbox_exporter.

The exporter runs already when it is asked, so that what a target costs is compared without linkdoctor's start-up; a
second row has it included. The exporter's clients
keep their connections, as Prometheus does, and their CPU does not count.
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

from benchmarks.measure import CannotRun, Result, addresses, check, cpu_clock, listener, plan_file

_EXPORTER = "prometheus-blackbox-exporter"
_TARGETS = 1000
_IN_FLIGHT = 256
_TIMES = 5
_MODULE = "modules: {tcp_connect: {prober: tcp, timeout: 5s}}\n"


def run() -> Iterator[Result]:
    """See the module."""
    with listener() as port, _exporter() as (pid, exporter):
        targets = [f"{address}:{port}" for address in addresses("127.1", _TARGETS)]
        ours, starts, theirs = [], [], []
        with plan_file(targets, concurrency=_IN_FLIGHT) as many, plan_file(targets[:1]) as one:
            # In turns, so that both meet the same machine; the first of each warms the caches.
            for _ in range(_TIMES + 1):
                ours.append(check(*many).cpu)
                starts.append(check(*one).cpu)
                before = cpu_clock(pid)
                asyncio.run(_probe_all(exporter, targets))
                theirs.append(cpu_clock(pid) - before)
    check_cpu, start, peer = (statistics.median(each[1:]) for each in (ours, starts, theirs))
    # The exporter has started long ago: what a target costs is compared without either's start-up.
    yield Result(
        what="CPU a target / blackbox_exporter's",
        measured=(check_cpu - start) / peer,
        goal=1.0,
        detail=f"{_each(check_cpu - start)} / {_each(peer)}",
    )
    yield Result(
        what="the same, our start-up included",
        measured=check_cpu / peer,
        detail=f"{_each(check_cpu)} / {_each(peer)}",
    )


def _each(seconds: float) -> str:
    return f"{seconds / _TARGETS * 1e6:.0f} us"


@contextmanager
def _exporter() -> Iterator[tuple[int, int]]:
    """Process id and port of a running exporter."""
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
                yield process.pid, port
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


async def _probe_all(exporter: int, targets: Sequence[str]) -> None:
    """Ask the exporter about each target, so many at once. Raises CannotRun where it did not reach one."""
    left = list(targets)
    reached: list[bool] = []

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", exporter)
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
