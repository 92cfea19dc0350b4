"""This machine, its ENI, the routes and the filters on the way."""

from tests.lab.network import VPCHOST
from tests.lab.scenario import NETWORKS, UNDETERMINED, Scenario, host, target, udf

_MIXED = udf("metastore", "mysql", "redis", "zookeeper", "aliyun")
_ALL_VPC = ("metastore", "mysql", "redis", "zookeeper")
_SUBNETS = udf("metastore", "mysql", "zookeeper", "elasticsearch", "aliyun")
_DATABASE = ("mysql", "redis")

_LOCAL = (
    Scenario(
        name="local_firewall_drop",
        title="an output rule of the job's own machine drops one destination",
        plan=_MIXED,
        faults=("local_drop",),
        expected="local_firewall_drop",
        targets=("mysql",),
    ),
    Scenario(
        name="local_firewall_reject",
        title="an output rule of the job's own machine rejects one destination",
        plan=_MIXED,
        faults=("local_reject",),
        expected="local_firewall_drop",
        targets=("mysql",),
    ),
    Scenario(
        name="local_blackhole_route",
        title="a blackhole route on the job's own machine",
        plan=_MIXED,
        faults=("local_blackhole",),
        expected="local_reject_route",
        targets=_DATABASE,
    ),
    Scenario(
        name="local_unreachable_route",
        title="an unreachable route on the job's own machine",
        plan=_MIXED,
        faults=("local_unreachable",),
        expected="local_reject_route",
        targets=_DATABASE,
    ),
    Scenario(
        name="no_default_route",
        title="the default route is gone",
        plan=udf("metastore", "mysql", "zookeeper", "aliyun", "amap"),
        faults=("no_default",),
        expected="no_default_route",
        targets=("aliyun", "amap"),
    ),
    Scenario(
        name="wrong_route",
        title="vswitch-b is routed to the outbound proxy, not to the ENI",
        plan=_SUBNETS,
        faults=("wrong_route",),
        expected="wrong_route",
        targets=("metastore", "mysql"),
    ),
    Scenario(
        name="local_resources",
        title="no descriptor is left to open a connection with",
        plan=_MIXED,
        # Standard streams, the event loop and its poller take all of them.
        descriptors=7,
        expected="local_resources",
        verdict=UNDETERMINED,
    ),
)

_ENI = (
    Scenario(
        name="eni_missing",
        title="the network link is declared, and there is no ENI",
        plan=_MIXED,
        faults=("eni_detached",),
        expected="eni_missing",
        targets=_ALL_VPC,
    ),
    Scenario(
        name="eni_down",
        title="the ENI is down",
        plan=_MIXED,
        faults=("eni_down",),
        expected="eni_down",
        targets=_ALL_VPC,
    ),
    Scenario(
        name="eni_no_carrier",
        title="the ENI is up and not attached",
        plan=_MIXED,
        faults=("eni_unplugged",),
        expected="eni_no_carrier",
        targets=_ALL_VPC,
    ),
    Scenario(
        name="eni_wrong_vswitch",
        title="the ENI was made in another vSwitch than the one that the database admits",
        plan=udf(
            *("metastore", "zookeeper", "aliyun"),
            *(target(name, admits=["10.10.1.0/24"]) for name in _DATABASE),
            networks=[
                {"name": "vswitch-a", "cidr": "10.10.1.0/24"},
                *NETWORKS[1:],
                {"name": "vswitch-d", "cidr": "10.10.9.0/24", "enis": ["10.10.9.10"]},
            ],
        ),
        faults=("eni_elsewhere", "only_vswitch_a"),
        expected="eni_wrong_vswitch",
        targets=_DATABASE,
    ),
    Scenario(
        name="eni_group_blocks_outbound",
        title="the ENI's security group is an advanced one and lets nothing out",
        plan=udf(*_ALL_VPC, "aliyun", "amap"),
        faults=("eni_group",),
        expected="eni_group_blocks_outbound",
        targets=_ALL_VPC,
    ),
)

_ROUTE = (
    Scenario(
        name="router_no_route",
        title="the VPC's router has no route to vswitch-c and says so",
        plan=_SUBNETS,
        faults=("router_lacks_route",),
        expected="router_no_route",
        targets=("zookeeper", "elasticsearch"),
    ),
    Scenario(
        name="host_down",
        title="the address is unused, the router says so",
        plan=udf(
            *("metastore", "mysql", "zookeeper", "aliyun"),
            target("old", address="old.emr.internal:9083", service="hive-metastore", via="vpc"),
        ),
        expected="host_down",
        targets=("old",),
    ),
    Scenario(
        name="host_down_on_link",
        title="a neighbour in the same vSwitch is off: the kernel gives up after three ARP requests",
        plan=host(
            *("metastore", "mysql", "zookeeper", "aliyun"),
            target("gone", address="10.10.1.77:3306"),
            limits={"connect_timeout": "4s", "deadline": "60s"},
        ),
        vantage=VPCHOST,
        expected="host_down",
        targets=("gone",),
    ),
    Scenario(
        name="blackhole_route",
        title="a route discards whatever goes to vswitch-c",
        plan=_SUBNETS,
        faults=("blackhole",),
        expected="blackhole_route",
        targets=("zookeeper", "elasticsearch"),
    ),
    Scenario(
        name="blackhole_route_one_target",
        title="the same where one target is all that the job has there: the trace says where its SYN ends",
        plan=udf("metastore", "mysql", "zookeeper", "aliyun"),
        faults=("blackhole",),
        expected="blackhole_route",
        targets=("zookeeper",),
    ),
    Scenario(
        name="no_internet_egress",
        title="the VPC has no NAT gateway",
        plan=host("metastore", "mysql", "zookeeper", "aliyun", "amap", "oss"),
        vantage=VPCHOST,
        faults=("no_nat_gateway",),
        expected="no_internet_egress",
        targets=("aliyun", "amap", "oss"),
    ),
)

_FILTER = (
    Scenario(
        name="sg_drop",
        title="the security group drops the metastore's port; another port of the host answers",
        plan=udf("metastore", "namenode", "mysql", "zookeeper", "aliyun"),
        faults=("group_drops_metastore",),
        expected="sg_drop",
        targets=("metastore",),
    ),
    Scenario(
        name="sg_drop_one_target",
        title="it drops the only target in its subnet: the trace says that the routers pass the SYN on",
        plan=udf("metastore", "mysql", "zookeeper", "aliyun"),
        faults=("group_drops_zookeeper",),
        expected="sg_drop",
        targets=("zookeeper",),
    ),
    Scenario(
        name="sg_drop_namenode",
        title="the security group drops the NameNode's port; the metastore's answers",
        plan=udf("metastore", "namenode", "mysql", "zookeeper", "aliyun"),
        faults=("group_drops_namenode",),
        expected="sg_drop",
        targets=("namenode",),
    ),
    Scenario(
        name="admin_prohibited",
        title="a filter answers that the connection is prohibited",
        plan=_MIXED,
        faults=("router_prohibits",),
        expected="admin_prohibited",
        targets=("mysql",),
    ),
    Scenario(
        name="host_firewall_drop",
        title="all ports of one host are silent, its neighbours in the vSwitch answer",
        plan=udf("metastore", "replica", "mysql", "postgresql", "redis", "zookeeper", "aliyun"),
        faults=("host_firewall",),
        expected="host_firewall_drop",
        targets=("mysql", "postgresql", "redis"),
    ),
    Scenario(
        name="ip_whitelist_mismatch",
        title="the database's whitelist holds an old ENI address",
        plan=udf("metastore", "redis", "zookeeper", "aliyun", target("mysql", admits=["10.10.1.9"])),
        faults=("whitelist_has_old_eni",),
        expected="ip_whitelist_mismatch",
        targets=("mysql",),
    ),
)

# Explored or not, from the job or beside it: further attempts tell what silence and a reset leave open.
_EXPLORING = {"connect_timeout": "1500ms", "deadline": "60s", "explore": "hosts"}
_OUTSIDE = ("mysql", "aliyun", "amap", "partner")

_ATTEMPTS = (
    Scenario(
        name="sg_reset",
        title="a device on the way resets the metastore's port: nearer than the host, whose other port answers",
        plan=udf("metastore", "namenode", "mysql", "zookeeper", "aliyun"),
        faults=("device_resets_metastore",),
        expected="sg_reset",
        targets=("metastore",),
    ),
    Scenario(
        name="sg_reset_from_host",
        title="the same, from a host of the VPC",
        plan=host("metastore", "namenode", "mysql", "zookeeper"),
        vantage=VPCHOST,
        faults=("device_resets_metastore",),
        expected="sg_reset",
        targets=("metastore",),
    ),
    Scenario(
        name="return_path_drop",
        title="a stateless list drops the answers of vswitch-c to the ports that kernels take",
        plan=_SUBNETS,
        faults=("acl_drops_answers",),
        expected="return_path_drop",
        targets=("zookeeper", "elasticsearch"),
    ),
    Scenario(
        name="return_path_drop_from_host",
        title="the same, from a host of the VPC, where one target is all that the plan has there",
        plan=host("metastore", "mysql", "zookeeper", "aliyun"),
        vantage=VPCHOST,
        faults=("acl_drops_answers",),
        expected="return_path_drop",
        targets=("zookeeper",),
    ),
    Scenario(
        name="ip_whitelist_by_source",
        title="the database answers the job's second address and not the one that it takes; nothing is declared of it",
        plan=_MIXED,
        faults=("second_addresses", "only_second_addresses"),
        expected="ip_whitelist_mismatch",
        targets=_DATABASE,
    ),
    Scenario(
        name="ip_whitelist_by_source_from_host",
        title="the same, from a host of the VPC",
        plan=host("metastore", "mysql", "redis", "zookeeper"),
        vantage=VPCHOST,
        faults=("second_addresses", "only_second_addresses"),
        expected="ip_whitelist_mismatch",
        targets=_DATABASE,
    ),
    Scenario(
        name="eni_wrong_vswitch_by_source",
        title="the database answers the job's address in another vSwitch; nothing is declared of it",
        plan=udf(
            *("metastore", "mysql", "redis", "zookeeper", "aliyun"),
            networks=[*NETWORKS, {"name": "vswitch-d", "cidr": "10.10.9.0/24"}],
        ),
        faults=("second_vswitch", "only_vswitch_d"),
        expected="eni_wrong_vswitch",
        targets=_DATABASE,
    ),
    Scenario(
        name="sg_drop_explored",
        title="the only declared port of a host is dropped; another port, which may be explored, answers",
        plan=udf("metastore", "mysql", "zookeeper", "aliyun", limits=_EXPLORING),
        faults=("group_drops_zookeeper", "store_has_ssh"),
        expected="sg_drop",
        targets=("zookeeper",),
    ),
    Scenario(
        name="blackhole_route_explored",
        title="no port of the host answers, whatever is explored: a route discards it all",
        plan=udf("metastore", "mysql", "zookeeper", "aliyun", limits=_EXPLORING),
        faults=("blackhole",),
        expected="blackhole_route",
        targets=("zookeeper",),
    ),
    Scenario(
        name="host_firewall_drop_explored",
        title="no port of the host answers, whatever is explored; its neighbour in the vSwitch does",
        plan=udf(
            target("postgresql", group="data"),
            target("redis", group="data"),
            target("replica", group="data"),
            *("metastore", "zookeeper", "aliyun"),
            limits=_EXPLORING,
        ),
        faults=("host_firewall",),
        expected="host_firewall_drop",
        targets=("postgresql", "redis"),
    ),
    Scenario(
        name="partner_drops",
        title="the access list lets the job out, and the partner drops what comes from it",
        plan=udf(*_OUTSIDE),
        faults=("partner_drops",),
        expected="host_firewall_drop",
        targets=("partner",),
    ),
    Scenario(
        name="partner_drops_from_host",
        title="the same, from a host of the VPC: its way out works",
        plan=host(*_OUTSIDE),
        vantage=VPCHOST,
        faults=("partner_drops",),
        expected="host_firewall_drop",
        targets=("partner",),
    ),
    Scenario(
        name="no_internet_egress_one_target",
        title="the VPC has no NAT gateway, and one public target is all that the plan has",
        plan=host("metastore", "mysql", "zookeeper", "aliyun"),
        vantage=VPCHOST,
        faults=("no_nat_gateway",),
        expected="no_internet_egress",
        targets=("aliyun",),
    ),
    Scenario(
        name="second_addresses_healthy",
        title="a second address of this machine is nobody's fault",
        plan=udf("metastore", "mysql", "zookeeper", "aliyun", limits=_EXPLORING),
        faults=("second_addresses",),
    ),
)

SCENARIOS = (*_LOCAL, *_ENI, *_ROUTE, *_FILTER, *_ATTEMPTS)
