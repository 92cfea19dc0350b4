"""What of an inventory concerns a plan: it travels into the job, and into each report.

Places are kept, so that "rule 7 of sg-x" stays the seventh. This module travels in the carry-in kit: CPython 3.7.
"""

from typing import Iterable, List, Sequence, Set, Tuple

from attrs import evolve

from reports.addresses import is_literal
from reports.model import Network, Plan, Target
from reports.vpc.cloud import Cloud, cidrs_of
from reports.vpc.matching import every, holds, overlap, ports, protocol
from reports.vpc.model import AclEntry, Inventory, Rule, SecurityGroup, VSwitch


def reduced(inventory: Inventory, plan: Plan) -> Inventory:
    """What is needed to judge TCP from the plan's networks to its targets.

    Of the interfaces those in the networks, at the targets' addresses, and to which routes lead; where the address of a
    target is only found out later, or no network is known, all of the VPCs concerned. Of rules those that may speak of
    TCP at a target's port. Descriptions go.
    """
    ours = [one for network in plan.networks for one in vswitches_of(inventory, network)]
    literal = [target.host for target in plan.targets if is_literal(target.host)]
    cloud = Cloud(inventory)
    at_targets = {eni.id: eni for ip in literal for eni in cloud.enis_of(ip)}
    vpcs = {one.vpc for one in ours} | {eni.vpc for eni in at_targets.values()}
    vpcs |= {one.vpc for one in inventory.vswitches if any(holds(cidrs_of(one), ip) for ip in literal)}
    if not ours:
        vpcs = {one.id for one in inventory.vpcs} | {one.vpc for one in inventory.vswitches}
        vpcs |= {one.vpc for one in inventory.enis}
    vswitches = tuple(one for one in inventory.vswitches if one.vpc in vpcs)
    tables = tuple(one for one in inventory.route_tables if one.vpc in vpcs)
    everybody = not ours or len(literal) < len(plan.targets)
    hops = {hop.id for table in tables for route in table.routes for hop in route.next_hops if hop.id}
    own = {one.id for one in ours}
    enis = tuple(
        evolve(eni, name="", description="")
        for eni in inventory.enis
        if eni.vpc in vpcs
        and (everybody or eni.vswitch in own or eni.id in at_targets or eni.id in hops or eni.instance in hops)
    )
    groups = _groups(inventory, {one for eni in enis for one in eni.groups}, plan.targets)
    named = {one for group in groups for rule in group.rules for one in _lists(rule)}
    acls = {one.acl for one in vswitches}
    return evolve(
        inventory,
        vpcs=tuple(one for one in inventory.vpcs if one.id in vpcs),
        vswitches=vswitches,
        enis=enis,
        groups=groups,
        route_tables=tables,
        acls=tuple(
            evolve(one, ingress=_bare(one.ingress), egress=_bare(one.egress))
            for one in inventory.acls
            if one.id in acls
        ),
        prefix_lists=tuple(one for one in inventory.prefix_lists if one.id in named),
        port_lists=tuple(one for one in inventory.port_lists if one.id in named),
    )


def vswitches_of(inventory: Inventory, network: Network) -> List[VSwitch]:
    """The vSwitches that a network of the plan is: by its id, or by its CIDR, of those the ones of its name."""
    by_id = [one for one in inventory.vswitches if one.id == network.name]
    if by_id:
        return by_id
    by_cidr = [one for one in inventory.vswitches if _same(one.cidr, network.cidr) or _same(one.cidr6, network.cidr)]
    return [one for one in by_cidr if one.name and one.name == network.name] or by_cidr


def _same(left: str, right: str) -> bool:
    return bool(left) and left.partition("/")[2] == right.partition("/")[2] and overlap(left, right)


def _groups(inventory: Inventory, ids: Set[str], targets: Sequence[Target]) -> Tuple[SecurityGroup, ...]:
    numbers = {target.port for target in targets}
    return tuple(
        evolve(
            group,
            rules=tuple(evolve(rule, description="") for rule in group.rules if _may_speak_of(rule, numbers)),
        )
        for group in inventory.groups
        if group.id in ids
    )


def _may_speak_of(rule: Rule, numbers: Iterable[int]) -> bool:
    if rule.port_list and not rule.ports:
        return protocol(rule.protocol, "tcp") is not False
    return any(every(protocol(rule.protocol, "tcp"), ports((rule.ports,), port, "tcp")) for port in numbers)


def _lists(rule: Rule) -> Tuple[str, ...]:
    return rule.source_prefix_list, rule.dest_prefix_list, rule.port_list


def _bare(entries: Iterable[AclEntry]) -> Tuple[AclEntry, ...]:
    return tuple(evolve(entry, description="") for entry in entries)
