"""Ctrl-C and SIGTERM while submitting: the job is stopped, and nothing is left behind, or it is said."""

import signal
import threading

import pytest

from tests.submitting import nothing_left


def until(process, word):
    """Read what the process says until it says this."""
    for line in process.stderr:
        if word in line:
            return
    pytest.fail(f"{word!r} never came")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_waiting(service, start, number):
    """The job is stopped first, then all is dropped: 130."""
    service.hangs = True
    process = start()
    service.await_("progress")
    process.send_signal(number)
    _, told = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "nothing is left" in told
    assert service.asked["stop"] == 1
    assert nothing_left(service)


def test_interrupted_while_uploading(service, start):
    """An upload that is on its way is finished, and dropped."""
    service.gates["resource"] = threading.Event()
    process = start()
    service.await_("resource")
    process.send_signal(signal.SIGINT)
    until(process, "Stopping")
    service.gates["resource"].set()
    process.communicate(timeout=60)

    assert process.returncode == 130
    assert service.asked["resource"] == 1
    assert nothing_left(service)


def test_interrupted_twice_while_the_job_starts(service, start):
    """Nobody knows whether there is a job: that is said, and all else is dropped."""
    service.gates["instance"] = threading.Event()
    process = start()
    service.await_("instance")
    process.send_signal(signal.SIGINT)
    until(process, "Stopping")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    service.gates["instance"].set()

    assert process.returncode == 130
    assert "perhaps a job" in told
    assert nothing_left(service)


def test_interrupted_once_more_while_cleaning_up(service, start):
    """It cleans up to the end."""
    service.hangs = True
    service.gates["drop"] = threading.Event()
    process = start()
    service.await_("progress")
    process.send_signal(signal.SIGINT)
    service.await_("drop")
    process.send_signal(signal.SIGINT)
    until(process, "Still cleaning up")
    service.gates["drop"].set()
    process.communicate(timeout=60)

    assert process.returncode == 130
    assert nothing_left(service)


def test_giving_up_on_cleaning_up(service, start):
    """It ends, and says what is left."""
    service.hangs = True
    service.gates["drop"] = threading.Event()
    process = start()
    service.await_("progress")
    process.send_signal(signal.SIGINT)
    service.await_("drop")
    process.send_signal(signal.SIGINT)
    until(process, "Still cleaning up")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    service.gates["drop"].set()

    assert process.returncode == 130
    for name in (*service.resources, *service.functions):
        assert f" {name};" in told
