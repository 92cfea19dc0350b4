"""What the page is given: the state of everything, what was kept, and what happens, as it happens."""

import json
import socket

import pytest

from reports import document
from tests.agent.server.serving import serve, write_plan
from tests.tls_servers import HERE, free_port


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """A server whose plan has a good target and a dead one."""
    folder = tmp_path_factory.mktemp("api")
    with socket.create_server((HERE, 0)) as good:
        targets = [
            {"name": "good", "address": "%s:%d" % good.getsockname(), "group": "hadoop"},
            {"name": "dead", "address": f"{HERE}:{free_port()}"},
        ]
        with serve(write_plan(folder, *targets), state=folder) as process:
            process.wait("run", 2)
            yield process
            assert process.end() == 0
            assert process.of("an answer broke off") == []


def asked(serving, path):
    """The JSON there."""
    status, headers, body = serving.ask(path)
    assert status == 200, body
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    return json.loads(body)


def kept(serving, path):
    """The same, as soon as something is kept."""
    while not (found := asked(serving, path)):
        serving.more("run")
    return found


def test_the_state(serving):
    """Both verdicts of each target, since when, how sure, how old; the plan's last run; this process's own health."""
    state = asked(serving, "/api/state")
    (plan,) = state["plans"]
    good, dead = plan["targets"]

    assert state["schema"] == "linkdoctor/state/1"
    assert (plan["name"], plan["interval_s"], plan["verdict"], plan["overruns"]) == ("nightly-etl", 1.0, "failing", 0)
    assert plan["last_run"]["id"].startswith("r-")
    assert (good["verdict"], good["measured"], good["counts"], good["group"]) == ("healthy", "healthy", True, "hadoop")
    assert (dead["verdict"], dead["cause"], dead["old"]) == ("failing", "service_not_listening", False)
    assert 0 < dead["confidence"] <= 1
    assert good["latency_s"] > 0
    assert state["own"]["store_trouble"] == ""
    assert state["own"]["loop_lag_s"] >= 0


def test_what_was_kept(serving):
    """Runs, newest first; the report of one; strips; changes; outbound addresses."""
    listed = kept(serving, "/api/runs?plan=nightly-etl&most=2")
    report = serving.ask(f"/api/runs/{listed[0]['id']}")[2]
    strips = asked(serving, "/api/strips?plan=nightly-etl&most=10")

    assert listed[0]["verdict"] == "failing"
    assert document.loads(report, "answer").run.id == listed[0]["id"]
    assert {row["target"]: set(row["cells"]) - {"-"} for row in strips["rows"]} == {"good": {"h"}, "dead": {"f"}}
    assert asked(serving, "/api/changes?plan=nightly-etl") == []
    assert asked(serving, "/api/outbound?plan=nightly-etl") == []
    assert asked(serving, "/api/runs?plan=nobody") == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/runs", "plan is missing"),
        ("/api/runs?plan=a&plan=b", "2 times"),
        ("/api/runs?plan=a&most=0", "allowed: 1 to 1000"),
        ("/api/runs?plan=a&most=99999999999999999999", "allowed: 1 to 1000"),
        ("/api/runs?plan=a&most=%D9%A1", "allowed: 1 to 1000"),
        ("/api/strips?plan=a&since=nan", "Unix seconds"),
        ("/api/strips?plan=a&since=1e300", "Unix seconds"),
        ("/api/strips?plan=a&since=5&until=4", "not before"),
        ("/api/changes?since=yesterday", "Unix seconds"),
    ],
)
def test_bad_questions(serving, path, words):
    """400, and what is allowed."""
    status, _, body = serving.ask(path)

    assert status == 400
    assert words in body.decode()


def test_the_longest_strip(serving):
    """From the beginning of time to its end."""
    strips = asked(serving, "/api/strips?plan=nightly-etl&since=0&until=1e11&most=1000")

    assert len(strips["rows"][0]["cells"]) <= 1001


class Listener:
    """A client of /api/events."""

    def __init__(self, serving):
        self._sock = socket.create_connection((HERE, serving.port), timeout=60)
        self._sock.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self._file = self._sock.makefile("rb")
        self.head = b"".join(iter(self._file.readline, b"\r\n"))

    def event(self):
        """The next event: its word and its facts."""
        word = None
        while True:
            line = self._file.readline()
            if line.startswith(b"event: "):
                word = line[7:].strip().decode()
            elif line.startswith(b"data: "):
                return word, json.loads(line[6:])
            elif not line:
                return None, None

    def close(self):
        """Gone."""
        self._file.close()
        self._sock.close()


def test_what_happens_is_told(serving):
    """Each run, as it ends, to all who listen."""
    listeners = [Listener(serving) for _ in range(3)]
    for listener in listeners:
        word, facts = listener.event()

        assert b"text/event-stream" in listener.head
        assert (word, facts["plan"], facts["verdict"]) == ("run", "nightly-etl", "failing")
        assert facts["run"]["id"].startswith("r-")
        listener.close()


def test_the_end_lets_listeners_go(tmp_path):
    """They do not keep the process from ending."""
    with serve(write_plan(tmp_path, f"{HERE}:1"), state=tmp_path) as serving:
        listener = Listener(serving)
        assert listener.event()[0] == "run"
        assert serving.end() == 0
        while listener.event()[0] is not None:
            pass
        listener.close()


def test_a_change_is_told_and_kept(tmp_path):
    """A verdict that changes is news, stands among the changes, and in the log."""
    port = free_port()
    with serve(write_plan(tmp_path, {"name": "it", "address": f"{HERE}:{port}"}), state=tmp_path) as serving:
        serving.wait("run")
        listener = Listener(serving)
        with socket.create_server((HERE, port)):
            while True:
                word, facts = listener.event()
                if word == "verdict":
                    break
            logged = serving.wait("verdict")
            serving.more("run", 2)
        changes = asked(serving, "/api/changes?plan=nightly-etl&target=it")
        listener.close()
        assert serving.end() == 0

    assert (facts["target"], facts["before"], facts["after"]) == ("it", "failing", "healthy")
    assert (logged["target"], logged["after"]) == ("it", "healthy")
    assert [(one["before"], one["after"]) for one in changes] == [("failing", "healthy")]
