"""Reports as JUnit XML: valid, and what a pipeline makes of them."""

import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve
from hypothesis import given, settings

from reports.model import Share
from reports.render import junit
from tests.reports import samples, strategies
from tests.reports.building import seen
from tests.tls_servers import program

_SCHEMA = Path(__file__).with_name("junit.xsd")


def valid(text):
    """The document, once xmllint has found it valid by the schema."""
    done = subprocess.run(
        [program("xmllint"), "--noout", "--schema", _SCHEMA, "-"],
        input=text.encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr.decode()
    return ET.fromstring(text.encode())  # noqa: S314 - our own


def cases(text):
    """The testcases by name."""
    return {case.get("name"): case for case in valid(text).iter("testcase")}


def test_a_testcase_a_target():
    """What works passes; what fails says its cause, its evidence and what to change."""
    found = cases(junit.render([samples.nightly()]))
    (failure,) = found["metastore"]

    assert list(found) == ["metastore", "namenode", "datanode1", "datanode2", "datanode3", "oss"]
    assert failure.tag == "failure"
    assert failure.get("type") == "sg_drop"
    assert failure.get("message") == "the destination's security group drops this source silently"
    assert "evidence: 3 SYNs to 10.10.2.30:9083 in 3.0 s, no answer of any kind" in failure.text.splitlines()
    assert "paste: protocol TCP, port 9083/9083, source 10.10.1.0/24, policy accept, direction ingress" in failure.text
    assert [len(case) for name, case in found.items() if name != "metastore"] == [0] * 5
    assert found["oss"].get("time") == "0.012"


def test_the_counts():
    """A suite counts its failures, its errors and what was skipped."""
    suite = valid(junit.render([samples.scattered(12)])).find("testsuite")

    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "12",
        "failures": "4",
        "errors": "4",
        "skipped": "0",
    }
    assert suite.get("timestamp") == "2026-11-24T08:00:00"


def test_undetermined_is_an_error():
    """What could not be found out is no failure of the target, and no success."""
    found = cases(junit.render([samples.scattered(3)]))
    (error,) = found["10.30.0.3:7000"]

    assert error.tag == "error"
    assert error.get("message") == "not settled; the run was cut short"


def test_a_warning_passes():
    """It stands in the suite's output: a testcase has no third state."""
    text = junit.render([samples.no_eni(2)])
    output = valid(text).find("testsuite/system-out").text

    assert len(cases(text)["https://restapi.amap.com/v3"]) == 0
    assert "https://restapi.amap.com/v3: the first name server is dead" in output


def test_an_instance_that_sent_nothing_is_skipped():
    """Its share of the budget was nothing: nobody is to blame, and nothing is known."""
    report = samples.healthy()
    run = evolve(report.run, share=Share(index=7, of=600))
    share = seen("local", "share", None, None, probes=False, short_of="rate", index=7, of=600)
    found = cases(junit.render([evolve(report, run=run, observations=(*report.observations, share))]))

    assert {case[0].tag for case in found.values()} == {"skipped"}
    assert "instance 8 of 600 sent nothing" in found["oss"][0].get("message")


def test_what_is_wrong_with_no_target_in_particular():
    """Settings without targets: a testcase of its own."""
    finding = evolve(samples.nightly().findings[0], cause="access_list_malformed", layer="config", targets=())
    report = evolve(samples.healthy(), findings=(finding,), verdict="failing")
    found = cases(junit.render([report]))

    assert found["the job's settings"][0].get("type") == "access_list_malformed"


@pytest.mark.parametrize("name", samples.ALL)
def test_valid(name):
    """By the schema, whatever the text from outside."""
    valid(junit.render([samples.ALL[name]()]))


def test_several_reports_are_one_document():
    """A suite each, numbered."""
    root = valid(junit.render([make() for make in samples.ALL.values()]))

    assert [suite.get("id") for suite in root] == [str(number) for number in range(len(samples.ALL))]


@given(strategies.reports)
@settings(max_examples=30, deadline=None)
def test_any_report(report):
    """Any report gives a valid document: controls, surrogates and empty names among them."""
    valid(junit.render([report, report]))
