"""What happened to a target, in plain words, before anything is said of why."""

from collections import defaultdict
from typing import Dict, List, Sequence, Tuple

from reports.case import Case
from reports.failures import Failure
from reports.model import Observation
from reports.rules.contract import CONNECT, RESOLVE, Proof
from reports.words import count, listed, seconds

# ICMP destination unreachable: what the codes say (RFC 792, RFC 1812 section 5.2.7.1; RFC 4443 section 3.1).
_UNREACHABLE = {
    Failure.HOST_UNREACHABLE: "host unreachable",
    Failure.NETWORK_UNREACHABLE: "network unreachable",
    Failure.ADMIN_PROHIBITED: "administratively prohibited",
    Failure.PORT_UNREACHABLE: "port unreachable",
    Failure.PROTOCOL_UNREACHABLE: "protocol unreachable",
    Failure.TTL_EXCEEDED: "time exceeded",
}

_SAID = {
    Failure.DNS_NXDOMAIN: "the name does not exist (NXDOMAIN)",
    Failure.DNS_SERVFAIL: "SERVFAIL",
    Failure.DNS_REFUSED: "REFUSED",
    Failure.DNS_NO_ANSWER: "the name has no address (NODATA)",
    Failure.DNS_CNAME_LOOP: "the CNAME records form a loop",
    Failure.DNS_MALFORMED: "an answer that cannot be read",
    Failure.DNS_TEMPORARY: "a temporary failure",
    Failure.TIMED_OUT: "no answer",
    Failure.CONNECTION_REFUSED: "nothing listens there",
    Failure.PORT_UNREACHABLE: "nothing listens there (ICMP port unreachable)",
    Failure.LOCAL_NO_ROUTE: "no route from here",
    Failure.DNS_NO_SERVERS: "no name server is configured",
}


def symptom(case: Case) -> Proof:
    """The broken stage of the target in words, with the observations; empty words where the rules tell it better."""
    if case.behind and case.accepted_for:
        return Proof(_accepted_in_place(case), case.broken + case.accepted_for)
    if case.stage == CONNECT:
        return Proof("; ".join(_connects(case.broken)), case.broken)
    if case.stage == RESOLVE:
        return Proof("; ".join(_queries(case.broken)), case.broken)
    return Proof("", case.broken)


def _accepted_in_place(case: Case) -> str:
    failed = case.broken[0]
    after = seconds(max(seen.duration_s for seen in case.broken))
    came = "nothing came for %s" % after if failed.failure is Failure.TIMED_OUT else "it was closed after %s" % after
    return (
        "the connection to %s was accepted and %s, without a byte; another accepts them at the first hop (%s, TTL 1)"
        % (
            case.broken[0].address,
            came,
            case.accepted_for[0].address,
        )
    )


def _connects(failed: Sequence[Observation]) -> List[str]:
    groups: Dict[Tuple[object, object], List[Observation]] = defaultdict(list)
    for seen in failed:
        groups[seen.failure, seen.facts.get("icmp_from")].append(seen)
    return [_connect(group) for group in groups.values()]


def _connect(group: Sequence[Observation]) -> str:
    first = group[0]
    where = listed([str(seen.address) for seen in group])
    after = seconds(max(seen.duration_s for seen in group))
    failure = first.failure or Failure.UNKNOWN
    if failure is Failure.TIMED_OUT:
        syns = sum(int(seen.facts.get("syns", 1)) for seen in group)
        return "%s to %s in %s, no answer of any kind" % (count(syns, "SYN"), where, after)
    if first.facts.get("immediate"):
        return "this machine did not let the connection to %s out (%s)" % (where, failure.value)
    sender = first.facts.get("icmp_from")
    if sender and sender != first.facts.get("source") and not first.facts.get("icmp_local"):
        said = _UNREACHABLE.get(failure, failure.value)
        return '%s answers "%s" for %s after %s' % (sender, said, where, after)
    if failure is Failure.CONNECTION_REFUSED:
        return "%s answers the SYN with a reset after %s" % (where, after)
    if failure is Failure.HOST_UNREACHABLE:
        return "%s: no host answers for this address on the link, after %s" % (where, after)
    return "%s: %s after %s" % (where, failure.value, after)


def _queries(failed: Sequence[Observation]) -> List[str]:
    groups: Dict[Tuple[object, object], List[Observation]] = defaultdict(list)
    for seen in failed:
        groups[seen.step == "resolver", seen.failure].append(seen)
    return [_query(group) for group in groups.values()]


def _query(group: Sequence[Observation]) -> str:
    first = group[0]
    failure = first.failure or Failure.UNKNOWN
    said = _SAID.get(failure, failure.value)
    name = first.facts.get("name", "the name")
    longest = seconds(max(seen.duration_s for seen in group))
    if first.step == "resolver":
        return "this machine's own resolver for %s: %s, after %s" % (name, said, longest)
    servers = listed(list(dict.fromkeys(str(seen.address) for seen in group if seen.address)))
    if not servers:
        return said
    return "%s for %s: %s, after %s" % (servers, name, said, longest)
