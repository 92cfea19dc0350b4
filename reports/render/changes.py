"""What changed between two runs, for a tired person at a terminal: what broke, what explains it, what is the same."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from reports import words
from reports.differences.kinds import BY_CODE
from reports.differences.model import (
    BESIDE,
    BROKE,
    LIKELY,
    MENDED,
    OPEN,
    OTHER,
    POSSIBLE,
    STAYED,
    Changes,
    Condition,
    Difference,
    Moved,
    Same,
)
from reports.model import HEALTHY
from reports.render.story import CRITICAL, WARNING
from reports.render.story import OPEN as UNSETTLED
from reports.render.text import STYLES, VERDICT_STYLES, _Page, said

# The JSON holds them all.
_MOST_MOVED, _MOST_DIFFERENCES = 12, 12
_SAID = {
    BROKE: "broke",
    OTHER: "broken otherwise",
    OPEN: "not settled",
    MENDED: "mended",
    STAYED: "as broken as before",
}
_ELSEWHERE = (
    "That does not explain what broke: the reason lies where a run from here does not look, in a filter, in a "
    "whitelist, or in the service itself."
)
_MARKED = {BROKE: CRITICAL, OTHER: CRITICAL, OPEN: UNSETTLED, MENDED: HEALTHY, STAYED: WARNING}
_LIKELIHOOD_STYLES = {LIKELY: "bold red", POSSIBLE: "yellow", BESIDE: "dim"}


def render(changes: Changes, console: Console) -> None:
    """Print the changes."""
    _Sheet(console).sheet(changes)


class _Sheet(_Page):
    def sheet(self, changes: Changes) -> None:
        self.top(changes)
        groups = _alike(changes.targets)
        for group in groups[:_MOST_MOVED]:
            self.moved(group)
        if len(groups) > _MOST_MOVED:
            self.line(Text(f"and {words.count(sum(map(len, groups[_MOST_MOVED:])), 'more target')}"))
        self.line()
        self.differences(changes)
        self.bottom(changes)

    def top(self, changes: Changes) -> None:
        before, after = changes.before, changes.after
        fates = {fate: sum(one.fate == fate for one in changes.targets) for fate in _SAID}
        counted = [f"{number:,} {_SAID[fate]}" for fate, number in fates.items() if number]
        total = words.count(len(changes.targets) + changes.healthy, "target")
        summary = f"{', '.join(counted) or 'nothing broke'}, of {total}"
        plans = " and ".join(dict.fromkeys((before.plan, after.plan)))
        self.sides(Text(words.visible(plans), "bold"), Text(summary, VERDICT_STYLES[after.verdict]))
        for label, side in (("before", before), ("after", after)):
            self.paragraph(
                Text.assemble(
                    (label.ljust(8), "dim"),
                    f"{words.moment(side.started)}, ",
                    (side.verdict, VERDICT_STYLES[side.verdict]),
                    f"{', cut short' if side.partial else ''}, {words.visible(side.place)}   ",
                    (words.visible(side.run), "dim"),
                ),
                hanging=8,
            )
        gap = after.started - before.started
        if gap < 0:
            self.paragraph(Text("The second began before the first: is that the order that was meant?", "magenta"))

    def moved(self, group: Sequence[Moved]) -> None:
        first = group[0]
        mark = _MARKED[first.fate]
        self.line()
        self.paragraph(
            Text.assemble(
                (self.marks[mark] + " ", STYLES[mark]),
                (words.visible(words.listed(words.ranges(one.target for one in group))), "bold"),
                f"   {_verdicts(first)}",
                ("   " + words.visible(first.address) if len(group) == 1 else "", "dim"),
            ),
            hanging=2,
        )
        for label, condition in (("Was", first.before), ("Is", first.after)):
            if condition is not None and condition.cause:
                text = f"{condition.cause}, {words.share(condition.confidence)}{_where(condition)}"
                self.field(label, [text, *([condition.words] if condition.words and len(group) == 1 else [])])

    def differences(self, changes: Changes) -> None:
        found = changes.differences
        broke = any(one.fate in (BROKE, OTHER) for one in changes.targets)
        if found:
            asked = broke or any(one.fate == MENDED for one in changes.targets)
            self.paragraph(Text("Changed, what explains it best first:" if asked else "Changed:", "bold"))
        for one in found[:_MOST_DIFFERENCES]:
            self.difference(one)
        if len(found) > _MOST_DIFFERENCES:
            self.line(Text(f"    and {words.count(len(found) - _MOST_DIFFERENCES, 'more change')}", "dim"))
        if not found:
            self.paragraph(Text("Nothing else is other than it was." if changes.targets else "Nothing changed."))
        if broke and not any(one.likelihood != BESIDE for one in found):
            self.paragraph(Text(_ELSEWHERE))

    def difference(self, one: Difference) -> None:
        label = "" if one.likelihood == BESIDE else one.likelihood
        self.paragraph(
            Text.assemble(
                f"{one.kind} ".replace("_", " "),
                (words.visible(one.subject), "bold"),
                f": {_turned(one)}",
            ),
            indent=4,
            hanging=12,
            label=Text(label.ljust(12), _LIKELIHOOD_STYLES[one.likelihood]),
        )
        if one.because:
            self.paragraph(said(one.because, "dim"), indent=16)

    def bottom(self, changes: Changes) -> None:
        if changes.same or changes.unseen:
            self.line()
        self.field("Unchanged", [_counted(changes.same)] if changes.same else [], "dim")
        self.field("Seen once", [_counted(changes.unseen)] if changes.unseen else [], "dim")


def _alike(moved: Sequence[Moved]) -> list[list[Moved]]:
    groups: dict[tuple[object, ...], list[Moved]] = {}
    for one in moved:
        groups.setdefault((one.fate, _face(one.before), _face(one.after)), []).append(one)
    return list(groups.values())


def _face(condition: Condition | None) -> tuple[str, ...]:
    return (condition.verdict, condition.cause, condition.stage, condition.failure) if condition is not None else ()


def _verdicts(moved: Moved) -> str:
    before, after = (one.verdict if one is not None else "not looked at" for one in (moved.before, moved.after))
    return f"still {after}" if before == after else f"{before}, now {after}"


def _where(condition: Condition) -> str:
    return f"; {condition.stage}: {condition.failure.replace('_', ' ')}" if condition.stage else ""


def _turned(one: Difference) -> str:
    before, after = words.visible(one.before), words.visible(one.after)
    if not one.before:
        return f"new, {after}"
    return f"{before}, now {after}" if one.after else f"gone, was {before}"


def _counted(things: Sequence[Same]) -> str:
    return ", ".join(f"{BY_CODE[one.kind].things} ({one.count:,})" for one in things)
