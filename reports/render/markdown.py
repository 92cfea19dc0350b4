"""A report for a ticket or a chat, in GitHub-flavoured Markdown: the verdict, what is broken, what works.

Whatever comes from outside is text and stays it: markup is escaped, and a word that a forge or a chat would turn into
something (a mention, a reference, a link, an emoji) stands as code. https://github.github.com/gfm/
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from reports import again, words
from reports.curve import conclusion
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED, Finding, Report
from reports.render.healthy import healthy
from reports.render.story import CRITICAL, OPEN, WARNING, Story
from reports.subnet.summary import remarks, summary, without_addresses

MARKS = {CRITICAL: "\u2717", WARNING: "!", OPEN: "?", HEALTHY: "\u2713"}
STATES = {FAILING: CRITICAL, DEGRADED: WARNING, UNDETERMINED: OPEN, HEALTHY: HEALTHY}

# The JSON holds them all.
_MOST_REASONS = 8
MOST_ROWS = 30

# What is markup anywhere in a line; an underscore within a word is none.
_MARKUP = re.compile(r"[\\`*\[<|~&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# What begins a block at the beginning of a line: a list, a rule, a quotation, the line under a heading.
_OPENING = re.compile(r"[-+=>]|\d{1,9}(?=[.)](?:\s|\Z))")
# @somebody, #12, $x$, :smile:, https://..., www...., a@b.c: each means something to somebody who renders it.
_ALIVE = re.compile(r"[@#$]|://|www\.|:\w+:|mailto:|xmpp:", re.IGNORECASE)
_TICKS = re.compile(r"`+")
# A bar that ends a cell of a table, in code too (GFM 4.10): no backslash is before it, or those are escaped themselves.
_BAR = re.compile(r"(?<!\\)((?:\\\\)*)\|")


def render(reports: Sequence[Report], before: Report | None = None) -> str:
    """Reports one after the other; ``before``: what a single one is compared with."""
    parts = []
    for report in reports:
        story = Story(report)
        parts.append([*_head(story), *(_changes(before, report) if before is not None else ()), *_body(story)])
    return "\n---\n\n".join("\n".join(lines) + "\n" for lines in parts)


def plain(text: str) -> str:
    """Text from outside as it may stand anywhere in a line but in code."""
    shown = " ".join(code(word) if _ALIVE.search(word) else _MARKUP.sub(r"\\\g<0>", word) for word in _words(text))
    opening = _OPENING.match(shown)
    if opening is None:
        return shown
    # A number is no markup: the point behind it is.
    at = opening.end() if opening.group().isdigit() else 0
    return f"{shown[:at]}\\{shown[at:]}"


def code(text: str) -> str:
    """Text from outside as code: as it is, in a fence that it does not contain."""
    shown = " ".join(_words(text)) or " "
    fence = "`" * (1 + max((len(run) for run in _TICKS.findall(shown)), default=0))
    space = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{space}{shown}{space}{fence}"


# --- parts of a report ----------------------------------------------------------------------------------------------


def title(story: Story, said: str) -> str:
    """The heading: what was checked, and how it is."""
    return f"## {MARKS[STATES[story.report.verdict]]} {plain(story.plan.name)}, {plain(said)}"


def _head(story: Story) -> Iterator[str]:
    run = story.report.run
    yield title(story, story.headline)
    yield ""
    yield f"From {plain(story.whence)}, {words.moment(run.started)}, run {code(run.id)}."
    if run.partial:
        yield "**The run was cut short: not everything was looked at.**"
    if story.sent_nothing:
        yield f"**{plain(story.sent_nothing)}**"
    yield ""


def _body(story: Story) -> Iterator[str]:
    yield from findings_of(story)
    yield from _healthy(story)
    yield from section("Held", [f"{plain(c.target)}: {plain(conclusion(c))}" for c in story.measured_well])
    yield from section("Networks", _networks(story))
    yield from section("The job said", [f"{plain(name)}: {plain(said)}" for name, said in story.job_said])
    yield from section(
        "Not settled", [plain(words.listed(words.ranges(story.unsettled), 20))] if story.unsettled else []
    )
    notes = [finding for finding in story.report.findings if finding.severity == "info"]
    yield from section("Notes", [_note(story, finding) for finding in notes])


def _networks(story: Story) -> list[str]:
    """The networks that were swept, a sentence each, and what must be known to read it."""
    told = [(network.name, "; ".join([summary(network), *remarks(network)])) for network in story.swept]
    return [f"{plain(name)}: {plain(said)}" for name, said in (*told, *without_addresses(story.report.observations))]


def findings_of(story: Story) -> Iterator[str]:
    """What is wrong, a section each; of many alike the first few."""
    told, untold = story.told(story.blocks)
    for finding in told:
        yield from _finding(story, finding)
    for findings in untold:
        names = story.all_targets(findings)
        more = words.count(len(names), "more target")
        yield f"### {MARKS[story.state(findings[0])]} {more}, the same cause: {code(findings[0].cause)}"
        yield ""
        yield plain(words.listed(words.ranges(names), 20))
        yield ""


def _finding(story: Story, finding: Finding) -> Iterator[str]:
    title, where = story.title(finding)
    remedy = finding.remedy
    yield f"### {MARKS[story.state(finding)]} {plain(title)}: {plain(story.meaning(finding))}"
    yield ""
    if where:
        yield plain(where)
        yield ""
    yield f"- **Cause**: {code(finding.cause)}, {words.share(finding.confidence)}"
    for label, items in (
        ("Evidence", [plain(reason) for reason in finding.because]),
        ("Held", [plain(conclusion(curve)) for curve in story.measured(finding)]),
        ("Ruled out", [plain(reason) for reason in story.reasons(finding)]),
        ("Or", [plain(other) for other in story.alternatives(finding)]),
        ("Fix", [f"{plain(remedy.owner)}: {plain(remedy.text)}"] if remedy.text else []),
    ):
        yield from _field(label, items)
    if remedy.snippet:
        yield ""
        yield from _fenced(remedy.snippet)
        yield ""
    yield from _field("See", [plain(remedy.reference)] if remedy.reference else [])
    yield from _field("Check", [plain(check) for check in remedy.checks])
    yield from _field("Surer", [plain(finding.surer)] if finding.surer else [])
    yield ""


def _healthy(story: Story) -> Iterator[str]:
    rows = healthy(story, MOST_ROWS)
    if not rows:
        return
    yield from table(("", "works", "in", "proved", "at"))
    for alike in rows[:MOST_ROWS]:
        latencies = words.span(alike.latencies) if alike.latencies else ""
        names = words.listed(words.ranges(alike.names), 10)
        yield row((MARKS[HEALTHY], plain(names), latencies, plain(alike.proof), plain(alike.place)))
    yield ""


def _changes(before: Report, after: Report) -> Iterator[str]:
    """What became of what was broken."""
    rows = again.compare(before, after)
    if not rows:
        yield "Nothing was broken, and nothing is."
        yield ""
        return
    yield from table(("again", "target", "before", "now"))
    for one in rows[:MOST_ROWS]:
        yield row((one.change, plain(one.target), _state(one.before), _state(one.after)))
    yield ""
    if len(rows) > MOST_ROWS:
        yield f"and {words.count(len(rows) - MOST_ROWS, 'more target')}"
        yield ""


def _state(state: again.State | None) -> str:
    if state is None:
        return "not checked"
    return f"{state.verdict} {', '.join(map(code, state.causes))}".strip()


def _note(story: Story, finding: Finding) -> str:
    about = "" if story.networks.of(finding) else words.listed(words.ranges(finding.targets))
    about = about or "; ".join(finding.because[:1])
    return f"{plain(story.meaning(finding))}, {code(finding.cause)}" + (f": {plain(about)}" if about else "")


# --- Markdown -------------------------------------------------------------------------------------------------------


def _words(text: str) -> list[str]:
    return words.visible(text).split()


def section(title: str, items: Sequence[str]) -> Iterator[str]:
    """A list under a title of its own; nothing where it is empty."""
    if items:
        yield f"**{title}**"
        yield ""
        yield from (f"- {item}" for item in words.first(items, MOST_ROWS))
        yield ""


def _field(label: str, items: Sequence[str]) -> Iterator[str]:
    if len(items) == 1:
        yield f"- **{label}**: {items[0]}"
    elif items:
        yield f"- **{label}**:"
        yield from (f"  - {item}" for item in words.first(items, _MOST_REASONS))


def table(titles: Sequence[str]) -> Iterator[str]:
    """The head of a table."""
    yield row(titles)
    yield row(["---"] * len(titles))


def row(cells: Iterable[str]) -> str:
    """A line of a table, of cells that are Markdown."""
    return "| " + " | ".join(_BAR.sub(r"\1\\|", cell) for cell in cells) + " |"


def _fenced(text: str) -> Iterator[str]:
    """To be pasted: lines as they are."""
    lines = [words.visible(line) for line in text.rstrip("\n").split("\n")]
    fence = "`" * max(3, 1 + max(len(run) for line in lines for run in ["", *_TICKS.findall(line)]))
    yield fence
    yield from lines
    yield fence
