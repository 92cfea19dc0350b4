"""Which engine asks which questions: the best that is allowed here, or the one that is asked for."""

import socket
from functools import partial
from typing import TYPE_CHECKING, Callable, List, Optional, Sequence, Tuple

from attrs import frozen

from probes.sweep.contract import Engine, Pace, Unable
from probes.sweep.near import Near, links_to, near_of
from reports.sweep import Order

if TYPE_CHECKING:
    from probes.sweep.wires import Wire

AUTO, CONNECT, SYN, ICMP, ARP = "auto", "connect", "syn", "icmp", "arp"
METHODS = (AUTO, CONNECT, SYN, ICMP, ARP)

# IPv6 networks are never enumerated: no range of theirs is larger.
_MOST_IN_A_ROW = 256

_LACKS_RAW = "raw sockets need CAP_NET_RAW, which this process lacks"


@frozen
class Part:
    """What one engine asks. ``in_crew``: whether several processes may share the work."""

    method: str
    questions: Tuple[int, ...]
    make: Callable[[Pace], Engine]
    in_crew: bool = True


@frozen
class Choice:
    """All of them, and why they, in words. ``near``: what our own kernel has to find on its links."""

    parts: Tuple[Part, ...]
    why: Tuple[str, ...]
    near: Near


def choose(order: Order, method: str = AUTO) -> Choice:
    """Choose for each kind of question. What is allowed is tried, whoever we are.

    Raises Unable where the order is none that may be carried out, or the method that is asked for cannot be had.
    """
    if method not in METHODS:
        raise Unable("there is no method %r; there are: %s" % (method, ", ".join(METHODS)))
    if order.addresses.version == 6 and any(count > _MOST_IN_A_ROW for _, count in order.addresses.ranges):
        raise Unable("an IPv6 network is not enumerated: name its addresses")
    ports = [question.port for question in order.questions if question.kind == "tcp"]
    if len(set(ports)) < len(ports):
        raise Unable("each port is asked once: %s" % ", ".join(map(str, ports)))
    near = near_of(order.addresses)
    parts: List[Part] = []
    why: List[str] = []
    fits = False
    for kind, pick in _KINDS:
        questions = tuple(number for number, question in enumerate(order.questions) if question.kind == kind)
        if not questions:
            continue
        forced = method if method in _METHODS_OF[kind] else ""
        fits = fits or bool(forced)
        part, reason = pick(order, questions, forced, near)
        if part is None and forced:
            raise Unable(reason)
        why.append(reason)
        parts.extend([part] if part is not None else [])
    if method != AUTO and not fits:
        asked = " and ".join(dict.fromkeys(question.kind for question in order.questions))
        raise Unable("method %s answers no question of kind %s" % (method, asked))
    return Choice(tuple(parts), tuple(why), near)


_Picked = Tuple[Optional[Part], str]


def _ports(order: Order, questions: Tuple[int, ...], forced: str, near: Near) -> _Picked:
    may = _may_open(order, socket.SOCK_RAW, socket.IPPROTO_TCP)
    if forced == SYN and not may:
        return None, "method syn: " + _LACKS_RAW
    if forced == CONNECT or not may:
        why = "connect, as asked for" if forced else "connect: " + _LACKS_RAW
        return Part(CONNECT, questions, lambda pace: _connect(order, pace, near)), why
    why = "syn, as asked for" if forced else "syn: this process may open raw sockets"
    return Part(SYN, questions, lambda pace: _syn(order, pace, near)), why


def _echoes(order: Order, questions: Tuple[int, ...], forced: str, near: Near) -> _Picked:
    protocol = socket.IPPROTO_ICMP if order.addresses.version == 4 else socket.IPPROTO_ICMPV6
    if _may_open(order, socket.SOCK_RAW, protocol):
        why = "icmp, as asked for" if forced else "icmp: this process may open raw sockets"
        return Part(ICMP, questions, lambda pace: _echo(order, pace, near)), why
    if _may_open(order, socket.SOCK_DGRAM, protocol):
        why = "icmp by ping sockets: " + _LACKS_RAW
        return Part(ICMP, questions, lambda pace: _ping(order, pace, near)), why
    lacks = _LACKS_RAW + ", and net.ipv4.ping_group_range does not admit it to ping sockets"
    return None, "no echo is sent: " + lacks


def neighbours(order: Order, question: int) -> Tuple[Optional[Callable[[], "Wire"]], str]:
    """What asks, with this question of the order, who is on this machine's links; nothing where none may. And why."""
    links = links_to(order.addresses)
    if not links:
        return None, "no ARP is sent: none of the addresses is on a link of this machine, and it passes no router"
    version = order.addresses.version
    if not (_may_open_packets() if version == 4 else _may_open(order, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)):
        return None, "no ARP is sent: " + _LACKS_RAW
    what = "ARP" if version == 4 else "neighbour discovery"

    def make() -> "Wire":
        from probes.sweep.arp import ArpWire, NdWire  # noqa: PLC0415 - start-up

        return (ArpWire if version == 4 else NdWire)(question, links)

    return make, "arp: the addresses are on this machine's link (%s)" % what


def _neighbours(order: Order, questions: Tuple[int, ...], forced: str, near: Near) -> _Picked:
    del near
    wire, why = neighbours(order, questions[0])
    if wire is None:
        return None, why
    return Part(ARP, questions, partial(_call, order, wire), in_crew=False), "arp, as asked for" if forced else why


_KINDS: Sequence[Tuple[str, Callable[[Order, Tuple[int, ...], str, Near], _Picked]]] = (
    ("tcp", _ports),
    ("echo", _echoes),
    ("arp", _neighbours),
)
_METHODS_OF = {"tcp": (CONNECT, SYN), "echo": (ICMP,), "arp": (ARP,)}


def _connect(order: Order, pace: Pace, near: Near) -> Engine:
    from probes.sweep.connect import Connect  # noqa: PLC0415 - start-up: what one engine needs another does not

    return Connect(order, pace, near)


def _syn(order: Order, pace: Pace, near: Near) -> Engine:
    from probes.sweep.raw import Raw  # noqa: PLC0415

    if order.addresses.version == 4:
        from probes.sweep.wires4 import Syn4Wire  # noqa: PLC0415

        return Raw(order, pace, Syn4Wire(order), near)
    from probes.sweep.wires6 import Syn6Wire  # noqa: PLC0415

    return Raw(order, pace, Syn6Wire(order), near)


def _echo(order: Order, pace: Pace, near: Near) -> Engine:
    from probes.sweep.raw import Raw  # noqa: PLC0415

    if order.addresses.version == 4:
        from probes.sweep.wires4 import Echo4Wire  # noqa: PLC0415

        return Raw(order, pace, Echo4Wire(order), near)
    from probes.sweep.wires6 import Echo6Wire  # noqa: PLC0415

    return Raw(order, pace, Echo6Wire(order), near)


def _ping(order: Order, pace: Pace, near: Near) -> Engine:
    from probes.sweep.ping import PingWire  # noqa: PLC0415
    from probes.sweep.raw import Raw  # noqa: PLC0415

    return Raw(order, pace, PingWire(order), near)


def _call(order: Order, wire: Callable[[], "Wire"], pace: Pace) -> Engine:
    from probes.sweep.raw import Raw  # noqa: PLC0415

    return Raw(order, pace, wire(), Near())


def _may_open(order: Order, kind: int, protocol: int) -> bool:
    family = socket.AF_INET if order.addresses.version == 4 else socket.AF_INET6
    return _opens(family, kind, protocol)


def _may_open_packets() -> bool:
    return _opens(socket.AF_PACKET, socket.SOCK_RAW, 0)


def _opens(family: int, kind: int, protocol: int) -> bool:
    try:
        socket.socket(family, kind | socket.SOCK_CLOEXEC, protocol).close()
    except OSError:
        return False
    return True
