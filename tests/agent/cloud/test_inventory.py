"""What an account has, read by the real SDKs from a server that judges every request as the platform does."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cloud import actions, shapes
from agent.cloud.discover import told
from agent.cloud.inventory import Scope, read
from agent.cloud.written import overlapping, plan_text
from reports.vpc.document import dumps, loads
from reports.vpc.model import NextHop, Rule, SecurityGroup, Vpc, VSwitch
from tests.agent.cloud.asking import LAB, ROOT, cloud, found, wrong
from tests.aliyun_cloud import (
    ACL,
    EMR_GROUP,
    LINK_GROUP,
    OTHER,
    PLATFORM_GROUP,
    SYSTEM_TABLE,
    UNUSED_GROUP,
    VPC,
    A,
    Account,
    B,
    eni,
    group,
    route,
    rule,
    vswitch,
)

# --- what there is ---------------------------------------------------------------------------------------------------


def test_a_whole_vpc(api):
    """Every noun, with what it refers to; nothing of another VPC."""
    inventory = found(api).inventory

    assert inventory.vpcs == (Vpc(id=VPC, name="lab", cidrs=("10.10.0.0/16", "10.11.0.0/16", "2408:4005:300::/56")),)
    first, second = inventory.vswitches
    assert first == VSwitch(
        id=A, cidr="10.10.1.0/24", name="vswitch-a", vpc=VPC, zone="cn-hangzhou-h", free=240, route_table="vtb-bp1main"
    )
    assert (second.acl, second.free, second.route_table) == (ACL, 3, "vtb-bp1b")
    emr, host, link, _ = inventory.enis
    assert (emr.addresses, emr.prefixes) == (("10.10.2.30", "2408:4005:300::30"), ("10.10.2.64/28",))
    assert (host.addresses, host.instance, host.type) == (("10.10.1.50", "10.10.1.51"), "i-bp1host", "primary")
    assert (link.managed, link.service, link.groups) == (True, "26842", (LINK_GROUP, PLATFORM_GROUP))
    assert [table.id for table in inventory.route_tables] == ["vtb-bp1b", "vtb-bp1main"]
    assert inventory.route_tables[1].routes[2].next_hops == (NextHop(type="NatGateway", id="ngw-bp1"),)
    (acl,) = inventory.acls
    assert (acl.ingress[0].cidr, acl.ingress[0].ports, acl.egress[0].type) == ("10.10.1.0/24", "1/65535", "system")
    assert inventory.prefix_lists[0].cidrs == ("203.0.113.0/24",)
    assert inventory.port_lists[0].ranges == ("9083/9083", "10000/10002")
    assert (inventory.region, inventory.unread) == ("cn-hangzhou", ())


def test_groups_and_their_rules(api):
    """A group's kind, inner access and rules, each with its place in the API's own list."""
    groups = {each.id: each for each in found(api).inventory.groups}

    assert groups[LINK_GROUP] == SecurityGroup(
        id=LINK_GROUP, type="normal", name="link", vpc=VPC, inner_access="accept"
    )
    emr = groups[EMR_GROUP]
    assert (emr.type, emr.inner_access) == ("enterprise", "drop")
    assert [each.place for each in emr.rules] == [1, 2, 3, 4, 5]
    assert emr.rules[1] == Rule(
        place=2,
        direction="ingress",
        policy="drop",
        protocol="all",
        priority=100,
        id="sgr-bp1all100",
        ports="-1/-1",
        source_cidr="0.0.0.0/0",
    )
    assert (emr.rules[3].source_group, emr.rules[3].port_list) == (LINK_GROUP, "prl-bp1hadoop")
    assert groups[PLATFORM_GROUP].rules[0].source_cidr == "2408:4005:300::/56"


def test_it_is_a_document(api):
    """What is read can be written and read again, without a loss."""
    inventory = found(api).inventory

    assert loads(dumps(inventory)) == inventory


def test_links_of_maxcompute(api):
    """The interfaces of network links are those in a group that the platform made for one."""
    assert [each.addresses for each in found(api).link_enis] == [("10.10.1.10",), ("10.10.1.11",)]


def test_the_backup_group_is_a_link_s(api):
    """The platform has two such groups a VPC."""
    api.account.groups[1]["SecurityGroupName"] = "MaxCompute-backup-vpc-" + VPC

    assert len(found(api).link_enis) == 2


# --- what is asked for -----------------------------------------------------------------------------------------------


def test_only_the_actions_of_the_table(api):
    """The whole of a region takes every action of the table, and no other: the policy grants exactly these."""
    found(api, Scope())

    assert api.actions() == {action.permission for action in actions.ALL}
    assert api.actions() == set(actions.policy()["Statement"][0]["Action"])
    assert all(action.name.startswith("Describe") for action in actions.ALL)


def test_the_documented_policy():
    """The policy in the documentation is the table's."""
    text = (ROOT / "docs" / "discover.md").read_text()
    (policy,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)

    assert json.loads(policy) == actions.policy()


def test_a_region(api):
    """Without a scope all VPCs are read."""
    inventory = found(api, Scope()).inventory

    assert [each.id for each in inventory.vpcs] == [VPC, OTHER]
    assert len(inventory.vswitches) == 3
    assert all("VpcId" not in asked for asked in api.asked("DescribeNetworkInterfaces"))


def test_a_vswitch(api):
    """A vSwitch leads to its VPC, all of which is read; it alone is for the plan, whatever a network link is in."""
    result = found(api, Scope(vswitches=(B,)))

    assert [each.id for each in result.vswitches] == [B]
    assert [each.id for each in result.inventory.vswitches] == [A, B]
    assert [each.id for each in result.inventory.vpcs] == [VPC]


def test_a_group_that_nothing_is_in(api):
    """Rules are read of groups with interfaces, and of those that are named."""
    assert UNUSED_GROUP not in [each.id for each in found(api).inventory.groups]

    named = found(api, Scope(groups=(UNUSED_GROUP,))).inventory
    assert UNUSED_GROUP in [each.id for each in named.groups]
    assert [each.id for each in named.vpcs] == [VPC]


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        (Scope(vpcs=("vpc-none",)), "cn-hangzhou has no VPC vpc-none of this account"),
        (Scope(vswitches=(A, "vsw-none")), "cn-hangzhou has no vSwitch vsw-none of this account"),
        (Scope(groups=("sg-none", LINK_GROUP)), "cn-hangzhou has no security group sg-none of this account"),
    ],
)
def test_what_does_not_exist(api, scope, said):
    """What is named and not there is said, with what to check."""
    assert wrong(api, scope) == f"{said}: check the id and --region"


def test_progress(api):
    """Whoever waits hears what is read."""
    heard = []
    read(cloud(api.endpoint), LAB, heard.append)

    assert heard[:3] == ["VPCs", "vSwitches", "network interfaces"]
    assert "security groups, 2 of 3" in heard


# --- pages -----------------------------------------------------------------------------------------------------------


def test_pages(api):
    """More than one page of everything that has pages, by token and by number; nothing is lost or doubled."""
    account = api.account
    account.enis = [
        eni(f"eni-{number:04}", VPC, A, [f"10.10.{4 + number // 250}.{number % 250}"], [EMR_GROUP])
        for number in range(1205)
    ]
    account.vswitches = [
        vswitch(f"vsw-{number:03}", VPC, f"10.11.{number}.0/24", f"v{number}") for number in range(130)
    ]
    account.groups = [group(EMR_GROUP, VPC, "emr")] + [group(f"sg-{n:03}", VPC, f"g{n}") for n in range(220)]
    account.rules = {
        EMR_GROUP: [rule("ingress", "Accept", "TCP", f"{n}/{n}", SourceCidrIp="10.0.0.0/8") for n in range(1, 2002)]
    }
    account.routes["vtb-bp1main"] = [route(f"10.{n // 250}.{n % 250}.0/24", "Custom", id_=f"r{n}") for n in range(301)]
    account.tables += [
        {"RouteTableId": f"vtb-{n:02}", "VpcId": VPC, "RouteTableName": "", "RouteTableType": "Custom"}
        for n in range(60)
    ]
    inventory = found(api).inventory

    assert [len(inventory.enis), len(inventory.vswitches), len(inventory.route_tables)] == [1205, 130, 62]
    assert len({each.id for each in inventory.enis}) == 1205
    (emr,) = inventory.groups
    assert [each.ports for each in emr.rules] == [f"{n}/{n}" for n in range(1, 2002)]
    tables = {each.id: each for each in inventory.route_tables}
    assert len(tables["vtb-bp1main"].routes) == 301
    assert len(api.asked("DescribeNetworkInterfaces")) == 3
    assert [asked["PageNumber"] for asked in api.asked("DescribeVSwitches")] == ["1", "2", "3"]


def test_a_full_last_page(api):
    """As many as fit on a page make one call."""
    api.account.vswitches = [vswitch(f"vsw-{n:03}", VPC, f"10.11.{n}.0/24", f"v{n}") for n in range(50)]

    assert len(found(api).inventory.vswitches) == 50
    assert len(api.asked("DescribeVSwitches")) == 1


# --- what may not be read --------------------------------------------------------------------------------------------

_GAPS = {
    "DescribeVpcs": "vpcs",
    "DescribeNetworkInterfaces": "enis",
    "DescribeSecurityGroups": "groups",
    "DescribeSecurityGroupAttribute": "groups",
    "DescribePrefixListAttributes": "prefix_lists",
    "DescribePortRangeListEntries": "port_lists",
    "DescribeRouteTableList": "route_tables",
    "DescribeRouteEntryList": "route_tables",
    "DescribeNetworkAclAttributes": "acls",
    "DescribeVSwitches": "vswitches",
}


@pytest.mark.parametrize("action", _GAPS)
def test_forbidden(api, action):
    """What may not be read is named with the action that is missing, asked for once; the rest is read."""
    api.forbidden.add(action)
    result = found(api)

    assert result.inventory.unread == (_GAPS[action],)
    (gap,) = result.gaps
    (permission,) = [each.permission for each in actions.ALL if each.name == action]
    assert gap.why == f"{permission}: no policy grants it to SubUser 2000000001 (Forbidden.RAM)"
    assert len(api.asked(action)) == 1
    whole = [name for name in ("vpcs", "vswitches", "enis", "route_tables") if name != _GAPS[action]]
    assert all(getattr(result.inventory, name) for name in whole)


def test_a_group_without_its_rules_is_left_out(api):
    """A group whose rules are not known would read as one that has none."""
    api.forbidden.add("DescribeSecurityGroupAttribute")
    result = found(api)

    assert result.inventory.groups == ()
    assert len(result.link_enis) == 2


def test_a_group_of_unknown_kind_is_kept(api):
    """Without the list of groups their rules are read, and their kind is not known."""
    api.forbidden.add("DescribeSecurityGroups")
    groups = {each.id: each for each in found(api).inventory.groups}

    assert (groups[EMR_GROUP].type, len(groups[EMR_GROUP].rules)) == ("", 5)


def test_everything_is_forbidden(api):
    """Then nothing is there, and each action that is missing is said."""
    api.forbidden |= {action.name for action in actions.ALL}
    result = found(api)

    assert {gap.why.partition(":Describe")[0] for gap in result.gaps} == {"vpc", "ecs"}
    assert result.inventory.enis == result.vswitches == ()


def test_what_is_gone_meanwhile(api):
    """A list that a rule names and that is not there is a gap, and no end."""
    api.account.prefix_lists.clear()
    (gap,) = found(api).gaps

    assert gap.part == "prefix_lists"
    assert "pl-bp1office does not exist" in gap.why


@pytest.mark.parametrize("scope", [LAB, Scope(vswitches=(A,))])
def test_a_vswitch_of_ipv6_alone(api, scope):
    """It has no IPv4 CIDR: it is read all the same, and the job is in it."""
    api.account.vswitches[0] |= {"CidrBlock": "", "Ipv6CidrBlock": "2408:4005:300:1::/64"}
    api.account.enis[0]["Ipv6Sets"] = {"Ipv6Set": [{"Ipv6Address": "2408:4005:300:1::10"}]}
    result = found(api, scope)

    assert (result.gaps, [(each.id, each.free) for each in result.chosen]) == ((), [(A, None)])
    assert '{name: "vswitch-a", cidr: "2408:4005:300:1::/64", enis: ["2408:4005:300:1::10"]}' in plan_text(
        result, "x.json"
    )
    assert overlapping(result.inventory.vswitches) is None


def test_a_link_whose_vswitch_could_not_be_read(api):
    """Another vSwitch is not called the link's: which it is stays open."""
    api.account.vswitches[0]["CidrBlock"] = "odd"
    api.account.vswitches.append(vswitch("vsw-bp1c", VPC, "10.10.3.0/24", "vswitch-c"))
    result = found(api)

    assert (len(result.link_enis), result.chosen, len(result.vswitches)) == (2, (), 2)
    assert "Which of these the job comes from is not known" in plan_text(result, "x.json")
    assert "2 networks, of which only the job's own should stay" in "".join(told(result, Path("x"), Path("y")))


@pytest.mark.parametrize("action", ["DescribeNetworkInterfaces", "DescribeSecurityGroups"])
def test_links_that_could_not_be_seen(api, action):
    """What could not be read is not known, rather than taken as absent."""
    api.forbidden.add(action)
    said = "\n".join(told(found(api), Path("x"), Path("y")))
    assert "Network links of MaxCompute: not known, as not all interfaces and security groups could be read" in said


def test_a_named_group_without_the_list_of_groups(api):
    """Its rules are read; without another option it is not known in which VPC, and that is said."""
    api.forbidden.add("DescribeSecurityGroups")
    result = found(api, Scope(vpcs=(VPC,), groups=(UNUSED_GROUP,)))
    assert [gap.part for gap in result.gaps] == ["groups"]
    assert UNUSED_GROUP in [each.id for each in result.inventory.groups]

    said = wrong(api, Scope(groups=(UNUSED_GROUP,)))
    assert said.startswith("ecs:DescribeSecurityGroups: no policy grants it")
    assert said.endswith("or name the groups' VPC too: --vpc")


def test_a_protocol_and_a_route_of_other_kinds(api):
    """Neither leaves its group or its table out: what they say of others is known."""
    api.account.rules[EMR_GROUP].append(rule("ingress", "Accept", "IPV6-ICMP", "-1/-1", Ipv6SourceCidrIp="::/0"))
    api.account.routes[SYSTEM_TABLE].append(route("pl-bp1office", "Custom", "Instance", "i-bp1host", "rte-bp1list"))
    result = found(api)

    assert result.gaps == ()
    assert loads(dumps(result.inventory)) == result.inventory


class _WithoutTotals(Account):
    """An account whose answers do not say how many rows there are."""

    def answering(self, service, action):
        """As ever, but for that."""
        answer = super().answering(service, action)
        return lambda asked: {key: value for key, value in answer(asked).items() if key != "TotalCount"}


def test_pages_without_a_total(api):
    """Where the answer does not say how many there are, it goes on to a page without any."""
    api.account = _WithoutTotals()
    api.account.vswitches = [vswitch(f"vsw-{n:03}", VPC, f"10.11.{n}.0/24", f"v{n}") for n in range(120)]
    assert len(found(api).inventory.vswitches) == 120


def test_what_nobody_knows(api):
    """A value that is in no documentation leaves its group out, is said, and the document can still be read."""
    api.account.rules[EMR_GROUP][0]["Policy"] = "Perhaps"
    result = found(api)

    (gap,) = result.gaps
    assert gap.part == "groups"
    assert EMR_GROUP in gap.why
    assert [each.id for each in result.inventory.groups] == [LINK_GROUP, PLATFORM_GROUP]
    assert loads(dumps(result.inventory)) == result.inventory


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_ROWS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        (
            *("VpcId", "CidrBlock", "AvailableIpAddressCount", "Priority", "PrivateIpAddress", "ServiceManaged"),
            *("VSwitchId", "Policy", "IpProtocol", "PortRange", "Status", "Type", "Enabled", "Weight", "Cidr"),
        ),
        _JSON,
    ),
)


@given(_ROWS)
def test_no_row_raises(row):
    """Whatever a row holds becomes a noun; whether it makes sense is judged later."""
    for shape in (shapes.vpc, shapes.vswitch, shapes.eni, shapes.acl):
        shape(row)
    shapes.group(row, row, [row])
    shapes.route_table(row, [row])
    shapes.prefix_list(row, [row])
    shapes.port_list("prl-x", [row])
