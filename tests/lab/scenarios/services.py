"""Services that answer wrongly, late or not at all; TLS, HTTP and proxies."""

from tests.lab.network import VPCHOST
from tests.lab.real import HOST, REDIS_PROTECTED
from tests.lab.scenario import DEGRADED, Scenario, host, target, udf

_MIXED = udf("metastore", "mysql", "redis", "zookeeper", "aliyun")
_HADOOP = udf("metastore", "namenode", "datanode1", "datanode2", "datanode3", "mysql", "aliyun")
_WEB = udf("metastore", "mysql", "aliyun", "amap", "partner")


def _mysql(name: str, fault: str, expected: str, title: str, verdict: str = "failing") -> Scenario:
    return Scenario(
        name=name,
        title=title,
        plan=_MIXED,
        faults=(fault,),
        expected=expected,
        targets=("mysql",),
        verdict=verdict,
    )


_SERVICE = (
    _mysql("service_not_listening", "mysql_stopped", "service_not_listening", "the database is stopped"),
    _mysql("accept_then_reset", "mysql_resets", "accept_then_reset", "accepted, then reset without a byte"),
    _mysql("accept_then_close", "mysql_closes", "accept_then_close", "accepted, then closed without a byte"),
    _mysql("service_hang", "mysql_hangs", "service_hang", "accepted, then silence"),
    _mysql("service_slow", "mysql_late", "service_slow", "the greeting comes after 2.5 s", DEGRADED),
    _mysql("wrong_service_ssh", "mysql_is_ssh", "wrong_service", "an SSH server answers at MySQL's port"),
    _mysql("mysql_host_denied", "mysql_denies", "mysql_host_denied", "the server admits other hosts (1130)"),
    _mysql("mysql_host_blocked", "mysql_blocks", "mysql_host_blocked", "the server has blocked this host (1129)"),
    _mysql(
        "destination_connection_limit",
        "mysql_full",
        "destination_connection_limit",
        "the server has no connection left (1040)",
    ),
    _mysql("service_error", "mysql_shutting_down", "service_error", "the server shuts down (1053)"),
    Scenario(
        name="service_error_vpchost",
        title="the same, seen from a host of the VPC",
        plan=host("metastore", "mysql", "zookeeper", "aliyun"),
        vantage=VPCHOST,
        faults=("mysql_shutting_down",),
        expected="service_error",
        targets=("mysql",),
    ),
    Scenario(
        name="reset_on_first_data",
        title="reset when the client first speaks",
        plan=_MIXED,
        faults=("zookeeper_resets_data",),
        expected="reset_on_first_data",
        targets=("zookeeper",),
    ),
    Scenario(
        name="wrong_service_http",
        title="an HTTP server answers at Redis's port",
        plan=_MIXED,
        faults=("redis_is_http",),
        expected="wrong_service",
        targets=("redis",),
    ),
    Scenario(
        name="client_denied",
        title="Redis says that this address is illegal",
        plan=_MIXED,
        faults=("redis_denies",),
        expected="client_denied",
        targets=("redis",),
    ),
    Scenario(
        name="datanode_unreachable",
        title="the NameNode answers, no DataNode does",
        plan=_HADOOP,
        faults=("group_drops_datanodes",),
        expected="datanode_unreachable",
        targets=("datanode1", "datanode2", "datanode3"),
    ),
    Scenario(
        name="datanode_unreachable_some",
        title="two DataNodes of three were forgotten in the security group",
        plan=_HADOOP,
        faults=("group_drops_two_datanodes",),
        expected="datanode_unreachable",
        targets=("datanode2", "datanode3"),
    ),
    Scenario(
        name="one_address_dead",
        title="one of three addresses of the name is silent",
        plan=udf("metastore", "mysql", "aliyun", target("workers", address="tcp://workers.emr.internal:50010")),
        faults=("one_worker_dead",),
        expected="one_address_dead",
        targets=("workers",),
        verdict=DEGRADED,
    ),
    Scenario(
        name="mysql_host_denied_real",
        title="MariaDB itself denies a host for which it knows no account",
        plan=host("metastore", "mysql", "zookeeper", "aliyun", target("real", address=f"{HOST}:3306")),
        vantage=VPCHOST,
        expected="mysql_host_denied",
        targets=("real",),
        real=("mariadb",),
    ),
    Scenario(
        name="client_denied_real",
        title="Redis in protected mode denies whoever is not local",
        plan=udf(
            *("metastore", "redis", "zookeeper", "aliyun"),
            target("real", address=f"redis://{HOST}:{REDIS_PROTECTED}", via="vpc"),
        ),
        expected="client_denied",
        targets=("real",),
        real=("redis",),
    ),
    Scenario(
        name="wrong_service_real",
        title="MariaDB answers where Redis was declared",
        plan=udf(
            *("metastore", "redis", "zookeeper", "aliyun"),
            target("real", address=f"redis://{HOST}:3306", via="vpc"),
        ),
        expected="wrong_service",
        targets=("real",),
        real=("mariadb",),
    ),
)

_TLS = (
    *(
        Scenario(
            name=cause,
            title=title,
            plan=_WEB,
            faults=(fault,),
            expected=cause,
            targets=("partner",),
            verdict=verdict,
        )
        for cause, fault, title, verdict in (
            ("tls_expired", "partner_expired", "the certificate ended ten days ago", "failing"),
            ("tls_not_yet_valid", "partner_not_yet_valid", "the certificate begins in ten days", "failing"),
            ("tls_expiring_soon", "partner_expiring_soon", "the certificate ends in five days", DEGRADED),
            ("tls_wrong_name", "partner_wrong_name", "the certificate is for another name", "failing"),
            ("tls_untrusted", "partner_untrusted", "the certificate's authority is not known here", "failing"),
            ("tls_port_speaks_plaintext", "partner_plain", "plain HTTP where TLS was declared", "failing"),
            ("tls_handshake_failed", "partner_client_certificate", "the server wants a client certificate", "failing"),
            ("http_5xx", "partner_500", "the backend answers 503", "failing"),
            ("http_403", "partner_403", "the backend answers 403", "failing"),
        )
    ),
    Scenario(
        name="tls_old_version",
        title="the server knows TLS 1.0 and 1.1 alone",
        plan=_WEB,
        faults=("partner_old_version",),
        expected="tls_handshake_failed",
        targets=("partner",),
    ),
    Scenario(
        name="tls_intercepted",
        title="the certificate verifies, and comes from the corporate inspection device",
        plan=udf(
            *("metastore", "mysql", "aliyun", "amap"),
            target("partner", tls={"ca": "lab-ca.pem", "issuer": "Lab Partner CA"}),
        ),
        faults=("partner_intercepted",),
        expected="tls_intercepted",
        targets=("partner",),
    ),
    Scenario(
        name="tls_port_speaks_plaintext_real",
        title="nginx's port 80 was declared as HTTPS",
        plan=udf(
            *("metastore", "mysql", "aliyun", "amap"),
            target("nginx", address="https://nginx.partner.example:80/"),
            settings={"odps.internet.access.list": "www.aliyun.com:443,restapi.amap.com:443,nginx.partner.example:80"},
        ),
        expected="tls_port_speaks_plaintext",
        targets=("nginx",),
        real=("nginx",),
    ),
)


def _proxy(name: str, port: int, title: str, targets: tuple[str, ...], faults: tuple[str, ...] = ()) -> Scenario:
    return Scenario(
        name=name,
        title=title,
        plan=_WEB,
        faults=faults,
        env={"HTTPS_PROXY": f"http://10.0.0.1:{port}"},
        expected=name,
        targets=targets,
        real=("squid",),
    )


_PROXY = (
    _proxy("proxy_auth_required", 3130, "squid wants a user and a password", ("aliyun", "amap", "partner")),
    _proxy("proxy_unavailable", 3128, "squid cannot reach the backend", ("partner",), ("partner_stopped",)),
    _proxy("proxy_denied", 3131, "squid's own rules do not let the job through to the partner", ("partner",)),
    _proxy("proxy_not_listening", 3129, "nothing listens at the proxy's port", ("aliyun", "amap", "partner")),
)

SCENARIOS = (*_SERVICE, *_TLS, *_PROXY)
