"""Layers eni, route and filter: what the sweeps of networks show beside what is wrong with a target.

A sweep sees who answers: that is the least that is there. What it says of a target is in reports/rules/sweeps.py, what
of parts in which nobody answers in reports/rules/dark.py.
"""

from functools import lru_cache
from typing import Callable, Iterator, List, Mapping, Optional, Sequence, Tuple

from attrs import frozen

from reports.addresses import is_private, is_shared
from reports.case import Case
from reports.causes import CAUSES, INFO, WARNING
from reports.evidence import NOBODY, Evidence
from reports.maxcompute.admission import admit_in_security_group
from reports.maxcompute.schemes import BY_VPC, GOVERNED
from reports.model import Remedy, Scalar
from reports.rules import clues, inventory, sweeps
from reports.rules.contract import CONNECT, HOST, RUN, SUBNET, Clue, Proof, Rule, Test
from reports.subnet.senders import FABRIC, Twice
from reports.subnet.swept import Swept
from reports.sweep import FILTERED, SILENT
from reports.words import listed

# --- addresses are used up --------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def _full(run: Evidence) -> Tuple[Tuple[Swept, Proof], ...]:
    return tuple((network, proof) for network in sweeps.of_run(run) for proof in _fullness(network))


def _fullness(network: Swept) -> Iterator[Proof]:
    usable = network.size - len(network.reserved)
    taken = (network.live | network.enis | network.own) - network.reserved
    # What was typed may be any part of a vSwitch: only of a declared network it is known that it is a whole one.
    if network.declared is None or not network.reserved or 2 * len(taken) < usable:
        return
    if not inventory.is_little(usable - len(taken), usable):
        return
    silent = len(taken) - len(network.live)
    more = ", %d more are declared interfaces or our own" % silent if silent else ""
    named = network.cidr if network.name == network.cidr else "%s (%s)" % (network.name, network.cidr)
    words = "at most %d of %d addresses in %s are free: %d answer%s, and what answers nothing is not seen"
    yield Proof(words % (usable - len(taken), usable, named, len(network.live), more), network.shown())


def _of_job(network: Swept) -> bool:
    return bool(network.enis or network.own)


def _nearly_full(case: Case) -> Optional[Proof]:
    """So many addresses of the job's vSwitch answer or are declared that few can be left; or the inventory says so."""
    known = inventory.nearly_full_by_inventory(case)
    if known is not None:
        return known
    needs_it = case.way == BY_VPC or case.target is NOBODY
    return sweeps.together([proof for network, proof in _full(case.run) if needs_it and _of_job(network)])


def _another_nearly_full(case: Case) -> Optional[Proof]:
    """The same of a vSwitch that is not known to be the job's (no warning by itself)."""
    found = _full(case.run)
    return sweeps.together(
        [proof for network, proof in found if not _of_job(network) and sweeps.concerns(network, case)]
    )


def _full_ones(case: Case) -> Mapping[str, Scalar]:
    names = [network.name for network, _ in _full(case.run) if _of_job(network) or sweeps.concerns(network, case)]
    names = inventory.nearly_full_names(case) or names
    return {"vswitch": listed(names)} if names else {}


# --- two hosts for one address ----------------------------------------------------------------------------------------

# Virtual routers answer from their own MAC and from that of the group: VRRP (RFC 9568, 7.3), HSRP, GLBP.
_OF_ROUTERS = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f", "00:07:b4:")
# Who answers for so many addresses beside their owners does so for everybody (proxy ARP).
_FOR_EVERYBODY = 4


@lru_cache(maxsize=2)
def _duplicates(run: Evidence) -> Tuple[Tuple[Swept, Twice], ...]:
    found = []
    for network in sweeps.of_run(run):
        macs = [mac for one in network.twice for mac in one.macs]
        for one in network.twice:
            own = [mac for mac in one.macs if macs.count(mac) < _FOR_EVERYBODY]
            if len(own) > 1 and FABRIC not in one.macs and not any(mac.startswith(_OF_ROUTERS) for mac in one.macs):
                found.append((network, one))
    return tuple(found)


def _doubled(case: Case) -> List[Twice]:
    return [one for network, one in _duplicates(case.run) if sweeps.concerns(network, case)]


def _answers_twice(case: Case) -> Optional[Proof]:
    """Two machines on the link answer ARP for one address, and neither does for all, nor for a virtual router."""
    words = "%s answer ARP for %s; one machine with two interfaces on this link may do so too"
    return sweeps.together(
        [Proof(words % (" and ".join(one.macs), one.address), (one.seen,)) for one in _doubled(case)]
    )


def _twice_details(case: Case) -> Mapping[str, Scalar]:
    found = _doubled(case)
    return {"ips": listed([one.address for one in found]), "macs": listed(found[0].macs)} if found else {}


# --- the plan and the places ------------------------------------------------------------------------------------------


def _eni_at_reserved(case: Case) -> Optional[Proof]:
    """The plan declares an interface at an address that the platform keeps for itself."""
    proofs = []
    for network in sweeps.of_run(case.run):
        wrong = network.texts(network.enis & network.reserved)
        if wrong and sweeps.concerns(network, case):
            words = "the plan declares an interface at %s, and the platform keeps the first and the last three of %s"
            proofs.append(Proof(words % (listed(wrong), network.cidr), network.shown()))
    return sweeps.together(proofs)


def _correct_the_plan(cases: Sequence[Case]) -> Remedy:  # noqa: ARG001 - the shape of a callable
    return Remedy(
        text="correct the interface's address, or the network's CIDR, in the plan",
        owner=CAUSES["config_disagrees"].owner,
    )


def _comes_from_elsewhere(case: Case) -> Optional[Proof]:
    """The job speaks to a swept network from an address outside the vSwitches in which its interfaces are declared."""
    declared = [network for network in case.run.plan.networks if network.enis]
    if not declared or case.run.runtime not in GOVERNED or not (case.way == BY_VPC or case.target is NOBODY):
        return None
    for network in sweeps.of_run(case.run):
        source = network.source
        if not is_private(source) or is_shared(source) or case.run.network_of(source) in declared:
            continue
        words = "this job speaks to %s from %s, which is outside %s, where its interfaces are declared"
        places = listed(["%s (%s)" % (one.name, one.cidr) for one in declared])
        return Proof(words % (network.name, source, places), tuple(network.places[-1:]))
    return None


def _declare_the_right_one(cases: Sequence[Case]) -> Remedy:
    cause = CAUSES["eni_wrong_vswitch"]
    return Remedy(
        text="let the network link use the vSwitch that is meant, or declare the one that it uses and admit that one's "
        "CIDR at %s" % (listed([case.target.address for case in cases if case.target is not NOBODY]) or "the targets"),
        reference=cause.reference,
        owner=cause.owner,
    )


# --- a port, where no target has it -----------------------------------------------------------------------------------

_FEWEST_ALIVE = 5


@frozen
class _Filtered:
    network: Swept
    port: str
    proof: Proof


@lru_cache(maxsize=2)
def _filtered_ports(run: Evidence) -> Tuple[_Filtered, ...]:
    """The ports that nobody of a network answers on, who is alive by other signs, and that no target there has."""
    found = []
    for network in sweeps.of_run(run):
        inside = (one for one in run.cases.values() if any(network.index(ip) is not None for ip in one.ips))
        ports = {str(one.target.port) for one in inside}
        for port in network.ports:
            hosts = network.live_by_other(port)
            if port in ports or port not in network.signs or len(hosts) < _FEWEST_ALIVE:
                continue
            if all(network.letters[port][index] in (SILENT, FILTERED) for index in hosts):
                proof = Proof(sweeps.words_of_port(network, hosts, port), network.shown(asked=port))
                found.append(_Filtered(network, port, proof))
    return tuple(found)


def _port_filtered(case: Case) -> Optional[Proof]:
    """In a sweep, no host of the network answers on a port, and all are alive by other signs (no warning by itself)."""
    return sweeps.together([one.proof for one in _filtered_ports(case.run) if sweeps.concerns(one.network, case)])


def _admit_if_meant(cases: Sequence[Case]) -> Remedy:
    case = cases[0]
    found = [one for one in _filtered_ports(case.run) if sweeps.concerns(one.network, case)]
    source = case.run.network_of(found[0].network.source)
    ports = sorted({int(one.port) for one in found})
    words = (
        "where a host in %s is meant to serve port %s, admit it in that host's security group; else nothing is wrong"
    )
    return Remedy(
        text=words
        % (listed(list(dict.fromkeys(one.network.name for one in found))), listed([str(one) for one in ports])),
        snippet=admit_in_security_group(ports, source.cidr if source else found[0].network.source),
    )


def _named(said: Test) -> Callable[[Case], Mapping[str, Scalar]]:
    """Who sent the ICMP errors on which the rule rests."""

    def details(case: Case) -> Mapping[str, Scalar]:
        proof = said(case)
        return {"router": str(proof.observations[0].address)} if proof is not None else {}

    return details


# --- the rules --------------------------------------------------------------------------------------------------------

RULES: Tuple[Rule, ...] = (
    Rule(
        cause="vswitch_nearly_full",
        standalone=True,
        applies=_nearly_full,
        prior=0.95,
        details=_full_ones,
        scope=RUN,
    ),
    Rule(
        cause="vswitch_nearly_full",
        standalone=True,
        applies=_another_nearly_full,
        prior=0.95,
        severity=sweeps.as_it_is(INFO),
        details=_full_ones,
        scope=RUN,
    ),
    Rule(
        cause="duplicate_address",
        standalone=True,
        applies=_answers_twice,
        prior=0.8,
        details=_twice_details,
        scope=SUBNET,
    ),
    Rule(
        cause="config_disagrees",
        standalone=True,
        applies=_eni_at_reserved,
        prior=0.9,
        remedy=_correct_the_plan,
        scope=SUBNET,
    ),
    Rule(
        cause="eni_wrong_vswitch",
        standalone=True,
        applies=_comes_from_elsewhere,
        prior=0.6,
        severity=sweeps.as_it_is(WARNING),
        remedy=_declare_the_right_one,
        scope=RUN,
    ),
    Rule(
        cause="sg_drop",
        standalone=True,
        applies=_port_filtered,
        prior=0.5,
        severity=sweeps.as_it_is(INFO),
        remedy=_admit_if_meant,
        scope=SUBNET,
    ),
    Rule(
        cause="admin_prohibited",
        explains=(CONNECT,),
        applies=sweeps.prohibited_for_others,
        prior=1.0,
        clues=(Clue(sweeps.filtered_itself, 5),),
        details=_named(sweeps.prohibited_for_others),
        scope=HOST,
    ),
    Rule(
        cause="router_no_route",
        explains=(CONNECT,),
        applies=sweeps.no_route_for_others,
        prior=1.0,
        details=_named(sweeps.no_route_for_others),
        clues=(
            Clue(sweeps.filtered_itself, 5),
            Clue(sweeps.network_silent, 10),
            Clue(sweeps.lies_in_the_dark, 10),
            # The router speaks of others, then.
            Clue(sweeps.subnet_answers, 0),
            Clue(sweeps.network_answers, 0),
            Clue(clues.same_host_answers, 0),
            Clue(sweeps.host_answers, 0),
            Clue(sweeps.host_echoes, 0),
        ),
        scope=SUBNET,
    ),
)
