"""Small servers that do what no real server does on demand: one thread accepts everywhere, one a connection behaves.

A behaviour is named by a tuple: ``("mysql", 1.2)`` is the function of that name in BEHAVIOURS with its arguments. It
may be changed while the lab runs; None closes the port. ``("admit", clients, admitted, others)`` is one behaviour for
some clients' addresses, and another for all others; ``("once", first, later)`` one for the first connection, and
another for all later ones.
"""

import contextlib
import functools
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.lab.certificates import Authority
from tests.lab.network import inside, owner

Behaviour = tuple[Any, ...] | None

# Longer than any check: a connection that nobody ends is ended.
_LONGEST = 120.0
_LINGER_RESET = struct.pack("ii", 1, 0)


class Servers:
    """Listeners on any address of the lab, all in one thread."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.known: dict[str, Callable[..., None]] = dict(BEHAVIOURS)
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._selector.register(self._wake, selectors.EVENT_READ, lambda: self._wake.recv(64))
        self._behaviours: dict[tuple[str, int], Behaviour] = {}
        self._listeners: dict[tuple[str, int], socket.socket] = {}
        threading.Thread(target=self._serve, daemon=True).start()

    def behave(self, address: str, port: int, behaviour: Behaviour) -> Behaviour:
        """What happens to new connections there from now on; gives what happened before."""
        key = (address, port)
        before = self._behaviours.get(key)
        self._behaviours[key] = behaviour
        if behaviour is None:
            self._close(key)
        elif key not in self._listeners:
            self._listen(key)
        return before

    def watch(self, sock: socket.socket, ready: Callable[[], object]) -> None:
        """Call ``ready`` in the accepting thread whenever the socket has something to read."""
        self._selector.register(sock, selectors.EVENT_READ, ready)
        self._waker.send(b".")

    def _listen(self, key: tuple[str, int]) -> None:
        with inside(owner(key[0])):
            listener = socket.create_server(key, backlog=128)
        listener.setblocking(False)
        self._listeners[key] = listener
        self.watch(listener, functools.partial(self._accept, key))

    def _close(self, key: tuple[str, int]) -> None:
        listener = self._listeners.pop(key, None)
        if listener is not None:
            self._selector.unregister(listener)
            # The accepting thread may hold it in its poll: shut down, it listens no more at once.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                with contextlib.suppress(OSError):
                    key.data()

    def _accept(self, key: tuple[str, int]) -> None:
        listener, behaviour = self._listeners.get(key), self._behaviours.get(key)
        if listener is not None and behaviour is not None:
            connection, _ = listener.accept()
            if behaviour[0] == "once":
                _, behaviour, self._behaviours[key] = behaviour
            threading.Thread(target=self._behave, args=(connection, behaviour), daemon=True).start()

    def _behave(self, connection: socket.socket, behaviour: tuple[Any, ...]) -> None:
        if behaviour[0] == "admit":
            _, clients, admitted, others = behaviour
            behaviour = admitted if connection.getpeername()[0] in clients else others
        name, *arguments = behaviour
        connection.settimeout(_LONGEST)
        with connection, contextlib.suppress(OSError, EOFError):
            if name == "tls":
                certificate, name, *arguments = arguments
                context = self.authority.server_context(certificate)
                connection = context.wrap_socket(connection, server_side=True)
            with connection:
                self.known[name](connection, *arguments)


def _until_closed(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
    connection.close()


def _read(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def hold(connection: socket.socket) -> None:
    """Accept, and say nothing: a DataNode that waits for its client, or a service that hangs."""
    _until_closed(connection)


def accept_then_reset(connection: socket.socket) -> None:
    """A reset in place of the first byte."""
    _reset(connection)


def accept_then_close(connection: socket.socket) -> None:
    """The end in place of the first byte."""


def reset_on_first_data(connection: socket.socket) -> None:
    """What a device that reads along does to what it does not like."""
    connection.recv(1)
    _reset(connection)


def banner(connection: socket.socket, text: str) -> None:
    """A service that speaks first."""
    connection.sendall(text.encode())
    _until_closed(connection)


def mysql(connection: socket.socket, delay: float = 0.0) -> None:
    """Protocol 10: greeting, the client's response, access denied (1045). ``delay`` stands before the greeting."""
    time.sleep(delay)
    # Version, thread, challenge, capabilities (with PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH, without SSL).
    greeting = b"\x0a8.0.36\x00" + struct.pack("<I", 7) + b"abcdefgh\x00" + struct.pack("<H", 0x8201 | 0x2000)
    greeting += b"\x2d\x02\x00" + struct.pack("<H", 0x0008) + b"\x15" + bytes(10) + b"ijklmnopqrst\x00"
    greeting += b"mysql_native_password\x00"
    connection.sendall(_mysql_packet(0, greeting))
    header = _read(connection, 4)
    _read(connection, int.from_bytes(header[:3], "little"))
    denied = b"\xff" + struct.pack("<H", 1045) + b"#28000Access denied for user 'x'@'%s' (using password: NO)"
    connection.sendall(_mysql_packet(header[3] + 1, denied % connection.getpeername()[0].encode()))
    _until_closed(connection)


def mysql_error(connection: socket.socket, code: int, text: str) -> None:
    """An error packet in place of the greeting; ``{client}`` in the text is the client's address."""
    text = text.replace("{client}", connection.getpeername()[0])
    connection.sendall(_mysql_packet(0, b"\xff" + struct.pack("<H", code) + text.encode()))


def _mysql_packet(number: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([number & 0xFF]) + payload


def postgresql(connection: socket.socket) -> None:
    """SSLRequest is answered with `N`."""
    _read(connection, 8)
    connection.sendall(b"N")
    _until_closed(connection)


def redis(connection: socket.socket, answer: str = "+PONG") -> None:
    """Every command gets the answer; QUIT ends."""
    with connection.makefile("rb") as lines:
        for line in lines:
            word = line.strip().upper()
            if not word or word[:1] in b"*$":
                continue
            connection.sendall((b"+OK" if word == b"QUIT" else answer.encode()) + b"\r\n")
            if word == b"QUIT":
                return


def zookeeper(connection: socket.socket) -> None:
    """The four-letter word `srvr`."""
    _read(connection, 4)
    connection.sendall(
        b"Zookeeper version: 3.8.0-lab, built on 2022-02-25 08:49 UTC\nMode: standalone\nNode count: 5\n"
    )


def hive_metastore(connection: socket.socket) -> None:
    """Thrift, binary protocol, strict and unframed: getStatus gives ALIVE (2)."""
    _, length = struct.unpack(">II", _read(connection, 8))
    name, sequence, _ = _read(connection, length), _read(connection, 4), _read(connection, 1)
    alive = b"\x08\x00\x00" + struct.pack(">I", 2) + b"\x00"
    connection.sendall(struct.pack(">II", 0x80010002, length) + name + sequence + alive)
    _until_closed(connection)


def hadoop_ipc(connection: socket.socket) -> None:
    """What a NameNode says to a browser."""
    _request(connection)
    text = "It looks like you are making an HTTP request to a Hadoop IPC port. This is not the correct port.\r\n"
    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-type: text/plain\r\n\r\n" + text.encode())


def hdfs_datanode(connection: socket.socket) -> None:
    """What a DataNode says to a client of TCP that asks for shared memory; any other version ends the connection."""
    if _read(connection, 3) != b"\0\x1c\x59":
        return
    _read(connection, _read(connection, 1)[0])
    address, port = connection.getpeername()
    peer = f"NioInetPeer(Socket[addr=/{address},port={port},localport={connection.getsockname()[1]}])"
    text = f"Bad request from {peer}: must request a shared memory segment over a UNIX domain socket.".encode()
    message = b"\x08\x03\x12" + _varint(len(text)) + text
    connection.sendall(_varint(len(message)) + message)
    _until_closed(connection)


def _varint(number: int) -> bytes:
    return bytes((number & 0x7F | 0x80, number >> 7)) if number > 0x7F else bytes((number,))


def http(connection: socket.socket, status: int = 200, reason: str = "OK", body: str = "ok\n") -> None:
    """One request, one answer; of a HEAD, its head."""
    asked = _request(connection)
    kind = "application/json" if body.startswith("{") else "text/plain"
    head = f"HTTP/1.1 {status} {reason}\r\nServer: lab\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    answer = f"{head}Connection: close\r\n\r\n{'' if asked.startswith(b'HEAD') else body}"
    connection.sendall(answer.encode())


def echo(connection: socket.socket) -> None:
    """Tell the client its own address, as services for that do."""
    http(connection, body=f"{connection.getpeername()[0]}\n")


def _request(connection: socket.socket) -> bytes:
    head = b""
    # What does not begin with a method is no request: it is answered at once, as real servers do.
    while b"\r\n\r\n" not in head and b"\n\n" not in head and head[:1].isalpha() == bool(head):
        more = connection.recv(4096)
        if not more:
            raise EOFError
        head += more
    return head


BEHAVIOURS: Mapping[str, Callable[..., None]] = {
    function.__name__: function
    for function in (
        hold,
        accept_then_reset,
        accept_then_close,
        reset_on_first_data,
        banner,
        mysql,
        mysql_error,
        postgresql,
        redis,
        zookeeper,
        hive_metastore,
        hadoop_ipc,
        hdfs_datanode,
        http,
        echo,
    )
}

_UNAUTHORIZED = '{"error":{"type":"security_exception","reason":"missing authentication credentials"},"status":401}'

# What listens where while nothing is broken.
HEALTHY: Mapping[tuple[str, int], tuple[Any, ...]] = {
    ("10.10.2.30", 9083): ("hive_metastore",),
    ("10.10.2.30", 8020): ("hadoop_ipc",),
    **{(f"10.10.2.{host}", 50010): ("hdfs_datanode",) for host in (31, 32, 33)},
    ("10.10.2.40", 3306): ("mysql",),
    ("10.10.2.40", 5432): ("postgresql",),
    ("10.10.2.40", 6379): ("redis",),
    ("10.10.2.41", 3306): ("mysql",),
    ("10.10.3.20", 2181): ("zookeeper",),
    ("10.10.3.21", 9200): ("http", 401, "Unauthorized", _UNAUTHORIZED),
    **{(f"198.51.100.{host}", 80): ("http",) for host in (10, 11, 12, 20, 21)},
    **{(f"198.51.100.{host}", 443): ("tls", "good", "http") for host in (10, 11, 12, 20, 21)},
    ("198.51.100.30", 80): ("echo",),
    ("198.51.100.30", 443): ("tls", "good", "echo"),
}
