"""What a test has of the lab: build it, break it, run linkdoctor in it, undo it.

with Lab() as lab, lab.broken("blackhole"):
    outcome = lab.check(plan)
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml
from attrs import frozen

from tests.lab.real import PATH
from tests.lab.wire import Packet, Recording

ROOT = Path(__file__).resolve().parents[2]
LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"
PLAN = "plan.yaml"

# User, network, mount, process, host name and IPC namespaces: none of it needs root, and a kill leaves nothing.
_UNSHARE = (
    "unshare",
    "--user",
    "--map-root-user",
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--uts",
    "--ipc",
)
_PREPARE = """
for place in /run /dev/shm; do mount -t tmpfs none "$place" || exit; done
mkdir -p /run/netns && mount -t proc proc /proc && hostname lab && exec "$@"
"""
_NEEDED = ("unshare", "mount", "ip", "nft")
_JOINED = ("--user", "--mount", "--pid", "--net", "--uts", "--ipc")


def plan_file(plan: Mapping[str, Any]) -> str:
    """A plan as its file holds it."""
    return yaml.safe_dump(dict(plan), sort_keys=False)


class LabUnavailableError(Exception):
    """The lab cannot be built here; the message says why."""


class LabError(Exception):
    """A command of the lab failed; the message is its own."""


@frozen
class Outcome:
    """How a run of linkdoctor ended. ``report`` is None where standard output was not one JSON document."""

    code: int
    report: dict[str, Any] | None
    stdout: str
    stderr: str
    seconds: float


class Lab:
    """The lab, as a context manager. One command at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the lab

    def __enter__(self) -> Self:
        missing = [name for name in _NEEDED if shutil.which(name, path=PATH) is None]
        if missing:
            raise LabUnavailableError(f"not installed: {', '.join(missing)}")
        python = [sys.executable, "-m", "tests.lab.inside"]
        self._process = subprocess.Popen(
            [*_UNSHARE, "sh", "-c", _PREPARE, "sh", *python],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PATH": PATH},
        )
        try:
            self.seconds_to_build: float = self.call("built")
        except LabError as error:
            self.close()
            raise LabUnavailableError(str(error)) from None
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, and everything in it."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None and process.stdout is not None:
            process.stdin.close()
            process.wait()
            process.stdout.close()
        self._errors.close()

    @property
    def pid(self) -> int:
        """The process that holds the namespaces together."""
        return self._running.pid

    @property
    def _init(self) -> int:
        """The first process inside, by its id out here."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text())

    @property
    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None:
            raise LabError("the lab is closed")
        return self._process

    def call(self, command: str, **arguments: Any) -> Any:
        """A command of tests/lab/inside.py. Raises LabError."""
        process = self._running
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # then there is no answer either
            process.stdin.write(json.dumps({"call": command, "arguments": arguments}) + "\n")
            process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            process.wait()
            self._errors.seek(0)
            raise LabError(self._errors.read().strip()[-2000:] or f"the lab ended with code {process.returncode}")
        answer = json.loads(line)
        if "error" in answer:
            raise LabError(answer["error"])
        return answer["result"]

    @contextlib.contextmanager
    def broken(self, *faults: str) -> Iterator[None]:
        """With these faults; afterwards without any."""
        try:
            self.call("apply", names=faults)
            yield
        finally:
            self.call("undo")

    @contextlib.contextmanager
    def record(self, namespace: str = "sandbox") -> Iterator[Recording]:
        """Take down what goes over a node's interfaces; the Recording is filled at the end."""
        recording = Recording()
        self.call("record", namespace=namespace)
        try:
            yield recording
        finally:
            found = self.call("recorded", namespace=namespace)
            recording.packets = [Packet(*fields) for fields in found["packets"]]
            recording.dropped = found["dropped"]

    def fleet(self) -> None:
        """Add the host that owns 10.99.0.0/16 (tests/lab/fleet.py)."""
        self.call("fleet")

    def start(self, *servers: str) -> None:
        """Start real servers (tests/lab/real.py). Raises LabError where a program is missing."""
        self.call("start", names=servers)

    def run(self, argv: Sequence[str], namespace: str = "sandbox", **options: Any) -> dict[str, Any]:
        """Run a program in a node to its end; options as Inside.run has them."""
        return dict(self.call("run", argv=argv, namespace=namespace, **options))

    def enter(self, argv: Sequence[str], namespace: str = "sandbox", **options: Any) -> int:
        """Run a program in a node with the caller's own standard streams and terminal; its exit code."""
        command, environment = self.call("command", argv=argv, namespace=namespace, **options)
        join = ("nsenter", "--target", str(self._init), "--preserve-credentials", *_JOINED, "--")
        return subprocess.run([*join, *command], env=environment, check=False).returncode

    def check(self, plan: Mapping[str, Any], vantage: str = "sandbox", *arguments: str, **options: Any) -> Outcome:
        """Run `linkdoctor check PLAN --format json` in a node."""
        return self.outcome([str(LINKDOCTOR), "check", PLAN, "--format", "json", *arguments], plan, vantage, **options)

    def outcome(self, argv: Sequence[str], plan: Mapping[str, Any], vantage: str, **options: Any) -> Outcome:
        """Run a program that finds the plan as PLAN and prints a report."""
        files = {**options.pop("files", {}), PLAN: plan_file(plan)}
        done = self.run(argv, vantage, files=files, **options)
        try:
            report = json.loads(done["stdout"])
        except ValueError:
            report = None
        return Outcome(done["code"], report, done["stdout"], done["stderr"], done["seconds"])
