"""The curve of a saturation as geometry: what was held against time, what limits it, where some were refused.

Coordinates are per cent of the plot, from its upper left corner. The terminal's picture is reports/render/curve.py.
"""

from collections.abc import Callable, Iterator, Sequence
from math import floor, log10

from attrs import frozen

from reports import words
from reports.curve import STOPS, Curve, conclusion, needed
from reports.model import Job

HELD, REFUSED, STOPPED = "held", "refused", "stopped"
LIMIT, NEEDS, ALLOWED = "limit", "needs", "allowed"

# From when to when (seconds), and what it was then.
_Spans = Sequence[tuple[float, float, float]]

# What is so many times above what was reached would press the rest flat.
_FAR = 2.0
# Room above the highest line.
_ROOM = 1.12
_TICKS = 4
_MOMENTS = 6


@frozen(kw_only=True)
class Guide:
    """A value that stands across the plot."""

    kind: str
    name: str
    y: float


@frozen(kw_only=True)
class Mark:
    """Something that happened at a moment."""

    kind: str
    x: float
    y: float
    told: str


@frozen(kw_only=True)
class Tick:
    """A value at an axis."""

    at: float
    name: str


@frozen(kw_only=True)
class Bars:
    """What took so long, or was offered, in spans of time: x, width, height. ``highest``: what is as high as all."""

    name: str
    highest: str
    bars: tuple[tuple[float, float, float], ...]


@frozen(kw_only=True)
class Chart:
    """One target's measurement. ``line``: the points of what was held, for an SVG polyline of 100 by 100."""

    target: str
    conclusion: str
    line: str
    guides: tuple[Guide, ...]
    band: tuple[float, float] | None
    marks: tuple[Mark, ...]
    moments: tuple[Tick, ...]
    values: tuple[Tick, ...]
    bars: tuple[Bars, ...]


def chart(curve: Curve, job: Job) -> Chart:
    """What is drawn of a measurement."""
    need = needed(job)
    guides = list(_guides(curve, need))
    most = max(1.0, float(curve.held), *(value for *_, value in guides if value <= _FAR * max(curve.held, 1)))
    top = most * _ROOM

    def y_of(value: float) -> float:
        return round(100 - 100 * min(value, top) / top, 2)

    def x_of(at_s: float) -> float:
        return round(100 * min(at_s / curve.duration_s, 1.0), 2)

    return Chart(
        target=curve.target,
        conclusion=conclusion(curve),
        line=" ".join(f"{x_of(at_s)},{y_of(held)}" for at_s, held in curve.line),
        guides=tuple(
            Guide(kind=kind, name=f"{name} {value:,.0f}" + (" (above)" if value > top else ""), y=y_of(value))
            for kind, name, value in guides
        ),
        band=(y_of(curve.limit.high), y_of(curve.limit.low)) if curve.limit is not None else None,
        marks=tuple(
            Mark(kind=kind, x=x_of(at_s), y=y_of(height), told=f"{told} at {words.seconds(at_s)}")
            for kind, at_s, height, told in _failed(curve)
        ),
        moments=tuple(Tick(at=x_of(at_s), name=f"{at_s:g} s") for at_s in _steps(curve.duration_s, _MOMENTS)),
        values=tuple(Tick(at=y_of(value), name=f"{value:,.0f}") for value in _steps(most, _TICKS)),
        bars=tuple(_bars(curve)),
    )


def _guides(curve: Curve, need: int | None) -> Iterator[tuple[str, str, float]]:
    if curve.limit is not None:
        yield LIMIT, "limit", curve.limit.value
    elif curve.rate is None and curve.maximum:
        yield ALLOWED, "allowed", curve.maximum
    if need is not None:
        yield NEEDS, "the job needs", need


def _failed(curve: Curve) -> Iterator[tuple[str, float, float, str]]:
    for point in curve.points:
        if point.refused:
            yield REFUSED, point.at_s, point.tried, f"{point.refused:,} refused"
    for window in curve.windows:
        if window.refused:
            yield REFUSED, window.at_s, 0, f"{window.refused:,} of {window.offered:,.0f} a second refused"
    for end in curve.ends:
        if end.ended_by in STOPS:
            yield STOPPED, end.at_s, end.held, f"stopped, {STOPS[end.ended_by]}"


def _bars(curve: Curve) -> Iterator[Bars]:
    if curve.windows:
        offered = [(one.began_s, one.at_s, one.rate) for one in curve.points]
        offered += [(one.began_s, one.at_s, one.offered) for one in curve.windows]
        yield _drawn("offered", "{:,.0f}/s".format, offered, curve.duration_s)
    for name, spans in (
        ("answer", [(one.began_s, one.at_s, one.answer_s) for one in curve.points if one.answer_s is not None]),
        ("connect", [(one.began_s, one.at_s, one.handshake_s) for one in curve.points if one.handshake_s is not None]),
    ):
        if spans:
            yield _drawn(name, words.seconds, spans, curve.duration_s)


def _drawn(
    name: str, told: Callable[[float], str], spans: Sequence[tuple[float, float, float]], seconds: float
) -> Bars:
    highest = max(value for *_, value in spans) or 1.0
    return Bars(
        name=name,
        highest=told(highest),
        bars=tuple(
            (round(100 * a / seconds, 2), max(0.3, round(100 * (b - a) / seconds, 2)), round(100 * value / highest, 1))
            for a, b, value in spans
        ),
    )


def _steps(most: float, count: int) -> list[float]:
    """Round values from 0 up to ``most``, about so many."""
    step = _round(most / count)
    return [number * step for number in range(floor(most / step) + 1)]


def _round(value: float) -> float:
    """The next of 1, 2, 5, 10, 20 ... and their tenths."""
    power = 10.0 ** floor(log10(value))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value * (1 - 1e-9))
