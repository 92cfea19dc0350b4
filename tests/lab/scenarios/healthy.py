"""Nothing is wrong, and much looks as if it were: no finding above info, exit code 0."""

from tests.lab.network import VPCHOST
from tests.lab.real import DNSMASQ, HOST
from tests.lab.scenario import Scenario, host, target, udf

_MIXED = udf("metastore", "mysql", "redis", "zookeeper", "elasticsearch", "aliyun")
_HADOOP = udf("metastore", "namenode", "datanode1", "datanode2", "datanode3", "mysql", "aliyun")

SCENARIOS = (
    Scenario(name="healthy", title="a job as it should be", plan=_HADOOP),
    Scenario(
        name="healthy_vpc_host",
        title="a host of the VPC with a NAT gateway",
        plan=host("metastore", "mysql", "zookeeper", "elasticsearch", "aliyun", "oss"),
        vantage=VPCHOST,
    ),
    Scenario(
        name="healthy_approved_partner",
        title="a domain that needed an application, and has passed it",
        plan=udf("metastore", "mysql", "aliyun", "partner", "files"),
    ),
    Scenario(
        name="healthy_icmp_blocked",
        title="ICMP is dropped everywhere, TCP is fine",
        plan=_MIXED,
        faults=("icmp_blocked_vpc", "icmp_blocked_store", "icmp_blocked_internet"),
    ),
    Scenario(
        name="healthy_truncated_answer",
        title="an answer is truncated, and TCP brings all of it",
        plan=_MIXED,
        faults=("dns_truncates",),
    ),
    Scenario(
        name="healthy_second_server_slow",
        title="the second name server is slow, and nobody needs it",
        plan=_MIXED,
        faults=("dns_second_late",),
    ),
    Scenario(
        name="healthy_second_server_dead",
        title="the second name server is dead, and nobody needs it",
        plan=_MIXED,
        faults=("dns_second_dead",),
    ),
    Scenario(
        name="healthy_no_proxy",
        title="a dead HTTP proxy in the environment, which no target of the plan uses",
        plan=_MIXED,
        env={"HTTP_PROXY": "http://10.0.0.1:3129", "NO_PROXY": ".internal,10.0.0.0/8"},
    ),
    Scenario(
        name="healthy_proxy_resolves",
        title="the proxy knows a name that does not resolve here",
        plan=udf("metastore", "mysql", "aliyun", target("hidden", address="https://hidden.partner.example/")),
        env={"HTTPS_PROXY": "http://10.0.0.1:3128"},
        real=("squid",),
    ),
    Scenario(
        name="healthy_unhurried_mysql",
        title="MySQL greets after 1.2 s, the plan calls 2 s slow",
        plan={**_MIXED, "slow": {"service": "2s"}},
        faults=("mysql_unhurried",),
    ),
    Scenario(
        name="healthy_hosts_file",
        title="a name that only /etc/hosts knows",
        plan=udf(
            *("metastore", "mysql", "aliyun"),
            target("search", address="search.local.lan:9200", service="elasticsearch", via="vpc"),
        ),
        hosts="10.10.3.21 search.local.lan\n",
    ),
    Scenario(
        name="healthy_both_families",
        title="a name with both families on a node without IPv6",
        plan=udf("metastore", "mysql", "aliyun", target("zookeeper", address="both.vpc.internal:2181")),
    ),
    Scenario(
        name="healthy_alias",
        title="a CNAME that leads where it should",
        plan=udf("metastore", "mysql", "aliyun", target("zookeeper", address="alias.vpc.internal:2181")),
    ),
    Scenario(
        name="healthy_elasticsearch_401",
        title="Elasticsearch wants a password: it is alive",
        plan=udf("metastore", "elasticsearch", "zookeeper", "aliyun"),
    ),
    Scenario(
        name="healthy_redis_noauth",
        title="Redis wants a password: it is alive",
        plan=_MIXED,
        faults=("redis_wants_password",),
    ),
    Scenario(
        name="healthy_split_view",
        title="a public name leads to a private address that is reached",
        plan=udf("metastore", "mysql", "aliyun", target("zookeeper", address="zookeeper://api.partner.example:2181")),
        faults=("dns_private_but_reachable",),
    ),
    Scenario(
        name="healthy_lost_syn",
        title="one SYN is lost, the next one arrives",
        plan=_MIXED,
        faults=("first_syn_lost",),
    ),
    Scenario(
        name="healthy_real_servers",
        title="MariaDB, PostgreSQL, Redis, ZooKeeper and nginx, as they are",
        plan=udf(
            target("mysql", address=f"{HOST}:3306"),
            *(
                target(name, address=f"real.vpc.internal:{port}")
                for name, port in (("postgresql", 5432), ("redis", 6379))
            ),
            target("zookeeper", address=f"{HOST}:2181"),
            target("nginx", address="https://nginx.partner.example/"),
            "aliyun",
            settings={"odps.internet.access.list": "www.aliyun.com:443,nginx.partner.example:443"},
        ),
        resolv_conf=f"nameserver {DNSMASQ}\n",
        real=("mariadb", "postgresql", "redis", "zookeeper", "nginx", "dnsmasq"),
    ),
    Scenario(
        name="healthy_real_proxy",
        title="HTTPS through squid",
        plan=udf("metastore", "mysql", "aliyun", "amap", "partner"),
        env={"HTTPS_PROXY": "http://10.0.0.1:3128"},
        real=("squid",),
    ),
)
