"""Interfaces and ways where rtnetlink is forbidden: by ioctl and by connecting UDP sockets, which sends nothing.

It knows less: the interfaces that have an IPv4 address, and of a way only its interface and source. Source:
netdevice(7), include/uapi/linux/sockios.h.
"""

import errno
import fcntl
import socket
import struct
from array import array
from typing import Dict, FrozenSet, Iterator, List, Tuple

from probes.netlink import Interface, Links, Route

_SIOCGIFCONF, _SIOCGIFFLAGS, _SIOCGIFNETMASK, _SIOCGIFMTU = 0x8912, 0x8913, 0x891B, 0x8921
_SIOCGIFHWADDR = 0x8927
_IFF_UP, _IFF_LOOPBACK, _IFF_RUNNING, _IFF_NOARP = 0x1, 0x8, 0x40, 0x80

# struct ifreq: a name of 16 bytes, then a union of 24.
_REQUEST = struct.Struct("16s24s")
_MOST_INTERFACES = 256

# Addresses of nobody (RFC 7600, RFC 3849): only a default route leads there.
_NOWHERE = ((socket.AF_INET, "192.0.0.8"), (socket.AF_INET6, "2001:db8::8"))
_PORT = 9

_REFUSALS = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EINVAL, errno.EADDRNOTAVAIL)


def links() -> Links:
    """The interfaces that have an IPv4 address. Raises OSError where not even that is told."""
    addresses: Dict[str, List[str]] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        for name, address in _addresses(sock):
            mask = _ioctl(sock, _SIOCGIFNETMASK, name)[4:8]
            prefix = bin(int.from_bytes(mask, "big")).count("1")
            addresses.setdefault(name.partition(":")[0], []).append("%s/%d" % (address, prefix))
        found = [_interface(sock, name, tuple(listed)) for name, listed in addresses.items()]
    return Links(dict(enumerate(found)))


def route_to(address: str, known: Links) -> Route:
    """Interface and source of the way to the address, or the errno by which this machine refuses."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    number, source = _connect(family, address)
    if number:
        return Route(errno=number)
    names = [
        interface.name
        for interface in known.interfaces
        if source in (own.partition("/")[0] for own in interface.addresses)
    ]
    return Route(interface=names[0] if names else "", source=source)


def default_routes() -> FrozenSet[int]:
    """The address families that have a way to anywhere."""
    return frozenset(family for family, nowhere in _NOWHERE if not _connect(family, nowhere)[0])


def hardware_address(name: str) -> bytes:
    """An interface's own, six bytes on Ethernet; nothing where it has none. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        return _ioctl(sock, _SIOCGIFHWADDR, name)[2:8]


def finds_neighbours(name: str) -> bool:
    """Whether neighbours are looked for on the interface: a tunnel has none. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        flags = struct.unpack_from("H", _ioctl(sock, _SIOCGIFFLAGS, name))[0]
        return not flags & (_IFF_NOARP | _IFF_LOOPBACK)


def _connect(family: int, address: str) -> Tuple[int, str]:
    """The errno of connecting a UDP socket, and its source address. Raises OSError for what is no answer."""
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        number = sock.connect_ex((address, _PORT))
        if number and number not in _REFUSALS:
            raise OSError(number, "connect")
        return number, "" if number else str(sock.getsockname()[0])


def _addresses(sock: socket.socket) -> Iterator[Tuple[str, str]]:
    """(interface or alias, IPv4 address), one after the other."""
    buffer = array("B", bytes(_MOST_INTERFACES * _REQUEST.size))
    # struct ifconf: the buffer's size, then its address.
    conf = struct.pack("iP", len(buffer), buffer.buffer_info()[0])
    length = struct.unpack_from("i", fcntl.ioctl(sock, _SIOCGIFCONF, conf))[0]
    for start in range(0, length, _REQUEST.size):
        name, rest = _REQUEST.unpack_from(buffer, start)
        yield name.rstrip(b"\0").decode("ascii", "replace"), socket.inet_ntoa(rest[4:8])


def _interface(sock: socket.socket, name: str, addresses: Tuple[str, ...]) -> Interface:
    flags = struct.unpack_from("H", _ioctl(sock, _SIOCGIFFLAGS, name))[0]
    up = bool(flags & _IFF_UP)
    return Interface(
        name,
        up,
        bool(flags & _IFF_RUNNING) if up else None,
        bool(flags & _IFF_LOOPBACK),
        struct.unpack_from("i", _ioctl(sock, _SIOCGIFMTU, name))[0],
        addresses,
    )


def _ioctl(sock: socket.socket, request: int, name: str) -> bytes:
    """The union of the ifreq that the kernel gives back."""
    answer = fcntl.ioctl(sock, request, _REQUEST.pack(name.encode(), b""))
    return answer[16:]
