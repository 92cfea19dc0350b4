"""The message to hand over to whoever must act: plain text that stands by itself, for a ticket or a mail."""

import shlex
import textwrap
from collections.abc import Iterable

from reports import words
from reports.model import OWNERS, Finding, Report
from reports.render.story import Story

_WIDTH = 96
# A ticket may name many targets, but not thousands.
_MOST_TARGETS = 20
_MOST_NAMES = 200
_MOST_REASONS = 8


def message(
    report: Report,
    owner: str,
    *,
    command: str = "linkdoctor check PLAN",
    saved_as: str = "REPORT",
    verify: str | None = None,
) -> str:
    """The ready message for one of OWNERS, who was not there when the check ran.

    ``command`` repeats the check, ``saved_as`` names the saved report to compare with; ``verify`` is the whole command
    that shows whether it is mended, where it is not made of those two. Raises ValueError for an owner
    that does not exist; where nothing is for this owner, the message says so, and for whom there is something.
    """
    story = Story(report)
    if owner not in OWNERS:
        raise ValueError(f"there is no owner {owner!r}; {_others(story) or 'the owners are ' + ', '.join(OWNERS)}")
    mine = story.owners.get(owner, [])
    if not mine:
        others = _others(story)
        return f"Nothing in this report is for {owner}{': ' + others if others else ''}.\n"
    parts = [_subject(story, mine), _introduction(story)]
    told, untold = story.told(mine)
    for number, finding in enumerate(told, 1):
        parts.append(_section(story, finding, f"{number}. " if len(told) > 1 else ""))
    parts += [_the_same(story, findings) for findings in untold]
    again = verify or f"{command} --again {shlex.quote(saved_as)}"
    parts.append("To verify afterwards, from the same place:\n\n" + _pasted(again))
    return "\n\n".join(parts) + "\n"


def _others(story: Story) -> str:
    owners = [f"{owner} ({words.count(len(findings), 'finding')})" for owner, findings in story.owners.items()]
    return f"there is something for {', '.join(owners)}" if owners else ""


def _subject(story: Story, findings: list[Finding]) -> str:
    about = words.listed(words.ranges(story.all_targets(findings)))
    if story.networks.of(findings[0]):
        about, _ = story.title(findings[0])
    subject = ": ".join(filter(None, (story.plan.name, about, story.meaning(findings[0]))))
    if len(findings) > 1:
        subject += f", and {words.count(len(findings) - 1, 'more finding')}"
    return "Subject: " + words.visible(subject)


def _introduction(story: Story) -> str:
    run = story.report.run
    checked = f"The job {run.plan.name} was checked by linkdoctor {run.linkdoctor} on {words.moment(run.started)}"
    if story.networks.names and not story.results:
        swept = words.listed(story.networks.names)
        checked = f"linkdoctor {run.linkdoctor} asked who answers in {swept} on {words.moment(run.started)}"
    lines = [f"{checked} within {words.seconds(run.duration_s)}, run {run.id}.", f"From: {story.whence}"]
    if story.vswitches:
        lines.append(f"vSwitch: {words.listed(story.vswitches)}")
    if run.partial:
        lines.append("The run was cut short: what follows was seen, but not everything was looked at.")
    return "\n".join(_wrapped(line) for line in lines)


def _section(story: Story, finding: Finding, number: str) -> str:
    remedy = finding.remedy
    lines = [
        _wrapped(f"{number}{story.meaning(finding)} ({finding.cause}, {words.share(finding.confidence)} sure)"),
        *_field("To", _places(story, finding)),
        *_field("Seen", _since(story, finding)),
        *_field("Evidence", _bounded(finding.because)),
        *_field("Ruled out", _bounded(story.reasons(finding))),
        *_field("Or", story.alternatives(finding)),
        *_field("Request", [remedy.text] if remedy.text else []),
    ]
    if remedy.snippet:
        lines += ["", *(_pasted(line) for line in remedy.snippet.rstrip("\n").split("\n")), ""]
    lines += [
        *_field("See", [remedy.reference] if remedy.reference else []),
        *_field("Check", remedy.checks),
        *_field("Surer", [finding.surer] if finding.surer else []),
    ]
    return "\n".join(lines).rstrip()


def _the_same(story: Story, findings: list[Finding]) -> str:
    names = story.all_targets(findings)
    places = words.listed(words.ranges(names), _MOST_NAMES)
    return _wrapped(f"The same, {findings[0].cause}, at {words.count(len(names), 'more target')}: {places}")


def _since(story: Story, finding: Finding) -> list[str]:
    moments = list(dict.fromkeys(words.moment(moment) for moment in story.since(finding)))
    return [" to ".join(moments)] if moments else []


def _places(story: Story, finding: Finding) -> list[str]:
    if story.networks.of(finding):
        return [story.title(finding)[0]]
    places = []
    for name in finding.targets[:_MOST_TARGETS]:
        where = story.whereabouts(name)
        places.append(f"{name}: {where}" if where else name)
    rest = finding.targets[_MOST_TARGETS:]
    if rest:
        places.append(f"and {len(rest):,} more: {words.listed(words.ranges(rest), _MOST_NAMES)}")
    return places


def _bounded(items: Iterable[str]) -> list[str]:
    return words.first(items, _MOST_REASONS)


def _field(label: str, items: Iterable[str]) -> list[str]:
    return [
        _wrapped(item, "   " + ("" if index else label + ":").ljust(12), " " * 15) for index, item in enumerate(items)
    ]


def _wrapped(text: str, first: str = "", rest: str = "") -> str:
    return textwrap.fill(
        words.visible(text),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _pasted(line: str) -> str:
    return "    " + words.visible(line)
