import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports import model
from reports.document import (
    DocumentError,
    dumps,
    loads,
    plan_dumps,
    plan_loads,
    to_document,
)
from reports.failures import Failure
from reports.redact import redact
from reports.services import SERVICES
from tests.reports import samples, strategies

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "reports" / "report.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

slow_to_draw = settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=60)


@slow_to_draw
@given(strategies.reports)
def test_any_report_survives(report):
    """What was written is what is read."""
    read = loads(dumps(report))

    assert report == read


@slow_to_draw
@given(strategies.plans)
def test_any_plan_survives(plan):
    """A plan in its canonical form is the same plan, and the form does not change any more."""
    text = plan_dumps(plan)
    read = plan_loads(text)

    assert (plan, text) == (read, plan_dumps(read))


@pytest.mark.parametrize("name", samples.ALL)
def test_realistic_reports_survive(name):
    """Hostile text, thousands of targets and partial runs included; in one line or in many."""
    report = samples.ALL[name]()
    read = loads(dumps(report)), loads(dumps(report, lines=True).encode(), "report.json")

    assert (report, report) == read


@pytest.mark.parametrize("name", samples.ALL)
def test_documents_keep_the_published_schema(name):
    """What is written validates against the schema in the wheel, redacted or not."""
    report = samples.ALL[name]()
    documents = [to_document(report), to_document(redact(report))]

    assert [list(VALIDATOR.iter_errors(document)) for document in documents] == [[], []]


def test_keys_stand_in_the_documented_order():
    """A reader finds the run and the verdict before ten thousand observations."""
    document = to_document(samples.nightly())

    assert list(document) == ["schema", "run", "vantage", "verdict", "targets", "findings", "cleared", "observations"]
    assert list(document["observations"][0]) == [
        "id",
        "probe",
        "target",
        "address",
        "step",
        "failure",
        "started",
        "duration_s",
        "facts",
    ]


def _described(schema):
    """Every object that the schema describes: its keys, in order."""
    definitions = SCHEMA["$defs"]
    if "$ref" in schema:
        return _described(definitions[schema["$ref"].rsplit("/", 1)[1]])
    if "anyOf" in schema:
        return _described(schema["anyOf"][0])
    if "properties" in schema:
        return {key: _described(value) for key, value in schema["properties"].items()}
    return _described(schema["items"]) if "items" in schema else None


def _written(value):
    if isinstance(value, list):
        return _written(value[0]) if value else None
    return {key: _written(item) for key, item in value.items()} if isinstance(value, dict) else None


def test_the_schema_describes_every_key_that_is_written():
    """Neither a class nor the schema can gain a key alone."""
    tls = model.TlsExpectation()
    plan = samples.NIGHTLY_PLAN
    full = evolve(plan.targets[0], tls=tls, saturate=model.Saturate(connections=1), measure=("loss",))
    phases = (model.Phase(name="look", duration_s=1.0),)
    report = evolve(samples.nightly(), vantage=model.Vantage())
    report = evolve(report, run=evolve(report.run, plan=evolve(plan, targets=(full,)), phases=phases))
    report = evolve(report, observations=(model.Observation(probe="p", step="s"),))
    written = _written(to_document(report))
    described = _described(SCHEMA)
    open_ended = [("vantage", "labels"), ("vantage", "capabilities"), ("observations", "facts")]
    for noun, key in open_ended:
        described[noun].pop(key)

    assert [{}, {}, {}] == [written[noun].pop(key) for noun, key in open_ended]
    assert described == written


@pytest.mark.parametrize(
    ("definition", "key", "words"),
    [
        ("observation", "failure", [*(failure.value for failure in Failure), None]),
        ("finding", "severity", list(model.SEVERITIES)),
        ("remedy", "owner", list(model.OWNERS)),
        ("plan", "runtime", [*model.RUNTIMES, None]),
        ("target", "via", list(model.WAYS)),
        ("target", "service", list(SERVICES)),
    ],
)
def test_the_schema_lists_the_closed_words(definition, key, words):
    """A new failure or service stands in the schema too."""
    assert words == SCHEMA["$defs"][definition]["properties"][key]["enum"]


def test_the_documentation_s_example_is_a_report():
    """docs/report.md shows what is written, and nothing else."""
    [example] = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "report.md").read_text(), re.DOTALL)

    assert json.loads(example) == to_document(loads(example))
    assert list(VALIDATOR.iter_errors(json.loads(example))) == []


def test_text_is_ascii():
    """No terminal can be moved by a document, and no stream fails to encode it: lone surrogates included."""
    report = samples.hostile()
    report = evolve(report, vantage=evolve(report.vantage, host="\udc80\u202e\x1b"))
    text = dumps(report)

    assert text.isascii()
    assert text.isprintable()
    assert report == loads(text)


def test_unknown_keys_are_ignored_and_absent_ones_take_their_default():
    """Reports of a later linkdoctor under the same schema number can be read, and so can those of an earlier one."""
    report = samples.nightly()
    document = to_document(report)
    document["later"] = {"anything": 1}
    document["findings"][0]["later"] = None
    del document["findings"][0]["surer"]
    expected = evolve(report, findings=(evolve(report.findings[0], surer=""),))

    assert expected == loads(json.dumps(document))


def test_what_json_lacks_is_not_written():
    """NaN would make a document that nobody else can read."""
    report = samples.nightly()
    report = evolve(report, run=evolve(report.run, duration_s=float("nan")))

    with pytest.raises(ValueError, match="JSON compliant"):
        dumps(report)


MINIMAL = {
    "schema": "linkdoctor/report/1",
    "run": {
        "id": "r-1",
        "started": "2026-11-24T08:00:00Z",
        "duration_s": 3,
        "linkdoctor": "0.1.0",
        "plan": {"name": "p", "targets": [{"name": "a", "host": "h", "port": 80}]},
    },
    "vantage": {},
    "verdict": "healthy",
    "observations": [{"probe": "tcp", "step": "connect"}],
}


def test_the_least_that_can_be_read():
    """Only what has no default must be there; a whole number is a number, a time may lack the fraction."""
    report = loads(json.dumps(MINIMAL))

    assert (report.run.plan.name, report.run.started, report.run.duration_s) == ("p", 1795507200.0, 3.0)


def _with(path, value):
    document = json.loads(json.dumps(MINIMAL))
    *way, last = path
    place = document
    for key in way:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(document)


TARGET = ("run", "plan", "targets", 0)
SEEN = ("observations", 0)


ONE = "one JSON document"
SHORT = "it ends in the middle: the text was cut short"
OURS = "linkdoctor/report/1"
WHOLE = "a whole number"
FINITE = "a finite number"
TIME = "a time such as 2026-11-24T08:00:00.123456Z"
SCALAR = "text, a finite number, true or false"
PORT = "run.plan.targets[0].port"
ESCAPED = r'"\u001b[2J\u001b[2J\u001b[2J\u001b[2J\u001b[2J\u001b[2J\u...'


@pytest.mark.parametrize(
    ("text", "problem", "allowed"),
    [
        ("", "this is empty", ONE),
        (" \n", "this is empty", ONE),
        (b"\xff\xfe", "this is not text", "JSON in UTF-8"),
        ('{"schema": "linkd', f"1:12: {SHORT}", ONE),
        ('{"schema":\n', f"2:1: {SHORT}", ONE),
        ("{'schema': 1}", "1:2: not JSON: Expecting property name enclosed in double quotes", ONE),
        ("{} {}", "1:4: not JSON: Extra data", ONE),
        ("[" * 100_000, "a number too long, or a nesting too deep, to be ours", ONE),
        ("[]", "schema: this is no report of linkdoctor", OURS),
        ('{"schema": 1}', "schema: this is no report of linkdoctor", OURS),
        ('{"schema": "linkdoctor/report/2"}', 'schema: "linkdoctor/report/2" was written by another linkdoctor', OURS),
        (_with(["run"], ...), "run: this key is missing", ""),
        (_with([*TARGET, "host"], ...), "run.plan.targets[0].host: this key is missing", ""),
        (_with(["run"], []), "run: [] is not allowed", "an object"),
        (_with(["observations"], {}), "observations: {} is not allowed", "an array"),
        (_with([*TARGET, "port"], "80"), f'{PORT}: "80" is not allowed', WHOLE),
        (_with([*TARGET, "port"], True), f"{PORT}: true is not allowed", WHOLE),
        (_with([*TARGET, "port"], 80.0), f"{PORT}: 80.0 is not allowed", WHOLE),
        (_with([*TARGET, "port"], 65536), f"{PORT}: 65536 is not allowed", "1 to 65535"),
        (_with([*TARGET, "via"], "air"), 'run.plan.targets[0].via: "air" is not allowed', ", ".join(model.WAYS)),
        (_with([*TARGET, "name"], None), "run.plan.targets[0].name: null is not allowed", "text"),
        (_with(["verdict"], "fine"), 'verdict: "fine" is not allowed', ", ".join(model.VERDICTS)),
        (_with(["run", "partial"], 0), "run.partial: 0 is not allowed", "true or false"),
        (_with(["run", "duration_s"], True), "run.duration_s: true is not allowed", FINITE),
        (_with(["run", "duration_s"], float("inf")), "run.duration_s: Infinity is not allowed", FINITE),
        (_with(["run", "started"], "2026-02-30T00:00:00Z"), 'run.started: "2026-02-30T00:00:00Z" is not allowed', TIME),
        (_with(["run", "started"], 1795507200), "run.started: 1795507200 is not allowed", TIME),
        (
            _with([*SEEN, "failure"], "gremlins"),
            'observations[0].failure: "gremlins" is not allowed',
            "a failure that this version knows",
        ),
        (_with([*SEEN, "facts"], {"a b": None}), 'observations[0].facts["a b"]: null is not allowed', SCALAR),
        (
            _with([*SEEN, "facts"], {"\x1b[2J" * 50: []}),
            f"observations[0].facts[{ESCAPED}]: [] is not allowed",
            SCALAR,
        ),
    ],
)
def test_what_is_no_report_is_refused(text, problem, allowed):
    """Each mistake is named: the file, the place, what is wrong, what is allowed. Nothing is coerced."""
    expected = f"r.json: {problem}; allowed: {allowed}" if allowed else f"r.json: {problem}"

    with pytest.raises(DocumentError) as raised:
        loads(text, "r.json")

    assert expected == str(raised.value)


@given(st.text() | st.binary())
def test_no_text_raises_anything_else(text):
    """There is one error."""
    with pytest.raises(DocumentError):
        loads(text)


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_no_damage_raises_anything_else(data):
    """A report with any part replaced by anything is read, or refused with the one error."""
    document = to_document(samples.nightly())
    place, key = {"": document}, ""
    while isinstance(place[key], dict | list) and place[key] and data.draw(st.integers(0, 4)):
        place = place[key]
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
    anything = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3)
    place[key] = data.draw(anything)

    try:
        loads(json.dumps(document))
    except DocumentError as error:
        assert error.path  # noqa: PT017 -- being read is as good


def test_reading_and_writing_needs_little():
    """The kit, and `--format json`, pay for no terminal library and no converter."""
    code = "import sys, reports.document; print(sorted({'rich', 'asyncio', 'ssl'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert out.stdout == "[]\n"
