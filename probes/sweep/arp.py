"""Who is on the link: ARP for IPv4, neighbour solicitations for IPv6. All who answer for an address are told.

ARP carries no cookie: an answer counts if it is for us, and from an address that was asked. It is evidence of a host
only where no fabric answers for everybody.
"""

import contextlib
import errno
import os
import socket
import struct
import time
from typing import Dict, List, Optional, Sequence, Set, Tuple

from probes.sweep.filters import HALF, Check, only
from probes.sweep.near import Link
from probes.sweep.packets import arp_request, solicitation
from probes.sweep.wires import AT_ONCE, CONTROLS, LONGEST, SO_TIMESTAMPNS, Heard, Wire, came_at, make_room
from reports.sweep import ALIVE

_ETH_P_ARP = 0x0806
_REPLY = struct.Struct(">22x6s4s")  # of a frame: the sender's hardware address and IP address
# include/uapi/linux/in6.h
_UNICAST_HOPS, _MULTICAST_HOPS, _RECVHOPLIMIT, _HOPLIMIT = 16, 18, 51, 52
_ICMP6_FILTER, _ADVERTISEMENT = 1, 136
_TARGET_HARDWARE = 2
# A solicitation that passed a router is none, nor is its answer (RFC 4861, section 7.1).
_NEAR = 255

# Of so many the time is remembered.
_MOST_ASKED = 4096


class _Neighbours(Wire):
    """What both have in common."""

    several = True

    def __init__(self, question: int, links: Sequence[Link]) -> None:
        super().__init__()
        self._question = question
        self._links = links
        self._own = {int.from_bytes(own, "big"): link for link in links for own in link.own}
        self._asked: Dict[int, int] = {}  # address -> when, nanoseconds
        self._answered: Dict[int, Set[bytes]] = {}
        self._ready: List[Heard] = []

    @property
    def listening(self) -> Sequence[socket.socket]:
        return self._sockets

    def send(self, addresses: Sequence[int], question: int) -> Tuple[int, Optional[OSError]]:
        """See Wire; ``question`` is always the same."""
        del question
        done = 0
        try:
            for address in addresses:
                self._ask(address)
                done += 1
        except OSError as error:
            return done, error
        return done, None

    def _ask(self, address: int) -> None:
        places = [place for place, link in enumerate(self._links) if link.first <= address <= link.last]
        if not places:
            raise OSError(errno.ENOLINK, os.strerror(errno.ENOLINK))
        self._asked[address] = time.time_ns()
        if address in self._own:  # which our own kernel does not answer
            self._heard(address, self._own[address].hardware, 0)
            return
        if len(self._asked) > _MOST_ASKED:
            del self._asked[next(iter(self._asked))]
        self._request(self._links[places[0]], self._sockets[places[0]], address)

    def _request(self, link: Link, sock: socket.socket, address: int) -> None:
        raise NotImplementedError

    def _heard(self, address: int, hardware: bytes, came: int) -> None:
        """Somebody with this hardware address answers for the address; each is told once.

        Our own kernel asks too, for what other engines send: its answers count for nothing before we have asked.
        """
        if address not in self._asked and address not in self._answered:
            return
        who = self._answered.setdefault(address, set())
        if hardware in who:
            return
        who.add(hardware)
        asked = self._asked.pop(address, 0)
        age = max(0.0, (came - asked) / 1e9) if asked and came else 0.0
        by = ":".join("%02x" % byte for byte in hardware)
        self._ready.append((address, self._question, ALIVE, age, 0, by, ""))

    def heard(self) -> List[Heard]:
        for sock in self._sockets:
            with contextlib.suppress(BlockingIOError):
                for _ in range(AT_ONCE):
                    data, controls, _, _ = sock.recvmsg(LONGEST, CONTROLS)
                    self._read(data, controls)
        ready, self._ready = self._ready, []
        return ready

    def _read(self, data: bytes, controls: Sequence[Tuple[int, int, bytes]]) -> None:
        raise NotImplementedError


class ArpWire(_Neighbours):
    """ARP (RFC 826), a packet socket for each link."""

    def __init__(self, question: int, links: Sequence[Link]) -> None:
        super().__init__(question, links)
        for link in links:
            sock = self._open(socket.AF_PACKET, 0)
            high, low = struct.unpack(">HH", link.own[0])
            only(sock, Check(((HALF, 20),), (2,)), Check(((HALF, 38),), (high,)), Check(((HALF, 40),), (low,)))
            make_room(sock)
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            sock.bind((link.interface, _ETH_P_ARP))

    def _request(self, link: Link, sock: socket.socket, address: int) -> None:
        sock.send(arp_request(link.hardware, link.own[0], address.to_bytes(4, "big")))

    def _read(self, data: bytes, controls: Sequence[Tuple[int, int, bytes]]) -> None:
        if len(data) >= 42:
            hardware, packed = _REPLY.unpack_from(data)
            self._heard(int.from_bytes(packed, "big"), hardware, came_at(controls))


class NdWire(_Neighbours):
    """Neighbour discovery (RFC 4861), a raw ICMPv6 socket for each link."""

    def __init__(self, question: int, links: Sequence[Link]) -> None:
        super().__init__(question, links)
        for _ in links:
            sock = self._open(socket.AF_INET6, socket.IPPROTO_ICMPV6)
            words = [0xFFFFFFFF] * 8
            words[_ADVERTISEMENT >> 5] ^= 1 << (_ADVERTISEMENT & 31)
            sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *words))
            for option in (_UNICAST_HOPS, _MULTICAST_HOPS):
                sock.setsockopt(socket.IPPROTO_IPV6, option, _NEAR)
            sock.setsockopt(socket.IPPROTO_IPV6, _RECVHOPLIMIT, 1)
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            make_room(sock)

    def _request(self, link: Link, sock: socket.socket, address: int) -> None:
        packed = address.to_bytes(16, "big")
        # The solicited-node multicast address (RFC 4291, section 2.7.1).
        group = socket.inet_ntop(socket.AF_INET6, bytes.fromhex("ff0200000000000000000001ff") + packed[13:])
        sock.sendto(solicitation(link.hardware, packed), (group, 0, 0, link.index))

    def _read(self, data: bytes, controls: Sequence[Tuple[int, int, bytes]]) -> None:
        hops = [value for level, kind, value in controls if (level, kind) == (socket.IPPROTO_IPV6, _HOPLIMIT)]
        address, hardware = int.from_bytes(data[8:24], "big"), _option(data[24:], _TARGET_HARDWARE)
        if hops == [struct.pack("=i", _NEAR)]:
            self._heard(address, hardware, came_at(controls))


def _option(options: bytes, kind: int) -> bytes:
    """The hardware address that an option holds; its length counts eights (RFC 4861, section 4.6)."""
    while len(options) >= 8 and options[1]:
        if options[0] == kind:
            return options[2:8]
        options = options[options[1] * 8 :]
    return b""
