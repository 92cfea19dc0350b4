"""Faults that the first packets change, and those of the VPC host: plain connects meet what they say."""

import pytest

from tests.lab.network import SANDBOX, VPCHOST

METASTORE, MYSQL, REDIS = ("10.10.2.30", 9083), ("10.10.2.40", 3306), ("10.10.2.40", 6379)
ZOOKEEPER, AMAP, ALIYUN = ("10.10.3.20", 2181), ("198.51.100.11", 443), ("198.51.100.10", 443)
SQUID = ("203.0.113.7", 3129)  # where nothing listens

# Enough for the retransmission of a SYN after one second.
TIMEOUT = 1.2


def meets(lab, namespace, *endpoints):
    """What plain connects meet."""
    return lab.call("connect", namespace=namespace, endpoints=endpoints, timeout=TIMEOUT)


@pytest.mark.parametrize(
    ("fault", "endpoint", "expected"),
    [
        ("mysql_comes_up", MYSQL, ("ECONNREFUSED", "open", "open")),
        ("mysql_goes_down", MYSQL, ("open", "ECONNREFUSED", "ECONNREFUSED")),
        ("group_opens_metastore", METASTORE, ("silent", "open", "open")),
        ("group_opens_zookeeper", ZOOKEEPER, ("silent", "open", "open")),
        ("whitelist_closes", REDIS, ("open", "silent", "silent")),
        ("proxy_admits_amap_later", AMAP, ("silent", "open", "open")),
    ],
)
def test_a_fault_changes_with_the_first_connection(lab, fault, endpoint, expected):
    """It is what comes first that changes it, and not the time."""
    with lab.broken(fault):
        met = [meets(lab, SANDBOX, endpoint)[0] for _ in expected]

    assert list(expected) == met


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("vpchost_drop", {MYSQL: "silent", REDIS: "open"}),
        ("vpchost_blackhole", {MYSQL: "EINVAL", ZOOKEEPER: "open"}),
        ("vpchost_unreachable", {MYSQL: "EHOSTUNREACH", ZOOKEEPER: "open"}),
        ("vpchost_no_default", {ALIYUN: "ENETUNREACH", MYSQL: "open"}),
        ("vpchost_tunnel", {MYSQL: "silent", METASTORE: "silent", ZOOKEEPER: "open"}),
        ("proxy_from_outside", {SQUID: "ECONNREFUSED", ALIYUN: "open"}),
    ],
)
def test_a_fault_of_the_vpc_host(lab, fault, expected):
    """The host meets it, and the job does not."""
    reachable = [endpoint for endpoint in expected if endpoint != SQUID]
    with lab.broken(fault):
        from_host, from_job = meets(lab, VPCHOST, *expected), meets(lab, SANDBOX, *reachable)

    assert list(expected.values()) == from_host
    assert ["open"] * len(reachable) == from_job
