"""What the kernel says of interfaces, addresses, routes and policy rules, over rtnetlink: no privilege, no subprocess.

Source: include/uapi/linux/netlink.h, rtnetlink.h, if_link.h, if_addr.h, fib_rules.h. Numbers are host byte order.
pyroute2 would read the same, and does not travel in the carry-in kit: so that one reader serves hosts and jobs, this
one asks for the few things that are needed.
"""

import errno
import os
import socket
import struct
import sys
from typing import Dict, FrozenSet, Iterator, List, Optional, Tuple

from attrs import evolve, field, frozen

from probes.policy import LOOKUP, PolicyRule

_NLMSG_ERROR = 2
_NLMSG_DONE = 3
_NLM_F_REQUEST = 1
_NLM_F_DUMP = 0x300

_RTM_GETLINK, _RTM_NEWLINK = 18, 16
_RTM_GETADDR, _RTM_NEWADDR = 22, 20
_RTM_GETROUTE, _RTM_NEWROUTE = 26, 24
_RTM_GETRULE, _RTM_NEWRULE = 34, 32

_IFLA_IFNAME, _IFLA_MTU, _IFLA_CARRIER = 3, 4, 33
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_SRC, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC, _RTA_TABLE = 1, 2, 4, 5, 7, 15
_RTM_F_LOOKUP_TABLE, _RTM_F_FIB_MATCH = 0x1000, 0x2000

_FRA_DST, _FRA_SRC, _FRA_IIF, _FRA_PRIORITY, _FRA_MARK, _FRA_TABLE, _FRA_MASK, _FRA_OIF = 1, 2, 3, 6, 10, 15, 16, 17
_FRA_L3MDEV, _FRA_UIDS, _FRA_PROTOCOL, _FRA_SOURCE_PORTS, _FRA_PORTS = 19, 20, 22, 23, 24
_RULE_INVERT = 2
# FR_ACT_*; as ip-rule(8) calls them
_ACTIONS = {1: LOOKUP, 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}

_RT_TABLE_MAIN = 254
_RTN_UNICAST = 1
# The errno of a route of the kind (fib_props): blackhole, unreachable, prohibit.
_REJECTING = {6: errno.EINVAL, 7: errno.EHOSTUNREACH, 8: errno.EACCES}

_IFF_UP = 1
_IFF_LOOPBACK = 8

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDR = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_UIDS, _PORTS = struct.Struct("=II"), struct.Struct("=HH")

IPV4 = socket.AF_INET
IPV6 = socket.AF_INET6

# How long the body of a message is at least.
_LEAST = {
    _NLMSG_ERROR: 4,
    _RTM_NEWLINK: _LINK.size,
    _RTM_NEWADDR: _ADDR.size,
    _RTM_NEWROUTE: _ROUTE.size,
    _RTM_NEWRULE: _ROUTE.size,
}

_MAX_ERRNO = 4095  # include/linux/err.h
_BUFFER = 1 << 18
_SECONDS = 2.0


@frozen
class Interface:
    """A network interface; ``addresses`` are ``ip/prefix``. ``carrier`` is None where the kernel does not say."""

    name: str
    up: bool
    carrier: Optional[bool]
    loopback: bool
    mtu: int
    addresses: Tuple[str, ...]


@frozen
class Route:
    """What the kernel would do with a packet to an address. ``errno`` is not 0 where it would refuse.

    ``cidr``: the matching route; ``default`` for the default one, "" where the kernel does not tell. ``table``: where
    it stands; 0 where that is not told.
    """

    interface: str = ""
    gateway: str = ""
    source: str = ""
    cidr: str = ""
    table: int = 0
    errno: int = 0


@frozen
class Links:
    """The interfaces by index."""

    by_index: Dict[int, Interface] = field(factory=dict)

    @property
    def interfaces(self) -> Tuple[Interface, ...]:
        """All of them, in the kernel's order."""
        return tuple(self.by_index[index] for index in sorted(self.by_index))


def links() -> Links:
    """The interfaces with their addresses. Raises OSError where rtnetlink is not to be had."""
    addresses: Dict[int, List[str]] = {}
    for kind, body in _ask(_RTM_GETADDR, _ADDR.pack(0, 0, 0, 0, 0), _NLM_F_DUMP):
        if kind == _RTM_NEWADDR:
            family, prefix, _, _, index = _ADDR.unpack_from(body)
            found = dict(_attributes(body[_ADDR.size :]))
            address = _text(family, found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS))
            if address:
                addresses.setdefault(index, []).append("%s/%d" % (address, prefix))
    interfaces: Dict[int, Interface] = {}
    for kind, body in _ask(_RTM_GETLINK, _LINK.pack(0, 0, 0, 0, 0), _NLM_F_DUMP):
        if kind != _RTM_NEWLINK:
            continue
        _, _, index, flags, _ = _LINK.unpack_from(body)
        found = dict(_attributes(body[_LINK.size :]))
        carrier = found.get(_IFLA_CARRIER)
        interfaces[index] = Interface(
            found.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode("ascii", "replace"),
            bool(flags & _IFF_UP),
            bool(carrier[0]) if carrier else None,
            bool(flags & _IFF_LOOPBACK),
            _number(found.get(_IFLA_MTU)),
            tuple(addresses.get(index, ())),
        )
    return Links(interfaces)


def route_to(address: str, known: Links) -> Route:
    """What this machine would do with a packet to the address (``ip route get``). Raises OSError without rtnetlink."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    source = ""
    try:
        # As connect(2) does it: the first look-up chooses the source, and policy rules may go by that in the second.
        source = _route(family, address, known, 0).source
        way = _route(family, address, known, 0, source)
    except OSError as error:
        if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EINVAL):
            return evolve(_rejecting(family, address, error.errno), source=source)
        raise
    try:
        matched = _route(family, address, known, _RTM_F_FIB_MATCH | _RTM_F_LOOKUP_TABLE, source)
    except OSError:  # kernels before 4.13 do not tell which route matched
        return Route(way.interface, way.gateway, source)
    return Route(way.interface, way.gateway, source, matched.cidr, matched.table)


def rules() -> Tuple[PolicyRule, ...]:
    """The policy rules of both families. Raises OSError where rtnetlink is not to be had."""
    found = []
    for kind, body in _ask(_RTM_GETRULE, _ROUTE.pack(0, 0, 0, 0, 0, 0, 0, 0, 0), _NLM_F_DUMP):
        if kind == _RTM_NEWRULE and body[0] in (socket.AF_INET, socket.AF_INET6):
            found.append(_rule(body))
    return tuple(found)


def default_routes() -> FrozenSet[int]:
    """The address families for which the main table has a default route that is no refusal."""
    found = set()
    for family in (socket.AF_INET, socket.AF_INET6):
        for kind, body in _ask(_RTM_GETROUTE, _ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0), _NLM_F_DUMP):
            if kind == _RTM_NEWROUTE:
                of, prefix, _, _, table, _, _, route_type, _ = _ROUTE.unpack_from(body)
                if of == family and not prefix and table == _RT_TABLE_MAIN and route_type == _RTN_UNICAST:
                    found.add(family)
    return frozenset(found)


def _route(family: int, address: str, known: Links, flags: int, source: str = "") -> Route:
    destination = _address(family, address)
    request = _ROUTE.pack(family, len(destination) * 8, 0, 0, 0, 0, 0, 0, flags) + _attribute(_RTA_DST, destination)
    if source:
        request += _attribute(_RTA_SRC, _address(family, source))
    for kind, body in _ask(_RTM_GETROUTE, request, 0):
        if kind != _RTM_NEWROUTE:
            continue
        found = dict(_attributes(body[_ROUTE.size :]))
        interface = known.by_index.get(_number(found.get(_RTA_OIF)))
        return Route(
            interface.name if interface is not None else "",
            _text(family, found.get(_RTA_GATEWAY)),
            _text(family, found.get(_RTA_PREFSRC)),
            _cidr(family, found.get(_RTA_DST), body[1]) or "default",
            _table(body, found),
        )
    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


def _rejecting(family: int, address: str, refusal: int) -> Route:
    """The narrowest route to the address that refuses with this errno, where there is one."""
    raw, narrowest, best = int.from_bytes(_address(family, address), "big"), -1, Route(errno=refusal)
    if refusal not in _REJECTING.values():
        return best
    for kind, body in _ask(_RTM_GETROUTE, _ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0), _NLM_F_DUMP):
        if kind != _RTM_NEWROUTE or _REJECTING.get(body[7]) != refusal or body[1] <= narrowest:
            continue
        found = dict(_attributes(body[_ROUTE.size :]))
        beyond = (128 if family == socket.AF_INET6 else 32) - body[1]
        if beyond < 0:
            raise _strange()
        if raw >> beyond == int.from_bytes(found.get(_RTA_DST, b""), "big") >> beyond:
            narrowest = body[1]
            cidr = _cidr(family, found.get(_RTA_DST), narrowest) or "default"
            best = Route(cidr=cidr, table=_table(body, found), errno=refusal)
    return best


def _rule(body: bytes) -> PolicyRule:
    family, to_length, from_length, tos, table, _, _, action, flags = _ROUTE.unpack_from(body)
    found = dict(_attributes(body[_ROUTE.size :]))
    incoming, outgoing = (found.get(key, b"").rstrip(b"\0").decode("ascii", "replace") for key in (_FRA_IIF, _FRA_OIF))
    mark, mask = _number(found.get(_FRA_MARK)), _number(found.get(_FRA_MASK))
    selectors = {
        "tos": "0x%02x" % tos if tos else "",
        "fwmark": "0x%x/0x%x" % (mark, mask) if mask else "",
        "iif": incoming,
        "oif": outgoing,
        "l3mdev": "on" if _FRA_L3MDEV in found else "",
        "uidrange": _range(_UIDS, found.get(_FRA_UIDS)),
        "ipproto": str(found[_FRA_PROTOCOL][0]) if found.get(_FRA_PROTOCOL) else "",
        "sport": _range(_PORTS, found.get(_FRA_SOURCE_PORTS)),
        "dport": _range(_PORTS, found.get(_FRA_PORTS)),
    }
    return PolicyRule(
        priority=_number(found.get(_FRA_PRIORITY)),
        version=6 if family == socket.AF_INET6 else 4,
        source=_cidr(family, found.get(_FRA_SRC), from_length),
        destination=_cidr(family, found.get(_FRA_DST), to_length),
        selectors=" ".join("%s %s" % entry for entry in selectors.items() if entry[1]),
        action=_ACTIONS.get(action, str(action)),
        table=_number(found.get(_FRA_TABLE)) or table,
        foreign=bool(mark) or incoming not in ("", "lo") or bool(outgoing) or _FRA_L3MDEV in found,
        inverted=bool(flags & _RULE_INVERT),
    )


def _range(shape: struct.Struct, raw: Optional[bytes]) -> str:
    return "%d-%d" % shape.unpack_from(raw) if raw is not None and len(raw) >= shape.size else ""


def _table(body: bytes, found: Dict[int, bytes]) -> int:
    return _number(found.get(_RTA_TABLE)) or body[4]


def _cidr(family: int, raw: Optional[bytes], prefix: int) -> str:
    """The network; "" for all addresses."""
    return "%s/%d" % (_text(family, raw), prefix) if prefix and raw else ""


def _address(family: int, address: str) -> bytes:
    return socket.inet_pton(family, address.partition("%")[0])


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value


def _number(raw: Optional[bytes]) -> int:
    return int.from_bytes((raw or b"")[:4], sys.byteorder)


def _text(family: int, raw: Optional[bytes]) -> str:
    try:
        return socket.inet_ntop(family, raw) if raw else ""
    except (ValueError, OSError):  # a gateway of the other family
        return ""


def _ask(kind: int, body: bytes, flags: int) -> Iterator[Tuple[int, bytes]]:
    """The kernel's answers to one request: (message type, body). Raises OSError."""
    with _opened() as sock:
        sock.settimeout(_SECONDS)
        sock.send(_HEADER.pack(_HEADER.size + len(body), kind, _NLM_F_REQUEST | flags, 1, 0) + body)
        while True:
            data = sock.recv(_BUFFER)
            if len(data) < _HEADER.size:
                raise _strange()
            while len(data) >= _HEADER.size:
                length, answer, _, _, _ = _HEADER.unpack_from(data)
                if length < _HEADER.size + _LEAST.get(answer, 0) or length > len(data):
                    raise _strange()
                payload = data[_HEADER.size : length]
                data = data[(length + 3) & ~3 :]
                if answer == _NLMSG_DONE:
                    return
                if answer == _NLMSG_ERROR:
                    number = -struct.unpack_from("=i", payload)[0]
                    if not 0 <= number <= _MAX_ERRNO:
                        raise _strange()
                    if number:
                        raise OSError(number, os.strerror(number))
                    return
                yield answer, payload
            if not flags & _NLM_F_DUMP:
                return


def _opened() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)


def _strange() -> OSError:
    """What came is no message, or no whole one."""
    return OSError(errno.EBADMSG, os.strerror(errno.EBADMSG))


def _attributes(data: bytes) -> Iterator[Tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, data[_ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]
