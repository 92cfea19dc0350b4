"""What security groups say of the first packet of a conversation, as the platform documents it.

Groups are stateful: once a session is admitted, all of it is. So the outbound rules of the source's interface and the
inbound rules of the destination's judge one packet, once each. The sentences of the documentation (ECS, "Security group
rules", "Basic and advanced security groups", AuthorizeSecurityGroup, ModifySecurityGroupPolicy) stand beside the cases
in tests/reports/vpc/cases.py. Where they leave something open the ruling is UNKNOWN, and says what is open.

This module travels in the carry-in kit: CPython 3.7.
"""

from typing import Iterator, List, Optional, Sequence, Tuple

from attrs import frozen

from reports.addresses import parse_address
from reports.vpc.cloud import Cloud
from reports.vpc.matching import Match, Packet, decide, every, holds, ports, protocol
from reports.vpc.model import ACCEPT, ADVANCED, BASIC, DROP, EGRESS, INGRESS, Eni, Rule, SecurityGroup

UNKNOWN = "unknown"

_BOUND = {INGRESS: "inbound", EGRESS: "outbound"}
# What holds where no rule matches ("Basic and advanced security groups", default access control rules).
_DEFAULTS = {
    (BASIC, INGRESS): DROP,
    (BASIC, EGRESS): ACCEPT,
    (ADVANCED, INGRESS): DROP,
    (ADVANCED, EGRESS): DROP,
}
_KINDS = {BASIC: "a basic group", ADVANCED: "an advanced group"}


@frozen(kw_only=True)
class Ruling:
    """What the groups of one interface say of a packet.

    ``verdict``: ACCEPT, DROP or UNKNOWN; ``why`` in words. ``group``: whose rule or default it is. ``rule``: the rule
    that decides, None where a default does or nothing is known. ``eni``: the interface that was judged.
    """

    verdict: str
    direction: str
    why: str
    group: str = ""
    rule: Optional[Rule] = None
    eni: str = ""


def judge(cloud: Cloud, packet: Packet, direction: str, vpc: str = "") -> Ruling:
    """What the groups say: at the destination's interface (INGRESS), or at the source's (EGRESS).

    ``vpc``: the one in which both are looked for first, as addresses repeat from VPC to VPC.
    """
    ip, peer_ip = (packet.dest, packet.source) if direction == INGRESS else (packet.source, packet.dest)
    eni = cloud.eni_of(ip, vpc)
    if eni is None:
        return _open(direction, _nobody(cloud, ip))
    missing = [one for one in eni.groups if one not in cloud.groups]
    if missing or not eni.groups:
        words = "%s of %s was not read" % (missing[0], eni.id) if missing else "no group of %s is known" % eni.id
        return _open(direction, words, eni)
    groups = [cloud.groups[one] for one in eni.groups]
    peer = _Peer.of(cloud, peer_ip, eni)
    shared, doubt = _inner_access(groups, peer)
    if shared is not None:
        words = "both interfaces are in %s, whose members reach each other whatever its rules" % shared.id
        return Ruling(verdict=ACCEPT, direction=direction, why=words, group=shared.id, eni=eni.id)
    ruling = _by_rules(cloud, groups, packet, direction, peer, eni)
    return _open(direction, doubt, eni) if doubt and ruling.verdict == DROP else ruling


def _nobody(cloud: Cloud, ip: str) -> str:
    found = cloud.enis_of(ip)
    if found:
        several = ", of several VPCs," if len({eni.vpc for eni in found}) > 1 else ""
        return "%d interfaces%s have %s" % (len(found), several, ip)
    if not cloud.knows("enis"):
        return "the network interfaces were not read, at least not that of %s" % ip
    return "no interface of the inventory has %s" % ip


def _open(direction: str, why: str, eni: Optional[Eni] = None) -> Ruling:
    return Ruling(verdict=UNKNOWN, direction=direction, why=why, eni=eni.id if eni is not None else "")


# --- who the other side is -------------------------------------------------------------------------------------------


@frozen
class _Peer:
    """The other side: its address, its groups, and why those are not known, where they are not."""

    ip: str
    groups: Tuple[str, ...] = ()
    open: str = ""

    @classmethod
    def of(cls, cloud: Cloud, ip: str, eni: Eni) -> "_Peer":
        """Only an interface of the same VPC can be a member of a group of that VPC."""
        other = cloud.eni_of(ip, eni.vpc)
        if other is not None:
            return cls(ip, other.groups if other.vpc == eni.vpc else ())
        if not cloud.enis_of(ip) and cloud.inside(ip, eni.vpc) is False:
            return cls(ip)
        return cls(ip, open="%s: which groups that is in is not known" % _nobody(cloud, ip))


def _inner_access(groups: Sequence[SecurityGroup], peer: _Peer) -> Tuple[Optional[SecurityGroup], str]:
    """The group in which both sides are and whose members reach each other; or why it is not known whether one is."""
    possible = [group for group in groups if group.type != ADVANCED and group.inner_access != DROP]
    if peer.open:
        return None, peer.open if possible else ""
    shared = [group for group in possible if group.id in peer.groups]
    certain = [group for group in shared if group.type == BASIC and group.inner_access == ACCEPT]
    if certain or not shared:
        return (certain[0] if certain else None), ""
    return None, "whether the members of %s reach each other was not read" % shared[0].id


# --- the rules -------------------------------------------------------------------------------------------------------


def _by_rules(
    cloud: Cloud, groups: Sequence[SecurityGroup], packet: Packet, direction: str, peer: _Peer, eni: Eni
) -> Ruling:
    bound, first = _BOUND[direction], groups[0]
    types = {group.type for group in groups}
    default = _DEFAULTS.get((first.type, direction)) if len(types) == 1 else None
    rows = (
        ((group, rule), rule.policy, _match(cloud, group, rule, packet, direction, peer))
        for group, rule in _in_order(groups, direction)
    )
    verdict, found, doubt = decide(rows, default)
    if doubt is not None:
        (group, rule), why = doubt
        return _open(direction, "rule %d of %s may match: %s" % (rule.place, group.id, why), eni)
    if found is not None:
        group, rule = found
        words = "%s %s it: %s" % (name_of(group, rule), "admits" if rule.policy == ACCEPT else "drops", text_of(rule))
        return Ruling(verdict=rule.policy, direction=direction, why=words, group=group.id, rule=rule, eni=eni.id)
    if verdict is None:
        kind = "the kind of %s was not read" % first.id if len(types) == 1 else "basic and advanced groups are mixed"
        return _open(direction, "no %s rule matches, and %s" % (bound, kind), eni)
    names = ", ".join(group.id for group in groups)
    does = "lets everything out" if verdict == ACCEPT else "drops what none admits"
    words = "no %s rule of %s matches, and %s %s" % (bound, names, _KINDS[first.type], does)
    return Ruling(verdict=verdict, direction=direction, why=words, group=first.id, eni=eni.id)


def _in_order(groups: Sequence[SecurityGroup], direction: str) -> List[Tuple[SecurityGroup, Rule]]:
    """The rules of all groups together: by priority, of equal ones those first that drop."""
    rules = [(group, rule) for group in groups for rule in group.rules if rule.direction == direction]
    return sorted(rules, key=lambda one: (one[1].priority, one[1].policy != DROP))


def _match(cloud: Cloud, group: SecurityGroup, rule: Rule, packet: Packet, direction: str, peer: _Peer) -> Match:
    inbound = direction == INGRESS
    own_cidr, own_ip = (rule.dest_cidr, packet.dest) if inbound else (rule.source_cidr, packet.source)
    of_service = every(protocol(rule.protocol, packet.protocol), _ports(cloud, rule, packet))
    return of_service and every(
        of_service,
        True if not rule.source_ports else ports((rule.source_ports,), packet.source_port, packet.protocol),
        not own_cidr or holds((own_cidr,), own_ip),
        _others(cloud, group, rule, peer, inbound),
    )


def _ports(cloud: Cloud, rule: Rule, packet: Packet) -> Match:
    """A range wins over a list (AuthorizeSecurityGroup, PortRangeListId)."""
    if rule.ports or not rule.port_list:
        return ports((rule.ports,), packet.port, packet.protocol)
    known = cloud.port_lists.get(rule.port_list)
    if known is None:
        return "the port list %s was not read" % rule.port_list
    return ports(known.ranges, packet.port, packet.protocol)


def _others(cloud: Cloud, group: SecurityGroup, rule: Rule, peer: _Peer, inbound: bool) -> Match:
    """Whether the other side is whom the rule names: a CIDR wins over a group, either over a prefix list."""
    cidr, named, prefixes = (
        (rule.source_cidr, rule.source_group, rule.source_prefix_list)
        if inbound
        else (rule.dest_cidr, rule.dest_group, rule.dest_prefix_list)
    )
    if cidr:
        return holds((cidr,), peer.ip)
    if named:
        return _is_member(cloud, group, named, peer)
    if prefixes:
        known = cloud.prefix_lists.get(prefixes)
        return "the prefix list %s was not read" % prefixes if known is None else holds(known.cidrs, peer.ip)
    return "it names nobody"


def _is_member(cloud: Cloud, group: SecurityGroup, named: str, peer: _Peer) -> Match:
    if peer.open:
        return peer.open
    if named not in peer.groups:
        return False
    other = cloud.groups.get(named)
    if group.type == ADVANCED or (other is not None and other.type == ADVANCED):
        return "advanced groups know no rules by group"
    address = parse_address(peer.ip)
    if address is not None and address.version != 4:
        return "whether a rule by group admits IPv6 is not documented"
    return True


# --- in words --------------------------------------------------------------------------------------------------------


def name_of(group: SecurityGroup, rule: Rule) -> str:
    """How people find a rule: "rule 7 of sg-x (sgr-y)"."""
    return "rule %d of %s%s" % (rule.place, group.id, " (%s)" % rule.id if rule.id else "")


def text_of(rule: Rule) -> str:
    """A rule as people read it: "drop TCP 3306/3306 from 10.10.1.0/24, priority 10"."""
    words = [rule.policy, rule.protocol.upper()]
    words += [text for text in (rule.ports or rule.port_list,) if text and text != "-1/-1"]
    words += list(_sides(rule))
    return "%s, priority %d" % (" ".join(words), rule.priority)


def _sides(rule: Rule) -> Iterator[str]:
    source = rule.source_cidr or rule.source_group or rule.source_prefix_list
    dest = rule.dest_cidr or rule.dest_group or rule.dest_prefix_list
    if source:
        yield "from %s" % source
    if rule.source_ports and rule.source_ports != "-1/-1":
        yield "source port %s" % rule.source_ports
    if dest:
        yield "to %s" % dest
