"""The part inside the lab: the network with its listeners, and a sweep that is ended before its time."""

import functools
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from tests.lab import fleet, network
from tests.lab.certificates import Authority
from tests.lab.real import RealServers, Spawn
from tests.lab.sweep.places import DATABASES, HERE, HERE_ADDRESS, LEG, LISTENERS, MANY, ROUTER, TOPOLOGY

_BACKLOG = 4096
# Seconds between two looks, and until the lab gives up.
_EVERY, _PATIENCE = 0.01, 20.0
_HOSTS = f"{HERE_ADDRESS} here.lab\n"  # MariaDB counts the unfinished handshakes of hosts whose name it finds


class Sweeping:
    """The commands of tests/lab/inside.py that concern sweeps."""

    def __init__(self, folder: Path, authority: Authority, command: Spawn) -> None:
        self._folder = folder
        self._command = command
        self._real = RealServers(folder, authority, functools.partial(command, hosts=_HOSTS))
        self._built = False
        self._socket: Path | None = None
        self._files = 0

    def build(self) -> None:
        """The network, once."""
        if self._built:
            return
        network.build(TOPOLOGY)
        for namespace, ports in LISTENERS:
            with network.inside(namespace):
                listeners = [_listener(port) for port in ports]
                fleet.start(*listeners)
        self._built = True

    def database(self) -> None:
        """MariaDB at every address of its network; it blocks whoever leaves five handshakes unfinished."""
        if self._socket is not None:
            return
        place = self._real.place("sweep-mariadb")
        data, self._socket = place / "data", place / "socket"
        begin = place / "start.sql"
        begin.write_text(f"CREATE USER job@'{HERE_ADDRESS}' IDENTIFIED BY 'made up';\n")
        self._real.once(
            [
                *("mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}"),
                *("--auth-root-authentication-method=normal", "--skip-test-db"),
            ],
            MANY,
        )
        argv = [
            *("mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={self._socket}"),
            *("--bind-address=0.0.0.0", "--port=3306", "--max-connect-errors=5", "--performance-schema=ON"),
            f"--init-file={begin}",
        ]
        # That it accepts is asked from there: the handshake that stays unfinished is not the sweep's.
        self._real.serve("sweep-mariadb", argv, MANY, (DATABASES.partition("/")[0], 3306))

    def connect_errors(self) -> int:
        """How many errors MariaDB counts towards the block of whoever sweeps, once it is done with every connection."""
        _await(lambda: self._ask("SHOW STATUS LIKE 'Threads_connected'") == [["Threads_connected", "1"]])
        rows = self._ask("SELECT IP, SUM_CONNECT_ERRORS FROM performance_schema.host_cache")
        return sum(int(errors) for client, errors in rows if client == HERE_ADDRESS)

    def _ask(self, statement: str) -> list[list[str]]:
        argv = ["mariadb", "--no-defaults", "-uroot", f"--socket={self._socket}", "-Nse", statement]
        return [line.split() for line in network.run(argv).splitlines()]

    def together(self, commands: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
        """Run programs at the sweeping host to their ends, all at once: they wait at the same time."""
        with ThreadPoolExecutor(len(commands)) as pool:
            return list(pool.map(self._run, commands))

    def _run(self, argv: Sequence[str]) -> dict[str, Any]:
        command, environment = self._command(list(argv), HERE)
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        return {"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}

    def end(self, argv: Sequence[str], sign: int, after: int) -> dict[str, Any]:
        """Start a program at the sweeping host, and send it a signal when so many packets have come from there.

        ``{output}`` in a word becomes the name of a file, whose text is given as ``output``, if there is one.
        ``running``: how many processes it was by then; what is left of it is counted when the last of them has ended,
        or the patience has.
        """
        self._files += 1
        output = self._folder / f"swept-{self._files}"
        command, environment = self._command([word.replace("{output}", str(output)) for word in argv], HERE)
        before = _seen()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
            _await(lambda: _seen() - before >= after or process.poll() is not None)
            running = len(_processes())
            # A terminal's Ctrl-C goes to all processes of a group.
            (os.killpg if sign == signal.SIGINT else os.kill)(process.pid, sign)
            code = process.wait(_PATIENCE)
            _await(lambda: not _processes())
            stdout, stderr = (_text(file) for file in (out, err))
        return {
            "code": code,
            "stdout": stdout,
            "stderr": stderr,
            "output": output.read_text() if output.exists() else None,
            "running": running,
            "processes": _processes(),
            "sockets": _sockets(),
        }


def _listener(port: int) -> socket.socket:
    return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG)


def _await(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not true() and time.monotonic() < deadline:
        time.sleep(_EVERY)


def _seen() -> int:
    """How many packets have come from the sweeping host."""
    with network.inside(ROUTER):
        lines = Path("/proc/thread-self/net/dev").read_text().splitlines()
    return next(int(line.split()[2]) for line in lines if line.split()[0] == f"{LEG}:")


def _processes() -> list[str]:
    """Who is at the sweeping host."""
    return network.run(["ip", "netns", "pids", HERE]).split()


def _sockets() -> list[str]:
    """What is open there, whoever holds it."""
    with network.inside(HERE):
        tables = [Path("/proc/thread-self/net", name).read_text() for name in ("tcp", "raw", "icmp", "packet")]
    return [line for table in tables for line in table.splitlines()[1:]]


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
