"""Clues that several layers share: what other targets say about the way to a broken one."""

from itertools import chain, islice
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from reports.case import Case
from reports.groups import Group, ip_of
from reports.maxcompute.schemes import GOVERNED
from reports.model import Observation
from reports.rules.contract import Proof
from reports.words import count, listed, seconds


def silent(case: Case) -> Optional[Proof]:
    """Nothing came back for any SYN, and this machine did send them."""
    if case.silent and not unsent(case):
        return Proof("", case.silent)
    return None


def unsent(case: Case) -> Optional[Proof]:
    """Linux counted a retransmission that it could not hand to the wire: its own output chain dropped it."""
    held = tuple(seen for seen in case.connects if seen.facts.get("unsent"))
    if not held:
        return None
    times = sum(int(seen.facts["unsent"]) for seen in held)
    return Proof(
        "the kernel could not send %s to %s: dropped on this machine" % (count(times, "SYN"), held[0].address), held
    )


def same_host_answers(case: Case) -> Optional[Proof]:
    """Another port of the same host answers: host, route and ENI are fine."""
    hosts = case.run.hosts_of(case)
    answers = _of_others(case, hosts) or tuple(islice((seen for group in hosts for seen in group.explored), 3))
    if not answers:
        return None
    first = answers[0]
    return Proof("%s, the same host, answers in %s" % (first.address, seconds(first.duration_s)), answers)


def same_host_silent(case: Case) -> Optional[Proof]:
    """Every other port of the same host that was tried is silent too."""
    others = tuple(_silence_of_others(case, case.run.hosts_of(case)))
    if not others:
        return None
    return Proof("%s, the same host, is silent too" % listed([str(seen.address) for seen in others]), others[:3])


def subnet_answers(case: Case) -> Optional[Proof]:
    """Another host of the same subnet answers: the way into it is fine."""
    answers = _of_others(case, case.run.subnets_of(case), elsewhere=True)
    if not answers:
        return None
    first, subnet = answers[0], listed(case.subnets)
    return Proof("%s in the same subnet %s answers in %s" % (first.address, subnet, seconds(first.duration_s)), answers)


def subnet_silent(case: Case) -> Optional[Proof]:
    """Every other host of the same subnet that was tried is silent too."""
    groups = case.run.subnets_of(case)
    if not groups or not all(group.silence for group in groups):
        return None
    # The first one is not copied: it may be large.
    first, *rest = (group.silent_hosts for group in groups)
    hosts = len(first) + len(set(case.ips).union(*rest) - first)
    if hosts == len(case.ips):
        return None
    silence = tuple(islice(_silence_of_others(case, groups), 3))
    return Proof("all %d hosts tried in %s are silent" % (hosts, listed(case.subnets)), silence)


def way_answers(case: Case) -> Optional[Proof]:
    """Another target by the same way answers."""
    answers = _of_others(case, [case.run.way_of(case)])
    if not answers:
        return None
    first = answers[0]
    return Proof(
        "%s, by the same way (%s), answers in %s" % (first.address, case.way, seconds(first.duration_s)), answers
    )


def way_silent(case: Case) -> Optional[Proof]:
    """Everything by the same way is silent, at more than one host."""
    way = case.run.way_of(case)
    hosts = len(way.silent_hosts)
    if hosts < 2:
        return None
    return Proof("all %d hosts by the same way (%s) are silent" % (hosts, case.way), way.silence[:3])


def several_subnets_silent(case: Case) -> Optional[Proof]:
    """Everything by the same way is silent, in several subnets alike."""
    way = case.run.way_of(case)
    if len(way.silent_subnets) < 2:
        return None
    return Proof("so in %s alike" % listed(way.silent_subnets), way.silence[:3])


def other_way_answers(case: Case) -> Optional[Proof]:
    """A target by another way answers: this machine and its network stack work."""
    answers = _of_others(case, case.run.other_ways(case))
    return Proof("%s, by another way, answers" % answers[0].address, answers) if answers else None


def on_link(case: Case) -> Optional[Proof]:
    """No router lies before the target."""
    if not case.ips or not all(case.run.is_on_link(ip) for ip in case.ips):
        return None
    return Proof("%s is in the network of this machine itself" % listed(case.ips), tuple(interfaces(case)))


def arp_unanswered(case: Case) -> Optional[Proof]:
    """Nobody on the link answers ARP for the address; that somebody does proves nothing, a fabric may."""
    ways = tuple(way for way in (case.run.way_to(ip) for ip in case.ips) if way is not None)
    if not ways or any(way.facts.get("arp") != "unanswered" for way in ways):
        return None
    return Proof("nobody on the link answers ARP for %s" % listed(case.ips), ways)


def by_default(case: Case) -> Optional[Proof]:
    """A private target of a job in a sandbox takes the default route, which leads to the Internet alone."""
    ways = tuple(way for way in (case.run.way_to(ip) for ip in case.ips) if way is not None)
    if case.way != "vpc" or case.run.runtime not in GOVERNED or not ways:
        return None
    if any(way.facts.get("route") != "default" for way in ways):
        return None
    words = "%s takes the default route, out of %s" % (ways[0].facts["ip"], ways[0].facts.get("interface"))
    return Proof(words, ways)


def interfaces(case: Case) -> List[Observation]:
    """What the local probe saw of this machine's interfaces."""
    return case.run.of("local", "interface")


def own_addresses(seen: Observation) -> List[str]:
    """The addresses of an interface, without their prefix lengths."""
    return [part.split("/")[0] for part in str(seen.facts.get("addresses", "")).split(",") if part]


def eni_interfaces(case: Case) -> Dict[str, Observation]:
    """The interfaces that hold a declared ENI or an address inside a declared network, by address."""
    found: Dict[str, Observation] = {}
    declared = {eni for network in case.run.plan.networks for eni in network.enis}
    for seen in interfaces(case):
        for address in own_addresses(seen):
            if address in declared or case.run.network_of(address) is not None:
                found[address] = seen
    return found


def _of_others(case: Case, groups: Sequence[Group], elsewhere: bool = False) -> Tuple[Observation, ...]:
    """The first answers of other targets (``elsewhere``: at other addresses)."""
    return tuple(
        islice(
            (
                seen
                for group in groups
                for seen in chain(group.answers, group.explored)
                if seen.target != case.target.name and not (elsewhere and ip_of(seen) in case.ips)
            ),
            3,
        )
    )


def _silence_of_others(case: Case, groups: Sequence[Group]) -> Iterator[Observation]:
    """The silence of other targets, where all of all groups are silent."""
    if not all(group.silence for group in groups):
        return iter(())
    return (seen for group in groups for seen in group.silence if seen.target != case.target.name)
