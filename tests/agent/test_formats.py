"""``--format``: every command that prints a report knows them all, and the exit code is the verdict's in each."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from agent.cli import options
from agent.formats import FORMATS
from reports.document import dumps
from tests.reports import samples
from tests.reports.test_comparison import VPC_HOST, fine, nightly

LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"

# How each begins, of a report that fails.
_BEGINS = {
    "text": "nightly-etl   from a UDF",
    "json": "{",
    "markdown": "## ✗ nightly-etl, FAILING",
    "html": '<!doctype html>\n<html lang="en">',
    "junit": '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>',
    "nagios": "LINKDOCTOR CRITICAL - nightly-etl: ",
}


def run(*arguments, cwd=None, **environment):
    """The command with these arguments, and this environment alone."""
    return subprocess.run(
        [LINKDOCTOR, *arguments],
        capture_output=True,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], **environment},
        timeout=60,
        check=False,
    )


def test_the_command_line_knows_them_all():
    """The names stand twice, because a start must not load what it does not need."""
    assert tuple(FORMATS) == options.FORMATS == tuple(_BEGINS)


@pytest.mark.parametrize("style", FORMATS)
def test_a_saved_report(style, tmp_path):
    """It is told again in each, on stdout or in a file, and the exit code says how it is."""
    (tmp_path / "saved.json").write_text(dumps(samples.nightly()))
    done = run("diagnose", "saved.json", "--format", style, cwd=tmp_path)
    filed = run("diagnose", "saved.json", "--format", style, "--output", "out", cwd=tmp_path)

    assert (done.returncode, filed.returncode) == (2, 2)
    assert (done.stderr, filed.stdout) == (b"", b"")
    assert done.stdout.decode().startswith(_BEGINS[style])
    assert (tmp_path / "out").read_bytes() == done.stdout


@pytest.mark.parametrize("style", FORMATS)
def test_a_check(style):
    """What is measured now, in each; nothing but the document on stdout."""
    done = run("check", "127.0.0.1:1", "--format", style)

    assert done.returncode == 2
    assert done.stderr == b""
    assert b"service_not_listening" in done.stdout


def test_settings_alone(tmp_path):
    """Lint in a pipeline: the target that the access list lacks fails, and nothing was sent."""
    (tmp_path / "plan.yaml").write_text(
        "name: job\nruntime: udf\nsettings: {odps.internet.access.list: 'www.aliyun.com:80'}\n"
        "targets: [{name: it, address: 'https://www.aliyun.com/', via: internet}]\n"
    )
    done = run("lint", "plan.yaml", "--format", "junit", cwd=tmp_path)
    (case,) = ET.fromstring(done.stdout).iter("testcase")  # noqa: S314 - our own

    assert done.returncode == 2
    assert case.get("name") == "it"
    assert case.find("failure").get("type") == "access_list_missing_port"


def test_before_and_after(tmp_path):
    """In Markdown, too, a second check shows what became of what was broken."""
    run("check", "127.0.0.1:1", "--format", "json", "--output", "before.json", cwd=tmp_path)
    done = run("check", "--again", "before.json", "--format", "markdown", cwd=tmp_path)

    assert "| still broken | 127.0.0.1:1 |" in done.stdout.decode()


def test_a_comparison(tmp_path):
    """In Markdown and HTML as well; not as what only a single report can be."""
    for name, report in (("job", nightly(1)), ("host", fine(2, vantage=VPC_HOST))):
        (tmp_path / f"{name}.json").write_text(dumps(report))
    done = run("compare", "job.json", "host.json", "--format", "markdown", cwd=tmp_path)
    page = run("compare", "job.json", "host.json", "--format", "html", cwd=tmp_path)
    refused = run("compare", "job.json", "host.json", "--format", "nagios", cwd=tmp_path)

    assert done.returncode == 2
    assert done.stdout.decode().startswith("## ✗ nightly-etl, FAILING from 2 vantage points")
    assert page.returncode == 2
    assert b"FAILING from 2 vantage points" in page.stdout
    assert refused.returncode == 3
    assert b"'nagios' is not one of 'text', 'json', 'markdown', 'html'" in refused.stderr


@pytest.mark.parametrize("style", FORMATS)
def test_a_stream_that_knows_ascii_alone(style, tmp_path):
    """What cannot be encoded stands as an escape, and XML says it in its own way."""
    report = samples.nightly()
    (tmp_path / "saved.json").write_text(dumps(report).replace("nightly-etl", "n\\u00e4chtlich"))
    done = run("diagnose", "saved.json", "--format", style, cwd=tmp_path, PYTHONIOENCODING="ascii")

    assert done.returncode == 2
    assert done.stderr == b""
    told = {"junit": b"n&#228;chtlich", "html": b"n&#228;chtlich", "json": b"n\\u00e4chtlich"}
    assert told.get(style, b"n\\xe4chtlich") in done.stdout
