"""Layer path: what comes is whole, and comes slowly."""

import math
from typing import Dict, List, Optional, Tuple

from reports.case import Case
from reports.model import Observation, Scalar
from reports.rules.contract import WAY, WORKS, Clue, Proof, Rule, Want
from reports.words import rate, seconds, size

# A smaller answer, or a quicker one, says nothing of a rate.
_LEAST_BYTES = 32768
_LEAST_SECONDS = 0.25
# Segments that a server sends at once at first (RFC 6928), and how much larger they are than their payload.
_FIRST_WINDOW = 10
_USUAL_MSS = 1448
# Slow start is given this much more than it takes by the book, where nothing comes evenly.
_TOLERANCE = 2.0
# Tenths of seconds that differ by more than this are no plateau.
_EVEN = 2.5
# Segments out of order, as a share of all, from which on loss explains a low rate.
_DISORDER = 0.01


def _measured(case: Case) -> Optional[Proof]:
    """A transfer that was asked for is slower than the plan wants, and not because it is far."""
    slow = _slow(case)
    if not slow:
        return None
    facts = slow[0].facts
    words = "%s sent %s in %s: %s; below %s is slow (plan: slow.throughput)"
    came, took = size(int(facts["bytes"])), seconds(float(facts["seconds"]))
    return Proof(words % (slow[0].address, came, took, rate(_rate(slow[0])), rate(case.run.plan.slow.throughput)), slow)


def _slow(case: Case) -> Tuple[Observation, ...]:
    return tuple(seen for seen in case.of("throughput", "transfer") if _is_slow_transfer(case, seen))


def _is_slow_transfer(case: Case, seen: Observation) -> bool:
    came, took = int(seen.facts.get("bytes", 0)), float(seen.facts.get("seconds", 0.0))
    far = _slow_start(came, _round_trip(case)) * (1.0 if _is_even(seen) else _TOLERANCE)
    return took > far and _is_slow(case, came, took, _rate(seen))


def _rate(seen: Observation) -> int:
    """Bytes per second once it flows: after a burst, where there was one."""
    return int(seen.facts.get("plateau_bytes_s", seen.facts.get("rate_bytes_s", 0)))


def _is_slow(case: Case, came: int, took: float, speed: float) -> bool:
    return came >= _LEAST_BYTES and took >= _LEAST_SECONDS and speed < case.run.plan.slow.throughput


def _slow_start(came: int, rtt: float) -> float:
    """Seconds that the first round trips of a connection take, which carry little, whatever the way could carry."""
    return math.log2(came / (_FIRST_WINDOW * _USUAL_MSS) + 1) * rtt


def _round_trip(case: Case) -> float:
    """Of the handshake; where somebody on the way may have shaken hands, the first byte tells how far it is."""
    handshake = min((float(seen.facts.get("rtt_s", 0.0)) for seen in case.connected), default=0.0)
    return max(handshake, min((float(seen.facts.get("first_byte_s", 0.0)) for seen in case.exchanges), default=0.0))


def _seen_anyway(case: Case) -> Optional[Proof]:
    """The answer of the usual look was large, and came slowly."""
    if case.of("throughput"):
        return None
    for seen in case.exchanges:
        came, took = int(seen.facts.get("body_bytes", 0)), seen.duration_s - float(seen.facts.get("first_byte_s", 0.0))
        if seen.failure is not None or came < _LEAST_BYTES:
            continue
        far = _slow_start(came, _round_trip(case))
        if took > far and _is_slow(case, came, took, came / took):
            words = "%s sent %s in %s after the first byte: %s; below %s is slow (plan: slow.throughput)"
            speeds = rate(came / took), rate(case.run.plan.slow.throughput)
            return Proof(words % (seen.address, size(came), seconds(took), *speeds), (seen,))
    return None


def _plateau(case: Case) -> Optional[Proof]:
    """The same in every tenth of a second: what a token bucket lets through."""
    even = tuple(seen for seen in _slow(case) if _is_even(seen))
    if not even:
        return None
    facts = even[0].facts
    words = "a burst of %s, and then evenly between %s and %s" if _bursts(even[0]) else "%s at first, then %s to %s"
    burst, slowest, fastest = (int(facts.get(key, 0)) for key in ("burst_bytes", "slowest_bytes_s", "fastest_bytes_s"))
    shown = size(burst), rate(slowest), rate(fastest)
    return Proof(words % shown + ": no loss and no distance does that", even)


def _is_even(seen: Observation) -> bool:
    slowest = int(seen.facts.get("slowest_bytes_s", 0))
    return slowest > 0 and int(seen.facts.get("fastest_bytes_s", 0)) <= _EVEN * slowest


def _bursts(seen: Observation) -> bool:
    return int(seen.facts.get("burst_bytes", 0)) > 2 * _rate(seen) * 0.1


def _disordered(case: Case) -> Optional[Proof]:
    """Segments that came out of order: something on the way loses them."""
    for seen in _slow(case):
        segments = int(seen.facts["bytes"]) / (int(seen.facts.get("mss", 0)) or _USUAL_MSS)
        # A full bucket loses packets too: what comes evenly all the same is no loss of the way.
        if int(seen.facts.get("out_of_order", 0)) > _DISORDER * segments and not _is_even(seen):
            return Proof("%s segments came out of order: packets are lost" % seen.facts["out_of_order"], (seen,))
    return None


def _same_elsewhere(case: Case) -> Optional[Proof]:
    """Another target by the same way comes as slowly: it is the way, or this side of it."""
    others = [seen for other in case.run.way_of(case).cases if other is not case for seen in _slow(other)]
    own = _slow(case)
    if not own or not others:
        return None
    words = "%s, by the same way, comes at %s" % (others[0].address, rate(_rate(others[0])))
    return Proof(words, (others[0],))


def _wants(case: Case) -> Tuple[Want, ...]:
    asked = "throughput" in case.target.measure and not case.stage and not case.proxied
    return (Want("throughput", "transfer", case.target.name),) if asked and case.connected else ()


def _details(case: Case) -> Dict[str, Scalar]:
    speeds: List[int] = [_rate(seen) for seen in _slow(case)]
    return {"rate": rate(min(speeds))} if speeds else {}


RULES: Tuple[Rule, ...] = (
    Rule(
        cause="bandwidth_throttled",
        explains=(WORKS,),
        applies=_measured,
        prior=0.06,
        clues=(Clue(_plateau, 4), Clue(_disordered, 0.3), Clue(_same_elsewhere, 2)),
        suspects=_wants,
        details=_details,
        scope=WAY,
    ),
    Rule(cause="bandwidth_throttled", explains=(WORKS,), applies=_seen_anyway, prior=0.045, scope=WAY),
)
