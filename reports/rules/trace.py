"""Clues of the path probe: how far the SYN to a silent target comes, beside the SYN to one that answers.

A router tells of a SYN that expires there only after it has looked up the route: where a route discards, the router
that has it says nothing; where a filter behind it drops, it still does.
"""

from typing import List, Optional, Tuple

from reports.evidence import Case
from reports.model import Observation
from reports.rules import clues
from reports.rules.contract import Proof, Want


def wants(case: Case) -> Tuple[Want, ...]:
    """A trace of a silent target of the subnet, and one of a target that answers by the same way."""
    control = _answering(case)
    if control is None or not clues.silent(case):
        return ()
    first = next((other for group in case.run.subnets_of(case) for other in group.cases if other.silent), case)
    return (Want("path", "hop", control), Want("path", "hop", first.target.name))


def passed_on(case: Case) -> Optional[Proof]:
    """The SYN passes the last router before a host that answers: what drops it is behind the routes."""
    for hops, routers, control in _compared(case):
        if routers and routers[-1] == _routers(control)[-1]:
            words = "the SYN to %s still passes %s, the last router on the way to %s, which answers"
            return Proof(words % (hops[0].address, routers[-1], control[0].address), (*hops, *control))
    return None


def held_back(case: Case) -> Optional[Proof]:
    """A router that passes on the SYN to a target that answers is silent about this one."""
    for hops, routers, control in _compared(case):
        known = _routers(control)
        if len(routers) < len(known) and routers == known[: len(routers)]:
            words = "no answer from hop %d on; the SYN to %s, which answers, passes %s there"
            return Proof(words % (len(routers) + 1, control[0].address, known[len(routers)]), (*hops, *control))
    return None


def _compared(case: Case) -> "List[Tuple[List[Observation], List[str], List[Observation]]]":
    """The trace into the subnet, its routers, and each trace by the same way that reached a host over a router."""
    traced = [hops for group in case.run.subnets_of(case) for hops in group.traces if hops[-1].failure is not None]
    controls = [hops for hops in case.run.way_of(case).traces if hops[-1].facts.get("reached") and _routers(hops)]
    own = [hops for hops in traced if hops[0].target == case.target.name] or traced
    return [(hops, _routers(hops), control) for hops in own[:1] for control in controls]


def _routers(hops: List[Observation]) -> List[str]:
    return [str(seen.facts["from"]) for seen in hops if seen.failure is None and "from" in seen.facts]


def _answering(case: Case) -> Optional[str]:
    """A target that answers: in the same subnet, else by the same way."""
    own = set(case.ips)
    for group in (*case.run.subnets_of(case), case.run.way_of(case)):
        for seen in group.answers:
            if seen.failure is None and seen.facts.get("ip") not in own:
                return seen.target
    return None
