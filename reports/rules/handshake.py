"""Layer tls: the port is reached, and the handshake breaks off before any certificate could matter."""

from typing import Dict, Optional, Tuple

from reports.case import Case
from reports.failures import Failure
from reports.model import Observation, Scalar
from reports.rules import forwarder
from reports.rules.contract import EXCHANGE, TLS, Clue, Proof, Rule
from reports.services import SERVICES, service_at
from reports.words import count, seconds

_CLIENT_CERTIFICATE = "the server wants a client certificate"
# What the alerts of RFC 8446 section 6.2 mean for whoever reads this.
_ALERTS: Dict[str, str] = {
    "protocol_version": "the server knows none of the TLS versions that this client accepts",
    "handshake_failure": "no version, cipher or client certificate in common",
    "insufficient_security": "the server finds the ciphers of this client too weak",
    "certificate_required": _CLIENT_CERTIFICATE,
    "bad_certificate": _CLIENT_CERTIFICATE,
    "unknown_ca": _CLIENT_CERTIFICATE + " of an authority that it knows",
    "access_denied": "the server does not admit this client",
    "unrecognized_name": "the server has nothing under this name",
    "internal_error": "the server failed by itself",
}

_NO_ALERT = "it breaks the handshake off without an alert; its log tells why"


def ended(case: Case, *failures: Failure) -> Tuple[Observation, ...]:
    """The handshakes of the broken stage that ended so."""
    return tuple(seen for seen in case.broken if seen.probe == "tls" and seen.failure in failures)


def _plaintext(case: Case) -> Optional[Proof]:
    """The answer to the TLS handshake was plain text."""
    failed = ended(case, Failure.TLS_PLAINTEXT)
    if not failed:
        return None
    words = "%s answers the TLS handshake in plain text (%s)" % (failed[0].address, _spoke(failed[0]))
    return Proof(words, failed)


def _mute_plain_port(case: Case) -> Optional[Proof]:
    """The well-known port of a service without TLS, and not a byte of TLS came."""
    usual = SERVICES[service_at(case.target.port)]
    mute = tuple(
        seen
        for seen in ended(case, Failure.EOF, Failure.CONNECTION_RESET, Failure.TIMED_OUT)
        if not seen.facts.get("bytes_in")
    )
    if usual.tls or usual.name == "tcp" or not mute:
        return None
    return Proof("port %d is the usual one of %s, without TLS" % (case.target.port, usual.name), mute)


def _spoke(seen: Observation) -> str:
    return str(seen.facts.get("spoke", "")) or "something unknown"


def _plaintext_details(case: Case) -> Dict[str, Scalar]:
    return {"spoke": _spoke(case.broken[0])}


def _usual_details(case: Case) -> Dict[str, Scalar]:
    return {"spoke": service_at(case.target.port)}


def _failed(case: Case) -> Optional[Proof]:
    """The two ends agreed on no version, cipher or client certificate."""
    failed = tuple(seen for seen in case.broken if seen.failure is Failure.TLS_HANDSHAKE_FAILED)
    if not failed:
        return None
    return Proof("the handshake with %s fails: %s" % (failed[0].address, _why(failed[0])), failed)


def _why(seen: Observation) -> str:
    """The alert in words, or what the server or OpenSSL says."""
    alert = str(seen.facts.get("alert", ""))
    if alert:
        return "%s (alert %s)" % (_ALERTS.get(alert, "the server ends it"), alert)
    said = str(seen.facts.get("message") or seen.facts.get("detail") or seen.facts.get("reason") or "no reason given")
    if "certificate required" in said or "SSL certificate" in said:
        return "%s (%s)" % (_CLIENT_CERTIFICATE, said)
    return said


def _failed_details(case: Case) -> Dict[str, Scalar]:
    return {"message": _why(case.broken[0])}


def _broken_off(case: Case) -> Optional[Proof]:
    """The connection ended in the middle of the handshake."""
    return _told(case, "is closed", Failure.EOF) or _told(case, "is reset", Failure.CONNECTION_RESET)


def _closed(case: Case) -> Optional[Proof]:
    """The connection was accepted and closed in place of the handshake."""
    return _told(case, "is closed", Failure.EOF)


def _reset(case: Case) -> Optional[Proof]:
    """The connection was accepted and reset in place of the handshake."""
    return _told(case, "is reset", Failure.CONNECTION_RESET)


def _told(case: Case, ending: str, failure: Failure) -> Optional[Proof]:
    """``the TLS handshake with 10.0.0.1:443 is closed after 2.1 ms, without a byte``."""
    failed = ended(case, failure)
    if not failed:
        return None
    first = failed[0]
    came = int(first.facts.get("bytes_in", 0))
    heard = "after %s of the server" % count(came, "byte") if came else "without a byte"
    words = "the TLS handshake with %s %s after %s, %s" % (first.address, ending, seconds(first.duration_s), heard)
    return Proof(words, failed)


def _had_begun(case: Case) -> Optional[Proof]:
    """The server had begun to speak TLS: it is there, and something in the handshake displeases it."""
    begun = tuple(seen for seen in case.broken if int(seen.facts.get("bytes_in", 0)))
    return Proof("", begun) if begun else None


def _no_alert(case: Case) -> Dict[str, Scalar]:  # noqa: ARG001 - the shape of a callable
    return {"message": _NO_ALERT}


RULES: Tuple[Rule, ...] = (
    Rule(cause="tls_port_speaks_plaintext", explains=(TLS,), applies=_plaintext, prior=2.0, details=_plaintext_details),
    Rule(
        cause="tls_port_speaks_plaintext",
        explains=(TLS,),
        applies=_mute_plain_port,
        prior=2.0,
        details=_usual_details,
    ),
    Rule(cause="tls_handshake_failed", explains=(TLS, EXCHANGE), applies=_failed, prior=2.0, details=_failed_details),
    # What follows may mean much: what is said is what happened, and what else it may be.
    Rule(
        cause="tls_handshake_failed",
        explains=(TLS,),
        applies=_broken_off,
        prior=0.15,
        clues=(Clue(_had_begun, 10),),
        details=_no_alert,
    ),
    Rule(
        cause="accept_then_close",
        explains=(TLS,),
        applies=_closed,
        prior=0.8,
        clues=(Clue(_had_begun, 0.3), *forwarder.CLUES),
        suspects=forwarder.suspects,
    ),
    Rule(
        cause="accept_then_reset",
        explains=(TLS,),
        applies=_reset,
        prior=0.1,
        clues=forwarder.CLUES,
        suspects=forwarder.suspects,
    ),
)
