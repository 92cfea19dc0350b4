"""What is swept without being told twice, what only for its owner, and what never: decided before anything is sent.

Sizes are numbers of addresses. This module travels in the carry-in kit: CPython 3.7.
"""

import ipaddress
from typing import TYPE_CHECKING, Iterator, Optional, Tuple, Union

from reports.addresses import is_private, is_shared

if TYPE_CHECKING:
    from reports.model import Network

# A check sweeps a declared network of so many by itself, and where the plan asks for it, one of a /20.
MOST_USUAL, MOST_ASKED = 256, 4096
# Of IPv6 nobody enumerates a network: short lists alone.
MOST_IPV6 = 256
# More than a /12 is no network of anybody's job.
MOST = 1 << 20

_Cidr = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

_NEVER: Tuple[Tuple[str, str], ...] = (
    ("0.0.0.0/8", "no host has such an address"),
    ("224.0.0.0/4", "these are multicast addresses"),
    ("240.0.0.0/4", "no host has such an address"),
    ("169.254.0.0/16", "link-local: metadata services answer there, and no vSwitch is made of these"),
    ("100.100.100.200/32", "the metadata service of ECS is asked by --metadata alone"),
    ("::/128", "no host has such an address"),
    ("::ffff:0:0/96", "write IPv4 addresses as such"),
    ("ff00::/8", "these are multicast addresses"),
    ("fe80::/10", "link-local: it means nothing without an interface"),
)
_NEVER_NETWORKS = tuple((ipaddress.ip_network(cidr), why) for cidr, why in _NEVER)


def never(cidr: str) -> Optional[str]:
    """Why this network (or address) is not swept at all; None where it may be."""
    network = ipaddress.ip_network(cidr)
    for other, why in _NEVER_NETWORKS:
        if network.version == other.version and network.overlaps(other):
            inside = "" if _holds(other, network) else "holds %s: " % other
            return inside + why
    if network.version == 6 and network.num_addresses > MOST_IPV6:
        return "an IPv6 network is not enumerated beyond a /120: name its addresses"
    if network.num_addresses > MOST:
        return "that is %s addresses: at most a /12" % format(network.num_addresses, ",")
    return None


def foreign(cidr: str) -> Optional[str]:
    """Why only its owner may have this network swept; None where anybody may."""
    network = ipaddress.ip_network(cidr)
    if any(map(is_shared, _samples(network))):
        return "a carrier's or cloud's own addresses (RFC 6598)"
    if not all(map(is_private, _samples(network))):
        return "public addresses"
    return None


def swept_by_check(network: "Network") -> bool:
    """Whether a check sweeps this network of its plan: it names ports, and is small, or asked for."""
    if network.sweep is False or not network.ports:
        return False
    if never(network.cidr) or foreign(network.cidr):
        return False
    size = ipaddress.ip_network(network.cidr).num_addresses
    return size <= (MOST_ASKED if network.sweep else MOST_USUAL)


def _holds(outer: _Cidr, inner: _Cidr) -> bool:
    return outer.network_address <= inner.network_address and inner.broadcast_address <= outer.broadcast_address  # type: ignore[operator]


def _samples(network: _Cidr) -> Iterator[str]:
    """The first and the last address of each /20 in it: what is private, shared or public is larger, or documented."""
    yield str(network.network_address)
    yield str(network.broadcast_address)
    if network.version == 4 and network.prefixlen < 20:
        for part in network.subnets(new_prefix=20):
            yield str(part.network_address)
            yield str(part.broadcast_address)
