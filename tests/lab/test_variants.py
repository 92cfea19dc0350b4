"""The variants are what they say, and the diagnosis is as good as it must be in each."""

import pytest

from tests.lab.conftest import unavailable
from tests.lab.harness import LabUnavailableError
from tests.lab.network import ENI_ADDRESS, NAMESPACES, ROUTER, VPCHOST
from tests.lab.real import missing
from tests.lab.scenario import representatives
from tests.lab.scenarios import SCENARIOS
from tests.lab.score import Scoring
from tests.lab.servers import HEALTHY as SERVED
from tests.lab.tally import Tally
from tests.lab.test_lab import ALIYUN, METASTORE, MYSQL, REDIS, ZOOKEEPER, connect, script
from tests.lab.variants import VARIANTS

DEAD_NEIGHBOUR = ("10.10.1.77", 3306)
UNUSED = ("10.10.2.99", 9083)


@pytest.fixture(scope="module")
def scoring():
    """Labs that all variants share."""
    scoring = Scoring()
    yield scoring
    scoring.close()


# What no variant changes is scored whole, one by one, in test_scenarios.
@pytest.mark.parametrize("name", ["bare", "silent", "forwarder"])
def test_a_variant_is_diagnosed_as_well_as_it_must_be(scoring, name):
    """The floor of right scenarios; nothing healthy accused, no scenario with two wrong accusations."""
    variant = VARIANTS[name]
    met = [scenario for scenario in SCENARIOS.values() if variant.has(scenario) and not missing(*scenario.real)]
    coming = [scoring.submit(scenario, variant=variant) for scenario in representatives(met)]
    try:
        scores = [future.result()[0] for future in coming]
    except LabUnavailableError as error:
        unavailable(f"the lab cannot be built here: {error}")
    print(*(score for score in scores if not score.right), Tally(variant, scores), sep="\n")

    assert list(Tally(variant, scores).shortfalls()) == []


TRY_PRIVILEGES = """
import socket, subprocess
for kind in ((socket.AF_INET, socket.SOCK_RAW, 1), (socket.AF_PACKET, socket.SOCK_RAW, 3)):
    try:
        socket.socket(*kind).close()
        print("open")
    except PermissionError:
        print("denied")
print("nft", subprocess.run(["nft", "list", "ruleset"], capture_output=True).returncode)
print({line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm", "CapBnd"))})
"""


def test_bare_is_without_any_capability(lab):
    """Raw sockets and the packet filter are out of reach there, and within reach without it."""
    may = script(lab, TRY_PRIVILEGES)
    may_not = script(lab, TRY_PRIVILEGES, bare=True)

    assert may[:3] == ["open", "open", "nft 0"]
    assert may_not[:3] == ["denied", "denied", "nft 1"]
    assert may_not[3] == "{'0000000000000000'}"


@pytest.mark.parametrize("name", ["silent_fabric", "forwarder"])
def test_healthy_stays_healthy(lab, name):
    """Everything that is served is reached from the job and from the VPC host."""
    with lab.broken(name):
        from_job, from_host = connect(lab, *SERVED), connect(lab, *SERVED, namespace=VPCHOST)

    assert dict.fromkeys(SERVED, "open") == from_job == from_host


@pytest.mark.parametrize("name", ["silent_fabric", "forwarder"])
def test_a_variant_is_undone_exactly(lab, name):
    """Rules, routes and links, the bridges' ports and the kernel's settings are what they were."""
    with lab.broken(name):
        pass
    before = _state(lab)
    with lab.broken(name):
        during = _state(lab)

    assert before != during
    assert before == _state(lab)


def _state(lab):
    snapshot = lab.call("snapshot")
    ports = lab.run(["bridge", "-d", "link"], ROUTER)["stdout"]
    answering = "cat /proc/sys/net/ipv4/conf/*/proxy_arp* /proc/sys/net/ipv4/neigh/*/proxy_delay"
    settings = {namespace: lab.run(["sh", "-c", answering], namespace)["stdout"] for namespace in NAMESPACES}
    return snapshot, ports, settings


def test_a_silent_fabric_says_nothing(lab):
    """What a router or a filter would say is silence; a dead neighbour's ARP request is answered by the router."""
    with lab.broken("silent_fabric", "router_lacks_route", "router_prohibits"):
        met = connect(lab, UNUSED, ZOOKEEPER, MYSQL, REDIS)
        from_host = connect(lab, DEAD_NEIGHBOUR, namespace=VPCHOST)
        neighbours = lab.run(["ip", "-j", "neigh", "show", DEAD_NEIGHBOUR[0]], VPCHOST)["stdout"]

    assert {UNUSED: "silent", ZOOKEEPER: "silent", MYSQL: "silent", REDIS: "open"} == met
    assert from_host == {DEAD_NEIGHBOUR: "silent"}
    assert '"lladdr"' in neighbours


TRACE = """
import socket, sys
host, port = sys.argv[1:]
for ttl in (1, 2):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_IP, socket.IP_TTL, ttl)
        sock.setsockopt(socket.SOL_IP, 11, 1)  # IP_RECVERR
        sock.settimeout(0.3)
        print(ttl, sock.connect_ex((host, int(port))) or "open")
"""


def test_a_silent_fabric_sends_no_time_exceeded(lab):
    """A SYN that expires is not heard of; without the variant the router says so."""
    spoken = script(lab, TRACE, *map(str, MYSQL))
    with lab.broken("silent_fabric"):
        silent = script(lab, TRACE, *map(str, MYSQL))

    assert spoken == ["1 113", "2 open"]
    assert silent == ["1 11", "2 open"]


READ = """
import socket, sys
for endpoint in sys.argv[1:]:
    host, port = endpoint.split(":")
    with socket.create_connection((host, int(port)), 2) as sock:
        sock.settimeout(1.5)
        try:
            print("said" if sock.recv(64) else "ended")
        except TimeoutError:
            print("held")
"""


def test_a_forwarder_accepts_whatever_becomes_of_it(lab):
    """Every SYN is answered at the first hop; then a refusal ends the connection, and silence is held."""
    faults = ("blackhole", "group_drops_metastore", "internet_closed", "router_prohibits")
    endpoints = (UNUSED, ZOOKEEPER, METASTORE, ALIYUN, MYSQL, ("10.10.2.40", 9999), ("10.10.2.41", 3306))
    with lab.broken("forwarder", *faults):
        met = connect(lab, *endpoints)
        read = script(lab, READ, *(f"{host}:{port}" for host, port in endpoints))
        trace = script(lab, TRACE, *map(str, ZOOKEEPER))

    assert dict.fromkeys(endpoints, "open") == met
    assert read == ["ended", "held", "held", "held", "ended", "ended", "said"]
    assert trace == ["1 open", "2 open"]


DENIED = """
import socket
with socket.create_connection(("10.10.2.40", 3306), 2) as sock:
    print(sock.recv(200)[7:].decode())
"""


def test_a_forwarder_connects_in_the_sources_name(lab):
    """The destination sees the ENI's address, and a whitelist of sources bites."""
    with lab.broken("forwarder", "mysql_denies"):
        seen = script(lab, DENIED)
    with lab.broken("forwarder", "whitelist_has_old_eni"):
        dropped = script(lab, READ, "10.10.2.40:3306", "10.10.2.40:5432", "10.10.2.41:3306")

    assert f"'{ENI_ADDRESS}'" in seen[0]
    assert dropped == ["held", "held", "said"]


def test_a_forwarder_is_the_jobs_alone(lab):
    """From the VPC host the same networks are as they were."""
    with lab.broken("forwarder", "blackhole"):
        met = connect(lab, ZOOKEEPER, MYSQL, namespace=VPCHOST)

    assert met == {ZOOKEEPER: "silent", MYSQL: "open"}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_the_tables_speak_of_what_there_is(variant):
    """Every cause that is said to look like another is expected by a scenario of the variant; what is spared exists."""
    expected = {scenario.expected for scenario in SCENARIOS.values() if variant.has(scenario)}

    assert set(variant.indistinguishable) <= expected
    assert set(variant.spared) <= set(SCENARIOS)
