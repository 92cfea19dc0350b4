"""Clues of further attempts at a silent target: other protocols, other ports of its host, other sources.

Each is a small experiment. What answers says much; what stays silent too says little or nothing.
"""

from itertools import islice
from typing import Iterator, List, Optional, Tuple

from reports.addresses import parse_address
from reports.case import Case
from reports.groups import ip_of, shows_host
from reports.maxcompute.schemes import INTERNET
from reports.model import Observation
from reports.rules import clues, neighbours, trace
from reports.rules.contract import Proof, Want
from reports.words import count, listed, seconds

# Of this machine's other addresses, so many are tried.
_MOST_SOURCES = 2


def wants(case: Case) -> Tuple[Want, ...]:
    """What may tell why a target is silent: traces, and other attempts at a few of the silent ones of its subnet."""
    if not clues.silent(case):
        return ()
    return tuple(dict.fromkeys((*trace.wants(case), *_attempts(case))))


def _attempts(case: Case) -> Iterator[Want]:
    name, subnets = case.target.name, case.run.subnets_of(case)
    if not any(case in group.samples for group in subnets):
        return
    if case.behind:
        # Whoever accepts in the target's place would be all that the others tell of.
        if case.accepted_for and any(case is group.quickest for group in case.run.hosts_of(case)):
            sources = islice(_other_sources(case), _MOST_SOURCES)
            yield from (Want("answer", "from", name, source) for source in sources)
        return
    first = any(case is group.samples[0] for group in case.run.hosts_of(case))
    if first:
        yield Want("path", "echo", name)
    yield from neighbours.wants(case)
    for source in islice(_other_sources(case), _MOST_SOURCES):
        yield Want("tcp", "connect_from", name, source)
    # What comes to its end on the way needs no more attempts: the trace is waited for.
    awaited = trace.wants(case) and not any(group.traces for group in subnets)
    if awaited or clues.same_host_answers(case) or trace.held_back(case) or trace.never_left(case):
        return
    if first and case.run.plan.limits.explore == "hosts":
        yield Want("tcp", "explore", name)
    # A filter that drops the answers to some ports of ours drops those of all hosts that it stands before.
    if not clues.subnet_answers(case) and any(case is group.samples[0] for group in subnets):
        yield Want("tcp", "connect_port", name)


def _other_sources(case: Case) -> List[str]:
    """This machine's other addresses on the interface that the packets leave by, and those of other ENIs."""
    usual = case.source
    enis = clues.eni_interfaces(case)
    found = [
        address
        for seen in clues.interfaces(case)
        for own in (clues.own_addresses(seen),)
        for address in own
        if usual in own or (address in enis and case.way != INTERNET)
    ]
    family = _family(usual)
    return [address for address in dict.fromkeys(found) if usual and address != usual and _family(address) == family]


def _family(address: str) -> int:
    parsed = parse_address(address)
    return parsed.version if parsed is not None and not parsed.is_link_local else 0


# --- other protocols, other ports -------------------------------------------------------------------------------------


def host_is_up(case: Case) -> Optional[Proof]:
    """The host itself answers an echo, or says that nothing listens at a UDP port: it is up, and the way back works."""
    echoes = tuple(seen for seen in _of_host(case, "path", "echo", "udp") if seen.failure is None)
    if not echoes:
        return None
    what = "an ICMP echo" if echoes[0].step == "echo" else 'a UDP datagram, with "port unreachable",'
    words = "%s answers %s in %s: the host is up, and packets find their way there and back"
    return Proof(words % (echoes[0].facts["ip"], what, seconds(echoes[0].duration_s)), echoes)


def other_ports_silent(case: Case) -> Optional[Proof]:
    """Ports that no target names were tried at the host, and none of them answers."""
    explored = tuple(_of_host(case, "tcp", "explore"))
    if not explored or any(shows_host(seen) for seen in explored):
        return None
    return Proof("%s of the host are silent too" % count(len(explored), "other port"), explored[:3])


def _of_host(case: Case, probe: str, *steps: str) -> Iterator[Observation]:
    """What was tried with the case's host, for whichever target of it."""
    for group in case.run.hosts_of(case):
        for other in group.cases:
            yield from (seen for seen in other.of(probe) if seen.step in steps and ip_of(seen) in case.ips)


# --- other sources ----------------------------------------------------------------------------------------------------


def other_source_answered(case: Case) -> Optional[Proof]:
    """The target answers another address of this machine, in the same vSwitch."""
    return _from_others(case, nearby=True)


def other_vswitch_answered(case: Case) -> Optional[Proof]:
    """The target answers another address of this machine, in another vSwitch."""
    return _from_others(case, nearby=False)


def _from_others(case: Case, nearby: bool) -> Optional[Proof]:
    usual = case.run.network_of(case.source)
    what, probe, step = ("exchange", "answer", "from") if case.behind else ("SYN", "tcp", "connect_from")
    answered = tuple(
        seen
        for seen in case.of(probe, step) or _of_host(case, probe, step)
        if shows_host(seen) and (case.run.network_of(str(seen.facts.get("source"))) is usual) is nearby
    )
    # An end without a byte may be the work of whoever accepted.
    answered = tuple(seen for seen in answered if seen.failure is None or not case.behind)
    if not answered or not clues.silent(case):
        return None
    sources = listed(list(dict.fromkeys(str(seen.facts["source"]) for seen in answered)))
    words = "the same %s from %s is answered in %s, from %s it is not"
    return Proof(words % (what, sources, seconds(answered[0].duration_s), case.source), answered)


def other_port_answered(case: Case) -> Optional[Proof]:
    """It is answered from ports that this machine never takes by itself, and from a usual one it still is not.

    Filters that know no connections see an answer as a packet to some port of ours; hardly any look at the port that
    a SYN comes from. So for the whole subnet, where it was shown of one target.
    """
    for tried in (case, *(other for group in case.run.subnets_of(case) for other in group.samples)):
        attempts = tried.of("tcp", "connect_port")
        answered = tuple(seen for seen in attempts if shows_host(seen) and "source_port" in seen.facts)
        control = tuple(seen for seen in attempts if seen.failure is not None and "source_port" not in seen.facts)
        if answered and control:
            ports = listed([str(seen.facts["source_port"]) for seen in answered])
            words = "the SYN to %s is answered if it comes from port %s, and not from one that this machine takes"
            return Proof(words % (answered[0].address, ports), answered + control)
    return None
