"""What the job declares, and what the outbound proxy admits."""

from tests.lab.scenario import DEGRADED, SPARK, Scenario, spark, target, udf

# SmartNAT is the other way out: without an ENI, Spark reaches the Internet with it.
_SMARTNAT = {f"{SPARK}cupid.smartnat.enable": "true"}
_NO_ENI = {f"{SPARK}cupid.eni.enable": None, f"{SPARK}cupid.eni.info": None}

SCENARIOS = (
    Scenario(
        name="access_list_malformed",
        title="an entry of the access list has no port, so that the proxy does not admit it",
        plan=udf(
            *("metastore", "mysql", "aliyun", "amap", "oss"),
            settings={
                "odps.internet.access.list": (
                    "www.aliyun.com:443,restapi.amap.com,lake.oss-cn-hangzhou.aliyuncs.com:443"
                )
            },
        ),
        faults=("amap_not_admitted",),
        expected="access_list_malformed",
        targets=("amap",),
    ),
    Scenario(
        name="access_not_enabled_internet",
        title="a UDF without an access list: nothing public passes",
        plan=udf("metastore", "mysql", "zookeeper", "aliyun", "amap", settings={"odps.internet.access.list": None}),
        faults=("internet_closed",),
        expected="access_not_enabled",
        targets=("aliyun", "amap"),
    ),
    Scenario(
        name="access_not_enabled_refused",
        title="the same, but the sandbox refuses in place of the targets",
        plan=udf("metastore", "mysql", "zookeeper", "aliyun", "amap", settings={"odps.internet.access.list": None}),
        faults=("internet_refused",),
        expected="access_not_enabled",
        targets=("aliyun", "amap"),
    ),
    Scenario(
        name="access_not_enabled_vpc",
        title="a UDF without a network link: there is no ENI",
        plan=udf("metastore", "mysql", "zookeeper", "aliyun", "amap", settings={"odps.session.networklink": None}),
        faults=("eni_detached",),
        expected="access_not_enabled",
        targets=("metastore", "mysql", "zookeeper"),
    ),
    Scenario(
        name="access_not_enabled_spark",
        title="a Spark job that names its VPC and does not switch the ENI on",
        plan=spark(
            *("metastore", "mysql", "zookeeper", "aliyun", "amap"),
            settings={f"{SPARK}cupid.eni.enable": None, **_SMARTNAT},
        ),
        faults=("eni_detached",),
        expected="access_not_enabled",
        targets=("metastore", "mysql", "zookeeper"),
    ),
    Scenario(
        name="access_way_unsupported",
        title="SmartNAT on Spark 3.5.2, which does not have it",
        plan=spark(
            *("aliyun", "amap", "partner", "files"),
            settings={f"{SPARK}spark.version": "spark-3.5.2-odps1.0.0", **_NO_ENI, **_SMARTNAT},
        ),
        faults=("internet_closed",),
        expected="access_way_unsupported",
        targets=("aliyun", "amap", "partner", "files"),
    ),
    Scenario(
        name="networklink_name_invalid",
        title="the network link's name begins with a digit and holds a dash",
        plan=udf("metastore", "mysql", "zookeeper", "aliyun", "amap", settings={"odps.session.networklink": "1-link"}),
        faults=("eni_detached",),
        expected="networklink_name_invalid",
        targets=("metastore", "mysql", "zookeeper"),
    ),
    Scenario(
        name="eni_info_malformed",
        title="the ENI setting lacks its region",
        plan=spark(
            *("metastore", "mysql", "zookeeper", "aliyun", "amap"),
            settings={f"{SPARK}cupid.eni.info": "vpc-bp1lab", **_SMARTNAT},
        ),
        faults=("eni_detached",),
        expected="eni_info_malformed",
        targets=("metastore", "mysql", "zookeeper"),
    ),
    Scenario(
        name="vpc_domain_list_malformed",
        title="the VPC domain list is JSON with spaces",
        plan=spark(
            *("mysql", "aliyun", "amap", "oss"),
            settings={
                **_NO_ENI,
                **_SMARTNAT,
                f"{SPARK}cupid.vpc.domain.list": (
                    '{"regionId": "cn-hangzhou", "vpcs": [{"vpcId": "vpc-bp1lab", "zones": [{"urls": '
                    '[{"domain": "rm-lab.mysql.rds.aliyuncs.com", "port": 3306}], "zoneId": "cn-hangzhou-h"}]}]}'
                ),
            },
        ),
        faults=("eni_detached",),
        expected="vpc_domain_list_malformed",
        targets=("mysql",),
    ),
    Scenario(
        name="endpoint_internal_in_udf",
        title="a UDF uses the internal endpoint of OSS, which is silent from there",
        plan=udf(
            *("metastore", "mysql", "aliyun", "amap"),
            target("lake", address="https://lake.oss-cn-hangzhou-internal.aliyuncs.com/"),
        ),
        expected="endpoint_wrong_network",
        targets=("lake",),
    ),
    Scenario(
        name="endpoint_public_in_spark",
        title="Spark uses the public endpoint of OSS, where cluster mode has the internal one",
        plan=spark(
            *("metastore", "mysql", "aliyun", "amap", "oss"),
            settings={
                f"{SPARK}cupid.trusted.services.access.list": "lake.oss-cn-hangzhou-internal.aliyuncs.com",
            },
        ),
        faults=("oss_not_admitted",),
        expected="endpoint_wrong_network",
        targets=("oss",),
    ),
    Scenario(
        name="whitelist_lacks_vswitch",
        title="the whitelist holds today's ENI addresses and not the vSwitch: it works until they change",
        plan=udf("metastore", "redis", "zookeeper", "aliyun", target("mysql", admits=["10.10.1.10", "10.10.1.11"])),
        expected="whitelist_lacks_vswitch",
        targets=("mysql",),
        verdict=DEGRADED,
    ),
    Scenario(
        name="destination_other_vpc",
        title="an RDS of another region, which the network link does not reach",
        plan=udf(
            *("metastore", "mysql", "zookeeper", "aliyun"),
            target("far", address="rm-far.mysql.cn-beijing.rds.aliyuncs.com:3306", via="vpc"),
        ),
        expected="destination_other_vpc",
        targets=("far",),
    ),
    Scenario(
        name="config_disagrees",
        title="a host that the access list lacks is reached all the same",
        plan=udf(
            *("metastore", "mysql", "aliyun", "amap", "oss"),
            settings={"odps.internet.access.list": "www.aliyun.com:443,lake.oss-cn-hangzhou.aliyuncs.com:443"},
        ),
        expected="config_disagrees",
        targets=("amap",),
        verdict=DEGRADED,
    ),
    Scenario(
        name="access_list_missing_host",
        title="the job's access list lacks a host, and the proxy drops it; others pass",
        plan=udf(
            *("metastore", "mysql", "aliyun", "amap", "oss"),
            settings={"odps.internet.access.list": "www.aliyun.com:443,lake.oss-cn-hangzhou.aliyuncs.com:443"},
        ),
        faults=("amap_not_admitted",),
        expected="access_list_missing_host",
        targets=("amap",),
    ),
    Scenario(
        name="access_list_missing_host_in_project",
        title="the job's list holds the host and the proxy drops it all the same: the project's list lacks it",
        plan=udf("metastore", "mysql", "aliyun", "amap", "oss"),
        faults=("amap_not_admitted",),
        expected="access_list_missing_host",
        targets=("amap",),
    ),
    Scenario(
        name="access_list_stale_ip",
        title="the access list was made of addresses, and the name has another one now",
        plan=udf(
            *("metastore", "mysql", "aliyun", "amap", "oss"),
            settings={
                "odps.internet.access.list": (
                    "www.aliyun.com:443,198.51.100.99:443,lake.oss-cn-hangzhou.aliyuncs.com:443"
                )
            },
        ),
        faults=("amap_not_admitted",),
        expected="access_list_stale_ip",
        targets=("amap",),
    ),
    Scenario(
        name="access_list_stale_ip_spark",
        title="the same of a Spark job",
        plan=spark(
            *("metastore", "mysql", "aliyun", "amap", "oss"),
            settings={
                f"{SPARK}cupid.internet.access.list": (
                    "www.aliyun.com:443,198.51.100.99:443,lake.oss-cn-hangzhou.aliyuncs.com:443"
                )
            },
        ),
        faults=("amap_not_admitted",),
        expected="access_list_stale_ip",
        targets=("amap",),
    ),
    Scenario(
        name="approval_needed",
        title="the list lacks a host whose domain does not verify by itself: that is told beside",
        plan=udf(
            *("metastore", "mysql", "aliyun", "partner"),
            settings={"odps.internet.access.list": "www.aliyun.com:443"},
        ),
        faults=("partner_not_listed",),
        expected="access_list_missing_host",
        targets=("partner",),
        infos=("approval_needed",),
    ),
    Scenario(
        name="access_list_missing_port",
        title="the access list holds the host with port 80 alone",
        plan=udf(
            *("metastore", "mysql", "aliyun", "amap", "amap-http"),
            settings={"odps.internet.access.list": "www.aliyun.com:443,restapi.amap.com:80"},
        ),
        faults=("amap_443_not_admitted",),
        expected="access_list_missing_port",
        targets=("amap",),
    ),
)
