"""The text of a page, from the catalogue, the rules and an example."""

import inspect
import re
from collections.abc import Iterable

from reports.causes import CAUSES, LAYERS, Cause
from reports.maxcompute.checklists import for_cause
from reports.remedies import FIELDS
from reports.rules.contract import CONNECT, EXCHANGE, LOAD, PROXY, RESOLVE, TLS, WORKS, Test, always
from reports.rules.table import every
from tests.lab.pages.shown import Example, Shown, networks
from tests.lab.views import ALONE

_BROKEN = {
    RESOLVE: "the name does not become an address",
    CONNECT: "the connection does not open",
    PROXY: "the HTTP proxy does not let it through",
    TLS: "the TLS handshake fails",
    EXCHANGE: "the service does not answer as it should",
    WORKS: "it works, and not well",
    LOAD: "more and more connections to it are held",
}
_VIEWS = {"sandbox": "a job", "vpchost": "a host of the VPC"}
# Scenarios that a page lists beside the one that it shows.
_MOST_OTHERS = 6
_EXAMPLE = re.compile(r"<!-- example: (\S+), beside (.*?) -->\n```text\n(.*?)\n```", re.DOTALL)


def kept(page: str) -> Example:
    """The example that a page holds; an empty one where it holds none."""
    found = _EXAMPLE.search(page)
    return Example(found[1], found[3], tuple(found[2].split())) if found else Example()


def page(code: str, example: Example) -> str:
    """The page of a cause; ``example``: of the first of its networks."""
    cause, shown = CAUSES[code], networks(code)
    parts = [_head(cause)]
    if shown:
        parts += [_looks(shown[0], example), _apart(cause, example), _mended(cause), _reproduced(cause, shown)]
    else:
        parts += [_apart(cause, example), _mended(cause)]
    return "\n\n".join(parts) + "\n"


def index() -> str:
    """The table of all causes, by layer."""
    lines = [
        "# The causes",
        "",
        "What can keep a job from its target, by layer: what it looks like, how it is told apart, what to change.",
        "Written by `make causes` from the catalogue (`reports/causes/`), the rules, and what is printed in the lab.",
    ]
    for layer in LAYERS:
        lines += ["", f"## {layer}", "", "| cause | what it means | severity | who acts |", "|---|---|---|---|"]
        lines += [
            f"| [{cause.code}]({cause.code}.md) | {_cell(cause.meaning)} | {cause.severity} | {cause.owner} |"
            for cause in CAUSES.values()
            if cause.layer == layer
        ]
    return "\n".join(lines) + "\n"


def _head(cause: Cause) -> str:
    return (
        f"# {cause.code}\n\n{_sentence(cause.meaning)}\n\n"
        f"layer [{cause.layer}](README.md#{cause.layer}) · {cause.severity} · to be mended by: {cause.owner}"
    )


def _looks(shown: Shown, example: Example) -> str:
    truths = "".join(f"\n- {truth}" for truth in shown.truths)
    why = f"\n\nWhat is broken there, and why that is this cause:\n{truths}" if truths else ""
    return (
        f"## What it looks like\n\nIn the lab: {shown.title}. `{shown.command}` prints:\n\n"
        f"<!-- example: {shown.name}, beside {' '.join(example.rivals)} -->\n```text\n{example.text}\n```{why}"
    )


def _apart(cause: Cause, example: Example) -> str:
    rules = [rule for rule in every().rules if rule.cause == cause.code]
    paragraphs = ["## How it is told apart"]
    stages = [stage for stage in _BROKEN if any(stage in rule.explains for rule in rules)]
    if stages:
        paragraphs.append(f"It may be the cause where {' or '.join(_BROKEN[stage] for stage in stages)}.")
    elif rules:
        paragraphs.append("It is said beside whatever else is found, and explains nothing by itself.")
    else:
        paragraphs.append(
            "One vantage point cannot know it: `linkdoctor compare` of reports from several of them names it."
        )
    premises = [rule.applies for rule in rules if rule.applies is not always]
    clues = [clue for rule in rules for clue in rule.clues]
    paragraphs += _listed("What it takes:", premises)
    paragraphs += _listed("For it speaks:", (clue.test for clue in clues if clue.factor > 1))
    paragraphs += _listed("Against it speaks:", (clue.test for clue in clues if 0 < clue.factor < 1))
    paragraphs += _listed("It is ruled out where:", (clue.test for clue in clues if clue.factor == 0))
    if example.rivals:
        links = ", ".join(f"[{code}]({code}.md)" for code in example.rivals)
        paragraphs.append(f"In the report above it is told apart from {links}.")
    if cause.decided_by:
        paragraphs.append(f"Where it cannot be told apart from here, this decides: {_filled(cause.decided_by)}.")
    return "\n\n".join(paragraphs)


def _listed(title: str, tests: Iterable[Test]) -> list[str]:
    said = dict.fromkeys(words for test in tests for words in [_words(test)] if words)
    return [title + "\n\n" + "\n".join(f"- {words}" for words in said)] if said else []


def _words(test: Test) -> str:
    """What a test says of itself: the first sentence of its docstring."""
    first = " ".join((inspect.getdoc(test) or "").split("\n\n")[0].split())
    return first.partition(". ")[0].rstrip(".")


def _mended(cause: Cause) -> str:
    lines = ["## How to fix it", "", f"**{cause.owner}**: {_filled(cause.remedy)}."]
    if cause.reference:
        lines += ["", f"See {cause.reference}."]
    checks = for_cause(cause.code, "udf")
    if checks:
        lines += ["", "What no packet shows, and is worth a look:", "", *(f"- {check}" for check in checks)]
    return "\n".join(lines)


def _reproduced(cause: Cause, shown: tuple[Shown, ...]) -> str:
    first, others = shown[0], shown[1 : 1 + _MOST_OTHERS]
    lines = ["## How to reproduce it", "", "```", first.reproduce, "```"]
    if first.reproduce.startswith("make"):
        lines += ["", f"opens a shell in that network; there, `{first.command}` prints the report."]
    if others:
        lines += ["", "The same cause in other networks:", ""]
        lines += [f"- `{other.reproduce}`: {other.title}" for other in others]
    for view, reasons in ALONE.items():
        if cause.code in reasons:
            lines += ["", f"Only {_VIEWS[view]} meets it: {reasons[cause.code]}."]
    return "\n".join(lines)


def _filled(template: str) -> str:
    """With the names of the fields, which a report fills in."""
    return template.format_map({name: f"*{name.replace('_', ' ')}*" for name in FIELDS}).rstrip(".")


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].rstrip(".") + "."


def _cell(words: str) -> str:
    return words.replace("|", "\\|")
