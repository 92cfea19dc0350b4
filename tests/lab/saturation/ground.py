"""The part inside the lab: one case's network at a time, its servers, its other tenant, and what they see."""

import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.lab import network
from tests.lab.certificates import Authority
from tests.lab.real import RealServers, Spawn
from tests.lab.saturation import servers, watch
from tests.lab.saturation.case import MEASURED, REAL, Case
from tests.lab.saturation.cases import CASES
from tests.lab.saturation.places import (
    FAR,
    FAR_ADDRESS,
    JOB,
    OTHER,
    OTHER_ADDRESS,
    ROUTER,
    TENANT,
    change,
    topology,
)
from tests.lab.wire import Packet, Recorder

# Seconds between two looks at how many connections there are.
_EVERY = 0.01
# The job has given half back where there are so few of the most that there were, and there were a good many.
_HALF, _MANY = 0.7, 20
_PATIENCE = 60.0


class Saturation:
    """The commands of tests/lab/inside.py that concern a way's limits."""

    def __init__(self, folder: Path, authority: Authority, command: Spawn) -> None:
        self._folder = folder
        self._authority = authority
        self._command = command
        self._built = 0
        self._topology: network.Topology | None = None
        self._case: Case | None = None
        self._processes: list[subprocess.Popen[str]] = []
        self._tenant: subprocess.Popen[str] | None = None
        self._recorder: Recorder | None = None
        self._ended = threading.Event()
        self._changing: threading.Thread | None = None

    def build(self, name: str) -> None:
        """A case's network with everything that stands in it."""
        self._case = case = CASES[name]
        self._topology = topology(case.limits, case.before, case.losses, case.pool, case.input_at_far, case.forgets)
        network.build(self._topology)
        for namespace, address in ((FAR, FAR_ADDRESS), (OTHER, OTHER_ADDRESS)):
            self._processes.append(_start("serving", [address], namespace))
        if case.measured in REAL:
            self._built += 1
            folder = self._folder / f"saturation-{self._built}"
            folder.mkdir()
            command = functools.partial(self._command, hosts=servers.HOSTS)
            self._processes.append(servers.start(case.measured, RealServers(folder, self._authority, command)))

    def observe(self) -> None:
        """From now on: the router's wire, and the other tenant."""
        case = self._now
        self._tenant = _start("tenant", [OTHER_ADDRESS, str(case.tenants), str(case.knocks)], TENANT)
        self._recorder = Recorder(ROUTER, "job")
        self._ended.clear()
        if case.later is not None:
            self._changing = threading.Thread(target=self._change, args=(case.later,), daemon=True)
            self._changing.start()

    def observed(self) -> dict[str, Any]:
        """What there was since then, and what there still is of the job's."""
        assert self._recorder is not None
        assert self._tenant is not None
        left = {"tracked": watch.tracked(), "arrived": watch.arrived()}
        self._ended.set()
        if self._changing is not None:
            self._changing.join()
            self._changing = None
        found = self._recorder.stop()
        packets = [Packet(*fields) for fields in found["packets"]]
        said, _ = self._tenant.communicate()
        port = MEASURED[self._now.measured][1]
        return {
            **left,
            "most": watch.most_at_once(packets, port),
            "fastest": watch.most_begun(packets),
            "dropped": found["dropped"],
            "tenant": json.loads(said),
        }

    def remove(self) -> None:
        """End what runs in the network, and take it away."""
        if self._tenant is not None:
            self._processes.append(self._tenant)
        for process in self._processes:
            process.kill()
            process.communicate()
        self._processes.clear()
        self._tenant = self._case = None
        if self._topology is not None:
            network.remove(self._topology)
            self._topology = None

    def kill(self, argv: Sequence[str], files: dict[str, str], at: int) -> dict[str, int]:
        """Start a program at the job, and kill it as soon as it holds so many; how many it held, and what is left."""
        command, environment = self._command(list(argv), JOB, files=files)
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + _PATIENCE
        while (held := watch.arrived()) < at and process.poll() is None and time.monotonic() < deadline:
            time.sleep(_EVERY)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        # The resets have been sent by now: the kernel closes what a process had before it lets its parent know.
        return {"held": held, "tracked": watch.tracked(), "arrived": watch.arrived()}

    def forget(self) -> None:
        """Wait until the router forgets the job's connections: one that was reset keeps its port for a while."""
        deadline = time.monotonic() + _PATIENCE
        while watch.remembered() and time.monotonic() < deadline:
            time.sleep(_EVERY)

    @property
    def _now(self) -> Case:
        if self._case is None:
            raise RuntimeError("no case is built")
        return self._case

    def _change(self, later: str) -> None:
        most = 0
        while not self._ended.wait(_EVERY):
            now = watch.arrived()
            most = max(most, now)
            if most >= _MANY and now < _HALF * most:
                network.nft(change(later), ROUTER)
                return


def _start(module: str, arguments: Sequence[str], namespace: str) -> "subprocess.Popen[str]":
    """A program of this package in a node; it has said that it stands."""
    with network.inside(namespace):
        process = subprocess.Popen(
            [sys.executable, "-m", f"tests.lab.saturation.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    assert process.stdout is not None
    if not process.stdout.readline():
        raise RuntimeError(f"{module} does not stand")
    return process
