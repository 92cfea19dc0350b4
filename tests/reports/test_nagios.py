"""A report as a plugin's line: the state, the text, the performance data."""

import re

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.options import EXIT
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED
from reports.render import nagios
from tests.reports import samples, strategies

_LINE = re.compile(r"LINKDOCTOR (OK|WARNING|CRITICAL|UNKNOWN) - ([^|\n]*) \| ([^|\n]*)\n")
# 'label'=value[unit];[warning];[critical];[least];[most]
_DATUM = re.compile(r"(?:'((?:[^'=]|'')*)'|([^'= ]+))=(-?\d+(?:\.\d+)?)(s?);;;(\d*)(?:;(\d+))?(?: |\Z)")


def read(line):
    """State, text and performance data of a line, as a monitoring would."""
    state, text, data = _LINE.fullmatch(line).groups()
    found, at = {}, 0
    while at < len(data):
        match = _DATUM.match(data, at)
        assert match, data[at:]
        found[match[1] if match[1] is not None else match[2]] = float(match[3])
        at = match.end()
    return state, text, found


def test_the_line():
    """What is wrong, where, how sure; then the numbers."""
    state, text, data = read(nagios.render([samples.nightly()]))

    assert state == "CRITICAL"
    assert text == (
        "nightly-etl: metastore: the destination's security group drops this source silently (sg_drop, 78 %)"
    )
    assert data["time"] == 3.2
    assert (data["healthy"], data["failing"]) == (5, 1)
    assert data["oss"] == 0.012
    assert "metastore" not in data


def test_healthy():
    """How much was looked at."""
    assert read(nagios.render([samples.healthy()]))[:2] == ("OK", "nightly-etl: 6 targets")


@pytest.mark.parametrize(
    ("verdict", "state", "code"),
    [(HEALTHY, "OK", 0), (DEGRADED, "WARNING", 1), (FAILING, "CRITICAL", 2), (UNDETERMINED, "UNKNOWN", 3)],
)
def test_states_are_the_exit_codes(verdict, state, code):
    """The word and the code agree, as the plugins' guidelines want them."""
    assert read(nagios.render([evolve(samples.healthy(), verdict=verdict)]))[0] == state
    assert EXIT[verdict] == code


def test_it_is_short():
    """However much is wrong, the line stays within what an agent carries."""
    line = nagios.render([samples.scattered(3000)])

    assert len(line) < 1500
    assert "more finding" in line
    assert read(line)[2]["undetermined"] == 1000


def test_targets_that_are_called_as_other_numbers():
    """Each number has a name of its own, and those of the run keep theirs."""
    report = samples.healthy()
    names = ("time", "healthy", "a=b", "a|b")
    targets = tuple(evolve(report.targets[0], name=name, latency_s=0.5) for name in names)

    data = read(nagios.render([evolve(report, targets=targets)]))[2]

    assert (data["time"], data["healthy"]) == (report.run.duration_s, 4)
    assert [data[name] for name in ("time_", "healthy_", "a_b", "a_b_")] == [0.5] * 4


def test_several_reports():
    """A line each, the worst first: that one is shown."""
    lines = nagios.render([samples.healthy(), samples.nightly()]).splitlines(keepends=True)

    assert [read(line)[0] for line in lines] == ["CRITICAL", "OK"]


@pytest.mark.parametrize("name", samples.ALL)
def test_text_from_outside_stays_in_its_place(name):
    """No bar, no line break, no quotation mark from outside ends the text or a label."""
    read(nagios.render([samples.ALL[name]()]))


@given(strategies.reports, st.text(st.sampled_from("|='\"\n; a"), max_size=9))
def test_any_report(report, name):
    """One line that a monitoring can read, of any report."""
    targets = tuple(evolve(target, name=name, latency_s=0.5) for target in report.targets)
    read(nagios.render([evolve(report, targets=targets)]))
