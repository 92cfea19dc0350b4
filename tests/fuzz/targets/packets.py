"""Frames and packets as a sweep's sockets give them, what the kernel says of sockets, and the crew's pipe.

What answers to us carries our cookie, which nobody can guess: a bit of the first byte puts the true one in its place.
"""

import contextlib
import itertools
import socket
import struct
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from probes import datagrams, kernel
from probes.sweep import arp, crew, wires4, wires6
from probes.sweep.contract import Pace
from probes.sweep.many import Incoming
from probes.sweep.near import Link
from probes.sweep.packets import Cookies, Tags
from reports.sweep import Answer, Batch
from tests.fuzz.engine import Opening, Target

_LONGEST = 300
_SECRET = bytes(range(16))
_IDENTIFIER, _PORT, _OWN_PORT = 0x4242, 9083, 40000
_HOST, _HOST6 = bytes((10, 10, 2, 30)), bytes.fromhex("20010db8000000000000000000000030")

_IP = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 63, 6, 0, _HOST, bytes((10, 10, 1, 10)))
_SYN_ACK = struct.pack(">HHIIBBHHH", _PORT, _OWN_PORT, 7, 1, 0x50, 0x12, 64240, 0, 0)
_SYN = struct.pack(">HHI", _OWN_PORT, _PORT, 0)
_QUOTED = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 44, 0, 0, 1, 6, 0, bytes((10, 10, 1, 10)), _HOST) + _SYN
_QUOTED_ECHO = _QUOTED[:9] + b"\1" + _QUOTED[10:20] + struct.pack(">BBHHHI", 8, 0, 0, _IDENTIFIER, 0, 0)
_UNREACHABLE = struct.pack(">BBHI", 3, 13, 0, 0)
_REPLY = struct.pack(">BBHHHI", 0, 0, 0, _IDENTIFIER, 1, 0)
_QUOTED6 = struct.pack(">IHBB", 0x60000000, 24, 6, 1) + bytes(16) + _HOST6

# Where in a packet a cookie, one more than it, and the tag of an echo belong.
_Put = tuple[int, str]


def _wire(kind: type, **own: object) -> Any:
    """A wire without its sockets: what it knows answers by."""
    wire = kind.__new__(kind)
    for name, value in own.items():
        setattr(wire, name, value)
    return wire


def _ports() -> Any:
    cookies = Cookies(_SECRET, _PORT.to_bytes(2, "big"))
    return SimpleNamespace(number={_PORT: 0}, port={0: _PORT}, cookies={0: cookies})


def _reader(
    known: Callable[[bytes], list[Any]], puts: tuple[_Put, ...], host: bytes, about: bytes
) -> Callable[[bytes], Hashable]:
    cookies, tag = Cookies(_SECRET, about), Tags(_SECRET).of(host)

    def read(data: bytes) -> Hashable:
        true, packet = data[:1] < b"\x80", bytearray(data[1:])
        cookie = cookies.make(host, time.time_ns())
        numbers = {"cookie": cookie, "more": (cookie + 1) & 0xFFFFFFFF, "tag": tag}
        for place, what in puts if true else ():
            width = 2 if what == "tag" else 4
            if len(packet) >= place + width:
                packet[place : place + width] = numbers[what].to_bytes(width, "big")
        return frozenset(_judged(heard) for heard in known(bytes(packet)))

    return read


def _judged(heard: Any) -> Hashable:
    address, question, state, age, ttl, by, icmp = heard
    assert 0 <= address < 1 << 128
    assert (type(question), type(state), type(ttl)) == (int, str, int)
    assert age >= 0
    assert len(by) < 50
    assert len(icmp) < 8
    return state, bool(by), bool(age)


def _packets(
    known: Callable[[contextlib.ExitStack], Callable[[bytes], list[Any]]],
    seeds: list[bytes],
    *puts: _Put,
    host: bytes = _HOST,
    about: bytes = b"",
) -> Opening:
    @contextmanager
    def opened() -> Iterator[Target]:
        with contextlib.ExitStack() as stack:
            read = _reader(known(stack), puts, host, about)
            yield Target(read=read, seeds=[b"\0" + seed for seed in seeds], longest=_LONGEST)

    return opened


def _over4(
    make: Callable[[], Any], *, error: bool = False
) -> Callable[[contextlib.ExitStack], Callable[[bytes], list[Any]]]:
    """Over IPv4 the whole packet comes, here through a pair of sockets in place of raw ones."""

    def known(stack: contextlib.ExitStack) -> Callable[[bytes], list[Any]]:
        wire, pairs = make(), [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
        for sock in itertools.chain(*pairs):
            stack.enter_context(sock).setblocking(False)
        (wire._answers, _), (wire._errors, _) = pairs
        wire._coming, wire._failing = Incoming(wire._answers), Incoming(wire._errors)

        def read(packet: bytes) -> list[Any]:
            # The kernel gives no packet without a whole header (ip_rcv).
            if len(packet) >= 20 and packet[0] >> 4 == 4 and 5 <= packet[0] & 15 <= len(packet) // 4:
                pairs[error][1].send(packet)
            return list(wire.heard())

        return read

    return known


def _over6(make: Callable[[], Any], method: str) -> Callable[[contextlib.ExitStack], Callable[[bytes], list[Any]]]:
    """Over IPv6 what is behind the header, and the sender beside it."""

    def known(_: contextlib.ExitStack) -> Callable[[bytes], list[Any]]:
        read = getattr(make(), method)
        return lambda data: [heard for heard in (read(data, _HOST6, time.time_ns(), 64),) if heard is not None]

    return known


def _syn4() -> Any:
    return _wire(wires4.Syn4Wire, _port=_OWN_PORT, _ports=_ports(), _own={b"\x0a\x0a\1\x0a"}, _protocol=6)


def _echo4() -> Any:
    own = {"_identifier": _IDENTIFIER, "_cookies": Cookies(_SECRET), "_tags": Tags(_SECRET), "_question": 0}
    return _wire(wires4.Echo4Wire, _own={b"\x0a\x0a\1\x0a"}, _protocol=1, **own)


def _syn6() -> Any:
    return _wire(wires6.Syn6Wire, _port=_OWN_PORT, _ports=_ports(), _protocol=6)


def _echo6() -> Any:
    own = {"_identifier": _IDENTIFIER, "_cookies": Cookies(_SECRET), "_question": 0}
    return _wire(wires6.Echo6Wire, _protocol=58, **own)


@contextmanager
def _neighbours(
    kind: type, host: bytes, controls: list[tuple[int, int, bytes]], seeds: list[bytes]
) -> Iterator[Target]:
    link = Link("eth1", 2, b"\2\0\0\0\0\1", (b"\x0a\x0a\2\1",), 0, (1 << 128) - 1)

    def read(data: bytes) -> Hashable:
        wire = _wire(
            kind,
            _question=0,
            _links=[link],
            _own={},
            _asked={int.from_bytes(host, "big"): time.time_ns()},
            _answered={},
        )
        wire._ready, wire._sockets = [], []
        for place in range(0, len(data), 128):
            wire._read(data[place : place + 128], controls)
        ready = wire.heard()
        assert all(len(by) in (0, 17) for *_, by, _ in ready)
        return bool(ready)

    yield Target(read=read, seeds=seeds)


@contextmanager
def _error_queue() -> Iterator[Target]:
    """What recvmsg gives of the error queue: the control message's data."""

    def read(data: bytes) -> Hashable:
        sock = SimpleNamespace(recvmsg=lambda *_: (data[:64], [(0, kernel.IP_RECVERR, data), (41, 25, data)], 0, None))
        error = kernel.icmp_error(sock)
        if error is None:
            return None
        return kernel.failure_of(error.errno, error), bool(error.sender), error.local

    head = struct.pack("=IBBBBII", 113, 2, 3, 13, 0, 0, 0)
    ipv4 = struct.pack("=H2s4s8x", 2, b"\0\0", _HOST)
    ipv6 = struct.pack("=H6s16s4x", 10, bytes(6), _HOST6)
    yield Target(read=read, seeds=[head + ipv4, head + ipv6, head])


@contextmanager
def _echoes() -> Iterator[Target]:
    """Datagrams that may be answers to ours: the token is put where the first byte says."""
    (method,) = (one for one in datagrams.methods("10.0.0.1") if one.name == "udp")
    kind, messages = method.of_sizes([100, 200])
    token = messages[0][:8]

    def read(data: bytes) -> Hashable:
        place = data[0] if data else 0
        found = kind.index_of(data[1 : 1 + place] + token + data[1 + place :])
        assert found is None or 0 <= found < 1 << 16
        return found is None

    yield Target(read=read, seeds=[b"\0\0\0", b"\4abcd\0\1xyz"])


@contextmanager
def _pipe() -> Iterator[Target]:
    """What other processes of the crew say, in pieces as a pipe cuts them: the same as in one piece."""
    batches = (
        Batch([Answer(0, "o", 0.5, 64, "", ""), Answer(3, "f", 0.0, 0, "10.0.0.1", "3/13")], [1, 2], [5]),
        Batch([], [], []),
        Batch([Answer(7, "r", 0.25, 63, "", "")], [], [9] * 40),
    )
    said = b"".join(crew._FRAME.pack(b"b", len(body)) + body for body in (crew._packed(one, 7) for one in batches))
    wanted = [crew._unpacked(crew._packed(one, 7))[0] for one in batches]

    def plain(batch: Batch) -> tuple[list[Answer], list[int], list[int]]:
        return list(batch.answers), list(batch.silent), list(batch.unknown)

    def read(data: bytes) -> Hashable:
        team = crew.Crew(make=lambda _: None, feed=None, known=None, count=1)
        pace, buffer, heard, place, cuts = Pace(0), bytearray(), [], 0, iter(data)
        while place < len(said):
            end = place + max(1, next(cuts, 1))
            buffer += said[place:end]
            heard += team._frames(buffer, pace)
            place = end
        assert [plain(one) for one in wanted] == [plain(one) for one in heard]
        assert pace.sent == 7 * len(batches)
        return None

    yield Target(read=read, seeds=[b"\x01" * 20, bytes(range(50)), b"\xff"], longest=400)


_ABOUT = _PORT.to_bytes(2, "big")
_MORE4 = bytes((0x46,)) + _IP[1:] + b"\1\1\1\0"
_ND = struct.pack(">BBHI", 136, 0, 0, 0x60000000) + _HOST6 + b"\2\1\2\0\0\0\0\x30"
_HOPS = [(41, 52, struct.pack("=i", 255))]
_ARP_REPLY = bytes(20) + b"\0\2" + b"\2\0\0\0\0\x30" + _HOST + b"\2\0\0\0\0\1" + bytes((10, 10, 2, 1))

TARGETS: Mapping[str, Opening] = {
    "packet-syn-ack": _packets(_over4(_syn4), [_IP + _SYN_ACK, _MORE4 + _SYN_ACK], (28, "more"), about=_ABOUT),
    "packet-icmp-of-syn": _packets(
        _over4(_syn4, error=True), [_IP + _UNREACHABLE + _QUOTED], (52, "cookie"), about=_ABOUT
    ),
    "packet-echo-reply": _packets(_over4(_echo4), [_IP + _REPLY, _MORE4 + _REPLY], (28, "cookie")),
    "packet-icmp-of-echo": _packets(
        _over4(_echo4, error=True),
        [_IP + _UNREACHABLE + _QUOTED_ECHO, _IP + _UNREACHABLE + _QUOTED_ECHO[:-4]],
        *((54, "tag"), (56, "cookie")),
    ),
    "packet6-syn-ack": _packets(_over6(_syn6, "_answer"), [_SYN_ACK], (8, "more"), host=_HOST6, about=_ABOUT),
    "packet6-icmp-of-syn": _packets(
        _over6(_syn6, "_error"),
        [bytes((1, 1)) + bytes(6) + _QUOTED6 + _SYN],
        (52, "cookie"),
        host=_HOST6,
        about=_ABOUT,
    ),
    "packet6-echo-reply": _packets(_over6(_echo6, "_answer"), [b"\x81" + _REPLY[1:]], (8, "cookie"), host=_HOST6),
    "packet6-icmp-of-echo": _packets(
        _over6(_echo6, "_error"),
        [bytes((1, 3)) + bytes(6) + _QUOTED6[:6] + b"\x3a" + _QUOTED6[7:] + b"\x80" + _REPLY[1:]],
        (56, "cookie"),
        host=_HOST6,
    ),
    "packet-arp": lambda: _neighbours(arp.ArpWire, _HOST, [], [_ARP_REPLY]),
    "packet6-neighbour": lambda: _neighbours(arp.NdWire, _HOST6, _HOPS, [_ND]),
    "error-queue": _error_queue,
    "datagrams": _echoes,
    "crew-pipe": _pipe,
}
