"""What the cloud's configuration says of each target, where the plan holds it. It sends nothing.

The plan's inventory was read some time ago: it is evidence, like a packet, and may be wrong. Steps
(docs/observations.md): ``vswitch`` for each vSwitch of the plan's networks; ``outbound``, ``inbound``, ``route`` and
``acl`` for each target, once for all sources of which they say the same.
"""

import ipaddress
import time
from functools import partial
from typing import Callable, Dict, Hashable, Iterator, List, Optional, Tuple

from attrs import frozen

from probes.contract import Notes
from reports.case import Case
from reports.codec import rfc3339
from reports.evidence import Evidence
from reports.maxcompute.schemes import INTERNET
from reports.model import Facts, Network, Plan, Vantage, join_port
from reports.vpc.acl import Passage, passage
from reports.vpc.additions import addition
from reports.vpc.cloud import Cloud
from reports.vpc.matching import Packet
from reports.vpc.model import DROP, EGRESS, INGRESS, VSwitch
from reports.vpc.reduce import vswitches_of
from reports.vpc.routing import Way, way
from reports.vpc.security import UNKNOWN, Ruling, judge, text_of

# Of a network so many interfaces are judged: each is judged for each target.
_MOST_SOURCES = 16

# Seconds: an older inventory is said to be old.
_OLD = 7 * 86400


@frozen(kw_only=True)
class _Source:
    """From where a packet may come. ``measured``: the measurement itself came from there."""

    ip: str
    cidr: str
    vpc: str = ""
    network: str = ""
    measured: bool = False


def observe(plan: Plan, vantage: Vantage, notes: Notes) -> None:
    """Write down what the inventory says, as far as the targets' addresses are known by now."""
    if plan.inventory is None:
        return
    cloud = Cloud(plan.inventory)
    old = _old(plan.inventory.read)
    _vswitches(cloud, plan, notes, old)
    run = Evidence(plan, vantage, notes.observations)
    for case in run.cases.values():
        if case.way == INTERNET or case.proxied:
            continue
        sources = _sources(cloud, plan, case)
        for ip in case.ips:
            _Judgement(cloud, case, ip, notes, old).of(sources)


def _old(read: float) -> Optional[str]:
    """The day on which an inventory was read that is old by now; None where it is not."""
    return rfc3339(int(read))[:10] if time.time() - read > _OLD else None


def _vswitches(cloud: Cloud, plan: Plan, notes: Notes, old: Optional[str]) -> None:
    for network in plan.networks:
        for vswitch in vswitches_of(cloud.inventory, network):
            with notes.step("inventory", "vswitch", address=vswitch.id) as step:
                step.note("network", network.name)
                step.note("cidr", vswitch.cidr)
                step.note("size", ipaddress.ip_network(vswitch.cidr, strict=False).num_addresses)
                step.note("free", vswitch.free)
                step.note("name", vswitch.name or None)
                step.note("acl", vswitch.acl or None)
                step.note("old", old)


# --- from where -------------------------------------------------------------------------------------------------------


def _sources(cloud: Cloud, plan: Plan, case: Case) -> List[_Source]:
    """Where the measurement came from, if that is an interface of the VPC, and the interfaces of the job."""
    found: Dict[str, _Source] = {}
    own = cloud.eni_of(case.source)
    if own is not None:
        vswitch = cloud.vswitches.get(own.vswitch)
        network = case.run.network_of(case.source)
        found[case.source] = _Source(
            ip=case.source,
            cidr=vswitch.cidr if vswitch is not None else case.source,
            vpc=own.vpc,
            network=network.name if network is not None else "",
            measured=True,
        )
    for network in plan.networks:
        for source in _of_network(cloud, network):
            found.setdefault(source.ip, source)
    return list(found.values())


def _of_network(cloud: Cloud, network: Network) -> Iterator[_Source]:
    """The declared interfaces; else those that the inventory has there, and those of the platform where it has any."""
    vswitches = vswitches_of(cloud.inventory, network)
    (vpc,) = {one.vpc for one in vswitches} if len({one.vpc for one in vswitches}) == 1 else ("",)
    ids = {one.id for one in vswitches}
    here = [eni for eni in cloud.inventory.enis if eni.vswitch in ids and eni.addresses]
    ours = [eni for eni in here if eni.managed] or here
    for ip in (network.enis or [eni.addresses[0] for eni in ours])[:_MOST_SOURCES]:
        yield _Source(ip=ip, cidr=network.cidr, vpc=vpc, network=network.name)


# --- what is said -----------------------------------------------------------------------------------------------------


class _Judgement:
    """One address of one target, and all sources."""

    def __init__(self, cloud: Cloud, case: Case, ip: str, notes: Notes, old: Optional[str]) -> None:
        self._cloud = cloud
        self._case = case
        self._ip = ip
        self._notes = notes
        self._old = old

    def of(self, sources: List[_Source]) -> None:
        """Write down what is said of each, once where it is the same."""
        said: Dict[Hashable, Tuple[str, List[_Source], Facts]] = {}
        for source in sources:
            for step, words, facts in self._said(source):
                key = (step, words, source.network, source.measured)
                if key not in said:
                    said[key] = (step, [], facts())
                said[key][1].append(source)
        for step, same, known in said.values():
            self._write(step, same, known)

    def _write(self, name: str, sources: List[_Source], facts: Facts) -> None:
        target = self._case.target
        with self._notes.step("inventory", name, address=join_port(self._ip, target.port)) as step:
            step.target = target.name
            step.note("source", sources[0].ip)
            step.note("sources", len(sources))
            step.note("cidr", sources[0].cidr)
            step.note("network", sources[0].network or None)
            step.note("measured", sources[0].measured)
            step.note("old", self._old)
            for key, value in facts.items():
                step.note(key, value)

    def _said(self, source: _Source) -> Iterator[Tuple[str, Hashable, Callable[[], Facts]]]:
        """The step, what tells one saying from another, and its facts."""
        cloud, ip = self._cloud, self._ip
        packet = Packet(source=source.ip, dest=ip, port=self._case.target.port)
        for step, direction, cidr in (("outbound", EGRESS, ip), ("inbound", INGRESS, source.cidr)):
            ruling = judge(cloud, packet, direction, source.vpc)
            yield step, (ruling.verdict, ruling.why), partial(_of_ruling, cloud, ruling, packet, cidr)
        here, there = cloud.vswitch_of(source.ip, source.vpc), self._at_the_other_end(source)
        for name, vswitch, towards in (("there", here, ip), ("back", there, source.ip)):
            if vswitch is not None:
                found = way(cloud, vswitch, towards)
                yield "route", (name, found.whither, found.why), partial(_of_way, found, name)
        passing = passage(cloud, packet, here, there)
        yield "acl", (passing.verdict, passing.why), partial(_of_passage, passing)

    def _at_the_other_end(self, source: _Source) -> Optional[VSwitch]:
        """The vSwitch of the target's interface; none where it has none, as an ACL does not know it then."""
        eni = self._cloud.eni_of(self._ip, source.vpc)
        return self._cloud.vswitches.get(eni.vswitch) if eni is not None else None


def _of_ruling(cloud: Cloud, ruling: Ruling, packet: Packet, cidr: str) -> Facts:
    """``cidr``: for whom a rule would be added, where it drops."""
    facts: Facts = {"verdict": ruling.verdict, "drops": ruling.verdict == DROP, "why": ruling.why}
    if ruling.eni:
        facts["eni"] = ruling.eni
    if ruling.group:
        facts["group"] = ruling.group
        facts["kind"] = cloud.groups[ruling.group].type
    if ruling.rule is not None:
        facts.update({"rule": ruling.rule.place, "text": text_of(ruling.rule)})
        if ruling.rule.id:
            facts["rule_id"] = ruling.rule.id
    facts["default"] = ruling.rule is None and ruling.verdict != UNKNOWN
    found = addition(cloud, ruling, packet, cidr)
    if found is not None and found.rule is not None:
        facts.update({"add_cidr": cidr, "add_priority": found.rule.priority})
    elif found is not None:
        facts["instead"] = found.instead
    return facts


def _of_way(found: Way, name: str) -> Facts:
    facts: Facts = {"way": name, "whither": found.whither, "drops": found.lost, "why": found.why}
    if found.table:
        facts["table"] = found.table
    if found.route is not None:
        facts["route"] = found.route.destination
    if found.next_hop is not None and found.next_hop.id:
        facts["next_hop"] = found.next_hop.id
    return facts


def _of_passage(passing: Passage) -> Facts:
    facts: Facts = {"verdict": passing.verdict, "drops": passing.verdict == DROP, "why": passing.why}
    if passing.acl:
        facts.update({"acl": passing.acl, "direction": passing.direction, "answer": passing.answer})
    if passing.place:
        facts["rule"] = passing.place
    return facts
