"""What `history` and `diff` write for others: their JSON keeps its published schema, and redacted it names nobody."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from attrs import evolve

from agent.store import NAME, Store
from reports.differences.model import FATES, LIKELIHOODS
from reports.history import LETTERS
from reports.model import FAILING, HEALTHY, VERDICTS
from tests.agent import history_example
from tests.agent.store.runs import AT, report
from tests.agent.test_history import linkdoctor

REPORTS = Path(__file__).resolve().parents[2] / "reports"
SCHEMAS = {
    "history": json.loads((REPORTS / "history.schema.json").read_text()),
    "diff": json.loads((REPORTS / "differences" / "changes.schema.json").read_text()),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A month of a plan whose metastore broke in the end."""
    path = tmp_path_factory.mktemp("shared")
    history_example.make(path / "state")
    return path


def told(folder, command, *options):
    """What a command writes."""
    return json.loads(linkdoctor(command, "--state", "state", "--format", "json", *options, cwd=folder, code=2))


@pytest.mark.parametrize("options", [(), ("--redact",)])
@pytest.mark.parametrize("command", list(SCHEMAS))
def test_it_keeps_the_published_schema(folder, command, options):
    """What is written validates, redacted or not, and the schema knows every key of it, in its order."""
    schema, document = SCHEMAS[command], told(folder, command, *options)
    jsonschema.Draft202012Validator(schema).validate(document)
    here = {name: [] for name in schema["$defs"]}
    _gather(schema, schema, document, here)

    for name, values in here.items():
        described = schema["$defs"][name]
        assert list(described.get("properties", ())) == described.get("required", []), name
        for value in values:
            assert list(value) == described["required"], name
    seen = {name for name, values in here.items() if values}
    assert seen == {name for name, one in schema["$defs"].items() if "required" in one}


def _gather(root, schema, value, found):
    """Of each definition the objects that are written by it."""
    name = schema.get("$ref", "").rpartition("/")[2]
    described = root["$defs"][name] if name else schema
    if name and isinstance(value, dict):
        found[name].append(value)
    for key, inner in described.get("properties", {}).items() if isinstance(value, dict) else ():
        _gather(root, inner, value[key], found)
    for item in value if isinstance(value, list) else ():
        _gather(root, described["items"], item, found)


def test_words_of_closed_lists():
    """The schemas have those of the code."""
    for schema in SCHEMAS.values():
        assert set(schema["$defs"]["verdict"]["enum"]) == set(VERDICTS)
    changes = SCHEMAS["diff"]["$defs"]
    assert changes["moved"]["properties"]["fate"]["enum"] == list(FATES)
    assert changes["difference"]["properties"]["likelihood"]["enum"] == list(LIKELIHOODS)
    assert re.fullmatch(SCHEMAS["history"]["$defs"]["strip"]["properties"]["cells"]["pattern"], LETTERS)


def test_a_redacted_history_names_nobody(folder):
    """No host, no address, no folder, no id that came of names; runs and their changes still belong together."""
    plain, bare = told(folder, "history")["plans"][0], told(folder, "history", "--redact")["plans"][0]
    text = json.dumps(bare)

    assert "emr-header" not in text
    assert re.findall(r"\d+\.\d+\.\d+\.\d+", text) == []
    assert plain["runs"][0]["host"] not in text
    assert not {run["id"] for run in plain["runs"]} & {run["id"] for run in bare["runs"]}
    assert bare["kept_in"] == "history.db"
    assert len({run["id"] for run in bare["runs"]}) == len(plain["runs"])
    (event,) = bare["events"]
    assert event["run"] in {run["id"] for run in bare["runs"] if run["started"] == event["at"]}
    assert {row["target"] for row in bare["strips"]["rows"]} == {one["target"] for one in bare["standing"]}
    assert (event["before"], event["after"]) == ("healthy", "failing")


def test_redacted_changes_name_nobody(folder):
    """Neither does the place of a run."""
    plain, bare = told(folder, "diff"), told(folder, "diff", "--redact")
    host = plain["before"]["place"].split()[-1]

    assert host in json.dumps(plain)
    assert host not in json.dumps(bare)
    assert bare["before"]["place"] == bare["after"]["place"] != plain["before"]["place"]
    assert "emr-header" not in json.dumps(bare)


def test_targets_that_are_called_by_their_address(tmp_path):
    """Of one that left the plan its name alone is known: that names a host, too."""
    names = ("emr-header-1:9083", "https://www.secret.example/path")
    with Store.open(tmp_path / "state" / NAME, tell=pytest.fail) as store:
        store.keep(report({names[0]: HEALTHY, names[1]: HEALTHY}, started=AT))
        broken = report({names[0]: FAILING, names[1]: HEALTHY}, started=AT + 60)
        store.keep(evolve(broken, vantage=evolve(broken.vantage, host="healthy")))
        store.keep(report({"mysql": FAILING}, started=AT + 120))
    text = linkdoctor("history", "--state", "state", "--redact", cwd=tmp_path, code=2)
    (plan,) = told(tmp_path, "history", "--redact")["plans"]

    assert "emr-header" not in text
    assert "secret" not in text
    assert "state" not in text.replace("--state DIR", "")
    assert [(one["before"], one["after"]) for one in plan["events"]] == [("healthy", "failing")]
    assert {run["verdict"] for run in plan["runs"]} == {"healthy", "failing"}
