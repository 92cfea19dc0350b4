"""The lab's vSwitches and interfaces as the platform's API would tell of them: the file that a plan's inventory is."""

import time
from collections.abc import Sequence

from reports.vpc.document import dumps
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
from tests.lab.network import ENI_ADDRESS, VPCHOST_ADDRESS

_VPC = "vpc-lab"
_CIDRS = {"vsw-a": "10.10.1.0/24", "vsw-b": "10.10.2.0/24", "vsw-c": "10.10.3.0/24"}
_ANYTHING = AclEntry(policy="accept", protocol="all", cidr="0.0.0.0/0")
# The list of vswitch-c: ZooKeeper is kept from the job's vSwitch, everything else passes.
_ACL = Acl(
    id="nacl-c",
    vpc=_VPC,
    ingress=(AclEntry(policy="drop", protocol="tcp", cidr="10.10.1.0/24", ports="2181/2181"), _ANYTHING),
    egress=(_ANYTHING,),
)


def inbound(place: int, policy: str, ports: str, priority: int = 1) -> Rule:
    """A rule of a destination's security group for what comes from the job's vSwitch."""
    return Rule(
        place=place,
        id=f"sgr-{place}",
        direction="ingress",
        policy=policy,
        protocol="tcp",
        ports=ports,
        priority=priority,
        source_cidr="10.10.1.0/24",
    )


OPEN = (inbound(1, "accept", "1/65535"),)


def cloud(rules: Sequence[Rule] = OPEN, *, free: int = 240, elsewhere: int = 240, acl: bool = False) -> str:
    """The document. ``rules``: of the group of all hosts in vswitch-b and vswitch-c.

    ``free``: how many addresses are, in vswitch-a, and in the other two; ``acl``: whether vswitch-c has one.
    """
    return dumps(
        Inventory(
            region="cn-hangzhou",
            read=time.time(),
            vpcs=(Vpc(id=_VPC, cidrs=("10.10.0.0/16",)),),
            vswitches=tuple(
                VSwitch(
                    id=name,
                    vpc=_VPC,
                    cidr=cidr,
                    free=free if name == "vsw-a" else elsewhere,
                    acl=_ACL.id if acl and name == "vsw-c" else "",
                )
                for name, cidr in _CIDRS.items()
            ),
            enis=(
                _eni("eni-job", "vsw-a", ENI_ADDRESS, "sg-job", managed=True),
                _eni("eni-host", "vsw-a", VPCHOST_ADDRESS, "sg-job"),
                _eni("eni-emr", "vsw-b", "10.10.2.30", "sg-hosts"),
                _eni("eni-store", "vsw-c", "10.10.3.20", "sg-hosts"),
            ),
            groups=(
                SecurityGroup(id="sg-job", vpc=_VPC, type="normal", inner_access="accept"),
                SecurityGroup(id="sg-hosts", vpc=_VPC, type="normal", inner_access="accept", rules=tuple(rules)),
            ),
            route_tables=(
                RouteTable(
                    id="vtb-lab",
                    vpc=_VPC,
                    type="System",
                    routes=tuple(
                        Route(destination=cidr, type="System", status="Available", next_hops=(NextHop(type="local"),))
                        for cidr in _CIDRS.values()
                    ),
                ),
            ),
            acls=(_ACL,),
        )
    )


def _eni(name: str, vswitch: str, address: str, group: str, *, managed: bool = False) -> Eni:
    return Eni(id=name, vpc=_VPC, vswitch=vswitch, addresses=(address,), groups=(group,), managed=managed)
