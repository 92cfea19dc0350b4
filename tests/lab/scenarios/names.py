"""Name resolution."""

from tests.lab.scenario import DEGRADED, Scenario, target, udf

_CONTROLS = ("metastore", "mysql", "zookeeper", "aliyun")
_PLAN = udf(*_CONTROLS, "elasticsearch")
_BY_ADDRESS = (
    target("metastore", address="10.10.2.30:9083"),
    target("mysql", address="10.10.2.40:3306"),
)


def _at(name: str, host: str, **changes: str) -> dict[str, object]:
    return target(name, address=f"{host}:9200", service="elasticsearch", via="vpc", **changes)


SCENARIOS = (
    Scenario(
        name="dns_nxdomain",
        title="a letter is wrong in the name",
        plan=udf("namenode", "mysql", "aliyun", target("metastore", address="emr-haeder-1.emr.internal:9083")),
        expected="dns_nxdomain",
        targets=("metastore",),
    ),
    Scenario(
        name="dns_servfail",
        title="the name servers answer SERVFAIL for one name",
        plan=_PLAN,
        faults=("dns_servfail",),
        expected="dns_servfail",
        targets=("elasticsearch",),
    ),
    Scenario(
        name="dns_refused",
        title="the name servers refuse this client",
        plan=udf(*_BY_ADDRESS, "zookeeper", "elasticsearch", "aliyun"),
        faults=("dns_refused",),
        expected="dns_refused",
        targets=("zookeeper", "elasticsearch", "aliyun"),
    ),
    Scenario(
        name="dns_unreachable",
        title="no name server answers",
        plan=udf(*_BY_ADDRESS, "zookeeper", "elasticsearch", "aliyun"),
        faults=("dns_dead",),
        expected="dns_unreachable",
        targets=("zookeeper", "elasticsearch", "aliyun"),
    ),
    Scenario(
        name="dns_bad_resolv_conf",
        title="the only name server's address is mistyped",
        plan=udf(*_BY_ADDRESS, "zookeeper", "elasticsearch", "aliyun"),
        resolv_conf="search vpc.internal\nnameserver 100.100.2.one\n",
        expected="dns_bad_resolv_conf",
        targets=("zookeeper", "elasticsearch", "aliyun"),
    ),
    Scenario(
        name="dns_one_name_dropped",
        title="queries for one name get no answer, others do",
        plan=_PLAN,
        faults=("dns_name_dropped",),
        expected="dns_one_name_dropped",
        targets=("elasticsearch",),
    ),
    Scenario(
        name="dns_tcp_blocked",
        title="the answer is truncated, and TCP 53 is closed",
        plan=_PLAN,
        faults=("dns_truncates", "dns_tcp_closed"),
        expected="dns_tcp_blocked",
        targets=("elasticsearch",),
    ),
    Scenario(
        name="dns_cname_loop",
        title="two CNAME records point at each other",
        plan=udf(*_CONTROLS, _at("search", "loop.vpc.internal")),
        expected="dns_cname_loop",
        targets=("search",),
    ),
    Scenario(
        name="dns_aaaa_only",
        title="the name has only an IPv6 address, the node has no IPv6",
        plan=udf(*_CONTROLS, _at("search", "six.vpc.internal")),
        expected="dns_aaaa_only",
        targets=("search",),
    ),
    Scenario(
        name="dns_no_address",
        title="the name has a TXT record and no address",
        plan=udf(*_CONTROLS, _at("search", "mail.vpc.internal")),
        expected="dns_no_address",
        targets=("search",),
    ),
    Scenario(
        name="dns_wrong_private_answer",
        title="a public name leads to a private address that nothing holds",
        plan=udf("metastore", "mysql", "aliyun", "amap", "partner"),
        faults=("dns_poisoned",),
        expected="dns_wrong_private_answer",
        targets=("partner",),
    ),
    Scenario(
        name="dns_stale_answer",
        title="the first name server gives the address that the service has left, the second one the new address",
        plan=_PLAN,
        faults=("dns_stale",),
        expected="dns_stale_answer",
        targets=("elasticsearch",),
    ),
    Scenario(
        name="dns_slow",
        title="every answer is right and takes 1.3 s",
        plan=_PLAN,
        faults=("dns_late",),
        expected="dns_slow",
        verdict=DEGRADED,
    ),
    Scenario(
        name="dns_first_server_dead",
        title="the first name server is silent, the second one answers",
        plan=_PLAN,
        faults=("dns_first_dead",),
        expected="dns_first_server_dead",
        verdict=DEGRADED,
    ),
)
