"""Whether a packet is one of those that a rule speaks of: yes, no, or not known and why.

Shared by security groups and network ACLs. This module travels in the carry-in kit: CPython 3.7.
"""

import ipaddress
from functools import lru_cache
from typing import Iterable, Optional, Tuple, TypeVar, Union

from attrs import frozen

from reports.addresses import parse_address

# True, False, or why it is not known.
Match = Union[bool, str]

# From which ports a client on Linux chooses, as jobs are (VPC, "Network ACLs"; ip_local_port_range in ip-sysctl.txt).
EPHEMERAL = (32768, 60999)
ALL_PORTS = ("", "-1/-1", "1/65535")

# IANA's numbers for the protocols that rules call by name.
_NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "icmpv6": 58}
_WITH_PORTS = ("tcp", "udp")
_LARGEST_NUMBER = 255

_T = TypeVar("_T")
_Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


@frozen(kw_only=True)
class Packet:
    """The first packet of a conversation. ``port``: the destination's; None: one that a client chose (EPHEMERAL)."""

    source: str
    dest: str
    protocol: str = "tcp"
    port: Optional[int] = None
    source_port: Optional[int] = None


def every(*parts: Match) -> Match:
    """Whether all of them hold: one that does not decides, then one that is not known."""
    if False in parts:
        return False
    return next((part for part in parts if isinstance(part, str)), True)


@lru_cache(maxsize=256)
def protocol(rule: str, packet: str) -> Match:
    """Whether a rule's protocol, by name or IANA number, is the packet's."""
    if rule in ("all", "-1"):
        return True
    number = _number(rule)
    return "the protocol %s is not known here" % rule if number is None else number == _number(packet)


def _number(name: str) -> Optional[int]:
    if name.isdigit():
        return int(name) if int(name) <= _LARGEST_NUMBER else None
    return _NUMBERS.get(name)


@lru_cache(maxsize=16384)
def ports(texts: Tuple[str, ...], port: Optional[int], protocol_name: str) -> Match:
    """Whether one of the ranges "FIRST/LAST" holds the port. Only TCP and UDP have any."""
    if protocol_name not in _WITH_PORTS:
        return True
    first, last = EPHEMERAL if port is None else (port, port)
    overlap = False
    for text in texts:
        low, high = _range(text)
        if low <= first and last <= high:
            return True
        overlap = overlap or (low <= last and first <= high)
    return "it holds only a part of the ports %d-%d that a client may choose" % EPHEMERAL if overlap else False


@lru_cache(maxsize=4096)
def _range(text: str) -> Tuple[int, int]:
    if text in ALL_PORTS:
        return 0, 65535
    low, _, high = text.partition("/")
    return int(low), int(high)


@lru_cache(maxsize=65536)
def holds(cidrs: Tuple[str, ...], ip: str) -> bool:
    """Whether one of the CIDRs or addresses holds the address, which is of the same version."""
    address = parse_address(ip)
    if address is None:
        return False
    return any(address.version == net.version and address in net for net in map(network, cidrs))


@lru_cache(maxsize=4096)
def network(cidr: str) -> _Network:
    """The network that a CIDR or an address is. Raises ValueError."""
    return ipaddress.ip_network(cidr, strict=False)


def overlap(left: str, right: str) -> bool:
    """Whether two CIDRs have an address in common."""
    one, other = network(left), network(right)
    return one.version == other.version and one.overlaps(other)


def decide(
    rows: Iterable[Tuple[_T, str, Match]], default: Optional[str]
) -> Tuple[Optional[str], Optional[_T], Optional[Tuple[_T, str]]]:
    """What the first rule that matches says: its policy, which it is, and what makes it doubtful.

    ``rows``: each rule in order with its policy and its match; ``default``: what holds where none matches (None: that
    is not known). A rule that may match makes the answer doubtful, but where it says the same.
    """
    doubts = []
    verdict, found = default, None
    for rule, policy, match in rows:
        if isinstance(match, str):
            doubts.append((rule, policy, match))
        elif match:
            verdict, found = policy, rule
            break
    doubt = next(((rule, why) for rule, policy, why in doubts if policy != verdict), None)
    return verdict, found, doubt
