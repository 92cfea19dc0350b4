"""Who accepted the connection: the target, or somebody on the way in its place."""

from typing import Optional, Tuple

from reports.case import Case
from reports.failures import Failure
from reports.rules import clues
from reports.rules.contract import Clue, Proof, Want
from reports.words import listed


def suspects(case: Case) -> Tuple[Want, ...]:
    """Whether a connection that ended without a byte would also be accepted at the first hop; once for a way."""
    return (Want("path", "first_hop", case.target.name),) if case.run.way_of(case).way_in is case else ()


def in_place(case: Case) -> Optional[Proof]:
    """What the target itself does is hidden behind whoever accepted."""
    return Proof("", case.accepted_for) if case.behind and case.accepted_for else None


def at_a_live_host(case: Case) -> Optional[Proof]:
    """Behind whoever accepted, a service that says nothing looks as a port that is dropped does."""
    return Proof("", case.accepted_for) if case.behind and clues.same_host_answers(case) else None


def hearsay(case: Case) -> Optional[Proof]:
    """Whatever refused the connection, whoever accepted it has heard, and not this machine."""
    return Proof("", case.broken) if case.behind and case.broken[0].failure is not Failure.TIMED_OUT else None


def hides_ports(case: Case) -> Optional[Proof]:
    """The ports that the answers go to are those of whoever accepted: to try others here shows nothing."""
    return Proof("", case.accepted_for) if case.behind and case.accepted_for else None


def ends_alike(case: Case) -> Optional[Proof]:
    """Every other host of the subnet that was tried ends what was accepted in the same way."""
    if not hearsay(case):
        return None
    near = {other.target.name: other for group in case.run.subnets_of(case) for other in group.cases if other.connects}
    others = [other for other in near.values() if set(case.ips).isdisjoint(other.ips)]
    if not others or not all(hearsay(other) for other in near.values()):
        return None
    words = "%s, another host of %s, ends alike"
    proof = others[0].broken
    return Proof(words % (proof[0].address, listed(case.subnets)), proof)


def _unknown(case: Case) -> Optional[Proof]:
    """Nothing shows yet that it was the target that accepted."""
    if not case.is_mute or any(hop.failure is None for hops in case.run.way_of(case).traces for hop in hops):
        return None
    return Proof("", case.broken)


# For whatever blames the target for how an accepted connection ends.
CLUES: Tuple[Clue, ...] = (Clue(_unknown, 0.4),)
