"""Who sent what while a network was swept: ICMP errors in place of answers, and two answers for one address.

This module travels in the carry-in kit: CPython 3.7.
"""

from collections import defaultdict
from typing import Dict, Iterable, Iterator, NamedTuple, Set, Tuple

from reports.model import Observation

# ICMP errors ("type/code", RFC 792, RFC 1812 5.2.7.1, RFC 4443 3.1): a filter's, and those of a router without a route.
PROHIBITS = frozenset({"3/9", "3/10", "3/13", "1/1", "1/5", "1/6"})
NO_ROUTE = frozenset({"3/0", "3/6", "1/0"})

# The platform answers ARP for all of a VPC from this one.
FABRIC = "ee:ff:ff:ff:ff:ff"


class Filter(NamedTuple):
    """Who sent ICMP errors in answer to a question, which ("type/code"), and for how many addresses."""

    sender: str
    asked: str
    icmp: str
    addresses: int
    seen: Observation


class Twice(NamedTuple):
    """An address for which several MACs answer."""

    address: str
    macs: Tuple[str, ...]
    seen: Observation


def filters(seen: Iterable[Observation]) -> Iterator[Filter]:
    """Those of some observations, the busiest first; of equal ones the last word counts."""
    found: Dict[Tuple[str, str, str], Filter] = {}
    for one in seen:
        key = (str(one.address), str(one.facts.get("asked", "")), str(one.facts.get("icmp", "")))
        count = one.facts.get("count", 0)
        found[key] = Filter(*key, addresses=count if isinstance(count, int) else 0, seen=one)
    return iter(sorted(found.values(), key=lambda one: (-one.addresses, one[:3])))


def twice(seen: Iterable[Observation]) -> Iterator[Twice]:
    """Those of some observations, in their addresses' order."""
    macs: Dict[str, Set[str]] = defaultdict(set)
    last: Dict[str, Observation] = {}
    for one in seen:
        address = str(one.address)
        macs[address].update(part.strip().lower() for part in str(one.facts.get("macs", "")).split(",") if part.strip())
        last[address] = one
    return (Twice(address, tuple(sorted(macs[address])), last[address]) for address in sorted(macs))
