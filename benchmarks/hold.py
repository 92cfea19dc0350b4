"""10,000 connections held at once: memory and CPU of a saturation run, beside a bare epoll program that does the same.

Each is a process of its own, which tells its peak resident memory (VmHWM) at its end. Not one connection may fail:
whatever fails here was invented by a program that is too busy to look.
"""

import asyncio
import json
import resource
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import CannotRun, Result, listener

_HELD = 10_000
_RATE = 1_000
_MOST_MEMORY = 60.0
# Descriptors beside the connections.
_BESIDE = 200
_HERE = "127.0.0.1"


def run() -> Iterator[Result]:
    """See the module."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < _HELD + _BESIDE:
        raise CannotRun(f"holding {_HELD:,} connections takes as many descriptors (ulimit -Hn)")
    _raise_descriptors()
    with listener() as port:
        bare, ours = _measured("bare", port), _measured("linkdoctor", port)
    yield Result(
        what=f"MB at most with {_HELD:,} connections held",
        measured=ours["mb"],
        goal=_MOST_MEMORY,
        detail=f"{ours['mb']:.0f} MB / {bare['mb']:.0f} MB of the bare epoll program",
    )
    yield Result(what="the same: connections that failed", measured=ours["failed"], goal=0, detail=f"{bare['failed']}")
    yield Result(
        what="the same: CPU / the bare epoll program's",
        measured=ours["cpu"] / bare["cpu"],
        detail=f"{ours['cpu']:.2f} s / {bare['cpu']:.2f} s",
    )


def _measured(which: str, port: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.hold", which, str(port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRun(f"{which}: {done.stderr[-300:]}")
    measured: dict[str, float] = json.loads(done.stdout)
    if measured["held"] != _HELD:
        raise CannotRun(f"{which} held {measured['held']:,.0f} of {_HELD:,}")
    return measured


def _raise_descriptors() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _bare(port: int) -> tuple[int, int]:
    """Hold them all by nothing but an epoll loop; how many are held, and how many failed."""
    poller = select.epoll()
    pending: dict[int, socket.socket] = {}
    held: list[socket.socket] = []
    failed = 0
    for _ in range(_HELD):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
        sock.connect_ex((_HERE, port))
        poller.register(sock, select.EPOLLOUT | select.EPOLLONESHOT)
        pending[sock.fileno()] = sock
        # A listener's queue has room for some hundreds.
        while pending and (len(pending) >= 256 or len(held) + len(pending) == _HELD):
            for descriptor, _ in poller.poll(1):
                sock = pending.pop(descriptor)
                if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    failed += 1
                else:
                    held.append(sock)
    count = len(held)
    for sock in held:
        sock.close()
    return count, failed


def _linkdoctor(port: int) -> tuple[int, int]:
    """The same by a run of a plan that allows it."""
    from agent.runner import Runner  # noqa: PLC0415 - the bare program is to be bare
    from reports.model import Limits, Plan, Saturate, Target  # noqa: PLC0415 - as above

    limits = Limits(deadline=600.0, rate=100_000, packet_rate=100_000)
    saturate = Saturate(connections=_HELD, rate=_RATE)
    plan = Plan(name="hold", targets=(Target(name="it", host=_HERE, port=port, saturate=saturate),), limits=limits)
    report = asyncio.run(Runner(plan, environment={}).run())
    seen = [one.facts for one in report.observations if (one.probe, one.step) == ("saturation", "level")]
    return max(int(one["held"]) for one in seen), sum(int(one["refused"]) for one in seen)


def main(which: str, port: int) -> None:
    """Be one of the two programs, and print what it took."""
    _raise_descriptors()
    held, failed = {"bare": _bare, "linkdoctor": _linkdoctor}[which](port)
    high = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    print(json.dumps({"held": held, "failed": failed, "mb": int(high) / 1024, "cpu": time.process_time()}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
