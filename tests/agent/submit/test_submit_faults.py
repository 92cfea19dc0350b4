"""Whatever goes wrong while submitting: what, where and what to do is said, and nothing is left behind."""

import threading

import pytest
from attrs import evolve

from agent import submit
from agent.bundle import Resource
from tests.odps_server import SECRET, MaxCompute, Refusal
from tests.submitting import DENIED, News, command, entry, nothing_left, run, sent

# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "refusal", "words"),
    [
        (
            "everything",
            Refusal(401, "ODPS-0410042", "Invalid signature value - User signature does not match"),
            ["uploading linkdoctor_", "secret does not belong", "ODPS-0410042"],
        ),
        (
            "everything",
            Refusal(
                403,
                "ODPS-0420095",
                "Access denied by project ip white list: sourceIP:'192.0.2.7' is not in white list.",
            ),
            ["IP whitelist", "'192.0.2.7'"],
        ),
        ("resource", DENIED, ["uploading linkdoctor_", "CreateResource"]),
        ("function", DENIED, ["creating function linkdoctor_", "CreateFunction"]),
        ("read function", DENIED, ["creating function linkdoctor_"]),
        ("instance", DENIED, ["starting the query", "CreateInstance"]),
        (
            "instance",
            Refusal(403, "RequestQuotaExceeded", "The quota group is exhausted"),
            ["starting the query", "quota", "--instances"],
        ),
        ("instance", Refusal(400, "ODPS-0130161", "Parse exception - line 1:8"), ["MaxCompute refused", "line 1:8"]),
        ("status", Refusal(400, "InvalidParameter", "no"), ["waiting for job"]),
        ("download", Refusal(403, "ODPS-0130013", "project is protected"), ["fetching the rows", "privilege"]),
        ("everything", Refusal(403, "Odd", f"your secret {SECRET} is wrong"), ["your secret *** is wrong"]),
    ],
)
def test_refused(service, plan, what, refusal, words):
    """In which step, what it means, what to do, and the platform's own words; nothing is left."""
    service.refusals[what] = refusal
    with pytest.raises(submit.SubmitError) as raised:
        run(service, submit.prepare(plan))

    assert nothing_left(service)
    assert SECRET not in str(raised.value)
    assert [word for word in words if word not in str(raised.value)] == []


def test_a_refusal_on_the_command_line(service, file):
    """3, no traceback, and a note that nothing is left."""
    service.refusals["function"] = DENIED
    done = command(service, file, "--yes")

    assert done.returncode == 3
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "nothing is left" in done.stderr
    assert nothing_left(service)


@pytest.mark.parametrize("kind", ["resources", "functions"])
def test_a_name_that_exists_is_not_touched(service, plan, kind):
    """What has the name stays as it is; what was created is dropped."""
    bundle = submit.prepare(plan)
    other = {getattr(bundle, kind)[1].name: ("another's", b"")}
    getattr(service, kind).update(other)
    with pytest.raises(submit.SubmitError, match="overwrites nothing"):
        run(service, bundle)

    assert getattr(service, kind) == other
    assert getattr(service, "functions" if kind == "resources" else "resources") == {}


@pytest.mark.parametrize("refusal", [DENIED, Refusal(500, "InternalServerError", "try again")])
def test_what_cannot_be_dropped(service, plan, refusal):
    """The rows are there all the same; what is left is said with the statements that drop it, and why."""
    service.refusals["drop"] = refusal
    news = News()
    rows = run(service, submit.prepare(plan), news)
    left = news.said[-1]

    assert len(rows) == len(sent(service))
    assert refusal.code in news.said[-2]
    for name in (*service.resources, *service.functions):
        assert f" {name};" in left
    assert service.asked["drop"] == (4 if refusal is DENIED else 8)


# --- jobs that fail --------------------------------------------------------------------------------------------------


def test_a_function_that_raises(service, plan):
    """The function's own traceback is shown."""
    bundle = submit.prepare(plan)
    script = next(resource for resource in bundle.resources if resource.type == "py")
    broken = evolve(script, content=b"raise RuntimeError('no such thing')")
    resources = tuple(broken if resource is script else resource for resource in bundle.resources)
    with pytest.raises(submit.SubmitError, match="RuntimeError: no such thing"):
        run(service, evolve(bundle, resources=resources))

    assert nothing_left(service)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "ODPS-0123131:User defined function exception - Traceback:\n  File x\nKeyError: 'x'",
            ["exception", "KeyError"],
        ),
        (
            "ODPS-0123144: Fuxi job failed - kInstanceMonitorTimeout, usually caused by bad udf performance",
            ["limits.deadline", "kInstanceMonitorTimeout"],
        ),
        ("ODPS-0140171: Sandbox violation", ["sandbox"]),
        (
            "You are not allowed to use this vpc - vpc owner and project owner must be the same person",
            ["another account"],
        ),
        ("something new", ["it did not end well", "something new"]),
    ],
)
def test_a_job_that_fails(service, plan, said, words):
    """What its message means, what to do, the message, and which job it was."""
    service.failure = said
    with pytest.raises(submit.SubmitError) as raised:
        run(service, submit.prepare(plan))

    assert nothing_left(service)
    assert [word for word in [*words, "20261124000000"] if word not in str(raised.value)] == []


def test_somebody_stops_the_job(service, plan):
    """A cancelled job is said to be one."""
    service.hangs = True
    threading.Thread(target=lambda: (service.await_("status"), service.stop(*service.instances.values()))).start()
    with pytest.raises(submit.SubmitError, match="cancelled"):
        run(service, submit.prepare(plan), first=0.01)

    assert nothing_left(service)


def test_rows_without_a_report(service, plan):
    """Of rows that hold no report it is said that they hold none."""
    bundle = submit.prepare(plan)
    source = b"from odps.udf import BaseUDTF, annotate\n@annotate('string->string')\nclass Rows(BaseUDTF):\n"
    source += b"    def process(self, task): pass\n"
    script = next(resource for resource in bundle.resources if resource.type == "py")
    resources = (Resource(name=script.name, type="py", content=source), bundle.resources[1])
    columns = bundle.query.partition(" AS (")[2].partition(")")[0]
    bundle = evolve(bundle, resources=resources, query=bundle.query.replace(columns, "run"))
    with pytest.raises(submit.SubmitError, match="none of its 0 rows"):
        submit.run(entry(service), bundle)

    assert nothing_left(service)


# --- the tunnel ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("silently", [False, True])
def test_a_download_that_breaks_off_is_repeated(service, plan, silently):
    """In the middle, and even where the stream looks as if it had ended: all rows come in the end."""
    service.broken, service.silently = 2, silently
    rows = run(service, submit.prepare(plan))

    assert service.broken == 0
    assert sent(service) == [tuple(row.values()) for row in rows]
    assert nothing_left(service)


def test_a_tunnel_that_always_breaks_off(service, plan):
    """The result of the job is read instead, through the service, and it is said."""
    service.broken = 1000
    news = News()
    rows = run(service, submit.prepare(plan), news)

    assert [["" if value is None else str(value) for value in row] for row in sent(service)] == [
        ["" if value is None else str(value) for value in row.values()] for row in rows
    ]
    assert any("ODPS_TUNNEL_ENDPOINT" in said for said in news.said)
    assert nothing_left(service)


def test_nothing_gives_the_rows(service, plan):
    """When the result is refused too: which place could not be used, and why."""
    service.broken, service.silently = 1000, True
    service.refusals["result"] = DENIED
    with pytest.raises(submit.SubmitError, match=r"fetching the rows: .*of \d+ rows came"):
        run(service, submit.prepare(plan))

    assert nothing_left(service)


# --- the service goes away -------------------------------------------------------------------------------------------


def test_the_service_dies_while_waiting(service, plan):
    """What failed, where, and the statements that end by hand what could not be ended."""
    service.hangs = True
    threading.Thread(target=lambda: (service.await_("status"), service.die())).start()
    news = News()
    bundle = submit.prepare(plan)
    with pytest.raises(submit.SubmitError, match=r"waiting for job .*nothing listens there"):
        run(service, bundle, news, first=0.01)
    left = "\n".join(news.said)

    assert "kill 20261124000000;" in left
    for each in (*bundle.resources, *bundle.functions):
        assert f" {each.name};" in left


def test_the_service_comes_back(service, plan, tmp_path):
    """A job out of sight for a while is not given up."""
    port = service.port
    with MaxCompute(tmp_path / "again", port=None) as again:
        again.resources, again.functions, again.instances = service.resources, service.functions, service.instances
        service.hangs = True

        def restart():
            service.await_("status")
            service.die()
            again.listen(port)
            service.stop(*service.instances.values())

        threading.Thread(target=restart).start()
        with pytest.raises(submit.SubmitError, match="cancelled"):
            run(service, submit.prepare(plan), first=0.01, patience=30)

        assert nothing_left(again)
