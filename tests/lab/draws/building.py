"""A draw as namespaces, links, addresses and routes, its servers and its names.

d-job --eth0-- d-proxy --wan-- d-internet        where the job is in a sandbox
   |              |                |
  eth1           dns ----------- d-r0 --wan      the VPC's gateway, with a NAT
   |                               |
   +---- vSwitch 0 (a bridge) -----+--- d-s1, d-r2 --- d-s2, ...
"""

import contextlib
from collections.abc import Iterator

from tests.lab import network
from tests.lab.changes import Change, Ground, Undo
from tests.lab.draws.draw import Draw
from tests.lab.draws.places import GATEWAY, INTERNET, JOB, PROXY, SERVICES, Places, Subnet
from tests.lab.network import DNS, Topology

_FORWARDS = {"net/ipv4/ip_forward": "1", "net/ipv4/icmp_ratelimit": "0"}
_SILENT = "table inet silent {\nchain output {\ntype filter hook output priority 0\nmeta l4proto icmp drop\n}\n}\n"
_NO_ECHO = (
    "table inet noecho {\nchain input {\ntype filter hook input priority 0\nip daddr { %s } icmp type echo-request drop"
    "\n}\n}\n"
)
_NAT = """
    table ip nat {
        chain postrouting {
            type nat hook postrouting priority 100;
            oifname "wan" snat to %s
        }
    }
"""
_GATE = """
    table inet gate {
        chain forward {
            type filter hook forward priority 0; policy drop;
            ct state established,related accept
            ip daddr 100.100.2.0/24 accept
            %s
        }
    }
"""


def standing(draw: Draw) -> Change:
    """The draw's network with what is wrong in it."""

    def apply(ground: Ground) -> Undo:
        with contextlib.ExitStack() as stack:
            topology = topology_of(draw.places)
            stack.callback(network.remove, topology)
            network.build(topology)
            for host in draw.places.hosts:
                for service in host.services:
                    stack.callback(ground.servers.behave, host.address, service.port, None)
                    ground.servers.behave(host.address, service.port, SERVICES[service.kind][0])
            ground.name_servers.records.update({host.name: {"A": [host.address]} for host in draw.places.hosts})
            for change in draw.trouble.changes:
                stack.callback(change(ground))
            return stack.pop_all().close

    return apply


def topology_of(places: Places) -> Topology:
    """The namespaces and all that they are made of."""
    nodes = list(_nodes(places))
    return Topology(
        namespaces=[namespace for namespace, *_ in nodes],
        links=list(_links(places)),
        bridges={GATEWAY: {"vsw0": [port for port in ("job", "s0") if port == "job" or _has_hosts(places, 0)]}},
        addresses=_addresses(places),
        routes={namespace: routes for namespace, routes, _ in nodes} | {DNS: _routes_of_dns(places)},
        sysctls={namespace: _FORWARDS for namespace, *_ in nodes},
        sysctls_when_up={namespace: settings for namespace, _, settings in nodes if settings},
        rules=_rules(places),
    )


def _has_hosts(places: Places, subnet: int) -> bool:
    return any(host.subnet == subnet for host in places.hosts)


def _nodes(places: Places) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """Each namespace with its routes, and how soon it gives up a neighbour."""
    gateway = places.subnets[0].gateway
    if places.sandboxed:
        # The name servers are not lost with the default route.
        routes = ["default via 172.30.0.1", "100.64.0.0/10 via 172.30.0.1", f"{places.vpc} via {gateway} dev eth1"]
        yield JOB, routes, {}
        yield PROXY, ["default via 203.0.113.1", "100.100.2.0/24 via 100.101.0.2"], {}
    else:
        yield JOB, [f"default via {gateway}"], {}
    routes = ["default via 192.0.2.1", "100.100.2.0/24 via 100.101.1.2"]
    soon = ["vsw0"]
    for subnet in places.subnets[1:]:
        if len(subnet.routers) > 1:
            routes.append(f"{subnet.cidr} via 100.102.{subnet.index}.2")
            yield (
                subnet.routers[1].namespace,
                [f"default via 100.102.{subnet.index}.1"],
                _gives_up_soon([f"s{subnet.index}"]),
            )
        else:
            soon.append(f"s{subnet.index}")
        yield subnet.namespace, [f"default via {subnet.gateway}"], {}
    if _has_hosts(places, 0):
        yield places.subnets[0].namespace, [f"default via {gateway}"], {}
    yield GATEWAY, routes, _gives_up_soon(soon)
    yield INTERNET, [], {}


def _gives_up_soon(interfaces: list[str]) -> dict[str, str]:
    """A neighbour that does not answer is given up after 3 x 0.3 s: the message comes within short time-outs."""
    return {f"net/ipv4/neigh/{interface}/retrans_time_ms": "300" for interface in interfaces}


def _links(places: Places) -> Iterator[tuple[str, str, str, str]]:
    yield JOB, places.eni, GATEWAY, "job"
    yield GATEWAY, "wan", INTERNET, "gateway"
    yield GATEWAY, "dns", DNS, "d-gateway"
    if places.sandboxed:
        yield JOB, "eth0", PROXY, "job"
        yield PROXY, "wan", INTERNET, "proxy"
        yield PROXY, "dns", DNS, "d-proxy"
    if _has_hosts(places, 0):
        yield places.subnets[0].namespace, "eth0", GATEWAY, "s0"
    for subnet in places.subnets[1:]:
        before, port = GATEWAY, f"s{subnet.index}"
        if len(subnet.routers) > 1:
            before = subnet.routers[1].namespace
            yield before, "uplink", GATEWAY, f"r{subnet.index}"
        yield subnet.namespace, "eth0", before, port


def _addresses(places: Places) -> dict[str, dict[str, list[str]]]:
    own = places.subnets[0]
    addresses: dict[str, dict[str, list[str]]] = {
        JOB: {places.eni: [_in(own, places.address)]},
        GATEWAY: {"vsw0": [_in(own, own.gateway)], "wan": ["192.0.2.2/24"], "dns": ["100.101.1.1/24"]},
        INTERNET: {"gateway": ["192.0.2.1/24"]},
        DNS: {"d-gateway": ["100.101.1.2/24"]},
    }
    if places.sandboxed:
        addresses[JOB]["eth0"] = ["172.30.0.2/24"]
        addresses[PROXY] = {"job": ["172.30.0.1/24"], "wan": ["203.0.113.7/24"], "dns": ["100.101.0.1/24"]}
        addresses[INTERNET]["proxy"] = ["203.0.113.1/24"]
        addresses[DNS]["d-proxy"] = ["100.101.0.2/24"]
    for subnet in places.subnets[1:]:
        router = subnet.routers[-1].namespace
        addresses.setdefault(router, {})[f"s{subnet.index}"] = [_in(subnet, subnet.gateway)]
        if len(subnet.routers) > 1:
            addresses[router]["uplink"] = [f"100.102.{subnet.index}.2/24"]
            addresses[GATEWAY][f"r{subnet.index}"] = [f"100.102.{subnet.index}.1/24"]
    for host in places.hosts:
        if host.subnet is None:
            addresses[INTERNET].setdefault("lo", []).append(f"{host.address}/32")
        else:
            entry = _in(places.subnets[host.subnet], host.address)
            addresses.setdefault(host.namespace, {}).setdefault("eth0", []).append(entry)
    return addresses


def _in(subnet: Subnet, address: str) -> str:
    return f"{address}/{subnet.cidr.partition('/')[2]}"


def _routes_of_dns(places: Places) -> list[str]:
    return [f"{places.vpc} via 100.101.1.1", *(["172.30.0.0/24 via 100.101.0.1"] if places.sandboxed else [])]


def _rules(places: Places) -> dict[str, str]:
    rules = {GATEWAY: _NAT % "192.0.2.2"}
    routers = {places.gateway, *(router for subnet in places.subnets for router in subnet.routers)}
    for router in routers:
        if not router.speaks:
            rules[router.namespace] = rules.get(router.namespace, "") + _SILENT
    for subnet in places.subnets:
        quiet = [host.address for host in places.hosts if host.subnet == subnet.index and not host.echoes]
        if quiet:
            rules[subnet.namespace] = _NO_ECHO % ", ".join(quiet)
    if places.sandboxed:
        admitted = [
            f"{host.address} . {service.port}"
            for host in places.hosts
            if host.subnet is None
            for service in host.services
        ]
        admit = f"ip daddr . tcp dport {{ {', '.join(admitted)} }} accept" if admitted else ""
        rules[PROXY] = _GATE % admit + _NAT % "203.0.113.7"
    return rules
