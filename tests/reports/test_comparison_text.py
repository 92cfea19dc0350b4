"""The comparison as a person reads it."""

import io

import pytest
from attrs import evolve

from reports.comparison import Merge
from reports.render.comparison import render
from reports.render.text import open_console
from tests.reports import samples
from tests.reports.test_comparison import VPC_HOST, compared, fine, nightly


def printed(comparison, width=100):
    """What is printed at this width, without colour."""
    file = io.StringIO()
    render(comparison, open_console(file, width))
    return file.getvalue()


def test_the_verdict_then_the_matrix_then_the_findings():
    """A line a target that differs, those alike together, a letter a vantage point, and the blocks of a report."""
    text = printed(compared(nightly(1), nightly(2), fine(3, vantage=VPC_HOST)))

    assert text.startswith("nightly-etl   from 3 vantage points")
    assert "FAILING: 1 of 6 targets" in text.splitlines()[0]
    assert ["metastore", "✗", "connect", "✓"] in [line.split() for line in text.splitlines()]
    assert "A  UDF on a1b2c3d4e5f6 (10.10.1.10) and 1 more, the job, vSwitch 10.10.1.0/24" in text
    assert "B  host jump-1 (10.10.1.50), in the VPC, vSwitch 10.10.1.0/24" in text
    assert text.index("✗ connect") < text.index("A  UDF") < text.index("    Cause ")
    assert "it works from host jump-1 (10.10.1.50), in the same vSwitch (10.10.1.0/24)" in " ".join(text.split())


def test_healthy():
    """Where nothing is wrong there is the matrix alone."""
    text = printed(compared(fine(1), fine(3, vantage=VPC_HOST)))

    assert "HEALTHY: 6 targets" in text
    assert "Cause" not in text


@pytest.mark.parametrize("width", [24, 40, 60, 80])
def test_narrow(width):
    """The matrix is parted where it is too wide, and no line of it is longer than the terminal."""
    reports = [nightly(1), fine(2), fine(3, vantage=VPC_HOST), nightly(4, vantage=VPC_HOST)]
    text = printed(compared(*reports), width)
    matrix = text.split("\n\n")[1]

    assert all(len(line) <= width for line in matrix.splitlines())
    for letter in "ABCD":
        assert letter in matrix


def test_many_patterns_are_bounded():
    """Hundreds of different rows: the first ones, and how many more there are."""
    merge = Merge()
    for number in range(60):
        report = nightly(number) if number % 2 else fine(number)
        merge.add(evolve(report, vantage=evolve(report.vantage, kind=f"kind-{number}")))
    text = printed(merge.conclude())

    assert "and 34 vantage points more, of 34 other patterns" in text


def test_text_from_outside_is_shown_as_text():
    """What a host is called can neither move the cursor nor style the page."""
    vantage = evolve(VPC_HOST, host=samples.HOSTILE)
    text = printed(compared(nightly(1), fine(2, vantage=vantage)))

    assert "\x1b" not in text
    assert "\\x1b[2J" in text
    assert "[bold red]evil[/]" in text


def test_what_was_left_out_is_said():
    """Repeated runs and reports that probed nothing."""
    text = printed(compared(nightly(1), nightly(1), fine(2, vantage=VPC_HOST), nightly(3, observations=())))

    assert "Left out    1 report of a run that was read already" in text
    assert "1 report that probed nothing" in text
