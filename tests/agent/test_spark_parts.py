"""The command line, turns, parts of a large plan, and the report that is made of them."""

import threading

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from agent.budget import COUNTED, scarcest, share_out
from agent.runner import Runner
from agent.spark import executors
from agent.spark.spread import Whole, parts
from agent.spark.submit import main
from agent.spark.turns import in_turns
from reports.model import Limits, Plan, Share, Target


def test_no_two_have_the_same_part_of_the_budget():
    """At most so many at once, each with a part that nobody else has at that time."""
    busy, most, clashes = set(), 0, []
    lock, together = threading.Lock(), threading.Barrier(3)

    def do(number, share):
        nonlocal most
        with lock:
            clashes.extend(busy & {share.index})
            busy.add(share.index)
            most = max(most, len(busy))
        if number < 3:
            together.wait(10)
        with lock:
            busy.remove(share.index)
        return 0.0

    in_turns(range(20), 3, do)

    assert (3, []) == (most, clashes)


def test_a_part_that_is_still_in_use():
    """What the last ones leave in use is said, for whoever comes next."""
    assert 3000 < in_turns([1], 1, lambda *_: 3600.0) <= 3600
    assert in_turns([1, 2], 2, lambda *_: 0.0) == 0


def test_an_error_ends_all_turns():
    """What is wrong with us is not hidden, and nothing more is begun."""
    begun = []

    def do(number, share):
        begun.append(number)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_turns(range(100), 1, do)

    assert [0] == begun


@given(per_target=st.integers(1, 9), rate=st.integers(1, 9))
def test_the_scarcest_limit(per_target, rate):
    """The limit that lets the fewest measure at once: each of them then has a part of everything."""
    limits = Limits(per_target=per_target, rate=rate)
    at_once = getattr(limits, scarcest(limits))

    assert at_once == min(per_target, rate)
    assert None not in [share_out(limits, Share(index=index, of=at_once))[0] for index in range(at_once)]


@given(
    hosts=st.lists(st.integers(0, 60), min_size=1, max_size=300),
    at_once=st.integers(1, 8),
    limits=st.builds(Limits, concurrency=st.integers(8, 400), rate=st.integers(8, 9000), per_target=st.integers(1, 3)),
)
def test_parts_of_a_plan(hosts, at_once, limits):
    """Each target in one part, each host in one part, and together never more than the plan allows."""
    targets = tuple(
        Target(name=str(number), host=f"10.0.0.{host}", port=number + 1) for number, host in enumerate(hosts)
    )
    found = parts(Plan(name="large", targets=targets, limits=limits), at_once)
    shares = [share_out(part.limits, Share(index=index % at_once, of=at_once))[0] for index, part in enumerate(found)]

    assert sorted(targets, key=str) == sorted((target for part in found for target in part.targets), key=str)
    assert len(set(hosts)) == sum(len({target.host for target in part.targets}) for part in found)
    assert {limits.per_target} == {share.per_target for share in shares}
    for name in COUNTED[1:]:
        assert sum(getattr(share, name) for share in shares[:at_once]) <= getattr(limits, name)


async def test_places_that_are_alike_are_explained_together():
    """One finding for all that places alike have seen; what an unlike one has seen says from where."""
    plan = Plan(name="large", targets=tuple(Target(name=str(n), host=f"127.0.0.{n}", port=1) for n in range(1, 7)))
    reports = [
        await Runner(evolve(plan, targets=plan.targets[start : start + 2]), {}, kind="spark").run()
        for start in (0, 2, 4)
    ]
    whole = Whole(plan)
    for number, report in enumerate(reports[:2]):
        whole.add(_at(number, report))
    alike = whole.report()
    whole.add(_at(2, _without_a_route(reports[2])))
    unlike = whole.report()

    assert alike.run.partial
    assert [target.verdict for target in alike.targets] == ["failing"] * 4 + ["undetermined"] * 2
    assert [target.verdict for target in unlike.targets] == ["failing"] * 6
    assert not [words for finding in alike.findings for words in finding.because if "seen from" in words]
    said = {name: finding.because[-1] for finding in unlike.findings for name in finding.targets}
    assert said["1"] == "seen from executor 0 (host), executor 1 (host)"
    assert said["5"] == "seen from executor 2 (host)"
    assert unlike.vantage.labels == {"role": "executors", "executors": "3"}


def _at(executor, report):
    labels = {"executor": str(executor), "address": "host"}
    return evolve(report, vantage=evolve(report.vantage, labels=labels))


def _without_a_route(report):
    """As an executor would see it that has another network."""
    seen = [evolve(one, address="eth7") if one.step == "interface" else one for one in report.observations]
    return evolve(report, observations=tuple(seen))


_JAVA = """
\tat org.apache.spark.api.python.BasePythonRunner.read(PythonRunner.scala:5)

Driver stacktrace:"""
_FAILED = "Job aborted due to stage failure: Task 0 in stage 8.0 failed 4 times, most recent failure: "
_WHERE = "Lost task 0.3 in stage 8.0 (TID 33) (10.0.0.1 executor 0): "
_PYTHON = """org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "worker.py", line 1, in main
    raise
NameError: name 'x' is not defined
"""


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (_FAILED + _WHERE + _PYTHON + _JAVA, "NameError: name 'x' is not defined"),
        (
            _FAILED + _WHERE + "ExecutorLostFailure (executor 2 exited)" + _JAVA,
            "ExecutorLostFailure (executor 2 exited)",
        ),
        ("", "RuntimeError"),
    ],
)
def test_what_spark_says_in_a_line(said, reason):
    """What went wrong on the executor, not where Java was."""
    assert reason == executors._reason(RuntimeError(said))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--within", "nan"], "is no number of seconds"),
        (["--within", "0"], "is no number of seconds"),
        (["--nobody"], "unrecognized arguments: --nobody"),
    ],
)
def test_arguments_that_cannot_be_taken(capsys, arguments, said):
    """It could not run, says why, and has not looked for Spark."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 3
    assert said in capsys.readouterr().err
