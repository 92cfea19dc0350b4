"""What the kernel says of interfaces, addresses and routes, over rtnetlink: no privilege, no subprocess.

Source: include/uapi/linux/netlink.h, rtnetlink.h, if_link.h, if_addr.h. Numbers are host byte order.
"""

import errno
import os
import socket
import struct
from typing import Dict, FrozenSet, Iterator, List, Optional, Tuple

from attrs import field, frozen

_NLMSG_ERROR = 2
_NLMSG_DONE = 3
_NLM_F_REQUEST = 1
_NLM_F_DUMP = 0x300

_RTM_GETLINK, _RTM_NEWLINK = 18, 16
_RTM_GETADDR, _RTM_NEWADDR = 22, 20
_RTM_GETROUTE, _RTM_NEWROUTE = 26, 24

_IFLA_IFNAME, _IFLA_MTU, _IFLA_CARRIER = 3, 4, 33
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC = 1, 4, 5, 7
_RTM_F_FIB_MATCH = 0x2000

_RT_TABLE_MAIN = 254
_RTN_UNICAST = 1

_IFF_UP = 1
_IFF_LOOPBACK = 8

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDR = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")

IPV4 = socket.AF_INET
IPV6 = socket.AF_INET6

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

    ``cidr``: the matching route; ``default`` for the default one, "" where the kernel does not tell.
    """

    interface: str = ""
    gateway: str = ""
    source: str = ""
    cidr: str = ""
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
            raw = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
            if raw is not None:
                addresses.setdefault(index, []).append("%s/%d" % (socket.inet_ntop(family, raw), prefix))
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
            int.from_bytes(found.get(_IFLA_MTU, b"\0")[:4], "little"),
            tuple(addresses.get(index, ())),
        )
    return Links(interfaces)


def route_to(address: str, known: Links) -> Route:
    """What this machine would do with a packet to the address (``ip route get``). Raises OSError without rtnetlink."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        way = _route(family, address, known, 0)
    except OSError as error:
        if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EINVAL):
            return Route(errno=error.errno)
        raise
    try:
        matched = _route(family, address, known, _RTM_F_FIB_MATCH)
    except OSError:  # kernels before 4.13 do not tell which route matched
        return way
    return Route(way.interface, way.gateway, way.source, matched.cidr)


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


def _route(family: int, address: str, known: Links, flags: int) -> Route:
    raw = socket.inet_pton(family, address.partition("%")[0])
    destination = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(raw), _RTA_DST) + raw
    request = _ROUTE.pack(family, len(raw) * 8, 0, 0, 0, 0, 0, 0, flags) + destination
    for kind, body in _ask(_RTM_GETROUTE, request, 0):
        if kind != _RTM_NEWROUTE:
            continue
        prefix = _ROUTE.unpack_from(body)[1]
        found = dict(_attributes(body[_ROUTE.size :]))
        index = int.from_bytes(found.get(_RTA_OIF, b""), "little")
        interface = known.by_index.get(index)
        return Route(
            interface.name if interface is not None else "",
            _text(family, found.get(_RTA_GATEWAY)),
            _text(family, found.get(_RTA_PREFSRC)),
            "default" if prefix == 0 else "%s/%d" % (_text(family, found.get(_RTA_DST)), prefix),
        )
    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


def _text(family: int, raw: Optional[bytes]) -> str:
    try:
        return socket.inet_ntop(family, raw) if raw else ""
    except (ValueError, OSError):  # a gateway of the other family
        return ""


def _ask(kind: int, body: bytes, flags: int) -> Iterator[Tuple[int, bytes]]:
    """The kernel's answers to one request: (message type, body)."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as sock:
        sock.settimeout(_SECONDS)
        sock.send(_HEADER.pack(_HEADER.size + len(body), kind, _NLM_F_REQUEST | flags, 1, 0) + body)
        while True:
            data = sock.recv(_BUFFER)
            while len(data) >= _HEADER.size:
                length, answer, _, _, _ = _HEADER.unpack_from(data)
                payload = data[_HEADER.size : length]
                data = data[(length + 3) & ~3 :]
                if answer == _NLMSG_DONE:
                    return
                if answer == _NLMSG_ERROR:
                    number = -struct.unpack_from("=i", payload)[0]
                    if number:
                        raise OSError(number, os.strerror(number))
                    return
                yield answer, payload
            if not flags & _NLM_F_DUMP:
                return


def _attributes(data: bytes) -> Iterator[Tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, data[_ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]
