"""What an IP address is: a literal, private, admitted by a list."""

import ipaddress
from functools import lru_cache
from typing import Optional, Sequence, Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

# Shared address space (RFC 6598): carriers and clouds number their own services in it.
_SHARED = ipaddress.ip_network("100.64.0.0/10")
# Documentation networks (RFC 5737, RFC 3849) stand for public ones wherever they appear.
_DOCUMENTATION = tuple(
    ipaddress.ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)


@lru_cache(maxsize=65536)
def parse_address(text: str) -> Optional[Address]:
    """The address that the text is, or None."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_literal(host: str) -> bool:
    """Whether the host is an IP address."""
    return parse_address(host) is not None


@lru_cache(maxsize=65536)
def is_private(ip: str) -> bool:
    """Whether the address belongs to no public network (RFC 1918, 6598, 4193, loopback, link-local)."""
    address = parse_address(ip)
    if address is None:
        return False
    if address.version == 4 and address in _SHARED:
        return True
    return address.is_private and not any(address.version == net.version and address in net for net in _DOCUMENTATION)


def is_shared(ip: str) -> bool:
    """Whether the address is one of the carrier's or cloud's own (RFC 6598): no vSwitch is made of these."""
    address = parse_address(ip)
    return address is not None and address.version == 4 and address in _SHARED


def admits(entries: Sequence[str], ip: str) -> bool:
    """Whether a list of addresses and CIDRs holds the address."""
    address = parse_address(ip)
    if address is None:
        return False
    for entry in entries:
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            continue
        if network.version == address.version and address in network:
            return True
    return False
