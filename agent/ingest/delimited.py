"""CSV and tab-separated text: with and without a header, quoted by RFC 4180 or by backslashes, or not quoted at all."""

import csv
import re
from collections.abc import Iterator, Sequence

from attrs import field, frozen

from agent.ingest.lines import Item, Lines, Torn
from agent.ingest.values import RUN, column, embedded, is_header, miscounted, row
from reports.rows import NAMES

_DELIMITERS = "\t,;"
_OUR_ROW = re.compile(rf'"?{RUN}"?([{_DELIMITERS}])')
_OUR_CELL = re.compile(rf'(?:^|([{_DELIMITERS}]))"\{{(?:""|\\")schema')
_QUOTED_JSON = re.compile(r'[{\[](""|\\")\w')

# Who escapes by backslashes escapes these; in another dialect a backslash would be lost, and a text altered.
_STRAY = re.compile(rf'(?<!\\)(?:\\\\)*\\[^\\"\r\n{_DELIMITERS}]')

# Of a STRING in MaxCompute, 8 MB; of Spark's, what a report of 100,000 targets takes.
_LONGEST_CELL = 1 << 28
_MOST_LINES = 10_000

_NULL = r"(?:NULL|\\N)?"


@frozen
class Layout:
    """How the text is laid out. ``names`` is empty where the columns are none of ours."""

    delimiter: str
    names: tuple[str, ...] = ()
    backslash: bool = False


def layout(window: Sequence[str], index: int) -> Layout | None:
    """The layout, if the line of that index is the first one of such a text."""
    line = window[index]
    backslash = next((match[1] == '\\"' for line in window[index:] if (match := _QUOTED_JSON.search(line))), False)
    for delimiter in _DELIMITERS:
        names = tuple(column(cell) for cell in line.split(delimiter))
        if is_header(names):
            return Layout(delimiter, names, backslash)
    match = _OUR_ROW.match(line)
    if match is not None:
        return Layout(match[1], NAMES, backslash)
    match = _OUR_CELL.search(line)
    return Layout(match[1] or ",", (), backslash) if match is not None else None


def items(lines: Lines, how: Layout) -> Iterator[Item]:
    """A row for each record. A record that is torn costs its first line; the others are looked at anew."""
    csv.field_size_limit(_LONGEST_CELL)
    feed = _Feed(lines)
    unquoted = _unquoted(how)
    while (line := lines.peek()) is not None:
        bare = unquoted.fullmatch(line.rstrip("\r\n")) if unquoted is not None else None
        if bare is not None:
            next(lines)
            yield Item(lines.place(), bare.groupdict() | {"kind": "report"})
            continue
        try:
            cells = next(feed.reader(how))
        except csv.Error as error:
            number = feed.keep_first()
            yield Item(lines.place(number), Torn(str(error)))
            continue
        yield from _record(cells, feed, how)


@frozen
class _Feed:
    """The lines, remembering those of the record at hand."""

    lines: Lines
    taken: list[str] = field(factory=list)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= _MOST_LINES:
            raise csv.Error(f"a quoted cell that does not end within {_MOST_LINES:,} lines")
        line = next(self.lines)
        self.taken.append(line)
        return self.taken[-1]

    def reader(self, how: Layout) -> Iterator[list[str]]:
        """A new record from the next line on."""
        self.taken.clear()
        return csv.reader(
            self,
            delimiter=how.delimiter,
            doublequote=not how.backslash,
            escapechar="\\" if how.backslash else None,
        )

    @property
    def first(self) -> int:
        """The number of the record's first line."""
        return self.lines.number - len(self.taken) + 1

    def keep_first(self) -> int:
        """Give back all lines of the record but the first; its number."""
        first = self.first
        self.lines.give_back(self.taken[1:])
        return first


def _record(cells: list[str], feed: _Feed, how: Layout) -> Iterator[Item]:
    names = tuple(map(column, cells))
    place = feed.lines.place(feed.first)
    if not any(cells) or (how.names and names == how.names):
        return
    if how.backslash and any(map(_STRAY.search, feed.taken)):
        yield Item(place, Torn("a backslash that escapes nothing"))
    elif not how.names:
        yield Item(place, {str(index): cell for index, cell in enumerate(cells)})
    elif len(cells) == len(how.names):
        yield Item(place, row(how.names, cells))
    elif len(feed.taken) > 1:
        line = feed.taken[0]
        feed.keep_first()
        yield Item(place, _lone(line, "a quoted cell that does not end"))
    else:
        yield Item(place, _lone(feed.taken[0], miscounted(len(cells), len(how.names))))


def _lone(line: str, problem: str) -> dict[str, object] | str | Torn:
    """A line that is no row by itself: it may hold a report, or be nobody's."""
    found = next(embedded(line), None)
    if found is not None:
        return found
    return Torn(problem) if _OUR_ROW.match(line) else {}


def _unquoted(how: Layout) -> re.Pattern[str] | None:
    """A report's row as a client writes it that quotes nothing: its text, full of delimiters, is the last column."""
    if how.names != NAMES:
        return None
    cut = re.escape(how.delimiter)
    nothing = cut.join([_NULL] * 9)
    return re.compile(
        rf'(?P<run>{RUN}){cut}(?P<vantage>(?!")[^\t]*?){cut}report{cut}{_NULL}{cut}{_NULL}{cut}(?P<verdict>[a-z]+)'
        rf'{cut}{nothing}{cut}(?P<part>\d+){cut}(?P<parts>\d+){cut}(?P<length>\d+){cut}(?P<report>[^"].*)'
    )
