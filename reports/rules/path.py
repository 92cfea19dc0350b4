"""Layer path: packets come through, but not all of them, or late.

One lost SYN says nothing: it calls for a series of handshakes with the target, with another port of its host and with
other hosts by the same way. A way, subnet or host is said to lose where several places in it do, and none lost less
than chance allows. Where somebody on the way takes the handshakes, exchanges stand for them (reports/rules/answers.py).
"""

from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from attrs import frozen

from reports.addresses import is_private
from reports.case import Case
from reports.causes import CRITICAL, WARNING
from reports.failures import Failure
from reports.groups import Group, ip_of
from reports.model import Observation
from reports.rules.burst import passes_slowly
from reports.rules.contract import CONNECT, EXCHANGE, TLS, WAY, WORKS, Clue, Proof, Rule, Want
from reports.services import MYSQL, service_at
from reports.statistics import wilson
from reports.words import count, listed, seconds, share

# Every network loses a packet now and then: this share of them is nobody's fault, and a single one never is.
_ORDINARY = 0.005
_FEWEST = 2
# From here on it is critical, where that is sure.
_HEAVY = 0.05
# Of an exchange behind one who accepts: his SYN and its answer, the question and its answer.
_PACKETS = 4
# What is left to chance.
_DOUBT = 0.05
# So many targets of a way that lost a SYN or are slow are measured, and so many silent ones beside them.
_MOST_SUSPECTS = 3
_MOST_SILENT = 6


# --- what is asked for ------------------------------------------------------------------------------------------------


def _suspects(case: Case) -> Tuple[Want, ...]:
    """The series for a whole way, asked for once: by its first target."""
    way = case.run.way_of(case)
    if way.accepted_early:
        return ()  # its handshakes end at whoever accepts
    cases = way.cases
    return tuple(dict.fromkeys(_wanted(cases))) if cases[0] is case else ()


def _wanted(cases: Sequence[Case]) -> Iterator[Want]:
    measured = [case for case in cases if "loss" in case.target.measure and not _may_be_accepted_for(case)]
    asked = [seen for case in measured for seen in _answered(case) or case.connects]
    losing = [(case, seen) for case in cases for seen in _hints(case)][:_MOST_SUSPECTS]
    known = {seen.target for seen in asked + [seen for _, seen in losing]}
    late = sorted((seen for case in cases for seen in _late(case) if seen.target not in known), key=_costs)
    yield from map(_series, asked + [seen for _, seen in losing])
    yield from (Want("loss", "round_trips", seen.target, ip_of(seen)) for seen in late[:_MOST_SUSPECTS])
    losing += [(case, seen) for case in cases for seen in case.series if is_lossy([seen])][:_MOST_SUSPECTS]
    for case, seen in losing:
        yield from map(_series, controls(case, ip_of(seen)))
    if losing:
        silent = [seen for case in cases if case.stage == CONNECT for seen in case.silent[:1]]
        yield from map(_series, silent[:_MOST_SILENT])


def _may_be_accepted_for(case: Case) -> bool:
    """Whether the first hop is still to tell who takes its handshakes: it is asked before (rules/answers.py)."""
    return not case.run.way_of(case).traces and case.stage != CONNECT and not any(map(case.run.is_on_link, case.ips))


def _series(seen: Observation) -> Want:
    return Want("loss", "handshakes", seen.target, ip_of(seen))


def _costs(seen: Observation) -> bool:
    """MySQL's handshakes are finished, each with three round trips more."""
    return service_at(int(seen.facts["port"])) == MYSQL


def _answered(case: Case) -> List[Observation]:
    return [seen for seen in case.connects if seen.failure in (None, Failure.CONNECTION_REFUSED)][:1]


def _hints(case: Case) -> List[Observation]:
    """What shows that a packet was lost: a SYN that was sent again and answered, data that nobody acknowledged."""
    if case.proxied:
        return []
    again = [seen for seen in _answered(case) if int(seen.facts.get("syns", 1)) > 1]
    said = [seen for seen in case.exchanges + case.handshakes if seen.failure is None or _is_unacknowledged(seen)]
    return again or [seen for seen in said if seen.facts.get("retransmits")][:1]


def _is_unacknowledged(seen: Observation) -> bool:
    return seen.failure is Failure.TIMED_OUT and bool(seen.facts.get("unacked")) and not seen.facts.get("bytes_in")


def controls(case: Case, ip: str) -> List[Observation]:
    """Answers to hold it against: of another port of the host, of its neighbour, of a host elsewhere by the way."""
    run = case.run
    found: Dict[str, Observation] = {}
    for place, group in (
        *(("host", group) for group in run.hosts_of(case)),
        *(("neighbour", group) for group in run.subnets_of(case)),
        ("elsewhere", run.way_of(case)),
    ):
        for seen in group.answers:
            same_host, near = ip_of(seen) == ip, run.subnet_of(ip_of(seen)) in case.subnets
            where = "host" if same_host else "neighbour" if near else "elsewhere"
            if where == place and seen.target != case.target.name:
                found.setdefault(place, seen)
                break
    return list(found.values())


# --- what loses -------------------------------------------------------------------------------------------------------


@frozen
class _Loss:
    """Series that lose, and what they have in common."""

    series: Tuple[Observation, ...]
    common: str

    @property
    def interval(self) -> Tuple[float, float]:
        return wilson(*_sums(self.series))

    def told(self) -> str:
        lost, syns = _sums(self.series)
        low, high = self.interval
        each = ["%s of %s %s" % (_lost(seen), _tries(seen), seen.address) for seen in self.series]
        sure = "%s are lost (95 %% sure: %s to %s)" % (share(lost / syns), share(low), share(high))
        where = "what was measured %s loses: " % self.common if self.common else ""
        if self.series[0].probe == "answer":
            words = "%s%s came as late as what is sent again does, or not at all; of about %d packets in each, %s"
            return words % (where, listed(each, 4), _PACKETS, sure)
        return "%s%s got no answer; %s" % (where, listed(each, 4), sure)


def _sums(series: Sequence[Observation]) -> Tuple[int, int]:
    return sum(map(_lost, series)), sum(map(_sent, series))


def _lost(seen: Observation) -> int:
    return int(seen.facts.get("syns_lost", seen.facts.get("late", 0)))


def _sent(seen: Observation) -> int:
    """SYNs; of a series of exchanges, the packets of each that nothing goes on without."""
    return int(seen.facts.get("syns", _PACKETS * int(seen.facts.get("tried", 0))))


def _tries(seen: Observation) -> str:
    if seen.probe == "answer":
        return "%s with" % count(int(seen.facts["tried"]), "exchange")
    return "%s to" % count(_sent(seen), "SYN")


def _tried(series: Sequence[Observation]) -> int:
    return sum(int(seen.facts["tried"]) for seen in series)


def is_lossy(series: Sequence[Observation]) -> bool:
    """Whether the series lose more than every network does, beyond chance."""
    lost, syns = _sums(series)
    return lost >= _FEWEST and wilson(lost, syns)[0] > _ORDINARY


def _answering(series: Sequence[Observation]) -> Tuple[Observation, ...]:
    """What answered nothing at all is silent, and loses nothing."""
    return tuple(seen for seen in series if seen.facts.get("answered"))


def _own(case: Case) -> Tuple[Observation, ...]:
    """The target's own series: where the first handshake was answered, also one that then got no answer at all."""
    return _answering(case.series) if case.stage == CONNECT or case.behind else tuple(case.series)


def _losing(case: Case) -> Optional[_Loss]:
    """The widest of way, subnet and host in which two places lose and none is clean, or this target alone."""
    run = case.run
    if not run.way_of(case).series:
        return None
    wider: List[Tuple[Group, str, Callable[[Observation], str]]] = [
        (run.way_of(case), "by the same way (%s)" % case.way, ip_of),
        *((group, "in the subnet %s" % listed(case.subnets), ip_of) for group in run.subnets_of(case)),
        *((group, "at the host %s" % listed(case.ips), _address) for group in run.hosts_of(case)),
    ]
    for group, common, place in wider:
        series = _answering(group.series)
        losing = tuple(seen for seen in series if is_lossy([seen]))
        if len({place(seen) for seen in losing}) > 1 and all(_may_lose(seen, losing) for seen in series):
            return _Loss(losing, common)
    own = _own(case)
    return _Loss(own, "") if is_lossy(own) else None


def _address(seen: Observation) -> str:
    return str(seen.address)


def _may_lose(seen: Observation, losing: Sequence[Observation]) -> bool:
    """Whether it may lose as much as those do, seeing how little it lost: else that would hardly be chance."""
    lost, syns = _sums(losing)
    low, _ = wilson(lost, syns)
    own_lost, own_syns = _sums([seen])
    return wilson(own_lost, own_syns)[1] >= low if own_lost else (1 - lost / syns) ** own_syns > _DOUBT


def loses(case: Case) -> Optional[Proof]:
    """Loss was measured, and it may be why this target fails, where it does."""
    if any(seen.failure is not Failure.TIMED_OUT for seen in case.broken):
        return None
    own = _answering(case.series)
    unconnected = case.stage == CONNECT or case.behind
    if unconnected and case.series and not own:
        return None
    loss = _losing(case)
    if loss is not None:
        return Proof(loss.told(), loss.series)
    if unconnected and own:
        answered = sum(int(seen.facts["answered"]) for seen in own)
        what = "exchange" if case.behind else "handshake"
        return Proof("then %d of %s were answered" % (answered, count(_tried(own), what)), own)
    return None


def _severity(case: Case) -> Optional[str]:
    """Critical where the target fails by it, or so much is surely lost."""
    loss = _losing(case)
    return CRITICAL if case.stage or (loss is not None and loss.interval[0] >= _HEAVY) else WARNING


def _unmeasured(case: Case) -> Optional[Proof]:
    """Others lose; whether this one would answer another SYN was not tried."""
    return Proof() if (case.stage == CONNECT or case.behind) and not case.series else None


def _heavy(case: Case) -> Optional[Proof]:
    """So much is lost that an exchange may well come to nothing."""
    loss = _losing(case) if case.stage in (TLS, EXCHANGE) else None
    return Proof("", loss.series) if loss is not None and loss.interval[0] >= _HEAVY else None


# --- who loses it: the way, or a listener that is full ---------------------------------------------------------------


def _port_loses(case: Case) -> Optional[Proof]:
    """SYNs to this port are lost, or what was sent after the handshake was not acknowledged."""
    own = _own(case)
    if case.stage in (TLS, EXCHANGE) and not case.behind:
        mute = tuple(seen for seen in case.broken if _is_unacknowledged(seen))
        words = "the handshake with %s is complete, and its host acknowledges nothing of what we then sent"
        return Proof(words % mute[0].address, mute) if mute and len(mute) == len(case.broken) else None
    return Proof(_Loss(own, "").told(), own) if is_lossy(own) else None


def _other_port_is_clean(case: Case) -> Optional[Proof]:
    """Another port of the same host loses nothing: the way to the host is fine."""
    clean = tuple(seen for seen in _others(case) if not _lost(seen) and _is_apart(case, seen))
    if not clean:
        return None
    words = "%s, the same host, lost none of %s it"
    return Proof(words % (clean[0].address, _tries(clean[0])), clean)


def _is_apart(case: Case, other: Observation) -> bool:
    own = _answering(case.series)
    return not own or not _may_lose(other, own)


def _other_port_loses(case: Case) -> Optional[Proof]:
    """Another port of the same host loses SYNs too: it is not one listener."""
    losing = tuple(seen for seen in _others(case) if is_lossy([seen]))
    words = "%s, the same host, loses SYNs too: it is not one listener"
    return Proof(words % losing[0].address, losing) if losing else None


def _others(case: Case) -> Tuple[Observation, ...]:
    """The series with other ports of the same host."""
    groups = case.run.hosts_of(case)
    return _answering([seen for group in groups for seen in group.series if seen.target != case.target.name])


def _another_host_loses(case: Case) -> Optional[Proof]:
    """Another host by the same way loses SYNs too."""
    way = _answering(case.run.way_of(case).series)
    losing = tuple(seen for seen in way if ip_of(seen) not in case.ips and is_lossy([seen]))
    return Proof("%s, another host, loses SYNs too" % losing[0].address, losing[:1]) if losing else None


def _another_host_is_clean(case: Case) -> Optional[Proof]:
    """Another host by the same way lost nothing."""
    way = _answering(case.run.way_of(case).series)
    clean = tuple(seen for seen in way if ip_of(seen) not in case.ips and not _lost(seen))
    words = "%s, by the same way (%s), lost none of %s it"
    return Proof(words % (clean[0].address, case.way, _tries(clean[0])), clean[:1]) if clean else None


# --- what is late -----------------------------------------------------------------------------------------------------


def _late(case: Case) -> List[Observation]:
    """Handshakes that took longer than the plan calls slow, and lost no SYN."""
    limit, _ = rtt_limit(case)
    return [
        seen for seen in case.connected if seen.facts.get("syns") == 1 and float(seen.facts.get("rtt_s", 0)) > limit
    ]


def rtt_limit(case: Case) -> Tuple[float, str]:
    """The round-trip time above which the case's way is slow, and where the plan says so."""
    slow = case.run.plan.slow
    far = case.way == "internet" or (case.way != "vpc" and not all(is_private(ip) for ip in case.ips))
    return (slow.internet_rtt, "slow.internet_rtt") if far else (slow.vpc_rtt, "slow.vpc_rtt")


def _far(case: Case) -> Optional[Proof]:
    """The median of a series is above the limit for sure: the target's own, else one by the same way."""
    limit, name = rtt_limit(case)
    series = _answering(case.series)
    if not series and _late(case):
        series = _answering(case.run.way_of(case).series)
    timed = [seen for seen in series if "rtt_median_low_s" in seen.facts]
    if not timed or any(float(seen.facts["rtt_median_low_s"]) <= limit for seen in timed):
        return None
    first = timed[0]
    low, middle, high = (float(first.facts["rtt_median%s_s" % end]) for end in ("_low", "", "_high"))
    words = "the median round trip to %s takes %s (95 %% sure: %s to %s, %s); above %s is slow (plan: %s); %s" % (
        *(first.address, seconds(middle), seconds(low), seconds(high)),
        *(count(int(first.facts["answered"]), "handshake"), seconds(limit), name, _why_late(first)),
    )
    return Proof(words, tuple(timed))


def _why_late(seen: Observation) -> str:
    """Distance is in every round trip; what waits in a queue is in some, and not in the fastest."""
    fastest, middle = float(seen.facts["rtt_min_s"]), float(seen.facts["rtt_median_s"])
    if fastest < middle / 2:
        return "the fastest took %s: the rest is waiting in a queue, and not distance" % seconds(fastest)
    return "the fastest took %s: distance, or a detour, more than a queue" % seconds(fastest)


RULES = (
    Rule(
        cause="packet_loss",
        explains=(CONNECT, TLS, EXCHANGE, WORKS),
        applies=loses,
        prior=1.0,
        clues=(
            Clue(_another_host_loses, 3),
            Clue(_other_port_is_clean, 0.3),
            Clue(_unmeasured, 0.3),
            Clue(_heavy, 3),
            Clue(passes_slowly, 0.01),
        ),
        suspects=_suspects,
        severity=_severity,
        scope=WAY,
    ),
    # A full queue drops SYNs at one port: the host's others, and the way to it, lose nothing.
    Rule(
        cause="accept_queue_full",
        explains=(CONNECT, TLS, EXCHANGE, WORKS),
        applies=_port_loses,
        prior=0.1,
        clues=(
            Clue(_other_port_loses, 0),
            Clue(_another_host_loses, 0.1),
            Clue(_another_host_is_clean, 2),
            Clue(_other_port_is_clean, 8),
            Clue(passes_slowly, 0.05),
        ),
        severity=_severity,
    ),
    Rule(cause="high_latency", standalone=True, applies=_far, prior=0.98, scope=WAY),
)
