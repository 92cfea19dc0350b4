"""Sizes: what is too large for the way vanishes, or comes slowly."""

from tests.lab.network import VPCHOST
from tests.lab.scenario import DEGRADED, Scenario, host, target, udf

_MIXED = ("metastore", "mysql", "zookeeper", "elasticsearch", "aliyun", "oss")
_INTERNET = ("aliyun", "oss")

_BLACK_HOLE = (
    Scenario(
        name="pmtu_black_hole_vpc",
        title="the way back from vswitch-c carries less, and the message about it is dropped",
        plan=udf(*_MIXED),
        faults=("elasticsearch_large", "black_hole_vpc"),
        expected="pmtu_black_hole",
        targets=("elasticsearch",),
    ),
    Scenario(
        name="pmtu_black_hole_internet",
        title="the same by the way of the Internet: connections open, certificates never come",
        plan=udf(*_MIXED),
        faults=("black_hole_internet",),
        expected="pmtu_black_hole",
        targets=_INTERNET,
    ),
    Scenario(
        name="pmtu_black_hole_vpc_host",
        title="the same from a host of the VPC: what is large comes neither from the VPC nor from the Internet",
        plan=host(*_MIXED),
        vantage=VPCHOST,
        faults=("elasticsearch_large", "black_hole_vpc"),
        expected="pmtu_black_hole",
        targets=("elasticsearch", *_INTERNET),
    ),
    Scenario(
        name="pmtu_black_hole_both",
        title="both directions carry less",
        plan=udf(*_MIXED),
        faults=("elasticsearch_large", "black_hole_vpc_both"),
        expected="pmtu_black_hole",
        targets=("elasticsearch",),
    ),
    Scenario(
        name="pmtu_black_hole_measured",
        title="nothing large is asked for, and the plan wants to know whether it would pass",
        plan=udf(*_MIXED[:3], target("elasticsearch", measure=["mtu"]), "aliyun"),
        faults=("black_hole_vpc_out",),
        expected="pmtu_black_hole",
        targets=("elasticsearch",),
        verdict=DEGRADED,
    ),
)

_THROTTLED = (
    Scenario(
        name="bandwidth_throttled_internet",
        title="the way to the Internet lets through one megabit a second",
        plan=udf(*_MIXED[:4], target("oss", measure=["throughput"])),
        faults=("oss_large", "throttled_internet"),
        expected="bandwidth_throttled",
        targets=("oss",),
        verdict=DEGRADED,
    ),
    Scenario(
        name="bandwidth_throttled_vpc",
        title="the same in the VPC",
        plan=udf(*_MIXED[:3], target("elasticsearch", measure=["throughput"]), "aliyun"),
        faults=("elasticsearch_large", "throttled_vpc"),
        expected="bandwidth_throttled",
        targets=("elasticsearch",),
        verdict=DEGRADED,
    ),
    Scenario(
        name="bandwidth_throttled_seen_anyway",
        title="nobody asked, and the usual look has read a large answer that came slowly",
        plan=host(*_MIXED[:4]),
        vantage=VPCHOST,
        faults=("elasticsearch_large", "throttled_vpc"),
        expected="bandwidth_throttled",
        targets=("elasticsearch",),
        verdict=DEGRADED,
    ),
)

_HEALTHY = (
    Scenario(
        name="healthy_throughput",
        title="large answers, measured, come as fast as the plan wants",
        plan=udf(
            *_MIXED[:3],
            *(target(name, measure=["throughput"]) for name in ("elasticsearch", "oss", "aliyun")),
        ),
        faults=("elasticsearch_large", "oss_large"),
    ),
    Scenario(
        name="healthy_throughput_far",
        title="a long round trip: the first of a connection carry little, and nothing is throttled",
        plan=udf(*_MIXED[:3], target("oss", measure=["throughput"])),
        faults=("oss_large", "internet_nearly_far"),
    ),
    Scenario(
        name="healthy_throughput_as_it_must_be",
        title="one megabit a second is what the plan says is enough",
        plan=udf(
            *_MIXED[:3],
            target("elasticsearch", measure=["throughput"]),
            slow={"throughput": 50000},
        ),
        faults=("elasticsearch_large", "throttled_vpc"),
    ),
    Scenario(
        name="healthy_narrow_path",
        title="the ways carry less, and whoever sends too much is told",
        plan=udf(*_MIXED[:3], target("elasticsearch", measure=["mtu"]), *_INTERNET),
        faults=("elasticsearch_large", "oss_large", "narrow_vpc", "narrow_internet"),
    ),
    Scenario(
        name="healthy_mtu_measured",
        title="the path is measured and carries what it should",
        plan=udf(*_MIXED[:3], target("elasticsearch", measure=["mtu"]), target("oss", measure=["mtu"])),
        faults=("elasticsearch_large",),
    ),
)

SCENARIOS = (*_BLACK_HOLE, *_THROTTLED, *_HEALTHY)
