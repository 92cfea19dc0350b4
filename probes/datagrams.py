"""Datagrams of a known size that can be known again: ICMP echoes, by what this process may open, and UDP.

Echoes go over ping sockets (icmp(7)) where this user may have them, else over raw ones. A UDP datagram goes to a port
where nobody listens: its host answers with a small ICMP message.
"""

import contextlib
import os
import socket
import struct
from typing import Dict, List, Optional, Sequence, Tuple

from attrs import frozen

from probes.network import Datagrams

# Where traceroute aims: nobody listens there.
_UDP_PORT = 33434
# IPv4 and IPv6 headers, and the eight bytes of ICMP or UDP behind them.
_IP: Dict[int, int] = {socket.AF_INET: 20, socket.AF_INET6: 40}
_HEADER = 8

_TOKEN = 8
_INDEX = struct.Struct(">H")
_ECHO = struct.Struct(">BBHHH")
_ECHO_REQUEST: Dict[int, int] = {socket.AF_INET: 8, socket.AF_INET6: 128}
# Level, option and value that let nothing but echo replies into a raw socket (raw(7), RFC 3542 section 3.2).
_ONLY_REPLIES: Dict[int, Tuple[int, int, bytes]] = {
    socket.AF_INET: (255, 1, struct.pack("=I", 0xFFFFFFFF ^ 1)),
    socket.AF_INET6: (58, 1, struct.pack("=8I", *[0xFFFFFFFF ^ (2 if word == 4 else 0) for word in range(8)])),
}


@frozen
class Method:
    """``echo``, or ``udp``: where the answer is small whatever was sent."""

    name: str
    family: int
    kind: int
    protocol: int

    def open(self) -> socket.socket:
        """A socket for it. Raises OSError where this process may not have one."""
        sock = socket.socket(self.family, self.kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, self.protocol)
        if self.kind == socket.SOCK_RAW:
            sock.setsockopt(*_ONLY_REPLIES[self.family])
        return sock

    def of_sizes(self, sizes: Sequence[int]) -> Tuple[Datagrams, List[bytes]]:
        """Datagrams that make IP packets of so many bytes, and what knows their answers again (Network.volley)."""
        token = os.urandom(_TOKEN)

        def index_of(data: bytes) -> Optional[int]:
            place = data.find(token)
            return int(_INDEX.unpack_from(data, place + _TOKEN)[0]) if 0 <= place <= len(data) - _TOKEN - 2 else None

        kind = Datagrams(self.open, _UDP_PORT if self.name == "udp" else 0, index_of)
        return kind, [self._message(token, index, size) for index, size in enumerate(sizes)]

    def _message(self, token: bytes, index: int, size: int) -> bytes:
        body = token + _INDEX.pack(index)
        body += bytes(size - _IP[self.family] - _HEADER - len(body))
        if self.name == "udp":
            return body
        request, (identifier,) = _ECHO_REQUEST[self.family], _INDEX.unpack(token[:2])
        # A ping socket sets the identifier and the checksum itself, as every ICMPv6 socket does the checksum.
        checksum = _checksum(_ECHO.pack(request, 0, 0, identifier, index) + body)
        return _ECHO.pack(request, 0, checksum, identifier, index) + body


def methods(address: str) -> List[Method]:
    """The methods that this process has towards the address (an IP literal)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return [*_echo(family), Method("udp", family, socket.SOCK_DGRAM, 0)]


def _echo(family: int) -> List[Method]:
    """Echoes by the first of the two sockets that may be opened."""
    protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        method = Method("echo", family, kind, protocol)
        with contextlib.suppress(OSError):
            method.open().close()
            return [method]
    return []


def _checksum(data: bytes) -> int:
    """The checksum of RFC 1071."""
    total: int = sum(word for (word,) in _INDEX.iter_unpack(data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
