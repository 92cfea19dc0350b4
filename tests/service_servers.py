"""Real databases and coordinators on loopback, each started once a session; and connections to them."""

import asyncio
import contextlib
import hashlib
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

import pytest

from probes.connector import Connector
from probes.contract import Ask, Budget, Notes
from probes.services import exchange
from probes.stream import SocketStream
from reports.model import Target
from tests.tls_servers import HERE, free_port, program

SECRET = "correct horse"


def user_for(name):
    """The user that the server runs as: itself, or, as root, the one that its package made."""
    return name if os.geteuid() == 0 else None


@contextlib.contextmanager
def folder_of(user):
    """A temporary folder that the user owns, outside root's own."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="linkdoctor-"))
    try:
        if user is not None:
            shutil.chown(path, user)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def started(command, ready, *, user=None, cwd=None):
    """The server while it runs; it is up when its output holds ``ready``."""
    # What it says is read to the end, so that it never waits for us.
    up, said = threading.Event(), []

    def listen(lines):
        for line in lines:
            said.append(line)
            if ready in line:
                up.set()
        up.set()

    with subprocess.Popen(
        command, user=user, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        listener = threading.Thread(target=listen, args=(process.stdout,), daemon=True)
        listener.start()
        try:
            up.wait(60)
            if not any(ready in line for line in said):
                pytest.fail("%s did not start:\n%s" % (command[0], "".join(said[-20:])))
            yield process
        finally:
            process.kill()
            process.wait()
            listener.join()


@contextlib.contextmanager
def mariadb():
    """MariaDB that blocks a host after 5 errors, knows users from .2 and .3 only, and looks names up."""
    install, server, _ = program("mariadb-install-db"), program("mariadbd"), program("mariadb")
    user, port = user_for("mysql"), free_port()
    with folder_of(user) as folder:
        subprocess.run(
            [
                install,
                "--no-defaults",
                f"--datadir={folder}/data",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            check=True,
            user=user,
            capture_output=True,
        )
        command = [
            server,
            "--no-defaults",
            f"--datadir={folder}/data",
            f"--socket={folder}/socket",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--max-connect-errors=5",
            "--performance-schema=ON",
            "--innodb-buffer-pool-size=8M",
            f"--pid-file={folder}/pid",
        ]
        with started(command, "ready for connections", user=user):
            database = MariaDB(port, f"{folder}/socket")
            for client in ("127.0.0.2", "127.0.0.3"):
                database.sql(f"CREATE USER 'job'@'{client}' IDENTIFIED BY '{SECRET}'")
            yield database


class MariaDB:
    """A running server: what its administrator, and the job itself, can see of it."""

    def __init__(self, port, socket_path):
        self.port = port
        self.socket_path = socket_path

    def sql(self, statement):
        """What the server's root gets for a statement."""
        command = ["mariadb", "--no-defaults", "-u", "root", f"--socket={self.socket_path}", "-N", "-e", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def errors_of(self, client):
        """How many errors the server counts towards the block of this client."""
        counted = self.sql("SELECT IP, SUM_CONNECT_ERRORS FROM performance_schema.host_cache")
        return sum(int(errors) for ip, errors in map(str.split, counted.splitlines()) if ip == client)

    def login(self, client):
        """What the job's own login from an address gives: "welcome", or the server's error.

        The command-line client cannot choose its address, so this is mysql_native_password by hand.
        """
        with (
            socket.create_connection((HERE, self.port), timeout=30, source_address=(client, 0)) as sock,
            sock.makefile("rb") as peer,
        ):
            greeting = _packet(peer)
            if greeting[0] == _ERROR:
                return greeting[3:].decode()
            place = greeting.index(0) + 5
            salt = greeting[place : place + 8] + greeting[place + 27 : place + 39]
            once = hashlib.sha1(SECRET.encode()).digest()  # noqa: S324 - the method's own
            mask = hashlib.sha1(salt + hashlib.sha1(once).digest()).digest()  # noqa: S324 - as above
            token = bytes(one ^ other for one, other in zip(once, mask, strict=True))
            response = struct.pack("<IIB23x", 0x8200, 1 << 24, 33) + b"job\0" + bytes([len(token)]) + token
            sock.sendall(len(response).to_bytes(3, "little") + b"\x01" + response)
            answer = _packet(peer)
            if answer[0] == _ERROR:
                return answer[3:].decode()
            sock.sendall(b"\x01\0\0\0\x01")
            return "welcome"


_ERROR = 0xFF


def _packet(peer):
    header = peer.read(4)
    return peer.read(int.from_bytes(header[:3], "little"))


@contextlib.contextmanager
def postgresql():
    """PostgreSQL without TLS; gives its port."""
    initdb, server = program("initdb", *_postgresql_folders()), program("postgres", *_postgresql_folders())
    user, port = user_for("postgres"), free_port()
    with folder_of(user) as folder:
        subprocess.run(
            [initdb, "-D", folder / "data", "-A", "trust", "-N"], check=True, user=user, capture_output=True, cwd=folder
        )
        command = [server, "-D", folder / "data", "-p", str(port), "-h", HERE, "-k", folder, "-F"]
        with started(command, "ready to accept connections", user=user, cwd=folder):
            yield port


def _postgresql_folders():
    return [str(path) for path in pathlib.Path("/usr/lib/postgresql").glob("*/bin")]


@contextlib.contextmanager
def redis(*options):
    """Redis with these options; gives its port."""
    port = free_port()
    command = [program("redis-server"), "--port", str(port), "--bind", HERE, "--save", "", *options]
    with folder_of(None) as folder, started(command, "Ready to accept connections", cwd=folder):
        yield port


@contextlib.contextmanager
def zookeeper(*words):
    """ZooKeeper that executes these four-letter words; gives its port."""
    java, port = program("java"), free_port()
    jars = [pathlib.Path("/usr/share/java") / name for name in ("zookeeper.jar", "slf4j-simple.jar")]
    if not all(jar.exists() for jar in jars):
        if os.environ.get("CI") == "true":
            pytest.fail("ZooKeeper is not installed")
        pytest.skip("ZooKeeper is not installed")
    with folder_of(None) as folder:
        (folder / "zoo.cfg").write_text(
            f"dataDir={folder}\nclientPort={port}\nclientPortAddress={HERE}\nadmin.enableServer=false\n"
            f"4lw.commands.whitelist={','.join(words)}\n"
        )
        command = [java, "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", ":".join(map(str, jars))]
        command += ["org.apache.zookeeper.server.ZooKeeperServerMain", str(folder / "zoo.cfg")]
        with started(command, "ContainerManager"):
            yield port


async def stream_to(port, source=HERE, host=HERE):
    """A connected stream, as the network gives it, from a given address of ours."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind((source, 0))
    await asyncio.get_running_loop().sock_connect(sock, (host, port))
    connector = Connector()
    budget = Budget()
    budget.release = lambda _: connector.close()
    return SocketStream(connector, sock, 0.0, budget, ())


async def ask_service(service, port, *, source=HERE, within=5.0):
    """The observation of one exchange over a new connection."""
    stream = await stream_to(port, source)
    try:
        return await ask_over(stream, service, port, within)
    finally:
        await stream.close()


async def ask_over(stream, service, port, within=5.0):
    """The observation of one exchange over this stream."""
    notes = Notes()
    target = Target(name="it", host=HERE, port=port, service=service)
    await exchange(Ask(target=target, address=HERE, timeout=within), stream, notes)
    (seen,) = notes.observations
    return seen
