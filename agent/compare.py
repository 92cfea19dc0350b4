"""Reads reports one at a time and compares them: `linkdoctor compare`, and whoever has many reports."""

import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import click
from rich.console import Console

from agent.commands import LARGEST_REPORT
from agent.files import to_output
from agent.formats import write
from reports.comparison import Comparison, Merge, NothingInCommon, dumps
from reports.comparison import loads as comparison_of
from reports.comparison.model import SCHEMA
from reports.comparison.redact import redact
from reports.document import DocumentError, from_document, loads
from reports.model import Report
from reports.redact import Pseudonyms, learn
from reports.render import comparison_markdown
from reports.render.comparison import render
from reports.render.text import open_console
from reports.words import count

_CHUNK = 1 << 20
# The schema is the first key of a document.
_HEAD = 200
# How many unreadable ones are named, each with its reason.
_MOST_NAMED = 10


def run(names: Sequence[str], *, style: str, output: str | None, redacted: bool) -> str:
    """Compare the files' reports, print what they prove, and give the verdict. One saved comparison is printed again.

    What cannot be read is said on stderr, and the rest is compared. Raises ClickException where fewer than two vantage
    points are left, or no target has two.
    """
    saved = _saved(names[0]) if len(names) == 1 else None
    if saved is not None:
        if redacted:
            raise click.ClickException("--redact needs the reports: a saved comparison does not tell what is a name")
        to_output(output, lambda file: _write(file, saved, style))
        return saved.verdict
    pseudonyms = Pseudonyms() if redacted else None
    merge, unreadable = Merge(), Unreadable()
    for report in unreadable.drop(reports_in(names)):
        merge.add(report)
        if pseudonyms is not None:
            learn(report, pseudonyms)
    unreadable.summary()
    if merge.usable < 2:
        raise click.ClickException(
            f"{count(merge.usable, 'vantage point')} to compare, of {count(merge.read, 'report')}: it takes two that "
            "probed, and a repeated run counts once"
        )
    try:
        comparison = merge.conclude()
    except NothingInCommon:
        raise click.ClickException(
            "these reports have no target in common: targets are the same where host, port and service are"
        ) from None
    if pseudonyms is not None:
        comparison = redact(comparison, pseudonyms)
    to_output(output, lambda file: _write(file, comparison, style))
    return comparison.verdict


def _saved(name: str) -> Comparison | None:
    """The comparison in the file, as `compare` or Spark's driver writes it; None for anything else."""
    try:
        with Path(name).open(encoding="utf-8-sig") as file:
            head = file.read(_HEAD)
            if SCHEMA not in head:
                return None
            return comparison_of(head + file.read(LARGEST_REPORT), name)
    except (OSError, UnicodeDecodeError):
        return None  # whoever reads it as reports says why
    except DocumentError as error:
        raise click.ClickException(str(error)) from None


def tell_together(merge: Merge, console: Console, names: Pseudonyms | None = None) -> None:
    """What the merged reports of one job prove together, if they have a target in common. ``names``: to redact it."""
    if merge.usable > 1:
        with suppress(NothingInCommon):
            comparison = merge.conclude()
            console.print()
            render(redact(comparison, names) if names is not None else comparison, console)
            console.file.flush()


def reports_in(names: Iterable[str]) -> Iterator[Report | DocumentError]:
    """The reports of all files (``-``: standard input), one at a time; in place of one that is none, what is wrong."""
    for name in names:
        shown = "standard input" if name == "-" else name
        try:
            if name == "-":
                yield from reports_of(io.TextIOWrapper(sys.stdin.buffer, "utf-8-sig"), shown)
            else:
                with Path(name).open(encoding="utf-8-sig") as file:
                    yield from reports_of(file, shown)
        except OSError as error:
            yield DocumentError(shown, "", f"cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            yield DocumentError(shown, "", "this is not text", "JSON in UTF-8")


def reports_of(file: TextIO, name: str) -> Iterator[Report | DocumentError]:
    """The reports of one text: a report, an array of them, or one a line."""
    first = file.readline(LARGEST_REPORT)
    while first and not first.strip():
        first = file.readline(LARGEST_REPORT)
    if first.lstrip().startswith("["):
        yield from _of_array(first, file, name)
    elif first.startswith("{") and first.strip() != "{":
        yield from _of_lines(first, file, name)
    else:  # spread over lines, or no JSON at all
        yield _loaded(first + file.read(LARGEST_REPORT), name)


class Unreadable:
    """Counts what is no report, and says so on stderr."""

    def __init__(self) -> None:
        self.count = 0

    def drop(self, found: Iterable[Report | DocumentError]) -> Iterator[Report]:
        """The reports alone."""
        for one in found:
            if isinstance(one, Report):
                yield one
                continue
            self.count += 1
            if self.count <= _MOST_NAMED:
                click.echo(f"not read: {one}", err=True)

    def summary(self) -> None:
        """How many were not named."""
        if self.count > _MOST_NAMED:
            click.echo(f"not read: {self.count - _MOST_NAMED:,} more", err=True)


def _of_lines(first: str, file: TextIO, name: str) -> Iterator[Report | DocumentError]:
    line, number = first, 1
    while line:
        if line.strip():
            yield _loaded(line, name if number == 1 else f"{name}, line {number}")
        line, number = file.readline(LARGEST_REPORT), number + 1


def _of_array(text: str, file: TextIO, name: str) -> Iterator[Report | DocumentError]:
    """The array's reports as they come; where it breaks off, the rest is lost."""
    decoder, at, number = json.JSONDecoder(), text.index("[") + 1, 1
    wanted = _CHUNK
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if at < len(text) and text[at] == "]":
            return
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            more = file.read(wanted)
            if not more or len(text) - at > LARGEST_REPORT:
                yield DocumentError(f"{name}, report {number}", "", "it ends in the middle, or is not JSON")
                return
            text, at = text[at:] + more, 0
            wanted = min(2 * wanted, LARGEST_REPORT)
            continue
        yield _decoded(value, f"{name}, report {number}")
        number, wanted = number + 1, _CHUNK


def _loaded(text: str, name: str) -> Report | DocumentError:
    try:
        return loads(text, name)
    except DocumentError as error:
        return error


def _decoded(value: Any, name: str) -> Report | DocumentError:
    try:
        return from_document(value, name)
    except DocumentError as error:
        return error


def _write(file: TextIO, comparison: Comparison, style: str) -> None:
    if style == "json":
        file.write(dumps(comparison, lines=True) + "\n")
    elif style == "markdown":
        write(file, comparison_markdown.render(comparison))
    elif style == "html":
        from reports.render import html  # noqa: PLC0415 - start-up

        file.write(html.render_comparison(comparison))
    else:
        render(comparison, open_console(file))
    file.flush()
