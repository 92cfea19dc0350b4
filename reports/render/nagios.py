"""A report as one line for Nagios, Icinga and their kin: the state, what is wrong, and performance data.

Monitoring Plugins Development Guidelines, "Plugin Output" and "Performance data". The exit code is the caller's, and
the same as ever: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
"""

import re
from collections.abc import Iterator, Sequence

from reports import words
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED, VERDICTS, Finding, Report
from reports.render.story import Story

_STATES = {HEALTHY: "OK", DEGRADED: "WARNING", FAILING: "CRITICAL", UNDETERMINED: "UNKNOWN"}

# NRPE carries a kilobyte, or four.
_LONGEST_TEXT = 400
_MOST_FINDINGS = 3
_MOST_LATENCIES = 10

# A bar ends the text; an equals sign ends a label, an apostrophe quotes it.
_NOT_IN_TEXT = re.compile(r"\|")
_NOT_IN_LABEL = re.compile(r"[|=]")


def render(reports: Sequence[Report]) -> str:
    """A line a report, the worst first: the first one is what the monitoring shows."""
    ranked = sorted(reports, key=lambda report: -VERDICTS.index(report.verdict))
    return "".join(f"{_line(Story(report))}\n" for report in ranked)


def _line(story: Story) -> str:
    said = words.visible(f"{story.plan.name}: {'; '.join(_said(story))}")
    if len(said) > _LONGEST_TEXT:
        said = said[: _LONGEST_TEXT - 3] + "..."
    text = _NOT_IN_TEXT.sub("/", said)
    return f"LINKDOCTOR {_STATES[story.report.verdict]} - {text} | {' '.join(_performance(story))}"


def _said(story: Story) -> Iterator[str]:
    """What is wrong, the most important first; what works, where nothing is."""
    blocks = story.blocks
    for finding in blocks[:_MOST_FINDINGS]:
        yield _finding(story, finding)
    if len(blocks) > _MOST_FINDINGS:
        yield words.count(len(blocks) - _MOST_FINDINGS, "more finding")
    if story.unsettled:
        yield f"not settled: {words.listed(words.ranges(story.unsettled))}"
    if story.sent_nothing:
        yield story.sent_nothing
    if story.report.run.partial:
        yield "the run was cut short"
    if not blocks and not story.unsettled:
        targets, networks = len(story.report.targets), len(story.swept)
        yield words.count(networks, "network") if networks and not targets else words.count(targets, "target")


def _finding(story: Story, finding: Finding) -> str:
    who = words.listed(words.ranges(finding.targets)) or story.title(finding)[0]
    return f"{who}: {story.meaning(finding)} ({finding.cause}, {words.share(finding.confidence)})"


def _performance(story: Story) -> Iterator[str]:
    """``'label'=value[unit];[warning];[critical];[least];[most]``."""
    results = story.report.targets
    yield f"time={story.report.run.duration_s:.3f}s;;;0"
    for verdict in VERDICTS:
        number = sum(result.verdict == verdict for result in results)
        yield f"{verdict}={number};;;0;{len(results)}"
    known = [(result.name, result.latency_s) for result in results if result.latency_s is not None]
    taken = {"time", *VERDICTS}
    for name, latency in known[:_MOST_LATENCIES]:
        label = _NOT_IN_LABEL.sub("_", words.visible(name))
        while label in taken:  # it would be taken for the one that has it
            label += "_"
        taken.add(label)
        quoted = label.replace("'", "''")
        yield f"'{quoted}'={latency:.6f}s;;;0"
