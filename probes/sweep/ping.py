"""Echoes of an ordinary user: ping sockets, where net.ipv4.ping_group_range admits this user (icmp(7))."""

import socket
import struct
import time
from typing import List, Optional, Sequence, Tuple

from probes.kernel import icmp_error, receive_icmp_errors
from probes.sweep.packets import Cookies, echo, secret
from probes.sweep.wires import (
    AT_ONCE,
    CONTROLS,
    LONGEST,
    REPLY,
    SO_TIMESTAMPNS,
    Heard,
    Wire,
    came_at,
    echo_of,
    make_room,
)
from reports.sweep import ALIVE, FILTERED, Order, text_of

# include/uapi/linux/in.h, in6.h: what to ask for, and what then comes.
_TTL = {4: (socket.IPPROTO_IP, 12, 2), 6: (socket.IPPROTO_IPV6, 51, 52)}
_REQUEST = {4: 8, 6: 128}
_LENGTH = {4: 4, 6: 16}
_COOKIE = struct.Struct(">I")


class PingWire(Wire):
    """The kernel sets the identifier and lets nobody else's answers in; the address rides behind the cookie."""

    def __init__(self, order: Order) -> None:
        super().__init__()
        self._version = order.addresses.version
        self._question = echo_of(order)
        self._cookies = Cookies(secret())
        family, protocol = family_and_protocol(self._version)
        self._sock = self._open(family, protocol, socket.SOCK_DGRAM)
        receive_icmp_errors(self._sock)
        make_room(self._sock)
        self._sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        level, option, self._ttl = _TTL[self._version]
        self._sock.setsockopt(level, option, 1)
        self._errors: List[Heard] = []

    @property
    def listening(self) -> Sequence[socket.socket]:
        """See Wire."""
        return (self._sock,)

    def send(self, addresses: Sequence[int], question: int) -> Tuple[int, Optional[OSError]]:
        """See Wire; ``question`` is always the same."""
        del question
        for done, address in enumerate(addresses):
            packed = address.to_bytes(_LENGTH[self._version], "big")
            message = echo(_REQUEST[self._version], 0, 0, self._cookies.make(packed, time.time_ns()), packed)
            error = self._sent(message, text_of(address, self._version))
            # The error of an earlier one is told to whoever comes next.
            if error is not None and self._read_errors():
                error = self._sent(message, text_of(address, self._version))
            if error is not None:
                return done, error
        return len(addresses), None

    def _sent(self, message: bytes, address: str) -> Optional[OSError]:
        try:
            self._sock.sendto(message, (address, 0))
        except OSError as error:
            return error
        return None

    def heard(self) -> List[Heard]:
        """See Wire."""
        self._read_errors()
        found, self._errors = self._errors, []
        for _ in range(AT_ONCE):
            try:
                data, controls, _, who = self._sock.recvmsg(LONGEST, CONTROLS)
            except BlockingIOError:
                break
            except OSError:
                self._read_errors()
                continue
            packed = socket.inet_pton(self._sock.family, who[0].partition("%")[0])
            came = came_at(controls)
            age = self._age(data, packed, came or time.time_ns())
            if age is not None:
                ttl = next((struct.unpack_from("=i", value)[0] for _, kind, value in controls if kind == self._ttl), 0)
                address = int.from_bytes(packed, "big")
                found.append((address, self._question, ALIVE, age if came else 0.0, ttl, "", ""))
        return found

    def _age(self, message: bytes, packed: bytes, now: int) -> Optional[float]:
        if len(message) < REPLY.size:
            return None
        return self._cookies.age(packed, REPLY.unpack_from(message)[2], now)

    def _read_errors(self) -> int:
        """Take what the error queue holds; how many there were."""
        for count in range(AT_ONCE):
            error = icmp_error(self._sock)
            if error is None:
                return count
            packed = error.quoted[REPLY.size : REPLY.size + _LENGTH[self._version]]
            if error.local or self._age(error.quoted, packed, time.time_ns()) is None:
                continue
            address, said = int.from_bytes(packed, "big"), "%d/%d" % (error.type, error.code)
            self._errors.append((address, self._question, FILTERED, 0.0, 0, error.sender, said))
        return AT_ONCE


def family_and_protocol(version: int) -> Tuple[int, int]:
    """Of ICMP sockets."""
    if version == 4:
        return socket.AF_INET, socket.IPPROTO_ICMP
    return socket.AF_INET6, socket.IPPROTO_ICMPV6
