"""`linkdoctor serve` from its beginning to its end: what keeps it from beginning, signals, reloads."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from agent.store import NAME, Store
from tests.agent.server.serving import LINKDOCTOR, serve, write_plan
from tests.tls_servers import HERE, free_port

# Every socket of that family is refused, as by a kernel that was told ipv6.disable=1.
_WITHOUT_IPV6 = """
import errno, os, socket, sys
import pyseccomp as seccomp

rules = seccomp.SyscallFilter(seccomp.ALLOW)
rules.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.EQ, int(socket.AF_INET6)))
rules.load()
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def peer():
    """An address where something accepts."""
    with socket.create_server((HERE, 0)) as server:
        yield "%s:%d" % server.getsockname()


def begin(*arguments, **more):
    """A command that cannot begin: its code and what it says."""
    done = subprocess.run(
        [LINKDOCTOR, "serve", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False, **more
    )
    return done.returncode, done.stderr


def test_on_duty(tmp_path, peer):
    """Runs are made, told, kept; SIGTERM ends it within seconds, with code 0."""
    plan = write_plan(tmp_path, peer, {"name": "dead", "address": f"{HERE}:{free_port()}"})
    with serve(plan, state=tmp_path / "state") as serving:
        run = serving.wait("run", 2)
        state = serving.state()
        code = serving.end()

    assert (run["plan"], run["verdict"], run["in_force"]) == ("nightly-etl", "failing", "failing")
    assert [target["verdict"] for target in state["targets"]] == ["healthy", "failing"]
    assert state["targets"][1]["cause"] == "service_not_listening"
    assert run["broken"] == "dead (service_not_listening)"
    assert code == 0
    assert serving.of("ended")[0]["seconds"] < 10
    assert serving.said == []
    with Store.look(tmp_path / "state" / NAME) as store:
        kept = store.runs("nightly-etl")
        assert {one.verdict for one in kept} == {"failing"}
        assert len(kept) >= 2


def test_ctrl_c(tmp_path, peer):
    """130, as with every command."""
    with serve(write_plan(tmp_path, peer), state=tmp_path) as serving:
        serving.wait("listening")
        assert serving.end(signal.SIGINT) == 130


def test_the_end_in_the_middle_of_a_run(tmp_path):
    """A run that would last for minutes is ended, not waited for, and leaves nothing behind."""
    with socket.create_server((HERE, 0)) as mute:
        address = "redis://%s:%d" % mute.getsockname()
        plan = write_plan(tmp_path, address, limits={"deadline": "10m"}, slow={"service": "4m"})
        with serve(plan, state=tmp_path) as serving:
            client, _ = mute.accept()
            with client:
                assert client.recv(4096)
                assert serving.end() == 0
                assert client.recv(4096) == b""
    with Store.look(tmp_path / NAME) as store:
        assert store.plans() == []


def test_a_bad_plan(tmp_path, peer):
    """Nothing begins, and it says what `check` says of it; of every plan."""
    good = write_plan(tmp_path, peer)
    bad = tmp_path / "bad.yaml"
    bad.write_text("targets: [nowhere]\nintervall: 5s\n")
    code, said = begin(good, bad, tmp_path / "none.yaml")
    checked = subprocess.run([LINKDOCTOR, "check", bad], capture_output=True, text=True, check=False).stderr

    assert code == 3
    assert checked.strip().removeprefix("Error: ") in said
    assert "did you mean interval?" in said
    assert f"{tmp_path}/none.yaml: no such file" in said


def test_two_plans_of_one_name(tmp_path, peer):
    """They could not be told apart."""
    one = write_plan(tmp_path, peer)
    two = write_plan(tmp_path, peer, file="other.yaml")
    code, said = begin(one, two)

    assert code == 3
    assert "the plan is called nightly-etl, as that in" in said
    assert begin(one, one) == (3, f"Error: {one}: named twice: once is enough\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--listen", "0.0.0.0:0"], "others would reach it"),
        (["--listen", ":0"], "others would reach it"),
        (["--listen", "127.0.0.1"], "names no port"),
        (["--listen", "127.0.0.1:65536"], "port 65536 does not exist"),
        (["--listen", "[::1:80"], "unbalanced bracket"),
        (["--listen", "nowhere.invalid:80"], "--listen nowhere.invalid:80"),
        (["--retention-time", "30"], "no span of time"),
        (["--retention-size", "1G"], "is no size"),
        (["--web.config.file", "/nowhere.yml"], "/nowhere.yml: no such file"),
        (["--state", "/proc/nowhere"], "--state /proc/nowhere"),
    ],
)
def test_bad_options(tmp_path, peer, arguments, words):
    """Code 3, the option and what is allowed; never a traceback."""
    state = [] if "--state" in arguments else ["--state", tmp_path]
    code, said = begin(write_plan(tmp_path, peer), *state, *arguments)

    assert code == 3
    assert words in said
    assert "Traceback" not in said


def test_a_port_that_is_taken(tmp_path, peer):
    """It says so."""
    code, said = begin(write_plan(tmp_path, peer), "--state", tmp_path, "--listen", peer)

    assert code == 3
    assert f"--listen {peer}: Address already in use" in said


def test_ipv6(tmp_path, peer):
    """Where it listens is written as in a URL."""
    with serve(write_plan(tmp_path, peer), state=tmp_path, listen="[::1]:0") as serving:
        assert serving.wait("listening")["at"] == [f"[::1]:{serving.port}"]
        assert serving.end() == 0


def test_a_machine_without_ipv6(tmp_path, peer):
    """Every address of it is every address that there is; one that is asked for by itself must be there."""
    program, plan = (sys.executable, "-c", _WITHOUT_IPV6, LINKDOCTOR), write_plan(tmp_path, peer)
    with serve(plan, "--insecure-listen", program=program, state=tmp_path, listen=":0") as serving:
        assert serving.wait("listening")["at"] == [f"0.0.0.0:{serving.port}"]
        assert serving.end() == 0
    with serve(plan, program=program, state=tmp_path, listen="[::1]:0") as serving:
        assert serving.process.wait(60) == 3


def test_a_plan_in_place_of_a_history(tmp_path, peer):
    """It is refused, and stays where it is."""
    plan = write_plan(tmp_path, peer)
    before = plan.read_text()
    code, said = begin(plan, "--state", plan, "--listen", f"{HERE}:0")

    assert code == 3
    assert said == f"Error: --state: {plan}: this is no store of linkdoctor: name a folder, or a file of your own\n"
    assert plan.read_text() == before


def test_others_may_reach_it_where_somebody_says_so(tmp_path, peer):
    """--insecure-listen, for a place that something else protects."""
    with serve(write_plan(tmp_path, peer), "--insecure-listen", state=tmp_path, listen="0.0.0.0:0") as serving:
        assert serving.ask("/-/healthy", Host="duty.example:9723")[0] == 200
        assert serving.end() == 0


@pytest.mark.parametrize("how", ["signal", "post"])
def test_reload(tmp_path, peer, how):
    """A good new plan is in force; a bad one is refused with its reasons, and what was in force stays."""
    plan = write_plan(tmp_path, peer)

    def reload(serving):
        if how == "post":
            status, _, body = serving.ask("/-/reload", "POST")
            return status, body.decode()
        serving.send(signal.SIGHUP)
        return None, None

    with serve(plan, state=tmp_path) as serving:
        serving.wait("run")
        since = serving.target(peer)["since"]
        plan.write_text("name: nightly-etl\ntargets:\n  - 127.0.0.1:0\n")
        status, said = reload(serving)
        refused = serving.wait("reload refused, the old plans stay")

        assert f"{plan}:3: targets[0]: port 0 does not exist" in refused["reasons"]
        assert status in (None, 422)
        assert said is None or "port 0 does not exist" in said
        serving.more("run")
        assert [target["name"] for target in serving.state()["targets"]] == [peer]
        assert b"linkdoctor_last_reload_successful 0.0" in serving.ask("/metrics")[2]

        write_plan(tmp_path, peer, {"name": "dead", "address": f"{HERE}:{free_port()}"})
        status, _ = reload(serving)
        serving.wait("plans read again")
        assert status in (None, 200)
        serving.more("run", 2)
        assert [target["verdict"] for target in serving.state()["targets"]] == ["healthy", "failing"]
        assert serving.target(peer)["since"] == since
        assert b'linkdoctor_reloads_total{result="refused"} 1.0' in serving.ask("/metrics")[2]
        assert serving.end() == 0


def test_a_pipe_in_place_of_a_plan(tmp_path, peer):
    """Nobody waits for what may never come through it: it is refused, and the process ends as ever."""
    plan = write_plan(tmp_path, peer)
    with serve(plan, state=tmp_path) as serving:
        serving.wait("run")
        plan.unlink()
        os.mkfifo(plan)

        status, _, said = serving.ask("/-/reload", "POST")
        assert (status, said.decode().splitlines()[1:]) == (
            422,
            [f"{plan}: is a pipe, which cannot be read again; allowed: a file"],
        )
        assert serving.end() == 0


def test_a_reload_that_comes_too_early(tmp_path, peer):
    """SIGHUP while the history is still being opened: it ends nothing, and the plans are read again then."""
    plan, port = write_plan(tmp_path, peer), free_port()
    folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(folder, fcntl.LOCK_EX)  # as another process that opens it
    with serve(plan, state=tmp_path, listen=f"{HERE}:{port}") as serving:
        while _refused(port):
            assert serving.process.poll() is None
        write_plan(tmp_path, peer, {"name": "dead", "address": f"{HERE}:{free_port()}"})
        serving.send(signal.SIGHUP)
        os.close(folder)
        serving.wait("plans read again")
        serving.more("run")
        assert [target["name"] for target in serving.state()["targets"]] == [peer, "dead"]
        assert serving.end() == 0


def _refused(port):
    with socket.socket() as client:
        return client.connect_ex((HERE, port)) != 0


def test_ready_and_healthy(tmp_path):
    """Healthy as soon as it answers; ready when every plan has been run."""
    with socket.create_server((HERE, 0)) as mute:
        address = "redis://%s:%d" % mute.getsockname()
        plan = write_plan(tmp_path, address, limits={"deadline": "10m"}, slow={"service": "1s"})
        with serve(plan, state=tmp_path) as serving:
            client, _ = mute.accept()

            assert serving.ask("/-/healthy")[0] == 200
            assert serving.ask("/-/ready")[0] == 503
            client.close()
            serving.wait("run")
            assert serving.ask("/-/ready")[::2] == (200, b"linkdoctor is ready\n")


def test_without_the_extra(tmp_path, peer):
    """It says what is missing and how to get it."""
    (tmp_path / "aiohttp.py").write_text("raise ModuleNotFoundError('no aiohttp', name='aiohttp')")
    code, said = begin(write_plan(tmp_path, peer), env={"PYTHONPATH": str(tmp_path)})

    assert code == 3
    assert said == "Error: serve needs aiohttp, which is not installed: pip install 'linkdoctor[serve]'\n"


def test_the_log_for_people(tmp_path, peer):
    """A line an event, its time first; no traceback and no colour where it is no terminal."""
    plan = write_plan(tmp_path, peer)
    with subprocess.Popen(
        [LINKDOCTOR, "serve", plan, "--listen", "127.0.0.1:0", "--state", tmp_path],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        lines = [process.stderr.readline(), process.stderr.readline()]
        process.terminate()
        process.stderr.read()

    assert "listening" in lines[0]
    assert " run " in lines[1]
    assert "plan=nightly-etl" in lines[1]
    assert "\x1b" not in "".join(lines)
    assert all(line[:2] == "20" for line in lines)


def test_the_history_can_be_asked(tmp_path, peer):
    """While it serves: `linkdoctor history` reads the same runs."""
    with serve(write_plan(tmp_path, peer), state=tmp_path / "state") as serving:
        serving.wait("run", 2)
        serving.ask("/api/state")
        asked = [LINKDOCTOR, "history", "nightly-etl", "--state", tmp_path / "state", "--format", "json"]
        serving.wait("run", 3)
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    assert peer in json.dumps(json.loads(done.stdout))
