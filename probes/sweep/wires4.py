"""SYNs and echoes over IPv4.

Raw IP sockets, not packet sockets: what is sent goes by this machine's own routes, neighbours and output rules, and
what comes has passed its input rules, as for any other program. Packet sockets were no faster.
"""

import os
import socket
import struct
import time
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from probes.kernel import IP_RECVERR
from probes.sweep.filters import ADD_X, AND, BYTE_BEHIND, HALF_BEHIND, SHIFT_LEFT, SKIP_HEADER, TO_X, Check, only
from probes.sweep.many import RECEIVED, SENT, SLOT, Incoming, Outgoing
from probes.sweep.packets import Cookies, Echo4, Syn4, Tags, secret
from probes.sweep.wires import (
    AT_ONCE,
    FLAGS,
    RST_ACK,
    SYN_ACK,
    Heard,
    Ports,
    Wire,
    echo_of,
    make_room,
    random_half,
)
from reports.sweep import ALIVE, FILTERED, OPEN, REFUSED, UNKNOWN, Order

# linux/icmp.h
_IPPROTO_RAW = _SOL_RAW = 255
_ICMP_FILTER = 1

# What an answer says that has no IP options (its first byte is _PLAIN), and what of it is looked at.
_PLAIN, _HEADER = 0x45, 20
_ANSWER, _ANSWER_SIZE = struct.Struct(">B7xB3x4s4xHH4xIxB%dx" % (SLOT - 34)), 34
_ECHOED, _ECHOED_SIZE = struct.Struct(">B7xB3x4s8xHxxI%dx" % (SLOT - 32)), 32
_QUOTED = struct.Struct(">HHI")  # ports, sequence
_ROUNDS = AT_ONCE // RECEIVED

# Destination unreachable, time exceeded (RFC 792).
_ECHO_REPLY, _ERRORS = 0, (3, 11)
_HOST_UNREACHABLE = (3, 1)


class _Wire4(Wire):
    """IPv4: we make the whole packet, and see the whole answer. ``size``: of each packet that is sent."""

    def __init__(self, protocol: int, size: int) -> None:
        super().__init__()
        self._protocol = protocol
        self._sender = self._open(socket.AF_INET, _IPPROTO_RAW)
        # Only so the kernel says that it could not keep a packet (ENOBUFS).
        self._sender.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        make_room(self._sender)
        self._answers, self._errors = (self._open(socket.AF_INET, each) for each in (protocol, socket.IPPROTO_ICMP))
        for sock in self.listening:
            make_room(sock)
        _only_types(self._errors, _ERRORS)
        self._going = Outgoing(self._sender, size)
        self._coming, self._failing = Incoming(self._answers), Incoming(self._errors)
        self._sources: Dict[int, bytes] = {}
        self._own: Set[bytes] = set()

    @property
    def listening(self) -> Sequence[socket.socket]:
        return self._answers, self._errors

    def send(self, addresses: Sequence[int], question: int) -> Tuple[int, Optional[OSError]]:
        done = 0
        while done < len(addresses):
            some = addresses[done : done + SENT]
            try:
                source, count = self._source(some)
            except OSError as error:
                return done, error
            some = some[:count]
            packed = [address.to_bytes(4, "big") for address in some]
            self._fill(source, some, packed, question)
            sent, number = self._going.send(count)
            done += sent
            if number:
                return done, OSError(number, os.strerror(number))
        return done, None

    def _fill(self, source: bytes, addresses: Sequence[int], packed: Sequence[bytes], question: int) -> None:
        """Write a packet to each address, from one of ours, into the room of what is going."""
        raise NotImplementedError

    def heard(self) -> List[Heard]:
        found = list(self._known())
        for _ in range(_ROUNDS):
            count = self._failing.receive()
            for number in range(count):
                heard = self._error(*self._failing.whole(number))
                if heard is not None:
                    found.append(heard)
            if count < RECEIVED:
                break
        return found

    def _known(self) -> Iterator[Heard]:
        """What the answers say that have come."""
        raise NotImplementedError

    def _fields(self, shape: struct.Struct, size: int) -> Iterator[Tuple[Tuple[Any, ...], int]]:
        """Of each answer of at least so many bytes: what it says where it has no IP options, and when it came."""
        coming = self._coming
        for _ in range(_ROUNDS):
            count = coming.receive()
            for number, (fields, length, came) in enumerate(coming.packets(shape, count)):
                if fields[0] == _PLAIN:
                    if length >= size:
                        yield fields, came
                    continue
                data, _ = coming.whole(number)
                plain = data[:_HEADER] + data[(data[0] & 15) * 4 :]
                if len(plain) >= size:
                    yield shape.unpack(plain.ljust(SLOT, b"\0")), came
            if count < RECEIVED:
                return

    def _asked(self, packet: bytes, header: int, now: int) -> Optional[Tuple[int, float]]:
        """Of a quoted packet of ours: question, age; None where it is not ours."""
        raise NotImplementedError

    def _error(self, data: bytes, came: int) -> Optional[Heard]:
        outer = (data[0] & 15) * 4
        quoted = data[outer + 8 :]
        header = (quoted[0] & 15) * 4 if quoted else 0
        if len(quoted) < max(20, header) + 8 or quoted[9] != self._protocol:
            return None
        asked = self._asked(quoted, header, came or time.time_ns())
        if asked is None:
            return None
        question, age = asked
        sender, destination, said = data[12:16], quoted[16:20], (data[outer], data[outer + 1])
        address = int.from_bytes(destination, "big")
        if sender in self._own and sender != destination:
            # Nobody has answered our own kernel's ARP; all else is a rule of this machine.
            return None if said == _HOST_UNREACHABLE else (address, question, UNKNOWN, 0.0, 0, "", "")
        by, icmp = socket.inet_ntoa(sender), "%d/%d" % said
        return address, question, FILTERED, age if came else 0.0, 0, by, icmp

    def _source(self, addresses: Sequence[int]) -> Tuple[bytes, int]:
        """From which of our addresses, and for how many of these: for 256 neighbours it is the same.

        Raises OSError where there is no way.
        """
        address, last = addresses[0], addresses[-1]
        found = self._sources.get(address >> 8)
        if found is None:
            packed = address.to_bytes(4, "big")
            found = _source_to(packed)
            self._own.add(found)
            if found == packed:  # our own address is asked from itself
                return found, 1
            self._sources[address >> 8] = found
        if last >> 8 == address >> 8:
            return found, len(addresses)
        return found, sum(each >> 8 == address >> 8 for each in addresses)

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
        super().__init__(socket.IPPROTO_TCP, Syn4.size)
        self._port = self._own_port(socket.AF_INET)
        self._ports = Ports(order)
        self._templates: Dict[bytes, Syn4] = {}
        only(
            self._answers,
            Check(((SKIP_HEADER, 0), (HALF_BEHIND, 2)), (self._port,)),
            Check(((BYTE_BEHIND, 13), (AND, FLAGS)), (SYN_ACK, RST_ACK)),
        )
        self._only_errors(self._port, 0)

    def _fill(self, source: bytes, addresses: Sequence[int], packed: Sequence[bytes], question: int) -> None:
        if source not in self._templates:
            self._templates[source] = Syn4(source, self._port)
        cookies = self._ports.cookies[question].all(packed, time.time_ns())
        self._templates[source].fill(self._going.room, self._ports.port[question], addresses, cookies)

    def _known(self) -> Iterator[Heard]:
        numbers, cookies, ours = self._ports.number, self._ports.cookies, self._port
        for (_, ttl, packed, port, own, acknowledged, flags), came in self._fields(_ANSWER, _ANSWER_SIZE):
            question = numbers.get(port)
            if question is None or own != ours:
                continue
            age = cookies[question].age(packed, acknowledged - 1, came or time.time_ns())
            if age is not None:
                state = OPEN if flags & FLAGS == SYN_ACK else REFUSED
                yield int.from_bytes(packed, "big"), question, state, age if came else 0.0, ttl, "", ""

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
        super().__init__(socket.IPPROTO_ICMP, Echo4.size)
        self._question = echo_of(order)
        self._identifier = random_half()
        ours = secret()
        self._cookies, self._tags = Cookies(ours), Tags(ours)
        self._templates: Dict[bytes, Echo4] = {}
        _only_types(self._answers, (_ECHO_REPLY,))
        only(self._answers, Check(((SKIP_HEADER, 0), (HALF_BEHIND, 4)), (self._identifier,)))
        self._only_errors(self._identifier, 4)

    def _fill(self, source: bytes, addresses: Sequence[int], packed: Sequence[bytes], question: int) -> None:
        del question  # it is always the same
        if source not in self._templates:
            self._templates[source] = Echo4(source, self._identifier)
        cookies = self._cookies.all(packed, time.time_ns())
        self._templates[source].fill(self._going.room, addresses, self._tags.all(packed), cookies)

    def _known(self) -> Iterator[Heard]:
        question, age_of, ours = self._question, self._cookies.age, self._identifier
        for (_, ttl, packed, own, cookie), came in self._fields(_ECHOED, _ECHOED_SIZE):
            age = age_of(packed, cookie, came or time.time_ns()) if own == ours else None
            if age is not None:
                yield int.from_bytes(packed, "big"), question, ALIVE, age if came else 0.0, ttl, "", ""

    def _asked(self, packet: bytes, header: int, now: int) -> Optional[Tuple[int, float]]:
        carried = packet[header + 8 : header + 12]
        own, tag = struct.unpack_from(">HH", packet, header + 4)
        if own != self._identifier or tag != self._tags.of(packet[16:20]):
            return None
        if len(carried) < 4:  # no more must be quoted than the tag (RFC 792)
            return self._question, 0.0
        age = self._cookies.age(packet[16:20], int.from_bytes(carried, "big"), now)
        return None if age is None else (self._question, age)


def _only_types(sock: socket.socket, types: Sequence[int]) -> None:
    """Of ICMP only messages of these types (raw(7), ICMP_FILTER): others are not even copied, as for a BPF filter."""
    mask = 0xFFFFFFFF
    for number in types:
        mask ^= 1 << number
    sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", mask))


def _source_to(packed: bytes) -> bytes:
    """Whence this machine would speak to the address. Of UDP nothing is sent. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        number = sock.connect_ex((socket.inet_ntoa(packed), 9))
        if number:
            raise OSError(number, os.strerror(number))
        return socket.inet_aton(sock.getsockname()[0])
