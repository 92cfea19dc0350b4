"""probes/inventory.py: what an inventory says of a plan's targets, as observations; it sends nothing."""

import re
import time
from pathlib import Path

import pytest
from attrs import evolve

from probes import inventory
from probes.contract import Notes
from reports.failures import Failure
from reports.model import Network, Plan, Target, Vantage
from reports.vpc.model import Eni, Inventory, NextHop, Route
from tests.reports.building import connected, seen
from tests.reports.vpc.building import JOB, JOBS, SERVICE, entry, rule, small, with_acl, with_routes, with_rules

TARGET = Target(name="db", host=SERVICE, port=3306, service="mysql", via="vpc")
NETWORK = Network(name="vswitch-a", cidr=JOBS)
DOCUMENTED = (Path(__file__).parents[2] / "docs" / "observations.md").read_text("utf-8")


def said(held: Inventory, *observations, network=NETWORK, target=TARGET, kind="host", days=0):
    """What is said of an inventory that was read so many days ago."""
    held, notes = held and evolve(held, read=time.time() - days * 86400), Notes()
    for one in observations:
        notes.add(one)
    plan = Plan(name="p", targets=(target,), networks=(network,) if network else (), inventory=held)
    inventory.observe(plan, Vantage(kind=kind), notes)
    return [one for one in notes.observations if one.probe == "inventory"]


def only(observations, step):
    """The facts of the only observation of a step."""
    (one,) = [one for one in observations if one.step == step]
    return one.facts


def test_an_old_inventory_says_when_it_was_read():
    """The day stands in all that is said of it, once it is more than a week ago."""
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 30 * 86400))

    assert {one.facts.get("old") for one in said(small(), days=30)} == {day}
    assert {one.facts.get("old") for one in said(small(), days=6)} == {None}


def test_names_the_rule_that_drops_and_the_rule_to_add():
    """Which interface, group and rule, what it says, and the priority and CIDR of the rule that would help."""
    held = with_rules("sg-db", rule(7, "ingress", "drop", JOBS, id="sgr-7", priority=50))
    found = said(held)
    facts = only(found, "inbound")
    assert facts == {
        "source": JOB,
        "sources": 1,
        "cidr": JOBS,
        "network": "vswitch-a",
        "measured": False,
        "verdict": "drop",
        "drops": True,
        "why": "rule 7 of sg-db (sgr-7) drops it: drop TCP 3306/3306 from 10.10.1.0/24, priority 50",
        "eni": "eni-db",
        "group": "sg-db",
        "kind": "normal",
        "rule": 7,
        "text": "drop TCP 3306/3306 from 10.10.1.0/24, priority 50",
        "rule_id": "sgr-7",
        "default": False,
        "add_cidr": JOBS,
        "add_priority": 49,
    }
    assert {one.address for one in found if one.target} == {f"{SERVICE}:3306"}
    assert {one.target for one in found} == {None, "db"}
    assert not any(one.failure for one in found)


def test_says_by_which_default():
    """Without a rule it is the default, and the rule to add takes the best priority."""
    facts = only(said(small()), "inbound")
    assert (facts["default"], facts["add_priority"]) == (True, 1)
    facts = only(said(small()), "outbound")
    assert (facts["verdict"], facts["default"], facts["drops"]) == ("accept", True, False)


def test_says_what_must_change_instead():
    """Where nothing can precede the rule that drops, that is said in place of a rule to add."""
    facts = only(said(with_rules("sg-db", rule(1, "ingress", "drop", JOBS))), "inbound")
    assert "add_cidr" not in facts
    assert "no rule can precede it" in facts["instead"]


def test_routes_there_and_back():
    """The job's vSwitch towards the target, and the target's back."""
    ways = {one.facts["way"]: one.facts for one in said(small()) if one.step == "route"}
    assert {way: (facts["whither"], facts["table"]) for way, facts in ways.items()} == {
        "there": ("local", "vtb-a"),
        "back": ("local", "vtb-a"),
    }


def test_a_route_that_leads_nowhere():
    """A longer prefix to a blackhole discards what goes to the target."""
    lost = Route(destination="10.10.2.30/32", type="Custom", status="Available", next_hops=(NextHop(type="blackhole"),))
    facts = next(one.facts for one in said(with_routes(lost)) if one.facts.get("way") == "there")
    assert (facts["whither"], facts["drops"], facts["route"]) == ("blackhole", True, "10.10.2.30/32")


def test_an_acl_that_drops_the_answer():
    """Which ACL, direction and entry, and that it is the answer."""
    held = with_acl("vsw-job", (entry("drop", "10.10.2.0/24"),), (entry("accept", "0.0.0.0/0"),))
    facts = only(said(held), "acl")
    assert (facts["acl"], facts["direction"], facts["rule"], facts["answer"]) == ("nacl-a", "ingress", 1, True)


def test_room_in_the_vswitch():
    """Free addresses and size of the vSwitch that the plan's network is; its id is the address."""
    (one,) = [one for one in said(small()) if one.step == "vswitch"]
    assert one.address == "vsw-job"
    assert one.facts == {"network": "vswitch-a", "cidr": JOBS, "size": 256, "free": 200, "name": "vswitch-a"}


def test_room_that_is_not_known():
    """Where the count was not read no number stands in its place."""
    held = small()
    held = evolve(held, vswitches=tuple(evolve(one, free=None) for one in held.vswitches))
    assert "free" not in only(said(held), "vswitch")


def _many(*addresses: str) -> Inventory:
    held = with_rules("sg-db", rule(1, "ingress", "accept", f"{JOB}/32"))
    more = tuple(
        Eni(id=f"eni-{ip}", addresses=(ip,), vpc="vpc-a", vswitch="vsw-job", groups=("sg-job",), managed=True)
        for ip in addresses
    )
    return evolve(held, enis=held.enis + more)


def test_the_interfaces_of_the_network_are_the_sources():
    """Every interface of the platform in the vSwitch is judged; what is said alike stands there once."""
    found = [one.facts for one in said(_many("10.10.1.11", "10.10.1.12")) if one.step == "inbound"]
    assert [(facts["source"], facts["sources"], facts["verdict"]) for facts in found] == [
        (JOB, 1, "accept"),
        ("10.10.1.11", 2, "drop"),
    ]


def test_declared_interfaces_come_first():
    """What the plan declares is judged in place of what the inventory has."""
    network = evolve(NETWORK, enis=("10.10.1.12",))
    assert only(said(_many("10.10.1.11", "10.10.1.12"), network=network), "inbound")["source"] == "10.10.1.12"


def test_other_hosts_of_the_vswitch_are_not_the_job():
    """Where the platform has interfaces of its own there, those of other instances are left out."""
    held = small()
    held = evolve(held, enis=(*held.enis, Eni(id="eni-x", addresses=("10.10.1.77",), vpc="vpc-a", vswitch="vsw-job")))
    assert {one.facts["sources"] for one in said(held) if one.target} == {1}


def test_the_source_of_the_measurement_is_judged_by_itself():
    """A host of the VPC is another source than the job, and what is said of it is marked."""
    held = with_rules("sg-db", rule(1, "ingress", "accept", "10.10.1.50/32"))
    own = Eni(id="eni-host", addresses=("10.10.1.50",), vpc="vpc-a", vswitch="vsw-job", groups=("sg-job",))
    held = evolve(held, enis=(*held.enis, own))
    found = said(held, connected("db", SERVICE, 3306, source="10.10.1.50"))
    verdicts = {one.facts["measured"]: one.facts["verdict"] for one in found if one.step == "inbound"}
    assert verdicts == {True: "accept", False: "drop"}


def test_the_address_of_a_name_is_the_one_that_was_tried():
    """A named target is judged at the addresses that the run found."""
    named = evolve(TARGET, host="db.internal")
    assert [one for one in said(small(), target=named) if one.target] == []
    tried = seen("tcp", "connect", "db", f"{SERVICE}:3306", failure=Failure.TIMED_OUT, ip=SERVICE, port=3306)
    assert only(said(small(), tried, target=named), "inbound")["group"] == "sg-db"


def test_what_has_no_interface_is_not_known():
    """A database service has no interface: its groups are not known, and that is said."""
    facts = only(said(small(), target=evolve(TARGET, host="10.10.2.77")), "inbound")
    assert (facts["verdict"], facts["drops"]) == ("unknown", False)
    assert facts["why"] == "no interface of the inventory has 10.10.2.77"


def test_what_goes_by_the_internet_is_not_judged():
    """The groups of the VPC say nothing of what takes another way."""
    assert [one for one in said(small(), target=evolve(TARGET, via="internet")) if one.target] == []


def test_without_an_inventory_nothing_is_said():
    """No inventory, no observation."""
    assert said(None) == []


@pytest.mark.parametrize(
    "held",
    [small(), with_rules("sg-db", rule(1, "ingress", "drop", JOBS, id="sgr-1")), with_acl("vsw-db")],
    ids=["defaults", "rule", "acl"],
)
def test_every_fact_is_documented(held):
    """docs/observations.md knows each step and fact."""
    words = set(re.findall(r"`(\w+)`", DOCUMENTED))
    assert {name for one in said(held) for name in (one.step, *one.facts)} <= words
