"""Where this machine stands towards the addresses of an order: which of them are on its own links."""

import ipaddress
import socket
from typing import List, Optional, Sequence, Tuple

from attrs import frozen

from probes import netdevice, netlink
from probes.netlink import Links
from reports.sweep import Addresses, text_of

# Of so many ranges the kernel is asked for the way.
_MOST_RANGES = 64


@frozen
class Link:
    """A link with addresses of ours: all from the ``first`` to the ``last`` are on it. Packed are ``own`` and MAC."""

    interface: str
    index: int
    hardware: bytes
    own: Tuple[bytes, ...]
    first: int
    last: int


def links_to(addresses: Addresses) -> List[Link]:
    """The links on which there are some of these."""
    found = []
    for interface in _known().interfaces:
        if not (interface.up and _finds_neighbours(interface.name)):
            continue
        ours = [ipaddress.ip_interface(text) for text in interface.addresses]
        ours = [each for each in ours if each.version == addresses.version]
        for network in {each.network for each in ours}:
            first, last = int(network[0]), int(network[-1])
            if first < last and _overlap(addresses, first, last):
                # What we speak from is in the network that we speak to.
                own = sorted(ours, key=lambda each: each.network != network)
                packed = tuple(each.ip.packed for each in own)
                index, hardware = socket.if_nametoindex(interface.name), netdevice.hardware_address(interface.name)
                found.append(Link(interface.name, index, hardware, packed, first, last))
    return found


def on_links(addresses: Addresses) -> Addresses:
    """Those of these that are on a link of this machine."""
    kind = ipaddress.IPv4Address if addresses.version == 4 else ipaddress.IPv6Address
    ends = (
        (max(first, link.first), min(first + count - 1, link.last))
        for link in links_to(addresses)
        for first, count in addresses.ranges
    )
    parts = [
        str(part)
        for first, last in ends
        if first <= last
        for part in ipaddress.summarize_address_range(kind(first), kind(last))
    ]
    return Addresses.of(*parts) if parts else Addresses(addresses.version, ())


@frozen
class Near:
    """Which addresses our own kernel has to find on a link before it can send to them: from the first to the last."""

    ranges: Tuple[Tuple[int, int], ...] = ()

    def any(self, first: int, last: int) -> bool:
        """Whether there are some between these."""
        return any(start <= last and first <= end for start, end in self.ranges)

    def count(self, addresses: Addresses) -> int:
        """How many of these there are."""
        return sum(
            max(0, min(end, first + count - 1) - max(start, first) + 1)
            for start, end in self.ranges
            for first, count in addresses.ranges
        )


def near_of(addresses: Addresses) -> Near:
    """Those on our links, and those to which a route leads without a gateway."""
    known = _known()
    ranges = {(link.first, link.last) for link in links_to(addresses)}
    ranges.update(filter(None, (_without_gateway(each, known) for each in _texts(addresses))))
    # Each address once: of two ranges one holds the other, or they have none in common.
    return Near(tuple(one for one in sorted(ranges) if not any(_holds(other, one) for other in ranges - {one})))


def _holds(outer: Tuple[int, int], inner: Tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _without_gateway(address: str, known: Links) -> Optional[Tuple[int, int]]:
    """The network that is reached without one, by the route to this address."""
    try:
        way = netlink.route_to(address, known)
    except OSError:
        return None
    if way.gateway or not way.interface or not _finds_neighbours(way.interface):
        return None
    cidr = way.cidr if "/" in way.cidr else address
    network = ipaddress.ip_network(cidr, strict=False)
    return int(network[0]), int(network[-1])


def _finds_neighbours(name: str) -> bool:
    try:
        return netdevice.finds_neighbours(name)
    except OSError:  # it has just gone
        return False


def _texts(addresses: Addresses) -> Sequence[str]:
    return [text_of(first, addresses.version) for first, _ in addresses.ranges[:_MOST_RANGES]]


def _overlap(addresses: Addresses, first: int, last: int) -> bool:
    return any(start <= last and first < start + count for start, count in addresses.ranges)


def _known() -> Links:
    try:
        return netlink.links()
    except OSError:
        return netdevice.links()
