"""A small VPC for tests: a job's vSwitch and a service's, each with its interface, group, table and ACL."""

from typing import Any

from attrs import evolve

from reports.vpc.model import (
    Acl,
    AclEntry,
    Eni,
    Inventory,
    NextHop,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
    Vpc,
    VSwitch,
)

JOB, SERVICE = "10.10.1.10", "10.10.2.30"
JOBS, SERVICES = "10.10.1.0/24", "10.10.2.0/24"

LOCAL = (NextHop(type="local"),)
SYSTEM_ROUTES = (
    Route(destination=JOBS, type="System", status="Available", next_hops=LOCAL),
    Route(destination=SERVICES, type="System", status="Available", next_hops=LOCAL),
    Route(destination="100.64.0.0/10", type="System", status="Available", next_hops=(NextHop(type="service"),)),
)


def rule(place: int, direction: str, policy: str, whom: str, ports: str = "3306/3306", **more: Any) -> Rule:
    """A TCP rule for ``whom``: from where inbound, whereto outbound."""
    side = {"source_cidr" if direction == "ingress" else "dest_cidr": whom}
    return Rule(
        **{"place": place, "direction": direction, "policy": policy, "protocol": "tcp", "ports": ports, **side, **more}
    )


def small(**more: Any) -> Inventory:
    """The VPC, in which nothing is allowed in and everything out; ``more`` replaces whole lists."""
    inventory = Inventory(
        region="cn-hangzhou",
        read=1764500000.0,
        vpcs=(Vpc(id="vpc-a", cidrs=("10.10.0.0/16",)),),
        vswitches=(
            VSwitch(id="vsw-job", name="vswitch-a", vpc="vpc-a", cidr=JOBS, free=200),
            VSwitch(id="vsw-db", name="vswitch-db", vpc="vpc-a", cidr=SERVICES, free=100),
        ),
        enis=(
            Eni(id="eni-job", addresses=(JOB,), vpc="vpc-a", vswitch="vsw-job", groups=("sg-job",), managed=True),
            Eni(id="eni-db", addresses=(SERVICE,), vpc="vpc-a", vswitch="vsw-db", groups=("sg-db",), instance="i-db"),
        ),
        groups=(
            SecurityGroup(id="sg-job", type="normal", inner_access="accept", vpc="vpc-a"),
            SecurityGroup(id="sg-db", type="normal", inner_access="accept", vpc="vpc-a"),
        ),
        route_tables=(RouteTable(id="vtb-a", vpc="vpc-a", type="System", routes=SYSTEM_ROUTES),),
    )
    return evolve(inventory, **more)


def with_rules(group: str, *rules: Rule, **more: Any) -> Inventory:
    """The VPC with these rules in one of its groups, or with another of the group's fields."""
    inventory = small()
    groups = tuple(evolve(one, rules=rules, **more) if one.id == group else one for one in inventory.groups)
    return evolve(inventory, groups=groups)


def with_routes(*routes: Route) -> Inventory:
    """The VPC with more routes in its table."""
    table = RouteTable(id="vtb-a", vpc="vpc-a", type="System", routes=SYSTEM_ROUTES + routes)
    return small(route_tables=(table,))


def with_acl(vswitch: str, ingress: tuple[AclEntry, ...] = (), egress: tuple[AclEntry, ...] = ()) -> Inventory:
    """The VPC with a network ACL at one of its vSwitches."""
    inventory = small()
    vswitches = tuple(evolve(one, acl="nacl-a") if one.id == vswitch else one for one in inventory.vswitches)
    return evolve(inventory, vswitches=vswitches, acls=(Acl(id="nacl-a", ingress=ingress, egress=egress),))


def entry(policy: str, cidr: str, ports: str = "-1/-1", protocol: str = "all") -> AclEntry:
    """An entry of a network ACL."""
    return AclEntry(policy=policy, protocol=protocol, cidr=cidr, ports=ports)
