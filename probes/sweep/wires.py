"""How raw questions go out and answers are known: SYNs and echoes over IPv4.

Raw IP sockets, not packet sockets: what is sent goes by this machine's own routes, neighbours and output rules, and
what comes has passed its input rules, as for any other program. Packet sockets were no faster.
"""

import contextlib
import errno
import os
import socket
import struct
import time
from typing import Dict, List, Optional, Sequence, Set, Tuple

from probes.kernel import IP_RECVERR
from probes.sweep.filters import ADD_X, AND, BYTE_BEHIND, HALF_BEHIND, SHIFT_LEFT, SKIP_HEADER, TO_X, Check, only
from probes.sweep.packets import Cookies, Echo4, Syn4, Tags, secret
from reports.sweep import ALIVE, FILTERED, OPEN, REFUSED, UNKNOWN, Order

# include/uapi/asm-generic/socket.h, linux/icmp.h
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE, SO_TIMESTAMPNS = 32, 33, 35
_IPPROTO_RAW = _SOL_RAW = 255
_ICMP_FILTER = 1

_ROOM = 4 << 20
LONGEST, CONTROLS = 256, 128
# So many are read at once at most; of how many the kernel is asked when they came: that takes as long as to read them.
AT_ONCE, _TIMED = 4096, 4

_STAMP = struct.Struct("=qq") if struct.calcsize("l") == 8 else struct.Struct("=ll")
_ANSWER = struct.Struct(">8xB3x4s4xHH4xIxB")  # TTL, source; ports, acknowledged, flags
_QUOTED = struct.Struct(">HHI")  # ports, sequence
_ECHOED = struct.Struct(">8xB3x4s8xHxxI")  # TTL, source; identifier, cookie
REPLY = struct.Struct(">4xHHI")  # identifier, sequence, cookie

SYN_ACK, RST_ACK, FLAGS = 0x12, 0x14, 0x17
# Destination unreachable, time exceeded (RFC 792).
_ECHO_REPLY, _ERRORS = 0, (3, 11)
_HOST_UNREACHABLE = (3, 1)

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


class _Wire4(Wire):
    """IPv4: we make the whole packet, and see the whole answer."""

    def __init__(self, protocol: int) -> None:
        super().__init__()
        self._protocol = protocol
        self._sender = self._open(socket.AF_INET, _IPPROTO_RAW)
        # Only so the kernel says that it could not keep a packet (ENOBUFS).
        self._sender.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        make_room(self._sender)
        self._answers, self._errors = (self._receiver(each) for each in (protocol, socket.IPPROTO_ICMP))
        _only_types(self._errors, _ERRORS)
        self._sources: Dict[int, bytes] = {}
        self._own: Set[bytes] = set()

    @property
    def listening(self) -> Sequence[socket.socket]:
        return self._answers, self._errors

    def heard(self) -> List[Heard]:
        found: List[Heard] = []
        now = time.time_ns()
        for sock, known in ((self._answers, self._answer), (self._errors, self._error)):
            receive = sock.recv
            with contextlib.suppress(BlockingIOError):
                for turn in range(AT_ONCE):
                    if turn < _TIMED:
                        data, controls, _, _ = sock.recvmsg(LONGEST, CONTROLS)
                        came = came_at(controls)
                        heard = known(data, came or now, bool(came))
                    else:
                        heard = known(receive(LONGEST), now, False)
                    if heard is not None:
                        found.append(heard)
        return found

    def _answer(self, data: bytes, came: int, exactly: bool) -> Optional[Heard]:
        """What a packet says that came at a time (nanoseconds), or a little before where that is not known exactly."""
        raise NotImplementedError

    def _asked(self, packet: bytes, header: int, now: int) -> Optional[Tuple[int, float]]:
        """Of a quoted packet of ours: question, age; None where it is not ours."""
        raise NotImplementedError

    def _error(self, data: bytes, came: int, exactly: bool) -> Optional[Heard]:
        outer = (data[0] & 15) * 4
        quoted = data[outer + 8 :]
        header = (quoted[0] & 15) * 4 if quoted else 0
        if len(quoted) < max(20, header) + 8 or quoted[9] != self._protocol:
            return None
        asked = self._asked(quoted, header, came)
        if asked is None:
            return None
        question, age = asked
        sender, destination, said = data[12:16], quoted[16:20], (data[outer], data[outer + 1])
        address = int.from_bytes(destination, "big")
        if sender in self._own and sender != destination:
            # Nobody has answered our own kernel's ARP; all else is a rule of this machine.
            return None if said == _HOST_UNREACHABLE else (address, question, UNKNOWN, 0.0, 0, "", "")
        by, icmp = socket.inet_ntoa(sender), "%d/%d" % said
        return address, question, FILTERED, age if exactly else 0.0, 0, by, icmp

    def _source(self, packed: bytes, address: int) -> bytes:
        """From which of our addresses; for 256 neighbours it is the same. Raises OSError where there is no way."""
        found = self._sources.get(address >> 8)
        if found is None:
            found = _source_to(packed)
            self._own.add(found)
            if found != packed:  # our own address is asked from itself
                self._sources[address >> 8] = found
        return found

    def _receiver(self, protocol: int) -> socket.socket:
        sock = self._open(socket.AF_INET, protocol)
        make_room(sock)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        return sock

    def _only_errors(self, own: int, place: int) -> None:
        """Of ICMP errors those that quote a packet of ours: by what stands at this place behind its IP header."""
        to_quoted = ((BYTE_BEHIND, 8), (AND, 15), (SHIFT_LEFT, 2), (ADD_X, 0), (TO_X, 0))
        only(
            self._errors,
            Check(((SKIP_HEADER, 0), (BYTE_BEHIND, 8 + 9)), (self._protocol,)),
            Check((*to_quoted, (HALF_BEHIND, 8 + place)), (own,)),
        )


class Syn4Wire(_Wire4):
    """SYNs: a SYN-ACK is answered with a reset by our own kernel, which knows nothing of them."""

    cost, replied_to = 2, OPEN

    def __init__(self, order: Order) -> None:
        super().__init__(socket.IPPROTO_TCP)
        self._port = self._own_port(socket.AF_INET)
        self._ports = Ports(order)
        self._templates: Dict[bytes, Syn4] = {}
        only(
            self._answers,
            Check(((SKIP_HEADER, 0), (HALF_BEHIND, 2)), (self._port,)),
            Check(((BYTE_BEHIND, 13), (AND, FLAGS)), (SYN_ACK, RST_ACK)),
        )
        self._only_errors(self._port, 0)

    def send(self, addresses: Sequence[int], question: int) -> Tuple[int, Optional[OSError]]:
        """See Wire."""
        port, make = self._ports.port[question], self._ports.cookies[question].make
        sendto, packet, block, done = self._sender.sendto, None, -1, 0
        try:
            for address in addresses:
                packed = address.to_bytes(4, "big")
                if address >> 8 != block or packet is None:
                    packet, block = self._template(packed, address).packet, address >> 8
                cookie = make(packed, time.time_ns())
                sendto(packet(packed, address, port, cookie), (socket.inet_ntoa(packed), 0))
                done += 1
        except OSError as error:
            return done, error
        return done, None

    def _template(self, packed: bytes, address: int) -> Syn4:
        source = self._source(packed, address)
        if source not in self._templates:
            self._templates[source] = Syn4(source, self._port)
        return self._templates[source]

    def _answer(self, data: bytes, came: int, exactly: bool) -> Optional[Heard]:
        if data[0] != 0x45:  # options
            data = data[:20] + data[(data[0] & 15) * 4 :]
        if len(data) < _ANSWER.size:
            return None
        ttl, packed, port, own, acknowledged, flags = _ANSWER.unpack_from(data)
        question = self._ports.number.get(port)
        if question is None or own != self._port:
            return None
        age = self._ports.cookies[question].age(packed, acknowledged - 1, came)
        if age is None:
            return None
        state = OPEN if flags & FLAGS == SYN_ACK else REFUSED
        return int.from_bytes(packed, "big"), question, state, age if exactly else 0.0, ttl, "", ""

    def _asked(self, packet: bytes, header: int, now: int) -> Optional[Tuple[int, float]]:
        own, port, cookie = _QUOTED.unpack_from(packet, header)
        question = self._ports.number.get(port)
        if own != self._port or question is None:
            return None
        age = self._ports.cookies[question].age(packet[16:20], cookie, now)
        return None if age is None else (question, age)


class Echo4Wire(_Wire4):
    """ICMP echoes."""

    def __init__(self, order: Order) -> None:
        super().__init__(socket.IPPROTO_ICMP)
        self._question = echo_of(order)
        self._identifier = random_half()
        ours = secret()
        self._cookies, self._tags = Cookies(ours), Tags(ours)
        self._templates: Dict[bytes, Echo4] = {}
        _only_types(self._answers, (_ECHO_REPLY,))
        only(self._answers, Check(((SKIP_HEADER, 0), (HALF_BEHIND, 4)), (self._identifier,)))
        self._only_errors(self._identifier, 4)

    def send(self, addresses: Sequence[int], question: int) -> Tuple[int, Optional[OSError]]:
        """See Wire."""
        make, tag, sendto, packet, block, done = self._cookies.make, self._tags.of, self._sender.sendto, None, -1, 0
        del question  # it is always the same
        try:
            for address in addresses:
                packed = address.to_bytes(4, "big")
                if address >> 8 != block or packet is None:
                    packet, block = self._template(packed, address).packet, address >> 8
                sendto(packet(packed, tag(packed), make(packed, time.time_ns())), (socket.inet_ntoa(packed), 0))
                done += 1
        except OSError as error:
            return done, error
        return done, None

    def _template(self, packed: bytes, address: int) -> Echo4:
        source = self._source(packed, address)
        if source not in self._templates:
            self._templates[source] = Echo4(source, self._identifier)
        return self._templates[source]

    def _answer(self, data: bytes, came: int, exactly: bool) -> Optional[Heard]:
        if data[0] != 0x45:  # options
            data = data[:20] + data[(data[0] & 15) * 4 :]
        if len(data) < _ECHOED.size:
            return None
        ttl, packed, own, cookie = _ECHOED.unpack_from(data)
        age = self._cookies.age(packed, cookie, came)
        if age is None or own != self._identifier:
            return None
        return int.from_bytes(packed, "big"), self._question, ALIVE, age if exactly else 0.0, ttl, "", ""

    def _asked(self, packet: bytes, header: int, now: int) -> Optional[Tuple[int, float]]:
        carried = packet[header + 8 : header + 12]
        own, tag = struct.unpack_from(">HH", packet, header + 4)
        if own != self._identifier or tag != self._tags.of(packet[16:20]):
            return None
        if len(carried) < 4:  # no more must be quoted than the tag (RFC 792)
            return self._question, 0.0
        age = self._cookies.age(packet[16:20], int.from_bytes(carried, "big"), now)
        return None if age is None else (self._question, age)


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


def _only_types(sock: socket.socket, types: Sequence[int]) -> None:
    """Of ICMP only messages of these types (raw(7), ICMP_FILTER): others are not even copied, as for a BPF filter."""
    mask = 0xFFFFFFFF
    for number in types:
        mask ^= 1 << number
    sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", mask))


def came_at(controls: Sequence[Tuple[int, int, bytes]]) -> int:
    """When the kernel received it, nanoseconds of Unix time; 0 where it does not say."""
    for level, kind, data in controls:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS) and len(data) >= _STAMP.size:
            seconds, nanoseconds = _STAMP.unpack_from(data)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return 0


def _source_to(packed: bytes) -> bytes:
    """Whence this machine would speak to the address. Of UDP nothing is sent. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        number = sock.connect_ex((socket.inet_ntoa(packed), 9))
        if number:
            raise OSError(number, os.strerror(number))
        return socket.inet_aton(sock.getsockname()[0])


def no_room(error: OSError) -> bool:
    """Whether the packet would go later."""
    return error.errno in (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM)
