"""Files with rows that came back from a job -> reports. What a file holds is found by its content, not by its name."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from gzip import BadGzipFile
from io import BufferedReader
from itertools import islice
from pathlib import Path

from agent.ingest import console, delimited, json_text, parquet
from agent.ingest.lines import PARQUET, Item, Lines, Torn, lines_of, opened
from agent.ingest.parquet import Absent
from agent.ingest.values import embedded
from reports.gather import Gatherer, Outcome
from reports.model import Report
from reports.words import count, visible

__all__ = ["Absent", "read", "told"]

# A format must show within so many lines; what stands before is what a client prints around its results.
_WINDOW = 200
_MOST_TOLD = 20


def read(names: Sequence[str], gatherer: Gatherer) -> Iterator[Report]:
    """The reports in the files, each as soon as it is whole, and at the end what could be rebuilt of the others.

    ``-`` is standard input; of a folder, as Spark writes, all files are read. Raises OSError for a file that cannot
    be opened, and Absent; what is wrong inside a file is counted by the gatherer.
    """
    for name in [file for given in names for file in _files(given)]:
        shown = "standard input" if name == "-" else name
        try:
            with opened(name) as stream:
                yield from _reports(stream, shown, gatherer)
        except (EOFError, BadGzipFile, zlib.error) as error:
            gatherer.unreadable(f"this cannot be unpacked: {error}", visible(shown))
    yield from gatherer.finish()


def told(outcome: Outcome) -> Iterator[str]:
    """The counts, and the first of the rows that could not be used, in lines for a terminal."""
    rows = [
        (outcome.used, "used"),
        (outcome.duplicates, "duplicate"),
        (outcome.contradictory, "contradicting another"),
        (outcome.foreign, "not ours"),
        (outcome.unreadable, "unreadable"),
    ]
    yield f"{count(outcome.rows, 'row')}: " + (
        ", ".join(f"{number:,} {what}" for number, what in rows if number) or "-"
    )
    reports = f"{count(outcome.whole, 'whole report')}"
    yield f"{reports}, {outcome.partial:,} rebuilt in part" if outcome.partial else reports
    for trouble in outcome.troubles[:_MOST_TOLD]:
        yield f"  {visible(trouble.place)}: {visible(trouble.reason)}"
    untold = outcome.untold + max(len(outcome.troubles) - _MOST_TOLD, 0)
    if untold:
        yield f"  and {untold:,} more"


def _files(name: str) -> list[str]:
    if name == "-":
        return [name]
    path = Path(name)
    path.stat()  # what is not there is said before anything is read
    if not path.is_dir():
        return [name]
    # Spark marks what is no data (_SUCCESS, .part-00000.crc) by its first character.
    return sorted(str(file) for file in path.rglob("*") if file.is_file() and file.name[0] not in "._")


def _reports(stream: BufferedReader, name: str, gatherer: Gatherer) -> Iterator[Report]:
    if stream.peek(4)[:4] == PARQUET:
        yield from _taken(parquet.items(stream, name), gatherer)
        return
    lines = lines_of(stream, name)
    yield from _taken(_items(lines), gatherer)
    if lines.error is not None:
        gatherer.unreadable(f"the rest of the file cannot be read: {lines.error}", lines.place())


def _taken(items: Iterator[Item], gatherer: Gatherer) -> Iterator[Report]:
    for item in items:
        report = _take(item, gatherer)
        if report is not None:
            yield report


def _take(item: Item, gatherer: Gatherer) -> Report | None:
    if isinstance(item.what, Torn):
        gatherer.unreadable(item.what.reason, item.place)
        return None
    if isinstance(item.what, str):
        return gatherer.add_text(item.what, item.place)
    return gatherer.add(item.what, item.place)


def _items(lines: Lines) -> Iterator[Item]:
    window = list(islice(lines, _WINDOW))
    for index in range(len(window)):
        reader = _reader(window, index)
        if reader is not None:
            lines.give_back(window[index:])
            return reader(lines)
    lines.give_back(window)
    return _any_text(lines)


def _reader(window: Sequence[str], index: int) -> Callable[[Lines], Iterator[Item]] | None:
    """What reads the format that begins with the line of that index, if one does."""
    line = window[index]
    if json_text.starts(line):
        return json_text.items
    if console.starts(line):
        return console.items
    how = delimited.layout(window, index)
    return partial(delimited.items, how=how) if how is not None else None


def _any_text(lines: Lines) -> Iterator[Item]:
    """Text of no format that we know, a log for example: a line may hold a report."""
    for line in lines:
        if line.strip():
            yield Item(lines.place(), next(embedded(line), {}))
