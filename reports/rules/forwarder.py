"""Who accepted the connection: the target, or somebody on the way in its place."""

from typing import Optional, Tuple

from reports.evidence import Case
from reports.failures import Failure
from reports.rules.contract import EXCHANGE, TLS, Clue, Proof, Want


def wants(case: Case) -> Tuple[Want, ...]:
    """Whether a connection that ended without a byte would also be accepted at the first hop; once for a way."""
    first = next((other for other in case.run.way_of(case).cases if _is_mute(other)), None)
    return (Want("path", "first_hop", case.target.name),) if first is case else ()


def _in_place(case: Case) -> Optional[Proof]:
    """What the target itself does is hidden behind whoever accepted."""
    return Proof("", case.accepted_for) if case.behind else None


def hearsay(case: Case) -> Optional[Proof]:
    """Whatever refused the connection, whoever accepted it has heard, and not this machine."""
    return Proof("", case.broken) if case.behind and case.broken[0].failure is not Failure.TIMED_OUT else None


def _unknown(case: Case) -> Optional[Proof]:
    """Nothing shows yet that it was the target that accepted."""
    if not _is_mute(case) or any(hop.failure is None for hops in case.run.way_of(case).traces for hop in hops):
        return None
    return Proof("", case.broken)


def _is_mute(case: Case) -> bool:
    """It accepts, ends without a byte, and a router lies between."""
    if case.proxied or case.stage not in (TLS, EXCHANGE) or any(seen.facts.get("bytes_in") for seen in case.broken):
        return False
    return not any(case.run.is_on_link(ip) for ip in case.ips)


# For whatever blames the target for how an accepted connection ends.
CLUES: Tuple[Clue, ...] = (Clue(_in_place, 0.4), Clue(_unknown, 0.3))
