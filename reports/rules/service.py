"""Layer service: the network is crossed; the service itself, or what stands in front of it, is what fails."""

from typing import Dict, Optional, Sequence, Tuple

from reports.addresses import parse_address
from reports.case import Case
from reports.failures import Failure
from reports.maxcompute.admission import admit_in_whitelist, flush_hosts, grant
from reports.model import Observation, Scalar
from reports.remedies import vswitch
from reports.rules import clues, forwarder, sizes, trace
from reports.rules.contract import CONNECT, EXCHANGE, TARGET, TLS, Clue, Proof, Rule
from reports.words import count, listed, seconds

# What is said of a protocol that was recognised (reports/recognise.py), where its name alone reads badly.
_SPEAKERS: Dict[str, str] = {
    "": "something else",
    "hadoop_ipc": "a Hadoop IPC port",
    "hive_metastore": "a Hive metastore",
    "http": "a web server (HTTP)",
    "ssh": "an SSH server",
    "tls": "a TLS port",
}

_MYSQL_DENIES = 1130


# --- what happened ---------------------------------------------------------------------------------------------------


def _ended(case: Case, *failures: Failure) -> Tuple[Observation, ...]:
    """The observations of the broken stage that ended so."""
    return tuple(seen for seen in case.broken if seen.failure in failures)


def _had_spoken(seen: Observation) -> bool:
    """Whether we had sent something before: TLS and HTTP begin with the client."""
    return seen.probe != "tcp" and seen.facts.get("phase") != "greeting"


def _story(case: Case, seen: Observation) -> str:
    """``10.1.1.1:9083 accepts after 0.4 ms, gets our 14 bytes, then resets after 1.2 ms without a byte``."""
    accepted = [opened for opened in case.connected if opened.address == seen.address]
    parts = ["%s accepts%s" % (seen.address, " after " + seconds(accepted[0].duration_s) if accepted else "")]
    if seen.probe == "tls":
        parts.append("gets the first message of the TLS handshake")
    elif _had_spoken(seen):
        parts.append("gets our %s" % count(int(seen.facts.get("bytes_out", 0)), "byte"))
    came = int(seen.facts.get("bytes_in", 0))
    if came:
        parts.append("says %s" % count(came, "byte"))
    silent = seen.failure is Failure.TIMED_OUT
    ending = _ENDINGS[seen.failure or Failure.UNKNOWN] % seconds(seen.duration_s)
    return ", ".join([*parts, ending]) + ("" if came or silent else " without a byte")


_ENDINGS: Dict[Failure, str] = {
    Failure.CONNECTION_RESET: "then resets after %s",
    Failure.EOF: "then closes after %s",
    Failure.TIMED_OUT: "then says nothing for %s",
}


def _told(case: Case, failure: Failure) -> Optional[Proof]:
    ended = _ended(case, failure)
    return Proof(_story(case, ended[0]), ended) if ended else None


def _quoted(case: Case, *failures: Failure) -> Optional[Proof]:
    """What the service says when it turns this client away."""
    ended = _ended(case, *failures)
    if not ended:
        return None
    first = ended[0]
    code = " (%s)" % first.facts["code"] if "code" in first.facts else ""
    words = '%s answers%s: "%s"' % (first.address, code, first.facts.get("message", ""))
    if "sees_client" in first.facts:
        words += "; it sees this client as %s" % first.facts["sees_client"]
    return Proof(words, ended)


def _message(case: Case) -> Dict[str, Scalar]:
    """The service's own words; and the address that it sees, where that is none of the vSwitch."""
    details: Dict[str, Scalar] = {}
    for seen in case.broken:
        if seen.facts.get("message"):
            details["message"] = '"%s"' % seen.facts["message"]
            break
    seen_as = _seen_as([case])
    if seen_as:
        details["vswitch"] = seen_as
    return details


def _seen_as(cases: Sequence[Case]) -> str:
    """What the destination must admit: the vSwitch, or the address that it says it sees where that lies elsewhere."""
    for case in cases:
        for seen in case.broken:
            address = str(seen.facts.get("sees_client", ""))
            if parse_address(address) is not None and case.run.network_of(address) is None:
                return address
    return vswitch(cases)


# --- nothing listens -------------------------------------------------------------------------------------------------


def _refused(case: Case) -> Optional[Proof]:
    """The SYN was answered with a reset."""
    refused = case.only_failed_with(Failure.CONNECTION_REFUSED)
    if not refused or any(seen.facts.get("immediate") or "icmp_from" in seen.facts for seen in refused):
        return None
    return Proof("", refused)


def _sandbox_may_refuse(case: Case) -> Optional[Proof]:
    """A sandbox whose way is not switched on has been seen to refuse by itself."""
    if case.fact("enabled") is False or case.fact("listed") in ("no", "other_port"):
        return Proof("the job's settings do not let it through: the sandbox itself may have refused", case.coverage)
    return None


# --- accepted, and then ----------------------------------------------------------------------------------------------


def _reset(case: Case) -> Optional[Proof]:
    """The connection was accepted and reset."""
    return _told(case, Failure.CONNECTION_RESET)


def _closed(case: Case) -> Optional[Proof]:
    """The connection was accepted and closed without a byte."""
    return _told(case, Failure.EOF)


def _hangs(case: Case) -> Optional[Proof]:
    """The connection was accepted, and no answer came."""
    return _told(case, Failure.TIMED_OUT)


def _reset_after_our_data(case: Case) -> Optional[Proof]:
    """The connection was reset once we had spoken."""
    ended = tuple(seen for seen in _ended(case, Failure.CONNECTION_RESET) if _had_spoken(seen))
    return Proof(_story(case, ended[0]), ended) if ended else None


def _waited_before_we_spoke(case: Case) -> Optional[Proof]:
    """The service exchange gives the peer time to turn us away before it speaks."""
    ended = tuple(seen for seen in _ended(case, Failure.CONNECTION_RESET) if seen.facts.get("phase") == "reply")
    if not ended or ended[0].probe != "service":
        return None
    return Proof("the connection stood until we sent the first data", ended)


def _reset_before_our_data(case: Case) -> Optional[Proof]:
    """The reset came before we had said anything."""
    ended = tuple(seen for seen in _ended(case, Failure.CONNECTION_RESET) if seen.facts.get("phase") == "request")
    return Proof("", ended) if ended and not ended[0].facts.get("bytes_out") else None


def _reset_behind_our_request(case: Case) -> Optional[Proof]:
    """The request of HTTP had left: whoever resets on accepting is mostly faster."""
    ended = tuple(seen for seen in _ended(case, Failure.CONNECTION_RESET) if seen.facts.get("phase") == "reply")
    if not ended or ended[0].probe != "http" or not ended[0].facts.get("bytes_out"):
        return None
    return Proof("the request had left", ended)


def _answered_our_first_data(case: Case) -> Optional[Proof]:
    """TLS and HTTP begin with the client: what came was the answer to it."""
    ended = tuple(seen for seen in _ended(case, Failure.CONNECTION_RESET) if seen.facts.get("bytes_in"))
    return Proof("", ended) if ended and ended[0].probe != "service" else None


# --- an answer, but not the right one --------------------------------------------------------------------------------


def _stranger(case: Case) -> Optional[Proof]:
    """What answers speaks another protocol than the service does."""
    ended = _ended(case, Failure.WRONG_PROTOCOL)
    if not ended:
        return None
    first = ended[0]
    words = "%s was asked as %s, and %s answers" % (first.address, case.target.service, _speaker(ended))
    if first.facts.get("message"):
        words += ': "%s"' % first.facts["message"]
    return Proof(words, ended)


def _speaker(ended: Sequence[Observation]) -> str:
    spoke = str(ended[0].facts.get("spoke", "")) if ended else ""
    return _SPEAKERS.get(spoke, spoke)


def _stranger_details(case: Case) -> Dict[str, Scalar]:
    return {"spoke": _speaker(_ended(case, Failure.WRONG_PROTOCOL)), "service": case.target.service}


def _mysql_denied(case: Case) -> Optional[Proof]:
    """The server's own words: error 1130, this client's host is not allowed to connect."""
    proof = _quoted(case, Failure.CLIENT_DENIED)
    return proof if proof and proof.observations[0].facts.get("code") == _MYSQL_DENIES else None


def _other_denied(case: Case) -> Optional[Proof]:
    """The service's own words: this client is not admitted."""
    return None if _mysql_denied(case) else _quoted(case, Failure.CLIENT_DENIED)


def _mysql_blocked(case: Case) -> Optional[Proof]:
    """The server's own words: error 1129, this client's host is blocked."""
    return _quoted(case, Failure.CLIENT_BLOCKED)


def _too_many(case: Case) -> Optional[Proof]:
    """The server's own words: it has no connection left."""
    return _quoted(case, Failure.TOO_MANY_CONNECTIONS)


def _service_error(case: Case) -> Optional[Proof]:
    """The server's own words: an error that is not about this client."""
    return _quoted(case, Failure.SERVICE_ERROR)


def _service_error_details(case: Case) -> Dict[str, Scalar]:
    first = _ended(case, Failure.SERVICE_ERROR)[0]
    return {"message": '%s "%s"' % (first.facts.get("code", ""), first.facts.get("message", ""))}


# --- works, but -----------------------------------------------------------------------------------------------------


def _slow(case: Case) -> Optional[Proof]:
    """The right answer came, later than the plan calls slow, and nobody accepts in its place (rules/answers.py)."""
    if case.accepted_for:
        return None
    limit = case.run.plan.slow.service
    late = tuple(
        seen for seen in case.exchanges if seen.failure is None and float(seen.facts.get("first_byte_s", 0.0)) > limit
    )
    if not late:
        return None
    slowest = max(late, key=lambda seen: float(seen.facts["first_byte_s"]))
    return Proof(
        "the first byte from %s came after %s; above %s is slow (plan: slow.service)"
        % (slowest.address, seconds(float(slowest.facts["first_byte_s"])), seconds(limit)),
        late,
    )


def _dead_addresses(case: Case) -> Tuple[Observation, ...]:
    """The failed handshakes with addresses that the job may pick, where another of them works."""
    failed = case.failed_connects
    if not failed or case.stage:
        return ()
    own = set(case.job_ips)
    tried = [seen for seen in case.connects if not own or seen.facts.get("ip") in own]
    alive = {seen.address for seen in tried if seen.failure is None}
    return tuple(seen for seen in tried if seen in failed and seen.address not in alive) if alive else ()


def _one_dead(case: Case) -> Optional[Proof]:
    """One of the name's addresses fails, and another one works."""
    dead = _dead_addresses(case)
    if not dead:
        return None
    words = "%s of %s: %s" % (
        listed([str(seen.address) for seen in dead]),
        case.target.host,
        ", ".join(sorted({seen.failure.value.replace("_", " ") for seen in dead if seen.failure is not None})),
    )
    return Proof("%s; %s answers" % (words, case.connected[0].address), (*dead, case.connected[0]))


def _one_dead_details(case: Case) -> Dict[str, Scalar]:
    return {"dead": listed(list(dict.fromkeys(str(seen.facts.get("ip", "")) for seen in _dead_addresses(case))))}


RULES: Tuple[Rule, ...] = (
    Rule(
        cause="service_not_listening",
        explains=(CONNECT,),
        applies=_refused,
        prior=2.0,
        clues=(
            Clue(clues.same_host_answers, 2),
            Clue(forwarder.ends_alike, 0.5),
            Clue(_sandbox_may_refuse, 0.1),
            Clue(trace.reset_on_the_way, 0.02),
            Clue(trace.reset_by_the_host, 1.2),
        ),
    ),
    # A full queue drops SYNs: one handshake cannot tell it from a filter that drops them.
    Rule(
        cause="accept_queue_full",
        explains=(CONNECT,),
        applies=clues.silent,
        prior=0.01,
        clues=(Clue(clues.same_host_answers, 3),),
    ),
    # Linux says ECONNRESET of a handshake only where it was complete: a reset in its place is ECONNREFUSED.
    Rule(
        cause="accept_then_reset",
        explains=(CONNECT, EXCHANGE),
        applies=_reset,
        prior=0.5,
        clues=(Clue(_waited_before_we_spoke, 0.2), Clue(_reset_before_our_data, 5), *forwarder.CLUES),
        suspects=forwarder.suspects,
    ),
    Rule(
        cause="accept_then_close",
        explains=(EXCHANGE,),
        applies=_closed,
        prior=0.8,
        clues=(*forwarder.CLUES,),
        suspects=forwarder.suspects,
    ),
    Rule(
        cause="reset_on_first_data",
        explains=(EXCHANGE, TLS),
        applies=_reset_after_our_data,
        prior=0.5,
        clues=(
            Clue(_waited_before_we_spoke, 5),
            Clue(_reset_behind_our_request, 2),
            Clue(_answered_our_first_data, 0.3),
            Clue(forwarder.in_place, 0.2),
            *forwarder.CLUES,
        ),
        suspects=forwarder.suspects,
    ),
    Rule(
        cause="service_hang",
        explains=(EXCHANGE, TLS),
        applies=_hangs,
        prior=0.4,
        clues=(
            Clue(_sandbox_may_refuse, 0.3),
            Clue(sizes.acknowledged, 1.5),
            Clue(sizes.unacknowledged, 0.05),
            Clue(sizes.small_works, 0.02),
            Clue(sizes.small_is_answered, 0.2),
            Clue(forwarder.at_a_live_host, 4),
            *forwarder.CLUES,
        ),
        suspects=forwarder.suspects,
    ),
    Rule(
        cause="wrong_service",
        explains=(EXCHANGE,),
        applies=_stranger,
        prior=2.0,
        details=_stranger_details,
    ),
    Rule(
        cause="mysql_host_denied",
        explains=(EXCHANGE,),
        applies=_mysql_denied,
        prior=5.0,
        details=_message,
        snippet=lambda cases: grant(_seen_as(cases) or cases[0].source),
    ),
    Rule(
        cause="mysql_host_blocked",
        explains=(EXCHANGE,),
        applies=_mysql_blocked,
        prior=5.0,
        snippet=lambda _: flush_hosts(),
    ),
    Rule(
        cause="client_denied",
        explains=(EXCHANGE,),
        applies=_other_denied,
        prior=5.0,
        details=_message,
        snippet=lambda cases: admit_in_whitelist(_seen_as(cases) or cases[0].source),
    ),
    Rule(
        cause="destination_connection_limit",
        explains=(EXCHANGE,),
        applies=_too_many,
        prior=5.0,
        details=_message,
    ),
    Rule(
        cause="service_error",
        explains=(EXCHANGE,),
        applies=_service_error,
        prior=5.0,
        details=_service_error_details,
    ),
    Rule(cause="service_slow", standalone=True, applies=_slow, prior=0.98, scope=TARGET),
    Rule(
        cause="one_address_dead",
        standalone=True,
        applies=_one_dead,
        prior=0.99,
        details=_one_dead_details,
        scope=TARGET,
    ),
)
