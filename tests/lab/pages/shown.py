"""Where the lab shows a cause, and what linkdoctor prints there."""

import io
import re
from collections.abc import Iterator

from attrs import frozen

from reports.comparison import Comparison
from reports.document import from_document
from reports.model import Report
from reports.render import comparison, text
from tests.lab.comparisons.cases import CASES
from tests.lab.comparisons.score import compare, look
from tests.lab.comparisons.score import judge as judge_comparison
from tests.lab.faults import FAULTS
from tests.lab.harness import PLAN, Lab
from tests.lab.scenario import Scenario
from tests.lab.scenarios import SCENARIOS
from tests.lab.score import by_command, run

_WIDTH = 100


class WrongExampleError(Exception):
    """What came out is not the truth; the message says how."""


@frozen
class Shown:
    """A network that shows a cause: what it is called, what is done to it, how it is entered."""

    name: str
    title: str
    truths: tuple[str, ...]
    command: str
    reproduce: str


@frozen
class Example:
    """What linkdoctor printed in a network, and the causes that it weighed beside the true one."""

    network: str = ""
    text: str = ""
    rivals: tuple[str, ...] = ()


def networks(code: str) -> tuple[Shown, ...]:
    """All that show the cause, the one that is closest to its name first."""
    sure = (scenario for scenario in SCENARIOS.values() if scenario.surest == 1.0)
    scenarios = [scenario for scenario in sure if code in (*scenario.causes, *scenario.infos)]
    single = sorted(scenarios, key=lambda scenario: _distance(scenario, code))
    return (*(_scenario(scenario) for scenario in single), *_comparisons(code))


def example(lab: Lab, code: str) -> Example:
    """What linkdoctor prints in the first of them. Raises WrongExampleError where that is not the truth."""
    name = networks(code)[0].name
    if name not in SCENARIOS:
        return _compared(lab, name, code)
    score, outcome = run(lab, SCENARIOS[name], by_command)
    if not score.right:
        raise WrongExampleError(str(score))
    printed = io.StringIO()
    report = from_document(outcome.report)
    text.render(report, text.open_console(printed, _WIDTH), command=_command(SCENARIOS[name]))
    return Example(name, _trimmed(printed.getvalue()), _rivals(report, code))


def _compared(lab: Lab, name: str, code: str) -> Example:
    case = CASES[name]
    reports = tuple(look(lab, case, point) for point in case.points)
    score = judge_comparison(case, reports)
    if not score.right:
        raise WrongExampleError(str(score))
    printed = io.StringIO()
    compared = compare(reports)
    comparison.render(compared, text.open_console(printed, _WIDTH))
    return Example(name, _trimmed(printed.getvalue()), _rivals(compared, code))


def _rivals(report: Report | Comparison, code: str) -> tuple[str, ...]:
    """What was left beside the cause, and what was ruled out for its targets."""
    findings = [finding for finding in report.findings if finding.cause == code]
    targets = {name for finding in findings for name in finding.targets}
    beside = [candidate.cause for finding in findings for candidate in finding.candidates]
    beside += [cause for cleared in report.cleared if targets & set(cleared.targets) for cause in cleared.causes]
    return tuple(cause for cause in dict.fromkeys(beside) if cause != code)


def _distance(scenario: Scenario, code: str) -> tuple[bool, bool, bool, bool]:
    """Not meant for it, one of several faults, of a changing network, under another name."""
    return (
        scenario.expected != code,
        bool(scenario.others),
        scenario.name.startswith("changing_"),
        scenario.name != code,
    )


def _scenario(scenario: Scenario) -> Shown:
    return Shown(
        scenario.name,
        scenario.title,
        tuple(FAULTS[fault].truth for fault in scenario.faults),
        _command(scenario),
        f"make lab SCENARIO={scenario.name}",
    )


def _command(scenario: Scenario) -> str:
    return " ".join(("linkdoctor", *scenario.command(PLAN)))


def _comparisons(code: str) -> Iterator[Shown]:
    for case in CASES.values():
        if case.expected == code:
            reproduce = f".venv/bin/python -m tests.lab.comparisons {case.name}"
            yield Shown(case.name, case.title, (), "linkdoctor compare *.json", reproduce)


def _trimmed(printed: str) -> str:
    """Without spaces at the ends of lines, as Markdown and editors want it."""
    return re.sub(r" +$", "", printed, flags=re.MULTILINE).strip("\n")
