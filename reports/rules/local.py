"""Layer local: this machine's own routes, filters and shortages."""

from typing import Dict, Optional

from reports.addresses import is_private
from reports.evidence import Case
from reports.failures import Failure
from reports.model import Scalar
from reports.rules import clues
from reports.rules.contract import CONNECT, RESOLVE, RUN, SUBNET, Clue, Proof, Rule
from reports.words import listed

# A filter answers at once.
_AT_ONCE = 1.0


def _filtered_here(case: Case) -> Optional[Proof]:
    """The kernel itself could not let the SYN out, or answered it by its own ICMP."""
    unsent = clues.unsent(case)
    if unsent is not None and case.stage == CONNECT:
        return unsent
    denied = case.only_failed_with(Failure.LOCAL_FILTER_DENIES)
    if denied:
        return Proof("this machine's output chain refuses the packet (EPERM)", denied)
    own = {address for seen in clues.interfaces(case) for address in clues.own_addresses(seen)}
    rejected = tuple(
        seen
        for seen in case.failed_connects
        # Late, it is the kernel that waited in vain for a neighbour.
        if seen.facts.get("icmp_from") in own | {"127.0.0.1", "::1"} and seen.duration_s < _AT_ONCE
    )
    if rejected and len(rejected) == len(case.failed_connects) and not set(case.ips) & own:
        return Proof("this machine itself (%s) answers the SYN" % rejected[0].facts["icmp_from"], rejected)
    return None


def _route_rejects(case: Case) -> Optional[Proof]:
    rejected = case.only_failed_with(Failure.LOCAL_ROUTE_REJECTS)
    if not rejected:
        return None
    ways = [way for way in (case.run.way_to(ip) for ip in case.ips) if way is not None and "route" in way.facts]
    route = "the route %s" % ways[0].facts["route"] if ways else "a route"
    return Proof("%s of this machine rejects the address" % route, rejected + tuple(ways))


def _no_route(case: Case) -> Optional[Proof]:
    """No route at all from here: to the target, or to the name servers that should know it."""
    if case.stage == RESOLVE:
        refused = tuple(seen for seen in case.broken if seen.failure is Failure.LOCAL_NO_ROUTE)
        asked = [seen for seen in case.broken if seen.step == "query"]
        if not refused or len(refused) != len(asked):
            return None
    else:
        refused = case.only_failed_with(Failure.LOCAL_NO_ROUTE)
        if not refused or all(":" in ip for ip in case.ips):
            return None
    return Proof("no route matches, so that no packet left", refused)


def _default_is_there(case: Case) -> Optional[Proof]:
    seen = [one for one in case.run.of("local", "routes") if one.facts.get("default4")]
    return Proof("there is a default route", tuple(seen)) if seen else None


def _leaves_elsewhere(case: Case) -> Optional[Proof]:
    """A route narrower than the default sends this private address out of another interface than the ENI."""
    if case.way != "vpc" or case.stage != CONNECT or clues.unsent(case):
        return None
    enis = {str(seen.facts.get("name")) for seen in clues.eni_interfaces(case).values()}
    for ip in case.ips:
        way = case.run.way_to(ip)
        if way is None or not enis or not is_private(ip):
            continue
        interface, route = str(way.facts.get("interface", "")), str(way.facts.get("route", ""))
        if interface and interface not in enis and route not in ("", "default"):
            return Proof("the route %s sends %s out of %s" % (route, ip, interface), (way,))
    return None


def _neighbours_leave_by_eni(case: Case) -> Optional[Proof]:
    """Other private targets go out by the ENI."""
    enis = {str(seen.facts.get("name")) for seen in clues.eni_interfaces(case).values()}
    others = (ip for other in case.run.way_of(case).cases if other is not case for ip in other.ips)
    ways = (case.run.way_to(ip) for ip in others)
    way = next((way for way in ways if way is not None and str(way.facts.get("interface")) in enis), None)
    return Proof("%s goes out of %s" % (way.facts["ip"], way.facts["interface"]), (way,)) if way is not None else None


def _wrong_route_details(case: Case) -> Dict[str, Scalar]:
    proof = _leaves_elsewhere(case)
    enis = sorted({str(seen.facts.get("name")) for seen in clues.eni_interfaces(case).values()})
    if proof is None:
        return {}
    return {"route": str(proof.observations[0].facts["route"]), "right_interface": listed(enis)}


def _fell_short(case: Case) -> Optional[Proof]:
    """This machine could not measure this target: it is not to blame, and nothing is known of it."""
    if case.settled or not case.shortages():
        return None
    short = case.shortages()
    kinds = sorted({seen.failure.value for seen in short if seen.failure is not None})
    return Proof("could not be measured: %s" % listed([kind.replace("_", " ") for kind in kinds]), short[:3])


RULES = (
    Rule(cause="local_firewall_drop", explains=(CONNECT,), applies=_filtered_here, prior=20.0, scope=RUN),
    Rule(cause="local_reject_route", explains=(CONNECT,), applies=_route_rejects, prior=20.0, scope=SUBNET),
    Rule(
        cause="no_default_route",
        explains=(RESOLVE, CONNECT),
        applies=_no_route,
        prior=20.0,
        clues=(Clue(_default_is_there, 0.1),),
        scope=RUN,
    ),
    Rule(
        cause="wrong_route",
        explains=(CONNECT,),
        applies=_leaves_elsewhere,
        prior=5.0,
        clues=(Clue(_neighbours_leave_by_eni, 3),),
        details=_wrong_route_details,
        scope=SUBNET,
    ),
    Rule(cause="local_resources", standalone=True, applies=_fell_short, prior=0.95, scope=RUN),
)
