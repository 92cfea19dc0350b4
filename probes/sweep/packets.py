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
from typing import Optional

SYN = bytes.fromhex("4500002c0000400040063acd00000000000000000000000000000000000000006002faf09d360000020405b4")
ECHO = bytes.fromhex("450000200000400040013ade00000000000000000800f7ff0000000000000000")
ARP = bytes.fromhex("ffffffffffff000000000000080600010800060400010000000000000000000000000000000000000000")
SOLICITATION = bytes.fromhex("8700000000000000000000000000000000000000000000000101000000000000")

_IP = 20  # bytes of an IPv4 header without options
_TCP_IN_IP = struct.Struct(">16s4sHHIIHHHHI")
_TCP = struct.Struct(">HHIIHHHHI")
_ECHO_IN_IP = struct.Struct(">16s4sHHHHI")
_ECHO = struct.Struct(">HHHHI")

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
        ticks = now >> _TICK & _TIME
        return (hash(self._secret + ticks.to_bytes(3, "big") + address) & _PROOF) | (ticks ^ self._mask)

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
        return hash(self._secret + address) & 0xFFFF


def secret() -> bytes:
    """What cookies are made with."""
    return os.urandom(16)


class Syn4:
    """SYNs from one address and port over IPv4: the template, with destination, cookie and checksum patched in.

    The kernel fills in the checksum of the IP header (raw(7), IP_HDRINCL).
    """

    def __init__(self, source: bytes, port: int) -> None:
        self._head = SYN[:12] + source
        self._port = port
        *_, self._flags, self._window, _, _, self._options = _TCP_IN_IP.unpack(SYN)
        # The checksum covers addresses, protocol and length too (RFC 9293, section 3.1); what varies is still 0.
        self._sum = _ones_sum(source) + socket.IPPROTO_TCP + len(SYN) - _IP + port
        self._sum += self._flags + self._window + _ones_sum(SYN[_IP + 20 :])

    def packet(self, destination: bytes, address: int, port: int, cookie: int) -> bytes:
        """To an address, packed and as a number."""
        words = (address >> 16) + (address & 0xFFFF) + port + (cookie >> 16) + (cookie & 0xFFFF)
        checksum = 0xFFFF - (self._sum + words) % 0xFFFF
        own, flags, window, options = self._port, self._flags, self._window, self._options
        return _TCP_IN_IP.pack(self._head, destination, own, port, cookie, 0, flags, window, checksum, 0, options)


class Echo4:
    """Echo requests from one address over IPv4, as above. ``tag``: their sequence number."""

    def __init__(self, source: bytes, identifier: int) -> None:
        self._head = ECHO[:12] + source
        self._kind = ECHO[_IP] << 8
        self._identifier = identifier
        self._sum = self._kind + identifier

    def packet(self, destination: bytes, tag: int, cookie: int) -> bytes:
        """To an address, packed."""
        checksum = 0xFFFF - (self._sum + tag + (cookie >> 16) + (cookie & 0xFFFF)) % 0xFFFF
        return _ECHO_IN_IP.pack(self._head, destination, self._kind, checksum, self._identifier, tag, cookie)


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
