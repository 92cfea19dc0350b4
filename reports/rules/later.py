"""What repeated handshakes met that the first look did not: refusals, and a service that turns clients away."""

from typing import Dict, Optional, Tuple

from reports.case import Case
from reports.causes import CRITICAL, WARNING
from reports.failures import Failure
from reports.model import Observation, Scalar
from reports.rules.contract import WORKS, Proof, Rule
from reports.words import count


def _refused(case: Case) -> Optional[Proof]:
    """The host reset some of them: nothing listened for a while, or not behind every address."""
    return _told(case, "refused", "were refused")


def _turned_away(case: Case) -> Optional[Proof]:
    """They were accepted, and the service had no connection left."""
    if any(seen.facts.get("denial") != Failure.TOO_MANY_CONNECTIONS.value for seen in _with(case, "denied")):
        return None
    return _told(case, "denied", "were turned away by the service: too many connections")


def _prohibited(case: Case) -> Optional[Proof]:
    """Somebody on the way began to reject them."""
    said = tuple(seen for seen in _series(case) if seen.failure in (Failure.ADMIN_PROHIBITED, Failure.PORT_UNREACHABLE))
    return Proof("the first look was answered, and a later handshake was rejected by ICMP", said) if said else None


def _told(case: Case, fact: str, how: str) -> Optional[Proof]:
    series = _with(case, fact)
    if not series:
        return None
    bad, tried = _of(series, fact), _of(series, "tried")
    return Proof(
        "the first look was answered, and %d of %s after it %s" % (bad, count(tried, "handshake"), how), series
    )


def _with(case: Case, fact: str) -> Tuple[Observation, ...]:
    return tuple(seen for seen in _series(case) if seen.facts.get(fact))


def _series(case: Case) -> Tuple[Observation, ...]:
    return () if case.stage != WORKS or case.proxied else tuple(case.of("loss", "handshakes"))


def _of(series: Tuple[Observation, ...], fact: str) -> int:
    return sum(int(seen.facts.get(fact, 0)) for seen in series)


def _severity(case: Case) -> str:
    """Where half of them or more do not get in, the job will not either."""
    bad, tried = (
        sum(_of(tuple(_series(case)), fact) for fact in facts) for facts in (("refused", "denied"), ("tried",))
    )
    return CRITICAL if 2 * bad >= tried else WARNING


def _message(_: Case) -> Dict[str, Scalar]:
    return {"message": "too many connections"}


RULES = (
    Rule(cause="service_not_listening", explains=(WORKS,), applies=_refused, prior=0.03, severity=_severity),
    Rule(
        cause="destination_connection_limit",
        explains=(WORKS,),
        applies=_turned_away,
        prior=0.1,
        severity=_severity,
        details=_message,
    ),
    Rule(cause="admin_prohibited", explains=(WORKS,), applies=_prohibited, prior=0.05),
)
