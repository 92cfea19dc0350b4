"""Three namespaces in a row, the last of which owns a whole /14; in private namespaces, which end with their process.

source -- router -- owner: 10.64.0.0/14
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from attrs import asdict

from benchmarks.measure import CannotRun, Result
from tests.lab import network

SOURCE, _ROUTER, _OWNER = "source", "router", "owner"
SOURCE_ADDRESS = "10.1.0.2"
WHOLE, PART = "10.64.0.0/14", "10.64.0.0/16"
# 10,000 addresses of it.
TEN_THOUSAND = ("10.64.0.0/19", "10.64.32.0/22", "10.64.36.0/23", "10.64.38.0/24", "10.64.39.0/28")

# Ports that all of them have alike, and ports at which four neighbours differ: what becomes of port 7010 + n at an
# address is MIXED_STATES[(its last two bits + n) % 4].
OPEN, REFUSED, SILENT = 7000, 7001, 7002
MIXED = (7010, 7011, 7012)
_MIXED_RULES = {"o": "accept", "r": "reject with tcp reset", "f": "reject with icmp admin-prohibited", ".": "drop"}
MIXED_STATES = "".join(_MIXED_RULES)

NEEDED = ("unshare", "ip", "nft", "nginx", "nmap", "fping")

_PREPARE = 'mount -t tmpfs none /run && mkdir /run/netns && mount -t proc proc /proc && exec "$@"'
_BACKLOG = 65_535
_WORKERS = 2
_PATIENCE = 10.0


def apart(module: str, needed: Sequence[str] = NEEDED) -> Iterator[Result]:
    """What the module tells (``tell``) as a program of its own, where ``build`` can build. Raises CannotRun."""
    with _private(needed, sys.executable, "-m", module) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        yield from (Result(**json.loads(line)) for line in process.stdout)
        said = process.stderr.read()
    if process.returncode:
        raise CannotRun(f"private namespaces are needed: {said[-500:]}")


def tell(results: Iterable[Result]) -> None:
    """Print them for ``apart``, and end."""
    try:
        for each in results:
            print(json.dumps(asdict(each)), flush=True)
    except CannotRun as reason:
        sys.exit(str(reason))


def _private(needed: Sequence[str], *command: str) -> "subprocess.Popen[str]":
    """Start a program in namespaces of its own: its standard output is a pipe.

    Root keeps its own user namespace, in which the kernel lets it have larger buffers. Raises CannotRun.
    """
    missing = [name for name in needed if shutil.which(name, path=_PATH) is None]
    if missing:
        raise CannotRun(f"not installed: {', '.join(missing)} (scripts/system-packages)")
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    isolate = ("unshare", *user, "--net", "--mount", "--pid", "--fork", "--kill-child")
    return subprocess.Popen(
        [*isolate, "sh", "-c", _PREPARE, "sh", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PATH": _PATH},
    )


_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


def build() -> None:
    """The network, and its web server."""
    network.build(_TOPOLOGY)
    _serve(Path("/run"))


def _rules() -> str:
    chains, jumps = [], []
    for number, rule in enumerate(_MIXED_RULES.values()):
        chains.append(f"chain state{number} {{\n{rule}\n}}")
    for shift, port in enumerate(MIXED):
        turns = ", ".join(f"0.0.0.{bits} : goto state{(bits + shift) % len(_MIXED_RULES)}" for bits in range(4))
        jumps.append(f"tcp dport {port} ip daddr & 0.0.0.3 vmap {{ {turns} }}")
    lines = "\n".join((f"tcp dport {SILENT} drop", *jumps))
    return "table inet owner {\n%s\nchain input {\ntype filter hook input priority 0\n%s\n}\n}\n" % (
        "\n".join(chains),
        lines,
    )


def _serve(folder: Path) -> None:
    """nginx, so that whoever is slow it is not the server: as many workers as cores, and a long queue for each."""
    configuration = folder / "nginx.conf"
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    listens = "\n".join(f"listen 0.0.0.0:{port} reuseport backlog={_BACKLOG};" for port in (OPEN, *MIXED))
    configuration.write_text(f"""
        daemon off; worker_processes {_WORKERS}; user root root; pid {folder}/nginx.pid; error_log stderr crit;
        events {{ worker_connections 16384; multi_accept on; }}
        http {{ access_log off; {temporary} server {{ {listens} location / {{ return 444; }} }} }}
    """)
    with network.inside(_OWNER):
        subprocess.Popen(
            ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(configuration)], stdin=subprocess.DEVNULL
        )
    deadline = time.monotonic() + _PATIENCE
    while f":{OPEN:04X} " not in _listening():
        if time.monotonic() > deadline:
            raise CannotRun("nginx does not start")
        time.sleep(0.05)


def _listening() -> str:
    with network.inside(_OWNER):
        return Path("/proc/thread-self/net/tcp").read_text()


_ROOM = {"net/core/somaxconn": str(_BACKLOG), "net/ipv4/tcp_max_syn_backlog": str(_BACKLOG)}
# An error for each packet that earns one.
_TELLS_ALL = {"net/ipv4/icmp_ratelimit": "0", "net/ipv4/icmp_ratemask": "0"}

_TOPOLOGY = network.Topology(
    namespaces=(SOURCE, _ROUTER, _OWNER),
    links=((SOURCE, "eth0", _ROUTER, "source"), (_OWNER, "eth0", _ROUTER, "owner")),
    addresses={
        SOURCE: {"eth0": [f"{SOURCE_ADDRESS}/24"]},
        _ROUTER: {"source": ["10.1.0.1/24"], "owner": ["10.2.0.1/24"]},
        _OWNER: {"eth0": ["10.2.0.2/24"]},
    },
    routes={
        SOURCE: ("default via 10.1.0.1",),
        _ROUTER: (f"{WHOLE} via 10.2.0.2",),
        _OWNER: ("default via 10.2.0.1", f"local {WHOLE} dev lo"),
    },
    sysctls={_ROUTER: {"net/ipv4/ip_forward": "1"}, _OWNER: {**_ROOM, **_TELLS_ALL}},
    rules={_OWNER: _rules()},
)
