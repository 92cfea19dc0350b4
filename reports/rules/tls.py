"""Layer tls: the certificate is what keeps the job out, or soon will, or is not the server's own."""

from typing import Dict, Optional, Tuple

from reports.case import Case
from reports.failures import Failure
from reports.model import Observation, Scalar
from reports.rules.contract import TLS, Clue, Proof, Rule
from reports.rules.handshake import RULES as HANDSHAKE_RULES
from reports.rules.handshake import ended as _ended
from reports.words import count, listed

# Days that are left when a certificate earns a warning.
_SOON = 14

# X509_V_ERR_* of OpenSSL: the chain's end.
_SELF_SIGNED = 18
_SELF_SIGNED_IN_CHAIN = 19


# --- what was seen ---------------------------------------------------------------------------------------------------


def _fact(case: Case, key: str) -> str:
    """What the first handshake that knows it says."""
    return next((str(seen.facts[key]) for seen in case.handshakes if key in seen.facts), "")


def _day(time: Scalar) -> str:
    """``2026-11-20T10:00:00Z`` as a person writes it."""
    return "%s %s UTC" % (str(time)[:10], str(time)[11:16])


def _days(number: float) -> str:
    whole = int(abs(number))
    return count(whole, "day") if whole else "%.0f hours" % (abs(number) * 24)


def _days_left(seen: Observation) -> Optional[float]:
    days = seen.facts.get("days_left")
    return float(days) if isinstance(days, (int, float)) else None


def _for_whom(seen: Observation) -> str:
    names = [name for name in str(seen.facts.get("names", "")).split(",") if name]
    return listed(names) or str(seen.facts.get("subject", "")) or "nobody"


# --- dates -----------------------------------------------------------------------------------------------------------


def _expired(case: Case) -> Optional[Proof]:
    """The certificate that was shown is out of date."""
    ended = _ended(case, Failure.TLS_EXPIRED)
    if not ended:
        return None
    first = ended[0]
    left = _days_left(first)
    if left is None:
        words = "the certificate of %s has ended, says %s" % (first.address, _verifier(first))
    elif left >= 0:
        words = "a certificate in the chain of %s has ended; the server's own lasts until %s" % (
            first.address,
            _day(first.facts.get("not_after", "an unknown day")),
        )
    else:
        words = "the certificate of %s, for %s, ended on %s, %s ago by this machine's clock" % (
            first.address,
            _for_whom(first),
            _day(first.facts.get("not_after", "an unknown day")),
            _days(left),
        )
    return Proof(words, ended)


def _expired_details(case: Case) -> Dict[str, Scalar]:
    first = _ended(case, Failure.TLS_EXPIRED)[0]
    left = _days_left(first)
    if left is None:
        return {}
    return {
        "not_after": _day(first.facts.get("not_after", "an unknown day"))
        if left < 0
        else "a day of which only its chain tells"
    }


def _not_yet_valid(case: Case) -> Optional[Proof]:
    """The certificate that was shown is not valid yet."""
    ended = _ended(case, Failure.TLS_NOT_YET_VALID)
    if not ended:
        return None
    first = ended[0]
    words = "the certificate of %s is not valid yet, says %s" % (first.address, _verifier(first))
    if "not_before" in first.facts:
        words = "the certificate of %s begins on %s, and this machine's clock has not come to that yet" % (
            first.address,
            _day(first.facts["not_before"]),
        )
    return Proof(words, ended)


def _not_yet_valid_details(case: Case) -> Dict[str, Scalar]:
    begins = _fact(case, "not_before")
    return {"not_before": _day(begins)} if begins else {}


def _expiring_soon(case: Case) -> Optional[Proof]:
    """The certificate is valid, and ends within days."""
    for seen in case.handshakes:
        left = _days_left(seen)
        if seen.failure is None and left is not None and 0 <= left < _SOON:
            words = "the certificate of %s ends on %s, in %s" % (
                seen.address,
                _day(seen.facts.get("not_after", "an unknown day")),
                _days(left),
            )
            return Proof(words, (seen,))
    return None


def _not_after(case: Case) -> Dict[str, Scalar]:
    return {"not_after": _day(_fact(case, "not_after"))}


# --- name and authority ----------------------------------------------------------------------------------------------


def _verifier(seen: Observation) -> str:
    return '"%s"' % seen.facts.get("verify_message", "the verification failed")


def _wrong_name(case: Case) -> Optional[Proof]:
    """The certificate that was shown does not hold the name that was asked for."""
    ended = _ended(case, Failure.TLS_WRONG_NAME)
    if not ended:
        return None
    words = "%s was asked for %s and shows a certificate for %s" % (
        ended[0].address,
        case.target.host,
        _for_whom(ended[0]),
    )
    return Proof(words, ended)


def _wrong_name_details(case: Case) -> Dict[str, Scalar]:
    return {"names": _for_whom(_ended(case, Failure.TLS_WRONG_NAME)[0])}


def _untrusted(case: Case) -> Optional[Proof]:
    """The certificate leads to no authority that is trusted here."""
    ended = _ended(case, Failure.TLS_UNTRUSTED)
    if not ended:
        return None
    first = ended[0]
    code, issuer = first.facts.get("verify_code"), first.facts.get("issuer")
    if issuer is None:
        words = "the certificate of %s is not trusted here: %s" % (first.address, _verifier(first))
    elif code == _SELF_SIGNED or first.facts.get("self_signed"):
        words = "the certificate of %s is signed by nobody but itself (%s)" % (first.address, issuer)
    else:
        words = "the certificate of %s is issued by %s, which is no authority known here" % (first.address, issuer)
        if code != _SELF_SIGNED_IN_CHAIN and first.facts.get("chain") == 1:
            words += "; the server sends no intermediate certificate with it, and must if that is what signed it"
    left = _days_left(first)
    if left is not None and left < 0:
        words += "; it ended on %s besides" % _day(first.facts.get("not_after", "an unknown day"))
    return Proof(words, ended)


def _issuer(case: Case) -> Dict[str, Scalar]:
    issuer = _fact(case, "issuer")
    return {"issuer": issuer} if issuer else {}


# --- interception ----------------------------------------------------------------------------------------------------


def _expected_issuer(case: Case) -> str:
    expectations = (case.target.tls, case.run.plan.tls)
    return next((one.issuer for one in expectations if one is not None and one.issuer), "")


def _is_expected(issuer: str, expected: str) -> bool:
    """Each part of what the plan expects stands in the issuer: ``Corp`` as well as ``O=Corp, CN=Corp Root``."""
    found = issuer.casefold()
    return all(part.strip() in found for part in expected.casefold().split(","))


def _issued(case: Case) -> Tuple[Observation, ...]:
    return tuple(seen for seen in case.handshakes if "issuer" in seen.facts)


def _other_issuer(case: Case) -> Optional[Proof]:
    """The issuer is another than the one that the plan expects."""
    expected = _expected_issuer(case)
    other = tuple(seen for seen in _issued(case) if not _is_expected(str(seen.facts["issuer"]), expected))
    if not expected or not other:
        return None
    first = other[0]
    words = "the certificate of %s is issued by %s; the plan expects %s" % (
        first.address,
        first.facts["issuer"],
        expected,
    )
    return Proof(words, other)


def _expected_one(case: Case) -> Optional[Proof]:
    """The issuer is the one that the plan expects."""
    expected = _expected_issuer(case)
    if not expected or not _issued(case) or _other_issuer(case):
        return None
    return Proof("the issuer is the one that the plan expects, %s" % expected, _issued(case))


def _accepted_from_another(case: Case) -> Optional[Proof]:
    """The certificate verifies, and is from another authority than the expected one."""
    return None if case.stage == TLS else _other_issuer(case)


def _refused_from_another(case: Case) -> Optional[Proof]:
    """The certificate was refused, and is from another authority than the expected one, or an unknown one."""
    if _other_issuer(case):
        return Proof("", _issued(case))
    refused = tuple(seen for seen in _ended(case, Failure.TLS_UNTRUSTED) if seen.facts.get("self_signed") is False)
    return Proof("", refused) if refused else None


def _domain(host: str) -> str:
    return ".".join(host.split(".")[-2:])


def _shared_issuer(case: Case) -> Optional[Proof]:
    """One unknown authority signs for several owners: that is what a device does that opens TLS."""
    issuer = _fact(case, "issuer")
    others = {
        other.target.host: other
        for other in case.run.cases.values()
        if _domain(other.target.host) != _domain(case.target.host)
        and any(seen.facts.get("issuer") == issuer for seen in _ended(other, Failure.TLS_UNTRUSTED))
    }
    if not issuer or not others:
        return None
    words = "%s shows a certificate of the same unknown issuer %s" % (listed(sorted(others)), issuer)
    return Proof(words, tuple(seen for other in others.values() for seen in _ended(other, Failure.TLS_UNTRUSTED)))


def _inside(case: Case) -> Optional[Proof]:
    """An own authority is nothing unusual inside a private network."""
    return None if case.way == "internet" else Proof()


RULES: Tuple[Rule, ...] = (
    Rule(cause="tls_expired", explains=(TLS,), applies=_expired, prior=1.0, details=_expired_details),
    Rule(cause="tls_wrong_name", explains=(TLS,), applies=_wrong_name, prior=1.0, details=_wrong_name_details),
    Rule(cause="tls_not_yet_valid", explains=(TLS,), applies=_not_yet_valid, prior=1.0, details=_not_yet_valid_details),
    Rule(cause="tls_untrusted", explains=(TLS,), applies=_untrusted, prior=1.0, details=_issuer),
    Rule(
        cause="tls_intercepted",
        explains=(TLS,),
        applies=_refused_from_another,
        prior=0.08,
        clues=(
            Clue(_expected_one, 0),
            Clue(_other_issuer, 60),
            Clue(_shared_issuer, 40),
            Clue(_inside, 0.2),
        ),
        details=_issuer,
    ),
    Rule(cause="tls_intercepted", standalone=True, applies=_accepted_from_another, prior=0.95, details=_issuer),
    Rule(cause="tls_expiring_soon", standalone=True, applies=_expiring_soon, prior=0.99, details=_not_after),
    *HANDSHAKE_RULES,
)
