"""Layer filter: somebody on the way, or the destination itself, does not let this source through."""

from itertools import islice
from typing import Optional, Sequence

from reports.addresses import admits
from reports.evidence import Case
from reports.failures import Failure
from reports.maxcompute.statements import admit_in_security_group, admit_in_whitelist
from reports.remedies import vswitch
from reports.rules import clues, forwarder, trace
from reports.rules.contract import CONNECT, HOST, Clue, Proof, Rule
from reports.words import listed, seconds


def _silent_inside(case: Case) -> Optional[Proof]:
    return clues.silent(case) if case.way != "internet" else None


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
    """The destination is said to admit other addresses of the vSwitch from which this job comes."""
    if not case.target.admits or not case.source or admits(case.target.admits, case.source):
        return None
    if not clues.silent(case) and not case.only_failed_with(Failure.CONNECTION_REFUSED, Failure.ADMIN_PROHIBITED):
        return None
    network = case.run.network_of(case.source)
    near = network is None or any(admits([network.cidr], entry.split("/")[0]) for entry in case.target.admits)
    if not near:
        return None
    return Proof(
        "the destination is said to admit %s; this job comes from %s" % (listed(case.target.admits), case.source),
        case.broken[:1],
    )


def _prohibited(case: Case) -> Optional[Proof]:
    refused = case.only_failed_with(Failure.ADMIN_PROHIBITED, Failure.PORT_UNREACHABLE)
    if not refused or any(seen.facts.get("icmp_local") for seen in refused) or _from_this_machine(case):
        return None
    return Proof("", refused)


def _from_this_machine(case: Case) -> bool:
    own = {address for seen in clues.interfaces(case) for address in clues.own_addresses(seen)}
    return any(seen.facts.get("icmp_from") in own for seen in case.failed_connects)


def _reset(case: Case) -> Optional[Proof]:
    refused = case.only_failed_with(Failure.CONNECTION_REFUSED)
    if not refused or any(seen.facts.get("immediate") or "icmp_from" in seen.facts for seen in refused):
        return None
    return Proof("", refused)


def _nearer_than_its_host(case: Case) -> Optional[Proof]:
    """The reset came much sooner than the host itself answers: something nearer made it."""
    answers = [seen for group in case.run.hosts_of(case) for seen in group.answers]
    handshakes = [seen.duration_s for seen in answers if seen.failure is None]
    resets = _reset(case)
    if resets is None or not handshakes:
        return None
    reset, handshake = min(seen.duration_s for seen in resets.observations), min(handshakes)
    if reset > handshake / 3 or handshake - reset < 0.002:
        return None
    return Proof(
        "the reset came after %s, the host's own answers take %s" % (seconds(reset), seconds(handshake)),
        resets.observations,
    )


def security_group_rule(cases: Sequence[Case]) -> str:
    """The inbound rule that lets the job's vSwitch reach the ports of these targets."""
    ports = sorted({case.target.port for case in cases})
    return admit_in_security_group(ports, vswitch(cases) or cases[0].source)


def _whitelist_entry(cases: Sequence[Case]) -> str:
    return admit_in_whitelist(vswitch(cases) or cases[0].source)


RULES = (
    Rule(
        cause="sg_drop",
        explains=(CONNECT,),
        applies=_silent_inside,
        prior=0.3,
        clues=(
            Clue(clues.same_host_answers, 8),
            Clue(_port_is_singled_out, 2),
            Clue(clues.same_host_silent, 0.4),
            Clue(clues.subnet_silent, 0.3),
            Clue(clues.way_silent, 0.2),
            Clue(trace.held_back, 0.1),
        ),
        wants=trace.wants,
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
            Clue(clues.same_host_silent, 3),
            Clue(clues.subnet_answers, 3),
            Clue(clues.subnet_silent, 0.2),
            Clue(clues.way_silent, 0.2),
            Clue(trace.held_back, 0.1),
        ),
        wants=trace.wants,
        scope=HOST,
    ),
    Rule(
        cause="ip_whitelist_mismatch",
        explains=(CONNECT,),
        applies=_not_admitted,
        prior=6.0,
        clues=(Clue(clues.way_silent, 0.2),),
        snippet=_whitelist_entry,
    ),
    Rule(
        cause="admin_prohibited",
        explains=(CONNECT,),
        applies=_prohibited,
        prior=5.0,
        clues=(Clue(forwarder.hearsay, 0.02),),
        scope=HOST,
    ),
    Rule(
        cause="sg_reset",
        explains=(CONNECT,),
        applies=_reset,
        prior=0.06,
        clues=(Clue(_nearer_than_its_host, 40),),
    ),
)
