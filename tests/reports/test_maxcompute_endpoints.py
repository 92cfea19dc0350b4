"""Regions and endpoints: what a name says by itself."""

import pytest

from reports.maxcompute.endpoints import (
    INTERNAL,
    NAME_SERVERS,
    PUBLIC,
    UNTOLD,
    VPC,
    Endpoint,
    classify,
    is_platform_address,
    service_of_host,
    verifies_itself,
    wanted,
)
from reports.maxcompute.regions import REGIONS, looks_like_region
from reports.services import SERVICES

ENDPOINTS = [
    ("oss-cn-hangzhou.aliyuncs.com", Endpoint("oss", PUBLIC, "cn-hangzhou")),
    ("logs.oss-cn-hangzhou.aliyuncs.com", Endpoint("oss", PUBLIC, "cn-hangzhou", "logs")),
    ("logs.oss-ap-southeast-1-internal.aliyuncs.com", Endpoint("oss", INTERNAL, "ap-southeast-1", "logs")),
    ("oss-cn-shanghai-finance-1-internal.aliyuncs.com", Endpoint("oss", INTERNAL, "cn-shanghai-finance-1")),
    ("shop.cn-beijing.ots.aliyuncs.com", Endpoint("tablestore", PUBLIC, "cn-beijing", "shop")),
    ("shop.cn-beijing.vpc.tablestore.aliyuncs.com", Endpoint("tablestore", VPC, "cn-beijing", "shop")),
    ("shop.cn-beijing.ots-internal.aliyuncs.com", Endpoint("tablestore", INTERNAL, "cn-beijing", "shop")),
    ("dlf.cn-shanghai.aliyuncs.com", Endpoint("dlf", PUBLIC, "cn-shanghai")),
    ("dlf-vpc.cn-shanghai.aliyuncs.com", Endpoint("dlf", VPC, "cn-shanghai")),
    ("dlf-share.cn-shanghai.aliyuncs.com", Endpoint("dlf", INTERNAL, "cn-shanghai")),
    ("hgpost-cn-abc-cn-hangzhou.hologres.aliyuncs.com", Endpoint("hologres", PUBLIC, "cn-hangzhou", "hgpost-cn-abc")),
    ("hg-us-east-1-internal.hologres.aliyuncs.com", Endpoint("hologres", INTERNAL, "us-east-1", "hg")),
    ("hg-cn-hangzhou-vpc.hologres.aliyuncs.com", Endpoint("hologres", VPC, "cn-hangzhou", "hg")),
    ("hg-cn-hangzhou-vpc-st.hologres.aliyuncs.com", Endpoint("hologres", VPC, "cn-hangzhou", "hg")),
    ("service.cn-hangzhou.maxcompute.aliyun.com", Endpoint("maxcompute", PUBLIC, "cn-hangzhou")),
    ("service.cn-hangzhou-vpc.maxcompute.aliyun-inc.com", Endpoint("maxcompute", VPC, "cn-hangzhou")),
    ("service.cn-hangzhou-intranet.maxcompute.aliyun-inc.com", Endpoint("maxcompute", INTERNAL, "cn-hangzhou")),
    ("dt.eu-central-1.maxcompute.aliyun.com", Endpoint("maxcompute-tunnel", PUBLIC, "eu-central-1")),
    ("dt.eu-central-1-vpc.maxcompute.aliyun-inc.com", Endpoint("maxcompute-tunnel", VPC, "eu-central-1")),
    ("rm-x.mysql.rds.aliyuncs.com", Endpoint("rds", UNTOLD, "", "rm-x")),
    ("rm-x.mysql.cn-shanghai.rds.aliyuncs.com", Endpoint("rds", UNTOLD, "cn-shanghai", "rm-x")),
    ("www.aliyun.com", None),
    ("oss-cn-hangzhou.aliyuncs.com.example.com", None),
    ("notoss-cn-hangzhou.aliyuncs.com", None),
    ("10.10.2.30", None),
    ("", None),
]


@pytest.mark.parametrize(("host", "expected"), ENDPOINTS)
def test_classify(host, expected):
    """The form of a host name tells service, network, region and instance."""
    actual = classify(host)

    assert expected == actual


@pytest.mark.parametrize(
    ("host", "network", "expected"),
    [
        ("logs.oss-cn-hangzhou-internal.aliyuncs.com", PUBLIC, "logs.oss-cn-hangzhou.aliyuncs.com"),
        ("oss-cn-hangzhou.aliyuncs.com", INTERNAL, "oss-cn-hangzhou-internal.aliyuncs.com"),
        ("shop.cn-beijing.vpc.tablestore.aliyuncs.com", PUBLIC, "shop.cn-beijing.ots.aliyuncs.com"),
        ("shop.cn-beijing.ots.aliyuncs.com", INTERNAL, "shop.cn-beijing.ots-internal.aliyuncs.com"),
        ("hg-cn-hangzhou-vpc-st.hologres.aliyuncs.com", PUBLIC, "hg-cn-hangzhou.hologres.aliyuncs.com"),
        ("dt.cn-hangzhou-vpc.maxcompute.aliyun-inc.com", PUBLIC, "dt.cn-hangzhou.maxcompute.aliyun.com"),
        ("oss-cn-hangzhou.aliyuncs.com", VPC, ""),
        ("rm-x.mysql.rds.aliyuncs.com", PUBLIC, ""),
    ],
)
def test_wanted(host, network, expected):
    """The same service in another network, where it has a name there."""
    actual = wanted(classify(host), network)

    assert expected == actual


@pytest.mark.parametrize(("host", "expected"), [(host, found) for host, found in ENDPOINTS if found and found.network])
def test_every_form_leads_back_to_itself(host, expected):
    """The name that is wanted in an endpoint's own network is of the same service, region and instance."""
    again = classify(wanted(expected, expected.network))

    assert expected == again


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("hg-cn-hangzhou.hologres.aliyuncs.com", "hologres"),
        ("service.cn-hangzhou.maxcompute.aliyun.com", "maxcompute"),
        ("dt.cn-hangzhou.maxcompute.aliyun.com", "maxcompute"),
        ("rm-x.mysql.rds.aliyuncs.com", "mysql"),
        ("pgm-x.pg.rds.aliyuncs.com", "postgresql"),
        ("r-x.redis.rds.aliyuncs.com", "redis"),
        ("x.unheard.rds.aliyuncs.com", None),
        ("oss-cn-hangzhou.aliyuncs.com", None),
        ("example.com", None),
    ],
)
def test_service_of_host(host, expected):
    """Some hosts speak one service whatever the port, and it is one that can be probed."""
    actual = service_of_host(host)

    assert expected == actual
    assert actual is None or actual in SERVICES


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("www.aliyun.com", True),
        ("aliyun.com", True),
        ("restapi.amap.com", True),
        ("a.b.alibabadns.com", True),
        ("oss-cn-hangzhou.aliyuncs.com", False),  # aliyuncs.com has left the list
        ("notaliyun.com", False),
        ("aliyun.com.example.com", False),
        ("com", False),
    ],
)
def test_verifies_itself(host, expected):
    """A name verifies by itself under the listed domains, at a label's boundary."""
    actual = verifies_itself(host)

    assert expected == actual


def test_platform_addresses():
    """Metadata and name servers are the platform's own; a vSwitch's and a public address are not."""
    expected = (True, True, False, False, False)

    actual = tuple(
        is_platform_address(host) for host in ("100.100.100.200", NAME_SERVERS[0], "10.0.0.1", "198.51.100.1", "a.b")
    )

    assert expected == actual


def test_regions_of_the_documents():
    """Twelve regions have access over the Internet, eleven over a VPC, nine of those also from a UDF."""
    expected = (12, 11, 9)
    regions = REGIONS.values()

    actual = tuple(sum(getattr(region, way) for region in regions) for way in ("internet", "vpc", "udf_vpc"))

    assert expected == actual
    assert not REGIONS["cn-chengdu"].vpc
    assert all(looks_like_region(region.id) for region in regions)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cn-heyuan", True),
        ("me-east-1", True),
        ("cn-shanghai-finance-1", True),
        ("hangzhou", False),
        ("CN-hangzhou", False),
        ("cn-", False),
        ("cn-hangzhou-internal", False),
        ("c" * 1000, False),
    ],
)
def test_looks_like_region(text, expected):
    """A region that is not known yet still looks like one."""
    actual = looks_like_region(text)

    assert expected == actual
