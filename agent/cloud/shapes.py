"""From the rows of the cloud's API to the nouns of an inventory. Keys that a row lacks are empty; nothing is judged."""

from collections.abc import Iterable, Sequence
from typing import Any

from reports.vpc.model import (
    Acl,
    AclEntry,
    Eni,
    NextHop,
    PortList,
    PrefixList,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
    Vpc,
    VSwitch,
)

Row = dict[str, Any]


def vpc(row: Row) -> Vpc:
    """A row of DescribeVpcs."""
    cidrs = [
        _text(row, "CidrBlock"),
        *_texts(row, "SecondaryCidrBlocks", "SecondaryCidrBlock"),
        _text(row, "Ipv6CidrBlock"),
        *(_text(each, "Ipv6CidrBlock") for each in _rows(row, "Ipv6CidrBlocks", "Ipv6CidrBlock")),
    ]
    return Vpc(id=_text(row, "VpcId"), name=_text(row, "VpcName"), cidrs=_distinct(cidrs))


def vswitch(row: Row) -> VSwitch:
    """A row of DescribeVSwitches; one of IPv6 alone has no other CIDR, and the free addresses are of IPv4."""
    cidr, cidr6 = _text(row, "CidrBlock"), _text(row, "Ipv6CidrBlock")
    return VSwitch(
        id=_text(row, "VSwitchId"),
        cidr=cidr or cidr6,
        name=_text(row, "VSwitchName"),
        vpc=_text(row, "VpcId"),
        zone=_text(row, "ZoneId"),
        cidr6=cidr6,
        free=_number(row, "AvailableIpAddressCount") if cidr else None,
        route_table=_text(_row(row, "RouteTable"), "RouteTableId"),
        acl=_text(row, "NetworkAclId"),
    )


def eni(row: Row) -> Eni:
    """A row of DescribeNetworkInterfaces."""
    addresses = [
        _text(row, "PrivateIpAddress"),
        *(_text(each, "PrivateIpAddress") for each in _rows(row, "PrivateIpSets", "PrivateIpSet")),
        *(_text(each, "Ipv6Address") for each in _rows(row, "Ipv6Sets", "Ipv6Set")),
    ]
    prefixes = [
        *(_text(each, "Ipv4Prefix") for each in _rows(row, "Ipv4PrefixSets", "Ipv4PrefixSet")),
        *(_text(each, "Ipv6Prefix") for each in _rows(row, "Ipv6PrefixSets", "Ipv6PrefixSet")),
    ]
    return Eni(
        id=_text(row, "NetworkInterfaceId"),
        addresses=_distinct(addresses),
        prefixes=_distinct(prefixes),
        name=_text(row, "NetworkInterfaceName"),
        vpc=_text(row, "VpcId"),
        vswitch=_text(row, "VSwitchId"),
        groups=_distinct(_texts(row, "SecurityGroupIds", "SecurityGroupId")),
        type=_text(row, "Type"),
        status=_text(row, "Status"),
        instance=_text(row, "InstanceId"),
        managed=bool(row.get("ServiceManaged")),
        service=_text(row, "ServiceID"),
        description=_text(row, "Description"),
    )


def group(row: Row, attributes: Row, permissions: Sequence[Row]) -> SecurityGroup:
    """A row of DescribeSecurityGroups (empty where that was not read), and the group's attributes and permissions."""
    return SecurityGroup(
        id=_text(attributes, "SecurityGroupId"),
        type=_text(row, "SecurityGroupType"),
        name=_text(attributes, "SecurityGroupName") or _text(row, "SecurityGroupName"),
        vpc=_text(attributes, "VpcId"),
        inner_access=_text(attributes, "InnerAccessPolicy"),
        managed=bool(row.get("ServiceManaged")),
        rules=tuple(_rule(place, each) for place, each in enumerate(permissions, 1)),
    )


def _rule(place: int, row: Row) -> Rule:
    return Rule(
        place=place,
        direction=_text(row, "Direction"),
        policy=_text(row, "Policy"),
        protocol=_text(row, "IpProtocol"),
        priority=_number(row, "Priority") or 1,
        id=_text(row, "SecurityGroupRuleId"),
        ports=_text(row, "PortRange"),
        port_list=_text(row, "PortRangeListId"),
        source_ports=_text(row, "SourcePortRange"),
        source_cidr=_text(row, "SourceCidrIp") or _text(row, "Ipv6SourceCidrIp"),
        source_group=_text(row, "SourceGroupId"),
        source_prefix_list=_text(row, "SourcePrefixListId"),
        dest_cidr=_text(row, "DestCidrIp") or _text(row, "Ipv6DestCidrIp"),
        dest_group=_text(row, "DestGroupId"),
        dest_prefix_list=_text(row, "DestPrefixListId"),
        description=_text(row, "Description"),
    )


def prefix_list(answer: Row, entries: Sequence[Row]) -> PrefixList:
    """An answer of DescribePrefixListAttributes, and its entries."""
    return PrefixList(
        id=_text(answer, "PrefixListId"),
        name=_text(answer, "PrefixListName"),
        cidrs=_distinct(_text(each, "Cidr") for each in entries),
    )


def port_list(id_: str, entries: Sequence[Row]) -> PortList:
    """The entries that DescribePortRangeListEntries gives of a list."""
    return PortList(id=id_, ranges=_distinct(_text(each, "PortRange") for each in entries))


def route_table(row: Row, routes: Sequence[Row]) -> RouteTable:
    """A row of DescribeRouteTableList, and those of DescribeRouteEntryList."""
    return RouteTable(
        id=_text(row, "RouteTableId"),
        name=_text(row, "RouteTableName"),
        vpc=_text(row, "VpcId"),
        type=_text(row, "RouteTableType"),
        routes=tuple(_route(each) for each in routes),
    )


def _route(row: Row) -> Route:
    return Route(
        destination=_text(row, "DestinationCidrBlock"),
        type=_text(row, "Type"),
        status=_text(row, "Status"),
        id=_text(row, "RouteEntryId"),
        name=_text(row, "RouteEntryName"),
        next_hops=tuple(
            NextHop(
                type=_text(each, "NextHopType"),
                id=_text(each, "NextHopId"),
                enabled=bool(each.get("Enabled", True)),
                weight=_number(each, "Weight") or 0,
            )
            for each in _rows(row, "NextHops", "NextHop")
        ),
    )


def acl(answer: Row) -> Acl:
    """An answer of DescribeNetworkAclAttributes."""
    row = _row(answer, "NetworkAclAttribute")
    return Acl(
        id=_text(row, "NetworkAclId"),
        name=_text(row, "NetworkAclName"),
        vpc=_text(row, "VpcId"),
        ingress=tuple(_entry(each, "SourceCidrIp") for each in _rows(row, "IngressAclEntries", "IngressAclEntry")),
        egress=tuple(_entry(each, "DestinationCidrIp") for each in _rows(row, "EgressAclEntries", "EgressAclEntry")),
    )


def _entry(row: Row, side: str) -> AclEntry:
    return AclEntry(
        policy=_text(row, "Policy"),
        protocol=_text(row, "Protocol"),
        cidr=_text(row, side),
        ports=_text(row, "Port") or "-1/-1",
        type=_text(row, "EntryType") or "custom",
        id=_text(row, "NetworkAclEntryId"),
        name=_text(row, "NetworkAclEntryName"),
        description=_text(row, "Description"),
    )


def _text(row: Row, key: str) -> str:
    value = row.get(key)
    return value.strip() if isinstance(value, str) else ""


def _number(row: Row, key: str) -> int | None:
    """Rules have theirs as text, vSwitches as a number."""
    value = str(row.get(key))
    return int(value) if value.isascii() and value.isdigit() else None


def _rows(row: Row, outer: str, inner: str) -> list[Row]:
    return [each for each in _inside(row, outer, inner) if isinstance(each, dict)]


def _texts(row: Row, outer: str, inner: str) -> list[str]:
    return [each for each in _inside(row, outer, inner) if isinstance(each, str)]


def _inside(row: Row, outer: str, inner: str) -> list[Any]:
    found = _row(row, outer).get(inner)
    return found if isinstance(found, list) else []


def _row(row: Row, key: str) -> Row:
    found = row.get(key)
    return found if isinstance(found, dict) else {}


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Without those that are empty or stand there already."""
    return tuple(dict.fromkeys(text for text in texts if text))
