"""What changed between a good run and a bad one, in networks where it is known what was changed."""

import pytest

from reports import document
from reports.differences import compare
from reports.differences.model import BESIDE, LIKELY
from reports.model import HEALTHY
from tests.lab.network import ENI_ADDRESS, JOB_ADDRESS
from tests.lab.scenario import udf

TARGETS = ("metastore", "namenode", "mysql", "zookeeper", "aliyun", "partner")
VPC = ("metastore", "namenode", "mysql", "zookeeper")
ECHO = {"egress": {"echo": "http://ip.example/ip"}}
SHORT_LIST = {"odps.internet.access.list": "www.aliyun.com:443"}


def runs(lab, name, *faults, plan, later=None):
    """A report before the faults, and one while they are there; the second knows the first."""
    kept = ("--state", f"/run/lab/differences-{name}")
    before = lab.check(plan, "sandbox", *kept)
    with lab.broken(*faults):
        after = lab.check(later or plan, "sandbox", *kept)
    reports = [document.from_document(outcome.report) for outcome in (before, after)]
    assert reports[0].verdict == HEALTHY
    return reports


# faults: which change explains it best, as kind, subject, before and after; and the targets that broke.
CASES = {
    "outbound": (
        ("outbound_moved", "partner_admits_one_drop"),
        ("outbound", "direct", "203.0.113.7", "203.0.113.8"),
        {"partner"},
    ),
    "certificate": (("partner_untrusted",), ("certificate", "partner"), {"partner"}),
    "expired": (("partner_expired",), ("certificate", "partner"), {"partner"}),
    "no ENI": (("eni_detached",), ("interface", "eth1"), set(VPC)),
    "ENI down": (("eni_down",), ("interface", "eth1"), set(VPC)),
    "route": (("wrong_route",), ("source", "metastore, namenode, mysql", ENI_ADDRESS, JOB_ADDRESS), set(VPC[:3])),
    "name server": (
        ("dns_first_dead",),
        ("name server", "100.100.2.136:53", "answers", "silent"),
        set(TARGETS),
    ),
    "far": (("vpc_far",), ("round trip", "metastore, namenode, mysql and 1 more"), set(VPC)),
    "another service": (("mysql_is_ssh",), ("server", "mysql", "mysql 8.0.36", "ssh"), {"mysql"}),
}


@pytest.mark.parametrize(("faults", "expected", "broke"), CASES.values(), ids=CASES)
def test_what_was_changed_comes_first(lab, request, faults, expected, broke):
    """It is likely, and nothing is told to have changed that was left alone."""
    changes = compare(*runs(lab, request.node.callspec.id.replace(" ", "-"), *faults, plan=udf(*TARGETS, **ECHO)))
    first = changes.differences[0]

    assert (first.kind, first.subject, first.before, first.after)[: len(expected)] == expected
    assert first.likelihood == LIKELY
    assert {one.target for one in changes.targets} == broke
    assert {one.kind for one in changes.differences} <= {first.kind, "source", "server", "protocol"}


def test_an_entry_that_the_access_list_lost(lab):
    """By the entry; it concerns the target that it admitted."""
    plan, later = udf("metastore", "aliyun", "amap"), udf("metastore", "aliyun", "amap", settings=SHORT_LIST)
    changes = compare(*runs(lab, "list", "amap_not_admitted", plan=plan, later=later))
    first = changes.differences[0]

    assert (first.kind, first.subject, first.after) == ("setting", "odps.internet.access.list", "without")
    assert "restapi.amap.com:443" in first.before
    assert first.targets == ("amap",)
    assert first.likelihood == LIKELY


@pytest.mark.parametrize("fault", ["group_drops_metastore", "mysql_stopped"])
def test_what_changed_elsewhere(lab, fault):
    """A group in the VPC, the service itself: nothing that was seen explains it, and nothing is made up."""
    changes = compare(*runs(lab, fault, fault, plan=udf(*TARGETS, **ECHO)))

    assert len(changes.targets) == 1
    assert [one for one in changes.differences if one.likelihood != BESIDE] == []


def test_nothing_changed(lab):
    """Of two healthy runs nothing is told."""
    changes = compare(*runs(lab, "healthy", plan=udf(*TARGETS, **ECHO)))

    assert changes.targets == changes.differences == ()
    assert changes.healthy == len(TARGETS)
