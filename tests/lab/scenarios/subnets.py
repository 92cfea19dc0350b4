"""vSwitches with many hosts: what the plan's networks show, address by address, and what the cloud's inventory says."""

from typing import Any

from tests.lab.cloud import cloud
from tests.lab.network import VPCHOST
from tests.lab.scenario import DEGRADED, NETWORKS, Plan, Scenario, host, target, udf

_HIVE = {"service": "hive-metastore", "via": "vpc"}
_WAREHOUSE = target("warehouse", address="10.10.5.20:9083", **_HIVE)
_HIDDEN = target("hidden", address="10.10.5.100:9083", **_HIVE)
_FILTERED = target("filtered", address="10.10.5.70:9083", **_HIVE)
_UNUSED = target("unused", address="10.10.5.200:9083", **_HIVE)


_VSWITCH_E = {"name": "vswitch-e", "cidr": "10.10.5.0/24", "ports": [8020]}


def _swept(*targets: Any, **changes: Any) -> Plan:
    """A job with targets in vswitch-e, which is swept."""
    return udf("metastore", *targets, "aliyun", networks=[*NETWORKS, {**_VSWITCH_E, **changes}])


def _own(plan: Any = udf, admits: str = "", **changes: Any) -> Plan:
    """A job or a host in vswitch-a, which is swept."""
    mysql = target("mysql", **({"admits": [admits]} if admits else {}))
    own = {**NETWORKS[0], "ports": [8020], **changes}
    return plan("metastore", mysql, "aliyun", networks=[own, *NETWORKS[1:]])


_NODE = _swept(_WAREHOUSE)
_BOTH = _swept(_WAREHOUSE, ports=[8020, 9083])

_PARTS = (
    Scenario(
        name="subnet_partly_dark",
        title="an ACL drops whatever goes to a /27 of a lively vSwitch; the job's target is elsewhere in it",
        plan=_NODE,
        faults=("part_filtered",),
        expected="subnet_partly_dark",
        targets=("warehouse",),
        verdict=DEGRADED,
        said="in 10.10.5.64/27 answers",
    ),
    Scenario(
        name="subnet_partly_dark_with_target",
        title="a route discards a /28 of a lively vSwitch, and one of the job's targets is in it",
        plan=_swept(_WAREHOUSE, _HIDDEN),
        faults=("part_discarded",),
        expected="blackhole_route",
        targets=("hidden",),
        others={"subnet_partly_dark": ("warehouse", "hidden")},
        said="it lies in 10.10.5.96/28, where nobody answers",
    ),
    Scenario(
        name="acl_drop_of_a_part",
        title="an ACL drops whatever goes to a /27 of a lively vSwitch, and one of the job's targets is in it",
        plan=_swept(_WAREHOUSE, _FILTERED),
        faults=("part_filtered",),
        expected="acl_drop",
        targets=("filtered",),
        others={"subnet_partly_dark": ("warehouse", "filtered")},
        said="it lies in 10.10.5.64/27, where nobody answers",
    ),
    Scenario(
        name="subnet_partly_dark_no_route",
        title="a router has no route to a /27 of a lively vSwitch, and says so",
        plan=_NODE,
        faults=("part_not_routed",),
        expected="subnet_partly_dark",
        targets=("warehouse",),
        verdict=DEGRADED,
        said="in 10.10.5.160/27 answers",
    ),
    Scenario(
        name="subnet_partly_dark_swept",
        title="an ACL drops whatever goes to a /27 of a lively vSwitch, which a host of the VPC sweeps",
        plan=host("metastore", networks=[_VSWITCH_E]),
        vantage=VPCHOST,
        sweep=("--echo",),
        faults=("part_filtered",),
        expected="subnet_partly_dark",
        verdict=DEGRADED,
        said="in 10.10.5.64/27 answers",
    ),
    Scenario(
        name="subnet_partly_dark_interfaces",
        title="declared interfaces are silent in the part of a vSwitch that a route discards, and another one answers",
        plan=_swept(_WAREHOUSE, enis=["10.10.5.11", "10.10.5.200", "10.10.5.201"]),
        faults=("part_of_interfaces_discarded",),
        expected="subnet_partly_dark",
        targets=("warehouse",),
        verdict=DEGRADED,
        said="10.10.5.200, 10.10.5.201, which are said to be in use, are among them",
    ),
)

_UNUSED_PART = (
    Scenario(
        name="host_down_in_the_unused",
        title="a target's address is one of those that nobody has yet, in the upper half of a vSwitch",
        plan=_swept(_WAREHOUSE, _UNUSED),
        faults=("crowd_in_order",),
        expected="host_down",
        targets=("unused",),
        said="it lies in 10.10.5.128/25, where nobody answers (125 were asked), as where addresses are not in use",
        infos=("subnet_partly_dark",),
    ),
)

_PORTS = (
    Scenario(
        name="sg_drop_of_a_vswitch",
        title="the security group of a whole vSwitch drops one port",
        plan=_BOTH,
        faults=("group_drops_port",),
        expected="sg_drop",
        targets=("warehouse",),
        said="hosts in vswitch-e that are alive answers on 9083",
    ),
    Scenario(
        name="host_firewall_among_many",
        title="one host of a lively vSwitch drops whatever comes from the job's; its neighbours answer there",
        plan=_BOTH,
        faults=("one_of_many_drops",),
        expected="host_firewall_drop",
        targets=("warehouse",),
        said="other hosts in vswitch-e that are alive answer on 9083; this one does not",
    ),
    Scenario(
        name="admin_prohibited_of_a_vswitch",
        title="a router answers for all hosts of a vSwitch that one port is prohibited",
        plan=_BOTH,
        faults=("port_prohibited",),
        expected="admin_prohibited",
        targets=("warehouse",),
        said="10.10.1.1 answers so for",
    ),
)

_LINK = (
    Scenario(
        name="vswitch_nearly_full",
        title="nearly all addresses of the vSwitch of the job's ENIs answer",
        plan=_own(),
        faults=("vswitch_a_crowded",),
        expected="vswitch_nearly_full",
        targets=("metastore", "mysql"),
        verdict=DEGRADED,
        said="addresses in vswitch-a (10.10.1.0/24) are free",
    ),
    Scenario(
        name="vswitch_nearly_full_from_host",
        title="nearly all addresses of the host's own vSwitch answer (from a host of the VPC)",
        plan=_own(host, enis=[]),
        vantage=VPCHOST,
        faults=("vswitch_a_crowded",),
        expected="vswitch_nearly_full",
        targets=("metastore", "mysql"),
        verdict=DEGRADED,
        said="addresses in vswitch-a (10.10.1.0/24) are free",
    ),
    Scenario(
        name="vswitch_nearly_full_by_inventory",
        title="the inventory counts three free addresses in the vSwitch of the job's ENIs",
        plan=udf("metastore", "mysql", "aliyun", inventory="cloud.json"),
        files={"cloud.json": cloud(free=3)},
        expected="vswitch_nearly_full",
        targets=("metastore", "mysql"),
        verdict=DEGRADED,
        said="by the inventory 3 of 252 addresses in vswitch-a (10.10.1.0/24) are free",
    ),
    Scenario(
        name="duplicate_address",
        title="two machines on the host's link have one address",
        plan=host("metastore", "mysql", "aliyun", networks=[NETWORKS[0]]),
        vantage=VPCHOST,
        sweep=("--method", "arp"),
        faults=("address_twice",),
        expected="duplicate_address",
        verdict=DEGRADED,
        said="answer ARP for 10.10.1.60",
    ),
    Scenario(
        name="duplicate_address_in_a_check",
        title="two machines on the host's link have one address, and a check asks who is there",
        plan=_own(host),
        vantage=VPCHOST,
        faults=("address_twice",),
        expected="duplicate_address",
        verdict=DEGRADED,
        said="answer ARP for 10.10.1.60",
    ),
    Scenario(
        name="eni_at_reserved_address",
        title="the plan declares an interface at an address that the platform keeps for itself",
        plan=_own(enis=["10.10.1.10", "10.10.1.254"]),
        expected="config_disagrees",
        targets=("metastore",),
        verdict=DEGRADED,
        said="an interface at 10.10.1.254",
    ),
    Scenario(
        name="whitelist_of_interfaces",
        title="the database is said to admit the ENI's address, which no plan declares: the sweep came from it",
        plan=_own(admits="10.10.1.10", enis=[]),
        expected="whitelist_lacks_vswitch",
        targets=("mysql",),
        verdict=DEGRADED,
        said="which covers 10.10.1.10 of today but not the vSwitch 10.10.1.0/24",
    ),
    Scenario(
        name="whitelist_of_interfaces_from_host",
        title="the database is said to admit the host's own address alone (from a host of the VPC)",
        plan=_own(host, admits="10.10.1.50", enis=[]),
        vantage=VPCHOST,
        expected="whitelist_lacks_vswitch",
        targets=("mysql",),
        verdict=DEGRADED,
        said="which covers 10.10.1.50 of today but not the vSwitch 10.10.1.0/24",
    ),
)

_INVENTORY = (
    Scenario(
        name="acl_drop",
        title="a network ACL drops the request, and the inventory says by which entry",
        plan=udf("metastore", "mysql", "zookeeper", "aliyun", inventory="cloud.json"),
        files={"cloud.json": cloud(acl=True)},
        faults=("acl_drops_zookeeper",),
        expected="acl_drop",
        targets=("zookeeper",),
        said="inbound entry 1 of nacl-c",
    ),
)

_HEALTHY = (
    Scenario(
        name="healthy_sweep_in_order",
        title="half of a vSwitch is in use, in the order in which addresses are handed out",
        plan=_BOTH,
        faults=("crowd_in_order",),
    ),
    Scenario(
        name="healthy_sweep_lively",
        title="addresses of a vSwitch are in use all over, and nobody answers at those that the platform keeps",
        plan=_BOTH,
        faults=("crowd_lively",),
    ),
    Scenario(
        name="healthy_sweep_few_listen",
        title="of the hosts of a vSwitch only one listens",
        plan=_swept(_WAREHOUSE, ports=[9083]),
        faults=("crowd_few_listen",),
    ),
    Scenario(
        name="healthy_sweep_without_icmp",
        title="the vSwitch is reached by TCP, and by no ICMP",
        plan=_BOTH,
        faults=("crowd_without_icmp",),
    ),
    Scenario(
        name="healthy_sweep_closed_groups",
        title="no group of the vSwitch admits anybody, but that of the job's target",
        plan=_BOTH,
        faults=("crowd_of_closed_groups",),
    ),
    Scenario(
        name="healthy_sweep_speaking_router",
        title="a router says of each free address of the vSwitch that nobody has it",
        plan=_swept(_WAREHOUSE, cidr="10.10.5.0/25"),
        faults=("crowd_of_a_speaking_router",),
    ),
    Scenario(
        name="healthy_sweep_own_vswitch",
        title="the job's own vSwitch, in which hardly anybody is",
        plan=_own(),
    ),
    Scenario(
        name="healthy_inventory",
        title="the inventory admits what is open, and has few addresses left in a vSwitch that is not the job's",
        plan=udf("metastore", "mysql", "zookeeper", "aliyun", inventory="cloud.json"),
        files={"cloud.json": cloud(elsewhere=2)},
    ),
)

SCENARIOS = (*_INVENTORY, *_PARTS, *_UNUSED_PART, *_PORTS, *_LINK, *_HEALTHY)
