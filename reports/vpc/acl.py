"""What network ACLs say of a conversation: they know no connections, so the answers are judged too.

An ACL is tried at the border of a vSwitch, entry by entry in order, the first that matches decides; what none matches
is denied. Ports are always those of the packet's destination, and answers go to a port that the client chose (VPC,
"Network ACLs"). This module travels in the carry-in kit: CPython 3.7.
"""

from typing import Iterator, Optional, Tuple

from attrs import evolve, frozen

from reports.vpc.cloud import Cloud, cidrs_of
from reports.vpc.matching import Match, Packet, decide, every, holds, ports, protocol
from reports.vpc.model import ACCEPT, DROP, EGRESS, INGRESS, AclEntry, VSwitch
from reports.vpc.security import UNKNOWN

# DNS and metadata pass every ACL ("Network ACLs", features).
_ALWAYS = ("100.100.2.112/28", "100.100.2.128/28", "100.100.100.200/32")


@frozen(kw_only=True)
class Passage:
    """What the ACLs of both vSwitches say. ``verdict``: ACCEPT, DROP or UNKNOWN; ``why`` in words.

    Where it is one entry's or one ACL's doing: ``acl``, ``direction``, ``place`` (from 1; 0: no entry matches), and
    whether it is the ``answer`` that is dropped.
    """

    verdict: str
    why: str
    acl: str = ""
    direction: str = ""
    place: int = 0
    answer: bool = False


def passage(cloud: Cloud, packet: Packet, source: Optional[VSwitch], dest: Optional[VSwitch]) -> Passage:
    """What becomes of the packet and of its answer on the way from a vSwitch to another.

    ``dest`` is None where no interface has the address: an ACL knows interfaces alone, so RDS and CLB pass it.
    """
    if source is not None and dest is not None and source.id == dest.id:
        return Passage(verdict=ACCEPT, why="an ACL does not filter within a vSwitch")
    said = [_at(cloud, *leg) for leg in _legs(packet, source, dest)]
    if source is None or dest is None:
        said += [
            Passage(verdict=UNKNOWN, why="%s were not read" % words)
            for part, words in (("enis", "the network interfaces"), ("vswitches", "the vSwitches"))
            if not cloud.knows(part)
        ]
    for verdict in (DROP, UNKNOWN):
        found = next((one for one in said if one.verdict == verdict), None)
        if found is not None:
            return found
    return said[0] if said else Passage(verdict=UNKNOWN, why="neither vSwitch is known")


_Leg = Tuple[VSwitch, str, Packet, bool]


def _legs(packet: Packet, source: Optional[VSwitch], dest: Optional[VSwitch]) -> Iterator[_Leg]:
    answer = evolve(packet, source=packet.dest, dest=packet.source, port=packet.source_port, source_port=packet.port)
    if source is not None:
        yield source, EGRESS, packet, False
    if dest is not None:
        yield dest, INGRESS, packet, False
        yield dest, EGRESS, answer, True
    if source is not None:
        yield source, INGRESS, answer, True


def _at(cloud: Cloud, vswitch: VSwitch, direction: str, packet: Packet, answer: bool) -> Passage:
    other = packet.dest if direction == EGRESS else packet.source
    if not vswitch.acl:
        if not cloud.knows("acls"):
            return Passage(verdict=UNKNOWN, why="the network ACLs were not read")
        return Passage(verdict=ACCEPT, why="%s has no network ACL" % vswitch.id)
    if holds(_ALWAYS, other) or holds(cidrs_of(vswitch), other):
        return Passage(verdict=ACCEPT, why="%s is never filtered" % other)
    acl = cloud.acls.get(vswitch.acl)
    if acl is None:
        return Passage(verdict=UNKNOWN, acl=vswitch.acl, why="the network ACL %s was not read" % vswitch.acl)
    entries = list(enumerate(acl.egress if direction == EGRESS else acl.ingress, 1))
    rows = (((place, entry), entry.policy, _match(entry, packet, other)) for place, entry in entries)
    verdict, found, doubt = decide(rows, DROP)
    bound = "outbound" if direction == EGRESS else "inbound"
    what = "the answer" if answer else "the request"
    if doubt is not None:
        (place, _), why = doubt
        words = "%s entry %d of %s may match %s: %s" % (bound, place, acl.id, what, why)
        return Passage(verdict=UNKNOWN, acl=acl.id, direction=direction, place=place, answer=answer, why=words)
    does = "lets %s through" % what if verdict == ACCEPT else "drops %s" % what
    words = "no %s entry of %s matches: it %s" % (bound, acl.id, does)
    if found is not None:
        words = "%s entry %d of %s (%s) %s" % (bound, found[0], acl.id, text_of(found[1]), does)
    return Passage(
        verdict=verdict or DROP,
        acl=acl.id,
        direction=direction,
        place=found[0] if found else 0,
        answer=answer,
        why=words,
    )


def _match(entry: AclEntry, packet: Packet, other: str) -> Match:
    return every(
        protocol(entry.protocol, packet.protocol),
        ports((entry.ports,), packet.port, packet.protocol),
        holds((entry.cidr,), other),
    )


def text_of(entry: AclEntry) -> str:
    """An entry as people read it: "drop TCP 3306/3306 10.10.1.0/24"."""
    port = "" if entry.ports in ("", "-1/-1") else entry.ports + " "
    return "%s %s %s%s" % (entry.policy, entry.protocol.upper(), port, entry.cidr)
