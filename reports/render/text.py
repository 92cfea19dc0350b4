"""A report for a tired person at a terminal: the verdict, one block for what is broken, one table for what works.

Rich measures, wraps and colours. Every text from outside goes through words.visible and is never read as markup; what
is to be pasted stands on lines of its own, never wrapped or shortened.
"""

import os
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.text import Text

from reports import again, words
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED, Finding, Report
from reports.render.healthy import healthy
from reports.render.story import CRITICAL, OPEN, WARNING, Story

if TYPE_CHECKING:
    from reports.curve import Curve

_PIPE_WIDTH = 100
_LABEL = 12
_INDENT = 4
_NARROWEST = 24

# The JSON holds them all.
_MOST_REASONS = 8
_MOST_ROWS = 15
_MOST_PICTURES = 3
_MOST_GRIDS = 8

_MARKS = {CRITICAL: "\u2717", WARNING: "!", OPEN: "?", HEALTHY: "\u2713"}
_ASCII_MARKS = {CRITICAL: "x", WARNING: "!", OPEN: "?", HEALTHY: "v"}
STYLES = {CRITICAL: "bold red", WARNING: "bold yellow", OPEN: "bold magenta", HEALTHY: "green"}
VERDICT_STYLES = {HEALTHY: "bold green", DEGRADED: "bold yellow", UNDETERMINED: "bold magenta", FAILING: "bold red"}
# How a target is marked where no finding is.
_MARKED_AS = {HEALTHY: HEALTHY, DEGRADED: WARNING, UNDETERMINED: OPEN, FAILING: CRITICAL}
_CHANGE_STYLES = {again.FIXED: "green", again.OPEN: "magenta", again.SKIPPED: "magenta"}


def open_console(stream: TextIO, width: int | None = None) -> Console:
    """A console on the stream: as wide as the terminal, or 100 columns where there is none and COLUMNS is not set.

    Colour follows the terminal and NO_COLOR; a character that the stream cannot encode stands as an escape.
    """
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    if width is None and not stream.isatty() and "COLUMNS" not in os.environ:
        width = _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def render(
    report: Report, console: Console, *, command: str = "linkdoctor check PLAN", grids: bool | None = None
) -> None:
    """Print the report.

    ``command`` is how the check was started, for the hints that repeat it. ``grids``: whether networks that were swept
    are drawn; None: where there is no target to speak of.
    """
    _Page(console).report(Story(report), command, grids=grids)


def render_again(changes: Sequence[again.Change], console: Console) -> None:
    """Print what became of the targets that were broken before."""
    _Page(console).changes(changes)


class _Page:
    def __init__(self, console: Console) -> None:
        self.console = console
        self.ascii_only = not console.encoding.startswith("utf")
        self.marks = _ASCII_MARKS if self.ascii_only else _MARKS
        self.pictures = 0

    # --- a report -----------------------------------------------------------------------------------------------

    def report(self, story: Story, command: str, *, grids: bool | None = None) -> None:
        self.head(story)
        told, untold = story.told(story.blocks)
        for finding in told:
            self.block(story, finding)
            for curve in story.measured(finding):
                self.curve(story, curve)
        for findings in untold:
            self.the_same(story, findings)
        self.healthy(story)
        self.measured(story)
        self.networks(story, grids=not story.results if grids is None else grids)
        self.job_said(story)
        self.foot(story, command)

    def head(self, story: Story) -> None:
        verdict = Text(story.headline, VERDICT_STYLES[story.report.verdict])
        left = Text.assemble((words.visible(story.plan.name), "bold"), "   from ", words.visible(story.whence))
        self.sides(left, verdict)
        if story.report.run.partial:
            results = story.report.targets
            open_ = sum(result.verdict == UNDETERMINED for result in results)
            unsettled = f"; {open_:,} of {words.count(len(results), 'target')} not settled" if results else ""
            self.paragraph(Text(f"PARTIAL: the run was cut short{unsettled}", "bold magenta"), indent=0)
        if story.sent_nothing:
            self.paragraph(Text(story.sent_nothing, "bold magenta"), indent=0)

    def sides(self, left: Text, verdict: Text) -> None:
        """Both on one line where there is room; else the verdict first."""
        gap = self.console.width - left.cell_len - verdict.cell_len
        if gap >= 3:
            self.line(left + Text(" " * gap) + verdict)
        else:
            self.line(verdict)
            self.paragraph(left)

    def block(self, story: Story, finding: Finding) -> None:
        state = story.state(finding)
        bold, plain = story.title(finding)
        self.line()
        self.paragraph(
            Text.assemble(
                (self.marks[state] + " ", STYLES[state]), (words.visible(bold), "bold"), "   ", words.visible(plain)
            ),
            hanging=2,
        )
        self.cause(story, finding)
        self.field("Evidence", _bounded(finding.because))
        self.field("Ruled out", _bounded(story.reasons(finding)))
        self.field("Or", _bounded(story.alternatives(finding)))
        remedy = finding.remedy
        if remedy.text:
            owner = Text(f"{remedy.owner}: ", "bold")
            self.field("Fix", [owner + said(remedy.text, "green")])
        self.snippet(remedy.snippet)
        self.field("", [f"see {remedy.reference}"] if remedy.reference else [], style="dim")
        self.field("Check", remedy.checks)
        self.field("Surer", [finding.surer] if finding.surer else [])

    def cause(self, story: Story, finding: Finding) -> None:
        code = said(f"{finding.cause}, {words.share(finding.confidence)}", "cyan")
        meaning = said(story.meaning(finding), "bold")
        gap = self.console.width - _INDENT - _LABEL - meaning.cell_len - code.cell_len
        self.field("Cause", [meaning + Text(" " * gap) + code] if gap >= 3 else [meaning, code])

    def the_same(self, story: Story, findings: Sequence[Finding]) -> None:
        state = story.state(findings[0])
        names = story.all_targets(findings)
        self.line()
        self.paragraph(
            Text.assemble(
                (self.marks[state] + " ", STYLES[state]),
                (f"{words.count(len(names), 'more target')}, the same cause", "bold"),
                "   ",
                words.visible(words.listed(words.ranges(names))),
            ),
            hanging=2,
        )
        self.field("Cause", [said(story.meaning(findings[0]) + "  ") + said(findings[0].cause, "cyan")])

    def healthy(self, story: Story) -> None:
        rows = healthy(story, _MOST_ROWS)
        if not rows:
            return
        self.line()
        self.columns(
            [
                Text.assemble(
                    (self.marks[HEALTHY] + " ", STYLES[HEALTHY]), words.visible(words.listed(words.ranges(row.names)))
                ),
                Text(words.span(row.latencies) if row.latencies else ""),
                said(row.proof),
                said(row.place, "dim"),
            ]
            for row in rows
        )

    def measured(self, story: Story) -> None:
        """What the ways to targets hold, of which no finding speaks."""
        for curve in story.measured_well[:_MOST_ROWS]:
            state = _MARKED_AS[story.results[curve.target].verdict]
            self.line()
            self.paragraph(
                Text.assemble((self.marks[state] + " ", STYLES[state]), (words.visible(curve.target), "bold")),
                hanging=2,
            )
            self.curve(story, curve)

    def curve(self, story: Story, curve: "Curve") -> None:
        """How many connections were held, in words and, of the first few, as a picture."""
        from reports.curve import conclusion, needed  # noqa: PLC0415 - start-up: few runs measure that
        from reports.render.curve import draw  # noqa: PLC0415 - as above

        self.field("Held", [conclusion(curve)])
        self.pictures += 1
        if self.pictures <= _MOST_PICTURES:
            need = needed(story.plan.job)
            for line in draw(curve, self.console.width, need=need, ascii_only=self.ascii_only):
                self.line(line)

    def networks(self, story: Story, *, grids: bool) -> None:
        """The networks that were swept: one line each, and what must be known to read it; as pictures where asked."""
        if not story.networks.any:
            return
        from reports.render.grid import draw  # noqa: PLC0415 - start-up: few runs sweep
        from reports.subnet.summary import remarks, summary, without_addresses  # noqa: PLC0415 - as above

        for number, network in enumerate(story.swept[:_MOST_ROWS]):
            if grids or not number:
                self.line()
            place = [f" {network.cidr}"] * (network.name not in {network.cidr, network.cidr.partition("/")[0]})
            self.paragraph(
                Text.assemble((words.visible(network.name), "bold"), *place, "   ", words.visible(summary(network))),
                hanging=4,
            )
            for remark in remarks(network):
                self.paragraph(said(remark, "dim"), indent=_INDENT, hanging=2)
            if grids and number < _MOST_GRIDS:
                for line in draw(network, self.console.width, ascii_only=self.ascii_only):
                    self.line(line)
        for name, sentence in without_addresses(story.report.observations)[:_MOST_ROWS]:
            self.line()
            self.paragraph(Text.assemble((words.visible(name), "bold"), "   ", words.visible(sentence)), hanging=4)
        if len(story.swept) > _MOST_ROWS:
            self.line(Text(f"and {words.count(len(story.swept) - _MOST_ROWS, 'more network')}"))

    def job_said(self, story: Story) -> None:
        rows = story.job_said
        if rows:
            self.line()
            self.columns([said(name, "bold"), said(sentence)] for name, sentence in rows[:_MOST_ROWS])
            if len(rows) > _MOST_ROWS:
                self.line(Text(f"and {len(rows) - _MOST_ROWS:,} more that the job said"))

    def foot(self, story: Story, command: str) -> None:
        notes = [finding for finding in story.report.findings if finding.severity == "info"]
        unsettled = story.unsettled
        asked = [] if story.results else _asked(story)
        spent = story.time_spent
        if notes or unsettled or story.owners or asked or spent:
            self.line()
        if unsettled:
            names = words.listed(words.ranges(unsettled))
            self.field("Not settled", [f"{words.count(len(unsettled), 'target')}: {names}"], style="magenta")
        self.field("Note", _bounded(_note(story, finding) for finding in notes))
        self.field("Asked", _bounded(asked), style="dim")
        self.field("Time", spent, style="dim")
        for index, (owner, findings) in enumerate(story.owners.items()):
            hint = f"{command} --hand-over {shlex.quote(owner)}"
            label = "" if index else "Hand over"
            self.line(
                Text.assemble(
                    " " * _INDENT,
                    (label.ljust(_LABEL), "dim"),
                    words.visible(hint),
                    (f"   # {_counted(findings)}", "dim"),
                )
            )

    # --- before and after ---------------------------------------------------------------------------------------

    def changes(self, changes: Sequence[again.Change]) -> None:
        if not changes:
            self.line(Text("Nothing was broken, and nothing is."))
            return
        counts = Counter(row.change for row in changes)
        summary = ", ".join(f"{counts[change]:,} {change}" for change in again.CHANGES if counts[change])
        self.line(Text.assemble(("Again: ", "bold"), summary))
        alike: dict[tuple[str, str], list[str]] = {}
        for row in changes:
            alike.setdefault((row.change, _before_and_after(row)), []).append(row.target)
        self.columns(
            [
                Text(change, _CHANGE_STYLES.get(change, "red")),
                said(words.listed(words.ranges(names)), "bold"),
                said(states),
            ]
            for (change, states), names in alike.items()
        )

    # --- lines --------------------------------------------------------------------------------------------------

    def line(self, text: Text | None = None) -> None:
        """One line as it is, never wrapped."""
        self.console.print(text or Text(), soft_wrap=True)

    def paragraph(self, text: Text, indent: int = 0, hanging: int = 0, label: Text | None = None) -> None:
        """Wrapped to the width; the first line after ``label``, the others ``hanging`` columns further in."""
        margin = indent + hanging
        first, *rest = text.wrap(self.console, max(_NARROWEST, self.console.width - margin), overflow="fold") or [
            Text()
        ]
        self.line(Text(" " * indent) + (label or Text()) + _trimmed(first))
        for line in rest:
            self.line(Text(" " * margin) + _trimmed(line))

    def columns(self, rows: Iterable[Sequence[Text]]) -> None:
        """Cells in line with each other, the last one ragged; a column gives up where a cell is wide."""
        table = list(rows)
        most = self.console.width // 2
        count = max(len(row) for row in table)
        widths = [
            max((row[n].cell_len for row in table if row[n:] and row[n].cell_len <= most), default=0)
            for n in range(count)
        ]
        for row in table:
            line = Text()
            for width, cell in zip(widths, row, strict=False):
                line += cell + Text(" " * (max(0, width - cell.cell_len) + 3))
            line.rstrip()
            self.paragraph(line, hanging=4)

    def field(self, label: str, items: Iterable[str | Text], style: str = "") -> None:
        for index, item in enumerate(items):
            text = said(item, style) if isinstance(item, str) else item
            name = Text(("" if index else label).ljust(_LABEL), "dim")
            self.paragraph(text, indent=_INDENT, hanging=_LABEL, label=name)

    def snippet(self, snippet: str) -> None:
        """To be pasted: in line with the words where it fits, and never broken where it does not."""
        lines = [said(line, "bold cyan") for line in snippet.rstrip("\n").split("\n") if snippet]
        body = _INDENT + _LABEL
        fits = all(body + line.cell_len <= self.console.width for line in lines)
        for line in lines:
            self.line(Text(" " * (body if fits else _INDENT)) + line)


def _bounded(items: Iterable[str]) -> list[str]:
    return words.first(items, _MOST_REASONS)


def said(text: str, style: str = "") -> Text:
    """Text from outside: visible, and no markup."""
    return Text(words.visible(text), style)


def _trimmed(line: Text) -> Text:
    line.rstrip()
    return line


def _note(story: Story, finding: Finding) -> str:
    about = "" if story.networks.of(finding) else words.listed(words.ranges(finding.targets))
    about = about or "; ".join(finding.because[:1])
    return f"{story.meaning(finding)} ({finding.cause})" + (f": {about}" if about else "")


def _counted(findings: Sequence[Finding]) -> str:
    return words.count(len(findings), "finding")


def _asked(story: Story) -> list[str]:
    from reports.subnet.summary import ways_of_asking  # noqa: PLC0415 - start-up: few runs sweep

    return list(ways_of_asking(story.swept))


def _before_and_after(change: again.Change) -> str:
    before, after = _state(change.before), _state(change.after)
    return before if before == after else f"{before}, now {after}"


def _state(state: again.State | None) -> str:
    if state is None:
        return "not checked"
    return f"{state.verdict} ({', '.join(state.causes)})" if state.causes else state.verdict
