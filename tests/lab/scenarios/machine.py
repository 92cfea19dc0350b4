"""This machine itself, beyond its routes: policy rules, output rules, local ports, the source that is taken."""

from tests.lab.network import VPCHOST
from tests.lab.scenario import DEGRADED, Scenario, host, target, udf

_MIXED = udf("metastore", "mysql", "redis", "zookeeper", "aliyun")
_SUBNETS = udf("metastore", "mysql", "zookeeper", "elasticsearch", "aliyun")
_FROM_HOST = host("metastore", "mysql", "redis", "zookeeper", "aliyun")
_DATABASE = ("mysql", "redis")
_LITERAL = host(
    "replica",
    target("database", address="10.10.2.40:6379", service="redis", via="vpc"),
    target("ensemble", address="10.10.3.20:2181", via="vpc"),
    name_servers=["100.100.2.136"],
)
_LITERALS = ("replica", "database", "ensemble")

_POLICY = (
    Scenario(
        name="policy_wrong_table",
        title="a policy rule sends vswitch-b to a table whose route leads to the outbound proxy",
        plan=_SUBNETS,
        faults=("policy_to_proxy",),
        expected="wrong_route",
        targets=("metastore", "mysql"),
    ),
    Scenario(
        name="policy_wrong_table_by_source",
        title="a policy rule sends whatever leaves from the ENI's address there",
        plan=udf("metastore", "mysql", "replica", "aliyun"),
        faults=("policy_by_source",),
        expected="wrong_route",
        targets=("metastore", "mysql", "replica"),
    ),
    Scenario(
        name="policy_wrong_gateway_from_host",
        title="a policy rule of a host of the VPC sends vswitch-b to a neighbour that forwards nothing",
        plan=host("metastore", "mysql", "zookeeper", "elasticsearch", "aliyun"),
        vantage=VPCHOST,
        faults=("policy_to_neighbour",),
        expected="wrong_route",
        targets=("metastore", "mysql"),
    ),
    *(
        Scenario(
            name=f"policy_{action}",
            title=f"a policy rule of the job's own machine: {action}",
            plan=_MIXED,
            faults=(f"policy_{action}_job",),
            expected="local_reject_route",
            targets=_DATABASE,
        )
        for action in ("prohibit", "blackhole", "unreachable")
    ),
    *(
        Scenario(
            name=f"policy_{action}_from_host",
            title=f"a policy rule of a host of the VPC: {action}",
            plan=_FROM_HOST,
            vantage=VPCHOST,
            faults=(f"policy_{action}_vpchost",),
            expected="local_reject_route",
            targets=_DATABASE,
        )
        for action in ("prohibit", "blackhole", "unreachable")
    ),
    Scenario(
        name="policy_rejecting_table",
        title="a policy rule sends one host to a table that rejects everything",
        plan=_MIXED,
        faults=("policy_to_rejecting_table",),
        expected="local_reject_route",
        targets=_DATABASE,
    ),
    Scenario(
        name="policy_harmless",
        title="policy rules that lead where the routes would",
        plan=_MIXED,
        faults=("policy_harmless",),
    ),
    Scenario(
        name="policy_harmless_from_host",
        title="the same on a host of the VPC",
        plan=_FROM_HOST,
        vantage=VPCHOST,
        faults=("policy_harmless_vpchost",),
    ),
    Scenario(
        name="policy_harmless_beside_sg_drop",
        title="policy rules that lead where the routes would are not to blame for what a security group drops",
        plan=udf("metastore", "namenode", "mysql", "zookeeper", "aliyun"),
        faults=("policy_harmless", "group_drops_metastore"),
        expected="sg_drop",
        targets=("metastore",),
    ),
    Scenario(
        name="policy_harmless_beside_sg_drop_from_host",
        title="the same on a host of the VPC",
        plan=host("metastore", "namenode", "mysql", "zookeeper"),
        vantage=VPCHOST,
        faults=("policy_harmless_vpchost", "group_drops_metastore"),
        expected="sg_drop",
        targets=("metastore",),
    ),
)

_OUTPUT = (
    Scenario(
        name="output_drops_ports",
        title="a chain of the job's own machine drops the ports of databases",
        plan=udf("metastore", "mysql", "postgresql", "redis", "zookeeper", "aliyun"),
        faults=("output_drops_ports",),
        expected="local_firewall_drop",
        targets=("mysql", "postgresql"),
    ),
    Scenario(
        name="output_rejects_from_host",
        title="an output rule of a host of the VPC rejects one destination",
        plan=_FROM_HOST,
        vantage=VPCHOST,
        faults=("output_rejects_vpchost",),
        expected="local_firewall_drop",
        targets=("mysql",),
    ),
    Scenario(
        name="output_harmless",
        title="output rules that drop nothing of the job's",
        plan=_MIXED,
        faults=("output_harmless",),
    ),
    Scenario(
        name="output_harmless_from_host",
        title="output rules that drop nothing of the host's",
        plan=_FROM_HOST,
        vantage=VPCHOST,
        faults=("output_harmless_vpchost",),
    ),
    Scenario(
        name="output_harmless_beside_sg_drop",
        title="they are not to blame for what a security group drops",
        plan=udf("metastore", "namenode", "mysql", "zookeeper", "aliyun"),
        faults=("output_harmless", "group_drops_metastore"),
        expected="sg_drop",
        targets=("metastore",),
    ),
)

_REST = (
    Scenario(
        name="local_pressure",
        title="most local ports wait for the end of connections to one destination",
        plan=_SUBNETS,
        faults=("ports_short",),
        expected="local_pressure",
        targets=("elasticsearch",),
        verdict=DEGRADED,
    ),
    Scenario(
        name="local_pressure_told",
        title="half of them do: that is told, and nothing is wrong",
        plan=_SUBNETS,
        faults=("ports_half_taken",),
        infos=("local_pressure",),
    ),
    Scenario(
        name="local_ports_enough",
        title="as many connections were closed, and there are ports enough",
        plan=_SUBNETS,
        faults=("ports_wide",),
    ),
    Scenario(
        name="other_source_not_admitted",
        title="a route takes the job's second address, and the database admits the first",
        plan=udf("metastore", "redis", "zookeeper", "aliyun", target("mysql", admits=["10.10.1.10"])),
        faults=("other_source", "mysql_admits_first_source"),
        expected="ip_whitelist_mismatch",
        targets=("mysql",),
    ),
    Scenario(
        name="other_source_admitted",
        title="a route takes the job's second address, which is as good",
        plan=_MIXED,
        faults=("other_source",),
    ),
    Scenario(
        name="interface_down_from_host",
        title="the interface of a host of the VPC is down",
        plan=_LITERAL,
        vantage=VPCHOST,
        faults=("vpchost_down",),
        expected="eni_down",
        targets=_LITERALS,
    ),
    Scenario(
        name="interface_unplugged_from_host",
        title="the interface of a host of the VPC is up and not attached",
        plan=_LITERAL,
        vantage=VPCHOST,
        faults=("vpchost_unplugged",),
        expected="eni_no_carrier",
        targets=_LITERALS,
    ),
)

SCENARIOS = (*_POLICY, *_OUTPUT, *_REST)
