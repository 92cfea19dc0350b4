"""What this machine is: told as far as the kernel tells it, and done without where it does not."""

import subprocess
import sys

import pytest

from probes import netdevice, netlink
from probes.contract import Notes
from probes.local import Machine
from probes.resolv_conf import ResolverConfig, declared, load, parse
from reports.failures import Failure


def _observed(config=None, environment=None):
    notes = Notes()
    machine = Machine(notes)
    machine.observe(config, environment or {})
    return machine, notes.observations


def _one(observations, step):
    (seen,) = [seen for seen in observations if seen.step == step]
    return seen


def test_everything_is_observed_once():
    """Routes, name servers, limits and pressure: one observation each."""
    _, observations = _observed(ResolverConfig(servers=(("192.0.2.53", 53),)))

    assert {"default4", "default6"} == set(_one(observations, "routes").facts)
    assert _one(observations, "name_servers").facts["servers"] == "192.0.2.53:53"
    limits = _one(observations, "limits").facts
    assert limits["descriptors"] > limits["descriptors_used"] > 0
    assert limits["ports_low"] < limits["ports_high"]
    assert _one(observations, "pressure").facts["tcp_in_use"] >= 0


@pytest.mark.parametrize("config", [None, ResolverConfig()])
def test_no_name_server(config):
    """A missing file and a file without a usable server are the same lack."""
    _, observations = _observed(config)

    assert _one(observations, "name_servers").failure is Failure.DNS_NO_SERVERS


def test_proxies_without_their_credentials():
    """A proxy variable is told by its address; what it holds beside stays here."""
    environment = {"HTTPS_PROXY": "http://user:s3cret@proxy.corp:3128", "no_proxy": ".corp"}
    _, observations = _observed(environment=environment)
    seen = _one(observations, "proxy")

    assert seen.facts == {"variable": "HTTPS_PROXY", "proxy": "proxy.corp:3128", "no_proxy": ".corp"}


def test_way():
    """The route, interface and source for an address, once an address."""
    notes = Notes()
    machine = Machine(notes)
    machine.observe(None, {})
    machine.way("127.0.0.1")
    machine.way("127.0.0.1")
    seen = _one(notes.observations, "way")

    assert seen.failure is None
    assert (seen.facts["interface"], seen.facts["source"]) == ("lo", "127.0.0.1")


_ROUTES = """
ip link set lo up
ip link add eni type veth peer name peer
ip address add 10.9.0.1/24 dev eni
ip link set eni up
ip route add blackhole 10.9.1.0/24
ip route add unreachable 10.9.2.0/24
ip route add prohibit 10.9.3.0/24
ip route add 10.9.4.0/24 via 10.9.0.9 dev eni onlink
exec {python} -c "
from probes import netlink
links = netlink.links()
print([(one.name, one.up, one.carrier, one.addresses) for one in links.interfaces if one.name in ('eni', 'peer')])
print(sorted(netlink.default_routes()))
for address in ('10.9.0.7', '10.9.1.1', '10.9.2.1', '10.9.3.1', '10.9.4.1', '192.0.2.1'):
    way = netlink.route_to(address, links)
    print(address, way.interface, way.gateway, way.source, way.cidr, way.errno)
"
"""


def test_routes_of_every_kind():
    """In a network of its own: what the kernel would do with each address, and the state of each link."""
    unshare = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*unshare, "ip", "link"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces, or no ip command")
    program = _ROUTES.format(python=sys.executable)
    done = subprocess.run([*unshare, "sh", "-ec", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == [
        "[('peer', False, False, ()), ('eni', True, False, ('10.9.0.1/24',))]",
        "[]",
        "10.9.0.7 eni  10.9.0.1 10.9.0.0/24 0",
        "10.9.1.1    10.9.1.0/24 22",
        "10.9.2.1    10.9.2.0/24 113",
        "10.9.3.1    10.9.3.0/24 13",
        "10.9.4.1 eni 10.9.0.9 10.9.0.1 10.9.4.0/24 0",
        "192.0.2.1     101",
    ]


def test_nothing_of_the_kernel(monkeypatch):
    """A sandbox may forbid rtnetlink and ioctl: then there are no interfaces and no ways, and no error."""

    def forbidden(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(netlink, "links", forbidden)
    monkeypatch.setattr(netdevice, "links", forbidden)
    machine, observations = _observed()
    machine.way("127.0.0.1")

    assert machine.interfaces == ()
    assert machine.has_ipv6
    assert {"interface", "routes", "way"}.isdisjoint({seen.step for seen in observations})


@pytest.mark.parametrize(
    ("text", "servers", "search", "ndots"),
    [
        ("nameserver 192.0.2.1\n", [("192.0.2.1", 53)], (), 1),
        (
            "nameserver 192.0.2.1 # why\n; no\nnameserver fe80::1%eth0\n",
            [("192.0.2.1", 53), ("fe80::1%eth0", 53)],
            (),
            1,
        ),
        ("nameserver dns.example\nnameserver 300.1.1.1\nnameserver\n", [], (), 1),
        (
            "".join(f"nameserver 192.0.2.{number}\n" for number in range(1, 6)),
            [("192.0.2.%d" % n, 53) for n in (1, 2, 3)],
            (),
            1,
        ),
        ("domain a.example\nsearch B.example. c.example\noptions ndots:3 rotate\n", [], ("b.example", "c.example"), 3),
        ("options ndots:99\n", [], (), 15),
        ("\0\xff nonsense", [], (), 1),
    ],
)
def test_resolv_conf(text, servers, search, ndots):
    """The file is read as resolv.conf(5) says; what is not understood is passed over."""
    config = parse(text)

    assert (tuple(servers), search, ndots) == (config.servers, config.search, config.ndots)


@pytest.mark.parametrize(
    ("host", "names"),
    [("db", ("db.a", "db.b", "db")), ("db.a.b", ("db.a.b", "db.a.b.a", "db.a.b.b"))],
)
def test_search_order(host, names):
    """With fewer dots than ndots the search list comes first."""
    assert names == ResolverConfig(search=("a", "b"), ndots=2).names_for(host)


def test_declared_servers():
    """The plan's name servers, each with its port or 53."""
    config = declared(("192.0.2.1", "127.0.0.1:5353", "::1", "[::1]:5353"))

    assert config.servers == (("192.0.2.1", 53), ("127.0.0.1", 5353), ("::1", 53), ("::1", 5353))


def test_no_resolv_conf(tmp_path):
    """A missing file is None, not an error."""
    assert load(str(tmp_path / "none")) is None
