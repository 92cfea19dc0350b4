"""`linkdoctor compare` as a user runs it, and the reading of reports one at a time."""

import io
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent import compare
from reports.comparison import loads
from reports.document import DocumentError, dumps
from reports.model import Report
from tests.reports.test_comparison import VPC_HOST, fine, nightly

LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"
UDF, HOST = nightly(1), fine(2, vantage=VPC_HOST)


def run(*arguments, stdin="", **environment):
    """The command, with this environment alone."""
    return subprocess.run(
        [LINKDOCTOR, "compare", *arguments],
        capture_output=True,
        text=True,
        input=stdin,
        env={"PATH": os.environ["PATH"], **environment},
        timeout=60,
        check=False,
    )


@pytest.fixture
def files(tmp_path):
    """A UDF's report and a host's."""
    names = []
    for name, report in (("udf.json", UDF), ("host.json", HOST)):
        (tmp_path / name).write_text(dumps(report, lines=True))
        names.append(str(tmp_path / name))
    return names


def test_two_reports(files):
    """The verdict first, the matrix, the finding; the exit code is the verdict's."""
    done = run(*files)

    assert done.returncode == 2
    assert done.stderr == ""
    assert "FAILING: 1 of 6 targets" in done.stdout.splitlines()[0]
    assert "in the same vSwitch" in done.stdout


def test_healthy(tmp_path):
    """Exit code 0."""
    (tmp_path / "both.json").write_text("\n".join(dumps(report) for report in (fine(1), HOST)))

    assert run(str(tmp_path / "both.json")).returncode == 0


def test_json_to_a_file(files, tmp_path):
    """One document, whole."""
    output = tmp_path / "comparison.json"
    done = run(*files, "--format", "json", "--output", str(output))

    assert (2, "", "") == (done.returncode, done.stdout, done.stderr)
    assert loads(output.read_text()).counts.reports == 2


def test_standard_input(files):
    """``-``, with a report a line."""
    done = run("-", files[1], stdin=dumps(UDF) + "\n")

    assert done.returncode == 2


def test_redacted(files):
    """Neither addresses nor host names."""
    done = run(*files, "--redact")

    assert done.returncode == 2
    assert "10.10." not in done.stdout
    assert "jump-1" not in done.stdout
    assert "private-" in done.stdout


def test_no_colour(files):
    """NO_COLOR holds even where colour is forced."""
    assert "\x1b[" in run(*files, FORCE_COLOR="1").stdout
    assert "\x1b[3" not in run(*files, FORCE_COLOR="1", NO_COLOR="1").stdout


def test_what_is_no_report_is_said_and_left_out(files, tmp_path):
    """The readable ones are compared; each other one is named with its reason."""
    (tmp_path / "plan.yaml").write_text("targets: [a:1]\n")
    (tmp_path / "cut.json").write_text(dumps(UDF)[:1000])
    done = run(*files, str(tmp_path / "plan.yaml"), str(tmp_path / "cut.json"), str(tmp_path / "none.json"))

    assert done.returncode == 2
    assert [line.partition(": /")[0] for line in done.stderr.splitlines()] == ["not read"] * 3
    assert "plan.yaml: 1:1: not JSON" in done.stderr
    assert ": it ends in the middle: the text was cut short" in done.stderr
    assert "none.json: cannot be read: No such file or directory" in done.stderr


def test_many_unreadable_ones_are_counted(files, tmp_path):
    """Ten are named, the others counted."""
    (tmp_path / "rows.jsonl").write_text("{}\n" * 25)
    done = run(*files, str(tmp_path / "rows.jsonl"))

    assert len(done.stderr.splitlines()) == 11
    assert done.stderr.splitlines()[-1] == "not read: 15 more"


def test_one_report_is_no_comparison(files):
    """Too few vantage points: exit code 3, and why."""
    for arguments in ([files[0]], [files[0], files[0]]):
        done = run(*arguments)

        assert done.returncode == 3
        assert "Error: 1 vantage point to compare" in done.stderr


def test_no_common_target(files, tmp_path):
    """Exit code 3, and what makes targets the same."""
    document = json.loads(dumps(HOST))
    for target in document["run"]["plan"]["targets"]:
        target["port"] = 1
    (tmp_path / "other.json").write_text(json.dumps(document))
    done = run(files[0], str(tmp_path / "other.json"))

    assert done.returncode == 3
    assert "have no target in common" in done.stderr


def read(text):
    """What reports_of finds in a text: run ids, and errors as words."""
    return [
        one.run.id if isinstance(one, Report) else str(one) for one in compare.reports_of(io.StringIO(text), "x.json")
    ]


_ANY_LAYOUT = ("{0}", "\n\n{0}\n", "[{0}]", "[{0},\n{1}]", " [\n {0} , {1} ]\n", "[]")
_A_LINE_EACH = ("{0}\n{1}\n", "{0}\n\n{1}")


@pytest.mark.parametrize(
    ("form", "lines"),
    [*((form, lines) for form in _ANY_LAYOUT for lines in (False, True)), *((form, False) for form in _A_LINE_EACH)],
)
def test_forms(form, lines):
    """A report, an array, a report a line: whichever spaces stand between."""
    text = form.replace("{0}", dumps(UDF, lines)).replace("{1}", dumps(HOST, lines))

    expected = ["r-1"] * ("{0}" in form) + ["r-2"] * ("{1}" in form)
    assert expected == read(text)


def test_an_array_is_read_as_it_comes(monkeypatch):
    """However small the pieces are in which it is read."""
    monkeypatch.setattr(compare, "_CHUNK", 7)
    text = "[" + ",".join(dumps(report) for report in (UDF, HOST)) + "]"

    assert read("[\n" + text[1:]) == ["r-1", "r-2"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[{0}, {", "report 2: it ends in the middle"),
        ("[{0}, 1]", "report 2: schema: this is no report of linkdoctor"),
        ("{0}\n{\n{0}\n", "line 2: 2:1: it ends in the middle"),
        ('{0}\n{"schema": "linkdoctor/report/1"}\n', "line 2: run: this key is missing"),
    ],
)
def test_what_is_broken_costs_nothing_else(text, words):
    """What stands before it is kept, and in lines what stands behind it too."""
    found = read(text.replace("{0}", dumps(UDF)))

    assert found[0] == "r-1"
    assert words in found[1]


def test_nothing_is_held():
    """Reports are given one at a time: an endless stream is read as it comes."""

    class Endless(io.StringIO):
        def readline(self, size=-1):
            return dumps(UDF) + "\n"

    found = itertools.islice(compare.reports_of(Endless(), "stream"), 3)

    assert [one.run.id for one in found] == ["r-1"] * 3


def test_bytes_that_are_no_text(tmp_path):
    """They are refused like any other file that is no report."""
    (tmp_path / "x.json").write_bytes(b"\xff\xfe{}")

    [error] = compare.reports_in([str(tmp_path / "x.json")])

    assert isinstance(error, DocumentError)
    assert "this is not text" in str(error)


def test_a_saved_comparison_is_printed_again(files, tmp_path):
    """What a driver, or an earlier run, has written reads as if it had just been made."""
    saved = tmp_path / "comparison.json"
    assert run(*files, "--format", "json", "--output", str(saved)).returncode == 2

    again = run(str(saved))
    assert (2, run(*files).stdout) == (again.returncode, again.stdout)
    assert "--redact needs the reports" in run(str(saved), "--redact").stderr
