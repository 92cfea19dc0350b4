"""Clues of declared interfaces in the vSwitch of a silent target: whoever answers there clears the way into it.

That one accepts or resets says as much as a target's answer does. That one is silent says little: the platform's
interfaces stand behind security groups of their own.
"""

from itertools import islice
from typing import Iterator, List, Optional

from reports.case import Case
from reports.groups import ip_of, shows_host
from reports.maxcompute.schemes import INTERNET
from reports.model import Observation
from reports.rules import clues
from reports.rules.contract import Proof, Want
from reports.words import listed

# Of a vSwitch's interfaces, so many are tried.
_MOST = 2


def wants(case: Case) -> Iterator[Want]:
    """A few declared interfaces of the vSwitch, where nothing there answers; once for all that is silent in it."""
    if case.way == INTERNET or case.accepted_for or clues.on_link(case):
        return
    if clues.same_host_answers(case) or clues.subnet_answers(case):
        return
    for group in case.run.subnets_of(case):
        if group.samples and group.samples[0] is case:
            yield from (
                Want("tcp", "connect_neighbour", case.target.name, address)
                for address in islice(_declared(case), _MOST)
            )


def _declared(case: Case) -> Iterator[str]:
    """The declared interfaces beside the case that no target and no interface of this machine is."""
    own = {address for seen in clues.interfaces(case) for address in clues.own_addresses(seen)}
    networks = {network.cidr: network for network in map(case.run.network_of, case.ips) if network is not None}
    for network in networks.values():
        if network.ports:
            yield from (eni for eni in network.enis if eni not in own and not case.run.is_targets(eni))


def answer(case: Case) -> Optional[Proof]:
    """A declared interface of the vSwitch accepts or refuses: the way into it and back is fine."""
    answered = tuple(seen for seen in _nearby(case) if shows_host(seen))
    if not answered or case.accepted_for:
        return None
    first = answered[0]
    said = "accepts" if first.failure is None else "refuses, and so answers,"
    words = "%s, a declared interface in %s, %s: the way there and back is fine"
    return Proof(words % (first.address, listed(case.subnets), said), answered)


def are_silent(case: Case) -> Optional[Proof]:
    """Declared interfaces of the vSwitch were tried, and none answers."""
    tried = _nearby(case)
    if not tried or any(shows_host(seen) for seen in tried):
        return None
    silent = listed(list(dict.fromkeys(map(ip_of, tried))))
    return Proof("%s, declared in the same vSwitch, is silent too" % silent, tuple(tried))


def way_answers(case: Case) -> Optional[Proof]:
    """A declared interface of some vSwitch answers by the same way."""
    answered = tuple(seen for seen in _tried(case) if shows_host(seen))
    if not answered or case.accepted_for or case.way == INTERNET:
        return None
    return Proof("%s, by the same way (%s), answers" % (answered[0].address, case.way), answered)


def _tried(case: Case) -> List[Observation]:
    return case.run.of("tcp", "connect_neighbour")


def _nearby(case: Case) -> List[Observation]:
    return [seen for seen in _tried(case) if case.run.subnet_of(ip_of(seen)) in case.subnets]
