"""Vantage points whose difference, or common factor, proves the cause that one alone cannot."""

import io
import re

import pytest

from reports.render.comparison import render
from reports.render.text import open_console
from tests.lab.comparisons.cases import CASES
from tests.lab.comparisons.faults import FAULTS
from tests.lab.comparisons.score import Scoring, compare
from tests.lab.conftest import unavailable
from tests.lab.faults import FAULTS as OTHERS
from tests.lab.harness import ROOT, LabUnavailableError

DOCUMENTED = "whitelist_holds_the_host_alone"


@pytest.fixture(scope="module")
def scores():
    """The scores to come: the cases run side by side."""
    scoring = Scoring()
    yield {name: scoring.submit(case) for name, case in CASES.items()}
    scoring.close()


def outcome(scores, name):
    """The score of a case, and its reports."""
    try:
        return scores[name].result()
    except LabUnavailableError as error:
        unavailable(f"the lab cannot be built here: {error}")


@pytest.mark.parametrize("name", CASES)
def test_the_comparison_names_the_cause(scores, name):
    """The cause comes first, of the right targets, with its reason; and no report alone was as sure of it."""
    score, _ = outcome(scores, name)

    assert score.right, str(score)


def test_the_page_shows_what_is_printed(scores):
    """The example of docs/compare.md is this case, to the letter."""
    _, reports = outcome(scores, DOCUMENTED)
    file = io.StringIO()
    render(compare(reports), open_console(file, 100))
    page = (ROOT / "docs" / "compare.md").read_text()
    [example] = re.findall(r"```\n\$ linkdoctor compare [^\n]*\n(.*?)```", page, re.DOTALL)

    assert file.getvalue() == example


def state(lab):
    """Rules, routes and addresses of every namespace; links may still be coming up."""
    return {
        namespace: (
            seen["rules"],
            seen["routes"],
            [(link["ifname"], link["addresses"]) for link in seen["links"]],
        )
        for namespace, seen in lab.call("snapshot").items()
    }


def test_each_fault_is_undone(lab):
    """After each fault rules, routes and addresses of every namespace are what they were."""
    before = state(lab)
    left = []
    for fault in FAULTS:
        with lab.broken(fault):
            pass
        if state(lab) != before:
            left.append(fault)

    assert left == []


def test_every_fault_is_used_and_known():
    """The table of cases names only what there is, and each fault has its case."""
    named = {fault for case in CASES.values() for fault in case.faults}
    named |= {fault for case in CASES.values() for point in case.points for fault in point.faults}

    assert set(FAULTS) <= named <= set(FAULTS) | set(OTHERS)


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_two_to_five_vantage_points(case):
    """So many an engineer takes."""
    assert 2 <= len(case.points) <= 5
