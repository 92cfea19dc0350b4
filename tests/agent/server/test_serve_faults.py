"""What goes wrong around a process on duty: it goes on, calls nobody wrong for it, and is as before when it is over."""

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from agent.store import NAME, Store
from tests.agent.server.serving import LINKDOCTOR, serve, write_plan
from tests.tls_servers import HERE

# A file system of its own, of 3 MB, for the folder that is named first.
_SMALL_DISK = 'mount -t tmpfs -o size=3m none "$1" || exit 125; shift; exec "$@"'


@pytest.fixture
def peer():
    """A server that accepts: it and its address."""
    with socket.create_server((HERE, 0)) as server:
        yield server, "%s:%d" % server.getsockname()


def metric(serving, name):
    """The first sample of that name."""
    lines = serving.ask("/metrics")[2].decode().splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


def kept(serving):
    """The ids of the runs that are kept, newest first."""
    status, _, body = serving.ask("/api/runs?plan=nightly-etl&most=1000")
    assert status == 200
    return [run["id"] for run in json.loads(body)]


# --- no room --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def on_a_small_disk(folder, plan, *before):
    """`serve` whose history is on a file system of its own, and that file system as it is seen from here."""
    folder.mkdir()
    unshare = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--user", "--map-root-user", "--mount")
    program = (*unshare, "sh", "-c", "; ".join((*before, _SMALL_DISK)), "sh", folder, LINKDOCTOR)
    with serve(plan, program=program, state=folder) as serving:
        serving.wait("listening")
        yield serving, Path(f"/proc/{serving.process.pid}/root{folder}")


def fill(path):
    """Take all the room that there is."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_full_disk(tmp_path, peer):
    """Runs are lost, counted and told; what was kept is there; a target that breaks is seen; with room all goes on."""
    server, address = peer
    with on_a_small_disk(tmp_path / "disk", write_plan(tmp_path, address)) as (serving, disk):
        serving.wait("run", 2)
        before = kept(serving)
        fill(disk / "ballast")
        refused = serving.wait("a run is not kept")
        server.close()
        change = serving.wait("verdict")
        during = kept(serving)
        lost = metric(serving, "linkdoctor_lost_runs_total")
        page = serving.ask("/")[2].decode()
        (disk / "ballast").unlink()
        serving.wait("runs are kept again")
        serving.more("run")
        after = kept(serving)
        changes = json.loads(serving.ask("/api/changes")[2])
        assert serving.end() == 0

    assert "room" in refused["reason"]
    assert (change["before"], change["after"], change["cause"]) == ("healthy", "failing", "service_not_listening")
    assert lost > 0
    assert "runs are not kept" in page
    assert set(before) <= set(during) <= set(after)
    assert len(after) > len(during)
    assert [(one["before"], one["after"]) for one in changes] == [("healthy", "failing")]
    assert serving.of("a run broke off") == []


@pytest.mark.parametrize("log", ["/dev/full", "&-"])
def test_a_log_that_cannot_be_written(tmp_path, peer, log):
    """Where the disk of the log is full, or there is no log, lines are lost, and no run."""
    plan = write_plan(tmp_path, peer[1])
    command = [LINKDOCTOR, "serve", plan, "--listen", f"{HERE}:0", "--state", tmp_path]
    with subprocess.Popen(["sh", "-c", f'exec "$@" 2>{log}', "sh", *command]) as process:
        try:
            _until(lambda: len(_stored(tmp_path / NAME)) >= 3, process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


def _until(holds, process):
    """Ask again until it holds: what another process does in files."""
    for _ in range(600):
        assert process.poll() is None
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("it never came to that")


def _stored(path):
    if not path.exists():
        return []
    with Store.look(path) as store:
        return store.runs("nightly-etl")


# --- no descriptor --------------------------------------------------------------------------------------------------


# Takes every descriptor that there is as long as a file exists, beside linkdoctor in one process.
_GREEDY = """
import os, sys, threading, time
from agent.cli import main

def take(while_there):
    taken = []
    while True:
        try:
            while os.access(while_there, os.F_OK):
                taken.append(os.dup(0))
            while taken:
                os.close(taken.pop())
        except OSError:
            pass
        time.sleep(0.005)

threading.Thread(target=take, args=(sys.argv.pop(1),), daemon=True).start()
main()
"""


def test_no_descriptor_is_left(tmp_path, peer):
    """No run can begin and nobody is answered, each said; then who waits is answered, and no verdict has changed."""
    greed = tmp_path / "greed"
    program = ("prlimit", "--nofile=256:256", "--", sys.executable, "-c", _GREEDY, greed)
    with serve(write_plan(tmp_path, peer[1]), program=program, state=tmp_path) as serving:
        serving.wait("run", 2)
        before, port = kept(serving), serving.port
        greed.touch()
        assert serving.wait("no run could begin")["for_want_of"] == "no_descriptors"
        waiting = http.client.HTTPConnection(HERE, port, timeout=60)
        waiting.request("GET", "/api/state")
        serving.wait("no connection can be accepted")
        serving.more("no run could begin", 2)
        greed.unlink()
        state = json.loads(waiting.getresponse().read())
        waiting.close()
        serving.wait("connections are accepted again")
        serving.more("run", 2)
        after = kept(serving)

        assert [target["verdict"] for target in state["plans"][0]["targets"]] == ["healthy"]
        assert metric(serving, "linkdoctor_broken_off_runs_total") == 0
        assert metric(serving, "linkdoctor_lost_runs_total") == 0
        assert serving.end() == 0
    assert len(serving.of("no connection can be accepted")) == 1
    assert serving.of("verdict") == []
    assert set(before) < set(after)
    assert serving.said == []


# --- no processor ---------------------------------------------------------------------------------------------------


def test_stopped_in_the_middle_of_a_run(tmp_path):
    """What it could not see in time is held against nobody: nothing of that run counts, and the next one does."""
    hold, held, go_on = threading.Event(), threading.Event(), threading.Event()

    def answer_all(listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client:
                    client.recv(4096)
                    if hold.is_set():
                        hold.clear()
                        held.set()
                        go_on.wait(60)
                    client.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    with socket.create_server((HERE, 0)) as listener:
        answering = threading.Thread(target=answer_all, args=(listener,), daemon=True)
        answering.start()
        plan = write_plan(
            tmp_path,
            "http://%s:%d/" % listener.getsockname(),
            limits={"connect_timeout": "1s"},
            slow={"service": "1s"},
        )
        with serve(plan, state=tmp_path) as serving:
            serving.wait("run")
            hold.set()
            assert held.wait(60)
            serving.send(signal.SIGSTOP)
            time.sleep(3)  # longer than it waits for any answer
            serving.send(signal.SIGCONT)
            go_on.set()
            while not any("spoiled" in run for run in serving.of("run")):
                serving.more("run")
                assert len(serving.of("run")) < 10
            serving.more("run", 2)
            assert metric(serving, "linkdoctor_spoiled_runs_total") >= 1
            assert serving.end() == 0
        listener.shutdown(socket.SHUT_RDWR)
        answering.join()
    assert serving.of("verdict") == []
    assert {run["in_force"] for run in serving.of("run")} == {"healthy"}


# --- kill -9 --------------------------------------------------------------------------------------------------------


def test_killed_again_and_again(tmp_path, peer):
    """What it had told of the history is there, and what was in force is: no verdict is new because the process is."""
    _, address = peer
    plan = write_plan(tmp_path, address, {"name": "dead", "address": f"{HERE}:9"})
    chance, told, since = random.Random(7), set(), set()
    for _ in range(5):
        with serve(plan, state=tmp_path) as serving:
            serving.wait("run", 2)
            found = set(kept(serving))
            assert told <= found
            since |= {(one["name"], one["verdict"], one["since"]) for one in serving.state()["targets"]}
            assert serving.of("history") == []
            time.sleep(chance.random())  # when the kill hits, and nothing waits for it
            told = set(kept(serving))
            serving.process.kill()
            serving.process.wait()
    with Store.look(tmp_path / NAME) as store:
        there = {run.id for run in store.runs("nightly-etl")}
        events = store.events("nightly-etl")

    assert told <= there
    assert events == []
    assert sorted((name, verdict) for name, verdict, _ in since) == [(address, "healthy"), ("dead", "failing")]
