"""Layer http: the backend, its permissions, and the HTTP proxy that stands in between."""

from typing import Callable, Dict, Optional, Sequence, Tuple

from reports.case import Case
from reports.causes import CAUSES
from reports.failures import LOCAL_SHORTAGES, Failure
from reports.model import Observation, Remedy, Scalar
from reports.rules.contract import EXCHANGE, PROXY, Clue, Proof, Rule, Test, Want
from reports.words import listed, seconds

# What stands in front of a backend says so by these (RFC 9110 section 15.6).
_GATEWAYS = {
    502: "what stands in front of the backend gets no valid answer from it",
    503: "overloaded, in maintenance, or no healthy backend",
    504: "what stands in front of the backend gets no answer from it in time",
}

# How a proxy that was reached failed to speak as one.
_MUTE = {
    Failure.TIMED_OUT: "does not answer",
    Failure.EOF: "closes without an answer",
    Failure.CONNECTION_RESET: "resets the connection",
}


# --- the target's own answer -----------------------------------------------------------------------------------------


def _ended(case: Case, *failures: Failure) -> Tuple[Observation, ...]:
    """The HTTP observations of the broken stage that ended so."""
    return tuple(seen for seen in case.broken if seen.probe == "http" and seen.failure in failures)


def _answered(case: Case, least: int, most: int) -> Optional[Proof]:
    failed = _ended(case, Failure.HTTP_ERROR_STATUS)
    if not failed or not least <= int(failed[0].facts.get("status", 0)) <= most:
        return None
    first = failed[0]
    words = "GET %s answers %s" % (first.facts.get("url", case.target.address), _quoted(first))
    hint = _GATEWAYS.get(int(first.facts["status"]))
    return Proof("%s: %s" % (words, hint) if hint else words, failed)


def _backend_fails(case: Case) -> Optional[Proof]:
    """The server answered with a status from 500 to 599."""
    return _answered(case, 500, 599)


def _forbidden(case: Case) -> Optional[Proof]:
    """The server answered 403."""
    return _answered(case, 403, 403)


def _status(seen: Observation) -> str:
    """``503 Service Unavailable``."""
    return ("%s %s" % (seen.facts.get("status", ""), seen.facts.get("reason", ""))).strip()


def _quoted(seen: Observation) -> str:
    """``503 Service Unavailable from nginx, "come later"``."""
    text = _status(seen)
    if "server" in seen.facts:
        text += " from %s" % seen.facts["server"]
    if "message" in seen.facts:
        text += ', "%s"' % seen.facts["message"]
    return text


def _status_details(case: Case) -> Dict[str, Scalar]:
    return {"status": _status(case.broken[0])}


# --- the proxy -------------------------------------------------------------------------------------------------------


def _proxy(case: Case) -> str:
    """``host:port`` of the proxy, as it was used."""
    named = next((str(seen.facts["proxy"]) for seen in case.seen if "proxy" in seen.facts), "")
    return named or next((str(seen.address) for seen in case.of("tcp", "connect_proxy")), "the proxy")


def _wants_credentials(case: Case) -> Optional[Proof]:
    """The proxy answered 407."""
    failed = _ended(case, Failure.PROXY_AUTH_REQUIRED)
    if not failed:
        return None
    return Proof("the proxy %s answers %s" % (_proxy(case), _quoted(failed[0])), failed)


def _denies(case: Case) -> Optional[Proof]:
    """The proxy itself answered that its rules do not allow this target."""
    failed = _ended(case, Failure.PROXY_DENIED)
    if not failed:
        return None
    words = "the proxy %s does not let %s through: %s" % (_proxy(case), case.target.address, _quoted(failed[0]))
    return Proof(words, failed)


def _cannot_reach(case: Case) -> Optional[Proof]:
    """The proxy answered that it cannot reach the target."""
    failed = _ended(case, Failure.PROXY_UNAVAILABLE)
    if not failed:
        return None
    words = "the proxy %s is there and answers %s for %s" % (_proxy(case), _quoted(failed[0]), case.target.address)
    return Proof(words, failed)


def _mute(case: Case) -> Optional[Proof]:
    """It took the connection and the request, and nothing came of it."""
    failed = tuple(seen for seen in _ended(case, *_MUTE) if seen.step == "proxy")
    if not failed:
        return None
    first = failed[0]
    words = "the proxy %s takes our request for %s and %s" % (
        _proxy(case),
        case.target.address,
        _MUTE.get(first.failure or Failure.UNKNOWN, ""),
    )
    return Proof("%s within %s" % (words, seconds(first.duration_s)), failed)


def _unconnected(case: Case, *, refused: bool) -> Optional[Proof]:
    failed = tuple(
        seen
        for seen in case.broken
        if seen.step == "connect_proxy" and (seen.failure is Failure.CONNECTION_REFUSED) is refused
    )
    if not failed:
        return None
    how = "refuses" if refused else (failed[0].failure or Failure.UNKNOWN).value.replace("_", " ")
    words = "%s, which the environment names as the proxy: %s after %s" % (
        failed[0].address,
        how,
        seconds(failed[0].duration_s),
    )
    return Proof(words, failed)


def _nothing_listens(case: Case) -> Optional[Proof]:
    """The proxy's host resets: nothing listens at that port."""
    return _unconnected(case, refused=True)


def _out_of_reach(case: Case) -> Optional[Proof]:
    """The proxy itself is not reached."""
    return _unconnected(case, refused=False)


def _is_no_proxy(case: Case) -> Optional[Proof]:
    """What listens at the proxy's port does not speak as a proxy."""
    failed = tuple(
        seen for seen in _ended(case, Failure.WRONG_PROTOCOL, Failure.HTTP_MALFORMED) if seen.step == "proxy"
    )
    if not failed:
        return None
    spoke = failed[0].facts.get("spoke", "something unknown")
    return Proof("no HTTP proxy answers at %s, but %s" % (_proxy(case), spoke), failed)


# --- the way without the proxy ---------------------------------------------------------------------------------------


def _direct_works(case: Case) -> Optional[Proof]:
    """Without the proxy the target answers."""
    tried = tuple(seen for seen in case.of("tcp", "connect_direct") if seen.failure is None)
    if not tried:
        return None
    words = "without the proxy, %s answers in %s" % (tried[0].address, seconds(tried[0].duration_s))
    return Proof(words, tried)


def _direct_fails(case: Case) -> Optional[Proof]:
    """Without the proxy the target is not reached either."""
    tried = tuple(case.of("tcp", "connect_direct"))
    if not tried or any(seen.failure is None or seen.failure in LOCAL_SHORTAGES for seen in tried):
        return None
    failure = tried[0].failure or Failure.UNKNOWN
    words = "without the proxy it is not reached either: %s, %s" % (tried[0].address, failure.value.replace("_", " "))
    return Proof(words, tried)


def _want_direct(case: Case) -> Tuple[Want, ...]:
    if case.stage != PROXY or case.of("tcp", "connect_direct"):
        return ()
    return (Want(probe="tcp", step="connect_direct", target=case.target.name),)


def _remedy(code: str) -> Callable[[Sequence[Case]], Remedy]:
    """The catalogue's remedy, and the way around the proxy where it was seen to work."""
    cause = CAUSES[code]

    def made(cases: Sequence[Case]) -> Remedy:
        hosts = listed(list(dict.fromkeys(case.target.host for case in cases)))
        advice = cause.remedy.format(
            proxy=_proxy(cases[0]),
            status=_status(cases[0].broken[0]) or "nothing",
            destinations=listed([case.target.address for case in cases]),
            host=hosts,
        )
        if any(_direct_works(case) for case in cases):
            advice += "; the direct way works, so that it is enough to add %s to what NO_PROXY holds" % hosts
        return Remedy(text=advice, reference=cause.reference, owner=cause.owner)

    return made


_AROUND = (Clue(_direct_works, 1.5), Clue(_direct_fails, 1.2))


def _around(cause: str, applies: Test, prior: float) -> Rule:
    """A cause of a broken proxy stage that the way around the proxy makes surer."""
    return Rule(
        cause=cause,
        explains=(PROXY,),
        applies=applies,
        prior=prior,
        clues=_AROUND,
        suspects=_want_direct,
        remedy=_remedy(cause),
    )


RULES: Tuple[Rule, ...] = (
    Rule(cause="http_5xx", explains=(EXCHANGE,), applies=_backend_fails, prior=5.0, details=_status_details),
    Rule(cause="http_403", explains=(EXCHANGE,), applies=_forbidden, prior=5.0, details=_status_details),
    _around("proxy_denied", _denies, 0.2),
    # A proxy in the way that the environment does not name asks for credentials in the exchange.
    Rule(
        cause="proxy_auth_required",
        explains=(PROXY, EXCHANGE),
        applies=_wants_credentials,
        prior=5.0,
        remedy=_remedy("proxy_auth_required"),
    ),
    _around("proxy_unavailable", _cannot_reach, 0.2),
    _around("proxy_unavailable", _mute, 0.1),
    _around("proxy_not_listening", _nothing_listens, 0.2),
    _around("proxy_not_listening", _is_no_proxy, 0.2),
    # A proxy that does not answer at all may be filtered as well as absent.
    _around("proxy_not_listening", _out_of_reach, 0.06),
)
