"""What an account of the cloud holds, as its API answers: rows with the API's own names, and how each action pages.

The small world of ``Account()`` is a VPC with two vSwitches, a network link of MaxCompute in the first, an EMR cluster
and a database in the second; a second VPC beside it is somebody else's.
"""

import copy
import json
from functools import partial

from attrs import define, field

REGION = "cn-hangzhou"
VPC, OTHER = "vpc-bp1lab", "vpc-bp1other"
A, B, ELSEWHERE = "vsw-bp1a", "vsw-bp1b", "vsw-bp1z"
LINK_GROUP, PLATFORM_GROUP, EMR_GROUP, UNUSED_GROUP = "sg-bp1link", "sg-bp1mc", "sg-bp1emr", "sg-bp1unused"
PREFIX_LIST, PORT_LIST = "pl-bp1office", "prl-bp1hadoop"
SYSTEM_TABLE, TABLE_B = "vtb-bp1main", "vtb-bp1b"
ACL = "nacl-bp1b"


def vswitch(id_, vpc, cidr, name, table=SYSTEM_TABLE, acl="", free=240):
    """A row of DescribeVSwitches."""
    return {
        "VSwitchId": id_,
        "VpcId": vpc,
        "CidrBlock": cidr,
        "VSwitchName": name,
        "ZoneId": REGION + "-h",
        "AvailableIpAddressCount": free,
        "NetworkAclId": acl,
        "Ipv6CidrBlock": "",
        "RouteTable": {"RouteTableId": table, "RouteTableType": "System"},
        "Status": "Available",
    }


def eni(id_, vpc, place, addresses, groups, **more):
    """A row of DescribeNetworkInterfaces."""
    return {
        "NetworkInterfaceId": id_,
        "VpcId": vpc,
        "VSwitchId": place,
        "PrivateIpAddress": addresses[0],
        "PrivateIpSets": {
            "PrivateIpSet": [{"PrivateIpAddress": each, "Primary": each == addresses[0]} for each in addresses]
        },
        "SecurityGroupIds": {"SecurityGroupId": groups},
        "Status": "InUse",
        "Type": "Secondary",
        "ServiceManaged": False,
        **more,
    }


def group(id_, vpc, name, type_="normal", managed=False):
    """A row of DescribeSecurityGroups."""
    return {
        "SecurityGroupId": id_,
        "VpcId": vpc,
        "SecurityGroupName": name,
        "SecurityGroupType": type_,
        "ServiceManaged": managed,
    }


def rule(direction, policy, protocol, ports, priority="1", **sides):
    """A row of a group's Permissions."""
    empty = dict.fromkeys(
        (
            *("SourceCidrIp", "Ipv6SourceCidrIp", "SourceGroupId", "SourcePrefixListId", "SourcePortRange"),
            *("DestCidrIp", "Ipv6DestCidrIp", "DestGroupId", "DestPrefixListId", "PortRangeListId", "Description"),
        ),
        "",
    )
    return {
        **empty,
        "Direction": direction,
        "Policy": policy,
        "IpProtocol": protocol,
        "PortRange": ports,
        "Priority": priority,
        "SecurityGroupRuleId": "sgr-bp1" + protocol.lower() + priority,
        "NicType": "intranet",
        **sides,
    }


def route(destination, type_, hop="local", hop_id="", id_="rte-bp1"):
    """A row of DescribeRouteEntryList."""
    return {
        "DestinationCidrBlock": destination,
        "Type": type_,
        "Status": "Available",
        "RouteEntryId": id_,
        "RouteEntryName": "",
        "NextHops": {"NextHop": [{"NextHopType": hop, "NextHopId": hop_id, "Enabled": 1, "Weight": 0}]},
    }


_VPCS = [
    {
        "VpcId": VPC,
        "VpcName": "lab",
        "CidrBlock": "10.10.0.0/16",
        "SecondaryCidrBlocks": {"SecondaryCidrBlock": ["10.11.0.0/16"]},
        "Ipv6CidrBlock": "2408:4005:300::/56",
        "Ipv6CidrBlocks": {"Ipv6CidrBlock": [{"Ipv6CidrBlock": "2408:4005:300::/56", "Ipv6Isp": "BGP"}]},
    },
    {"VpcId": OTHER, "VpcName": "other", "CidrBlock": "192.168.0.0/16", "Ipv6CidrBlock": ""},
]
_VSWITCHES = [
    vswitch(A, VPC, "10.10.1.0/24", "vswitch-a"),
    vswitch(B, VPC, "10.10.2.0/24", "vswitch-b", table=TABLE_B, acl=ACL, free=3),
    vswitch(ELSEWHERE, OTHER, "192.168.1.0/24", "elsewhere", table="vtb-bp1z"),
]
_ENIS = [
    eni(
        "eni-bp1mc1", VPC, A, ["10.10.1.10"], [LINK_GROUP, PLATFORM_GROUP], ServiceManaged=True, ServiceID="26842",
        Description="MaxCompute",
    ),
    eni(
        "eni-bp1mc2", VPC, A, ["10.10.1.11"], [LINK_GROUP, PLATFORM_GROUP], ServiceManaged=True, ServiceID="26842",
        Description="MaxCompute",
    ),
    eni("eni-bp1host", VPC, A, ["10.10.1.50", "10.10.1.51"], [EMR_GROUP], InstanceId="i-bp1host", Type="Primary"),
    eni(
        "eni-bp1emr", VPC, B, ["10.10.2.30"], [EMR_GROUP], InstanceId="i-bp1emr", Type="Primary",
        Ipv6Sets={"Ipv6Set": [{"Ipv6Address": "2408:4005:300::30"}]},
        Ipv4PrefixSets={"Ipv4PrefixSet": [{"Ipv4Prefix": "10.10.2.64/28"}]},
    ),
    eni("eni-bp1far", OTHER, ELSEWHERE, ["192.168.1.5"], ["sg-bp1far"], InstanceId="i-bp1far"),
]  # fmt: skip
_GROUPS = [
    group(LINK_GROUP, VPC, "link"),
    group(PLATFORM_GROUP, VPC, "MaxCompute-vpc-" + VPC, managed=True),
    group(EMR_GROUP, VPC, "emr", "enterprise"),
    group(UNUSED_GROUP, VPC, "nobody is in it"),
    group("sg-bp1far", OTHER, "far"),
]
_RULES = {
    EMR_GROUP: [
        rule("ingress", "Accept", "TCP", "8020/8020", SourceCidrIp="10.10.1.0/24"),
        rule("ingress", "Drop", "ALL", "-1/-1", "100", SourceCidrIp="0.0.0.0/0"),
        rule("ingress", "Accept", "TCP", "22/22", SourcePrefixListId=PREFIX_LIST),
        rule("ingress", "Accept", "TCP", "", SourceGroupId=LINK_GROUP, PortRangeListId=PORT_LIST),
        rule("egress", "Accept", "ALL", "-1/-1", "1", DestCidrIp="0.0.0.0/0"),
    ],
    PLATFORM_GROUP: [rule("ingress", "Accept", "TCP", "1/65535", Ipv6SourceCidrIp="2408:4005:300::/56")],
}
_PREFIX_LISTS = {PREFIX_LIST: ("office", [{"Cidr": "203.0.113.0/24", "Description": ""}])}
_PORT_LISTS = {PORT_LIST: [{"PortRange": "9083/9083"}, {"PortRange": "10000/10002"}]}
_TABLES = [
    {"RouteTableId": SYSTEM_TABLE, "VpcId": VPC, "RouteTableName": "", "RouteTableType": "System"},
    {"RouteTableId": TABLE_B, "VpcId": VPC, "RouteTableName": "b", "RouteTableType": "Custom"},
    {"RouteTableId": "vtb-bp1z", "VpcId": OTHER, "RouteTableName": "", "RouteTableType": "System"},
]
_ROUTES = {
    SYSTEM_TABLE: [
        route("10.10.1.0/24", "System", id_="rte-bp1a"),
        route("10.10.2.0/24", "System", id_="rte-bp1b"),
        route("0.0.0.0/0", "Custom", "NatGateway", "ngw-bp1", "rte-bp1nat"),
    ],
    TABLE_B: [route("10.10.1.0/24", "System", id_="rte-bp1c")],
}
_ACLS = {
    ACL: {
        "NetworkAclId": ACL,
        "NetworkAclName": "b",
        "VpcId": VPC,
        "IngressAclEntries": {
            "IngressAclEntry": [
                {
                    "NetworkAclEntryId": "nae-bp1in",
                    "NetworkAclEntryName": "job",
                    "SourceCidrIp": "10.10.1.0/24",
                    "Protocol": "tcp",
                    "Port": "1/65535",
                    "Policy": "accept",
                    "EntryType": "custom",
                    "IpVersion": "IPv4",
                }
            ]
        },
        "EgressAclEntries": {
            "EgressAclEntry": [
                {
                    "NetworkAclEntryId": "nae-bp1out",
                    "DestinationCidrIp": "0.0.0.0/0",
                    "Protocol": "all",
                    "Port": "-1/-1",
                    "Policy": "accept",
                    "EntryType": "system",
                }
            ]
        },
    }
}


class Refused(Exception):
    """How the platform says no: status, code, message, and more keys of the answer."""

    def __init__(self, status, code, message, **more):
        super().__init__(status, code, message, more)


@define(eq=False)
class Account:
    """The rows, by what they are. Each list or mapping may be changed."""

    vpcs: list = field(factory=lambda: copy.deepcopy(_VPCS))
    vswitches: list = field(factory=lambda: copy.deepcopy(_VSWITCHES))
    enis: list = field(factory=lambda: copy.deepcopy(_ENIS))
    groups: list = field(factory=lambda: copy.deepcopy(_GROUPS))
    rules: dict = field(factory=lambda: copy.deepcopy(_RULES))
    prefix_lists: dict = field(factory=lambda: copy.deepcopy(_PREFIX_LISTS))
    port_lists: dict = field(factory=lambda: copy.deepcopy(_PORT_LISTS))
    tables: list = field(factory=lambda: copy.deepcopy(_TABLES))
    routes: dict = field(factory=lambda: copy.deepcopy(_ROUTES))
    acls: dict = field(factory=lambda: copy.deepcopy(_ACLS))

    def answering(self, service, action):
        """What makes the answer of an action out of its parameters; None where the service has no such action."""
        answer = _ANSWERS.get((service, action))
        return answer and partial(answer, self)

    def answer_vpcs(self, asked):
        """DescribeVpcs: up to 20 ids in one parameter."""
        wanted = asked["VpcId"].split(",") if "VpcId" in asked else None
        _bounded(len(wanted or []), 20, "VpcId")
        return _numbered([row for row in self.vpcs if wanted is None or row["VpcId"] in wanted], asked, "Vpcs", "Vpc")

    def answer_vswitches(self, asked):
        """DescribeVSwitches."""
        return _numbered(_filtered(self.vswitches, asked, "VpcId", "VSwitchId"), asked, "VSwitches", "VSwitch")

    def answer_tables(self, asked):
        """DescribeRouteTableList."""
        rows = _filtered(self.tables, asked, "VpcId")
        return _numbered(rows, asked, "RouterTableList", "RouterTableListType")

    def answer_routes(self, asked):
        """DescribeRouteEntryList."""
        rows = self.routes.get(asked["RouteTableId"], [])
        return _tokens(rows, asked, "RouteEntrys", "RouteEntry", size="MaxResult", most=100)

    def answer_acl(self, asked):
        """DescribeNetworkAclAttributes."""
        return {"NetworkAclAttribute": _there(self.acls, asked["NetworkAclId"], "InvalidNetworkAcl.NotFound")}

    def answer_enis(self, asked):
        """DescribeNetworkInterfaces."""
        rows = _filtered(self.enis, asked, "VpcId", "VSwitchId")
        return _tokens(rows, asked, "NetworkInterfaceSets", "NetworkInterfaceSet", least=10, most=500)

    def answer_groups(self, asked):
        """DescribeSecurityGroups: up to 100 ids, as JSON."""
        wanted = json.loads(asked["SecurityGroupIds"]) if "SecurityGroupIds" in asked else None
        _bounded(len(wanted or []), 100, "SecurityGroupIds")
        rows = [row for row in self.groups if wanted is None or row["SecurityGroupId"] in wanted]
        return _tokens(_filtered(rows, asked, "VpcId"), asked, "SecurityGroups", "SecurityGroup", most=100)

    def answer_rules(self, asked):
        """DescribeSecurityGroupAttribute."""
        known = {row["SecurityGroupId"]: row for row in self.groups}
        row = _there(known, asked["SecurityGroupId"], "InvalidSecurityGroupId.NotFound")
        rules = self.rules.get(asked["SecurityGroupId"], [])
        return {
            "SecurityGroupId": row["SecurityGroupId"],
            "SecurityGroupName": row["SecurityGroupName"],
            "VpcId": row["VpcId"],
            "InnerAccessPolicy": "Drop" if row["SecurityGroupType"] == "enterprise" else "Accept",
            **_tokens(rules, asked, "Permissions", "Permission", least=10, most=1000),
        }

    def answer_prefix_list(self, asked):
        """DescribePrefixListAttributes."""
        name, rows = _there(self.prefix_lists, asked["PrefixListId"], "InvalidPrefixListId.NotFound")
        return {"PrefixListId": asked["PrefixListId"], "PrefixListName": name, "Entries": {"Entry": rows}}

    def answer_port_list(self, asked):
        """DescribePortRangeListEntries."""
        return {"Entries": _there(self.port_lists, asked["PortRangeListId"], "InvalidPortRangeListId.NotFound")}


_ANSWERS = {
    ("vpc", "DescribeVpcs"): Account.answer_vpcs,
    ("vpc", "DescribeVSwitches"): Account.answer_vswitches,
    ("vpc", "DescribeRouteTableList"): Account.answer_tables,
    ("vpc", "DescribeRouteEntryList"): Account.answer_routes,
    ("vpc", "DescribeNetworkAclAttributes"): Account.answer_acl,
    ("ecs", "DescribeNetworkInterfaces"): Account.answer_enis,
    ("ecs", "DescribeSecurityGroups"): Account.answer_groups,
    ("ecs", "DescribeSecurityGroupAttribute"): Account.answer_rules,
    ("ecs", "DescribePrefixListAttributes"): Account.answer_prefix_list,
    ("ecs", "DescribePortRangeListEntries"): Account.answer_port_list,
}


def _filtered(rows, asked, *keys):
    return [row for row in rows if all(row.get(key) == asked[key] for key in keys if key in asked)]


def _bounded(count, most, name):
    if count > most:
        raise Refused(400, "InvalidParameter", "The specified parameter %s is not valid." % name)


def _there(known, id_, code):
    if id_ not in known:
        raise Refused(404, code, "The specified %s does not exist." % id_)
    return known[id_]


def _numbered(rows, asked, outer, inner, most=50):
    """A page by its number: 10 rows of it unless asked for more."""
    size, number = int(asked.get("PageSize", 10)), int(asked.get("PageNumber", 1))
    _bounded(size, most, "PageSize")
    page = rows[(number - 1) * size : number * size]
    return {outer: {inner: page}, "PageNumber": number, "PageSize": size, "TotalCount": len(rows)}


def _tokens(rows, asked, outer, inner, size="MaxResults", least=1, most=100):
    """A page by the token of the one before it, which holds for these filters alone."""
    filters = {key: value for key, value in asked.items() if key not in ("NextToken", size)}
    count = max(int(asked.get(size, 10)), least)
    _bounded(count, most, size)
    start = 0
    if asked.get("NextToken"):
        start, same = json.loads(bytes.fromhex(asked["NextToken"]))
        if same != filters:
            raise Refused(400, "InvalidParameter.NextToken", "The specified NextToken is not valid.")
    following = start + count
    token = json.dumps([following, filters]).encode().hex() if following < len(rows) else ""
    return {outer: {inner: rows[start:following]}, "NextToken": token}
