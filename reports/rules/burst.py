"""Layer egress: what the way out lets through one after the other, and not all at once.

The first look opens many connections in a moment; what was lost there is tried again slowly (packet loss). A way that
loses at random loses in both. One that has a limit loses in the first and, while few are open, nothing in the second:
then it is the limit of connections at once, or of new ones per second, that the job itself will meet.
"""

from functools import lru_cache
from itertools import islice
from typing import FrozenSet, Optional, Tuple

from attrs import frozen

from reports.case import Case
from reports.causes import WARNING
from reports.evidence import Evidence
from reports.failures import Failure
from reports.groups import ip_of
from reports.model import Observation
from reports.rules.contract import CONNECT, WAY, WORKS, Clue, Proof, Rule, Want
from reports.statistics import wilson
from reports.words import count, listed, seconds

# Fewer hosts are a matter of their own.
_FEWEST_HOSTS = 3
_MOST_ASKED = 3
_LIMITED_WAY = "internet"
# This share of packets is lost anywhere, and tells nothing.
_ORDINARY = 0.005


@frozen
class _Burst:
    """The first SYNs by a way: how many there were, those that were lost, and the series that came after them."""

    tried: int
    lost: Tuple[Observation, ...]
    series: Tuple[Observation, ...]
    names: FrozenSet[Optional[str]]  # of the targets that they were lost to

    @property
    def then(self) -> Tuple[int, int]:
        """SYNs of the series that were lost, of how many."""
        syns = sum(int(seen.facts.get("syns", 0)) for seen in self.series)
        return sum(int(seen.facts.get("syns_lost", 0)) for seen in self.series), syns

    @property
    def is_apart(self) -> bool:
        """Whether so many would not have been lost by the chance that the series show."""
        return wilson(len(self.lost), self.tried)[0] > wilson(*self.then)[1]

    @property
    def is_lossy(self) -> bool:
        """Whether the series lose as well."""
        return not self.is_apart and wilson(*self.then)[0] > _ORDINARY


@lru_cache(maxsize=8)
def _burst(run: Evidence, way: str) -> Optional[_Burst]:
    """Where first SYNs to several hosts were lost that the way then let through; of the ways that others share."""
    if way != _LIMITED_WAY:
        return None
    cases = [case for case in run.cases.values() if case.way == way and not case.proxied]
    first = [(case, seen) for case in cases for seen in case.connects if _is_told(seen)]
    lost = tuple(seen for case, seen in first if _is_lost(case, seen))
    series = tuple(seen for case in cases for seen in case.series if seen.facts.get("answered"))
    if not series or len({ip_of(seen) for seen in lost}) < _FEWEST_HOSTS:
        return None
    burst = _Burst(len(first), lost, series, frozenset(seen.target for seen in lost))
    return burst if burst.is_apart or burst.is_lossy else None


def _is_told(seen: Observation) -> bool:
    """A reset is an answer, too."""
    return seen.failure in (None, Failure.TIMED_OUT, Failure.CONNECTION_REFUSED)


def _is_lost(case: Case, seen: Observation) -> bool:
    """Not what nobody ever answered: that may be kept back for good."""
    return case.answers_again if seen.failure is Failure.TIMED_OUT else int(seen.facts.get("syns", 1)) > 1


def _lost_at_once(case: Case) -> Optional[Proof]:
    """First SYNs to several hosts by the same way got no answer, and later ones did."""
    burst = _burst(case.run, case.way)
    if burst is None or not (case.target.name in burst.names or case.stage == WORKS):
        return None
    began = [seen.started for seen in burst.lost]
    words = "%d of %s by the same way (%s) got no answer (%s), all within %s, and later ones did" % (
        *(len(burst.lost), count(burst.tried, "first SYN"), case.way),
        *(listed([str(seen.address) for seen in burst.lost]), seconds(max(began) - min(began))),
    )
    return Proof(words, burst.lost)


def passes_slowly(case: Case) -> Optional[Proof]:
    """One after the other they are answered: by chance so many would not have been lost at first."""
    burst = _burst(case.run, case.way)
    if burst is None or not burst.is_apart:
        return None
    lost, syns = burst.then
    return Proof(
        "of %s then, one after the other, %s got no answer" % (count(syns, "SYN"), lost or "none"), burst.series
    )


def _is_lost_slowly(case: Case) -> Optional[Proof]:
    """One after the other they are lost as well: so they would be by chance, and at a limit of new ones per second."""
    burst = _burst(case.run, case.way)
    return Proof("", burst.series) if burst is not None and burst.is_lossy else None


def _ask_again(case: Case) -> Tuple[Want, ...]:
    """Some of those that are silent, where others by the way answer; then the rest: asked for by the first target."""
    way = case.run.way_of(case)
    if case.way != _LIMITED_WAY or way.cases[0] is not case or not way.answers:
        return ()
    silent = {ip_of(seen): seen for other in way.unconnected for seen in other.silent[:1] if not other.series}
    if len(silent) < _FEWEST_HOSTS and not any(other.answers_again for other in way.unconnected):
        return ()
    return tuple(Want("loss", "handshakes", seen.target, ip) for ip, seen in islice(silent.items(), _MOST_ASKED))


def _severity(case: Case) -> Optional[str]:
    return None if case.stage else WARNING


RULES = (
    Rule(
        cause="snat_connection_cap",
        explains=(CONNECT, WORKS),
        applies=_lost_at_once,
        prior=0.05,
        clues=(Clue(passes_slowly, 2), Clue(_is_lost_slowly, 0.5)),
        suspects=_ask_again,
        severity=_severity,
        scope=WAY,
    ),
    Rule(
        cause="snat_rate_limit",
        explains=(CONNECT, WORKS),
        applies=_lost_at_once,
        prior=0.04,
        clues=(Clue(_is_lost_slowly, 8),),
        severity=_severity,
        scope=WAY,
    ),
)
