"""Without rtnetlink the kernel still says enough, and it says the same."""

import socket

import pytest

from probes import netdevice, netlink
from probes.contract import Notes
from probes.local import Machine


def _ipv4(links):
    found = {}
    for interface in links.interfaces:
        addresses = {address for address in interface.addresses if ":" not in address}
        if addresses:
            found[interface.name] = (addresses, interface.up, interface.loopback, interface.mtu)
    return found


def test_interfaces_are_those_of_rtnetlink():
    """Names, IPv4 addresses with their prefixes, state and MTU."""
    assert _ipv4(netlink.links()) == _ipv4(netdevice.links())


@pytest.mark.parametrize("address", ["127.0.0.1", "127.5.5.5", "::1"])
def test_the_way_to_an_address_is_that_of_rtnetlink(address):
    """The source, and the interface that has it."""
    told = netlink.route_to(address, netlink.links())
    found = netdevice.route_to(address, netdevice.links())

    assert (told.source, told.errno) == (found.source, found.errno)


def test_default_routes_are_those_of_rtnetlink():
    """A route to nowhere is a default route."""
    assert netlink.default_routes() == netdevice.default_routes()


def test_the_machine_goes_on_without_rtnetlink(monkeypatch):
    """Interfaces, routes and ways are told all the same; the vantage learns that it was forbidden."""

    def forbidden(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(netlink, "_ask", forbidden)
    notes = Notes()
    machine = Machine(notes)
    machine.observe(None, {})
    machine.way("127.0.0.1")

    assert not machine.rtnetlink
    assert {"lo"} <= {interface.name for interface in machine.interfaces}
    ways = [seen for seen in notes.observations if seen.step == "way"]
    assert [("lo", "127.0.0.1")] == [(seen.facts["interface"], seen.facts["source"]) for seen in ways]
    assert machine.has_ipv6 == (socket.AF_INET6 in netdevice.default_routes())
