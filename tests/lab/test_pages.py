"""docs/causes/ says what the catalogue, the rules and the lab say today; `make causes` writes it."""

import pytest

from reports.causes import CAUSES
from tests.lab.harness import ROOT
from tests.lab.pages.page import index, kept, page
from tests.lab.pages.shown import Example, networks

FOLDER = ROOT / "docs" / "causes"


@pytest.mark.parametrize("code", CAUSES)
def test_a_page_is_todays(code):
    """Catalogue, clues, scenarios and how to enter them are those of today; its example is of the first network."""
    written = (FOLDER / f"{code}.md").read_text()
    example = kept(written)
    shown = networks(code)

    assert example.network == (shown[0].name if shown else "")
    assert page(code, example) == written, "run: make causes"


@pytest.mark.parametrize("code", [code for code in CAUSES if networks(code)])
def test_an_example_names_the_cause(code):
    """What linkdoctor printed there holds the cause's code."""
    assert code in kept((FOLDER / f"{code}.md").read_text()).text


def test_no_page_is_left_of_a_cause_that_is_gone():
    """One page a cause, and the index, which is today's."""
    assert {*CAUSES, "README"} == {path.stem for path in FOLDER.glob("*.md")}
    assert index() == (FOLDER / "README.md").read_text()


def test_the_example_of_a_page_is_read_again():
    """What a page was made with is found in it."""
    example = Example("sg_drop", "FAILING\n\n  x", ("host_down", "blackhole_route"))

    assert example == kept(page("sg_drop", example))
