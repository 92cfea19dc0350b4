"""What goes over the wire: templates that scapy has built once, and the cookies in them by which answers are known.

    ip = IP(id=0, flags="DF", src="0.0.0.0", dst="0.0.0.0")
    SYN = ip / TCP(sport=0, dport=0, flags="S", window=64240, options=[("MSS", 1460)])
    ECHO = ip / ICMP(id=0, seq=0) / bytes(4)
    ARP = Ether(dst=all, src=none) / ARP(hwsrc=none, psrc="0.0.0.0", hwdst=none, pdst="0.0.0.0")
    SOLICITATION = ICMPv6ND_NS(tgt="::") / ICMPv6NDOptSrcLLAddr(lladdr=none)

Their bytes stand here: to import scapy's layers takes longer than to ask ten thousand addresses. A test holds them
equal to what scapy builds.
"""

import os
import socket
import struct
from typing import Iterable, List, Optional

SYN = bytes.fromhex("4500002c0000400040063acd00000000000000000000000000000000000000006002faf09d360000020405b4")
ECHO = bytes.fromhex("450000200000400040013ade00000000000000000800f7ff0000000000000000")
ARP = bytes.fromhex("ffffffffffff000000000000080600010800060400010000000000000000000000000000000000000000")
SOLICITATION = bytes.fromhex("8700000000000000000000000000000000000000000000000101000000000000")

_IP = 20  # bytes of an IPv4 header without options
_TCP = struct.Struct(">HHIIHHHHI")
_ECHO = struct.Struct(">HHHHI")
# Behind the address for the socket: all of a packet before its destination, which is patched in, and so on.
_FAMILY = struct.pack("=H2x", socket.AF_INET)
_SYN_TO = struct.Struct(">4sI8x16sIII8sH6s")  # ports, cookie; up to the checksum, and behind it
_ECHO_TO = struct.Struct(">4sI8x16sIHHHHI")

# Of a cookie the lower bits say when it left, masked, in ticks of 16 us; the upper twelve prove address and time.
_TIME, _PROOF = 0x000FFFFF, 0xFFF00000
_TICK = 14  # bits of nanoseconds
_SECONDS = (1 << _TICK) / 1e9
# An answer that comes later counts for nothing. The clock in a cookie goes round in 17 seconds.
_OLDEST = 8.0


class Cookies:
    """32 bits that nobody can guess for an address, and that tell when the packet left which carries them.

    ``about``: what they are the same for (a port). hash() of bytes is SipHash (PEP 456); the key that Python gives it
    may be known, so a secret goes in first.
    """

    def __init__(self, secret: bytes, about: bytes = b"") -> None:
        self._secret = secret + about
        self._mask = int.from_bytes(secret[:3], "big") & _TIME

    def make(self, address: bytes, now: int) -> int:
        """For a packet to the address (packed) that leaves now: nanoseconds of Unix time."""
        return self.all([address], now)[0]

    def all(self, addresses: Iterable[bytes], now: int) -> List[int]:
        """For packets that leave together."""
        ticks = now >> _TICK & _TIME
        about, said = self._secret + ticks.to_bytes(3, "big"), ticks ^ self._mask
        return [(hash(about + address) & _PROOF) | said for address in addresses]

    def age(self, address: bytes, cookie: int, now: int) -> Optional[float]:
        """Seconds since it was sent to the address; None where it never was, or too long ago."""
        ticks = (cookie ^ self._mask) & _TIME
        if (hash(self._secret + ticks.to_bytes(3, "big") + address) ^ cookie) & _PROOF:
            return None
        # In the middle of the tick, on average: it is never 0.
        age = (((now >> _TICK) - ticks & _TIME) + 0.5) * _SECONDS
        return age if age < _OLDEST else None


class Tags:
    """16 bits that nobody can guess for an address: what an ICMP error quotes of an echo at least (RFC 792)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret + b"tag"

    def of(self, address: bytes) -> int:
        """The address's own."""
        return self.all([address])[0]

    def all(self, addresses: Iterable[bytes]) -> List[int]:
        """Each one's."""
        secret = self._secret
        return [hash(secret + address) & 0xFFFF for address in addresses]


def secret() -> bytes:
    """What cookies are made with."""
    return os.urandom(16)


class Syn4:
    """SYNs from one address and port over IPv4: the template, with destination, cookie and checksum patched in.

    The kernel fills in the checksum of the IP header (raw(7), IP_HDRINCL). That of TCP covers addresses, protocol and
    length too (RFC 9293, section 3.1). It is a sum modulo 2^16 - 1, to which 32 bits add as much as their two halves.
    """

    size = len(SYN)

    def __init__(self, source: bytes, port: int) -> None:
        self._head = SYN[:12] + source
        self._port = port
        self._middle, self._tail = SYN[_IP + 8 : _IP + 16], SYN[_IP + 18 :]
        self._sum = _ones_sum(source) + socket.IPPROTO_TCP + self.size - _IP + _ones_sum(self._middle + self._tail)

    def fill(self, room: bytearray, port: int, addresses: Iterable[int], cookies: Iterable[int]) -> None:
        """Write one to each address, behind that address for the socket (struct sockaddr_in), into the room."""
        head, middle, tail, ports, place = self._head, self._middle, self._tail, self._port << 16 | port, 0
        base, into, step = self._sum + ports, _SYN_TO.pack_into, _SYN_TO.size
        for address, cookie in zip(addresses, cookies):
            checksum = 0xFFFF - (base + address + cookie) % 0xFFFF
            into(room, place, _FAMILY, address, head, address, ports, cookie, middle, checksum, tail)
            place += step


class Echo4:
    """Echo requests from one address over IPv4, as above."""

    size = len(ECHO)

    def __init__(self, source: bytes, identifier: int) -> None:
        self._head = ECHO[:12] + source
        self._kind = ECHO[_IP] << 8
        self._identifier = identifier

    def fill(self, room: bytearray, addresses: Iterable[int], tags: Iterable[int], cookies: Iterable[int]) -> None:
        """As above. ``tags``: their sequence numbers."""
        head, kind, own, place = self._head, self._kind, self._identifier, 0
        base, into, step = kind + own, _ECHO_TO.pack_into, _ECHO_TO.size
        for address, tag, cookie in zip(addresses, tags, cookies):
            checksum = 0xFFFF - (base + tag + cookie) % 0xFFFF
            into(room, place, _FAMILY, address, head, address, kind, checksum, own, tag, cookie)
            place += step


def syn(own: int, port: int, cookie: int) -> bytes:
    """A SYN without IP header and checksum: the kernel makes both for IPv6 (RFC 3542, section 3.1)."""
    _, _, _, _, flags, window, _, _, options = _TCP.unpack(SYN[_IP:])
    return _TCP.pack(own, port, cookie, 0, flags, window, 0, 0, options)


def echo(kind: int, identifier: int, tag: int, cookie: int, behind: bytes = b"") -> bytes:
    """An echo request without IP header, of either version's type. ``behind``: what follows the cookie, even in length.

    The checksum is IPv4's; the kernel makes that of IPv6.
    """
    words = (kind << 8) + identifier + tag + (cookie >> 16) + (cookie & 0xFFFF) + _ones_sum(behind)
    return _ECHO.pack(kind << 8, 0xFFFF - words % 0xFFFF, identifier, tag, cookie) + behind


def arp_request(hardware: bytes, source: bytes, target: bytes) -> bytes:
    """Who has the target? All are packed."""
    return ARP[:6] + hardware + ARP[12:22] + hardware + source + ARP[32:38] + target


def solicitation(hardware: bytes, target: bytes) -> bytes:
    """A neighbour solicitation (RFC 4861, section 4.3); the kernel makes header and checksum."""
    return SOLICITATION[:8] + target + SOLICITATION[24:26] + hardware


def _ones_sum(data: bytes) -> int:
    """The sum of 16-bit words of RFC 1071, not folded."""
    return sum(struct.unpack(">%dH" % (len(data) // 2), data))
