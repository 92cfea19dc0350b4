"""Layer local: this machine's own routes, filters and shortages."""

from itertools import islice
from typing import Dict, Optional, Set, Tuple

from reports.addresses import is_private
from reports.case import Case
from reports.failures import Failure
from reports.groups import ip_of
from reports.model import Observation, Scalar
from reports.rules import clues
from reports.rules.contract import CONNECT, RESOLVE, RUN, SUBNET, Clue, Proof, Rule, Want
from reports.words import listed

# A filter answers at once.
_AT_ONCE = 1.0
# With so many ways of targets that answer an odd one is compared.
_MOST_COMPARED = 3


def _filtered_here(case: Case) -> Optional[Proof]:
    """The kernel itself could not let the SYN out, or answered it by its own ICMP."""
    unsent = clues.unsent(case)
    if unsent is not None and case.stage == CONNECT:
        return unsent
    denied = case.only_failed_with(Failure.LOCAL_FILTER_DENIES)
    if denied:
        return Proof("this machine's output chain refuses the packet (EPERM)", denied)
    failed = case.failed_connects
    if not failed:
        return None
    own = {address for seen in clues.interfaces(case) for address in clues.own_addresses(seen)}
    rejected = tuple(
        seen
        for seen in failed
        # Late, it is the kernel that waited in vain for a neighbour.
        if seen.facts.get("icmp_from") in own | {"127.0.0.1", "::1"} and seen.duration_s < _AT_ONCE
    )
    if rejected and len(rejected) == len(failed) and not set(case.ips) & own:
        return Proof("this machine itself (%s) answers the SYN" % rejected[0].facts["icmp_from"], rejected)
    return None


def _refusing_rule(case: Case) -> Optional[Proof]:
    """The rule of the output chain that keeps the SYN here, where the filter could be read."""
    met = case.of("local", "filter_rule")
    if not met:
        return None
    words = "its rule `%s` in the chain %s %s" % (
        met[0].facts["expression"],
        met[0].facts["chain"],
        "does so" if met[0].facts.get("certain") else "may do so",
    )
    return Proof(words, tuple(met))


def _ask_the_filter(case: Case) -> Tuple[Want, ...]:
    return (Want("local", "filter"),) if _filtered_here(case) else ()


def _filter_details(case: Case) -> Dict[str, Scalar]:
    met = case.of("local", "filter_rule")
    if met:
        return {"filter_rule": "`%s` in the chain %s" % (met[0].facts["expression"], met[0].facts["chain"])}
    legacy = [seen.facts["legacy"] for seen in case.run.of("local", "filter") if seen.facts.get("legacy")]
    return {"filter_rule": "`iptables-legacy -S OUTPUT` shows the rules that nft does not"} if legacy else {}


def _ways(case: Case) -> Tuple[Observation, ...]:
    ways = (case.run.way_to(ip) for ip in case.ips)
    return tuple(way for way in ways if way is not None)


def _decider(way: Observation) -> str:
    """What made the kernel choose this way: a route, or the policy rule before it; "" where that is not known."""
    rule, route, table = (str(way.facts.get(key, "")) for key in ("rule", "route", "table"))
    if rule and route:
        return "the policy rule `%s` (with the route %s in that table)" % (rule, route)
    if rule:
        return "the policy rule `%s`" % rule
    if not route:
        return ""
    return "the route %s" % route if table in ("", "main") else "the route %s in the table %s" % (route, table)


def _route_rejects(case: Case) -> Optional[Proof]:
    """A route or a policy rule refuses; or no route matches, though there is one to anywhere."""
    rejected = case.only_failed_with(Failure.LOCAL_ROUTE_REJECTS)
    known = tuple(way for way in _ways(case) if way.failure is not None and _decider(way))
    if not rejected:
        unrouted = case.only_failed_with(Failure.LOCAL_NO_ROUTE)
        default = _default_is_there(case)
        if known and unrouted:
            rejected = unrouted
        elif unrouted and default and all(":" not in ip for ip in case.ips):
            return Proof(
                "there is a default route, and something on this machine rejects the address before it",
                unrouted + default.observations,
            )
        else:
            return None
    words = "%s of this machine rejects the address" % (_decider(known[0]) if known else "a route")
    return Proof(words, rejected + known)


def _rejected_by(case: Case) -> Dict[str, Scalar]:
    known = [_decider(way) for way in _ways(case) if way.failure is not None and _decider(way)]
    return {"rejection": listed(list(dict.fromkeys(known)))} if known else {}


def _policy_rejects(case: Case) -> Optional[Proof]:
    """A policy rule refuses."""
    refused = tuple(way for way in _ways(case) if way.failure is not None and way.facts.get("rule"))
    return Proof("%s rejects it" % _decider(refused[0]), refused) if refused else None


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
    """This machine has a default route."""
    seen = [one for one in case.run.of("local", "routes") if one.facts.get("default4")]
    return Proof("there is a default route", tuple(seen)) if seen else None


def _eni_took_its_routes(case: Case) -> Optional[Proof]:
    """An interface that is down has no routes: that it is down comes first."""
    down = tuple(seen for seen in clues.eni_interfaces(case).values() if seen.facts.get("up") is False)
    return Proof("%s is down" % down[0].facts["name"], down) if down else None


def _leaves_elsewhere(case: Case) -> Optional[Proof]:
    """A route narrower than the default, or a policy rule, sends this private address elsewhere.

    That is: out of another interface than the ENI; by a policy rule also to another gateway than the targets that
    answer by the same way are sent to.
    """
    if case.way != "vpc" or not (case.stage == CONNECT or case.behind) or clues.unsent(case):
        return None
    enis = _eni_names(case)
    for way in _ways(case):
        interface, rule = str(way.facts.get("interface", "")), way.facts.get("rule")
        if not interface or not _is_special(way) or not is_private(str(way.facts["ip"])):
            continue
        if enis and interface not in enis:
            return Proof("%s sends %s out of %s" % (_decider(way), way.facts["ip"], interface), (way,))
        usual = _usual_way(case)
        if rule and usual is not None and _next(usual) != _next(way):
            words = "%s sends %s to %s, and %s, which answers, goes to %s"
            return Proof(
                words % (_decider(way), way.facts["ip"], _next(way), usual.facts["ip"], _next(usual)), (way, usual)
            )
    return None


def _is_special(way: Observation) -> bool:
    """Whether something narrower than the default route decided."""
    return bool(way.facts.get("rule")) or way.facts.get("route", "default") != "default"


def _next(way: Observation) -> str:
    return "%s by %s" % (way.facts.get("gateway", "its neighbour"), way.facts.get("interface", "no interface"))


def _usual_way(case: Case) -> Optional[Observation]:
    """The way to a target that answers, over a gateway and without a policy rule."""
    ways = (case.run.way_to(ip_of(seen)) for seen in case.run.way_of(case).answers)
    return next((way for way in ways if way is not None and "gateway" in way.facts and "rule" not in way.facts), None)


def _compare_ways(case: Case) -> Tuple[Want, ...]:
    """The ways of a few that answer, where the one to this target is odd."""
    if case.way != "vpc" or case.stage != CONNECT or not any(map(_is_special, _ways(case))):
        return ()
    answering = dict.fromkeys(ip_of(seen) for seen in case.run.way_of(case).answers)
    return tuple(Want("local", "way", address=ip) for ip in islice(answering, _MOST_COMPARED))


def _same_interface(case: Case) -> Optional[Proof]:
    """It is only the gateway that differs, and there may be a reason for it."""
    ways = _ways(case)
    return (
        Proof("it leaves by the ENI all the same", ways)
        if _eni_names(case) & {str(way.facts.get("interface")) for way in ways}
        else None
    )


def _eni_names(case: Case) -> Set[str]:
    return {str(seen.facts.get("name")) for seen in clues.eni_interfaces(case).values()}


def _neighbours_leave_by_eni(case: Case) -> Optional[Proof]:
    """Other private targets go out by the ENI."""
    if _same_interface(case):
        return None
    enis = _eni_names(case)
    others = (ip for other in case.run.way_of(case).cases if other is not case for ip in other.ips)
    ways = (case.run.way_to(ip) for ip in others)
    way = next((way for way in ways if way is not None and str(way.facts.get("interface")) in enis), None)
    return Proof("%s goes out of %s" % (way.facts["ip"], way.facts["interface"]), (way,)) if way is not None else None


def _wrong_route_details(case: Case) -> Dict[str, Scalar]:
    proof = _leaves_elsewhere(case)
    if proof is None:
        return {}
    usual = [_next(way) for way in proof.observations[1:]]
    return {"route": _decider(proof.observations[0]), "right_interface": listed(usual or sorted(_eni_names(case)))}


def _fell_short(case: Case) -> Optional[Proof]:
    """This machine could not measure this target: it is not to blame, and nothing is known of it."""
    if case.settled or not case.shortages():
        return None
    short = case.shortages()
    kinds = sorted({seen.failure.value for seen in short if seen.failure is not None})
    return Proof("could not be measured: %s" % listed([kind.replace("_", " ") for kind in kinds]), short[:3])


RULES = (
    Rule(
        cause="local_firewall_drop",
        explains=(CONNECT,),
        applies=_filtered_here,
        prior=20.0,
        clues=(Clue(_refusing_rule, 3),),
        suspects=_ask_the_filter,
        details=_filter_details,
        scope=RUN,
    ),
    Rule(
        cause="local_reject_route",
        explains=(CONNECT,),
        applies=_route_rejects,
        prior=20.0,
        details=_rejected_by,
        scope=SUBNET,
    ),
    Rule(
        cause="no_default_route",
        explains=(RESOLVE, CONNECT),
        applies=_no_route,
        prior=20.0,
        clues=(Clue(_default_is_there, 0.1), Clue(_policy_rejects, 0), Clue(_eni_took_its_routes, 0.1)),
        scope=RUN,
    ),
    Rule(
        cause="wrong_route",
        explains=(CONNECT,),
        applies=_leaves_elsewhere,
        prior=20.0,
        clues=(Clue(_neighbours_leave_by_eni, 3), Clue(_same_interface, 0.3)),
        suspects=_compare_ways,
        details=_wrong_route_details,
        scope=SUBNET,
    ),
    Rule(cause="local_resources", standalone=True, applies=_fell_short, prior=0.95, scope=RUN),
)
