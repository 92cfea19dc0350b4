"""How the shares of a silence's causes are divided: by what each of them would make of the rest of the plan."""

from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import Network, Plan, Target, Vantage
from tests.reports.building import connected, seen

ENI, JOB = "10.10.1.10", "vswitch-a"
NETWORKS = tuple(
    Network(name=name, cidr=cidr)
    for name, cidr in ((JOB, "10.10.1.0/24"), ("vswitch-b", "10.10.2.0/24"), ("vswitch-c", "10.10.3.0/24"))
)
OWN = seen("local", "interface", None, "eth1", name="eth1", up=True, carrier=True, addresses=f"{ENI}/24")


def target(name, ip, port=8080, **more):
    """A plain port in the VPC."""
    return Target(name=name, host=ip, port=port, via="vpc", **more)


def silent(one, ip=None):
    """No answer of any kind."""
    facts = {"ip": ip or one.host, "port": one.port, "source": ENI, "syns": 2}
    where = f"{facts['ip']}:{one.port}"
    return seen("tcp", "connect", one.name, where, failure=Failure.TIMED_OUT, duration_s=1.5, **facts)


def answers(one, ip=None):
    """A handshake."""
    return connected(one.name, ip or one.host, one.port)


def shares(targets, *observations):
    """Cause to share, of the first finding and its candidates; the first cause first."""
    plan = Plan(name="p", targets=tuple(targets), networks=NETWORKS)
    first = diagnose(plan, Vantage(kind="udf"), (OWN, *observations)).findings[0]
    found = {first.cause: first.confidence}
    for other in first.candidates:
        found.setdefault(other.cause, other.confidence)
    return found


def leading(found):
    """The first cause."""
    return next(iter(found))


def test_one_silent_subnet_is_not_the_eni_s():
    """Several hosts in one subnet are silent, and nothing else is declared: that subnet's route is likelier."""
    hosts = [target("one", "10.10.3.20"), target("two", "10.10.3.21")]
    found = shares(hosts, *map(silent, hosts))

    assert leading(found) == "blackhole_route"
    assert found["eni_group_blocks_outbound"] > 0.1


def test_several_silent_subnets_are_the_eni_s():
    """Everything in the VPC is silent, in two subnets."""
    hosts = [target("one", "10.10.3.20"), target("two", "10.10.2.20")]

    assert leading(shares(hosts, *map(silent, hosts))) == "eni_group_blocks_outbound"


def test_a_host_that_is_silent_at_every_port():
    """A neighbour answers: its own firewall, its group and its being off all stay possible."""
    hosts = [target("one", "10.10.3.20"), target("two", "10.10.3.20", 8081), target("near", "10.10.3.21")]
    found = shares(hosts, *map(silent, hosts[:2]), answers(hosts[2]))

    assert max(found.values()) < 0.6
    assert {"sg_drop", "host_firewall_drop", "host_down"} <= set(found)


def test_a_whitelist_that_is_said_to_lack_the_source():
    """The port's neighbour answers, which a whitelist explains as well as a group: what was declared decides."""
    hosts = [target("it", "10.10.3.20", admits=("10.10.1.99",)), target("beside", "10.10.3.20", 8081)]
    found = shares(hosts, silent(hosts[0]), answers(hosts[1]))

    assert leading(found) == "ip_whitelist_mismatch"
    assert found["ip_whitelist_mismatch"] > 0.9


def named(server, index, address):
    """What a name server says of the name."""
    facts = {"name": "db.corp.example", "server": server, "index": index, "type": "A", "addresses": address}
    return seen("dns", "query", None, f"{server}:53", **facts)


def test_another_server_s_address_says_nothing_of_the_job_s():
    """The first server's address is silent; an echo and a trace that went to the second one's are not its answers."""
    it = target("it", "db.corp.example")
    old, new = "10.10.3.20", "10.10.3.30"
    asked = (named("10.0.0.1", 0, old), named("10.0.0.2", 1, new))
    resolver = seen("dns", "resolver", None, "getaddrinfo", name=it.host, addresses=old)
    echo = seen("path", "echo", "it", new, after=2.0, ip=new)
    hop = seen("path", "hop", "it", f"{new}:8080", after=2.0, ip=new, ttl=1, reached=True)
    found = shares([it], *asked, resolver, silent(it, old), answers(it, new), echo, hop)

    assert leading(found) == "dns_stale_answer"
    assert found["dns_stale_answer"] > 0.9


def test_a_name_that_is_private_by_its_end():
    """Its private address, in a network that nobody declared, is as it should be."""

    def share(host):
        it = Target(name="it", host=host, port=8080)
        resolver = seen("dns", "resolver", None, "getaddrinfo", name=host, addresses="10.66.0.20")
        return shares([it], resolver, silent(it, "10.66.0.20")).get("dns_wrong_private_answer", 0.0)

    assert share("db.corp.example") > 3 * share("db.corp.internal")


def datanodes(*ips):
    """A NameNode that answers, and DataNodes that do not."""
    master = Target(name="master", host="10.10.2.30", port=8020, service="hdfs-namenode", group="h", via="vpc")
    nodes = [target(f"node{ip}", ip, 9866, service="hdfs-datanode", group="h") for ip in ips]
    reply = seen("service", "exchange", "master", master.address, phase="reply", bytes_in=150)
    return shares([*nodes, master], answers(master), reply, *map(silent, nodes))


def test_the_only_datanode_may_be_its_own_matter():
    """Where several fail it is the cluster's ports; the only one that is known leaves more to the rest."""
    one, three = datanodes("10.10.3.31"), datanodes("10.10.3.31", "10.10.3.32", "10.10.3.33")

    assert leading(one) == leading(three) == "datanode_unreachable"
    assert one["datanode_unreachable"] < 0.7 < three["datanode_unreachable"]


def test_an_eni_that_nobody_asked_for():
    """The settings do not switch the way on: that there is no interface follows from it."""
    it = target("it", "10.10.3.20")
    sandbox = seen("local", "interface", None, "eth0", name="eth0", up=True, carrier=True, addresses="172.30.0.2/24")

    def share(*more):
        plan = Plan(name="p", targets=(it,), networks=NETWORKS)
        found = diagnose(plan, Vantage(kind="udf"), (sandbox, silent(it), *more)).findings
        every = {one.cause: one.confidence for finding in found for one in (finding, *finding.candidates)}
        return every["eni_missing"]

    coverage = seen(
        "settings", "coverage", "it", None, way="vpc", enabled=False, missing_key="odps.session.networklink"
    )

    assert share(coverage) < share() / 2
