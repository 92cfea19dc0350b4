"""Real servers, started when a scenario first asks for one, in the namespaces where they belong.

Their files are in the lab's own tmpfs. They run as the lab's root, which is an ordinary user outside.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from tests.lab import network
from tests.lab.certificates import Authority
from tests.lab.nameserver import FIRST
from tests.lab.network import DB, DNS, INTERNET, PROXY
from tests.lab.zone import BEHIND_PROXY, RECORDS

# Servers stand where an ordinary user's search path does not lead.
PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))

# Where they listen.
HOST = "10.10.2.50"
DNSMASQ = "100.100.2.137"
NGINX = "198.51.100.50"
SQUID, SQUID_WITH_PASSWORD, SQUID_WITH_RULES = ("10.0.0.1", 3128), ("10.0.0.1", 3130), ("10.0.0.1", 3131)
REDIS_PROTECTED = 6380

# Programs that refuse to be root, or to stay it: in a user namespace of their own they are somebody else.
_SOMEBODY = ("unshare", "--user", "--map-user=1000")

_PATIENCE = 60.0
_POLL = 0.02


class Spawn(Protocol):
    """Inside.command: the command line and environment that put a program into a node."""

    def __call__(self, argv: list[str], namespace: str) -> tuple[list[str], dict[str, str]]:
        """See tests/lab/inside.py."""


class RealServers:
    """Starts each once."""

    def __init__(self, folder: Path, authority: Authority, command: Spawn) -> None:
        self.folder = folder
        self.authority = authority
        self._command = command
        self._started: set[str] = set()

    def start(self, name: str) -> None:
        """Return when it answers. Raises RuntimeError with its last words where it does not."""
        if name not in self._started:
            _STARTERS[name](self)
            self._started.add(name)

    def place(self, name: str) -> Path:
        """A folder for a server's files."""
        folder = self.folder / name
        folder.mkdir()
        return folder

    def once(self, argv: list[str], namespace: str) -> None:
        """Run a program that prepares a server."""
        command, environment = self._command(argv, namespace)
        done = subprocess.run(command, env=environment, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise RuntimeError(f"{argv[0]}: {(done.stderr or done.stdout).decode(errors='replace')[-2000:]}")

    def serve(self, name: str, argv: list[str], namespace: str, *ready: tuple[str, int]) -> "subprocess.Popen[bytes]":
        """Start a server in the foreground and wait until it accepts at all of these."""
        command, environment = self._command(argv, namespace)
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + _PATIENCE
        for address in ready:
            while not _accepts(namespace, address):
                if process.poll() is not None or time.monotonic() > deadline:
                    said = log.read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"{name} does not answer at {address}: {said}")
                time.sleep(_POLL)
        return process


def _accepts(namespace: str, address: tuple[str, int]) -> bool:
    with network.inside(namespace):
        sock = socket.socket()
    with sock:
        sock.settimeout(1)
        return sock.connect_ex(address) == 0


def _mariadb(real: RealServers) -> None:
    """The sandbox's ENI is admitted, no other host (1130)."""
    place = real.place("mariadb")
    data, start = place / "data", place / "start.sql"
    start.write_text("CREATE USER IF NOT EXISTS job@'10.10.1.10' IDENTIFIED BY 'made up';\n")
    real.once(
        [
            "mariadb-install-db",
            "--no-defaults",
            "--user=root",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ],
        DB,
    )
    real.serve(
        "mariadb",
        [
            "mariadbd",
            "--no-defaults",
            "--user=root",
            f"--datadir={data}",
            f"--socket={place / 'socket'}",
            f"--bind-address={HOST}",
            "--port=3306",
            "--max-connect-errors=5",
            "--performance-schema=ON",
            f"--init-file={start}",
        ],
        DB,
    )
    _wait_for(place / "socket")


def _postgresql(real: RealServers) -> None:
    place = real.place("postgresql")
    programs = _postgresql_programs()
    real.once(
        [
            *_SOMEBODY,
            str(programs / "initdb"),
            "--auth=trust",
            "--no-sync",
            "--username=lab",
            f"--pgdata={place / 'data'}",
        ],
        DB,
    )
    settings = {"listen_addresses": HOST, "unix_socket_directories": str(place), "fsync": "off", "port": "5432"}
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    real.serve(
        "postgresql", [*_SOMEBODY, str(programs / "postgres"), "-D", str(place / "data"), *options], DB, (HOST, 5432)
    )


def _postgresql_programs() -> Path:
    return max(Path("/usr/lib/postgresql").glob("*/bin"))


def _redis(real: RealServers) -> None:
    """One that answers everybody, and one in protected mode, which denies whoever is not local."""
    for port, protected in ((6379, "no"), (REDIS_PROTECTED, "yes")):
        place = real.place(f"redis-{port}")
        options = {"port": str(port), "protected-mode": protected, "dir": str(place), "save": "", "bind": HOST}
        arguments = [part for key, value in options.items() for part in (f"--{key}", value)]
        real.serve(place.name, ["redis-server", *arguments], DB, (HOST, port))


def _zookeeper(real: RealServers) -> None:
    place = real.place("zookeeper")
    configuration = place / "zoo.cfg"
    configuration.write_text(
        f"tickTime=2000\ndataDir={place}\nclientPort=2181\nclientPortAddress={HOST}\n"
        "4lw.commands.whitelist=srvr\nadmin.enableServer=false\n"
    )
    program = "org.apache.zookeeper.server.ZooKeeperServerMain"
    java = [
        "java",
        "-Xmx128m",
        "-XX:-UsePerfData",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        _ZOOKEEPER,
        program,
        str(configuration),
    ]
    real.serve("zookeeper", java, DB, (HOST, 2181))


_ZOOKEEPER = "/usr/share/java/zookeeper.jar"


def _dnsmasq(real: RealServers) -> None:
    place = real.place("dnsmasq")
    hosts = place / "hosts"
    hosts.write_text(
        "".join(
            f"{ip} {name}\n" for name, types in RECORDS.items() for kind in types for ip in types[kind] if kind == "A"
        )
    )
    real.serve(
        "dnsmasq",
        [
            *_SOMEBODY,
            "dnsmasq",
            "--keep-in-foreground",
            "--log-facility=-",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            f"--addn-hosts={hosts}",
            f"--listen-address={DNSMASQ}",
            "--bind-interfaces",
            "--pid-file=",
            "--local=/#/",
        ],
        DNS,
        (DNSMASQ, 53),
    )


def _nginx(real: RealServers) -> None:
    """TLS with a good certificate. One process: a worker would change its user."""
    place = real.place("nginx")
    certificate, key = real.authority.files("good")
    configuration = place / "nginx.conf"
    temporary = "\n".join(
        f"{kind}_temp_path {place}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration.write_text(f"""
        daemon off; master_process off; user root root; pid {place}/pid; error_log stderr;
        events {{ worker_connections 256; }}
        http {{
            access_log off; {temporary}
            server {{
                listen {NGINX}:443 ssl; listen {NGINX}:80;
                ssl_certificate {certificate}; ssl_certificate_key {key};
                location / {{ return 200 "ok\\n"; }}
            }}
        }}
    """)
    real.serve(
        "nginx",
        ["nginx", "-e", "stderr", "-p", str(place), "-c", str(configuration)],
        INTERNET,
        (NGINX, 443),
        (NGINX, 80),
    )


def _squid(real: RealServers) -> None:
    """One port for everybody, one that wants a user and a password, one that does not lead to the partner."""
    place = real.place("squid")
    passwords, configuration = place / "passwords", place / "squid.conf"
    (place / "hosts").write_text("".join(f"{ip} {name}\n" for name, ip in BEHIND_PROXY.items()))
    passwords.write_text("job:{SHA}" + "x" * 28 + "\n")
    ports = "\n".join(f"http_port {port}" for _, port in (SQUID, SQUID_WITH_PASSWORD, SQUID_WITH_RULES))
    configuration.write_text(f"""
{ports}
visible_hostname proxy.lab
pid_filename none
cache_log {place}/cache.log
access_log none
cache_store_log none
netdb_filename none
pinger_enable off
coredump_dir {place}
cache deny all
dns_nameservers {FIRST}
hosts_file {place}/hosts
connect_timeout 1 second
forward_max_tries 1
shutdown_lifetime 0 seconds
auth_param basic program {_SQUID_PASSWORDS} {passwords}
auth_param basic children 1 startup=0
auth_param basic realm lab
acl strict localport {SQUID_WITH_PASSWORD[1]}
acl known proxy_auth REQUIRED
http_access deny strict !known
acl ruled localport {SQUID_WITH_RULES[1]}
acl partner dstdomain .partner.example
http_access deny ruled partner
http_access allow all
""")
    real.serve("squid", [*_SOMEBODY, "squid", "-N", "-f", str(configuration)], PROXY, SQUID, SQUID_WITH_PASSWORD)


_SQUID_PASSWORDS = "/usr/lib/squid/basic_ncsa_auth"


def _wait_for(path: Path) -> None:
    """Its socket in the file system appears when it serves: a connect would count as an interrupted handshake."""
    deadline = time.monotonic() + _PATIENCE
    while not path.exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{path} does not appear")
        time.sleep(_POLL)


_STARTERS: Mapping[str, Callable[[RealServers], Any]] = {
    "mariadb": _mariadb,
    "postgresql": _postgresql,
    "redis": _redis,
    "zookeeper": _zookeeper,
    "dnsmasq": _dnsmasq,
    "nginx": _nginx,
    "squid": _squid,
}

NEEDED: Mapping[str, tuple[str, ...]] = {
    "mariadb": ("mariadbd", "mariadb-install-db"),
    "postgresql": ("/usr/lib/postgresql",),
    "redis": ("redis-server",),
    "zookeeper": ("java", _ZOOKEEPER),
    "dnsmasq": ("dnsmasq",),
    "nginx": ("nginx",),
    "squid": ("squid", _SQUID_PASSWORDS),
}


def missing(*names: str) -> list[str]:
    """The programs that these servers need and this machine lacks."""
    return absent(program for name in names for program in NEEDED[name])


def absent(programs: Iterable[str]) -> list[str]:
    """Those, commands or paths, that this machine lacks."""
    return [program for program in programs if shutil.which(program, path=PATH) is None and not Path(program).exists()]
