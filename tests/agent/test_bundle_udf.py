"""What a bundle holds, that it runs from what it holds alone, and that its statements say what the plan says."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import plan as plans
from agent.bundle import BundleError, kit, udf, wheels
from agent.bundle.archive import FOLDER
from reports.document import loads, plan_loads, plan_to_document
from reports.model import Job, Limits, Plan, Setting, Target
from reports.rows import COLUMNS, NAMES
from tests.lab.udf import place
from tests.test_kit import _python37

# Runs a function of the resource over one row as the platform does, beside a job with modules of the same names.
_JOB = """
import json, sys, types
sys.path.insert(0, ".")
odps = types.ModuleType("odps"); odps.udf = types.ModuleType("odps.udf")
odps.udf.annotate = lambda signature: lambda kind: kind
class BaseUDTF(object):
    def forward(self, *row):
        rows.append(row)
odps.udf.BaseUDTF = BaseUDTF
sys.modules.update({"odps": odps, "odps.udf": odps.udf})
own = {name: types.ModuleType(name) for name in ("agent", "attr", "dns", "reports")}
sys.modules.update(own)
before, path = dict(sys.modules), list(sys.path)

task, rows = sys.stdin.read(), []
module = __import__(sys.argv[1])
report = module.Report().evaluate(task)
module.Rows().process(task)

kept = all(sys.modules[name] is own[name] for name in own)
ours = ("agent", "probes", "reports", "attr", "attrs", "dns", "h11", "typing_extensions")
names = [name for name in sys.modules if name.partition(".")[0] in ours and name not in before]
print(json.dumps({"report": report, "rows": rows, "kept": kept, "left": names, "path": sys.path == path}))
"""


@pytest.fixture(scope="module")
def plan():
    """A plan whose only target refuses."""
    return plans.from_targets(["127.0.0.1:1"])


def test_equal_plans_give_equal_bytes(plan):
    """Built twice, a bundle is the same to the byte."""
    assert udf.build(plan) == udf.build(plan)
    assert udf.build(plan, single=True) == udf.build(plan, single=True)


def test_the_archive_holds_the_kit_and_its_libraries(plan):
    """Everything is in one private folder; no test, no server, nothing of the host's side."""
    script, archive = udf.build(plan).resources
    names = zipfile.ZipFile(io.BytesIO(archive.content)).namelist()
    inside = [name[len(FOLDER) + 1 :] for name in names]
    libraries = [name for name in inside if name.partition("/")[0] not in kit.HOUSES]

    assert all(name.startswith(f"{FOLDER}/") for name in names)
    assert list(kit.names()) == [name for name in inside if name not in libraries]
    packages = {name.partition("/")[0] for name in libraries}
    assert packages == {"attr", "attrs", "dns", "h11", "typing_extensions.py", "licenses"}
    assert ("py", "archive") == (script.type, archive.type)
    assert len(archive.content) < 2_000_000


@pytest.mark.parametrize("single", [False, True], ids=["archive", "single"])
@pytest.mark.parametrize("python", [sys.executable, _python37()], ids=["here", "cpython37"])
def test_it_runs_from_what_it_holds_alone(tmp_path, plan, python, single):
    """In a clean interpreter; the job's own modules of the same names are neither used nor lost."""
    if python is None:
        pytest.skip("no CPython 3.7: name one with LINKDOCTOR_PYTHON37")
    bundle = udf.build(plan, single=single, tag="test")
    place(bundle, tmp_path)
    done = subprocess.run(
        [python, "-I", "-S", "-c", _JOB, "linkdoctor_test"],
        input=json.dumps(plan_to_document(plan)),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (True, [], True) == (said["kept"], said["left"], said["path"])
    report = loads(said["report"])
    assert ["failing"] == [target.verdict for target in report.targets]
    rows = [dict(zip(NAMES, row, strict=True)) for row in said["rows"]]
    assert ["target", "finding", "report"] == [row["kind"] for row in rows]
    # The second function found the task done: it sent nothing more.
    assert said["report"] == "".join(row["report"] or "" for row in rows)


def test_the_annotation_is_the_columns(plan):
    """What the platform is told of the rows is what they are."""
    source = udf.build(plan).resources[0].content.decode()

    assert f'@annotate("string->{",".join(column.type for column in COLUMNS)}")' in source


def _unquoted(literal):
    """A string literal of MaxCompute SQL as its value: backslash escapes."""
    assert literal[0] == literal[-1] == "'"
    inside = literal[1:-1]
    assert not any(character in inside for character in "';$>")
    return inside.replace("\\\\", "\\")


@settings(max_examples=50)
@given(name=st.text(min_size=1), value=st.text())
def test_the_plan_survives_the_statement(name, value):
    """Quotes, semicolons, dollars and backslashes in a plan neither end the literal nor change it."""
    plan = Plan(
        name=name,
        settings=(Setting(key="x.y", value=value),),
        targets=(Target(name=value or "t", host="db.internal", port=3306),),
    )
    query = udf._query(plan, "f", 1)
    literal = query[query.index("'") : query.rindex("'") + 1]

    assert plan == plan_loads(_unquoted(literal))


def test_instances_get_their_shares():
    """Each row is a task that says which instance of how many it is for."""
    plan = Plan(name="p", job=Job(instances=40))
    query = udf._query(plan, "f", 3)
    head, tail = query.split("CONCAT(")[1].split(", n, ")
    tasks = [json.loads(_unquoted(head) + str(n) + _unquoted(tail.split(") AS task")[0])) for n in range(3)]

    assert [{"index": n, "of": 3} for n in range(3)] == [task.pop("share") for task in tasks]
    assert [plan_to_document(plan)] * 3 == tasks
    assert "3" == udf.build(plan, instances=3).settings["odps.stage.reducer.num"]


def test_the_session_s_flags_come_from_the_plan(plan):
    """The access list and the link are the plan's own; what else it declares stays out of the statement."""
    declared = {
        "odps.internet.access.list": "www.aliyun.com:80,restapi.amap.com:443;",
        "ODPS.session.networklink": "testLink",
        "spark.hadoop.odps.access.id": "somebody",
    }
    chosen = evolve(plan, settings=tuple(Setting(key=key, value=value) for key, value in declared.items()))
    found = udf.build(chosen).settings

    assert "www.aliyun.com:80,restapi.amap.com:443" == found["odps.internet.access.list"]
    assert {"odps.sql.executionengine.batch.rowcount": "1", "odps.function.timeout": "120"}.items() <= found.items()
    assert not [key for key in found if "spark" in key]


def test_a_setting_that_would_end_the_statement_is_refused(plan):
    """Nothing of a plan becomes a statement of its own."""
    setting = Setting(key="odps.session.networklink", value="x; drop table t")
    with pytest.raises(BundleError) as caught:
        udf.build(evolve(plan, settings=(setting,)))

    assert "cannot stand in a statement" in str(caught.value)


def test_a_run_longer_than_a_function_may_take_is_refused(plan):
    """The deadline and a margin must fit into the platform's time-out."""
    with pytest.raises(BundleError) as caught:
        udf.build(evolve(plan, limits=Limits(deadline=3600.0)))

    assert str(caught.value).startswith("limits.deadline: ")


def test_nothing_that_exists_is_replaced(tmp_path, plan):
    """The same bundle may be written again; another file of the same name stays."""
    bundle = udf.build(plan, single=True)
    written = udf.write(bundle, tmp_path)
    assert written == udf.write(bundle, tmp_path)
    written[0].write_text("mine")
    with pytest.raises(BundleError):
        udf.write(bundle, tmp_path)

    assert "mine" == written[0].read_text()


def test_the_script_drops_what_it_creates(plan):
    """Every resource and function that is added is dropped."""
    bundle = udf.build(plan)
    script = udf.script(bundle)
    for resource in bundle.resources:
        assert f"add {resource.type} {resource.name};" in script
        assert f"drop resource {resource.name};" in script
    for function in bundle.functions:
        assert f"create function {function.name} as " in script
        assert f"drop function {function.name};" in script


def test_a_library_that_is_not_the_released_one_is_refused(tmp_path):
    """A folder of wheels is held to the hashes."""
    for library in wheels.LIBRARIES:
        Path(tmp_path, library.wheel).write_bytes(b"something else")
    with pytest.raises(wheels.WheelsError) as caught:
        wheels.files(tmp_path)

    assert "not what was released as attrs 24.2.0" in str(caught.value)


def test_the_page_shows_what_the_worked_example_gives():
    """docs/udf.md holds the statements that deploy/udf/plan.yaml makes; only the query is cut."""
    bundle = udf.build(plans.load(str(kit.ROOT / "deploy" / "udf" / "plan.yaml")), tag="TAG")
    page = (kit.ROOT / "docs" / "udf.md").read_text()
    shown = page.partition("```sql\n")[2].partition("```")[0]

    def statements(script):
        return [line for line in script.splitlines() if not line.startswith(("SELECT ", "FROM "))]

    assert statements(udf.script(bundle)) == statements(shown)
