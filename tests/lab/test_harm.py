"""First do no harm: what really left the machine stays inside the budget and the plan."""

from collections import Counter
from functools import partial
from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest
from attrs import evolve

from tests.lab.conftest import unavailable
from tests.lab.harness import LabUnavailableError
from tests.lab.labs import Labs
from tests.lab.nameserver import FIRST, SECOND
from tests.lab.scenarios import SCENARIOS
from tests.lab.score import by_command
from tests.lab.test_lab import script
from tests.lab.test_verdicts import fleet_plan, split
from tests.lab.variants import PLAIN, VARIANTS
from tests.lab.wire import Recording

# The first port of a UDP trace, as traceroute(8) has it.
TRACED = 33434
# What the kernel says of itself where an interface comes up.
IGMP = "2"


def test_budget_on_the_wire(lab):
    """Never more connections at once or per second than the limits say, time-outs included, nor any other address."""
    lab.fleet()
    plan = fleet_plan(240, connect_timeout="1s", concurrency=30, rate=60)
    with lab.record() as recording:
        outcome = lab.check(plan)

    assert recording.dropped == 0
    assert outcome.code == 2, outcome.stderr
    steps = Counter((seen["probe"], seen["step"]) for seen in outcome.report["observations"])
    assert len(recording.connections()) == 240 + steps["path", "hop"] + steps["again", "look"]
    assert recording.most_open(timeout=1.0) <= 30
    assert recording.most_opened() <= 60
    assert recording.most_opened(window=0.1) <= 6
    sent = _only(recording, lambda packet: packet.protocol != "arp").destinations()
    assert {split(target) for target in plan["targets"]} == {where[:2] for where in sent if where[2] == "tcp"}
    assert {address for address, *_ in sent} == {split(target)[0] for target in plan["targets"]}


def test_one_connection_at_a_time_for_each_target(lab):
    """Several addresses of one name are tried one after the other."""
    plan = {
        "name": "names",
        "runtime": "host",
        "targets": ["https://www.aliyun.com/", "mysql://rm-lab.mysql.rds.aliyuncs.com:3306"],
        "limits": {"connect_timeout": "1s"},
    }
    with lab.record() as recording:
        lab.check(plan)

    assert recording.most_open(timeout=1.0) <= 2


# Looked into in every variant; what plans ask for beyond that, in the networks as they are.
LOOKED_INTO = (
    *("healthy", "dns_one_name_dropped", "proxy_not_listening", "tls_untrusted"),
    *("service_hang", "eni_missing", "sg_drop", "sg_drop_one_target", "host_firewall_drop"),
    *("blackhole_route", "host_down", "host_down_on_link", "access_not_enabled_internet"),
)
# The job is not alone on its machine there: what goes over the wire is not the check's alone.
OTHERS = {"neighbours_wait", "neighbour_waits", "neighbours_work"}
# Networks that are swept: with few and with many hosts, behind a router that speaks, and on the link.
SWEPT = (
    *("neighbour_accepts", "neighbour_silent", "sg_drop_of_a_vswitch"),
    *("healthy_sweep_speaking_router", "vswitch_nearly_full_from_host"),
)
LIMITS = {"concurrency": 4, "rate": 20, "packet_rate": 30, "bytes_per_target": 80_000, "bytes": 200_000}


def _asks_for_more(scenario):
    if OTHERS.intersection(scenario.faults):
        return False
    targets = [target for target in scenario.plan["targets"] if not isinstance(target, str)]
    return (
        "egress" in scenario.plan
        or any("measure" in target for target in targets)
        or "explore" in scenario.plan["limits"]
        or scenario.name in SWEPT
    )


CASES = [
    (name, variant.name)
    for name, scenario in SCENARIOS.items()
    for variant in VARIANTS.values()
    if variant.has(scenario) and (name in LOOKED_INTO or (variant is PLAIN and _asks_for_more(scenario)))
]


@pytest.fixture(scope="module")
def seen(request):
    """What goes over the wire in the selected cases, to come: they run side by side."""
    own = [item for item in request.session.items if item.module is request.module and hasattr(item, "callspec")]
    cases = [(item.callspec.params["name"], item.callspec.params["variant"]) for item in own]
    labs = Labs()
    yield {case: labs.do(partial(_watch, *case)) for case in cases}
    labs.close()


def _watch(name, variant, lab):
    """The recording of a check within LIMITS, the canonical plan, and the addresses that its hosts have there."""
    variant, scenario = VARIANTS[variant], SCENARIOS[name]
    scenario = evolve(scenario, plan={**scenario.plan, "limits": {**scenario.plan["limits"], **LIMITS}})
    lab.start(*scenario.real)
    with lab.broken(*variant.faults, *scenario.faults):
        with lab.record(scenario.vantage) as recording:
            outcome = by_command(lab, scenario, bare=variant.bare)
        plan = outcome.report["run"]["plan"]
        return scenario, recording, plan, _resolve(lab, scenario, plan)


RESOLVE = """
import socket, sys
import dns.resolver
for name in sys.argv[2:]:
    addresses = set()
    try:
        addresses.update(info[4][0] for info in socket.getaddrinfo(name, None, socket.AF_INET))
    except OSError:
        pass
    for server in sys.argv[1].split(","):
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [server]
        try:
            addresses.update(str(record) for record in resolver.resolve(name, "A", lifetime=0.5))
        except dns.exception.DNSException:
            pass
    print(name, *addresses)
"""


def _resolve(lab, scenario, plan):
    """The addresses of every declared host, as the name servers and the hosts file of the node say."""
    names = {*(target["host"] for target in plan["targets"]), *(host for host, _ in _echo(plan))}
    lines = script(
        lab,
        RESOLVE,
        ",".join(_name_servers(scenario)),
        *names,
        namespace=scenario.vantage,
        resolv_conf=scenario.resolv_conf,
        hosts=scenario.hosts,
    )
    return {name: set(addresses) for name, *addresses in map(str.split, lines)}


def _echo(plan):
    """Host and port of the service that says from which address it is asked; none where none is declared."""
    if not plan["egress"] or not plan["egress"]["echo"]:
        return []
    url = urlsplit(plan["egress"]["echo"])
    return [(url.hostname, url.port or {"http": 80, "https": 443}[url.scheme])]


def _name_servers(scenario):
    if scenario.resolv_conf is None:
        return [FIRST, SECOND]
    words = map(str.split, scenario.resolv_conf.splitlines())
    return [value for key, value, *_ in words if key == "nameserver"]


def _strays(scenario, plan, addresses, recording):
    """What went to where nothing may go, by what the plan says."""
    servers = set(_name_servers(scenario))
    hosts = {ip for target in plan["targets"] for ip in addresses[target["host"]]}
    endpoints = {(ip, target["port"]) for target in plan["targets"] for ip in addresses[target["host"]]}
    endpoints |= {(server, 53) for server in servers}
    endpoints |= {(proxy.hostname, proxy.port) for proxy in map(urlsplit, scenario.env.values()) if proxy.port}
    endpoints |= {(ip, port) for host, port in _echo(plan) for ip in addresses[host]}
    networks = [network for network in plan["networks"] if network["ports"]]
    inside = {str(ip) for network in networks for ip in ip_network(network["cidr"])}
    endpoints |= {
        (str(ip), port) for network in networks for ip in ip_network(network["cidr"]) for port in network["ports"]
    }

    def may(address, port, protocol):
        if protocol == "tcp":
            return (address, port) in endpoints or (plan["limits"]["explore"] == "hosts" and address in hosts)
        if protocol == "udp":
            return (address, port) in endpoints or (address in hosts and port >= TRACED)
        # The kernel itself tells a name server that its answer came too late.
        return protocol == "icmp" and address in hosts | servers | inside

    # What still goes out of a connection of the case before is no stray of this one.
    opened = {(packet.destination, packet.port, packet.protocol) for packet in recording.connections()}
    others = {destination for destination in recording.destinations() if destination[2] != "tcp"}
    return {destination for destination in opened | others if not may(*destination)}


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_nothing_beyond_plan_and_budget(seen, name, variant):
    """Only what is declared is addressed, and never more of it, at once or in a second, than the limits say."""
    try:
        scenario, recording, plan, addresses = seen[name, variant].result()
    except LabUnavailableError as error:
        unavailable(f"the lab cannot be built here: {error}")
    left = _only(recording, lambda packet: packet.interface != "lo" and packet.protocol not in ("arp", IGMP))
    targets = Counter((ip, target["port"]) for target in plan["targets"] for ip in addresses[target["host"]])

    assert recording.dropped == 0
    assert _strays(scenario, plan, addresses, left) == set()
    assert left.most_open() <= LIMITS["concurrency"], left.lives()
    assert left.most_opened() <= LIMITS["rate"]
    assert _only(left, lambda packet: packet.protocol != "tcp").most_sent() <= LIMITS["packet_rate"]
    for endpoint, count in targets.items():
        own = _only(left, partial(_is_with, *endpoint))
        assert own.most_open() <= count, (endpoint, own.lives())
    assert left.bytes <= LIMITS["bytes"]
    for address, count in Counter(address for address, _ in targets.elements()).items():
        assert _only(left, partial(_is_with_host, address)).bytes <= count * LIMITS["bytes_per_target"], address


def test_bytes_on_the_wire(lab):
    """An answer without an end costs no more than the limit, whatever is measured with it."""
    target = {"address": "http://es-1.vpc.internal:9200/", "measure": ["loss", "mtu", "throughput"], "via": "vpc"}
    for key, limit in (("bytes_per_target", 40_000), ("bytes_per_target", 262_144), ("bytes", 100_000)):
        plan = {"name": "endless", "runtime": "host", "targets": [target], "limits": {key: limit}}
        with lab.broken("elasticsearch_endless"), lab.record() as recording:
            lab.check(plan)

        assert recording.dropped == 0
        assert limit // 2 < _only(recording, partial(_is_with_host, "10.10.3.21")).bytes <= limit


def _only(recording, wanted):
    return Recording(list(filter(wanted, recording.packets)), recording.dropped)


def _is_with_host(address, packet):
    return packet.interface != "lo" and address in (packet.source, packet.destination)


def _is_with(address, port, packet):
    ends = (packet.source, packet.source_port), (packet.destination, packet.port)
    return packet.protocol == "tcp" and (address, port) in ends
