"""The plan's ``inventory``: read beside the plan, reduced to what concerns it, and carried in its canonical form."""

import json

import pytest
from attrs import evolve

from agent.plan import PlanError, from_targets, load
from reports.document import plan_dumps, plan_loads
from reports.vpc.document import dumps
from reports.vpc.model import Eni, Rule, SecurityGroup, Vpc, VSwitch
from tests.reports.vpc.building import JOBS, rule, small

_ELSEWHERE = {
    "vpcs": (Vpc(id="vpc-b", cidrs=("172.16.0.0/16",)),),
    "vswitches": (VSwitch(id="vsw-b", vpc="vpc-b", cidr="172.16.0.0/24"),),
    "enis": (
        Eni(id="eni-b", addresses=("172.16.0.5",), vpc="vpc-b", vswitch="vsw-b", groups=("sg-b",)),
        Eni(id="eni-idle", addresses=("10.10.2.99",), vpc="vpc-a", vswitch="vsw-db", groups=("sg-idle",)),
    ),
    "groups": (SecurityGroup(id="sg-b", type="normal"), SecurityGroup(id="sg-idle", type="normal")),
}
_RULES: tuple[Rule, ...] = (
    rule(1, "ingress", "accept", JOBS, "22/22", description="logins"),
    rule(2, "ingress", "drop", JOBS, protocol="udp"),
    rule(3, "ingress", "drop", JOBS, "3306/3306", description="since the audit"),
    rule(4, "egress", "accept", "0.0.0.0/0", "-1/-1", protocol="all"),
)


def _large():
    """The small VPC beside another one, with rules that concern nobody."""
    inventory = small()
    groups = tuple(evolve(one, rules=_RULES) if one.id == "sg-db" else one for one in inventory.groups)
    inventory = evolve(inventory, groups=groups)
    return evolve(inventory, **{part: getattr(inventory, part) + more for part, more in _ELSEWHERE.items()})


def _plan(tmp_path, target):
    (tmp_path / "cloud.json").write_text(dumps(_large()))
    text = {
        "targets": [{"name": "db", "address": target, "via": "vpc"}],
        "networks": [{"name": "vswitch-a", "cidr": JOBS}],
        "inventory": "cloud.json",
    }
    (tmp_path / "plan.json").write_text(json.dumps(text))
    return load(tmp_path / "plan.json")


def test_is_reduced_to_what_concerns_the_plan(tmp_path):
    """Interfaces of the networks and of the targets, their groups, and of rules those of the targets' ports."""
    held = _plan(tmp_path, "mysql://10.10.2.30:3306").inventory
    assert [eni.id for eni in held.enis] == ["eni-job", "eni-db"]
    assert [vpc.id for vpc in held.vpcs] == ["vpc-a"]
    assert [one.id for one in held.vswitches] == ["vsw-job", "vsw-db"]
    assert [group.id for group in held.groups] == ["sg-job", "sg-db"]
    rules = held.groups[1].rules
    assert [one.place for one in rules] == [3, 4]
    assert {one.description for one in rules} == {""}


def test_keeps_whom_a_name_may_lead_to(tmp_path):
    """The address of a name is found out later: every interface of the VPC may have it."""
    held = _plan(tmp_path, "mysql://db.internal:3306").inventory
    assert [eni.id for eni in held.enis] == ["eni-job", "eni-db", "eni-idle"]


def test_without_networks_everything_is_kept(tmp_path):
    """Where the job's vSwitch is not known, whoever runs the plan may be any of the interfaces."""
    (tmp_path / "cloud.json").write_text(dumps(_large()))
    (tmp_path / "plan.yaml").write_text("targets: ['10.10.2.30:3306']\ninventory: cloud.json\n")
    assert len(load(tmp_path / "plan.yaml").inventory.enis) == 4


def test_travels_with_the_plan(tmp_path):
    """The canonical form of the plan holds it, and gives it back."""
    plan = _plan(tmp_path, "mysql://10.10.2.30:3306")
    assert plan_loads(plan_dumps(plan)) == plan


def test_no_inventory_is_none():
    """A plan without one has none, and says so."""
    plan = from_targets(["a:80"])
    assert plan.inventory is None
    assert '"inventory":null' in plan_dumps(plan)


def _refused(tmp_path, **keys):
    """What is said of a plan with these keys."""
    (tmp_path / "cloud.json").write_text(dumps(_large()))
    (tmp_path / "plan.json").write_text(json.dumps({"inventory": "cloud.json", **keys}))
    with pytest.raises(PlanError) as caught:
        load(tmp_path / "plan.json")
    return str(caught.value)


def test_of_another_region(tmp_path):
    """Both regions are named, with what to do."""
    said = _refused(tmp_path, targets=["10.10.2.30:3306"], region="cn-shanghai")
    assert "inventory: it is of the region cn-hangzhou, and the plan of cn-shanghai; linkdoctor discover" in said


def test_of_another_vpc(tmp_path):
    """An inventory in which nobody of the plan is says nothing, which would look like nothing found."""
    elsewhere = {"targets": ["192.168.7.7:3306"], "networks": [{"cidr": "192.168.1.0/24"}]}
    said = _refused(tmp_path, **elsewhere)
    assert "none of the plan's networks and targets is in it: it is of 10.10.0.0/16, 172.16.0.0/16; " in said


@pytest.mark.parametrize(
    ("target", "cidr"),
    [("172.16.0.5:1", "192.168.1.0/24"), ("192.168.7.7:1", "10.10.0.0/20"), ("a:1", "192.168.1.0/24")],
)
def test_of_one_of_them(tmp_path, target, cidr):
    """The inventory may be that of the target's VPC alone, or of the job's; a name may lead anywhere."""
    (tmp_path / "cloud.json").write_text(dumps(_large()))
    plan = {"inventory": "cloud.json", "targets": [target], "networks": [{"cidr": cidr}], "region": "cn-hangzhou"}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    assert load(tmp_path / "plan.json").inventory is not None
