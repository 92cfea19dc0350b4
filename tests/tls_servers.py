"""Real servers with good and bad certificates, and a real HTTP proxy, on loopback."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from probes.stream import Stream

HERE = "127.0.0.1"
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
DAY = dt.timedelta(days=1)


def program(name, *folders):
    """The path of a program; the test is skipped where it is missing, and fails where nothing may be missing."""
    path = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", *folders]))
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("%s is not installed" % name)
        pytest.skip("%s is not installed" % name)
    return path


class Authority:
    """A certificate authority with one name, which signs what it is told to."""

    def __init__(self, name, parent=None):
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = (parent or self)._sign(self.name, self.key, [], NOW - 365 * DAY, NOW + 365 * DAY, ca=True)

    @property
    def pem(self):
        """Its own certificate, as a plan's `tls.ca` holds it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, *names, start=NOW - 30 * DAY, end=NOW + 90.5 * DAY):
        """Certificate and key for a server of these names and addresses, both as one PEM text."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        return bundle(self._sign(subject, key, names, start, end), key)

    def _sign(self, subject, key, names, start, end, *, ca=False):
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), False)
        return builder.sign(self.key, hashes.SHA256())


def bundle(certificate, key):
    """Certificate and key as one PEM text."""
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (certificate.public_bytes(serialization.Encoding.PEM) + private).decode()


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def free_port():
    """A port of loopback on which nothing listens just now."""
    with socket.socket() as sock:
        sock.bind((HERE, 0))
        return sock.getsockname()[1]


@contextlib.contextmanager
def nginx(folder, blocks):
    """Nginx with one server a block; gives the ports by the blocks' names. A block: name -> (listen options, body)."""
    path = program("nginx")
    ports = {name: free_port() for name in blocks}
    servers = "\n".join(
        "server { listen %s:%d %s; %s }" % (HERE, ports[name], options, body)
        for name, (options, body) in blocks.items()
    )
    config = folder / "nginx.conf"
    config.write_text(
        "daemon on; master_process off; pid %s/pid; error_log %s/error.log;\n"
        "events {}\n"
        "http { access_log off; client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f;\n"
        "uwsgi_temp_path %s/u; scgi_temp_path %s/s;\n%s\n}\n" % (*[folder] * 7, servers)
    )
    # With `daemon on` the command ends when the sockets listen.
    subprocess.run([path, "-c", config, "-e", folder / "start.log"], check=True)
    try:
        yield ports
    finally:
        os.kill(int((folder / "pid").read_text()), signal.SIGTERM)


@contextlib.contextmanager
def squid(folder, rules, ports):
    """Squid with these rules, one listener a name in ``ports`` (ACLs of the same names say which); gives the ports."""
    path = program("squid")
    numbers = {name: free_port() for name in ports}
    folder.chmod(0o777)
    config = folder / "squid.conf"
    listeners = "\n".join(
        "http_port %s:%d\nacl %s localport %d" % (HERE, number, name, number) for name, number in numbers.items()
    )
    config.write_text(
        "%s\npid_filename none\ncache deny all\naccess_log none\ncache_store_log none\nnetdb_filename none\n"
        "cache_log %s/cache.log\ncoredump_dir %s\nvisible_hostname proxy.example\nshutdown_lifetime 0 seconds\n"
        "pinger_enable off\n%s\n" % (listeners, folder, folder, rules)
    )
    service = "linkdoctor%d" % os.getpid()  # names its shared memory, which two squids must not have in common
    with subprocess.Popen([path, "-N", "-n", service, "-f", config], stderr=subprocess.DEVNULL) as process:
        try:
            for number in numbers.values():
                # It says that it accepts before it listens: only a connection tells.
                while not _listens(number):
                    if process.poll() is not None:
                        pytest.fail("squid did not start: %s" % (folder / "cache.log").read_text())
                    time.sleep(0.005)
            yield numbers
        finally:
            process.kill()  # asked politely, it takes a second
            for left in Path("/dev/shm").glob(service + "-*"):  # noqa: S108 - where Linux has shared memory
                left.unlink()


def _listens(port):
    with socket.socket() as sock:
        return sock.connect_ex((HERE, port)) == 0


@contextlib.contextmanager
def openssl(folder, pem, *options):
    """``openssl s_server`` with this certificate and key; gives its port."""
    path = program("openssl")
    port = free_port()
    (folder / "server.pem").write_text(pem)
    command = [path, "s_server", "-accept", "%s:%d" % (HERE, port), "-cert", folder / "server.pem", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            next(line for line in process.stdout if line.startswith(b"ACCEPT"))
            yield port
        finally:
            process.kill()


@contextlib.asynccontextmanager
async def server(behave, tls=None):
    """An asyncio server whose connections are handled by ``behave(reader, writer)``; gives its port.

    ``tls``: a server's SSLContext; handshakes that fail are then the clients' business.
    """
    tasks = set()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)

    async def handle(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await behave(reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    listening = await asyncio.start_server(handle, HERE, 0, ssl=tls)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Scripted(Stream):
    """A peer that says these chunks, whatever it hears, and then ends."""

    def __init__(self, chunks):
        super().__init__()
        self.chunks = iter(chunks)
        self.heard = b""

    async def receive(self, _timeout):
        """See Stream."""
        return next(self.chunks, b"")

    async def write(self, data, _timeout):
        """See Stream."""
        self.heard += data

    async def close(self):
        """See Stream."""
        self.chunks = iter(())


def says(data, *, first=0):
    """Reads ``first`` bytes, or one read of any length, says ``data`` and closes."""

    async def behave(reader, writer):
        await (reader.readexactly(first) if first else reader.read(65536))
        writer.write(data)
        await writer.drain()

    return behave


async def hangs(reader, _writer):
    """Reads and never answers."""
    await reader.read()


async def resets(reader, writer):
    """Reads the first bytes and answers with a reset."""
    await reader.read(1)
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
