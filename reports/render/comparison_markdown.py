"""A comparison for a ticket or a chat, in GitHub-flavoured Markdown: the matrix, the vantage points, what is proved.

Of sweeps it says which networks hear each other.
"""

import string
from collections.abc import Iterator

from reports import words
from reports.comparison import crossings
from reports.comparison.model import Cell, Comparison
from reports.model import HEALTHY
from reports.render.comparison import PLACES, as_report
from reports.render.markdown import MARKS, MOST_ROWS, STATES, findings_of, plain, row, section, table, title
from reports.render.story import Story

_MOST_COLUMNS = 12


def render(comparison: Comparison) -> str:
    """What several reports prove together."""
    story = Story(as_report(comparison))
    points = words.count(sum(row.count for row in comparison.rows), "vantage point")
    lines = [title(story, f"{comparison.verdict.upper()} from {points}"), ""]
    if comparison.targets:
        lines += _matrix(comparison)
    return "\n".join([*lines, *_points(comparison), *_sweeps(comparison), *findings_of(story)]) + "\n"


def _matrix(comparison: Comparison) -> Iterator[str]:
    """A line a target, a column a vantage point; what fails first."""
    columns = comparison.rows[:_MOST_COLUMNS]
    cells = {(cell.target, cell.row): cell for cell in comparison.matrix}
    targets = sorted(comparison.targets, key=lambda target: target.verdict == HEALTHY)
    yield from table(("target", *string.ascii_uppercase[: len(columns)]))
    for target in targets[:MOST_ROWS]:
        yield row((plain(target.name), *(_cell(cells.get((target.name, column.id))) for column in columns)))
    yield ""
    yield from _more(len(targets) - MOST_ROWS, "more target")


def _points(comparison: Comparison) -> Iterator[str]:
    yield from _more(len(comparison.rows) - _MOST_COLUMNS, "other pattern")
    for letter, column in zip(string.ascii_uppercase, comparison.rows[:_MOST_COLUMNS], strict=False):
        yield f"- **{letter}**: {plain(column.label)}, {PLACES[column.place]}"
    yield ""


def _more(number: int, noun: str) -> Iterator[str]:
    if number > 0:
        yield f"and {words.count(number, noun)}"
        yield ""


def _sweeps(comparison: Comparison) -> Iterator[str]:
    """Which networks hear each other."""
    sentences = [plain(sentence[:1].upper() + sentence[1:]) for sentence in crossings.told(comparison.sweeps)]
    yield from section("Networks", sentences)


def _cell(cell: Cell | None) -> str:
    return "" if cell is None else f"{MARKS[STATES[cell.verdict]]} {cell.stage}".strip()
