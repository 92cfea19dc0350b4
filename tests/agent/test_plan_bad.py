"""One fixture a mistake, each with the exact message: bad-plans/NNN-name.yaml and what must be said of it, .txt."""

import os
from pathlib import Path

import pytest

from agent.plan import LARGEST, PlanError, from_targets, load, parse
from agent.plan.problems import MOST_PROBLEMS

BAD_PLANS = Path(__file__).parent / "bad-plans"
FIXTURES = sorted(path for path in BAD_PLANS.iterdir() if path.suffix in (".yaml", ".json"))


def message(path):
    """What is said of a plan that is refused."""
    with pytest.raises(PlanError) as caught:
        load(path)
    return str(caught.value)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.stem)
def test_mistake(fixture, monkeypatch):
    """A mistake is refused with file, line, key, what is wrong, what is allowed and what to do."""
    monkeypatch.chdir(BAD_PLANS)

    expected = fixture.with_suffix(".txt").read_text(encoding="utf-8").rstrip("\n")

    assert expected == message(fixture.name)


def test_every_fixture_has_its_message():
    """No message without a plan, no plan without a message."""
    messages = {path.stem for path in BAD_PLANS.glob("*.txt")}

    assert messages == {path.stem for path in FIXTURES}
    assert len(messages) >= 32


def test_no_secret_is_repeated():
    """What a plan must not hold does not come back in the message that refuses it."""
    assert not [path.name for path in BAD_PLANS.glob("*.txt") if "hunter" in path.read_text(encoding="utf-8")]


def test_huge_file(tmp_path):
    """A file of 50 MB is refused without being read whole."""
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(50 << 20)

    assert f"{path}: is too large; allowed: up to 8 MB" == message(path)


def test_huge_text():
    """A text is bounded like a file."""
    with pytest.raises(PlanError) as caught:
        parse("#" * (LARGEST + 1))

    assert "plan: is too large; allowed: up to 8 MB" == str(caught.value)


def test_missing_file(tmp_path):
    """A file that is not there."""
    assert f"{tmp_path}/none.yaml: no such file" == message(tmp_path / "none.yaml")


def test_directory(tmp_path):
    """A directory."""
    assert f"{tmp_path}: is a directory, not a file" == message(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_unreadable_file(tmp_path):
    """A file that this user may not read."""
    path = tmp_path / "plan.yaml"
    path.touch(mode=0)

    assert f"{path}: cannot be read: Permission denied" == message(path)


@pytest.mark.parametrize("name", ["a\0b", "plan\n.yaml", "x" * 5000])
def test_impossible_file_name(name):
    """A name that no file can have is a problem like any other, and is escaped in its message."""
    assert "\0" not in message(name)
    assert "\n" not in message(name)


def test_problems_are_bounded_and_all_are_counted():
    """The first problems are shown in the order of the text, the others are counted."""
    with pytest.raises(PlanError) as caught:
        parse("targets:\n" + "- a\n" * 50)

    assert (MOST_PROBLEMS, 50 - MOST_PROBLEMS) == (len(caught.value.problems), caught.value.more)
    assert [*range(2, 2 + MOST_PROBLEMS)] == [problem.line for problem in caught.value.problems]


def test_problem_has_its_column():
    """A problem knows where its key begins on the line."""
    with pytest.raises(PlanError) as caught:
        parse("targets: [a:80]\nlimits: {concurrency: 5, rate: 0}\n")

    (problem,) = caught.value.problems

    assert (2, 26, "limits.rate") == (problem.line, problem.column, problem.key)


def test_command_line():
    """What is typed has no lines, but a place all the same."""
    with pytest.raises(PlanError) as caught:
        from_targets(["emr-header-1:9083", "emr-header-1"], limits={"rate": "5"})

    expected = (
        "command line: targets[1]: 'emr-header-1' has neither a port nor a service;"
        " allowed: host:port, SERVICE://host[:port][/path]\n"
        "command line: limits.rate: is text, not an integer; allowed: an integer from 1 to 1000000"
    )

    assert expected == str(caught.value)


def test_values_that_no_text_can_hold():
    """A caller's None is a value that is missing."""
    with pytest.raises(PlanError) as caught:
        from_targets(["a:80"], interval=None)

    assert "is empty, not a duration" in str(caught.value)
