"""What changes while the run looks: what has answered meanwhile is not called broken with certainty."""

from tests.lab.scenario import Scenario, target, udf

_MIXED = ("metastore", "mysql", "redis", "zookeeper", "aliyun")
# As sure as one may be of what the first look met, and a later one did not; and what is to be said of it.
_SUREST = 0.5
_SAID = "later the target answers"

SCENARIOS = (
    Scenario(
        name="changing_service_comes_up",
        title="nothing listens at MySQL's port when the run begins; a moment later it does",
        plan=udf(*_MIXED),
        faults=("mysql_comes_up",),
        expected="service_not_listening",
        targets=("mysql",),
        surest=_SUREST,
        said=_SAID,
    ),
    Scenario(
        name="changing_service_goes_down",
        title="MySQL answers the first look, and nothing listens from then on; the plan measures loss",
        plan=udf("metastore", target("mysql", measure=["loss"]), "redis", "zookeeper", "aliyun"),
        faults=("mysql_goes_down",),
        expected="service_not_listening",
        targets=("mysql",),
        surest=0.75,
        said="were refused",
    ),
    Scenario(
        name="changing_service_fills_up",
        title="MySQL has room for the first look alone; the plan measures loss",
        plan=udf("metastore", target("mysql", measure=["loss"]), "redis", "zookeeper", "aliyun"),
        faults=("mysql_fills_up",),
        expected="destination_connection_limit",
        targets=("mysql",),
        said="were turned away",
    ),
    Scenario(
        name="changing_service_recovers",
        title="MySQL resets the first connection after it has accepted it, and serves later ones",
        plan=udf(*_MIXED),
        faults=("mysql_recovers",),
        expected="accept_then_reset",
        targets=("mysql",),
        surest=_SUREST,
        said=_SAID,
    ),
    Scenario(
        name="changing_group_opened",
        title="the metastore's port is opened in the security group after the first look",
        plan=udf("metastore", "namenode", "mysql", "zookeeper", "aliyun"),
        faults=("group_opens_metastore",),
        expected="sg_drop",
        targets=("metastore",),
    ),
    Scenario(
        name="changing_group_opened_one_target",
        title="the same of the only target in its subnet",
        plan=udf("metastore", "mysql", "zookeeper", "aliyun"),
        faults=("group_opens_zookeeper",),
        expected="sg_drop",
        targets=("zookeeper",),
        surest=_SUREST,
        said=_SAID,
    ),
    Scenario(
        name="changing_access_list_extended",
        title="the access list is extended by a host after the first look",
        plan=udf("metastore", "mysql", "aliyun", "amap", "oss"),
        faults=("proxy_admits_amap_later",),
        expected="access_list_missing_host",
        targets=("amap",),
        surest=_SUREST,
        said=_SAID,
    ),
    Scenario(
        name="changing_backend_recovers",
        title="the backend answers 503 to the first request, and 200 to later ones",
        plan=udf("metastore", "mysql", "aliyun", "amap", "partner"),
        faults=("partner_recovers",),
        expected="http_5xx",
        targets=("partner",),
        surest=_SUREST,
        said=_SAID,
    ),
    Scenario(
        name="changing_name_appears",
        title="the name servers fail for the first queries of a name, and answer later ones",
        plan=udf("metastore", "mysql", "zookeeper", "elasticsearch", "aliyun"),
        faults=("name_appears",),
        expected="dns_servfail",
        targets=("elasticsearch",),
        surest=_SUREST,
        said="later the name servers know the name",
    ),
    Scenario(
        name="changing_whitelist_closes",
        title="the database's whitelist loses this client after the first connection; the plan measures loss",
        plan=udf("metastore", "mysql", "zookeeper", "aliyun", target("redis", measure=["loss"])),
        faults=("whitelist_closes",),
        # One port that falls silent while the host's others answer: a queue that is full looks like that, too.
        expected="accept_queue_full",
        targets=("redis",),
        surest=_SUREST,
        said="the first look was answered, and then none of",
    ),
)
