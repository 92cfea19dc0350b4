"""Everything that linkdoctor asks the cloud's API for: each call reads, and none does anything else.

Sources: ECS 2014-05-26 and VPC 2016-04-28, API reference. ``python -m agent.cloud.actions`` prints the policy of RAM
that grants exactly these.
"""

import json
from typing import Any

from attrs import frozen

ECS, VPC = "ecs", "vpc"


@frozen(kw_only=True)
class Pages:
    """How an action gives many rows: up to ``most`` on a page, by the parameter ``size``.

    ``token``: the answer's NextToken asks for the next page; else pages have numbers, and the answer a TotalCount.
    """

    size: str
    most: int
    token: bool


@frozen
class Action:
    """One call: of which service, its name, the SDK's method, and where the rows are in its answer."""

    service: str
    name: str
    method: str
    rows: tuple[str, ...] = ()
    pages: Pages | None = None

    @property
    def permission(self) -> str:
        """As a policy of RAM names it."""
        return f"{self.service}:{self.name}"


_NUMBERED = Pages(size="PageSize", most=50, token=False)

VPCS = Action(VPC, "DescribeVpcs", "describe_vpcs", ("Vpcs", "Vpc"), _NUMBERED)
# Each row has the vSwitch's route table and network ACL: DescribeVSwitchAttributes says no more.
VSWITCHES = Action(VPC, "DescribeVSwitches", "describe_vswitches", ("VSwitches", "VSwitch"), _NUMBERED)
ENIS = Action(
    ECS,
    "DescribeNetworkInterfaces",
    "describe_network_interfaces",
    ("NetworkInterfaceSets", "NetworkInterfaceSet"),
    Pages(size="MaxResults", most=500, token=True),
)
GROUPS = Action(
    ECS,
    "DescribeSecurityGroups",
    "describe_security_groups",
    ("SecurityGroups", "SecurityGroup"),
    Pages(size="MaxResults", most=100, token=True),
)
RULES = Action(
    ECS,
    "DescribeSecurityGroupAttribute",
    "describe_security_group_attribute",
    ("Permissions", "Permission"),
    Pages(size="MaxResults", most=1000, token=True),
)
PREFIX_LIST = Action(ECS, "DescribePrefixListAttributes", "describe_prefix_list_attributes", ("Entries", "Entry"))
PORT_LIST = Action(ECS, "DescribePortRangeListEntries", "describe_port_range_list_entries", ("Entries",))
ROUTE_TABLES = Action(
    VPC, "DescribeRouteTableList", "describe_route_table_list", ("RouterTableList", "RouterTableListType"), _NUMBERED
)
ROUTES = Action(
    VPC,
    "DescribeRouteEntryList",
    "describe_route_entry_list",
    ("RouteEntrys", "RouteEntry"),
    Pages(size="MaxResult", most=100, token=True),
)
ACL = Action(VPC, "DescribeNetworkAclAttributes", "describe_network_acl_attributes")

ALL = (VPCS, VSWITCHES, ENIS, GROUPS, RULES, PREFIX_LIST, PORT_LIST, ROUTE_TABLES, ROUTES, ACL)


def policy() -> dict[str, Any]:
    """The policy of RAM that grants exactly these calls."""
    granted = {"Effect": "Allow", "Action": sorted(action.permission for action in ALL), "Resource": "*"}
    return {"Version": "1", "Statement": [granted]}


if __name__ == "__main__":
    print(json.dumps(policy(), indent=2))  # noqa: T201 - what it is for
