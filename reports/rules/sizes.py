"""Layer path: packets of some sizes vanish, and what a connection means that opens and then stays silent."""

from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from reports.case import Case
from reports.causes import WARNING
from reports.failures import LOCAL_SHORTAGES, UNANSWERED, Failure
from reports.model import Observation, Scalar
from reports.rules.contract import EXCHANGE, TLS, WAY, WORKS, Clue, Proof, Rule, Want
from reports.services import HTTP, SERVICES, is_mysql
from reports.words import count, seconds

# IPv4 and TCP without options, which is what the MSS leaves room for (RFC 6691).
_HEADERS = 40
# Exchanges whose answer may fill a segment; that of the others fits the smallest packet.
_LARGE_ANSWERS = frozenset({HTTP, "kafka", "mongodb"})

_METHODS: Mapping[str, str] = {"echo": "an echo", "udp": "a UDP datagram"}

_BROKEN_OFF = UNANSWERED | LOCAL_SHORTAGES | {Failure.CONNECTION_RESET, Failure.EOF}


# --- an exchange that hangs ------------------------------------------------------------------------------------------


def hangs(case: Case) -> Tuple[Observation, ...]:
    """What timed out after the connection was accepted."""
    return tuple(seen for seen in case.broken if seen.failure is Failure.TIMED_OUT and seen.probe != "tcp")


def acknowledged(case: Case) -> Optional[Proof]:
    """All that we said has arrived at a kernel that lives; the silence is above it."""
    if case.accepted_for:
        return None  # it is the kernel of whoever accepted
    heard = tuple(seen for seen in _after_we_spoke(case) if seen.facts.get("unacked") == 0)
    return Proof("the kernel there has acknowledged all that was sent to it", heard) if heard else None


def unacknowledged(case: Case) -> Optional[Proof]:
    """What we said never arrived, or no acknowledgement came back."""
    lost = tuple(seen for seen in _after_we_spoke(case) if seen.facts.get("unacked"))
    if not lost:
        return None
    again = count(int(lost[0].facts.get("retransmits", 0)), "retransmission")
    segments = count(int(lost[0].facts["unacked"]), "segment")
    words = "%s of ours to %s was never acknowledged, in spite of %s"
    return Proof(words % (segments, lost[0].address, again), lost)


def small_works(case: Case) -> Optional[Proof]:
    """The exchange that hangs works in small segments, and hangs again in usual ones."""
    largest, hung = _segments(case)
    if largest is None or hung is None:
        return None
    words = "in segments of up to %s bytes the same exchange with %s answers in %s; of up to %s bytes, it hangs again"
    answered = largest.facts.get("mss"), largest.address, seconds(largest.duration_s)
    return Proof(words % (*answered, hung.facts.get("mss")), (largest, hung))


def _small_hangs_too(case: Case) -> Optional[Proof]:
    """It hangs in small segments too."""
    largest, hung = _segments(case)
    if largest is not None or hung is None or hung.step != "clamped" or _others_segments(case):
        return None
    return Proof("in segments of up to %s bytes it hangs too" % hung.facts.get("mss"), (hung,))


def _works_again(case: Case) -> Optional[Proof]:
    """It hung once, and works now with segments as they are."""
    worked = tuple(seen for seen in case.of("mtu", "usual") if seen.failure not in _BROKEN_OFF)
    worked += tuple(seen for seen in case.of("answer", "series") if seen.facts.get("answered"))
    return Proof("the same exchange works when it is repeated", worked) if worked else None


def _segments(case: Case) -> Tuple[Optional[Observation], Optional[Observation]]:
    """Of the exchanges with limited segments, the largest limit that brought an answer, and the smallest that hung."""
    tried = sorted(case.of("mtu", "clamped") + case.of("mtu", "usual"), key=_limit)
    worked = [seen for seen in tried if seen.failure not in _BROKEN_OFF]
    hung = [seen for seen in tried if seen.failure is Failure.TIMED_OUT]
    return (worked[-1] if worked else None), (hung[0] if hung else None)


def _limit(seen: Observation) -> int:
    return int(seen.facts.get("mss", 0))


def small_is_answered(case: Case) -> Optional[Proof]:
    """Whoever accepted, a question whose answer is small comes through to the service, and a larger answer does not.

    Where nobody may have accepted in its place, the segments themselves tell.
    """
    answered = tuple(seen for seen in case.of("mtu", "small") if seen.failure not in _BROKEN_OFF)
    if not answered or not _others_segments(case):
        return None
    asked = "refuses a hopeless TLS handshake" if answered[0].facts.get("last") == "tls alert" else "answers a HEAD"
    words = "%s %s at once (%s), and stays silent where the answer is large"
    return Proof(
        words % (answered[0].address, asked, count(int(answered[0].facts.get("bytes_in", 0)), "byte")), answered
    )


def _others_segments(case: Case) -> bool:
    """Whether the connection may end at somebody on the way: how large the target's own segments are is up to them."""
    return bool(case.accepted_for) or case.behind


def _small_is_not(case: Case) -> Optional[Proof]:
    """A question whose answer is small is not answered either."""
    hung = tuple(seen for seen in case.of("mtu", "small") if seen.failure is Failure.TIMED_OUT)
    return Proof("a question whose answer is small is not answered either", hung) if hung else None


def _after_we_spoke(case: Case) -> Tuple[Observation, ...]:
    return tuple(seen for seen in hangs(case) if seen.facts.get("phase") != "greeting")


# --- datagrams of two sizes ------------------------------------------------------------------------------------------


def large_vanish(case: Case) -> Optional[Proof]:
    """Small datagrams are answered, large ones vanish without a word."""
    largest, lost = _datagrams(case)
    if largest is None or lost is None:
        return None
    words = "%s answers %s of %s bytes (%s), one of %s bytes vanishes without a word"
    sizes = _METHODS.get(str(largest.facts.get("method")), "a datagram"), _size(largest), "a whole packet"
    return Proof(words % (largest.address, *sizes, _size(lost)), (largest, lost))


def _datagrams(case: Case) -> Tuple[Optional[Observation], Optional[Observation]]:
    """Towards the case's hosts, the largest datagram that was answered, and the smallest that vanished.

    What vanishes because it is larger than any segment of the connection needs to be is not looked at.
    """
    tried: Dict[int, Observation] = {}
    for group in case.run.hosts_of(case):
        for other in group.cases:
            tried.update((_size(seen), seen) for seen in other.of("mtu", "sized") if seen.address in case.ips)
    largest = max((size for size, seen in tried.items() if seen.failure is None), default=0)
    if not largest:
        return None, None
    lost = min(
        (size for size, seen in tried.items() if size > largest and seen.failure is Failure.TIMED_OUT), default=0
    )
    return tried[largest], (tried[lost] if lost and largest < _needed(case) else None)


def _size(seen: Observation) -> int:
    return int(seen.facts.get("size", 0))


def _needed(case: Case) -> int:
    """The packet that a full segment of the target's connection makes."""
    return max((int(seen.facts.get("mss", 0)) for seen in case.connected), default=0) + _HEADERS


def _way_there_is_free(case: Case) -> bool:
    largest, _ = _datagrams(case)
    return largest is not None and _size(largest) >= _needed(case)


def _path_mtu(case: Case) -> int:
    """The largest packet that was seen to pass where larger ones vanish; 0 where that is not known."""
    (datagram, lost), (segment, hung) = _datagrams(case), _segments(case)
    there = _size(datagram) if datagram is not None and lost is not None else 0
    if segment is None or hung is None:
        return there
    back, too_large = _limit(segment) + _HEADERS, _limit(hung) + _HEADERS
    # Datagrams are measured to the byte, segments are not.
    return there if back <= there < too_large else min(there or back, back)


def _direction(case: Case) -> str:
    """On which way they vanish. An echo comes back also in fragments: it tells of the way there."""
    there = (large_vanish(case) or _padded_vanishes(case)) is not None
    back = (small_works(case) or small_is_answered(case)) is not None
    if there and back:
        return "in both directions, on the way to and from"
    if there:
        return "on the way to"
    return "on the way back from" if back and _way_there_is_free(case) else "on the way to or from"


# --- the black hole --------------------------------------------------------------------------------------------------


def _may_be_size(case: Case) -> Optional[Proof]:
    """It hangs after we spoke: a greeting is smaller than anything that could be too large."""
    hung = _after_we_spoke(case)
    if not hung:
        return None
    return Proof("%s accepts, and the answer to what was sent is not heard" % hung[0].address, hung)


def _answer_is_small(case: Case) -> Optional[Proof]:
    """The service's answer fits a small packet."""
    if any(seen.probe == "tls" for seen in case.broken) or SERVICES[case.target.service].exchange in _LARGE_ANSWERS:
        return None
    return Proof("the answer of %s fits a small packet" % case.target.service, case.broken)


def _breaks_off(case: Case) -> Optional[Proof]:
    """The beginning of the answer came, and nothing after it."""
    begun = tuple(seen for seen in hangs(case) if seen.facts.get("bytes_in"))
    if not begun:
        return None
    came = count(int(begun[0].facts["bytes_in"]), "byte")
    return Proof("%s of the answer came, and nothing after them" % came, begun)


def _hang_wants(case: Case) -> Tuple[Want, ...]:
    if case.proxied or is_mysql(case.target.service, case.target.port):
        return ()
    name = case.target.name
    return (Want("mtu", "clamped", name), Want("mtu", "sized", _first_there(case)))


def _first_there(case: Case) -> str:
    """Of the targets at this host that are not healthy, the first: its datagrams speak for all."""
    others = [other for group in case.run.hosts_of(case) for other in group.cases]
    return next((other.target.name for other in others if other.stage == case.stage), case.target.name)


def _measure_wants(case: Case) -> Tuple[Want, ...]:
    asked = "mtu" in case.target.measure and case.connected and not case.stage
    return (Want("mtu", "sized", case.target.name), Want("mtu", "padded", case.target.name)) if asked else ()


def _measured(case: Case) -> Optional[Proof]:
    """Large packets were tried beside small ones, and vanished."""
    return _padded_vanishes(case) or (large_vanish(case) if "mtu" in case.target.measure else None)


def _padded_vanishes(case: Case) -> Optional[Proof]:
    """A request that fills a segment is never acknowledged; smaller ones are answered."""
    lost = tuple(
        seen for seen in case.of("mtu", "padded") if seen.failure is Failure.TIMED_OUT and seen.facts.get("unacked")
    )
    if not lost:
        return None
    words = "%s answers, and a request that fills a segment never arrives there: sent %s, never acknowledged"
    times = 1 + int(lost[0].facts.get("retransmits", 0))
    return Proof(words % (lost[0].address, count(times, "time")), lost)


def _details(case: Case) -> Dict[str, Scalar]:
    mtu = _path_mtu(case)
    details: Dict[str, Scalar] = {"direction": _direction(case)}
    if mtu:
        details.update(mtu="%d bytes" % mtu, mss=mtu - _HEADERS)
    return details


def _clamp(cases: Sequence[Case]) -> str:
    """The rule for the router at the narrow place; by the MTU of its own route where none was measured."""
    mtus: List[int] = [mtu for mtu in map(_path_mtu, cases) if mtu]
    mss = str(min(mtus) - _HEADERS) if mtus else "rt mtu"
    return (
        "nft add rule inet filter forward tcp flags syn / syn,rst tcp option maxseg size set %s\n"
        "iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS %s"
    ) % (mss, "--set-mss " + mss if mtus else "--clamp-mss-to-pmtu")


def _warning(case: Case) -> Optional[str]:  # noqa: ARG001 - the shape of a callable
    return WARNING


RULES: Tuple[Rule, ...] = (
    Rule(
        cause="pmtu_black_hole",
        explains=(TLS, EXCHANGE),
        applies=_may_be_size,
        prior=0.1,
        clues=(
            Clue(small_works, 400),
            Clue(_small_hangs_too, 0.02),
            Clue(small_is_answered, 100),
            Clue(_small_is_not, 0.05),
            Clue(_works_again, 0.02),
            Clue(large_vanish, 15),
            Clue(_breaks_off, 4),
            Clue(_answer_is_small, 0.1),
            Clue(unacknowledged, 0.3),
        ),
        wants=_hang_wants,
        details=_details,
        snippet=_clamp,
        scope=WAY,
    ),
    # The target works, as far as its small exchange goes: what is larger would hang.
    Rule(
        cause="pmtu_black_hole",
        explains=(WORKS,),
        applies=_measured,
        prior=0.1,
        clues=(Clue(_padded_vanishes, 6), Clue(large_vanish, 2)),
        suspects=_measure_wants,
        details=_details,
        snippet=_clamp,
        severity=_warning,
        scope=WAY,
    ),
)
