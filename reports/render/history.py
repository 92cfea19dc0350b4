"""What is kept of a plan's runs, for a tired person at a terminal: a line a target, and when it changed last."""

import shlex
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from reports import words
from reports.history import Event, KeptRun, PlanHistory, Standing, Strips
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED, VERDICTS
from reports.render.story import CRITICAL, OPEN, WARNING
from reports.render.text import STYLES, VERDICT_STYLES, _Page, said

_STATES = {FAILING: CRITICAL, UNDETERMINED: OPEN, DEGRADED: WARNING, HEALTHY: HEALTHY}
# Told apart by their height where there is no colour. By the letters of reports/history.py.
_BLOCKS = {"h": "\u2581", "d": "\u2584", "u": "?", "f": "\u2588", "-": "\u00b7"}
_ASCII_BLOCKS = {"h": ".", "d": "!", "u": "?", "f": "x", "-": "-"}
_BLOCK_STYLES = {**{verdict[0]: STYLES[_STATES[verdict]] for verdict in VERDICTS}, "-": "dim"}

# The JSON holds more.
_MOST_TARGETS, _MOST_EVENTS, _MOST_RUNS, _MOST_OUTBOUND = 40, 12, 10, 8
_WIDEST_NAME = 24
# Columns around name and strip; a strip of fewer cells says nothing.
_GAPS, _FEWEST_CELLS = 6, 20


def render(histories: Sequence[PlanHistory], console: Console, *, command: str) -> None:
    """Print them. ``command`` shows what changed when a plan became worse; of several, with the plan's name."""
    several = len({one.plan.name for one in histories}) > 1
    for number, history in enumerate(histories):
        if number:
            console.print()
        which = f" --plan {shlex.quote(history.plan.name)}" if several else ""
        _Chart(console).chart(history, command + which)


class _Chart(_Page):
    def chart(self, history: PlanHistory, command: str) -> None:
        plan = history.plan
        newest = plan.newest
        verdict = Text(f"{newest.verdict.upper()}: {_broken(newest)}", VERDICT_STYLES[newest.verdict])
        self.sides(
            Text.assemble((words.visible(plan.name), "bold"), f"   {words.count(plan.runs, 'run')} kept"), verdict
        )
        span = f"{_minute(plan.first)} to {words.moment(plan.last)}, in {words.visible(history.kept_in)}"
        self.paragraph(Text(span, "dim"))
        self.line()
        self.targets(history)
        self.events(history.events)
        self.outbound(history)
        self.runs(history.runs)
        if history.events:
            self.line()
            self.field("Compare", [command])

    # --- strips ---------------------------------------------------------------------------------------------------

    def targets(self, history: PlanHistory) -> None:
        letters = {strip.target: strip.letters for strip in history.strips.rows}
        groups = _alike(history.standing, letters)
        if not groups:
            self.paragraph(Text("No target was looked at in this time."))
            return
        shown = groups[:_MOST_TARGETS]
        names = [_named(group) for group in shown]
        width = min(max(map(len, names)), _WIDEST_NAME)
        tails = [_since(group[0]) for group in shown]
        room = self.console.width - width - max(tail.cell_len for tail in tails) - _GAPS
        strips = history.strips.folded(max(_FEWEST_CELLS, room))
        letters = {strip.target: strip.letters for strip in strips.rows}
        for name, group, tail in zip(names, shown, tails, strict=True):
            state = _STATES[group[0].verdict]
            line = Text.assemble((self.marks[state] + " ", STYLES[state]))
            line.append(name.ljust(width) if len(name) <= width else name[: width - 1] + "~")
            self.paragraph(line + Text("  ") + self.strip(letters.get(group[0].target, "")) + tail, hanging=2)
        if len(groups) > _MOST_TARGETS:
            more = sum(map(len, groups[_MOST_TARGETS:]))
            self.line(Text(f"and {words.count(more, 'more target')}", "dim"))
        if strips.rows:
            self.legend(strips, width + 4)

    def strip(self, letters: str) -> Text:
        strip = Text()
        for letter in letters:
            strip.append(self.blocks[letter], _BLOCK_STYLES[letter])
        return strip + Text("  ")

    def legend(self, strips: Strips, indent: int) -> None:
        legend = Text(" " * indent)
        legend.append(f"{words.seconds(strips.width_s)} each, from {_minute(strips.since)} UTC:", "dim")
        shown = {letter for strip in strips.rows for letter in strip.letters}
        for letter, meaning in (*((verdict[0], verdict) for verdict in VERDICTS), ("-", "not looked at")):
            if letter in shown:
                legend.append(f"  {self.blocks[letter]} ", _BLOCK_STYLES[letter]).append(meaning, "dim")
        self.paragraph(legend, hanging=indent)

    @property
    def blocks(self) -> Mapping[str, str]:
        return _ASCII_BLOCKS if self.ascii_only else _BLOCKS

    # --- lists ----------------------------------------------------------------------------------------------------

    def events(self, events: Sequence[Event]) -> None:
        if not events:
            return
        self.title("Changes, newest first")
        self.columns(
            [
                Text("    " + _minute(event.at), "dim"),
                said(event.target, "bold"),
                Text.assemble(event.before, ", now ", (event.after, VERDICT_STYLES[event.after]))
                if event.before != event.after
                else Text(f"still {event.after}"),
                said(_causes(event)),
                Text(event.run, "dim"),
            ]
            for event in events[:_MOST_EVENTS]
        )
        self.more(len(events) - _MOST_EVENTS, "change")

    def outbound(self, history: PlanHistory) -> None:
        if not history.outbound:
            return
        self.title("Outbound addresses, last seen first")
        self.columns(
            [
                said("    " + one.address, "bold"),
                Text(f"{_minute(one.first)} to {_minute(one.last)}", "dim"),
                said(one.way),
            ]
            for one in history.outbound[:_MOST_OUTBOUND]
        )
        self.more(len(history.outbound) - _MOST_OUTBOUND, "address", "addresses")

    def runs(self, runs: Sequence[KeptRun]) -> None:
        if not runs:
            return
        self.title("Runs, last kept first")
        self.columns(
            [
                Text("    " + _minute(run.started), "dim"),
                Text(run.id),
                Text(run.verdict, VERDICT_STYLES[run.verdict]),
                Text(_broken(run) + (", cut short" if run.partial else "")),
                Text(words.seconds(run.duration_s)),
                said(f"{run.kind} {run.host}".strip() + ("" if run.has_report else ", without its report"), "dim"),
            ]
            for run in runs[:_MOST_RUNS]
        )
        self.more(len(runs) - _MOST_RUNS, "run")

    def title(self, text: str) -> None:
        self.line()
        self.line(Text(text, "bold"))

    def more(self, number: int, noun: str, nouns: str = "") -> None:
        if number > 0:
            counted = words.count(number, f"more {noun}") if not nouns or number == 1 else f"{number:,} more {nouns}"
            self.line(Text(f"    and {counted}", "dim"))


def _alike(standing: Sequence[Standing], letters: Mapping[str, str]) -> list[list[Standing]]:
    """Targets that look alike all the time, together; what is broken first."""
    groups: dict[tuple[object, ...], list[Standing]] = {}
    for one in standing:
        since = None if one.from_start else one.since
        groups.setdefault((one.verdict, one.cause, since, letters.get(one.target)), []).append(one)
    return sorted(groups.values(), key=lambda group: -VERDICTS.index(group[0].verdict))


def _since(standing: Standing) -> Text:
    """Its mark says how it stands; this, for how long and why."""
    text = Text("all the time" if standing.from_start else f"since {_minute(standing.since)}", "dim")
    return (
        text.append(f", {words.visible(standing.cause)}", STYLES[_STATES[standing.verdict]]) if standing.cause else text
    )


def _named(group: Sequence[Standing]) -> str:
    names = words.ranges(one.target for one in group)
    whole = words.listed(names, 2)
    return words.visible(whole if len(whole) <= _WIDEST_NAME else words.listed(names, 1))


def _causes(event: Event) -> str:
    if event.before == event.after and event.cause_before:
        return f"{event.cause_before}, now {event.cause or 'another cause'}"
    return event.cause or (f"was {event.cause_before}" if event.cause_before else "")


def _broken(run: KeptRun) -> str:
    total = words.count(run.targets, "target")
    return f"{run.broken:,} of {total}" if run.broken else total


def _minute(unix: float) -> str:
    """``2026-11-24 08:00``: UTC, as the line before says."""
    return words.moment(unix)[:16]
