"""The cloud's configuration as nouns: VPCs, vSwitches, network interfaces, security groups, routes, network ACLs.

Each is shaped as the platform's API answers (ECS 2014-05-26, VPC 2016-04-28), the call named beside it. Words of closed
lists stand in lower case, however the API spells them; "" stands where the API has no value, None where a number is not
known. What could not be read is named in ``Inventory.unread``: what is missing there is not known, anywhere else it is
not there. This module travels in the carry-in kit: CPython 3.7, attrs alone.
"""

from typing import Optional, Tuple

from attrs import field, frozen

SCHEMA = "linkdoctor/inventory/1"

INGRESS, EGRESS = "ingress", "egress"
DIRECTIONS = (INGRESS, EGRESS)
ACCEPT, DROP = "accept", "drop"
POLICIES = (ACCEPT, DROP)
BASIC, ADVANCED = "normal", "enterprise"
GROUP_TYPES = (BASIC, ADVANCED)

# What can be unread: the fields of Inventory.
PARTS = ("vpcs", "vswitches", "enis", "groups", "route_tables", "acls", "prefix_lists", "port_lists")


def _lower(text: str) -> str:
    return text.lower()


@frozen(kw_only=True)
class Vpc:
    """A VPC (DescribeVpcs). ``cidrs``: CidrBlock, the secondary ones, and those of IPv6."""

    id: str
    name: str = ""
    cidrs: Tuple[str, ...] = ()


@frozen(kw_only=True)
class VSwitch:
    """A vSwitch (DescribeVSwitches, DescribeVSwitchAttributes).

    ``free``: AvailableIpAddressCount. ``route_table`` and ``acl`` are ids; "": the VPC's own table, no ACL.
    """

    id: str
    cidr: str
    name: str = ""
    vpc: str = ""
    zone: str = ""
    cidr6: str = ""
    free: Optional[int] = None
    route_table: str = ""
    acl: str = ""


@frozen(kw_only=True)
class Eni:
    """An elastic network interface (DescribeNetworkInterfaces).

    ``addresses``: the primary one first, then secondary ones, then IPv6. ``prefixes``: CIDRs that it holds as a whole.
    ``groups``: ids of its security groups. ``managed``: ServiceManaged, by the service whose id is ``service``.
    """

    id: str
    addresses: Tuple[str, ...] = ()
    prefixes: Tuple[str, ...] = ()
    name: str = ""
    vpc: str = ""
    vswitch: str = ""
    groups: Tuple[str, ...] = ()
    type: str = field(default="", converter=_lower)  # primary secondary trunk member
    status: str = field(default="", converter=_lower)  # available attaching inuse detaching deleting
    instance: str = ""
    managed: bool = False
    service: str = ""
    description: str = ""


@frozen(kw_only=True)
class Rule:
    """A rule of a security group (DescribeSecurityGroupAttribute, Permissions).

    ``place``: which one it is in the list that the API gives of its group, from 1. Of ``source_cidr`` (SourceCidrIp or
    Ipv6SourceCidrIp), ``source_group`` and ``source_prefix_list`` an inbound rule has one, an outbound rule of
    ``dest_cidr``, ``dest_group`` and ``dest_prefix_list``; a quintuple rule has the other side's CIDR too.
    ``protocol``: tcp, udp, icmp, icmpv6, gre, all, or its IANA number. ``ports`` and ``source_ports``: "FIRST/LAST",
    "-1/-1" for all. ``port_list``: the id of a port list in place of ``ports``.
    """

    place: int
    direction: str = field(converter=_lower)
    policy: str = field(converter=_lower)
    protocol: str = field(converter=_lower)
    priority: int = 1
    id: str = ""
    ports: str = ""
    port_list: str = ""
    source_ports: str = ""
    source_cidr: str = ""
    source_group: str = ""
    source_prefix_list: str = ""
    dest_cidr: str = ""
    dest_group: str = ""
    dest_prefix_list: str = ""
    description: str = ""


@frozen(kw_only=True)
class SecurityGroup:
    """A security group (DescribeSecurityGroups for its type, DescribeSecurityGroupAttribute for the rest).

    ``type``: SecurityGroupType, "normal" is a basic group, "enterprise" an advanced one, "" is not known.
    ``inner_access``: InnerAccessPolicy, accept or drop; "" is not known.
    """

    id: str
    type: str = field(default="", converter=_lower)
    name: str = ""
    vpc: str = ""
    inner_access: str = field(default="", converter=_lower)
    managed: bool = False
    rules: Tuple[Rule, ...] = ()


@frozen(kw_only=True)
class NextHop:
    """Where a route leads (DescribeRouteEntryList, NextHops). ``type``: NextHopType as the API writes it.

    ``enabled``: of several, whether this one is in use. ``weight``: of equal-cost ones.
    """

    type: str
    id: str = ""
    enabled: bool = True
    weight: int = 0


@frozen(kw_only=True)
class Route:
    """A route entry (DescribeRouteEntryList). ``type``: system, custom, bgp, cen, ...; ``status``: available, ...

    ``destination``: a CIDR, or the id of one of the VPC's prefix lists (CreateRouteEntry), which are not read.
    """

    destination: str
    type: str = field(default="", converter=_lower)
    status: str = field(default="", converter=_lower)
    next_hops: Tuple[NextHop, ...] = ()
    id: str = ""
    name: str = ""


@frozen(kw_only=True)
class RouteTable:
    """A route table (DescribeRouteTableList). ``type``: system (the VPC's own) or custom."""

    id: str
    name: str = ""
    vpc: str = ""
    type: str = field(default="", converter=_lower)
    routes: Tuple[Route, ...] = ()


@frozen(kw_only=True)
class AclEntry:
    """An entry of a network ACL (DescribeNetworkAclAttributes); which one it is in force says its place in the list.

    ``cidr``: the other side's. ``ports``: of the destination, "FIRST/LAST". ``type``: custom, service, system.
    """

    policy: str = field(converter=_lower)
    protocol: str = field(converter=_lower)
    cidr: str
    ports: str = "-1/-1"
    type: str = field(default="custom", converter=_lower)
    id: str = ""
    name: str = ""
    description: str = ""


@frozen(kw_only=True)
class Acl:
    """A network ACL (DescribeNetworkAclAttributes), entries in the order in which they are tried."""

    id: str
    name: str = ""
    vpc: str = ""
    ingress: Tuple[AclEntry, ...] = ()
    egress: Tuple[AclEntry, ...] = ()


@frozen(kw_only=True)
class PrefixList:
    """A list of CIDRs that rules name (ECS DescribePrefixListAttributes)."""

    id: str
    name: str = ""
    cidrs: Tuple[str, ...] = ()


@frozen(kw_only=True)
class PortList:
    """A list of port ranges that rules name (ECS DescribePortRangeListEntries), each "FIRST/LAST"."""

    id: str
    name: str = ""
    ranges: Tuple[str, ...] = ()


@frozen(kw_only=True)
class Inventory:
    """The configuration of one region, as it was ``read`` (Unix seconds). ``unread``: which parts could not be."""

    region: str
    read: float
    vpcs: Tuple[Vpc, ...] = ()
    vswitches: Tuple[VSwitch, ...] = ()
    enis: Tuple[Eni, ...] = ()
    groups: Tuple[SecurityGroup, ...] = ()
    route_tables: Tuple[RouteTable, ...] = ()
    acls: Tuple[Acl, ...] = ()
    prefix_lists: Tuple[PrefixList, ...] = ()
    port_lists: Tuple[PortList, ...] = ()
    unread: Tuple[str, ...] = ()
    schema: str = SCHEMA
