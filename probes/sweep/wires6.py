"""SYNs and echoes over IPv6: the kernel makes header and checksum.

Networks are never enumerated, so that this need not be fast.
"""

import contextlib
import socket
import struct
import time
from ipaddress import IPv6Address
from typing import List, Optional, Sequence, Tuple

from probes.sweep.filters import AND, BYTE, HALF, Check, nothing, only
from probes.sweep.packets import Cookies, echo, secret, syn
from probes.sweep.wires import (
    AT_ONCE,
    CONTROLS,
    FLAGS,
    LONGEST,
    REPLY,
    RST_ACK,
    SO_TIMESTAMPNS,
    SYN_ACK,
    Heard,
    Ports,
    Wire,
    came_at,
    echo_of,
    make_room,
    random_half,
)
from reports.sweep import ALIVE, FILTERED, OPEN, REFUSED, UNKNOWN, Order

# include/uapi/linux/in6.h, icmpv6.h
_IPV6_CHECKSUM, _IPV6_RECVHOPLIMIT, _IPV6_HOPLIMIT = 7, 51, 52
_ICMP6_FILTER = 1

_SEGMENT = struct.Struct(">HH4xIxB")  # ports, acknowledged, flags
_ECHO, _REPLY_TYPE = 128, 129
_ERRORS = (1, 3)  # destination unreachable, time exceeded (RFC 4443)
_HOST_UNREACHABLE = (1, 3)


class _Wire6(Wire):
    """What both have in common."""

    def __init__(self, protocol: int) -> None:
        super().__init__()
        self._protocol = protocol
        self._sender, self._answers = (self._open(socket.AF_INET6, protocol) for _ in range(2))
        self._errors = self._open(socket.AF_INET6, socket.IPPROTO_ICMPV6)
        make_room(self._sender)
        for sock in self.listening:
            make_room(sock)
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVHOPLIMIT, 1)
        _only_types(self._errors, _ERRORS)

    @property
    def listening(self) -> Sequence[socket.socket]:
        return self._answers, self._errors

    def send(self, addresses: Sequence[int], question: int) -> Tuple[int, Optional[OSError]]:
        """See Wire."""
        done = 0
        try:
            for address in addresses:
                message = self._message(address.to_bytes(16, "big"), question)
                self._sender.sendto(message, (str(IPv6Address(address)), 0))
                done += 1
        except OSError as error:
            return done, error
        return done, None

    def heard(self) -> List[Heard]:
        found: List[Heard] = []
        for sock, known in ((self._answers, self._answer), (self._errors, self._error)):
            with contextlib.suppress(BlockingIOError):
                for _ in range(AT_ONCE):
                    data, controls, _, who = sock.recvmsg(LONGEST, CONTROLS)
                    packed = socket.inet_pton(socket.AF_INET6, who[0].partition("%")[0])
                    heard = known(data, packed, came_at(controls) or time.time_ns(), _hops(controls))
                    if heard is not None:
                        found.append(heard)
        return found

    def _message(self, packed: bytes, question: int) -> bytes:
        """What is asked of an address."""
        raise NotImplementedError

    def _answer(self, data: bytes, who: bytes, came: int, hops: int) -> Optional[Heard]:
        """What a message from somebody says."""
        raise NotImplementedError

    def _asked(self, message: bytes, destination: bytes, now: int) -> Optional[Tuple[int, float]]:
        """Of what stood behind the header of a quoted packet of ours: question, age; None where it is not ours."""
        raise NotImplementedError

    def _error(self, data: bytes, who: bytes, came: int, _hops: int) -> Optional[Heard]:
        quoted = data[8:]
        if len(quoted) < 48 or quoted[6] != self._protocol:
            return None
        source, destination, said = quoted[8:24], quoted[24:40], (data[0], data[1])
        asked = self._asked(quoted[40:], destination, came)
        if asked is None:
            return None
        question, age = asked
        address = int.from_bytes(destination, "big")
        if who == source != destination:
            # Our own kernel: nobody has answered its solicitation; all else is a rule of this machine.
            return None if said == _HOST_UNREACHABLE else (address, question, UNKNOWN, 0.0, 0, "", "")
        return address, question, FILTERED, age, 0, socket.inet_ntop(socket.AF_INET6, who), "%d/%d" % said


class Syn6Wire(_Wire6):
    """SYNs over IPv6."""

    cost, replied_to = 2, OPEN

    def __init__(self, order: Order) -> None:
        super().__init__(socket.IPPROTO_TCP)
        self._port = self._own_port(socket.AF_INET6)
        self._ports = Ports(order)
        self._sender.setsockopt(socket.IPPROTO_IPV6, _IPV6_CHECKSUM, 16)
        only(
            self._answers,
            Check(((HALF, 2),), (self._port,)),
            Check(((BYTE, 13), (AND, FLAGS)), (SYN_ACK, RST_ACK)),
        )
        nothing(self._sender)

    def _message(self, packed: bytes, question: int) -> bytes:
        cookie = self._ports.cookies[question].make(packed, time.time_ns())
        return syn(self._port, self._ports.port[question], cookie)

    def _answer(self, data: bytes, who: bytes, came: int, hops: int) -> Optional[Heard]:
        if len(data) < _SEGMENT.size:
            return None
        port, own, acknowledged, flags = _SEGMENT.unpack_from(data)
        question = self._ports.number.get(port)
        if question is None or own != self._port:
            return None
        age = self._ports.cookies[question].age(who, acknowledged - 1, came)
        state = OPEN if flags & FLAGS == SYN_ACK else REFUSED
        return None if age is None else (int.from_bytes(who, "big"), question, state, age, hops, "", "")

    def _asked(self, message: bytes, destination: bytes, now: int) -> Optional[Tuple[int, float]]:
        own, port, cookie = struct.unpack_from(">HHI", message)
        question = self._ports.number.get(port)
        if own != self._port or question is None:
            return None
        age = self._ports.cookies[question].age(destination, cookie, now)
        return None if age is None else (question, age)


class Echo6Wire(_Wire6):
    """ICMPv6 echoes."""

    def __init__(self, order: Order) -> None:
        super().__init__(socket.IPPROTO_ICMPV6)
        self._question = echo_of(order)
        self._identifier = random_half()
        self._cookies = Cookies(secret())
        _only_types(self._answers, (_REPLY_TYPE,))
        nothing(self._sender)

    def _message(self, packed: bytes, question: int) -> bytes:
        del question  # it is always the same
        return echo(_ECHO, self._identifier, 0, self._cookies.make(packed, time.time_ns()))

    def _answer(self, data: bytes, who: bytes, came: int, hops: int) -> Optional[Heard]:
        found = self._asked(data, who, came)
        return None if found is None else (int.from_bytes(who, "big"), found[0], ALIVE, found[1], hops, "", "")

    def _asked(self, message: bytes, destination: bytes, now: int) -> Optional[Tuple[int, float]]:
        if len(message) < REPLY.size:
            return None
        own, _, cookie = REPLY.unpack_from(message)
        age = self._cookies.age(destination, cookie, now) if own == self._identifier else None
        return None if age is None else (self._question, age)


def _only_types(sock: socket.socket, types: Sequence[int]) -> None:
    """Of ICMPv6 only messages of these types (RFC 3542, section 3.2: a bit that is set blocks)."""
    words = [0xFFFFFFFF] * 8
    for number in types:
        words[number >> 5] &= ~(1 << (number & 31))
    sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *words))


def _hops(controls: Sequence[Tuple[int, int, bytes]]) -> int:
    for level, kind, data in controls:
        if (level, kind) == (socket.IPPROTO_IPV6, _IPV6_HOPLIMIT):
            return int(struct.unpack_from("=i", data)[0])
    return 0
