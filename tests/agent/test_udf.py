"""What a UDF gives for its row, whatever the row holds."""

import json
import socket
import threading
from contextlib import contextmanager

import pytest
from attrs import evolve

from agent import plan as plans
from agent import udf
from reports.document import DocumentError, loads, plan_dumps, plan_to_document
from reports.model import Limits
from reports.rows import NAMES


@contextmanager
def _counting():
    """A server that counts who connects: its address, and the count so far."""
    accepted = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                accepted.append(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}", accepted
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in accepted:
        connection.close()


def _task(*targets, share=None, **limits):
    plan = plans.from_targets(targets)
    document = plan_to_document(evolve(plan, limits=evolve(plan.limits, **limits)))
    return json.dumps({**document, "share": share} if share else document)


def test_null_gives_null():
    """A NULL is no task."""
    assert udf.report_of(None) is None
    assert list(udf.rows_of(None)) == []


@pytest.mark.parametrize(
    ("task", "problem"),
    [
        ("{", "task: 1:2: it ends in the middle"),
        ("[]", "task: "),
        ('{"targets": 3}', "task: "),
        (_task("127.0.0.1:1", share={"index": 3, "of": 3}), "task: share: number 3 of 3"),
        (_task("127.0.0.1:1", share={"index": "0", "of": 3}), "task: share: index: "),
        (_task("127.0.0.1:1", share={"index": True, "of": 3}), "task: share: index: "),
        (_task("127.0.0.1:1", share=[1]), "task: share: "),
    ],
)
def test_what_is_no_plan_is_said(task, problem):
    """Only this fails the job, and its message says what was wrong."""
    with pytest.raises(DocumentError) as caught:
        udf.report_of(task)

    assert str(caught.value).startswith(problem)


def test_a_task_that_comes_again_is_not_probed_again():
    """A table of a thousand rows is no reason to connect a thousand times."""
    with _counting() as (address, accepted):
        task = _task(address)
        reports = {udf.report_of(task) for _ in range(5)}
        rows = list(udf.rows_of(task))

        assert 1 == len(accepted)
    assert 1 == len(reports)
    assert reports == {dict(zip(NAMES, rows[-1], strict=True))["report"]}


def test_an_instance_without_a_share_says_so():
    """One connection a target at once, two instances: the second sends nothing, accuses nobody, and says why."""
    with _counting() as (address, accepted):
        first, second = (loads(udf.report_of(_task(address, share={"index": n, "of": 2}))) for n in range(2))

        assert 1 == len(accepted)
    assert ("healthy", "undetermined") == (first.verdict, second.verdict)
    assert [] == [finding.cause for finding in second.findings if finding.severity != "info"]
    told = [seen.facts for seen in second.observations if seen.step == "share"]
    assert [{"index": 1, "of": 2, "probes": False, "short_of": "per_target"}] == told


def test_the_deadline_ends_it_with_what_there_is(blackhole):
    """A report comes, marked partial, although a target would keep it longer."""
    with _counting() as (address, _):
        report = loads(udf.report_of(_task(address, blackhole, deadline=1.5, connect_timeout=60.0)))

    assert report.run.partial
    assert {address: "healthy", blackhole: "undetermined"} == {one.name: one.verdict for one in report.targets}


@pytest.fixture
def blackhole():
    """An address where handshakes are never answered: its queue of accepted connections is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        waiting = []
        for _ in range(3):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(address)
            waiting.append(client)
        yield f"127.0.0.1:{address[1]}"
        for client in waiting:
            client.close()


def test_a_report_fits_into_a_string(monkeypatch):
    """What is too long loses its least important part, and says that it is partial."""
    whole = udf.report_of(_task(*(f"127.0.0.1:{port}" for port in range(1, 40))))
    monkeypatch.setattr(udf, "LARGEST_TEXT", len(whole) - 1)
    smaller = udf._small_enough(loads(whole))

    assert len(smaller) < len(whole)
    report = loads(smaller)
    assert report.run.partial
    assert (loads(whole).findings, loads(whole).targets) == (report.findings, report.targets)


def test_a_plan_with_its_own_limits_is_kept():
    """What comes back is the plan that went in."""
    plan = evolve(plans.from_targets(["127.0.0.1:1"]), limits=Limits(deadline=7.0, rate=3))

    assert plan == loads(udf.report_of(plan_dumps(plan))).run.plan
