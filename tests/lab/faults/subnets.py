"""vSwitches with many hosts, and what keeps parts of them, single ports or single hosts away."""

import random
from collections.abc import Mapping, Sequence

from tests.lab.changes import Change, chain, routes, together
from tests.lab.crowd import CROWD, TWIN, Crowd, behind_router, behind_speaking_router, beside_the_job
from tests.lab.faults.contract import Fault, forward
from tests.lab.network import ROUTER

# The vSwitch of its own, the host there that plans name, and one more that a part of it hides.
_VSWITCH_E, _NODE, _HIDDEN = "10.10.5.0/24", 20, 100
_METASTORE, _NAMENODE = 9083, 8020
# Its hosts: nearly all addresses, without any order in those that are free.
_CROWDED = tuple(sorted({_NODE, _HIDDEN, 11, *random.Random(5).sample(range(1, 253), 200)}))
# In ascending order, as they are handed out.
_HALF = tuple(range(1, 111))
_A = "10.10.1.0/24"
# Hosts beside the job, but what the lab itself has there: nine addresses are left.
_NEIGHBOURS = tuple(number for number in range(2, 246) if number not in (10, 11, 50, 51))
_ROUTED = "ip daddr 10.10.5.0/24"


def _crowd(
    hosts: Sequence[int] = _CROWDED, ports: Sequence[int] = (_NAMENODE, _METASTORE), cidr: str = _VSWITCH_E
) -> Crowd:
    """All hosts listen at these ports; one of them is a NameNode with its metastore."""
    others = [number for number in hosts if number != _NODE]
    return Crowd(
        cidr=cidr,
        hosts=hosts,
        listening=dict.fromkeys(ports, others),
        serving={(_NODE, _METASTORE): ("hive_metastore",), (_NODE, _NAMENODE): ("hadoop_ipc",)},
    )


def _broken(truth: str, *changes: Change, hosts: Sequence[int] = _CROWDED) -> Fault:
    return Fault(truth, together(behind_router(_crowd(hosts)), *changes))


_PARTS: Mapping[str, Fault] = {
    "part_filtered": _broken(
        "a network ACL drops whatever goes to 10.10.5.64/27, in a vSwitch where addresses all over are in use",
        forward("ip daddr 10.10.5.64/27 drop"),
    ),
    "part_discarded": _broken(
        "a route discards whatever goes to 10.10.5.96/28, in a vSwitch where addresses all over are in use",
        routes(ROUTER, "blackhole 10.10.5.96/28"),
    ),
    "part_not_routed": _broken(
        "the router's look-up fails for 10.10.5.160/27, and it answers ICMP network unreachable",
        routes(ROUTER, "throw 10.10.5.160/28", "throw 10.10.5.176/28"),
    ),
    "part_of_interfaces_discarded": _broken(
        "a route discards whatever goes to 10.10.5.192/26; nobody knows of hosts there but the plan, which declares "
        "interfaces",
        routes(ROUTER, "blackhole 10.10.5.192/26"),
        hosts=(*_HALF, 200, 201),
    ),
}

_PORTS: Mapping[str, Fault] = {
    "group_drops_port": _broken(
        "the security group of all hosts of the vSwitch drops one port", forward(f"{_ROUTED} tcp dport 9083 drop")
    ),
    "port_prohibited": _broken(
        "the router answers ICMP type 3 code 13 for one port of all hosts of the vSwitch",
        forward(f"{_ROUTED} tcp dport 9083 reject with icmp admin-prohibited"),
    ),
    "one_of_many_drops": _broken(
        "the host's own input chain drops whatever comes from vswitch-a; all others of its vSwitch answer",
        chain(CROWD, "input", "ip daddr 10.10.5.20 ip saddr 10.10.1.0/24 drop"),
    ),
}

_LINK: Mapping[str, Fault] = {
    "vswitch_a_crowded": Fault(
        "nearly all addresses of vswitch-a are in use, by hosts that answer",
        beside_the_job(Crowd(cidr=_A, hosts=_NEIGHBOURS, listening={_NAMENODE: _NEIGHBOURS})),
    ),
    "address_twice": Fault(
        "two machines of vswitch-a have the address 10.10.1.60",
        together(*(beside_the_job(Crowd(cidr=_A, hosts=(60,)), namespace) for namespace in (CROWD, TWIN))),
    ),
}

_CLOUD: Mapping[str, Fault] = {
    "acl_drops_zookeeper": Fault(
        "the list of vswitch-c drops one port of all hosts there for vswitch-a, and answers would pass",
        forward("ip saddr 10.10.1.0/24 ip daddr 10.10.3.0/24 tcp dport 2181 drop"),
    ),
}

_TEMPTING: Mapping[str, Fault] = {
    "crowd_in_order": _broken("the first 110 addresses of the vSwitch are in use, in order", hosts=_HALF),
    "crowd_lively": _broken("200 addresses of the vSwitch are in use, and none that the platform keeps"),
    "crowd_few_listen": Fault(
        "of 110 hosts only one listens at the port that is asked; the others refuse, or drop it",
        together(
            behind_router(_crowd(_HALF, ports=())),
            chain(CROWD, "input", "ip daddr 10.10.5.64-10.10.5.100 tcp dport 9083 drop"),
        ),
    ),
    "crowd_without_icmp": _broken(
        "no ICMP gets to the vSwitch, TCP is fine", forward(f"{_ROUTED} meta l4proto icmp drop")
    ),
    "crowd_of_closed_groups": _broken(
        "the groups of all hosts but one admit nobody",
        forward(f"{_ROUTED} ip daddr != 10.10.5.20 drop"),
    ),
    "crowd_of_a_speaking_router": Fault(
        "the first 60 addresses of a /25 are in use, and of each other one the router says that nobody has it",
        behind_speaking_router(_crowd(range(1, 61), cidr="10.10.5.0/25"), gateway=125),
    ),
}

FAULTS: Mapping[str, Fault] = {**_PARTS, **_PORTS, **_LINK, **_CLOUD, **_TEMPTING}
