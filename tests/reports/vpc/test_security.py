"""reports/vpc/security.py against the table of cases, and what it says in words."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as some

from reports.vpc.cloud import Cloud
from reports.vpc.document import dumps, loads
from reports.vpc.matching import Packet
from reports.vpc.model import INGRESS, Rule
from reports.vpc.security import Ruling, judge, text_of
from tests.reports.vpc.building import JOB, SERVICE, rule, small, with_rules
from tests.reports.vpc.cases import CASES, VPC, Case


def _by(ruling: Ruling) -> str:
    if ruling.rule is not None:
        place = str(ruling.rule.place)
        return place if ruling.group == "sg-own" else f"{ruling.group}/{place}"
    return {"": "", True: "inner", False: "default"}[ruling.group and "reach each other" in ruling.why]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_documented(case: Case):
    """Each case: what the sentence that it stands under says of its packet."""
    ruling = judge(Cloud(case.inventory), case.packet, case.direction, VPC.id)
    assert (ruling.verdict, _by(ruling)) == (case.verdict, case.by), f"{case.sentence}\n{ruling.why}"


def test_the_table_is_whole():
    """At least 150 cases, each name once in its sentence, every sentence with a case for and against where it can."""
    assert len(CASES) >= 150
    assert len({(case.sentence, case.name) for case in CASES}) == len(CASES)
    assert {case.verdict for case in CASES} == {"accept", "drop", "unknown"}
    assert all(case.name and case.sentence for case in CASES)


@pytest.mark.parametrize("case", CASES[::7], ids=lambda case: case.id)
def test_as_documented_after_its_journey(case: Case):
    """An inventory that was written down and read again gives the same ruling."""
    again = loads(dumps(case.inventory))
    assert again == case.inventory
    both = [judge(Cloud(one), case.packet, case.direction, VPC.id) for one in (case.inventory, again)]
    assert both[0] == both[1]


@given(some.data())
def test_the_order_of_the_rules_does_not_matter(data):
    """Priority and policy order the rules, their place in the list does not."""
    case = data.draw(
        some.sampled_from([case for case in CASES if any(len(g.rules) > 1 for g in case.inventory.groups)])
    )
    groups = tuple(
        evolve(group, rules=tuple(data.draw(some.permutations(group.rules)))) for group in case.inventory.groups
    )
    shuffled = evolve(case.inventory, groups=groups)
    assert judge(Cloud(shuffled), case.packet, case.direction, VPC.id).verdict == case.verdict


def test_says_by_which_rule():
    """A ruling names the rule by its number, its group and its id, and tells what it says."""
    case = next(case for case in CASES if case.name == "also where it is the second group's")
    ruling = judge(Cloud(case.inventory), case.packet, case.direction, VPC.id)
    assert ruling.why == ("rule 1 of sg-two (sgr-1) drops it: drop TCP 3306/3306 from 10.10.1.0/24, priority 1")
    assert (ruling.group, ruling.eni) == ("sg-two", "eni-twin")


def test_says_by_which_default():
    """Where no rule matches, the words say so, and what such a group then does."""
    case = next(case for case in CASES if case.name == "advanced, no rules: nothing is let out")
    ruling = judge(Cloud(case.inventory), case.packet, case.direction, VPC.id)
    assert ruling.why == "no outbound rule of sg-big matches, and an advanced group drops what none admits"


def test_one_address_in_two_vpcs():
    """Addresses repeat from VPC to VPC: the VPC decides which interface is meant; without it nothing is guessed."""
    case = next(case for case in CASES if case.name == "a range of one port holds it")
    abroad = evolve(case.inventory.enis[0], id="eni-abroad", vpc="vpc-abroad", groups=("sg-two",))
    cloud = Cloud(evolve(case.inventory, enis=(*case.inventory.enis, abroad)))
    packet = case.packet
    assert judge(cloud, packet, INGRESS, VPC.id).verdict == "accept"
    assert judge(cloud, packet, INGRESS, "vpc-abroad").eni == "eni-abroad"
    assert judge(cloud, packet, INGRESS).why == "2 interfaces, of several VPCs, have 10.10.2.30"


def test_one_interface_that_has_an_address_twice():
    """An address in two spellings is one address, of one interface."""
    held = with_rules("sg-db", rule(1, "ingress", "accept", "2001:db8::/64"))
    twice = ("2001:db8::30", "2001:db8:0:0::30")
    held = evolve(held, enis=(held.enis[0], evolve(held.enis[1], addresses=twice)))
    packet = Packet(source="2001:db8::10", dest="2001:db8::30", port=3306)
    assert judge(Cloud(held), packet, INGRESS).rule is not None


def test_whom_nobody_knows():
    """Why it is not known who has an address: two of one VPC, nobody, or nobody of those that were read."""
    held, packet = small(), Packet(source=JOB, dest=SERVICE, port=3306)
    two = evolve(held, enis=(*held.enis, evolve(held.enis[1], id="eni-new")))
    assert judge(Cloud(two), packet, INGRESS).why == f"2 interfaces have {SERVICE}"
    nobody = evolve(held, enis=held.enis[:1])
    assert judge(Cloud(nobody), packet, INGRESS).why == f"no interface of the inventory has {SERVICE}"
    words = f"the network interfaces were not read, at least not that of {SERVICE}"
    assert judge(Cloud(evolve(nobody, unread=("enis",))), packet, INGRESS).why == words


def test_a_rule_in_words():
    """Every part of a rule that limits it stands in its text."""
    rule = Rule(
        place=3,
        direction="egress",
        policy="Accept",
        protocol="TCP",
        priority=7,
        ports="22/22",
        source_cidr="10.10.1.10/32",
        source_ports="1024/65535",
        dest_group="sg-x",
    )
    assert text_of(rule) == "accept TCP 22/22 from 10.10.1.10/32 source port 1024/65535 to sg-x, priority 7"
    assert text_of(evolve(rule, protocol="all", ports="-1/-1", source_cidr="", source_ports="", dest_group="")) == (
        "accept ALL, priority 7"
    )


def test_nonsense_is_nobody():
    """Text that is no address belongs to nobody, and raises nothing."""
    cloud = Cloud(CASES[0].inventory)
    assert judge(cloud, Packet(source="job", dest="metastore", port=1), INGRESS).why == (
        "no interface of the inventory has metastore"
    )
