"""A MaxCompute on loopback, and plans to submit to it."""

import socket
import subprocess

import pytest
from odps.config import option_context

from agent.plan import parse
from tests.odps_server import SECRET, MaxCompute
from tests.submitting import LINKDOCTOR, environment


@pytest.fixture
def service(tmp_path):
    """The platform; no test asks it for what it does not know, or shows it the secret."""
    with MaxCompute(tmp_path / "service") as running:
        yield running
        assert running.unknown == []
        assert [text for text in running.heard if SECRET in text] == []


@pytest.fixture
def plan(listener):
    """One target that answers, and one that does not."""
    return parse(
        f"name: nightly\ntargets: [{{name: up, address: '{listener}'}}, {{name: down, address: '127.0.0.1:1'}}]"
    )


@pytest.fixture
def listener():
    """An address where something accepts and stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield "127.0.0.1:%d" % server.getsockname()[1]


@pytest.fixture
def file(tmp_path, listener):
    """A plan whose one target answers."""
    path = tmp_path / "nightly.yaml"
    path.write_text(f"targets: ['{listener}']\n")
    return path


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """What does not answer is asked once more, at once, and not again."""
    monkeypatch.setattr("agent.submit.rows._PAUSE", 0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with option_context({"retry_times": 1}):
        yield


@pytest.fixture
def start(service, file):
    """Starts the command, and kills it at the end if need be."""
    processes = []

    def begin():
        process = subprocess.Popen(
            [LINKDOCTOR, "submit", file, "--yes"], stderr=subprocess.PIPE, text=True, env=environment(service)
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()
