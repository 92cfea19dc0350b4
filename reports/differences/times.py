"""Round trips, where their change is beyond noise.

One handshake says little of a round trip: the next one may well take twice as long. So a single target's is told where
it is several times what it was and the difference can be felt, and that of all targets by one way where more of them
rose (or fell) than chance lets them.
"""

from typing import Dict, Iterator, List, Tuple

from reports.case import Case
from reports.differences.model import Difference
from reports.differences.view import View
from reports.statistics import median, wilson
from reports.words import count, listed, ranges, seconds, span

KIND = "round trip"
# Seconds below which nobody notices, and the factor up to which one handshake may differ from the next.
_FELT, _NOISE = 0.002, 3.0
# Of fewer targets, chance lets all of them rise.
_FEWEST = 6
_SHIFT = 1.5
_WAYS = {"vpc": "the VPC", "internet": "the Internet", "service": "the services' own network"}

Pair = Tuple[Case, float, float]


def differences(before: View, after: View) -> Tuple[List[Difference], int, int]:
    """The ways by which most targets rose or fell, and the targets that stand out; how many did neither."""
    by_way: Dict[str, List[Pair]] = {}
    for pair in _pairs(before, after):
        by_way.setdefault(pair[0].way, []).append(pair)
    found = [one for way, pairs in sorted(by_way.items()) for one in _of_way(way, pairs)]
    moved = {name for one in found for name in one.targets}
    return found, sum(len(pairs) for pairs in by_way.values()) - len(moved), 0


def _of_way(way: str, pairs: List[Pair]) -> Iterator[Difference]:
    shift = _shift(pairs)
    if shift != 1.0:
        old, new = (median(sorted(times)) for times in list(zip(*pairs))[1:])
        yield Difference(
            kind=KIND,
            subject="%s by %s" % (count(len(pairs), "target"), _WAYS.get(way, "a way that is not known")),
            before="median %s" % seconds(old),
            after="median %s" % seconds(new),
            targets=tuple(pair[0].target.name for pair in pairs),
        )
    apart = [(case.target.name, old, new) for case, old, new in pairs if _stands_out(old * shift, new)]
    for risen in (True, False):
        same = [one for one in apart if (one[2] > one[1]) is risen]
        if same:
            names, before, after = zip(*same)
            yield Difference(
                kind=KIND,
                subject=listed(ranges(names)),
                before=span(before),
                after=span(after),
                targets=names,
            )


def _pairs(before: View, after: View) -> Iterator[Pair]:
    for case in after.cases():
        earlier = before.evidence.cases.get(case.target.name)
        # To another address, or from another place, another time is no change of the path.
        if earlier is not None and set(earlier.ips) & set(case.ips) and earlier.source == case.source:
            old, new = _round_trip(earlier), _round_trip(case)
            if old and new:
                yield case, old, new


def _round_trip(case: Case) -> float:
    """The median of repeated handshakes where there were some, else the shortest of the first ones; 0: not known."""
    for seen in case.of("loss", "handshakes"):
        if "rtt_median_s" in seen.facts:
            return float(seen.facts["rtt_median_s"])
    return min((float(seen.facts["rtt_s"]) for seen in case.connected if "rtt_s" in seen.facts), default=0.0)


def _shift(pairs: List[Pair]) -> float:
    """By which factor the targets of a way rose or fell together; 1 where they did not."""
    risen = sum(new > old for _, old, new in pairs)
    low, high = wilson(risen, len(pairs))
    factor = median(sorted(new / old for _, old, new in pairs))
    felt = abs(median(sorted(new - old for _, old, new in pairs))) >= _FELT
    if len(pairs) < _FEWEST or not felt or low <= 0.5 <= high or 1 / _SHIFT < factor < _SHIFT:
        return 1.0
    return factor


def _stands_out(old: float, new: float) -> bool:
    return abs(new - old) >= _FELT and not 1 / _NOISE < new / old < _NOISE
