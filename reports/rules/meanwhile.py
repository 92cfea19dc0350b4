"""What has changed while the run looked: a target that was silent and then answers, or the reverse."""

from typing import Dict, Optional, Tuple

from reports.case import Case
from reports.evidence import Evidence
from reports.failures import Failure
from reports.groups import ip_of
from reports.model import Observation
from reports.rules import clues
from reports.rules.contract import CONNECT, EXCHANGE, RESOLVE, TLS, WORKS, Proof, Want
from reports.words import count, seconds

# What a restart, a moment's load or a reload may cause, and is over soon after.
_MOMENTARY = frozenset(
    {
        Failure.CONNECTION_REFUSED,
        Failure.CONNECTION_RESET,
        Failure.EOF,
        Failure.HTTP_ERROR_STATUS,
        Failure.TOO_MANY_CONNECTIONS,
    }
)
_RCODES = frozenset({Failure.DNS_NXDOMAIN, Failure.DNS_SERVFAIL, Failure.DNS_REFUSED, Failure.DNS_ERROR_CODE})
_SERVER_ERRORS = 500
# Whoever takes longer to fail (seconds) would make the run longer.
_FAST = 0.5
# So many at most are asked once more.
_MOST = 6


def changed(case: Case) -> Optional[Proof]:
    """What was seen first does not hold any more."""
    return _answers_now(case) or _works_again(case) or _is_known_now(case) or _silent_now(case)


def wants(run: Evidence) -> Tuple[Want, ...]:
    """The first look once more, at a few that failed fast, or for one SYN: it may have been a moment's."""
    found: Dict[Want, None] = {}
    for case in run.cases.values():
        if case.proxied or case.behind or case.series or case.of("egress", "repeat"):
            continue
        if case.stage == RESOLVE and any(seen.failure in _RCODES for seen in case.broken):
            found[Want("again", "lookup", None, case.target.host)] = None
        elif case.stage in (CONNECT, TLS, EXCHANGE) and (all(map(_may_pass, case.broken)) or _was_one_syn(case)):
            found[Want("again", "look", case.target.name, ip_of(case.broken[0]))] = None
    return tuple(found)[:_MOST]


def _may_pass(seen: Observation) -> bool:
    if seen.failure not in _MOMENTARY or seen.duration_s > _FAST or seen.facts.get("immediate"):
        return False
    return seen.failure is not Failure.HTTP_ERROR_STATUS or int(seen.facts.get("status", 0)) >= _SERVER_ERRORS


def _was_one_syn(case: Case) -> bool:
    """Whether all that is known of the silence is that one SYN was not answered: it may have been lost."""
    syns = sum(int(seen.facts.get("syns", 1)) for seen in case.silent)
    return syns == 1 and not case.of("path", "hop") and not case.of("tcp", "connect_port")


def _works_again(case: Case) -> Optional[Proof]:
    """What failed at first was asked once more at the same address, and works."""
    failed = {ip_of(seen) for seen in case.broken}
    worked = tuple(seen for seen in case.of("again", "look") if seen.failure is None and ip_of(seen) in failed)
    if not worked:
        return None
    ended = max(seen.started + seen.duration_s for seen in case.broken)
    words = "%s later the target answers: what was wrong has changed meanwhile, or does not hold for every connection"
    return Proof(words % seconds(worked[0].started - ended), worked)


def _is_known_now(case: Case) -> Optional[Proof]:
    """The name was asked for once more, and has an address."""
    if case.stage != RESOLVE:
        return None
    known = tuple(
        seen
        for seen in case.run.of("again", "lookup")
        if seen.failure is None and seen.facts.get("name") == case.target.host
    )
    if not known:
        return None
    ended = max(seen.started + seen.duration_s for seen in case.broken)
    words = "%s later the name servers know the name: what was wrong has changed meanwhile, or does not hold always"
    return Proof(words % seconds(known[0].started - ended), known)


def _silent_now(case: Case) -> Optional[Proof]:
    """The first look was answered, and then no handshake of a series."""
    if case.stage != WORKS or any(seen.failure is not Failure.TIMED_OUT for seen in case.series):
        return None
    syns = sum(int(seen.facts.get("syns", 0)) for seen in case.series)
    words = (
        "the first look was answered, and then none of %s: it has changed meanwhile, or only so many are let through"
    )
    return Proof(words % count(syns, "SYN"), tuple(case.series)) if syns else None


def _answers_now(case: Case) -> Optional[Proof]:
    """An attempt like the first one, made after that had met silence, was answered by the target.

    Attempts that are not like it (from another address or port) and series of them (packet loss) say something else.
    """
    silent = clues.silent(case)
    if silent is None or case.behind or case.series:
        return None
    ended = max(seen.started + seen.duration_s for seen in silent.observations)
    tried = {ip_of(seen) for seen in silent.observations}
    again = tuple(
        seen
        for seen in case.seen
        if seen.failure is None
        and seen.started >= ended
        and ip_of(seen) in tried
        and (
            (seen.probe == "tcp" and seen.step == "connect_port" and "source_port" not in seen.facts)
            or (seen.probe == "path" and seen.step == "hop" and seen.facts.get("reached"))
        )
    )
    if not again:
        return None
    first = min(again, key=lambda seen: seen.started)
    words = "%s later the target answers: what was wrong has changed meanwhile, or does not hold for every connection"
    return Proof(words % seconds(first.started - ended), (first,))
