"""reports/vpc/routing.py: where the route table of a vSwitch sends a packet."""

import pytest
from attrs import evolve

from reports.vpc.cloud import Cloud
from reports.vpc.model import Eni, Inventory, NextHop, Route, RouteTable
from reports.vpc.routing import way
from tests.reports.vpc.building import SYSTEM_ROUTES, small, with_routes

FAR = "192.168.7.7"
GATEWAY = NextHop(type="VpnGateway", id="vpn-a")


def _way(inventory: Inventory, ip: str, vswitch: str = "vsw-job"):
    cloud = Cloud(inventory)
    return way(cloud, cloud.vswitches[vswitch], ip)


def _route(destination: str, *hops: NextHop, status: str = "Available") -> Route:
    return Route(destination=destination, type="Custom", status=status, next_hops=hops or (GATEWAY,))


@pytest.mark.parametrize(
    ("routes", "ip", "whither", "why"),
    [
        ((), "10.10.1.77", "local", "10.10.1.77 is in vsw-job itself"),
        ((), "10.10.2.30", "local", "the route to 10.10.2.0/24 in vtb-a is a system route"),
        ((), "100.100.2.136", "local", "the route to 100.64.0.0/10 in vtb-a is a system route"),
        ((), FAR, "absent", "vtb-a has no route for 192.168.7.7"),
        ((_route("192.168.0.0/16"),), FAR, "forwarded", "leads to vpn-a (VpnGateway)"),
        ((_route("0.0.0.0/0"),), FAR, "forwarded", "the route to 0.0.0.0/0 in vtb-a leads to vpn-a"),
        # The longest prefix wins, wherever it stands.
        ((_route("0.0.0.0/0"), _route("192.168.7.0/24", NextHop(type="blackhole"))), FAR, "blackhole", "discards"),
        ((_route("192.168.7.0/24", NextHop(type="blackhole")), _route("192.168.7.7/32")), FAR, "forwarded", "vpn-a"),
        # An interface that is attached to nothing forwards nothing.
        ((_route("192.168.0.0/16", NextHop(type="NetworkInterface", id="eni-idle")),), FAR, "blackhole", "nothing"),
        ((_route("192.168.0.0/16", NextHop(type="NetworkInterface", id="eni-db")),), FAR, "forwarded", "eni-db"),
        ((_route("192.168.0.0/16", NextHop(type="NetworkInterface", id="eni-x")),), FAR, "unknown", "was not read"),
        ((_route("192.168.0.0/16", NextHop(type="Instance", id="i-db")),), FAR, "forwarded", "i-db"),
        ((_route("192.168.0.0/16", NextHop(type="Instance", id="i-x")),), FAR, "unknown", "no interface"),
        # What the system made and has no next hop stays inside.
        ((Route(destination="192.168.0.0/16", type="System"),), FAR, "local", "is a system route"),
        # Of several next hops one that leads on is enough; one that is not in use does not count.
        ((_route("192.168.0.0/16", NextHop(type="blackhole"), GATEWAY),), FAR, "forwarded", "vpn-a"),
        ((_route("192.168.0.0/16", NextHop(type="blackhole"), evolve(GATEWAY, enabled=False)),), FAR, "blackhole", ""),
        ((_route("192.168.0.0/16", evolve(GATEWAY, enabled=False)),), FAR, "unknown", "no next hop in use"),
        # A route that is not in force, or that is there twice, decides nothing.
        ((_route("192.168.0.0/16", status="Pending"),), FAR, "unknown", "is pending"),
        ((_route("192.168.0.0/16"), _route("192.168.0.0/16", NextHop(type="blackhole"))), FAR, "unknown", "2 routes"),
        # A prefix list may hold any address.
        (
            (_route("pl-office"), _route("0.0.0.0/0")),
            FAR,
            "unknown",
            "by the prefix list pl-office, which was not read",
        ),
        ((_route("pl-office"),), "10.10.1.20", "local", "itself"),
        # IPv6 is routed by its own routes.
        ((_route("0.0.0.0/0"),), "2001:db8::1", "absent", "no route for 2001:db8::1"),
        ((_route("::/0"),), "2001:db8::1", "forwarded", "::/0"),
    ],
)
def test_routes(routes, ip, whither, why):
    """Longest prefix, next hop, and what is not known."""
    idle = Eni(id="eni-idle", addresses=("10.10.2.50",), vpc="vpc-a", vswitch="vsw-db", status="Available")
    inventory = with_routes(*routes)
    found = _way(evolve(inventory, enis=(*inventory.enis, idle)), ip)
    assert found.whither == whither, found.why
    assert why in found.why


def test_the_vswitch_has_a_table_of_its_own():
    """A custom table that is bound to the vSwitch counts, not the VPC's system table."""
    inventory = small()
    own = RouteTable(id="vtb-own", vpc="vpc-a", type="Custom", routes=(*SYSTEM_ROUTES, _route("192.168.0.0/16")))
    bound = tuple(evolve(one, route_table="vtb-own") if one.id == "vsw-job" else one for one in inventory.vswitches)
    inventory = evolve(inventory, vswitches=bound, route_tables=(*inventory.route_tables, own))
    assert _way(inventory, FAR).table == "vtb-own"
    assert _way(inventory, FAR, "vsw-db").whither == "absent"


def test_a_table_that_was_not_read():
    """Without the table nothing is said of the way out of the vSwitch."""
    assert _way(small(route_tables=()), FAR).why == "the route table of vsw-job was not read"
    assert not _way(small(route_tables=()), FAR).lost
