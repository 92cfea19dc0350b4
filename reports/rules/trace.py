"""Clues of the path probe: how far the SYN to a silent target comes, beside the SYN to one that answers.

A router tells of a SYN that expires there only after it has looked up the route: where a route discards, the router
that has it says nothing; where a filter behind it drops, it still does.
"""

from typing import Iterator, List, Optional, Tuple

from reports.addresses import is_private
from reports.case import Case
from reports.failures import Failure
from reports.groups import ip_of
from reports.maxcompute.schemes import INTERNET
from reports.model import Observation
from reports.rules import clues
from reports.rules.contract import Proof, Want


def wants(case: Case) -> Tuple[Want, ...]:
    """A trace of a silent target of the subnet, and one of a target that answers by the same way.

    Public targets are traced each for itself, a few of them, also where none answers: the routers tell where the way
    out ends.
    """
    # Whoever accepts at the first hop ends every trace there.
    if case.accepted_for or not clues.silent(case):
        return ()
    control = _answering(case)
    if case.way == INTERNET:
        subject = case if case in case.run.way_of(case).samples else None
    elif control is not None:
        subject = _sample(case)
    else:
        subject = None
    if subject is None:
        return ()
    names = (subject.target.name,) if control is None else (control, subject.target.name)
    return tuple(Want("path", "hop", name) for name in names)


def first_hop(case: Case) -> Tuple[Want, ...]:
    """Whether the nearest router speaks at all: asked once for a subnet."""
    if case.accepted_for or clues.on_link(case) or not clues.silent(case):
        return ()
    return (Want("path", "first_hop", _sample(case).target.name),)


def passed_on(case: Case) -> Optional[Proof]:
    """The SYN passes the last router before a host that answers: what drops it is behind the routes."""
    for hops, routers, control in _compared(case):
        if routers and routers[-1] == _routers(control)[-1]:
            words = "the SYN to %s still passes %s, the last router on the way to %s, which answers"
            return Proof(words % (hops[0].address, routers[-1], control[0].address), (*hops, *control))
    return None


def held_back(case: Case) -> Optional[Proof]:
    """A router that passes on the SYN to a target that answers is silent about this one."""
    if clues.on_link(case):
        return None
    same = [traced for group in case.run.subnets_of(case) for traced in group.traces]
    for hops, routers, control in _compared(case):
        known = _routers(control)
        # Behind the first router of a VPC the way into another subnet may be another one, and longer.
        if routers and control not in same and case.way != INTERNET:
            continue
        # Another gateway is another router, which may be silent about everything.
        if _gateway(case, hops) != _gateway(case, control):
            continue
        if len(routers) < len(known) and routers == known[: len(routers)]:
            words = "no answer from hop %d on; the SYN to %s, which answers, passes %s there"
            return Proof(words % (len(routers) + 1, control[0].address, known[len(routers)]), (*hops, *control))
    return None


def routers_unheard(case: Case) -> Optional[Proof]:
    """Nothing came back for any SYN, and no router by this way has ever been heard: nothing says that they speak."""
    return None if case.way == INTERNET or case.run.way_of(case).routers_heard else clues.silent(case)


def left(case: Case) -> Optional[Proof]:
    """The SYN to a public target is passed on by a router of the Internet: it is out."""
    if case.way != INTERNET:
        return None
    for hops in _own(case):
        routers = [router for router in _routers(hops) if not is_private(router)]
        if routers:
            words = "the SYN to %s passes %s, out in the Internet: whatever lets this job out has let it through"
            return Proof(words % (hops[0].address, routers[-1]), tuple(hops))
    return None


def never_left(case: Case) -> Optional[Proof]:
    """Only routers of private networks pass on the SYN to a public target."""
    if case.way != INTERNET:
        return None
    for hops in _own(case):
        routers = _routers(hops)
        if routers and all(map(is_private, routers)):
            words = "the SYN to %s comes to %s, and no router of the Internet is seen behind it"
            return Proof(words % (hops[0].address, routers[-1]), tuple(hops))
    return None


def reset_on_the_way(case: Case) -> Optional[Proof]:
    """The reset comes from fewer hops away than the host, whose other port answers: a device on the way made it."""
    for own, other in _distances(case):
        if _ttl(own) < _ttl(other):
            words = "the reset comes from hop %s; %s, the same host, is at hop %s: a device on the way sent it"
            return Proof(words % (_ttl(own), other.address, _ttl(other)), (own, other))
    return None


def reset_by_the_host(case: Case) -> Optional[Proof]:
    """The reset comes from as far away as the answers of the host's other port."""
    for own, other in _distances(case):
        if _ttl(own) == _ttl(other):
            words = "the reset comes from hop %s, as the answers of %s, the same host, do"
            return Proof(words % (_ttl(own), other.address), (own, other))
    return None


def _sample(case: Case) -> Case:
    """The first silent target of its subnet: what is tried with that one need not be tried with all."""
    return next((first for group in case.run.subnets_of(case) for first in group.samples), case)


def _distances(case: Case) -> Iterator[Tuple[Observation, Observation]]:
    """Where the trace of a refused target ended, beside those of the targets at its host that accept."""
    own = [hops[-1] for hops in _own(case) if _is_reset(hops[-1])]
    others = [hops[-1] for group in case.run.hosts_of(case) for hops in group.traces if hops[-1].facts.get("reached")]
    for reset in own:
        yield from ((reset, other) for other in others if other.failure is None)


def _ttl(hop: Observation) -> int:
    return int(hop.facts["ttl"])


def _is_reset(hop: Observation) -> bool:
    return bool(hop.facts.get("reached")) and hop.failure is Failure.CONNECTION_REFUSED


def _own(case: Case) -> List[List[Observation]]:
    """The traces towards the case's own addresses."""
    return [hops for group in case.run.hosts_of(case) for hops in group.traces if hops[0].target == case.target.name]


def _compared(case: Case) -> "List[Tuple[List[Observation], List[str], List[Observation]]]":
    """The trace into the subnet, its routers, and each trace by the same way that reached a host over a router."""
    traced = [hops for group in case.run.subnets_of(case) for hops in group.traces if hops[-1].failure is not None]
    controls = [hops for hops in case.run.way_of(case).traces if hops[-1].facts.get("reached") and _routers(hops)]
    own = [hops for hops in traced if hops[0].target == case.target.name] or traced
    return [(hops, _routers(hops), control) for hops in own[:1] for control in controls]


def _routers(hops: List[Observation]) -> List[str]:
    """Who was heard, hop by hop: one that was asked twice, for a trace and by itself, is one router."""
    said = [seen for seen in hops if seen.failure is None and "from" in seen.facts]
    return list({seen.facts.get("ttl"): str(seen.facts["from"]) for seen in said}.values())


def _gateway(case: Case, hops: List[Observation]) -> Optional[str]:
    """To whom this machine hands the packets of a trace, where a policy rule says so; None where none does."""
    way = case.run.way_to(ip_of(hops[0]))
    return str(way.facts.get("gateway")) if way is not None and "rule" in way.facts else None


def _answering(case: Case) -> Optional[str]:
    """A target that answers: in the same subnet, else by the same way."""
    own = set(case.ips)
    for group in (*case.run.subnets_of(case), case.run.way_of(case)):
        for seen in group.answers:
            ip = seen.facts.get("ip")
            # A trace on the link has no router to compare with.
            if seen.failure is None and ip not in own and not case.run.is_on_link(str(ip)):
                return seen.target
    return None
