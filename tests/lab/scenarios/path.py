"""What the path does to packets: it loses them, or is long; and a full queue that looks like loss."""

from tests.lab.network import VPCHOST
from tests.lab.scenario import DEGRADED, FAILING, HEALTHY, Scenario, host, target, udf

_HADOOP = ("metastore", "namenode", "datanode1", "datanode2", "datanode3")
_DATABASE = ("mysql", "postgresql", "redis")
_VPC = (*_HADOOP, *_DATABASE, "zookeeper", "elasticsearch")
_PUBLIC = ("aliyun", "amap", "amap-http", "oss", "partner", "files")
_MEASURED = target("mysql", measure=["loss"])
# Where chance is part of it.
_OFTEN = 5

_LOSS = (
    Scenario(
        name="packet_loss_vpc",
        title="a third of the packets to the VPC's hosts is lost",
        plan=udf(*_VPC, "aliyun", "amap"),
        faults=("vpc_loses_a_third",),
        expected="packet_loss",
        targets=_VPC,
        repeat=_OFTEN,
    ),
    Scenario(
        name="packet_loss_vpc_from_host",
        title="the same from a host of the VPC",
        plan=host(*_VPC, "aliyun"),
        vantage=VPCHOST,
        faults=("vpc_loses_a_third",),
        expected="packet_loss",
        targets=_VPC,
        repeat=_OFTEN,
    ),
    Scenario(
        name="packet_loss_internet",
        title="a fifth of the packets is lost on the line to the Internet, either way",
        plan=udf("metastore", "mysql", *_PUBLIC),
        faults=("internet_loses_a_fifth",),
        expected="packet_loss",
        targets=_PUBLIC,
        repeat=_OFTEN,
    ),
    Scenario(
        name="packet_loss_internet_from_host",
        title="the same at the VPC's NAT gateway",
        plan=host("metastore", "mysql", *_PUBLIC),
        vantage=VPCHOST,
        faults=("nat_gateway_loses_a_fifth",),
        expected="packet_loss",
        targets=_PUBLIC,
        repeat=_OFTEN,
    ),
    Scenario(
        name="packet_loss_one_host",
        title="a third of the packets to one host is lost; the plan asks for the loss to it",
        plan=udf("metastore", "replica", "zookeeper", "aliyun", _MEASURED, "postgresql", "redis"),
        faults=("db_loses_a_third",),
        expected="packet_loss",
        targets=_DATABASE,
        repeat=_OFTEN,
    ),
    Scenario(
        name="packet_loss_small",
        title="4 of 100 packets to one host are lost, and the plan asks",
        plan=udf("metastore", "replica", "zookeeper", "aliyun", target("redis", measure=["loss"])),
        faults=("db_loses_little",),
        expected="packet_loss",
        targets=("redis",),
        verdict=DEGRADED,
        repeat=_OFTEN,
    ),
    Scenario(
        name="healthy_measured",
        title="the plan asks for the loss, and there is none",
        plan=udf("metastore", "redis", "zookeeper", "aliyun", _MEASURED),
        verdict=HEALTHY,
    ),
    Scenario(
        name="accept_queue_full",
        title="Redis accepts only half of the time: its queue is full, the SYNs are dropped; MySQL beside it is fine",
        plan=udf("metastore", "mysql", "postgresql", "zookeeper", "aliyun", target("redis", measure=["loss"])),
        faults=("redis_stalls",),
        expected="accept_queue_full",
        targets=("redis",),
        verdict=FAILING,
        repeat=_OFTEN,
    ),
    Scenario(
        name="accept_queue_full_from_host",
        title="the same from a host of the VPC",
        plan=host("metastore", "mysql", "postgresql", "zookeeper", target("redis", measure=["loss"])),
        vantage=VPCHOST,
        faults=("redis_stalls",),
        expected="accept_queue_full",
        targets=("redis",),
        verdict=FAILING,
        repeat=_OFTEN,
    ),
)

_LATENCY = (
    Scenario(
        name="high_latency_vpc",
        title="the VPC's hosts are 80 ms away",
        plan=udf("metastore", "mysql", "redis", "zookeeper", "aliyun"),
        faults=("vpc_far",),
        expected="high_latency",
        targets=("metastore", "mysql", "redis", "zookeeper"),
        verdict=DEGRADED,
    ),
    Scenario(
        name="high_latency_vpc_queue",
        title="answers of the VPC's hosts wait up to 250 ms in a queue",
        plan=udf("metastore", "mysql", "zookeeper", "aliyun"),
        faults=("vpc_queues",),
        expected="high_latency",
        verdict=DEGRADED,
        repeat=_OFTEN,
    ),
    Scenario(
        name="high_latency_vpc_from_host",
        title="the same from a host of the VPC",
        plan=host("metastore", "mysql", "zookeeper", "aliyun"),
        vantage=VPCHOST,
        faults=("vpc_far",),
        expected="high_latency",
        targets=("metastore", "mysql", "zookeeper"),
        verdict=DEGRADED,
    ),
    Scenario(
        name="high_latency_internet",
        title="the Internet is 350 ms away",
        plan=udf("metastore", "mysql", "aliyun", "amap", "oss"),
        faults=("internet_far",),
        expected="high_latency",
        targets=("aliyun", "amap", "oss"),
        verdict=DEGRADED,
    ),
    Scenario(
        name="high_latency_internet_from_host",
        title="the same from a host of the VPC",
        plan=host("metastore", "mysql", "aliyun", "amap"),
        vantage=VPCHOST,
        faults=("internet_far",),
        expected="high_latency",
        targets=("aliyun", "amap"),
        verdict=DEGRADED,
    ),
    Scenario(
        name="healthy_latency_below_limit",
        title="the VPC is 40 ms away and the plan calls 50 ms slow",
        plan=udf("metastore", "mysql", "redis", "zookeeper", "aliyun"),
        faults=("vpc_nearly_far",),
    ),
    Scenario(
        name="healthy_internet_below_limit",
        title="the Internet is 250 ms away and the plan calls 300 ms slow",
        plan=udf("metastore", "mysql", "aliyun", "amap"),
        faults=("internet_nearly_far",),
    ),
    Scenario(
        name="healthy_jitter",
        title="some handshakes take longer than the limit, half of them far less",
        plan=udf("metastore", "mysql", "redis", "zookeeper", "aliyun"),
        faults=("vpc_jittery",),
        repeat=_OFTEN,
    ),
)

SCENARIOS = (*_LOSS, *_LATENCY)
