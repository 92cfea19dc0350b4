"""Layers filter, eni and route: what the cloud's own configuration says of a target, beside what was measured.

The inventory was read some time ago, and judged as the documentation has it: what it says weighs much, and proves
nothing by itself. Where it meets the measurement both stand in one finding; where they contradict each other, that is
a finding of its own.
"""

import ipaddress
from typing import Callable, List, Mapping, Optional, Sequence, Tuple

from reports.case import Case
from reports.causes import CAUSES, NETWORK, WARNING
from reports.evidence import NOBODY
from reports.maxcompute.admission import rule_in_group
from reports.maxcompute.schemes import BY_VPC, GOVERNED
from reports.model import Observation, Remedy, Scalar
from reports.rules import clues, neighbours, sweeps
from reports.rules.contract import CONNECT, HOST, RUN, SUBNET, Clue, Proof, Rule
from reports.words import listed

INBOUND, OUTBOUND, ROUTE, ACL = "inbound", "outbound", "route", "acl"

_ACCEPT = "accept"

# Addresses that are little: a link takes two ENIs for each connection (MaxCompute, network connection), so room for a
# few; a twentieth of a vSwitch is too, which nobody calls little above so many.
_ROOM, _TWENTIETH, _PLENTY = 4, 20, 16


# --- of whom it speaks ------------------------------------------------------------------------------------------------


def _of_the_measurement(case: Case, step: str) -> List[Observation]:
    """What is said of the source from which the target was measured; inside the platform that is one of the job's."""
    said = case.of("inventory", step)
    own = [seen for seen in said if seen.facts.get("measured")]
    return own or (said if case.run.vantage.kind in GOVERNED else [])


def _of_the_job(case: Case, step: str) -> List[Observation]:
    return [seen for seen in case.of("inventory", step) if seen.facts.get("network")]


def _dropping(seen: Sequence[Observation]) -> Tuple[Observation, ...]:
    return tuple(one for one in seen if one.facts.get("drops"))


def _words(seen: Observation) -> str:
    source, more = seen.facts["source"], int(seen.facts.get("sources", 1)) - 1
    others = " and %d more" % more if more else ""
    return "%s says of %s%s to %s: %s" % (_inventory(seen), source, others, seen.address, seen.facts["why"])


def _inventory(seen: Observation) -> str:
    """What is cited; how old it is, where it is old."""
    return "the old inventory (read on %s)" % seen.facts["old"] if "old" in seen.facts else "the inventory"


def _said(seen: Sequence[Observation]) -> Optional[Proof]:
    if not seen:
        return None
    words = _words(seen[0])
    instead = seen[0].facts.get("instead")
    return Proof("%s; %s" % (words, instead) if instead else words, tuple(seen))


def _where(step: str, fits: Callable[[Observation], bool]) -> Callable[[Case], Tuple[Observation, ...]]:
    """What of a step drops, and fits: of the source that was measured, or else of the job's."""

    def found(case: Case) -> Tuple[Observation, ...]:
        said = _of_the_measurement(case, step) or _of_the_job(case, step)
        return tuple(one for one in _dropping(said) if fits(one))

    return found


def _anything(seen: Observation) -> bool:  # noqa: ARG001 - the shape of a callable
    return True


def _says(step: str, case: Case, verdict: str) -> Tuple[Observation, ...]:
    """What is said of the measured source, where all of it is this verdict."""
    said = tuple(_of_the_measurement(case, step))
    return said if all(seen.facts.get("verdict") == verdict for seen in said) else ()


# --- clues ------------------------------------------------------------------------------------------------------------

_inbound_drops = _where(INBOUND, _anything)
_outbound_drops = _where(OUTBOUND, _anything)
_request_filtered = _where(ACL, lambda seen: not seen.facts.get("answer"))
_answer_filtered = _where(ACL, lambda seen: bool(seen.facts.get("answer")))
_discarded = _where(ROUTE, lambda seen: seen.facts["way"] == "there" and seen.facts["whither"] == "blackhole")
_not_routed = _where(ROUTE, lambda seen: seen.facts["way"] == "there" and seen.facts["whither"] == "absent")
_no_way_back = _where(ROUTE, lambda seen: seen.facts["way"] == "back")


def group_drops(case: Case) -> Optional[Proof]:
    """By the inventory, a rule or the default of the destination's security group drops what comes from the job."""
    return _said(_inbound_drops(case))


def group_admits(case: Case) -> Optional[Proof]:
    """By the inventory, the destination's security group admits what comes from here."""
    return _said(_says(INBOUND, case, _ACCEPT))


def own_group_drops(case: Case) -> Optional[Proof]:
    """By the inventory, the security group of the job's own interface drops what goes to the destination."""
    return _said(_outbound_drops(case))


def own_group_admits(case: Case) -> Optional[Proof]:
    """By the inventory, the security group of the interface lets out what goes to the destination."""
    return _said(_says(OUTBOUND, case, _ACCEPT))


def answer_lost(case: Case) -> Optional[Proof]:
    """By the inventory, a network ACL drops the answers, or no route leads them back."""
    return _said(_answer_filtered(case) or _no_way_back(case))


def acl_admits(case: Case) -> Optional[Proof]:
    """By the inventory, the network ACLs of both vSwitches let request and answer through."""
    return _said(_says(ACL, case, _ACCEPT))


def route_discards(case: Case) -> Optional[Proof]:
    """By the inventory, the route of the job's vSwitch to the destination leads nowhere."""
    return _said(_discarded(case))


def route_leads_on(case: Case) -> Optional[Proof]:
    """By the inventory, the route tables of both vSwitches lead there and back."""
    said = tuple(_of_the_measurement(case, ROUTE))
    leads = said and all(seen.facts["whither"] in ("local", "forwarded") for seen in said)
    return _said(said) if leads and len({seen.facts["way"] for seen in said}) > 1 else None


# --- the causes that only an inventory can tell -----------------------------------------------------------------------


def _silent_by(found: Callable[[Case], Tuple[Observation, ...]], words: str) -> Callable[[Case], Optional[Proof]]:
    def test(case: Case) -> Optional[Proof]:
        return _said(found(case)) if clues.silent(case) else None

    test.__doc__ = words
    return test


_kept_in = _silent_by(
    _outbound_drops, "Nothing came back, and by the inventory the interface's own group does not let it out."
)
_has_no_route = _silent_by(_not_routed, "Nothing came back, and by the inventory the vSwitch has no route there.")
_acl_drops = _silent_by(_request_filtered, "Nothing came back, and by the inventory a network ACL drops the request.")

# Whoever answers in the same subnet has come by the same routes and ACLs.
_BY_THE_SAME_WAY = (
    Clue(clues.subnet_answers, 0.02),
    Clue(sweeps.network_answers, 0.02),
    Clue(neighbours.answer, 0.02),
)


def rules_to_add(cases: Sequence[Case]) -> str:
    """The inbound rules that admit the job, as far as the inventory knows which; "" where it knows none."""
    return _rules(cases, _inbound_drops, "inbound")


def _outbound_rules(cases: Sequence[Case]) -> str:
    return _rules(cases, _outbound_drops, "outbound")


def _rules(cases: Sequence[Case], found: Callable[[Case], Tuple[Observation, ...]], direction: str) -> str:
    lines = [
        rule_in_group(
            str(facts["group"]), direction, case.target.port, str(facts["add_cidr"]), int(facts["add_priority"])
        )
        for case in cases
        for facts in (seen.facts for seen in found(case))
        if "add_cidr" in facts
    ]
    return "\n".join(dict.fromkeys(line for line in lines if line))


def _let_out(cases: Sequence[Case]) -> Remedy:
    """An advanced group is the wrong one for a link; a rule of a basic one can be mended."""
    cause = CAUSES["eni_group_blocks_outbound"]
    seen = _outbound_drops(cases[0])
    snippet = _outbound_rules(cases)
    group = str(seen[0].facts.get("group", "")) if seen else ""
    if seen and seen[0].facts.get("kind") == "enterprise":
        text = cause.remedy + (" (%s is one); or let out what the job needs" % group)
    else:
        text = "in %s let out TCP to %s" % (group, listed([case.target.address for case in cases]))
    return Remedy(text=text, snippet=snippet, reference=cause.reference, owner=cause.owner)


def _give_a_route(cases: Sequence[Case]) -> Remedy:
    seen = _not_routed(cases[0])[0]
    ips = listed(list(dict.fromkeys(ip for case in cases for ip in case.ips)))
    words = "add a route to %s to the route table %s of the job's vSwitch, or reach it another way"
    return Remedy(text=words % (ips, seen.facts.get("table", "")), owner=NETWORK)


def _acl_details(case: Case) -> Mapping[str, Scalar]:
    found = _request_filtered(case)
    return {"acl": str(found[0].facts["acl"])} if found and "acl" in found[0].facts else {}


# --- said beside ------------------------------------------------------------------------------------------------------


def _only_the_job_is_dropped(case: Case) -> Optional[Proof]:
    """The target works from here, and by the inventory what comes from the job's own interfaces is dropped."""
    if case.stage or not case.connected or case.run.vantage.kind in GOVERNED:
        return None
    dropped = [seen for seen in _of_the_job(case, INBOUND) if not seen.facts.get("measured") and seen.facts["drops"]]
    proof = _said(dropped)
    return Proof(proof.words + "; from here it works", proof.observations) if proof is not None else None


def _rules_for_the_job(cases: Sequence[Case]) -> str:
    return _rules(cases, lambda case: _dropping(_of_the_job(case, INBOUND)), "inbound")


def _drops_what_is_open(case: Case) -> Optional[Proof]:
    """By the inventory it is dropped, and it was reached all the same."""
    # Inside the platform a forwarder may accept in place of the target.
    if case.accepted_for or not case.connected or (case.run.vantage.kind in GOVERNED and not case.reached):
        return None
    for step in (OUTBOUND, INBOUND, ACL, ROUTE):
        said = _of_the_measurement(case, step)
        dropped = _dropping(said)
        if dropped and len(dropped) == len(said):
            words = "%s is reached although %s" % (case.connected[0].address, _words(dropped[0]))
            return Proof(words, (*dropped, *case.connected[:1]))
    return None


def _admits_what_is_silent(case: Case) -> Optional[Proof]:
    """By the inventory it is admitted all the way, and it is silent, while its host answers at another port."""
    if not clues.silent(case):
        return None
    proof = clues.same_host_answers(case) or sweeps.host_answers(case)
    admitted = [_says(step, case, _ACCEPT) for step in (OUTBOUND, INBOUND)]
    hindered = [one for step in (ACL, ROUTE) for one in _dropping(_of_the_measurement(case, step))]
    if proof is None or hindered or not all(admitted):
        return None
    words = "%s is silent although %s; %s" % (case.silent[0].address, _words(admitted[1][0]), proof.words)
    return Proof(words, (*admitted[0], *admitted[1], *case.silent[:1], *proof.observations))


def _read_again(cases: Sequence[Case]) -> Remedy:
    text = "read the inventory again (linkdoctor discover): rules may have changed since"
    if clues.silent(cases[0]):
        text += "; where it is current, it is none of the cloud's rules, but the host's own firewall or whitelist"
    return Remedy(text=text, owner=NETWORK)


# --- room for interfaces ----------------------------------------------------------------------------------------------


def is_little(free: int, usable: int) -> bool:
    """Whether so few free addresses are little in a vSwitch of so many usable ones."""
    return free <= min(_PLENTY, max(_ROOM, usable // _TWENTIETH))


def nearly_full_by_inventory(case: Case) -> Optional[Proof]:
    """By the inventory few addresses are free in the job's vSwitch."""
    if case.way != BY_VPC and case.target is not NOBODY:
        return None
    full = _nearly_full(case)
    if not full:
        return None
    words = "by %s %d of %d addresses in %s (%s) are free"
    parts = [
        words % (_inventory(seen), _free(seen), _usable(seen), seen.facts["network"], seen.facts["cidr"])
        for seen in full
    ]
    return Proof("; ".join(parts), tuple(full))


def nearly_full_names(case: Case) -> List[str]:
    """The networks of which the inventory says so."""
    return [str(seen.facts["network"]) for seen in _nearly_full(case)]


def _nearly_full(case: Case) -> List[Observation]:
    """Of the networks in which the job's interfaces are declared, where any are; a link has no use for others."""
    ours = {network.name for network in case.run.plan.networks if network.enis}
    known = [seen for seen in case.run.of("inventory", "vswitch") if "free" in seen.facts]
    little = [seen for seen in known if is_little(_free(seen), _usable(seen))]
    return [seen for seen in little if not ours or seen.facts["network"] in ours]


def _free(seen: Observation) -> int:
    return int(seen.facts["free"])


def _usable(seen: Observation) -> int:
    """Without the first address and the last three, which the platform keeps."""
    size = int(seen.facts["size"])
    return size if ipaddress.ip_network(str(seen.facts["cidr"]), strict=False).version != 4 else size - 4


RULES: Tuple[Rule, ...] = (
    Rule(
        cause="eni_group_blocks_outbound",
        explains=(CONNECT,),
        applies=_kept_in,
        prior=30.0,
        # To be mended too.
        clues=(Clue(group_drops, 1.5),),
        remedy=_let_out,
        scope=RUN,
    ),
    Rule(
        cause="router_no_route",
        explains=(CONNECT,),
        applies=_has_no_route,
        prior=30.0,
        clues=_BY_THE_SAME_WAY,
        remedy=_give_a_route,
        scope=SUBNET,
    ),
    Rule(
        cause="acl_drop",
        explains=(CONNECT,),
        applies=_acl_drops,
        prior=30.0,
        details=_acl_details,
        scope=SUBNET,
    ),
    Rule(
        cause="sg_drop",
        standalone=True,
        applies=_only_the_job_is_dropped,
        prior=0.9,
        severity=sweeps.as_it_is(WARNING),
        snippet=_rules_for_the_job,
        scope=HOST,
    ),
    Rule(
        cause="config_disagrees",
        standalone=True,
        applies=_drops_what_is_open,
        prior=0.95,
        remedy=_read_again,
        scope=HOST,
    ),
    Rule(
        cause="config_disagrees",
        standalone=True,
        applies=_admits_what_is_silent,
        prior=0.9,
        remedy=_read_again,
        scope=HOST,
    ),
)
