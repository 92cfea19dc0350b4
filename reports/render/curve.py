"""The curve of a saturation, drawn with characters: connections held against time, and how long answers took.

    limit 100 ┤╌╌╌╌╌╌╌╌╌╌╌╌╌▂▄▄▄╌╌╌╌╌▂▄▄▄      what is held fills the plot; a limit, and what the job needs, are lines

A row stands for a range: the line of the limit runs through the middle of one, which what is held then fills by half.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from math import ceil, floor, log10

from attrs import frozen
from rich.text import Text

from reports import words
from reports.curve import STOPS, Curve
from reports.statistics import median

# From when to when (seconds), and what it was then.
_Spans = Sequence[tuple[float, float, float]]

# Where the words of a page begin: what stands left of it are the values of the axis, and the axis.
_GUTTER = 16
_NARROWEST, _WIDEST = 24, 84
_ROWS = 7
# Of a small plot under it.
_SMALL = 2
# What is so many times above what was reached is not in the picture: it would press the rest flat.
_FAR = 2.0
# Somewhat more may be held than what a limit is estimated to be.
_ABOUT = 1.1
_COLUMNS_PER_MOMENT = 14
_VALUES = 3

_HELD, _SMALLER = "cyan", "blue"
_AXIS = "dim"


@frozen(kw_only=True)
class _Glyphs:
    fills: str
    limit: str
    need: str
    allowed: str
    interval: str
    refused: str
    stopped: str
    axis: str
    wall: str
    beyond: str
    corner: str
    floor: str
    moment: str


_UNICODE = _Glyphs(
    fills=" ▁▂▃▄▅▆▇█",
    limit="╌",
    need="·",
    allowed="┈",
    interval="░",
    refused="\u00d7",
    stopped="!",
    axis="┤",
    wall="│",
    beyond="↑",
    corner="└",
    floor="─",
    moment="┬",
)
_ASCII = _Glyphs(
    fills=" .:#",
    limit="-",
    need="=",
    allowed="_",
    interval="~",
    refused="x",
    stopped="!",
    axis="+",
    wall="|",
    beyond="^",
    corner="+",
    floor="-",
    moment="+",
)


@frozen(kw_only=True)
class _Line:
    """A value that stands across the plot, and its name at the axis."""

    name: str
    value: float
    glyph: str
    style: str


def draw(curve: Curve, width: int, *, need: int | None = None, ascii_only: bool = False) -> list[Text]:
    """The picture's lines, none wider than ``width`` where that is 40 or more.

    ``need``: how many connections the job needs. ``ascii_only``: where the terminal shows no other characters.
    """
    glyphs = _ASCII if ascii_only else _UNICODE
    columns = min(max(width - _GUTTER, _NARROWEST), _WIDEST)
    lines = [*_held(curve, columns, need, glyphs), *_moments(curve, columns, glyphs)]
    if curve.windows:
        offered = [(one.began_s, one.at_s, one.rate) for one in curve.points]
        offered += [(one.began_s, one.at_s, one.offered) for one in curve.windows]
        lines += _small("offered", _per_second, offered, curve, columns, glyphs)
    took = _slowest(curve)
    if took:
        name, spans = took
        lines += _small(name, words.seconds, spans, curve, columns, glyphs)
    legend = _legend(curve, glyphs)
    return [*lines, Text(" " * _GUTTER + legend, _AXIS)] if legend else lines


class _Plot:
    """Cells of one character each, in rows from below, and the names of rows."""

    def __init__(self, columns: int, rows: int, glyphs: _Glyphs) -> None:
        self.columns = columns
        self.glyphs = glyphs
        self.cells = [[(" ", "")] * columns for _ in range(rows)]
        self.names: dict[int, tuple[str, str]] = {}
        self.beyond: set[int] = set()

    def fill(self, heights: Iterable[float], style: str) -> None:
        """A column of each height, in rows."""
        parts = len(self.glyphs.fills) - 1
        for column, height in enumerate(heights):
            # What is not nothing is seen.
            left = max(round(height * parts), int(height > 0))
            for row in self.cells:
                row[column] = (self.glyphs.fills[min(left, parts)], style)
                left = max(0, left - parts)

    def across(self, row: int, glyph: str, style: str) -> None:
        """A line through what is free in the row."""
        self.cells[row] = [(glyph, style) if char == " " else (char, its) for char, its in self.cells[row]]

    def above(self, column: int, row: int, glyph: str, style: str) -> None:
        """A mark in the row, or above what fills the column there."""
        top = len(self.cells) - 1
        while row < top and self.cells[row][column][0] in self.glyphs.fills[1:]:
            row += 1
        self.cells[row][column] = (glyph, style)

    def lines(self) -> Iterator[Text]:
        """From above to below, with the axis."""
        for row in reversed(range(len(self.cells))):
            name, style = self.names.get(row, ("", ""))
            tick = self.glyphs.beyond if row in self.beyond else self.glyphs.axis if name else self.glyphs.wall
            line = Text(" " * max(0, _GUTTER - 2 - len(name)))
            line.append(name, style or _AXIS)
            line.append(f" {tick}", _AXIS)
            for (glyph, its), some in groupby(self.cells[row]):
                line.append(glyph * len(list(some)), its)
            line.rstrip()
            yield line


def _held(curve: Curve, columns: int, need: int | None, glyphs: _Glyphs) -> Iterator[Text]:
    """Connections held, with what limits them and where some failed."""
    rows = _ROWS - (_SMALL if curve.windows else 0)
    plot = _Plot(columns, rows, glyphs)
    most = float(max(curve.held, 1))
    if curve.limit is not None and most <= _ABOUT * curve.limit.value:
        most = curve.limit.value
    lines = _lines(curve, need, glyphs)
    highest = max([1.0, *(line.value / most for line in lines if line.value <= _FAR * most)])
    # The line of the limit runs through the middle of a row, with room above it for what failed there.
    unit = (min(rows - 2, ceil(rows / highest - 0.5) - 1) + 0.5) / most
    plot.fill((held * unit for held in _highest(curve.line, columns, curve.duration_s)), _HELD)
    for line in lines:
        row = min(int(line.value * unit), rows - 1)
        if row in plot.names:
            row = max(0, row - 1) if row == rows - 1 or line.value < lines[0].value else row + 1
        plot.names[row] = (f"{line.name} {line.value:,.0f}", line.style)
        plot.across(row, line.glyph, line.style)
        if line.value * unit >= rows:
            plot.beyond.add(row)
    if curve.limit is not None:
        for row in range(int(curve.limit.low * unit), min(int(curve.limit.high * unit), rows - 1) + 1):
            plot.across(row, glyphs.interval, _AXIS)
    step = max(1.0, _round(most / _VALUES))
    for number in range(1, ceil(most / step)):
        plot.names.setdefault(int(number * step * unit), (f"{number * step:,.0f}", ""))
    for at_s, height, glyph, style in _failed(curve, glyphs):
        plot.above(_column(at_s, columns, curve.duration_s), min(int(height * unit), rows - 1), glyph, style)
    return plot.lines()


def _lines(curve: Curve, need: int | None, glyphs: _Glyphs) -> list[_Line]:
    lines = []
    if curve.limit is not None:
        lines.append(_Line(name="limit", value=curve.limit.value, glyph=glyphs.limit, style="bold"))
    elif curve.rate is None and curve.maximum:
        lines.append(_Line(name="allowed", value=curve.maximum, glyph=glyphs.allowed, style=_AXIS))
    if need is not None:
        lines.append(_Line(name="needs", value=need, glyph=glyphs.need, style="magenta"))
    return lines


def _failed(curve: Curve, glyphs: _Glyphs) -> Iterator[tuple[float, float, str, str]]:
    """When and at which height: a connection was refused, or an ascent had to stop for another reason."""
    for point in curve.points:
        if point.refused:
            yield point.at_s, point.tried, glyphs.refused, "bold red"
    for window in curve.windows:
        if window.refused:
            yield window.at_s, 0, glyphs.refused, "bold red"
    for end in curve.ends:
        if end.ended_by in STOPS:
            yield end.at_s, end.held, glyphs.stopped, "bold yellow"


def _legend(curve: Curve, glyphs: _Glyphs) -> str:
    refused = any(one.refused for one in curve.points) or any(one.refused for one in curve.windows)
    stopped = any(end.ended_by in STOPS for end in curve.ends)
    parts = [f"{glyphs.refused} refused"] * refused + [f"{glyphs.stopped} stopped"] * stopped
    return "   ".join(parts)


def _moments(curve: Curve, columns: int, glyphs: _Glyphs) -> list[Text]:
    """The axis of time."""
    step = _round(curve.duration_s * _COLUMNS_PER_MOMENT / columns)
    ruler, names = [glyphs.floor] * columns, [" "] * columns
    for number in range(floor(curve.duration_s / step) + 1):
        column = _column(number * step, columns, curve.duration_s)
        name = f"{number * step:g} s"
        ruler[column] = glyphs.moment
        if column + len(name) <= columns:
            names[column : column + len(name)] = name
    corner = "0".rjust(_GUTTER - 2) + f" {glyphs.corner}"
    return [Text(corner + "".join(ruler), _AXIS), Text(" " * _GUTTER + "".join(names).rstrip(), _AXIS)]


def _small(
    name: str, told: Callable[[float], str], spans: _Spans, curve: Curve, columns: int, glyphs: _Glyphs
) -> Iterator[Text]:
    """A second plot under the first, of what was measured in some spans of time. What stays as it is fills a half."""
    plot = _Plot(columns, _SMALL, glyphs)
    heights = [0.0] * columns
    for began_s, at_s, value in spans:
        first, last = (_column(moment, columns, curve.duration_s) for moment in (began_s, at_s))
        for column in range(first, last + 1):
            heights[column] = max(heights[column], value)
    highest = max(_peak(spans), _SMALL * median(sorted(value for *_, value in spans))) or 1.0
    plot.fill((height * _SMALL / highest for height in heights), _SMALLER)
    plot.names = {_SMALL - 1: (f"{name} {told(highest)}", ""), 0: ("0", "")}
    return plot.lines()


def _slowest(curve: Curve) -> tuple[str, _Spans] | None:
    """What took longer in the end, the handshakes or the services' answers."""
    spans = {
        "answer": [(one.began_s, one.at_s, one.answer_s) for one in curve.points if one.answer_s is not None],
        "connect": [(one.began_s, one.at_s, one.handshake_s) for one in curve.points if one.handshake_s is not None],
    }
    return max(((name, some) for name, some in spans.items() if some), key=lambda named: _peak(named[1]), default=None)


def _peak(spans: _Spans) -> float:
    return max(value for *_, value in spans)


def _per_second(rate: float) -> str:
    return f"{rate:,.0f}/s"


def _highest(line: Sequence[tuple[float, int]], columns: int, seconds: float) -> list[float]:
    """The most that each column's time saw of a line."""
    heights = [0.0] * columns
    for (began_s, low), (at_s, high) in pairwise(line):
        first, last = _column(began_s, columns, seconds), _column(at_s, columns, seconds)
        for column in range(first, last + 1):
            end_s = min(at_s, (column + 1) * seconds / columns)
            passed = (end_s - began_s) / (at_s - began_s) if at_s > began_s else 1.0
            start = low if column == first else 0
            heights[column] = max(heights[column], start, low + (high - low) * min(1.0, passed))
    return heights


def _round(value: float) -> float:
    """The next of 1, 2, 5, 10, 20 ... and their tenths."""
    power = 10.0 ** floor(log10(value))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value)


def _column(at_s: float, columns: int, seconds: float) -> int:
    return min(int(at_s / seconds * columns), columns - 1)
