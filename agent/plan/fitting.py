"""Whether an inventory may say anything of the plan that names it."""

from collections.abc import Iterator

from reports import words
from reports.addresses import is_literal
from reports.model import Plan
from reports.vpc.matching import overlap
from reports.vpc.model import Inventory


def misfit(inventory: Inventory, plan: Plan) -> str:
    """Why it can say nothing: it is of another region, or of another VPC; "" where it may.

    A name of a target may have any address; an inventory without CIDRs may be of any VPC.
    """
    if plan.region is not None and plan.region != inventory.region:
        return f"it is of the region {words.visible(inventory.region)}, and the plan of {plan.region}"
    known = list(_cidrs(inventory))
    if not known or not plan.networks or not all(is_literal(target.host) for target in plan.targets):
        return ""
    ours = [*(network.cidr for network in plan.networks), *(target.host for target in plan.targets)]
    if any(overlap(one, other) for one in ours for other in known):
        return ""
    return f"none of the plan's networks and targets is in it: it is of {words.listed(known, 6)}"


def _cidrs(inventory: Inventory) -> Iterator[str]:
    """Where it knows anybody: VPCs, and what lies in none of those."""
    yield from dict.fromkeys(cidr for vpc in inventory.vpcs for cidr in vpc.cidrs)
    vpcs = {vpc.id for vpc in inventory.vpcs if vpc.cidrs}
    yield from (vswitch.cidr for vswitch in inventory.vswitches if vswitch.vpc not in vpcs)
    yield from (address for eni in inventory.enis if eni.vpc not in vpcs for address in eni.addresses)
