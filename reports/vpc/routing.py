"""Where a route table sends a packet: the longest prefix, its next hop, or nowhere (VPC, "Route tables").

This module travels in the carry-in kit: CPython 3.7.
"""

from typing import List, Optional, Tuple

from attrs import frozen

from reports.vpc.cloud import Cloud, cidrs_of
from reports.vpc.matching import holds, network
from reports.vpc.model import NextHop, Route, RouteTable, VSwitch

# Whither.
LOCAL = "local"  # inside the VPC, or the platform's own services (100.64.0.0/10)
FORWARDED = "forwarded"
BLACKHOLE = "blackhole"
ABSENT = "absent"
UNKNOWN = "unknown"

# DescribeRouteEntryList: next hops of system routes.
_LOCAL_HOPS = ("local", "service")
_IN_FORCE = ("", "available")


@frozen(kw_only=True)
class Way:
    """Where the table of a vSwitch sends an address: ``whither`` one of the words above, ``why`` in words."""

    whither: str
    why: str
    table: str = ""
    route: Optional[Route] = None
    next_hop: Optional[NextHop] = None

    @property
    def lost(self) -> bool:
        """Whether the packet gets nowhere."""
        return self.whither in (BLACKHOLE, ABSENT)


def way(cloud: Cloud, vswitch: VSwitch, ip: str) -> Way:
    """Where a packet from the vSwitch to the address goes."""
    if holds(cidrs_of(vswitch), ip):
        return Way(whither=LOCAL, why="%s is in %s itself" % (ip, vswitch.id))
    table = cloud.table_of(vswitch)
    if table is None:
        return Way(whither=UNKNOWN, why="the route table of %s was not read" % vswitch.id)
    by_list = next((route for route in table.routes if _by_list(route)), None)
    if by_list is not None:
        words = "%s has a route by the prefix list %s, which was not read" % (table.id, by_list.destination)
        return Way(whither=UNKNOWN, table=table.id, route=by_list, why=words)
    found = _longest(table, ip)
    if not found:
        return Way(whither=ABSENT, table=table.id, why="%s has no route for %s" % (table.id, ip))
    ways = [_by(cloud, table, route) for route in found]
    if len({one.whither for one in ways}) > 1:
        words = "%s has %d routes to %s" % (table.id, len(ways), found[0].destination)
        return Way(whither=UNKNOWN, table=table.id, why=words)
    return ways[0]


def _by_list(route: Route) -> bool:
    return route.destination.startswith("pl-")


def _longest(table: RouteTable, ip: str) -> List[Route]:
    holding = [route for route in table.routes if holds((route.destination,), ip)]
    longest = max((network(route.destination).prefixlen for route in holding), default=0)
    return [route for route in holding if network(route.destination).prefixlen == longest]


def _by(cloud: Cloud, table: RouteTable, route: Route) -> Way:
    name = "the route to %s in %s" % (route.destination, table.id)
    if route.status not in _IN_FORCE:
        return Way(whither=UNKNOWN, table=table.id, route=route, why="%s is %s" % (name, route.status))
    hops = [hop for hop in route.next_hops if hop.enabled]
    if route.type == "system" and not route.next_hops:
        return Way(whither=LOCAL, table=table.id, route=route, why="%s is a system route" % name)
    if not hops:
        return Way(whither=UNKNOWN, table=table.id, route=route, why="%s has no next hop in use" % name)
    ways = [_through(cloud, table, route, hop, name) for hop in hops]
    # Of several equal ones each carries a share: one that leads on is reason enough not to call it lost.
    return next((one for one in ways if not one.lost), ways[0])


def _through(cloud: Cloud, table: RouteTable, route: Route, hop: NextHop, name: str) -> Way:
    kind = hop.type.lower()
    if kind in _LOCAL_HOPS:
        return Way(whither=LOCAL, table=table.id, route=route, next_hop=hop, why="%s is a system route" % name)
    whither, why = FORWARDED, "%s leads to %s" % (name, _hop(hop))
    if kind == "blackhole":
        whither, why = BLACKHOLE, "%s discards what it matches" % name
    elif kind == "networkinterface":
        whither, why = _to_interface(cloud, hop, name)
    elif kind == "instance" and cloud.knows("enis") and hop.id not in cloud.instances:
        whither, why = UNKNOWN, "%s leads to %s, which has no interface that was read" % (name, hop.id)
    return Way(whither=whither, table=table.id, route=route, next_hop=hop, why=why)


def _to_interface(cloud: Cloud, hop: NextHop, name: str) -> Tuple[str, str]:
    eni = cloud.enis.get(hop.id)
    if eni is None:
        return UNKNOWN, "%s leads to %s, which was not read" % (name, hop.id)
    if eni.status == "available":  # ECS: made, and attached to no instance
        return BLACKHOLE, "%s leads to %s, which is attached to nothing" % (name, hop.id)
    return FORWARDED, "%s leads to %s" % (name, _hop(hop))


def _hop(hop: NextHop) -> str:
    return "%s (%s)" % (hop.id, hop.type) if hop.id else hop.type
