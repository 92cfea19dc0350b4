"""reports/vpc/additions.py: the rule to add lets the packet through, and is as small as it can be."""

import pytest
from attrs import evolve

from reports.vpc.additions import addition
from reports.vpc.cloud import Cloud
from reports.vpc.matching import Packet
from reports.vpc.model import INGRESS, Inventory
from reports.vpc.security import judge, text_of
from tests.reports.vpc.building import JOB, JOBS, SERVICE, rule, small, with_rules
from tests.reports.vpc.cases import CASES, VPC, Case

REQUEST = Packet(source=JOB, dest=SERVICE, port=3306)


def _added(inventory: Inventory, cidr: str = JOBS):
    cloud = Cloud(inventory)
    return addition(cloud, judge(cloud, REQUEST, INGRESS, "vpc-a"), REQUEST, cidr)


def test_where_no_rule_admits():
    """A rule of the best priority for this port and the whole vSwitch."""
    found = _added(small())
    assert found is not None
    assert (found.group, text_of(found.rule)) == ("sg-db", "accept TCP 3306/3306 from 10.10.1.0/24, priority 1")


@pytest.mark.parametrize(
    ("rules", "priority"),
    [
        ((rule(1, "ingress", "drop", JOBS, priority=10),), 9),
        ((rule(1, "ingress", "drop", "0.0.0.0/0", "-1/-1", protocol="all", priority=100),), 99),
        # What drops only a part of the vSwitch is in the way too.
        ((rule(1, "ingress", "drop", JOBS, priority=50), rule(2, "ingress", "drop", "10.10.1.99", priority=20)), 19),
        # What drops somebody else, another port, or outbound, is not.
        ((rule(1, "ingress", "drop", JOBS, priority=50), rule(2, "ingress", "drop", "10.10.9.0/24", priority=20)), 49),
        ((rule(1, "ingress", "drop", JOBS, priority=50), rule(2, "ingress", "drop", JOBS, "22/22", priority=20)), 49),
        ((rule(1, "ingress", "drop", JOBS, priority=50), rule(2, "egress", "drop", JOBS, priority=20)), 49),
    ],
)
def test_precedes_what_drops(rules, priority):
    """Of equal priority the dropping rule would win, so it takes the next better one."""
    found = _added(with_rules("sg-db", *rules))
    assert found is not None
    assert found.rule.priority == priority


def test_nothing_precedes_priority_1():
    """Where a rule of priority 1 drops, no rule can help: that one must change."""
    found = _added(with_rules("sg-db", rule(1, "ingress", "drop", JOBS, id="sgr-7")))
    assert found is not None
    assert found.rule is None
    assert found.instead == (
        "rule 1 of sg-db (sgr-7) has priority 1, and no rule can precede it: narrow it or give it a worse priority"
    )


@pytest.mark.parametrize("more", [{"managed": True}, {"name": "MaxCompute-vpc-bp1x9d2kf0"}], ids=["managed", "links"])
def test_a_group_of_the_platform_is_left_alone(more):
    """Groups that a service manages, and those of MaxCompute's links, are not to be changed."""
    found = _added(with_rules("sg-db", **more))
    assert found is not None
    assert found.rule is None
    assert "belongs to the platform" in found.instead


def test_nothing_to_add():
    """Where it is admitted, or not known, there is no rule to add."""
    assert _added(with_rules("sg-db", rule(1, "ingress", "accept", JOBS))) is None
    assert _added(small(groups=())) is None


@pytest.mark.parametrize("case", [case for case in CASES if case.verdict == "drop"], ids=lambda case: case.id)
def test_helps(case: Case):
    """Of every case that is dropped: with the added rule the same packet is admitted."""
    cloud = Cloud(case.inventory)
    ruling = judge(cloud, case.packet, case.direction, VPC.id)
    other = case.packet.source if case.direction == INGRESS else case.packet.dest
    found = addition(cloud, ruling, case.packet, other)
    assert found is not None
    if found.rule is None:
        assert any(one.priority == 1 and one.policy == "drop" for group in case.inventory.groups for one in group.rules)
        return
    groups = tuple(
        evolve(group, rules=(*group.rules, found.rule)) if group.id == found.group else group
        for group in case.inventory.groups
    )
    after = judge(Cloud(evolve(case.inventory, groups=groups)), case.packet, case.direction, VPC.id)
    assert (after.verdict, after.rule) == ("accept", found.rule)
