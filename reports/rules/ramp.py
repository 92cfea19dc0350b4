"""What was seen when more and more connections to a target were held: the limit, who else met it, how it shows.

Each is a test for rules (reports/rules/saturation.py).
"""

from typing import Callable, Dict, Mapping, Optional, Tuple

from reports.capacity import Capacity, levels, of
from reports.case import Case
from reports.failures import Failure
from reports.model import Observation, Scalar
from reports.rules import fitting
from reports.rules.contract import Proof, Test
from reports.saturation import same
from reports.words import count, listed, seconds

SILENT, RESET, ICMP, CLOSED, ANSWER, UNANSWERED = "silent", "reset", "icmp", "closed", "answer", "unanswered"
# Another target suffered, and no connection was refused.
NONE = ""
# The handshake itself is refused: then others' handshakes tell whom that concerns.
_REFUSED = (SILENT, RESET, ICMP, NONE)

_BECAME: Dict[str, str] = {
    SILENT: "further ones got no answer",
    RESET: "further ones were reset",
    ICMP: "further ones were rejected by an ICMP error",
    CLOSED: "further ones were accepted and closed",
    ANSWER: "further ones were turned away by the service itself",
    UNANSWERED: "further ones were accepted, and then nothing came",
    NONE: "another target by the same way suffered",
}
_CHANGES = "what is free changes (others use it too, or the limit is another now)"
# An outbound address has more source ports than that for each destination.
_FEW_PORTS = 64


# --- a limit of connections -------------------------------------------------------------------------------------------


def limited(*signs: str) -> Test:
    """A test: a limit of connections was met, by one of these signs."""

    def test(case: Case) -> Optional[Proof]:
        """More connections were held until no further one was let through."""
        capacity = of(case)
        if capacity is None or capacity.limit is None or not capacity.met or capacity.sign not in signs:
            return None
        return Proof("; ".join(_limit_words(capacity)), capacity.met + capacity.concluded + capacity.freed)

    return test


def _limit_words(capacity: Capacity) -> Tuple[str, ...]:
    held = fitting.about(capacity.limit) if capacity.limit is not None else ""
    first = "%s connections to %s could be held at once, then %s" % (held, capacity.address, _BECAME[capacity.sign])
    said = [first, _again(capacity), _comes_back(capacity)]
    return tuple(words for words in said if words)


def _again(capacity: Capacity) -> str:
    """What a later ascent said to the number of the one before."""
    if len(capacity.met) == 1:
        return "it was met once: a limit of new ones per second would look alike"
    before, last = capacity.met[-2].facts, capacity.met[-1].facts
    if not capacity.repeated:
        return "one ascent ended at %s and the next at %s: %s" % (
            _number(before, "held"),
            _number(last, "held"),
            _CHANGES,
        )
    words = "another ascent ended there too"
    rates = _number(last, "rate"), _number(before, "rate")
    if rates[0] != rates[1]:
        words = "another ascent (%s a second, %s before) ended there too: it is their number, not how fast they come"
        words %= rates
    earlier = [one.facts for one in capacity.met[:-2] if not same(int(one.facts.get("held", 0)), capacity.free)]
    return "%s; an earlier one at %s: %s" % (words, _number(earlier[-1], "held"), _CHANGES) if earlier else words


def _number(facts: Mapping[str, Scalar], fact: str) -> str:
    return fitting.number(float(facts.get(fact, 0)))


def _comes_back(capacity: Capacity) -> str:
    """How soon a place that is given back admits another, as seen last."""
    freed = {str(one.facts.get("by", "close")): one for one in capacity.freed}
    soon = [
        "%s after a %s" % (seconds(float(one.facts["after_s"])), by)
        for by, one in freed.items()
        if "after_s" in one.facts
    ]
    late = [by for by, one in freed.items() if one.failure is Failure.TIMED_OUT]
    if soon:
        return "a place was free again %s" % listed(soon)
    return "no place was free soon after a %s" % " or a ".join(late) if late else ""


# --- who else was asked -----------------------------------------------------------------------------------------------


def _asked(case: Case) -> Optional[Capacity]:
    """The measurement, where the handshakes of others tell whom the limit concerns."""
    capacity = of(case)
    if capacity is None:
        return None
    told = capacity.sign in _REFUSED or (capacity.sign == CLOSED and not case.accepted_for)
    return capacity if told else None


def way_refused(case: Case) -> Optional[Proof]:
    """Another target by the same way was refused at the limit as well."""
    capacity = _asked(case)
    if capacity is None or not capacity.way.suffer:
        return None
    return _asked_too(capacity.way.refused, "by the same way, was refused at that moment as well")


def way_passes(case: Case) -> Optional[Proof]:
    """Another target by the same way was let through at the limit."""
    capacity = _asked(case)
    # Until the other was asked, a limited rate may have recovered.
    if capacity is None or capacity.rate is not None or not capacity.way.fine:
        return None
    return _asked_too(capacity.way.passed, "by the same way, was let through at that moment")


def port_refused(case: Case) -> Optional[Proof]:
    """Another port of the same host was refused at the limit as well."""
    capacity = _asked(case)
    if capacity is None or not capacity.port.suffer:
        return None
    return _asked_too(capacity.port.refused, "the same host, was refused at that moment as well")


def port_passes(case: Case) -> Optional[Proof]:
    """Another port of the same host was let through at the limit."""
    capacity = _asked(case)
    if capacity is None or capacity.rate is not None or not capacity.port.fine:
        return None
    return _asked_too(capacity.port.passed, "the same host, was let through at that moment")


def only_this_host(case: Case) -> Optional[Proof]:
    """Both ports of the host were refused, and another host by the same way was not."""
    return Proof() if port_refused(case) is not None and way_passes(case) is not None else None


def _asked_too(asked: Tuple[Observation, ...], words: str) -> Proof:
    return Proof("%s, %s" % (listed(list(dict.fromkeys(str(one.address) for one in asked))), words), asked)


def _measured_beside(case: Case) -> Tuple[Capacity, ...]:
    """Other targets by the same way at which a limit of connections was met."""
    others = (of(other) for other in case.run.way_of(case).cases if other is not case)
    return tuple(found for found in others if found is not None and found.limit is not None)


def same_beside(case: Case) -> Optional[Proof]:
    """Another target by the same way has its limit at the same number."""
    capacity = of(case)
    if capacity is None or capacity.limit is None:
        return None
    alike = [found for found in _measured_beside(case) if same(found.free, capacity.free)]
    if not alike:
        return None
    found = alike[0]
    return Proof("%s, by the same way, has its limit at %s too" % (found.address, found.free), found.concluded)


def other_beside(case: Case) -> Optional[Proof]:
    """Another target by the same way holds another number of connections."""
    beside = _measured_beside(case)
    return Proof("", beside[0].concluded) if beside and same_beside(case) is None else None


# --- what the connections themselves show -----------------------------------------------------------------------------


def _signed(sign: str, words: str) -> Test:
    def test(case: Case) -> Optional[Proof]:
        capacity = of(case)
        return Proof("", capacity.met[-1:]) if capacity is not None and capacity.sign == sign else None

    test.__doc__ = words
    return test


says_full = _signed(ANSWER, "The service itself says that it is full.")
is_reset = _signed(RESET, "What is too many is reset.")
is_closed = _signed(CLOSED, "What is too many is accepted and closed.")
is_unanswered = _signed(UNANSWERED, "What is too many is accepted, and waits.")


def were_served(case: Case) -> Optional[Proof]:
    """Each connection that is held was answered by the service, so it had left the listener's queue."""
    capacity = of(case)
    return Proof() if capacity is not None and capacity.sign == SILENT and capacity.answered else None


def were_not_served(case: Case) -> Optional[Proof]:
    """Of the connections that are held it is not known whether the service took them up."""
    capacity = of(case)
    return Proof() if capacity is not None and capacity.sign == SILENT and not capacity.answered else None


def never_freed(case: Case) -> Optional[Proof]:
    """What was given back stayed taken: a queue keeps what is dead, until somebody takes it out."""
    capacity = of(case)
    if capacity is None or not capacity.never_freed:
        return None
    return Proof("half was given back, and next to nothing of it was free again", capacity.met)


def few(case: Case) -> Optional[Proof]:
    """The limit is lower than the number of ports that an outbound address has for a destination."""
    capacity = of(case)
    few = capacity is not None and capacity.limit is not None and capacity.limit.value < _FEW_PORTS
    return Proof() if few else None


def inside(case: Case) -> Optional[Proof]:
    """It is not reached by the Internet: mostly no addresses are translated on that way."""
    return Proof() if case.way in ("vpc", "service") else None


def accepted_in_place(case: Case) -> Optional[Proof]:
    """Somebody on the way accepts connections in place of the targets."""
    if not case.accepted_for:
        return None
    where = str(case.accepted_for[0].address)
    return Proof("another accepts the connections at the first hop (%s, TTL 1)" % where, case.accepted_for[:1])


# --- a limited rate ---------------------------------------------------------------------------------------------------


def rate_limited(case: Case) -> Optional[Proof]:
    """The same number of connections can be held when they are opened more slowly, and only so many pass per second."""
    capacity = of(case)
    # What this machine could not open says nothing of the way.
    if capacity is None or capacity.rate is None or capacity.sign not in _BECAME:
        return None
    offered = max((float(one.facts.get("offered", 0)) for one in capacity.windows), default=0.0)
    words = "%s new connections a second to %s passed of %s that were tried, then %s; opened slowly, %s were held" % (
        *(fitting.about(capacity.rate), capacity.address, fitting.number(offered)),
        *(_BECAME[capacity.sign], format(capacity.held, ",")),
    )
    return Proof(words, capacity.windows + capacity.concluded)


def rate_limited_silently(case: Case) -> Optional[Proof]:
    """Only so many connections pass per second, and the others get no answer."""
    capacity = of(case)
    return rate_limited(case) if capacity is not None and capacity.sign == SILENT else None


def not_proved_by_number(case: Case) -> Optional[Proof]:
    """No later ascent ended at the same number, so that it may be how fast they come."""
    capacity = of(case)
    if capacity is None or capacity.repeated or capacity.never_freed:
        return None
    return limited(SILENT, RESET, ICMP)(case)


def _scattered(*signs: str) -> Callable[[Case], Optional[Proof]]:
    def test(case: Case) -> Optional[Proof]:
        capacity = of(case)
        if capacity is None or not capacity.scattered or capacity.limit is not None or capacity.rate is not None:
            return None
        if capacity.sign not in signs:
            return None
        words = "with %s to %s held, some were let through and some not (%s), and it could not be seen at what rate" % (
            count(capacity.held, "connection"),
            capacity.address,
            _BECAME[capacity.sign],
        )
        return Proof(words, capacity.scattered)

    return test


scattered = _scattered(SILENT, RESET, ICMP)
"""Some connections are refused and later ones let through, more often than by chance."""

turned_away = _scattered(ANSWER, CLOSED, UNANSWERED)
"""The same, and it is the service that refuses: it was reached, and has enough of what is asked at once."""


# --- it becomes slow, or what is held dies ----------------------------------------------------------------------------


def _slowed(fact: str, words: str) -> Callable[[Case], Optional[Proof]]:
    def test(case: Case) -> Optional[Proof]:
        capacity = of(case)
        if capacity is None or capacity.harmed_by != "slower":
            return None
        timed = [one for one in levels(case) if fact in one.facts]
        if len(timed) < 2 or float(timed[-1].facts[fact]) < 2 * float(timed[0].facts[fact]):
            return None
        said = words % (
            capacity.address,
            *(seconds(float(timed[0].facts[fact])), format(int(timed[0].facts.get("held", 0)), ",")),
            *(seconds(float(timed[-1].facts[fact])), format(int(timed[-1].facts.get("held", 0)), ",")),
        )
        return Proof(said, (timed[0], timed[-1], capacity.ascents[-1]))

    return test


answers_slower = _slowed("answer_s", "%s answered in %s with %s held, and in %s with %s")
answers_slower.__doc__ = "The service's answer took longer, the more connections were held."
opens_slower = _slowed("handshake_s", "a handshake with %s took %s with %s held, and %s with %s")
opens_slower.__doc__ = "The handshake took longer, the more connections were held."


def slower(case: Case) -> Optional[Proof]:
    """Answers or handshakes took longer, the more connections were held."""
    return answers_slower(case) or opens_slower(case)


def died(case: Case) -> Optional[Proof]:
    """Connections that were held ended while more were opened."""
    capacity = of(case)
    if capacity is None or capacity.harmed_by != "lost" or _went_idle(case):
        return None
    last = capacity.ascents[-1]
    words = "%s of the %s that were held to %s ended while more were opened" % (
        count(int(last.facts.get("closed_held", 1)), "connection"),
        format(capacity.held, ","),
        capacity.address,
    )
    return Proof(words, (last,))


def _went_idle(case: Case) -> Tuple[Observation, ...]:
    return tuple(seen for seen in case.of("saturation", "idle") if seen.facts.get("dropped"))


def all_idle_dropped(case: Case) -> Optional[Proof]:
    """All connections that were left idle were gone afterwards."""
    return _idle_dropped(case, everything=True)


def some_idle_dropped(case: Case) -> Optional[Proof]:
    """Some connections that were left idle were gone afterwards, and others not."""
    return _idle_dropped(case, everything=False)


def _idle_dropped(case: Case, *, everything: bool) -> Optional[Proof]:
    for seen in _went_idle(case):
        dropped, held = int(seen.facts["dropped"]), int(seen.facts.get("held", 0))
        if (dropped >= held) is everything:
            words = "%d of %s to %s were gone after %s without a word"
            idle = seconds(float(seen.facts.get("idle_s", 0)))
            return Proof(words % (dropped, count(held, "connection"), seen.address, idle), (seen,))
    return None
