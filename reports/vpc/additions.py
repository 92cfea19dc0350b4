"""The smallest rule that lets a packet through where a security group drops it.

This module travels in the carry-in kit: CPython 3.7.
"""

from typing import List, Optional

from attrs import frozen

from reports.maxcompute.admission import OWN_GROUPS
from reports.vpc.cloud import Cloud
from reports.vpc.matching import Packet, every, overlap, ports, protocol
from reports.vpc.model import ACCEPT, DROP, EGRESS, INGRESS, Rule, SecurityGroup
from reports.vpc.security import Ruling, name_of

# What the platform itself takes where none is given (AuthorizeSecurityGroup, Priority).
_PRIORITY = 1


@frozen(kw_only=True)
class Addition:
    """What to change: ``rule`` to add to the group, or None where none can help; ``instead`` says what then to do."""

    group: str
    rule: Optional[Rule] = None
    instead: str = ""


def addition(cloud: Cloud, ruling: Ruling, packet: Packet, cidr: str) -> Optional[Addition]:
    """What lets ``cidr``, the other side's vSwitch, through. None where nothing was dropped, or not known by whom.

    The rule precedes every rule of the interface's groups that drops any part of what it admits; as of equal priority
    the dropping one wins, its priority is the next better one.
    """
    group = cloud.groups.get(ruling.group)
    if ruling.verdict != DROP or group is None:
        return None
    if group.managed or group.name.startswith(OWN_GROUPS):
        words = "%s belongs to the platform and is not to be changed: use another group" % group.id
        return Addition(group=group.id, instead=words)
    inbound = ruling.direction == INGRESS
    in_the_way = [
        (other, rule) for other in _groups(cloud, ruling) for rule in other.rules if _drops(rule, packet, cidr, inbound)
    ]
    first = min(in_the_way, key=lambda one: one[1].priority, default=None)
    priority = _PRIORITY if first is None else first[1].priority - 1
    if first is not None and priority < 1:
        words = "%s has priority 1, and no rule can precede it: narrow it or give it a worse priority" % name_of(*first)
        return Addition(group=group.id, instead=words)
    port = str(packet.port or "-1")
    rule = Rule(
        place=len(group.rules) + 1,
        direction=ruling.direction,
        policy=ACCEPT,
        protocol=packet.protocol,
        ports="%s/%s" % (port, port),
        priority=priority,
        source_cidr=cidr if inbound else "",
        dest_cidr="" if inbound else cidr,
    )
    return Addition(group=group.id, rule=rule)


def _groups(cloud: Cloud, ruling: Ruling) -> List[SecurityGroup]:
    return [cloud.groups[one] for one in cloud.enis[ruling.eni].groups]


def _drops(rule: Rule, packet: Packet, cidr: str, inbound: bool) -> bool:
    """Whether a rule drops, or may drop, a part of what is to be admitted."""
    if rule.policy != DROP or rule.direction != (INGRESS if inbound else EGRESS):
        return False
    named = rule.source_cidr if inbound else rule.dest_cidr
    return bool(
        every(
            protocol(rule.protocol, packet.protocol),
            True if rule.port_list and not rule.ports else ports((rule.ports,), packet.port, packet.protocol),
            not named or overlap(named, cidr),
        )
    )
