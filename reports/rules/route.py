"""Layer route: the packets lose their way between here and the destination's host."""

from typing import Optional

from reports.case import Case
from reports.failures import Failure
from reports.rules import attempts, clues, forwarder, inventory, neighbours, sweeps, trace
from reports.rules.contract import CONNECT, HOST, RUN, SUBNET, Clue, Proof, Rule

# Linux gives up on a neighbour after three ARP or ND requests, one a second (arp(7): mcast_solicit, retrans_time).
_NEIGHBOUR_TIMEOUT = 2.5


def _router_says_no(case: Case) -> Optional[Proof]:
    """A router answered "network unreachable"."""
    said = case.only_failed_with(Failure.NETWORK_UNREACHABLE)
    return Proof("", said) if said and not said[0].facts.get("icmp_local") else None


def _says_no_of_a_neighbour(case: Case) -> Optional[Proof]:
    """A router answered "network unreachable" for another host of the subnet: routers limit how often they say so."""
    said = tuple(seen for group in case.run.subnets_of(case) for seen in group.refused_by_route)
    if not said or not clues.silent(case):
        return None
    words = 'a router answers "network unreachable" for %s in the same subnet; it limits how often it says so'
    return Proof(words % said[0].address, said[:1])


def _nobody_there(case: Case) -> Optional[Proof]:
    """Somebody answered "host unreachable", or nothing came back at all."""
    return Proof("", case.only_failed_with(Failure.HOST_UNREACHABLE)) if _unreachable(case) else clues.silent(case)


def _unreachable(case: Case) -> Optional[Proof]:
    """The last router, or this machine, found no host behind the address."""
    said = case.only_failed_with(Failure.HOST_UNREACHABLE)
    return Proof("", said) if said else None


def _waited_for_neighbour(case: Case) -> Optional[Proof]:
    """The answer took as long as a neighbour that does not answer ARP."""
    said = case.only_failed_with(Failure.HOST_UNREACHABLE)
    if said and min(seen.duration_s for seen in said) >= _NEIGHBOUR_TIMEOUT:
        return Proof("that is how long ARP waits for a host that is not there", said)
    return None


def _no_unreachable_in_time(case: Case) -> Optional[Proof]:
    """A router had the time to find that nobody answers, and did not say so."""
    if case.silent and min(seen.duration_s for seen in case.silent) > _NEIGHBOUR_TIMEOUT + 1:
        return Proof("no router said that the host is unreachable", case.silent)
    return None


def _public_from_a_host(case: Case) -> Optional[Proof]:
    """Public targets from a VPC host: there is no sandbox with an access list in between."""
    if case.way == "internet" and case.run.runtime == "host":
        return clues.silent(case)
    return None


def _silent_inside(case: Case) -> Optional[Proof]:
    """A private target, and nothing came back for any SYN."""
    return clues.silent(case) if case.way != "internet" else None


# For a route that is wrong for a whole subnet.
_OF_A_SUBNET = (
    Clue(clues.on_link, 0),
    Clue(clues.same_host_answers, 0),
    Clue(sweeps.host_answers, 0),
    Clue(sweeps.host_echoes, 0),
    Clue(sweeps.subnet_answers, 0),
    Clue(sweeps.network_answers, 0),
    Clue(neighbours.answer, 0),
    Clue(clues.subnet_silent, 10),
    Clue(neighbours.are_silent, 4),
    Clue(sweeps.network_silent, 2),
    Clue(sweeps.lies_in_the_dark, 8),
    Clue(clues.way_answers, 2),
    Clue(clues.several_subnets_silent, 0.3),
    Clue(attempts.host_is_up, 0),
    Clue(attempts.other_source_answered, 0),
    Clue(attempts.other_port_answered, 0),
)

RULES = (
    Rule(
        cause="router_no_route",
        explains=(CONNECT,),
        applies=_router_says_no,
        prior=5.0,
        clues=(Clue(forwarder.hearsay, 0.04), Clue(forwarder.ends_alike, 10)),
        scope=SUBNET,
    ),
    Rule(
        cause="router_no_route",
        explains=(CONNECT,),
        applies=_says_no_of_a_neighbour,
        prior=5.0,
        clues=(
            Clue(clues.same_host_answers, 0),
            Clue(clues.subnet_answers, 0),
            Clue(neighbours.answer, 0),
            Clue(forwarder.hearsay, 0.04),
        ),
        scope=SUBNET,
    ),
    # Where no router is ever heard, what it says is silence.
    Rule(
        cause="router_no_route",
        explains=(CONNECT,),
        applies=trace.routers_unheard,
        prior=0.03,
        clues=_OF_A_SUBNET,
        scope=SUBNET,
    ),
    Rule(
        cause="host_down",
        explains=(CONNECT,),
        applies=_nobody_there,
        prior=0.1,
        clues=(
            Clue(_unreachable, 20),
            Clue(forwarder.hearsay, 0.05),
            Clue(_waited_for_neighbour, 3),
            Clue(clues.arp_unanswered, 30),
            Clue(_no_unreachable_in_time, 0.5),
            Clue(clues.same_host_answers, 0),
            Clue(sweeps.host_answers, 0),
            Clue(sweeps.host_echoes, 0),
            Clue(clues.subnet_answers, 2),
            Clue(sweeps.network_answers, 2),
            Clue(sweeps.lies_in_the_dark, 0.5),
            Clue(sweeps.lies_in_the_unused, 4),
            Clue(neighbours.answer, 2),
            Clue(clues.subnet_silent, 0.2),
            Clue(clues.way_silent, 0.2),
            Clue(trace.held_back, 0.1),
            Clue(trace.left, 2),
            Clue(attempts.host_is_up, 0),
            Clue(attempts.other_ports_silent, 1.2),
            Clue(attempts.other_source_answered, 0),
            Clue(attempts.other_vswitch_answered, 0),
            Clue(attempts.other_port_answered, 0),
        ),
        wants=attempts.wants,
        scope=HOST,
    ),
    Rule(
        cause="blackhole_route",
        explains=(CONNECT,),
        applies=_silent_inside,
        prior=0.06,
        clues=(
            *_OF_A_SUBNET,
            Clue(inventory.route_discards, 300),
            Clue(inventory.route_leads_on, 0.3),
            Clue(trace.held_back, 8),
            Clue(trace.passed_on, 0.05),
        ),
        wants=attempts.wants,
        details=sweeps.dark_subnet,
        scope=SUBNET,
    ),
    Rule(
        cause="no_internet_egress",
        explains=(CONNECT,),
        applies=_public_from_a_host,
        prior=0.1,
        clues=(
            Clue(clues.way_answers, 0),
            Clue(clues.way_silent, 15),
            Clue(clues.other_way_answers, 4),
            Clue(trace.never_left, 3),
            Clue(trace.left, 0.02),
            Clue(attempts.host_is_up, 0),
        ),
        wants=attempts.wants,
        scope=RUN,
    ),
)
