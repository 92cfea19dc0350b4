"""A comparison for a tired person at a terminal: the verdict, the matrix, the vantage points, what is proved."""

import string
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from reports import words
from reports.comparison import crossings
from reports.comparison.model import Cell, Comparison, Row
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED, Plan, Report, Run, Target, TargetResult, Vantage
from reports.render.story import CRITICAL, OPEN, WARNING, Story
from reports.render.text import STYLES, VERDICT_STYLES, _Page, said

_STATES = {FAILING: CRITICAL, UNDETERMINED: OPEN, DEGRADED: WARNING, HEALTHY: HEALTHY}
PLACES = {"job": "the job", "vpc": "in the VPC", "outside": "elsewhere"}

# The JSON holds them all.
_MOST_LINES = 30
_MOST_COLUMNS = 26
_GAP = 2


def render(comparison: Comparison, console: Console) -> None:
    """Print the comparison."""
    _Board(console).comparison(comparison)


class _Board(_Page):
    def comparison(self, comparison: Comparison) -> None:
        story = Story(as_report(comparison))
        self.headline(comparison)
        self.line()
        if comparison.targets:
            self.matrix(comparison)
            self.line()
        self.legend(comparison)
        self.sweeps(comparison)
        told, untold = story.told(story.blocks)
        for finding in told:
            self.block(story, finding)
        for findings in untold:
            self.the_same(story, findings)
        self.notes(comparison)

    def headline(self, comparison: Comparison) -> None:
        points, targets = sum(row.count for row in comparison.rows), comparison.targets
        affected = sum(target.verdict == comparison.verdict for target in targets)
        counted = words.count(len(targets), "target")
        if not targets:
            counted = words.count(len({sweep.cidr for sweep in comparison.sweeps}), "network")
        elif comparison.verdict != HEALTHY:
            counted = f"{affected:,} of {counted}"
        verdict = Text(f"{comparison.verdict.upper()}: {counted}", VERDICT_STYLES[comparison.verdict])
        left = Text.assemble(
            (words.visible(comparison.plan), "bold"), f"   from {words.count(points, 'vantage point')}"
        )
        self.sides(left, verdict)

    def matrix(self, comparison: Comparison) -> None:
        """A line a target (those that look alike together), a column a vantage point; in parts where it is too wide."""
        rows = comparison.rows[:_MOST_COLUMNS]
        lines = _lines(comparison, rows)
        label = min(max(len(name) for name, _ in lines), self.console.width // 2)
        widths = [max(1, *(len(_shown(cells.get(row.id))) for _, cells in lines)) for row in rows]
        for start, end in _parts(widths, self.console.width - label):
            head = Text(" " * label)
            for index in range(start, end):
                head += Text(" " * _GAP) + Text(_letter(index).ljust(widths[index]), "bold")
            self.line(_trimmed(head))
            for name, cells in lines[:_MOST_LINES]:
                line = said(name if len(name) <= label else name[: label - 1] + "~")
                line.pad_right(label - line.cell_len)
                for index in range(start, end):
                    line += Text(" " * _GAP) + self.cell(cells.get(rows[index].id), widths[index])
                self.line(_trimmed(line))
        if len(lines) > _MOST_LINES:
            self.line(Text(f"and {words.count(len(lines) - _MOST_LINES, 'more line')}", "dim"))

    def cell(self, cell: Cell | None, width: int) -> Text:
        if cell is None:
            return Text("-".ljust(width), "dim")
        state = _STATES[cell.verdict]
        return Text(f"{self.marks[state]} {cell.stage}".strip().ljust(width), STYLES[state])

    def legend(self, comparison: Comparison) -> None:
        for index, row in enumerate(comparison.rows[:_MOST_COLUMNS]):
            shared = [f"{trait.kind} {trait.value}" for trait in row.shared if trait.kind in {"vSwitch", "zone"}]
            text = ", ".join([words.visible(row.label), PLACES[row.place], *map(words.visible, shared)])
            if row.partial:
                text += f"; {words.count(row.partial, 'report')} cut short"
            self.paragraph(Text.assemble((_letter(index), "bold"), "  ", text), hanging=3)
        if len(comparison.rows) > _MOST_COLUMNS:
            more = comparison.rows[_MOST_COLUMNS:]
            points = words.count(sum(row.count for row in more), "vantage point")
            self.line(Text(f"and {points} more, of {words.count(len(more), 'other pattern')}", "dim"))

    def sweeps(self, comparison: Comparison) -> None:
        """Which networks hear each other."""
        sentences = crossings.told(comparison.sweeps)
        if sentences:
            self.line()
        for sentence in sentences:
            self.paragraph(said(sentence[:1].upper() + sentence[1:]), hanging=2)

    def notes(self, comparison: Comparison) -> None:
        counts = comparison.counts
        left_out = [
            text
            for number, text in (
                (counts.duplicates, f"{words.count(counts.duplicates, 'report')} of a run that was read already"),
                (counts.did_not_probe, f"{words.count(counts.did_not_probe, 'report')} that probed nothing"),
            )
            if number
        ]
        if left_out:
            self.line()
            self.field("Left out", left_out, style="dim")


def as_report(comparison: Comparison) -> Report:
    """The comparison as one report, so that its findings read like all others."""
    plan = Plan(name=comparison.plan, targets=tuple(_target(one.name, one.address) for one in comparison.targets))
    return Report(
        run=Run(id="", started=0.0, duration_s=0.0, linkdoctor="", plan=plan),
        vantage=Vantage(),
        verdict=comparison.verdict,
        targets=tuple(
            TargetResult(name=one.name, address=one.address, verdict=one.verdict, findings=one.findings)
            for one in comparison.targets
        ),
        findings=comparison.findings,
        cleared=comparison.cleared,
    )


def _target(name: str, address: str) -> Target:
    host, _, port = address.rpartition(":")
    return Target(name=name, host=host, port=int(port))


def _lines(comparison: Comparison, rows: Sequence[Row]) -> list[tuple[str, dict[str, Cell]]]:
    """The targets that look alike from everywhere, named together; what fails first."""
    cells: dict[str, dict[str, Cell]] = {target.name: {} for target in comparison.targets}
    for cell in comparison.matrix:
        cells[cell.target][cell.row] = cell
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, row in cells.items():
        alike.setdefault(tuple(_face(row.get(column.id)) for column in rows), []).append(name)
    return [
        (words.listed(words.ranges(names)), cells[names[0]])
        for face, names in sorted(alike.items(), key=lambda one: not any(FAILING in face for face in one[0]))
    ]


def _face(cell: Cell | None) -> str:
    return f"{cell.verdict} {cell.stage}" if cell else ""


def _shown(cell: Cell | None) -> str:
    return f"x {cell.stage}".strip() if cell else "-"


def _parts(widths: Sequence[int], room: int) -> Iterator[tuple[int, int]]:
    """The columns that fit beside each other: first and behind the last."""
    start = used = 0
    for index, width in enumerate(widths):
        if used and used + _GAP + width > room:
            yield start, index
            start, used = index, 0
        used += _GAP + width
    yield start, len(widths)


def _letter(index: int) -> str:
    return string.ascii_uppercase[index]


def _trimmed(line: Text) -> Text:
    line.rstrip()
    return line
