"""A lone target of a vSwitch is silent, and no router speaks: a declared interface there tells route from filter."""

from collections.abc import Sequence

from tests.lab.scenario import NETWORKS, Plan, Scenario, udf


def _lone(enis: Sequence[str] = ("10.10.3.21",), port: int = 9200) -> Plan:
    """ZooKeeper is all that the job has in vswitch-c, where it declares interfaces and a port."""
    declared = {**NETWORKS[2], "enis": list(enis), "ports": [port]}
    return udf("metastore", "mysql", "zookeeper", "aliyun", networks=[*NETWORKS[:2], declared])


_FILTERED = ("silent_routers", "group_drops_zookeeper_host")

SCENARIOS = (
    Scenario(
        name="neighbour_accepts",
        title="the group drops the lone target's host: a declared interface beside it accepts",
        plan=_lone(),
        faults=_FILTERED,
        expected="sg_drop",
        targets=("zookeeper",),
        said="10.10.3.21:9200, a declared interface in 10.10.3.0/24, accepts",
    ),
    Scenario(
        name="neighbour_refuses",
        title="the same, and nothing listens at the interface: that it says so is an answer as well",
        plan=_lone(port=22),
        faults=_FILTERED,
        expected="sg_drop",
        targets=("zookeeper",),
        said="10.10.3.21:22, a declared interface in 10.10.3.0/24, refuses",
    ),
    Scenario(
        name="neighbour_silent",
        title="a route discards whatever goes to vswitch-c: the declared interface is silent as well",
        plan=_lone(),
        faults=("silent_routers", "blackhole"),
        expected="blackhole_route",
        targets=("zookeeper",),
        # A route that is missing is as silent where no router speaks, and so is a group of both.
        surest=0.75,
        said="10.10.3.21, declared in the same vSwitch, is silent too",
    ),
    Scenario(
        name="neighbour_of_a_missing_route",
        title="the router has no route to vswitch-c and says so: nobody else there is asked",
        plan=_lone(),
        faults=("router_lacks_route",),
        expected="router_no_route",
        targets=("zookeeper",),
    ),
)
