"""Targets by vantage points: the matrix of a comparison."""

import string
from collections.abc import Mapping, Sequence

from reports import words
from reports.comparison import crossings
from reports.comparison.model import Comparison, Row
from reports.model import FAILING
from reports.render.comparison import PLACES
from reports.render.html.nouns import Column, Looked, Matrix, MatrixLine

# The JSON holds them all.
_MOST_COLUMNS = 26
_MOST_LINES = 100
_MOST_NAMED = 6


def matrix_of(comparison: Comparison) -> Matrix:
    """A column for each pattern of vantage points, a line for the targets that look alike from all of them."""
    columns = comparison.rows[:_MOST_COLUMNS]
    cells = {(cell.target, cell.row): Looked(verdict=cell.verdict, stage=cell.stage) for cell in comparison.matrix}
    alike: dict[tuple[Looked, ...], list[str]] = {}
    for target in comparison.targets:
        alike.setdefault(_seen(target.name, columns, cells), []).append(target.name)
    lines = [
        MatrixLine(names=words.listed(words.ranges(names), _MOST_NAMED), cells=looks)
        for looks, names in sorted(alike.items(), key=lambda one: not any(look.verdict == FAILING for look in one[0]))
    ]
    return Matrix(
        columns=tuple(map(_column, string.ascii_uppercase, columns)),
        lines=tuple(lines[:_MOST_LINES]),
        sweeps=tuple(crossings.told(comparison.sweeps)),
        more_columns=len(comparison.rows) - len(columns),
        more_lines=max(0, len(lines) - _MOST_LINES),
    )


def _seen(target: str, columns: Sequence[Row], cells: Mapping[tuple[str, str], Looked]) -> tuple[Looked, ...]:
    return tuple(cells.get((target, column.id), Looked()) for column in columns)


def _column(letter: str, row: Row) -> Column:
    shared = [f"{trait.kind} {trait.value}" for trait in row.shared if trait.kind in {"vSwitch", "zone"}]
    label = ", ".join([row.label, *shared])
    if row.partial:
        label += f"; {words.count(row.partial, 'report')} cut short"
    return Column(letter=letter, label=label, place=PLACES[row.place])
