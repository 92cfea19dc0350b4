"""How many connections were held when, and what became of them: the observations of a saturation as one curve.

This module travels in the carry-in kit: CPython 3.7.
"""

from typing import Dict, List, Optional, Sequence, Tuple

from attrs import frozen

from reports import words
from reports.model import Job, Observation
from reports.saturation import Interval

_PROBE = "saturation"

# Of more levels, evenly chosen ones are kept.
_MOST_POINTS = 1000

# Seconds; and numbers of connections: more is no measurement.
_SHORTEST, _MOST = 1e-3, 1e9

# A rate below is told to a tenth.
_TENTHS_BELOW = 100

# What a refused connection looked like, by its sign.
_SIGNS = {
    "silent": "silence",
    "reset": "a reset",
    "icmp": "an ICMP error",
    "closed": "accepted and closed at once",
    "answer": "turned away by the service itself",
    "unanswered": "accepted without an answer",
}
# Why an ascent ended that met no limit, and did not get as far as it was to.
STOPS = {
    "lost": "held connections died",
    "slower": "its answers became slower",
    "control": "another target by the same way suffered",
    "age": "at MySQL a handshake may not wait longer",
    "budget": "the budget was spent",
    "deadline": "the time was over",
    "shortage": "this machine could not open more",
}


@frozen(kw_only=True)
class Point:
    """A level of an ascent: what was held at its end.

    ``began_s``, ``at_s``: its beginning and its end, in seconds since the first one began. ``handshake_s``,
    ``answer_s``: medians of those that were opened. ``rate``: offered per second. ``sign``: how some were refused
    (docs/observations.md), or "".
    """

    ascent: int
    began_s: float
    at_s: float
    held: int
    tried: int
    refused: int = 0
    lost_syns: int = 0
    rate: float = 0.0
    handshake_s: Optional[float] = None
    answer_s: Optional[float] = None
    sign: str = ""


@frozen(kw_only=True)
class End:
    """An ascent from ``start`` connections to ``held``, and by what it ended (docs/observations.md)."""

    ascent: int
    at_s: float
    start: int
    held: int
    ended_by: str = ""
    sign: str = ""
    closed_held: int = 0


@frozen(kw_only=True)
class Window:
    """Some time at a limited rate: what was offered per second, and how many of them were refused."""

    began_s: float
    at_s: float
    offered: float
    refused: int


@frozen(kw_only=True)
class Curve:
    """One target's measurement, in the order of time.

    ``line``: its vertices (seconds, connections held), what was given back included. ``limit``: of connections,
    ``rate``: of new ones per second, each where one was met. ``maximum``: the most that the plan allows.
    """

    target: str
    points: Tuple[Point, ...]
    ends: Tuple[End, ...]
    windows: Tuple[Window, ...]
    line: Tuple[Tuple[float, int], ...]
    held: int
    tried: int
    maximum: int
    limit: Optional[Interval] = None
    rate: Optional[Interval] = None

    @property
    def duration_s(self) -> float:
        """From the first connection to the last one given back; never 0."""
        return max(self.line[-1][0], _SHORTEST)

    @property
    def complete(self) -> bool:
        """Whether as many as the plan allows were held."""
        return bool(self.maximum) and self.held >= self.maximum


def curves(observations: Sequence[Observation]) -> Dict[str, Curve]:
    """The curve of each target that was measured, by its name, in the order of the measurements."""
    seen: Dict[str, List[Observation]] = {}
    for one in sorted(observations, key=_ended):
        if one.probe == _PROBE and one.target is not None:
            seen.setdefault(one.target, []).append(one)
    levels = {name: [one for one in some if one.step == "level" and "held" in one.facts] for name, some in seen.items()}
    return {name: _curve(name, levels[name], some) for name, some in seen.items() if levels[name]}


def needed(job: Job) -> Optional[int]:
    """How many connections the job needs at once; None where the plan does not say."""
    need = job.instances * job.connections
    return need if need > 1 else None


def conclusion(curve: Curve) -> str:
    """What the measurement gave, in one sentence of plain words."""
    if curve.rate is not None:
        passes = words.count(round(curve.rate.value), "new connection")
        return "about %s a second%s; up to %s held" % (passes, _between(curve.rate), _number(curve.held))
    last = curve.ends[-1] if curve.ends else None
    if curve.limit is not None:
        met = next((end.sign for end in curve.ends if end.sign), "")
        then = ", then %s" % _SIGNS[met] if met in _SIGNS else ""
        return "about %s%s%s" % (words.count(round(curve.limit.value), "connection"), _between(curve.limit), then)
    if curve.complete:
        refused = sum(point.refused for point in curve.points)
        how = "without a refusal" if not refused else "with %s refused on the way" % _number(refused)
        faster = ", and %s new ones a second" % _number(curve.windows[-1].offered) if curve.windows else ""
        return "held %s %s, the most the plan allows%s" % (_number(curve.held), how, faster)
    sentence = "held %s of the %s that the plan allows" % (_number(curve.held), _number(curve.maximum))
    if last is not None and last.closed_held:
        return "%s, and stopped: %s died" % (sentence, words.count(last.closed_held, "held connection"))
    if last is not None and last.ended_by in STOPS:
        return "%s, and stopped: %s" % (sentence, STOPS[last.ended_by])
    return sentence


def _curve(name: str, levels: Sequence[Observation], seen: Sequence[Observation]) -> Curve:
    start = min(one.started for one in levels)
    points = _thinned([_point(one, start) for one in levels])
    ends = tuple(_end(one, start) for one in seen if one.step == "ascent")
    limit = next((one for one in reversed(seen) if one.step == "limit"), None)
    return Curve(
        target=name,
        points=tuple(points),
        ends=ends,
        windows=tuple(_window(one, start) for one in seen if one.step == "rate"),
        line=_line(points, ends, _since(start, max(_ended(one) for one in seen if one.step != "idle"))),
        held=max(point.held for point in points),
        tried=max(point.tried for point in points),
        maximum=_whole(limit, "maximum"),
        limit=_interval(limit, "limit", "limit_low", "limit_high"),
        rate=_interval(limit, "rate_limit", "rate_low", "rate_high"),
    )


def _point(seen: Observation, start: float) -> Point:
    return Point(
        ascent=_whole(seen, "ascent"),
        began_s=_since(start, seen.started),
        at_s=_since(start, _ended(seen)),
        held=_whole(seen, "held"),
        tried=_whole(seen, "tried"),
        refused=_whole(seen, "refused"),
        lost_syns=_whole(seen, "lost_syns"),
        rate=_number_of(seen, "rate") or 0.0,
        handshake_s=_number_of(seen, "handshake_s"),
        answer_s=_number_of(seen, "answer_s"),
        sign=str(seen.facts.get("sign", "")),
    )


def _end(seen: Observation, start: float) -> End:
    return End(
        ascent=_whole(seen, "ascent"),
        at_s=_since(start, _ended(seen)),
        start=_whole(seen, "start"),
        held=_whole(seen, "held"),
        ended_by=str(seen.facts.get("ended_by", "")),
        sign=str(seen.facts.get("sign", "")),
        closed_held=_whole(seen, "closed_held"),
    )


def _window(seen: Observation, start: float) -> Window:
    return Window(
        began_s=_since(start, seen.started),
        at_s=_since(start, _ended(seen)),
        offered=_number_of(seen, "offered") or 0.0,
        refused=_whole(seen, "refused"),
    )


def _line(points: Sequence[Point], ends: Sequence[End], over_s: float) -> Tuple[Tuple[float, int], ...]:
    """Held against time: a level rises from its beginning to its end; an ascent falls to what the next begins with."""
    ended = {end.ascent: end for end in ends}
    line: List[Tuple[float, int]] = []
    held = 0
    for point, after in zip(points, [*points[1:], None]):
        line += [(point.began_s, held), (point.at_s, point.held)]
        held = point.held
        if after is not None and after.ascent == point.ascent:
            continue
        fall_s = max(point.at_s, ended[point.ascent].at_s if point.ascent in ended else 0.0)
        line.append((fall_s, held))
        held = ended[after.ascent].start if after is not None and after.ascent in ended else 0
        line.append((fall_s, held))
    line.append((max(over_s, line[-1][0]), 0))
    return tuple(line)


def _thinned(points: Sequence[Point]) -> List[Point]:
    """Evenly chosen ones of too many, and the last."""
    every = -(-len(points) // _MOST_POINTS)
    return [*points[:-1:every], points[-1]]


def _ended(seen: Observation) -> float:
    return seen.started + seen.duration_s


def _since(start: float, moment: float) -> float:
    return min(max(0.0, moment - start), _MOST)


def _number_of(seen: Optional[Observation], fact: str) -> Optional[float]:
    value = seen.facts.get(fact) if seen is not None else None
    return value if isinstance(value, (int, float)) and 0 <= value <= _MOST else None


def _whole(seen: Optional[Observation], fact: str) -> int:
    return int(_number_of(seen, fact) or 0)


def _interval(seen: Optional[Observation], value: str, low: str, high: str) -> Optional[Interval]:
    number = _number_of(seen, value)
    if number is None:
        return None
    least, most = _number_of(seen, low), _number_of(seen, high)
    return Interval(value=number, low=number if least is None else least, high=number if most is None else most)


def _between(interval: Interval) -> str:
    low, high = _number(interval.low), _number(interval.high)
    return "" if low == high else " (%s to %s)" % (low, high)


def _number(value: float) -> str:
    """``1,200``, ``19.5``, ``20``."""
    return "%g" % round(value, 1) if value < _TENTHS_BELOW else format(round(value), ",")
