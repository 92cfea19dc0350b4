"""Layer eni: the network interface that carries the job's traffic into the VPC."""

from typing import Dict, Optional, Tuple

from reports.addresses import admits
from reports.case import Case
from reports.failures import Failure
from reports.maxcompute.schemes import GOVERNED
from reports.model import Observation
from reports.rules import attempts, clues, inventory, neighbours, sweeps
from reports.rules.contract import CONNECT, RUN, Clue, Proof, Rule
from reports.words import listed

# How a target of the VPC looks when the interface towards it is not there, or dead.
_LOST = (
    Failure.TIMED_OUT,
    Failure.HOST_UNREACHABLE,
    Failure.NETWORK_UNREACHABLE,
    Failure.LOCAL_NO_ROUTE,
    Failure.CONNECTION_REFUSED,
)


def _lost_in_vpc(case: Case) -> Tuple[Observation, ...]:
    return case.only_failed_with(*_LOST) if case.way == "vpc" and not clues.unsent(case) else ()


def _no_eni_here(case: Case) -> Optional[Proof]:
    """Networks are declared, the interfaces are known, and none is in any of them."""
    lost, seen = _lost_in_vpc(case), clues.interfaces(case)
    if not lost or case.run.runtime == "host" or not seen:
        return None
    if not case.run.plan.networks:
        return clues.by_default(case)
    if clues.eni_interfaces(case):
        return None
    own = [address for one in seen for address in clues.own_addresses(one)]
    networks = listed(["%s (%s)" % (network.name, network.cidr) for network in case.run.plan.networks])
    words = "no interface here is in %s; this machine has %s"
    return Proof(words % (networks, listed(own) or "no address"), tuple(seen))


def _none_declared(case: Case) -> Optional[Proof]:
    """The plan names no vSwitch: that an interface is missing is only worked out from the route taken."""
    return None if case.run.plan.networks else Proof()


def _not_asked_for(case: Case) -> Optional[Proof]:
    """The job's settings do not switch the way on: that is why there is none."""
    return Proof("", case.coverage) if case.fact("enabled") is False else None


def _in_state(case: Case, carrier: bool) -> Optional[Proof]:
    """The interface towards the target is down (``carrier``: up, but without carrier)."""
    if not _lost_in_vpc(case):
        return None
    ways = [case.run.way_to(ip) for ip in case.ips]
    taken = {way.facts.get("interface") for way in ways if way is not None}
    enis = [seen for seen in clues.eni_interfaces(case).values() if _is_ill(seen, carrier)]
    through = [seen for seen in clues.interfaces(case) if seen.facts.get("name") in taken and _is_ill(seen, carrier)]
    if not case.run.plan.networks and clues.by_default(case):
        enis += [seen for seen in clues.interfaces(case) if _is_ill(seen, carrier)]
    ill = list({seen.id: seen for seen in through + enis}.values())
    if not ill:
        return None
    state = "is up and has no carrier" if carrier else "is down"
    return Proof("%s (%s) %s" % (ill[0].facts["name"], _place(case, ill[0]), state), tuple(ill))


def _place(case: Case, seen: Observation) -> str:
    """The interface's addresses, and the declared network in which they are."""
    networks = [case.run.network_of(address) for address in clues.own_addresses(seen)]
    names = list(dict.fromkeys(network.name for network in networks if network is not None))
    addresses = str(seen.facts.get("addresses") or "no address")
    return "%s in %s" % (addresses, listed(names)) if names else addresses


def _is_ill(seen: Observation, carrier: bool) -> bool:
    if carrier:
        return bool(seen.facts.get("up")) and seen.facts.get("carrier") is False
    return seen.facts.get("up") is False


def _down(case: Case) -> Optional[Proof]:
    """The interface of the ENI is there, and down."""
    return _in_state(case, carrier=False)


def _no_carrier(case: Case) -> Optional[Proof]:
    """The interface of the ENI is up, and has no carrier."""
    return _in_state(case, carrier=True)


def _details(case: Case, carrier: bool) -> Dict[str, str]:
    proof = _in_state(case, carrier)
    return {"interface": str(proof.observations[0].facts["name"])} if proof else {}


def _wrong_vswitch(case: Case) -> Optional[Proof]:
    """The destination admits, or is said to admit, another vSwitch than the one from which this job comes."""
    proved = attempts.other_vswitch_answered(case)
    if proved is not None:
        return proved
    if not case.target.admits or not case.source or admits(case.target.admits, case.source):
        return None
    network = case.run.network_of(case.source)
    if network is None or not _lost_in_vpc(case):
        return None
    if any(admits([network.cidr], entry.split("/")[0]) for entry in case.target.admits):
        return None
    words = "this job comes from %s in %s (%s); the destination is said to admit %s"
    return Proof(words % (case.source, network.name, network.cidr, listed(case.target.admits)), case.silent)


def _eni_there_and_silent(case: Case) -> Optional[Proof]:
    """The packets leave by the ENI, and nothing comes back for any SYN."""
    if inventory.own_group_drops(case) is not None:
        return None  # reports/rules/inventory.py knows by which rule
    if case.way == "vpc" and (case.run.network_of(case.source) is not None or _declares_no_network(case)):
        return clues.silent(case)
    return None


def _declares_no_network(case: Case) -> bool:
    return not case.run.plan.networks and case.run.runtime in GOVERNED and not clues.by_default(case)


def _only_interface_works(case: Case) -> Optional[Proof]:
    """What answers by another way leaves by the same interface: there is no other."""
    up = [seen for seen in clues.interfaces(case) if seen.facts.get("up")]
    return clues.other_way_answers(case) if len(up) == 1 else None


RULES = (
    Rule(
        cause="eni_missing",
        explains=(CONNECT,),
        applies=_no_eni_here,
        prior=8.0,
        clues=(
            Clue(clues.way_answers, 0),
            Clue(sweeps.way_answers, 0),
            Clue(clues.way_silent, 2),
            Clue(_none_declared, 0.1),
            Clue(_not_asked_for, 0.3),
        ),
        scope=RUN,
    ),
    Rule(
        cause="eni_down",
        explains=(CONNECT,),
        applies=_down,
        prior=20.0,
        clues=(Clue(clues.way_answers, 0.02),),
        details=lambda case: _details(case, carrier=False),
        scope=RUN,
    ),
    Rule(
        cause="eni_no_carrier",
        explains=(CONNECT,),
        applies=_no_carrier,
        prior=20.0,
        clues=(Clue(clues.way_answers, 0.02),),
        details=lambda case: _details(case, carrier=True),
        scope=RUN,
    ),
    Rule(
        cause="eni_wrong_vswitch",
        explains=(CONNECT,),
        applies=_wrong_vswitch,
        prior=6.0,
        clues=(Clue(clues.way_silent, 0.5), Clue(attempts.other_vswitch_answered, 3)),
    ),
    Rule(
        cause="eni_group_blocks_outbound",
        explains=(CONNECT,),
        applies=_eni_there_and_silent,
        prior=0.05,
        clues=(
            Clue(inventory.own_group_admits, 0.005),
            Clue(clues.way_answers, 0),
            Clue(neighbours.way_answers, 0),
            Clue(sweeps.way_answers, 0),
            Clue(_only_interface_works, 0),
            # In one subnet alone it is as much a matter of that subnet.
            Clue(clues.way_silent, 4),
            Clue(clues.several_subnets_silent, 10),
            Clue(clues.other_way_answers, 1.5),
            Clue(attempts.host_is_up, 0.05),
        ),
        scope=RUN,
    ),
)
