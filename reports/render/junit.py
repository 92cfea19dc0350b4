"""Reports as JUnit XML, for a pipeline: a testcase a target, its cause and evidence where it fails.

There is no one definition of the format. What is written here is valid by the schema of Jenkins's xunit plugin
(junit-10.xsd) and by that of Ant's task (JUnit.xsd): a testcase passes or it does not, so warnings stand in
``system-out`` of the whole.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from attrs import frozen

from reports import words
from reports.codec import rfc3339
from reports.model import FAILING, UNDETERMINED, Finding, Report, TargetResult
from reports.render.story import WARNING, Story

_FAILURE, _ERROR, _SKIPPED = "failure", "error", "skipped"


def render(reports: Sequence[Report]) -> str:
    """One document of all reports, a testsuite each."""
    root = Element("testsuites")
    for number, report in enumerate(reports):
        _suite(root, Story(report), number)
    indent(root)
    # ASCII, so that it is what it says in whatever encoding it is written.
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root).decode("ascii")}\n'


@frozen
class _Case:
    """A testcase: how long it took, and what is said of one that did not pass (``outcome``: an element's name)."""

    name: str
    seconds: float = 0.0
    outcome: str = ""
    kind: str = ""
    message: str = ""
    lines: tuple[str, ...] = ()


def _suite(root: Element, story: Story, number: int) -> None:
    run = story.report.run
    name = _shown(story.plan.name) or "linkdoctor"
    cases = [_of_target(story, result) for result in story.report.targets] + list(_of_the_run(story))
    outcomes = Counter(case.outcome for case in cases)
    suite = SubElement(
        root,
        "testsuite",
        name=name,
        package=name,
        id=str(number),
        timestamp=rfc3339(run.started)[:19],  # UTC; the format has no time zone
        hostname=_shown(story.report.vantage.host) or "localhost",
        tests=str(len(cases)),
        failures=str(outcomes[_FAILURE]),
        errors=str(outcomes[_ERROR]),
        skipped=str(outcomes[_SKIPPED]),
        time=_seconds(run.duration_s),
    )
    properties = SubElement(suite, "properties")
    for key, value in (("run", run.id), ("verdict", story.report.verdict), ("linkdoctor", run.linkdoctor)):
        SubElement(properties, "property", name=key, value=_shown(value))
    for case in cases:
        element = SubElement(
            suite, "testcase", name=_shown(case.name) or "-", classname=name, time=_seconds(case.seconds)
        )
        if case.outcome:
            said = SubElement(element, case.outcome, message=_shown(case.message), type=case.kind)
            said.text = _text(case.lines)
    SubElement(suite, "system-out").text = _text(_warnings(story))
    SubElement(suite, "system-err").text = _text([story.sent_nothing] if story.sent_nothing else [])


def _of_target(story: Story, result: TargetResult) -> _Case:
    seconds = result.latency_s or 0.0
    if story.sent_nothing:
        return _Case(result.name, 0.0, _SKIPPED, "", story.sent_nothing)
    if result.verdict not in (FAILING, UNDETERMINED):
        return _Case(result.name, seconds)
    about = [finding for finding in story.blocks if finding.id in result.findings]
    outcome = _FAILURE if result.verdict == FAILING else _ERROR
    if not about:
        short = "; the run was cut short" if story.report.run.partial else ""
        return _Case(result.name, seconds, outcome, result.verdict, f"not settled{short}")
    lines = [line for finding in about for line in _told(story, finding, story.whereabouts(result.name))]
    return _Case(result.name, seconds, outcome, _kind(about[0]), story.meaning(about[0]), tuple(lines))


def _of_the_run(story: Story) -> Iterator[_Case]:
    """What is wrong with no target in particular: the settings, this machine."""
    for finding in story.blocks:
        if not finding.targets and finding.severity != WARNING:
            title, _ = story.title(finding)
            lines = tuple(_told(story, finding, ""))
            yield _Case(title, 0.0, _FAILURE, _kind(finding), story.meaning(finding), lines)


def _warnings(story: Story) -> Iterator[str]:
    for finding in story.blocks:
        if finding.severity == WARNING:
            title, where = story.title(finding)
            yield f"{title}: {story.meaning(finding)}"
            yield from _told(story, finding, where)


def _told(story: Story, finding: Finding, where: str) -> Iterator[str]:
    """A line each, as they are read in a log."""
    remedy = finding.remedy
    for label, items in (
        ("at", [where] if where else []),
        ("cause", [f"{finding.cause}, {words.share(finding.confidence)}"]),
        ("evidence", finding.because),
        ("ruled out", story.reasons(finding)),
        ("or", story.alternatives(finding)),
        ("fix", [f"{remedy.owner}: {remedy.text}"] if remedy.text else []),
        ("paste", remedy.snippet.splitlines()),
        ("see", [remedy.reference] if remedy.reference else []),
    ):
        for item in items:
            yield f"{label}: {item}"


def _kind(finding: Finding) -> str:
    return _shown(finding.cause)


def _shown(text: str) -> str:
    """Text as XML may hold it: no controls (XML 1.0, 2.2), and no space at its ends."""
    return " ".join(words.visible(text).split())


def _text(lines: Iterable[str]) -> str:
    return "\n".join(words.visible(line) for line in lines)


def _seconds(value: float) -> str:
    return f"{max(0.0, value):.3f}"
