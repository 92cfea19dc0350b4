"""Layer path, where somebody on the way accepts every connection: loss and latency behind him show in answers alone.

The job's own handshakes end at him, at once. An answer takes two round trips behind him, his handshake and the
question, and longer where his packets are lost. Which of them was late, the way or the service, one host does not
tell: several hosts that are late alike do.
"""

from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from reports.case import Case
from reports.groups import ip_of
from reports.model import Observation
from reports.rules import path
from reports.rules.contract import TARGET, WAY, WORKS, Clue, Proof, Rule, Want
from reports.services import HTTP, SERVICES, is_mysql, is_tls
from reports.words import count, listed, seconds

# His handshake, and the question with its answer.
_ROUND_TRIPS = 2
# A peer is given this long to speak first (probes/services): of a shorter round trip an answer says nothing. Seconds.
_WINDOW = 0.05
# Nobody sends again sooner (Linux, TCP_RTO_MIN, less what a busy machine errs). Seconds.
_AGAIN = 0.15
# A question to one that is reached directly costs at most so many of its handshake's round trips.
_DIRECT = 4
_MOST = 3
_MOST_SILENT = 6


# --- what is asked for ------------------------------------------------------------------------------------------------


def _suspects(case: Case) -> Tuple[Want, ...]:
    """For a whole way, by its first target: whether somebody accepts in its place; if so, what exchanges show."""
    way = case.run.way_of(case)
    if way.cases[0] is not case or case.proxied:
        return ()
    return tuple(dict.fromkeys(_exchanges(way.cases) if way.accepted_early else _first_hop(way.cases)))


def _first_hop(cases: Sequence[Case]) -> Iterator[Want]:
    """Only where an answer took much longer than the handshake explains, or loss is to be measured."""
    way = cases[0].run.way_of(cases[0])
    if way.traces or way.way_in is not None:
        return
    odd = [case for case in cases if "loss" in case.target.measure or _hesitant(case)]
    odd += [case for case, _ in _far_hosts(cases)]
    asked = min((case for case in odd if case.ips and not _is_near(case)), key=_costs, default=None)
    if asked is not None:
        yield Want("path", "first_hop", asked.target.name)


def _exchanges(cases: Sequence[Case]) -> Iterator[Want]:
    measured = [(case, case.ips[0]) for case in cases if "loss" in case.target.measure and case.ips]
    odd = [(case, ip_of(seen)) for case in sorted(cases, key=_costs) for seen in _hesitant(case)[:1]]
    losing = [(case, ip_of(seen)) for case in cases for seen in case.series if path.is_lossy([seen])]
    for case, ip in (*measured, *odd[:_MOST]):
        yield Want("answer", "series", case.target.name, ip)
    for case, ip in (*odd[:_MOST], *losing[:_MOST]):
        for seen in (*path.controls(case, ip), *_at_the_host(case)):
            yield Want("answer", "series", seen.target, ip_of(seen))
    if odd or losing:
        silent = (case for case in cases if case.silent and not _costs(case))
        for case, _ in zip(silent, range(_MOST_SILENT)):
            yield Want("answer", "series", case.target.name, case.ips[0])
    known = {case.target.name for case, _ in (*measured, *odd[:_MOST])}
    far = sorted(_far_hosts(cases), key=lambda one: _costs(one[0]))
    for case, ip in far[:_MOST]:
        if case.target.name not in known:
            yield Want("answer", "round_trips", case.target.name, ip)


def _at_the_host(case: Case) -> List[Observation]:
    """Answers of the quickest other targets at its host: where it is the way, all of them lose."""
    others = {other.target.name: other for group in case.run.hosts_of(case) for other in group.cases}
    heard = [other.host_answers[0] for other in sorted(others.values(), key=_costs) if other.host_answers]
    return [seen for seen in heard if seen.target != case.target.name][:_MOST]


def _costs(case: Case) -> bool:
    """MySQL's handshakes are finished, however long that takes."""
    return is_mysql(case.target.service, case.target.port)


def _is_near(case: Case) -> bool:
    return any(case.run.is_on_link(ip) for ip in case.ips)


# --- answers of the first look ----------------------------------------------------------------------------------------


def _firsts(case: Case) -> List[Tuple[Observation, float]]:
    """What was first heard of the target, and how many seconds after it could have been."""
    heard = [seen for seen in case.handshakes or case.exchanges if seen.facts.get("bytes_in")]
    return [(seen, float(seen.facts.get("first_byte_s", seen.duration_s))) for seen in heard]


def _round_trip(case: Case, ip: str) -> float:
    """Of the job's own handshake."""
    return max((float(seen.facts.get("rtt_s", 0.0)) for seen in case.connected if ip_of(seen) == ip), default=0.0)


def _hesitant(case: Case) -> List[Observation]:
    """Answers so late that something may have been sent again meanwhile, out of sight."""
    return [seen for seen, after in _firsts(case) if after > _AGAIN + _DIRECT * _round_trip(case, ip_of(seen))]


def _far_hosts(cases: Sequence[Case]) -> List[Tuple[Case, str]]:
    """The targets that answer by the way, one a host, where all of them are late and their handshakes were not."""
    found: Dict[str, Case] = {}
    for case in cases:
        limit, _ = _limit(case)
        for seen, after in _firsts(case) if _is_effortless(case) else ():
            if after <= max(limit, _DIRECT * _round_trip(case, ip_of(seen))):
                return []
            found.setdefault(ip_of(seen), case)
    return [(case, ip) for ip, case in found.items()] if len(found) > 1 else []


def _is_effortless(case: Case) -> bool:
    """Whether its first answer costs the service nothing; what stands behind HTTP may have to think."""
    service = SERVICES[case.target.service]
    return is_tls(service.name, case.target.port) or service.exchange != HTTP


def _limit(case: Case) -> Tuple[float, str]:
    limit, name = path.rtt_limit(case)
    return max(limit, _WINDOW), name


# --- what they mean ---------------------------------------------------------------------------------------------------


def _far(case: Case) -> Optional[Proof]:
    """At two hosts by the way or more the median answer takes two slow round trips for sure, and at none less."""
    if not case.accepted_for:
        return None
    limit, name = _limit(case)
    cases = [other for other in case.run.way_of(case).cases if _is_effortless(other)]
    timed = [seen for other in cases for seen in other.series if "answer_median_low_s" in seen.facts]
    hosts = {ip_of(seen) for seen in timed}
    if len(hosts) < 2 or any(float(seen.facts["answer_median_low_s"]) <= _ROUND_TRIPS * limit for seen in timed):
        return None
    each = [
        "%s in %s (95 %% sure: %s to %s, %s)"
        % (
            seen.address,
            *(seconds(float(seen.facts["answer_median%s_s" % end])) for end in ("", "_low", "_high")),
            count(int(seen.facts["answered"]), "exchange"),
        )
        for seen in timed
    ]
    words = (
        "another accepts at once, and the median answer behind him comes from %s: two round trips, his handshake and"
        " the question; above %s for one is slow (plan: %s)"
    )
    return Proof(words % (listed(each, _MOST), seconds(limit), name), (*timed, *case.accepted_for))


def _slow(case: Case) -> Optional[Proof]:
    """The answer came, too late for the plan; or it is late with all others."""
    if not case.accepted_for:
        return None
    limit = case.run.plan.slow.service
    late = [(seen, after) for seen, after in _firsts(case) if seen.failure is None and after > limit]
    if not late:
        return Proof() if _far(case) else None
    seen, after = late[0]
    words = (
        "the first byte from %s came after %s; above %s is slow (plan: slow.service); another accepts the connections,"
        " and when the service itself was asked is not known"
    )
    return Proof(words % (seen.address, seconds(after), seconds(limit)), (seen, *case.accepted_for))


def _way_may_be_late(case: Case) -> Optional[Proof]:
    """It was late, and nothing shows that the way behind whoever accepts is not."""
    if _far(case):
        return _far(case)
    return Proof() if _slow(case) and not case.series else None


RULES: Tuple[Rule, ...] = (
    Rule(
        cause="high_latency",
        explains=(WORKS,),
        applies=_way_may_be_late,
        prior=0.15,
        clues=(Clue(_far, 10),),
        suspects=_suspects,
        scope=WAY,
    ),
    Rule(
        cause="service_slow",
        explains=(WORKS,),
        applies=_slow,
        prior=0.5,
        clues=(Clue(_far, 0.5), Clue(path.loses, 0.3)),
        scope=TARGET,
    ),
)
