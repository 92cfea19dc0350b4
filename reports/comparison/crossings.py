"""Sweeps from several vantage points: who hears whom, and whether both ways.

This module travels in the carry-in kit: CPython 3.7.
"""

from typing import Dict, Iterator, List, NamedTuple, Sequence, Tuple

from reports.comparison.model import Crossing
from reports.model import Report
from reports.subnet.swept import swept

_MOST_PAIRS = 10


class Sweep(NamedTuple):
    """What one report says of one network: how many addresses were asked from ``source``, and how many answered."""

    network: str
    cidr: str
    source: str
    asked: int
    answered: int


def sweeps(report: Report) -> List[Sweep]:
    """The networks that the report swept, and of whose hosts it learned anything."""
    found = swept(report.run.plan, report.vantage, report.observations)
    return [Sweep(one.name, one.cidr, one.source, len(one.told), len(one.live)) for one in found if one.told]


def told(crossings: Sequence[Crossing]) -> Tuple[str, ...]:
    """``from vswitch-a 23 of 256 in vswitch-b answer, from vswitch-b none in vswitch-a``: a sentence a pair."""
    best: Dict[Tuple[str, str], Crossing] = {}
    for one in crossings:
        key = (one.whence or one.label, one.network)
        if key not in best or one.answered > best[key].answered:
            best[key] = one
    sentences = [", ".join(_pair(best, key)) for key in best if key[::-1] not in best or _is_first(best, key)]
    left = len(sentences) - _MOST_PAIRS
    return (*sentences[:_MOST_PAIRS], *(["and %d more" % left] if left > 0 else []))


def _is_first(best: Dict[Tuple[str, str], Crossing], key: Tuple[str, str]) -> bool:
    keys = list(best)
    return keys.index(key) <= keys.index(key[::-1])


def _pair(best: Dict[Tuple[str, str], Crossing], key: Tuple[str, str]) -> Iterator[str]:
    yield _words(*key, one=best[key], verb=True)
    if key[0] != key[1] and key[::-1] in best:
        yield _words(*key[::-1], one=best[key[::-1]], verb=False)


def _words(whence: str, network: str, one: Crossing, verb: bool) -> str:
    many = "%s of %s" % (format(one.answered, ","), format(one.asked, ",")) if one.answered else "none"
    where = "itself" if whence == network else "in %s" % network
    answer = (" answers" if one.answered < 2 else " answer") if verb else ""
    return "from %s %s %s%s" % (whence, many, where, answer)
