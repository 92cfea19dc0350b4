"""What a job's settings say: which keys count, which way a target takes, and whether the way is switched on."""

import pytest

from reports.maxcompute.endpoints import classify
from reports.maxcompute.settings import normal, read, runtime_of, written
from reports.maxcompute.ways import UNSUPPORTED, access, endpoint_wanted, way_of
from reports.model import Setting, Target

LIST = "odps.internet.access.list"
LINK = "odps.session.networklink"
SPARK_LIST = "spark.hadoop.odps.cupid.internet.access.list"
SMARTNAT = "spark.hadoop.odps.cupid.smartnat.enable"
ENI = "spark.hadoop.odps.cupid.eni.enable"
INFO = "spark.hadoop.odps.cupid.eni.info"
DOMAINS = "spark.hadoop.odps.cupid.vpc.domain.list"
TRUSTED = "spark.hadoop.odps.cupid.trusted.services.access.list"
VERSION = "spark.hadoop.odps.spark.version"
PROJECT = "odps.security.outbound.internetlist"
NOTHING = {"odps.sql.python.version": "cp37"}
BOTH_ENI = {ENI: "true", INFO: "cn-hangzhou:vpc-a"}
JSON = (
    '{"regionId":"cn-hangzhou","vpcs":[{"vpcId":"vpc-x","zones":'
    '[{"urls":[{"domain":"db.example.com","port":3306}],"zoneId":"z"}]}]}'
)


def target(address, via="auto"):
    """A target by its address."""
    host, _, port = address.rpartition(":")
    return Target(name=address, host=host.strip("[]"), port=int(port), via=via)


def settings(values):
    """Settings of a plan."""
    return tuple(Setting(key=key, value=value) for key, value in values.items())


def declared(values, region="cn-hangzhou"):
    """What settings say."""
    return read(settings(values), region)


@pytest.mark.parametrize(
    ("address", "values", "expected"),
    [
        ("10.10.2.30:9083", {}, "vpc"),
        ("198.51.100.1:80", {}, "internet"),
        ("[2001:db8::1]:80", {}, "internet"),
        ("[fd00::1]:80", {}, "vpc"),
        ("127.0.0.1:80", {}, "auto"),
        ("localhost:80", {}, "auto"),
        ("169.254.1.1:80", {}, "auto"),
        ("100.100.100.200:80", {}, "auto"),
        ("emr-header-1:9083", {}, "vpc"),
        ("emr-header-1.cluster-500148414:9083", {}, "vpc"),
        ("db.corp.internal:3306", {}, "vpc"),
        ("www.aliyun.com:80", {}, "internet"),
        ("oss-cn-hangzhou.aliyuncs.com:443", {}, "internet"),
        ("oss-cn-hangzhou-internal.aliyuncs.com:443", {}, "service"),
        ("hg-cn-hangzhou-vpc.hologres.aliyuncs.com:80", {}, "vpc"),
        ("rm-x.mysql.rds.aliyuncs.com:3306", {}, "auto"),
        ("partner.example.com:443", {}, "auto"),
        ("partner.example.com:443", {LIST: "partner.example.com:80"}, "internet"),
        ("db.example.com:3306", {DOMAINS: JSON}, "vpc"),
    ],
)
def test_way_of(address, values, expected):
    """The way shows in the address, in the name's form, and in where the job lists it; else it is open."""
    actual = way_of(declared(values), target(address))

    assert expected == actual


def test_a_declared_way_counts_before_all():
    """What the plan says of the way is not questioned."""
    actual = way_of(declared({}), target("10.0.0.1:80", via="internet"))

    assert actual == "internet"


@pytest.mark.parametrize(
    ("runtime", "way", "values", "expected"),
    [
        # runtime, way, settings -> enabled, missing key, broken key, unsupported
        ("udf", "internet", NOTHING, (False, LIST, "", "")),
        ("udf", "internet", {LIST: ""}, (False, LIST, "", "")),
        ("udf", "internet", {LIST: "a.com:80"}, (True, "", "", "")),
        ("udf", "vpc", NOTHING, (False, LINK, "", "")),
        ("udf", "vpc", {LINK: "testLink"}, (True, "", "", "")),
        ("udf", "vpc", {LINK: "test-link"}, (False, LINK, LINK, "")),
        ("udf", "vpc", {"networklink": "testLink"}, (False, LINK, "", "")),
        ("maxframe", "internet", NOTHING, (False, LIST, "", "")),
        ("maxframe", "vpc", NOTHING, (None, "", "", "")),
        ("mapreduce", "internet", NOTHING, (None, "", "", "")),
        ("mapreduce", "internet", {LIST: "a.com:80"}, (True, "", "", "")),
        ("mars", "vpc", {LINK: "testLink"}, (True, "", "", "")),
        ("external-table", "vpc", NOTHING, (False, "networklink", "", "")),
        ("external-table", "vpc", {"networklink": "testLink"}, (True, "", "", "")),
        ("external-table", "internet", NOTHING, (False, "", "", "internet_runtime")),
        ("external-table", "service", NOTHING, (None, "", "", "")),
        ("lakehouse", "internet", NOTHING, (False, "", "", "internet_runtime")),
        ("lakehouse", "vpc", NOTHING, (None, "", "", "")),
        ("host", "internet", NOTHING, (None, "", "", "")),
        ("pyodps", "vpc", NOTHING, (None, "", "", "")),
        ("udf", "internet", {}, (None, "", "", "")),  # no setting was given: nothing is held against the job
        ("spark", "internet", NOTHING, (False, normal(SPARK_LIST), "", "")),
        ("spark", "internet", {LIST: "a.com:80"}, (False, normal(SPARK_LIST), "", "")),
        ("spark", "internet", {SPARK_LIST: "a.com:80"}, (False, normal(SMARTNAT), "", "")),
        ("spark", "internet", {SPARK_LIST: "a.com:80", VERSION: "3.4.2"}, (False, normal(ENI), "", "")),
        ("spark", "internet", {SPARK_LIST: "a.com:80", SMARTNAT: "true"}, (True, "", "", "")),
        ("spark", "internet", {SPARK_LIST: "a.com:80", SMARTNAT: "false"}, (False, normal(SMARTNAT), "", "")),
        (
            "spark",
            "internet",
            {SPARK_LIST: "a.com:80", SMARTNAT: "ture"},
            (False, normal(SMARTNAT), normal(SMARTNAT), ""),
        ),
        ("spark", "internet", {SPARK_LIST: "a.com:80", **BOTH_ENI}, (True, "", "", "")),
        ("spark", "internet", {SPARK_LIST: "a.com:80", ENI: "true"}, (False, normal(INFO), "", "")),
        (
            "spark",
            "internet",
            {SPARK_LIST: "a.com:80", SMARTNAT: "true", VERSION: "spark-3.5.2-odps0.48.0"},
            (False, "", "", "smartnat_spark_version"),
        ),
        (
            "spark",
            "internet",
            {SPARK_LIST: "a.com:80", SMARTNAT: "true", VERSION: "spark-3.1.1-odps0.34.1"},
            (True, "", "", ""),
        ),
        (
            "spark",
            "internet",
            {SPARK_LIST: "a.com:80", SMARTNAT: "true", VERSION: "3.5.2", **BOTH_ENI},
            (True, "", "", ""),
        ),
        ("spark", "internet", {normal(SPARK_LIST): "a.com:80", normal(SMARTNAT): "true"}, (True, "", "", "")),
        ("spark", "vpc", NOTHING, (False, normal(ENI), "", "")),
        ("spark", "vpc", BOTH_ENI, (True, "", "", "")),
        ("spark", "vpc", {ENI: "true", INFO: "cn-beijing:vpc-a"}, (False, normal(INFO), normal(INFO), "")),
        ("spark", "vpc", {ENI: "false", INFO: "cn-hangzhou:vpc-a"}, (False, normal(ENI), "", "")),
        ("spark", "vpc", {DOMAINS: JSON}, (True, "", "", "")),
        ("spark", "vpc", {DOMAINS: JSON.replace(",", ", ")}, (False, normal(DOMAINS), normal(DOMAINS), "")),
        ("spark", "vpc", {DOMAINS: JSON.replace("3306", "3307")}, (False, normal(DOMAINS), normal(DOMAINS), "")),
        ("spark", "vpc", {DOMAINS: "{", **BOTH_ENI}, (True, "", "", "")),  # with an ENI the list is unnecessary
        ("spark", "service", NOTHING, (None, "", "", "")),
        ("spark", "service", {TRUSTED: "b.oss-cn-hangzhou-internal.aliyuncs.com"}, (True, "", "", "")),
    ],
)
def test_access(runtime, way, values, expected):
    """What each runtime must declare for each way; nothing is claimed where it is not documented."""
    said = access(declared(values), runtime, "cn-hangzhou", target("db.example.com:3306"), way)

    actual = (said.enabled, said.missing_key, said.broken_key, said.unsupported)

    assert expected == actual


@pytest.mark.parametrize(
    ("runtime", "region", "address", "way", "expected"),
    [
        ("udf", "cn-chengdu", "10.0.0.1:80", "vpc", "vpc_region"),
        ("spark", "cn-chengdu", "10.0.0.1:80", "vpc", "vpc_region"),
        ("udf", "cn-chengdu", "198.51.100.1:80", "internet", ""),
        ("udf", "cn-wulanchabu", "10.0.0.1:80", "vpc", "vpc_region_udf"),
        ("udf", "ap-southeast-3", "10.0.0.1:80", "vpc", "vpc_region_udf"),
        ("spark", "cn-wulanchabu", "10.0.0.1:80", "vpc", ""),
        ("udf", "me-east-1", "10.0.0.1:80", "vpc", ""),  # not in the documents: nothing is claimed
        ("udf", "", "10.0.0.1:80", "vpc", ""),
        ("udf", "cn-hangzhou", "[2001:db8::1]:80", "internet", "internet_ipv6"),
        ("host", "cn-chengdu", "10.0.0.1:80", "vpc", ""),
    ],
)
def test_unsupported(runtime, region, address, way, expected):
    """Regions without a scheme, and IPv6, are told from what is merely not switched on."""
    actual = access(declared({LINK: "x", **BOTH_ENI}, region), runtime, region, target(address), way).unsupported

    assert expected == actual
    assert actual == "" or actual in UNSUPPORTED


@pytest.mark.parametrize(
    ("address", "values", "expected"),
    [
        # listed, its ports, addresses listed on this port, the project's list
        ("a.com:443", {LIST: "b.com:443"}, ("no", (), (), "")),
        ("a.com:443", {LIST: "a.com:443,a.com:80"}, ("yes", (80, 443), (), "")),
        ("a.com:443", {LIST: "A.com.:443"}, ("yes", (443,), (), "")),
        ("a.com:443", {LIST: "a.com:80,a.com:8080"}, ("other_port", (80, 8080), (), "")),
        ("a.com:443", {LIST: "192.0.2.1:443,192.0.2.2:80"}, ("no", (), ("192.0.2.1",), "")),
        ("192.0.2.1:443", {LIST: "192.0.2.1:443"}, ("yes", (443,), (), "")),
        ("a.com:443", {LIST: "a.com:443", PROJECT: "b.com:443"}, ("yes", (443,), (), "no")),
        ("a.com:443", {LIST: "a.com:443", PROJECT: "a.com:443"}, ("yes", (443,), (), "yes")),
        ("a.com:443", {LINK: "x"}, ("", (), (), "")),
    ],
)
def test_listing(address, values, expected):
    """Whether an access list holds a target, on which ports, and which addresses it holds."""
    said = access(declared(values), "udf", "", target(address), "internet")

    actual = (said.listed, said.listed_ports, said.listed_ips, said.project_listed)

    assert expected == actual


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("b.oss-cn-hangzhou-internal.aliyuncs.com:443", "yes"),
        ("oss-cn-hangzhou-internal.aliyuncs.com:443", "yes"),
        ("c.oss-cn-hangzhou-internal.aliyuncs.com:443", "no"),
    ],
)
def test_trusted_services(address, expected):
    """Spark lists OSS by bucket; a target may name the endpoint with or without one."""
    values = {TRUSTED: "b.oss-cn-hangzhou-internal.aliyuncs.com"}

    actual = access(declared(values), "spark", "", target(address), "service").listed

    assert expected == actual


def test_a_broken_entry_is_told_with_its_own_target():
    """An entry that cannot be read is the reason of the host that it is about, and of no other."""
    found = declared({LIST: "a.com,b.com:80"})

    said = [access(found, "udf", "", target(address), "internet") for address in ("a.com:80", "b.com:80", "c.com:80")]
    actual = [(one.enabled, one.broken.word if one.broken else "") for one in said]

    assert actual == [(True, "entry_no_port"), (True, ""), (True, "")]


def test_two_vpcs():
    """A domain list that names another VPC than the ENI's is seen."""
    actual = access(declared({DOMAINS: JSON, **BOTH_ENI}), "spark", "", target("db.example.com:3306"), "vpc").vpcs

    assert actual == ("vpc-x", "vpc-a")


@pytest.mark.parametrize(
    ("runtime", "host", "expected"),
    [
        ("udf", "b.oss-cn-hangzhou-internal.aliyuncs.com", "b.oss-cn-hangzhou.aliyuncs.com"),
        ("udf", "i.cn-beijing.vpc.tablestore.aliyuncs.com", "i.cn-beijing.ots.aliyuncs.com"),
        ("udf", "b.oss-cn-hangzhou.aliyuncs.com", ""),
        ("external-table", "b.oss-cn-hangzhou.aliyuncs.com", "b.oss-cn-hangzhou-internal.aliyuncs.com"),
        ("external-table", "i.cn-beijing.ots.aliyuncs.com", "i.cn-beijing.ots-internal.aliyuncs.com"),
        ("spark", "b.oss-cn-hangzhou.aliyuncs.com", "b.oss-cn-hangzhou-internal.aliyuncs.com"),
        ("spark", "i.cn-beijing.ots.aliyuncs.com", ""),
        ("mapreduce", "b.oss-cn-hangzhou-internal.aliyuncs.com", ""),
        ("udf", "hg-cn-hangzhou-vpc.hologres.aliyuncs.com", ""),
        ("host", "b.oss-cn-hangzhou-internal.aliyuncs.com", ""),
    ],
)
def test_endpoint_wanted(runtime, host, expected):
    """A UDF needs public endpoints, an external table and Spark internal ones; the rest is not documented."""
    actual = endpoint_wanted(classify(host), runtime)

    assert expected == actual


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"spark.executor.instances": "2"}, "spark"),
        ({"odps.cupid.eni.enable": "true"}, "spark"),
        ({LIST: "a.com:80"}, "udf"),
        ({"networklink": "x"}, "external-table"),
        ({"networklink": "x", LINK: "x"}, "udf"),
        ({"other": "x"}, None),
        ({}, None),
    ],
)
def test_runtime_of(values, expected):
    """The settings tell whose they are."""
    actual = runtime_of(settings(values))

    assert expected == actual


def test_the_last_value_counts_and_the_plan_before_files():
    """A key that is set again has its last value; what the plan says itself is never overridden by a file."""
    again = (
        Setting(key=LINK, value="first", source="a.sql:1"),
        Setting(key=LINK, value="second", source="a.sql:9"),
        Setting(key=LIST, value="plan.com:80"),
        Setting(key=LIST, value="file.com:80", source="a.sql:3"),
    )

    found = read(again)
    actual = (found.link, found.lists[LIST].entries)

    assert actual == ("second", (("plan.com", 80),))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("odps.session.networklinks", [LINK]),
        ("odps.internet.acces.list", [LIST]),
        ("spark.hadoop.odps.cupid.eni.enabled", [ENI]),
        ("odps.sql.mapper.split.size", []),
        ("odps.internet.access.list", []),
        ("spark.executor.memory", []),
    ],
)
def test_misspelt_keys(key, expected):
    """A key that is nearly a known one is taken for it misspelt; what is merely unknown is let be."""
    actual = [problem.corrected for _, problem in declared({key: "true"}).problems if problem.word == "key"]

    assert expected == actual


def test_mended():
    """A list is mended by what its wrong entries were meant to be."""
    actual = declared({LIST: "a.com:80, b.com:443,c.com,https://d.com"}).mended(LIST)

    assert actual == (("a.com", 80), ("b.com", 443), ("d.com", 443))


@pytest.mark.parametrize(
    ("key", "expected"),
    [(ENI, ENI), (normal(ENI), ENI), (LIST, LIST), ("networklink", "networklink"), (PROJECT, PROJECT)],
)
def test_written(key, expected):
    """Keys of Spark are written with their prefix."""
    actual = written(normal(key))

    assert expected == actual
