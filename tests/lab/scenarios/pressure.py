"""Early warnings without any load: what strains this machine or its way out while every target is answered."""

from tests.lab.network import VPCHOST
from tests.lab.scenario import DEGRADED, Scenario, target, udf
from tests.lab.scenario import host as vpc_host

# A series of handshakes: the run lasts long enough for its neighbours to be seen.
_WATCHED = udf("metastore", "redis", "elasticsearch", target("zookeeper", measure=["loss"]))
_HOST_WATCHED = vpc_host("metastore", "redis", target("zookeeper", measure=["loss"]))
_HOSTS = (
    "www.aliyun.com",
    "restapi.amap.com",
    "lake.oss-cn-hangzhou.aliyuncs.com",
    "api.partner.example",
    "files.partner.example",
    "ip.example",
)
_PUBLIC = tuple(
    target(f"{host}-{scheme}", address=f"{scheme}://{host}/") for scheme in ("https", "http") for host in _HOSTS
)
_INTERNET = udf(
    *("metastore", "redis", "zookeeper", *_PUBLIC),
    settings={"odps.internet.access.list": ",".join(f"{host}:{port}" for host in _HOSTS for port in (443, 80))},
)

SCENARIOS = (
    Scenario(
        name="pressure_neighbours_wait",
        title="other programs on the job's machine wait for their connections",
        plan=_WATCHED,
        faults=("neighbours_wait",),
        infos=("local_pressure",),
    ),
    Scenario(
        name="pressure_one_neighbour_waits",
        title="one program asks a dead port again and again: that is nobody else's matter",
        plan=_WATCHED,
        faults=("neighbour_waits",),
    ),
    Scenario(
        name="pressure_neighbours_work",
        title="other programs on the job's machine are busy, and are answered",
        plan=_WATCHED,
        faults=("neighbours_work",),
    ),
    Scenario(
        name="pressure_listener_full_from_host",
        title="a program on the VPC host does not accept its connections",
        plan=_HOST_WATCHED,
        vantage=VPCHOST,
        faults=("listener_full",),
        infos=("local_pressure",),
    ),
    Scenario(
        name="pressure_ports_reused",
        title="local ports wait for the end of connections, and may be used again before",
        plan=udf("metastore", "mysql", "zookeeper", "elasticsearch", "aliyun"),
        faults=("ports_short_reused",),
        infos=("local_pressure",),
    ),
    Scenario(
        name="burst_meets_a_cap",
        title="the way out holds seven connections: of twelve at once five wait, one by one all pass",
        plan=_INTERNET,
        faults=("internet_8_ms", "proxy_holds_seven"),
        expected="snat_connection_cap",
        verdict=DEGRADED,
        surest=0.7,
    ),
    Scenario(
        name="burst_meets_a_cap_from_host",
        title="the same of the VPC's own way out",
        plan=vpc_host("metastore", "redis", "zookeeper", *_PUBLIC),
        vantage=VPCHOST,
        faults=("internet_8_ms", "router_holds_seven"),
        expected="snat_connection_cap",
        verdict=DEGRADED,
        surest=0.7,
    ),
    Scenario(
        name="burst_below_a_cap",
        title="the way out holds fifty connections: nothing shows",
        plan=_INTERNET,
        faults=("internet_8_ms", "proxy_holds_fifty"),
    ),
)
