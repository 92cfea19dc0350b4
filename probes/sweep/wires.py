"""How raw questions go out and answers are known: what the wires of every kind have in common."""

import contextlib
import errno
import os
import socket
import struct
from typing import List, Optional, Sequence, Tuple

from probes.sweep.packets import Cookies, secret
from reports.sweep import Order

# include/uapi/asm-generic/socket.h
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE, SO_TIMESTAMPNS = 32, 33, 35

_ROOM = 4 << 20
LONGEST, CONTROLS = 256, 128
# So many are read at once at most.
AT_ONCE = 4096

_STAMP = struct.Struct("=qq") if struct.calcsize("l") == 8 else struct.Struct("=ll")
REPLY = struct.Struct(">4xHHI")  # of an echo: identifier, sequence, cookie

SYN_ACK, RST_ACK, FLAGS = 0x12, 0x14, 0x17

# An answer that is one: address, question, state; then seconds since it was asked, where they are known exactly, TTL,
# and of an ICMP error its sender and "type/code".
Heard = Tuple[int, int, str, float, int, str, str]


class Wire:
    """Sends questions of one kind, and knows what was said to them. ``cost``: packets that one may cause at once.

    ``replied_to``: the state to which our own kernel replies with a packet when it comes. ``several``: whether more
    than one answer to a question tells something.
    """

    cost = 1
    replied_to = ""
    several = False

    def __init__(self) -> None:
        self._sockets: List[socket.socket] = []

    @property
    def listening(self) -> Sequence[socket.socket]:
        """What becomes readable when something comes."""
        raise NotImplementedError

    def send(self, addresses: Sequence[int], question: int) -> Tuple[int, Optional[OSError]]:
        """Ask one after the other; how many, and why not the next one."""
        raise NotImplementedError

    def heard(self) -> List[Heard]:
        """What has come."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing stays open."""
        for sock in self._sockets:
            sock.close()

    def _open(self, family: int, protocol: int, kind: int = socket.SOCK_RAW) -> socket.socket:
        sock = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
        self._sockets.append(sock)
        return sock

    def _own_port(self, family: int) -> int:
        """A port that is nobody else's meanwhile: our kernel resets whatever is opened towards it."""
        sock = self._open(family, 0, socket.SOCK_STREAM)
        sock.bind(("", 0))
        return int(sock.getsockname()[1])


class Ports:
    """The ports of an order's TCP questions, by number of the question and back, and the cookies of each."""

    def __init__(self, order: Order) -> None:
        ours = secret()
        self.port = {number: each.port for number, each in enumerate(order.questions) if each.kind == "tcp"}
        self.number = {port: number for number, port in self.port.items()}
        self.cookies = {number: Cookies(ours, port.to_bytes(2, "big")) for number, port in self.port.items()}


def echo_of(order: Order) -> int:
    """Which question is the echo."""
    return next(number for number, question in enumerate(order.questions) if question.kind == "echo")


def random_half() -> int:
    """16 bits."""
    return int.from_bytes(os.urandom(2), "big")


def make_room(sock: socket.socket) -> None:
    """Large buffers: beyond the system's limits where this process may (socket(7), SO_RCVBUFFORCE).

    What is sent to neighbours that the kernel still looks for stays in the buffer, too.
    """
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, _ROOM)
    with contextlib.suppress(OSError):
        for option in (_SO_RCVBUFFORCE, _SO_SNDBUFFORCE):
            sock.setsockopt(socket.SOL_SOCKET, option, _ROOM)


def came_at(controls: Sequence[Tuple[int, int, bytes]]) -> int:
    """When the kernel received it, nanoseconds of Unix time; 0 where it does not say."""
    for level, kind, data in controls:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS) and len(data) >= _STAMP.size:
            seconds, nanoseconds = _STAMP.unpack_from(data)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return 0


def no_room(error: OSError) -> bool:
    """Whether the packet would go later."""
    return error.errno in (errno.EAGAIN, errno.EINTR, errno.ENOBUFS, errno.ENOMEM)
