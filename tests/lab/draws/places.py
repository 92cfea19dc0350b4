"""The places of a draw: where the job runs, the vSwitches and routers, the hosts and what they serve."""

import ipaddress
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from attrs import evolve, frozen

UDF, SPARK, HOST = "udf", "spark", "host"
# The namespaces; routers and vSwitches have numbers behind theirs.
JOB, PROXY, INTERNET, GATEWAY = "d-job", "d-proxy", "d-internet", "d-r0"

_UNAUTHORIZED = '{"error":{"type":"security_exception","reason":"missing authentication credentials"},"status":401}'
# What a service of that kind does while it is healthy, and its ports: the usual one, and what people choose else.
SERVICES: Mapping[str, tuple[tuple[Any, ...], tuple[int, ...]]] = {
    "mysql": (("mysql",), (3306, 3307, 13306)),
    "postgresql": (("postgresql",), (5432, 15432)),
    "redis": (("redis",), (6379, 6380)),
    "zookeeper": (("zookeeper",), (2181, 2182)),
    "hive-metastore": (("hive_metastore",), (9083, 19083)),
    "hdfs-namenode": (("hadoop_ipc",), (8020, 9000)),
    "elasticsearch": (("http", 401, "Unauthorized", _UNAUTHORIZED), (9200, 9201)),
    "http": (("http",), (80, 8080, 8088)),
    "https": (("tls", "good", "http"), (443, 8443)),
    "tcp": (("hold",), (7000, 30020)),
    "hdfs-datanode": (("hdfs_datanode",), (50010, 9866)),
}
# What a single host may serve.
_KINDS = tuple(kind for kind in SERVICES if kind != "hdfs-datanode")
_PUBLIC_SERVICES = ("http", "https", "https")


@frozen(kw_only=True)
class Service:
    """What listens at a host's port."""

    kind: str
    port: int


@frozen(kw_only=True)
class Host:
    """One address. ``namespace`` holds it; ``subnet`` is its vSwitch's index, None at a public host."""

    name: str
    address: str
    namespace: str
    subnet: int | None
    services: tuple[Service, ...]
    echoes: bool = True
    group: str | None = None


@frozen(kw_only=True)
class Router:
    """``speaks``: it sends ICMP messages."""

    namespace: str
    speaks: bool


@frozen(kw_only=True)
class Subnet:
    """A vSwitch. ``routers``: those between the job and it, the nearest first; none where the job's ENI is in it."""

    index: int
    cidr: str
    routers: tuple[Router, ...]

    @property
    def namespace(self) -> str:
        """Where its hosts are."""
        return f"d-s{self.index}"

    @property
    def gateway(self) -> str:
        """Its router's address in it."""
        return str(ipaddress.ip_network(self.cidr)[1])

    @property
    def halves(self) -> list[str]:
        """Two narrower networks that are the whole: their routes win."""
        return [str(half) for half in ipaddress.ip_network(self.cidr).subnets()]


@frozen(kw_only=True)
class Places:
    """The whole network. The first vSwitch is the job's own; ``vpc`` holds all of them."""

    runtime: str
    vpc: str
    address: str
    subnets: tuple[Subnet, ...]
    hosts: tuple[Host, ...]
    gateway: Router

    @property
    def sandboxed(self) -> bool:
        """The job has a way of its own to the Internet, by the outbound proxy."""
        return self.runtime != HOST

    @property
    def served(self) -> list[tuple[Host, Service]]:
        """Every service with its host."""
        return [(host, service) for host in self.hosts for service in host.services]

    @property
    def eni(self) -> str:
        """The interface in the VPC."""
        return "eth1" if self.sandboxed else "eth0"


def draw_places(random: Random) -> Places:
    """Anything from one vSwitch with one host to four with five each, and public hosts."""
    speaking = random.random() < 0.75
    gateway = Router(namespace=GATEWAY, speaks=speaking)
    vpc = random.choice(
        [f"10.{random.randint(32, 200)}.0.0/16", f"172.{random.randint(16, 29)}.0.0/16", "192.168.0.0/16"]
    )
    cidrs = _cidrs(random, vpc)
    # The job's own vSwitch has hosts in it now and then.
    subnets = [Subnet(index=0, cidr=next(cidrs), routers=())]
    for index in range(1, random.randint(1, 4) + 1):
        routers = [gateway]
        if random.random() < 0.3:
            routers.append(Router(namespace=f"d-r{index}", speaks=speaking and random.random() < 0.9))
        subnets.append(Subnet(index=index, cidr=next(cidrs), routers=tuple(routers)))
    hosts = [host for subnet in subnets for host in _hosts(random, subnet)]
    if random.random() < 0.25:
        hosts = _with_cluster(random, hosts)
    own = ipaddress.ip_network(subnets[0].cidr)
    taken = {host.address for host in hosts}
    addresses = [
        str(own[number]) for number in range(2, min(own.num_addresses - 1, 250)) if str(own[number]) not in taken
    ]
    return Places(
        runtime=random.choices((UDF, SPARK, HOST), (4, 3, 3))[0],
        vpc=vpc,
        address=random.choice(addresses),
        subnets=tuple(subnets),
        hosts=(*hosts, *_public_hosts(random)),
        gateway=gateway,
    )


def unused(random: Random, places: Places, subnet: Subnet) -> str:
    """An address of the vSwitch that nothing holds."""
    network = ipaddress.ip_network(subnet.cidr)
    taken = {places.address, *(host.address for host in places.hosts)}
    return random.choice(
        [
            str(network[number])
            for number in range(2, min(network.num_addresses - 1, 250))
            if str(network[number]) not in taken
        ]
    )


def _cidrs(random: Random, vpc: str) -> Iterator[str]:
    blocks = random.sample(list(ipaddress.ip_network(vpc).subnets(new_prefix=24)), 5)
    for block in blocks:
        yield str(random.choice(list(block.subnets(new_prefix=random.choice((24, 24, 25, 26, 27))))))


def _hosts(random: Random, subnet: Subnet) -> Iterator[Host]:
    network = ipaddress.ip_network(subnet.cidr)
    count = random.randint(1, 5) if subnet.index else random.choice((0, 0, 0, 1, 2))
    for number in random.sample(range(2, min(network.num_addresses - 1, 250)), count):
        yield Host(
            name=f"h{subnet.index}-{number}.drawn.internal",
            address=str(network[number]),
            namespace=subnet.namespace,
            subnet=subnet.index,
            services=_services(random, _KINDS),
            echoes=random.random() < 0.6,
        )


def _with_cluster(random: Random, hosts: list[Host]) -> list[Host]:
    """The hosts of one vSwitch are a cluster now: a NameNode and its DataNodes."""
    index = random.choice([host.subnet for host in hosts])
    master, *nodes = [host for host in hosts if host.subnet == index]
    namenode = (Service(kind="hdfs-namenode", port=8020), Service(kind="hive-metastore", port=9083))
    datanode = (Service(kind="hdfs-datanode", port=50010),)
    return [
        *(host for host in hosts if host.subnet != index),
        evolve(master, services=namenode, group="hadoop"),
        *(evolve(node, services=datanode, group="hadoop") for node in nodes),
    ]


def _public_hosts(random: Random) -> Iterator[Host]:
    for number in random.sample(range(101, 200), random.randint(0, 5)):
        yield Host(
            name=f"site{number}.drawn.example",
            address=f"198.51.100.{number}",
            namespace=INTERNET,
            subnet=None,
            services=_services(random, _PUBLIC_SERVICES),
        )


def _services(random: Random, kinds: tuple[str, ...]) -> tuple[Service, ...]:
    found: dict[int, Service] = {}
    for kind in random.choices(kinds, k=random.choices((1, 2, 3, 4), (5, 3, 2, 1))[0]):
        usual, *others = SERVICES[kind][1]
        port = usual if random.random() < 0.8 else random.choice(others)
        found.setdefault(port, Service(kind=kind, port=port))
    return tuple(found.values())
