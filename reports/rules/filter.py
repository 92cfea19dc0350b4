"""Layer filter: somebody on the way, or the destination itself, does not let this source through.

What a single vantage point sees of a lost answer is what it sees of a lost request: only another port or source of
this machine's own tells them apart.
"""

from itertools import islice
from typing import Mapping, Optional, Sequence, Tuple

from reports.addresses import admits, is_private
from reports.case import Case
from reports.failures import Failure
from reports.maxcompute.admission import admit_in_security_group, admit_in_whitelist
from reports.maxcompute.schemes import INTERNET
from reports.model import Scalar
from reports.remedies import vswitch
from reports.rules import attempts, clues, forwarder, inventory, neighbours, sweeps, trace
from reports.rules.contract import CONNECT, HOST, SUBNET, Clue, Proof, Rule, Want
from reports.words import listed, seconds

# Of the refused targets in a subnet, so many are traced.
_MOST_TRACED = 3


def _silent_inside(case: Case) -> Optional[Proof]:
    """A private target, and nothing came back for any SYN."""
    return clues.silent(case) if case.way != INTERNET else None


def _port_is_singled_out(case: Case) -> Optional[Proof]:
    """The same port is silent at several hosts whose other ports answer: one rule for the port."""
    own = set(case.ips)
    singled = {
        other.target.name: other
        for group in case.run.subnets_of(case)
        for other in group.singled_out.get(case.target.port, ())
        if own.isdisjoint(other.ips)
    }
    if not singled:
        return None
    return Proof(
        "port %d is silent at %d hosts of the subnet that answer on other ports" % (case.target.port, len(singled) + 1),
        tuple(seen for other in islice(singled.values(), 3) for seen in other.silent[:1]),
    )


def _not_admitted(case: Case) -> Optional[Proof]:
    """The destination admits, or is said to admit, other addresses of the vSwitch from which this job comes."""
    proved = attempts.other_source_answered(case)
    if proved is not None:
        return proved
    if not case.target.admits or not case.source or admits(case.target.admits, case.source):
        return None
    if case.way == "internet" and is_private(case.source):
        return None  # the destination sees the address of a NAT (reports/rules/egress.py)
    if not clues.silent(case) and not case.only_failed_with(Failure.CONNECTION_REFUSED, Failure.ADMIN_PROHIBITED):
        return None
    if clues.by_default(case) or _admitted_elsewhere(case):
        return None
    network = case.run.network_of(case.source)
    near = network is None or any(admits([network.cidr], entry.split("/")[0]) for entry in case.target.admits)
    if not near:
        return None
    return Proof(
        "the destination is said to admit %s; this job comes from %s" % (listed(case.target.admits), case.source),
        case.broken[:1],
    )


def _admitted_elsewhere(case: Case) -> bool:
    """Another interface of this machine has an address that is admitted: the packet took the wrong one."""
    return any(
        admits(case.target.admits, address)
        for seen in clues.interfaces(case)
        for own in (clues.own_addresses(seen),)
        for address in own
        if case.source not in own
    )


def _prohibited(case: Case) -> Optional[Proof]:
    """Somebody on the way answered "administratively prohibited"."""
    refused = case.only_failed_with(Failure.ADMIN_PROHIBITED, Failure.PORT_UNREACHABLE)
    if not refused or any(seen.facts.get("icmp_local") for seen in refused) or _from_this_machine(case):
        return None
    return Proof("", refused)


def _unheard(case: Case) -> Optional[Proof]:
    """Nothing came back, and nothing shows that messages come through here at all."""
    if case.accepted_for or any(network.filters for network in sweeps.of_run(case.run)):
        return None
    return trace.routers_unheard(case)


def _from_this_machine(case: Case) -> bool:
    own = {address for seen in clues.interfaces(case) for address in clues.own_addresses(seen)}
    return any(seen.facts.get("icmp_from") in own for seen in case.failed_connects)


def _reset(case: Case) -> Optional[Proof]:
    """The SYN was answered with a reset."""
    refused = case.only_failed_with(Failure.CONNECTION_REFUSED)
    if not refused or any(seen.facts.get("immediate") or "icmp_from" in seen.facts for seen in refused):
        return None
    return Proof("", refused)


def _nearer_than_its_host(case: Case) -> Optional[Proof]:
    """The reset came much sooner than the host itself answers: something nearer made it."""
    answers = [seen for group in case.run.hosts_of(case) for seen in group.answers]
    handshakes = [seen.duration_s for seen in answers if seen.failure is None]
    resets = _reset(case)
    # Behind one who accepts, how long he took is all that is known.
    if resets is None or not handshakes or case.behind:
        return None
    reset, handshake = min(seen.duration_s for seen in resets.observations), min(handshakes)
    if reset > handshake / 3 or handshake - reset < 0.002:
        return None
    return Proof(
        "the reset came after %s, the host's own answers take %s" % (seconds(reset), seconds(handshake)),
        resets.observations,
    )


def _may_be_on_the_way(case: Case) -> Tuple[Want, ...]:
    """Traces of a refused target and of one at its host that accepts, where a router lies between; of a few of them."""
    if _reset(case) is None or case.behind or all(case.run.is_on_link(ip) for ip in case.ips):
        return ()
    refused = (other for group in case.run.subnets_of(case) for other in group.unconnected if _reset(other))
    accepting = [
        seen for group in case.run.hosts_of(case) for seen in group.answers if seen.failure is None and seen.target
    ]
    if not accepting or case not in islice(refused, _MOST_TRACED):
        return ()
    return tuple(Want("path", "hop", name) for name in (accepting[0].target, case.target.name))


def _whence(case: Case) -> Mapping[str, Scalar]:
    """Public targets see the outbound address, and nothing of the vSwitch."""
    if case.way != INTERNET:
        return {}
    seen = sorted({str(seen.facts["seen"]) for seen in case.run.of("egress", "address") if "seen" in seen.facts})
    return {"vswitch": "this job's outbound address" + (", %s" % listed(seen) if seen else "")}


def security_group_rule(cases: Sequence[Case]) -> str:
    """The inbound rule that lets the job's vSwitch reach the ports of these targets."""
    known = inventory.rules_to_add(cases)
    if known or any(inventory.group_drops(case) for case in cases):
        return known
    ports = sorted({case.target.port for case in cases})
    return admit_in_security_group(ports, vswitch(cases) or cases[0].source)


def _whitelist_entry(cases: Sequence[Case]) -> str:
    return admit_in_whitelist(vswitch(cases) or cases[0].source)


# For a filter that drops single ports.
_OF_A_PORT = (
    Clue(clues.same_host_answers, 8),
    Clue(sweeps.host_answers, 8),
    Clue(_port_is_singled_out, 2),
    Clue(sweeps.port_answers_elsewhere, 2),
    Clue(clues.same_host_silent, 0.4),
    Clue(clues.subnet_silent, 0.3),
    Clue(clues.way_silent, 0.2),
)

RULES = (
    Rule(
        cause="sg_drop",
        explains=(CONNECT,),
        applies=_silent_inside,
        prior=0.3,
        clues=(
            Clue(inventory.group_drops, 100),
            Clue(inventory.group_admits, 0.05),
            # It comes first on the way.
            Clue(inventory.own_group_drops, 0.05),
            Clue(clues.same_host_answers, 8),
            Clue(sweeps.host_answers, 8),
            Clue(_port_is_singled_out, 2),
            Clue(sweeps.port_silent_throughout, 2),
            Clue(sweeps.port_answers_elsewhere, 0.6),
            # A group that does not admit the source at all drops every port of its hosts.
            Clue(clues.same_host_silent, 1.2),
            Clue(neighbours.answer, 1.2),
            Clue(clues.subnet_silent, 0.3),
            Clue(neighbours.are_silent, 0.7),
            Clue(sweeps.network_answers, 1.2),
            Clue(sweeps.network_silent, 0.8),
            Clue(sweeps.lies_in_the_dark, 0.3),
            Clue(sweeps.lies_in_the_unused, 0.5),
            Clue(clues.way_silent, 0.2),
            Clue(trace.held_back, 0.1),
            Clue(attempts.host_is_up, 2),
            Clue(sweeps.host_echoes, 2),
            Clue(attempts.other_port_answered, 0.1),
        ),
        wants=attempts.wants,
        snippet=security_group_rule,
        scope=HOST,
    ),
    Rule(
        cause="host_firewall_drop",
        explains=(CONNECT,),
        applies=clues.silent,
        prior=0.12,
        clues=(
            Clue(clues.same_host_answers, 0),
            Clue(sweeps.host_answers, 0),
            Clue(clues.same_host_silent, 2),
            Clue(clues.subnet_answers, 2),
            Clue(neighbours.answer, 2),
            Clue(sweeps.network_answers, 2),
            Clue(sweeps.port_answers_elsewhere, 1.5),
            Clue(sweeps.port_silent_throughout, 0.5),
            Clue(sweeps.lies_in_the_dark, 0.3),
            Clue(sweeps.lies_in_the_unused, 0.5),
            Clue(clues.subnet_silent, 0.2),
            Clue(clues.way_silent, 0.2),
            Clue(trace.held_back, 0.1),
            Clue(trace.left, 2),
            # It drops not everything, then.
            Clue(attempts.host_is_up, 0.4),
            Clue(sweeps.host_echoes, 0.4),
            Clue(attempts.other_ports_silent, 1.2),
            Clue(attempts.other_port_answered, 0.1),
        ),
        wants=attempts.wants,
        details=_whence,
        scope=HOST,
    ),
    Rule(
        cause="ip_whitelist_mismatch",
        explains=(CONNECT,),
        applies=_not_admitted,
        prior=30.0,
        clues=(*_OF_A_PORT, Clue(sweeps.port_silent_throughout, 0.7), Clue(attempts.other_source_answered, 3)),
        snippet=_whitelist_entry,
    ),
    Rule(
        cause="return_path_drop",
        explains=(CONNECT,),
        applies=clues.silent,
        prior=0.04,
        clues=(
            Clue(inventory.answer_lost, 500),
            Clue(attempts.other_port_answered, 1000),
            Clue(forwarder.hides_ports, 2),
            Clue(clues.same_host_answers, 0.3),
            Clue(sweeps.host_answers, 0.3),
            Clue(sweeps.network_answers, 0.3),
            Clue(clues.same_host_silent, 2),
            Clue(clues.subnet_silent, 3),
            Clue(clues.way_silent, 0.3),
            Clue(trace.held_back, 0.1),
            Clue(attempts.other_vswitch_answered, 5),
        ),
        wants=attempts.wants,
        scope=SUBNET,
    ),
    Rule(
        cause="admin_prohibited",
        explains=(CONNECT,),
        applies=_prohibited,
        prior=5.0,
        clues=(Clue(forwarder.hearsay, 0.06), Clue(sweeps.prohibited, 1.5)),
        scope=HOST,
    ),
    # Where no message is ever heard, a refusal by one is silence.
    Rule(
        cause="admin_prohibited",
        explains=(CONNECT,),
        applies=_unheard,
        prior=0.13,
        clues=(*_OF_A_PORT, Clue(sweeps.port_silent_throughout, 2)),
        wants=trace.first_hop,
        scope=HOST,
    ),
    Rule(
        cause="sg_reset",
        explains=(CONNECT,),
        applies=_reset,
        prior=0.12,
        clues=(
            Clue(clues.same_host_answers, 2),
            Clue(_nearer_than_its_host, 40),
            Clue(trace.reset_on_the_way, 40),
            # A device right before the host lets a SYN through that expires there, and resets the next one.
            Clue(trace.reset_by_the_host, 0.6),
        ),
        suspects=_may_be_on_the_way,
    ),
)
