"""The process that lives in the lab's own namespaces, as their init: it builds the network and serves commands.

One JSON object a line on standard input, one answer a line on standard output. The end of the input is the end of the
lab: as init of its process namespace it takes every server, mount, link and namespace with it.
"""

import errno
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any

from tests.lab import fleet, network
from tests.lab.certificates import Authority
from tests.lab.changes import Undo
from tests.lab.comparisons.faults import FAULTS as BETWEEN
from tests.lab.draws.building import standing
from tests.lab.draws.draw import draw
from tests.lab.faults import FAULTS
from tests.lab.nameserver import FIRST, SECOND, NameServers
from tests.lab.real import PATH, RealServers
from tests.lab.saturation.ground import Saturation
from tests.lab.servers import HEALTHY, Servers
from tests.lab.sparkcluster import SparkCluster
from tests.lab.sweep.faults import FAULTS as RESISTING
from tests.lab.sweep.ground import Sweeping
from tests.lab.variants import FAULTS as VARIATIONS
from tests.lab.wire import Recorder

_CHANGES = {**FAULTS, **BETWEEN, **VARIATIONS, **RESISTING}

# A tmpfs of the lab's own: what is written here ends with it.
FOLDER = Path("/run/lab")

_ENVIRONMENT = {"PATH": PATH, "HOME": str(FOLDER), "TMPDIR": str(FOLDER), "LANG": "C.UTF-8"}

# No capability, nor any way back to one: root is then a user like any other.
_BARE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs")

# `ip netns exec` gives a mount namespace of its own: the machine's files stay as they are.
_ENTER = """
for name in resolv.conf hosts; do mount --bind "$1/$name" "/etc/$name" || exit 125; done
cd "$1" && shift
[ "$1" = - ] || ulimit -n "$1" || exit 125
shift; exec "$@"
"""


class Inside:
    """The commands."""

    def __init__(self) -> None:
        FOLDER.mkdir(exist_ok=True)
        _make_mount_points()
        started = time.monotonic()
        network.build()
        self.seconds = time.monotonic() - started
        self.authority = Authority(FOLDER)
        self.servers = Servers(self.authority)
        self.name_servers = NameServers(self.servers)
        for (address, port), behaviour in HEALTHY.items():
            self.servers.behave(address, port, behaviour)
        self.real = RealServers(FOLDER, self.authority, self.command)
        self._undo: list[Undo] = []
        self._runs = 0
        self._recorders: dict[str, Recorder] = {}
        self._fleet = False
        self._spark: SparkCluster | None = None
        self._saturation = Saturation(FOLDER, self.authority, self.command)
        self._sweeping = Sweeping(FOLDER, self.authority, self.command)

    def built(self) -> float:
        """Seconds that the network took."""
        return self.seconds

    def apply(self, names: Sequence[str]) -> None:
        """Faults, one after the other."""
        for name in names:
            self._undo.append(_CHANGES[name].change(self))

    def draw(self, seed: int) -> None:
        """A drawn network (tests/lab/draws) with what is wrong in it; undoing takes it away."""
        self._undo.append(standing(draw(seed))(self))

    def undo(self) -> None:
        """All faults, the last one first."""
        while self._undo:
            self._undo.pop()()

    def start(self, names: Sequence[str]) -> None:
        """Real servers; those that run already stay."""
        for name in names:
            self.real.start(name)

    def snapshot(self) -> dict[str, Any]:
        """Rules, routes and links of all namespaces."""
        return {namespace: network.snapshot(namespace) for namespace in network.NAMESPACES}

    def connect(self, namespace: str, endpoints: Sequence[tuple[str, int]], timeout: float) -> list[str]:
        """What plain connects meet, all at the same time: `open`, `silent`, or the errno's name."""
        with ThreadPoolExecutor(len(endpoints)) as pool:
            return list(pool.map(lambda endpoint: _meet(namespace, *endpoint, timeout), endpoints))

    def run(
        self,
        argv: Sequence[str],
        namespace: str,
        *,
        files: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        resolv_conf: str | None = None,
        hosts: str = "",
        descriptors: int | None = None,
        bare: bool = False,
        timeout: float = 120.0,
    ) -> dict[str, Any]:
        """Run a program to its end as a user of that node would: its name servers, its hosts, its environment.

        ``bare``: without any capability.
        """
        command, environment = self.command(
            [*_BARE, *argv] if bare else argv,
            namespace,
            files=files,
            env=env,
            resolv_conf=resolv_conf,
            hosts=hosts,
            descriptors=descriptors,
        )
        started = time.monotonic()
        done = subprocess.run(
            command, env=environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False
        )
        return {
            "code": done.returncode,
            "stdout": done.stdout.decode(errors="replace"),
            "stderr": done.stderr.decode(errors="replace"),
            "seconds": time.monotonic() - started,
        }

    def command(
        self,
        argv: Sequence[str],
        namespace: str,
        *,
        files: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        resolv_conf: str | None = None,
        hosts: str = "",
        descriptors: int | None = None,
    ) -> tuple[list[str], dict[str, str]]:
        """The command line and the environment that put a program into a node."""
        self._runs += 1
        folder = FOLDER / f"run-{self._runs}"
        folder.mkdir()
        if resolv_conf is None:
            resolv_conf = f"nameserver {FIRST}\nnameserver {SECOND}\noptions timeout:2 attempts:1\n"
        contents = {
            "resolv.conf": resolv_conf,
            "hosts": f"127.0.0.1 localhost\n{hosts}",
            "lab-ca.pem": self.authority.trust(),
            **(files or {}),
        }
        for name, content in contents.items():
            (folder / name).write_text(content)
        limit = "-" if descriptors is None else str(descriptors)
        enter = ["ip", "netns", "exec", namespace, "sh", "-c", _ENTER, "sh", str(folder), limit]
        return [*enter, *argv], {**_ENVIRONMENT, **(env or {})}

    def record(self, namespace: str) -> None:
        """Begin to write down every packet of the namespace."""
        self._recorders[namespace] = Recorder(namespace)

    def recorded(self, namespace: str) -> dict[str, Any]:
        """The packets since then, and how many the kernel dropped before they were read."""
        return self._recorders.pop(namespace).stop()

    def fleet(self) -> None:
        """The host that owns a /16, built when it is first asked for."""
        if not self._fleet:
            fleet.build()
            self._fleet = True

    def spark(self, action: str, **arguments: Any) -> Any:
        """The Spark cluster (tests/lab/sparkcluster.py), and what it is to do."""
        if self._spark is None:
            self._spark = SparkCluster(FOLDER, self.command)
        return getattr(self._spark, action)(**arguments)

    def saturation(self, action: str, **arguments: Any) -> Any:
        """A way whose limits are known (tests/lab/saturation/ground.py)."""
        return getattr(self._saturation, action)(**arguments)

    def sweeping(self, action: str, **arguments: Any) -> Any:
        """The network of sweeps (tests/lab/sweep/ground.py)."""
        return getattr(self._sweeping, action)(**arguments)


def _meet(namespace: str, address: str, port: int, timeout: float) -> str:
    with network.inside(namespace):
        sock = socket.socket()
    with sock:
        sock.settimeout(timeout)
        try:
            sock.connect((address, port))
        except TimeoutError:
            return "silent"
        except OSError as error:
            return errno.errorcode[error.errno or 0]
    return "open"


def _make_mount_points() -> None:
    """Where a configuration is a link into the /run that the lab has hidden, there is nothing to mount over."""
    for path in (Path("/etc/resolv.conf").resolve(), Path("/etc/hosts").resolve()):
        if path.is_relative_to("/run"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


def _answer(lab: Inside, line: str) -> dict[str, Any]:
    try:
        call = json.loads(line)
        return {"result": getattr(lab, call["call"])(**call["arguments"])}
    except Exception as error:  # noqa: BLE001 - every error belongs to the caller
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Serve until the input ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a server prints is no answer
    calls: Queue[str] = Queue()

    def serve() -> None:
        try:
            lab = Inside()
        except Exception as error:  # noqa: BLE001 - whatever it is, the harness says it
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        while True:
            json.dump(_answer(lab, calls.get()), replies)
            replies.write("\n")
            replies.flush()

    threading.Thread(target=serve, daemon=True).start()
    for line in sys.stdin:
        calls.put(line)
    os._exit(0)  # a server's thread may hang: this ends it as well


if __name__ == "__main__":
    main()
