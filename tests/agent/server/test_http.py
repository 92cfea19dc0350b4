"""What every answer carries, who gets one, and who is not waited for."""

import asyncio
import gzip
import os
import re
import socket

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from agent.server.connection import RECEIVE_WITHIN
from tests.agent.server.serving import LINKDOCTOR, serve, write_plan
from tests.prometheus_parts import promtool
from tests.tls_servers import HERE, free_port

# In CI and by default; the soak has more.
_MANY = int(os.environ.get("LINKDOCTOR_CLIENTS", "1000"))


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """A server on loopback with one plan of a good target and a dead one."""
    folder = tmp_path_factory.mktemp("http")
    with socket.create_server((HERE, 0)) as good:
        targets = ["%s:%d" % good.getsockname(), {"name": "dead", "address": f"{HERE}:{free_port()}"}]
        with serve(write_plan(folder, *targets), state=folder) as process:
            process.wait("run")
            yield process
            assert process.end() == 0
            assert process.of("an answer broke off") == []
            assert process.said == []


def exchange(port, *pieces, patience=30):
    """Send these bytes; all that comes back until the end."""
    with socket.create_connection((HERE, port), timeout=patience) as client:
        for piece in pieces:
            client.sendall(piece)
        client.shutdown(socket.SHUT_WR)
        heard = b""
        while more := client.recv(65536):
            heard += more
    return heard


@pytest.mark.parametrize("path", ["/metrics", "/api/state", "/-/healthy", "/nowhere", "/probe", "/api/strips"])
def test_every_answer_is_guarded(serving, path):
    """No page is made of it, nothing is remembered, and nothing is told of what runs here."""
    _, headers, _ = serving.ask(path)

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert headers["Server"] == "linkdoctor"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:9723", 200),
        ("127.8.8.8:1", 200),
        ("localhost", 200),
        ("LOCALHOST.:80", 200),
        ("[::1]:9723", 200),
        ("[::ffff:127.0.0.1]", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:9723", 421),
        ("localhost.evil.example", 421),
        ("169.254.169.254", 421),
        ("0", 421),
        ("2130706433", 421),
        ("0x7f.1", 421),
        ("", 421),
        ("[::1", 421),
        ("10.0.0.1", 421),
    ],
)
def test_a_name_that_was_made_to_point_here(serving, host, status):
    """DNS rebinding: on loopback only this machine's own names are answered to."""
    assert serving.ask("/-/healthy", Host=host)[0] == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1", "Host": "127.0.0.1:2"}, 403),
        ({"Origin": "http://127.0.0.1:2", "Host": "127.0.0.1:2"}, 200),
        ({"Origin": "http://["}, 403),
    ],
)
def test_a_page_from_elsewhere_changes_nothing(serving, headers, status):
    """A browser on this machine may be told to send a request by anybody's page."""
    assert serving.ask("/-/reload", "POST", **headers)[0] == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/-/reload", 405),
        ("POST", "/metrics", 405),
        ("DELETE", "/api/state", 405),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/metrics/", 404),
        ("GET", "/api/runs/r-xyz", 400),
        ("GET", "/api/runs/r-0123456789ab", 404),
        ("GET", "/?" + "x" * 5000, 414),
    ],
)
def test_what_is_not_there(serving, method, path, status):
    """Its status and a word, in plain text."""
    found, headers, body = serving.ask(path, method)

    assert found == status
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert len(body) < 200


def test_no_body(serving):
    """No request has one here: it is not read."""
    assert serving.ask("/-/reload", "POST", body=b"x" * 100)[0] == 413
    endless = b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    with socket.create_connection((HERE, serving.port), timeout=30) as client:
        client.sendall(endless)
        assert b" 413 " in client.recv(100)


def test_a_body_that_is_not_what_it_says(serving):
    """Nobody unpacks it, and the log has no word of it (see ``serving``)."""
    head = b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n"
    with socket.create_connection((HERE, serving.port), timeout=30) as client:
        client.sendall(head + b"abcd")
        assert b" 413 " in client.recv(100)


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(500)) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_request(serving, request_):
    """It is refused, with nothing of it and nothing of us in the answer."""
    heard = exchange(serving.port, request_)

    assert re.match(rb"HTTP/1\.[01] 4\d\d |\Z", heard), heard[:100]
    assert b"aiohttp" not in heard.lower()
    assert b"python" not in heard.lower()
    assert b"Traceback" not in heard
    assert serving.ask("/-/healthy")[0] == 200


@pytest.mark.parametrize("line", [b"OPTIONS *", b"CONNECT here:1", b"GET /%0a"])
def test_an_expectation_where_nothing_is(serving, line):
    """It is refused, in whatever bytes it stands, and is no error of ours."""
    with socket.create_connection((HERE, serving.port), timeout=30) as client:
        client.sendall(line + b" HTTP/1.1\r\nHost: localhost\r\nExpect: \x80\r\n\r\n")
        assert re.match(rb"HTTP/1\.[01] 4\d\d ", client.recv(100))


def test_both_formats(serving):
    """By the Accept header; Prometheus's own tool and parsers have nothing to say of them, packed or not."""
    plain = serving.ask("/metrics")
    wanted = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    opened = serving.ask("/metrics", Accept=wanted)
    packed = serving.ask("/metrics", Accept_Encoding="gzip")

    assert plain[1]["Content-Type"].startswith("text/plain; version=0.0.4")
    assert opened[1]["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert opened[2].endswith(b"# EOF\n")
    assert packed[1]["Content-Encoding"] == "gzip"
    names = {family.name for family in text_string_to_metric_families(plain[2].decode())}
    assert {family.name for family in text_string_to_metric_families(gzip.decompress(packed[2]).decode())} == names
    assert {"linkdoctor_target_up", "linkdoctor_loop_lag_seconds", "process_open_fds"} <= names
    assert list(read_openmetrics(opened[2].decode()))
    assert promtool(plain[2]) == ""


def test_clients_that_take_their_time(serving):
    """Whoever does not send a whole request soon is let go, also with a byte now and then; nobody waits for him."""
    beginnings = (b"GET /metrics HTTP/1.1\r\n", b"G", b"", b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
    slow = []
    for number in range(200):
        slow.append(socket.create_connection((HERE, serving.port), timeout=RECEIVE_WITHIN * 4))
        slow[-1].sendall(beginnings[number % 4])
    slowest = socket.create_connection((HERE, serving.port), timeout=0.5)
    slowest.sendall(beginnings[3])
    dripped = 0
    with slowest:
        while not _is_over(slowest):
            slowest.sendall(b"a")
            dripped += 1
            assert serving.ask("/-/healthy")[0] == 200
    assert 0 < dripped < 10 * RECEIVE_WITHIN
    for client in slow:
        with client:
            assert _is_over(client)


def _is_over(client):
    """Whether the server has ended the connection; False where nothing came within the client's time-out."""
    try:
        return client.recv(4096) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_a_client_that_does_not_read(serving):
    """It costs a little memory, and delays nobody."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((HERE, serving.port))
    with client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50)
        assert serving.ask("/metrics")[0] == 200


async def test_a_thousand_at_once(serving):
    """All of them are answered, whole; runs go on meanwhile, and no verdict changes."""
    runs = len(serving.of("run"))

    async def scrape():
        reader, writer = await asyncio.open_connection(HERE, serving.port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        heard = await reader.read()
        writer.close()
        return heard

    answers = await asyncio.gather(*[scrape() for _ in range(_MANY)])

    assert all(answer.startswith(b"HTTP/1.1 200 OK") for answer in answers)
    assert all(b"linkdoctor_loop_lag_seconds" in answer[-20000:] for answer in answers)
    await asyncio.to_thread(serving.wait, "run", runs + 2)
    assert serving.of("verdict") == []
    assert [target["verdict"] for target in serving.state()["targets"]] == ["healthy", "failing"]


def test_more_connections_than_there_is_room_for(tmp_path):
    """Those that wait for nothing make room for those that ask: the limit is a part of all descriptors."""
    with socket.create_server((HERE, 0)) as good:
        plan = write_plan(tmp_path, "%s:%d" % good.getsockname())
        limited = ("prlimit", "--nofile=256:256", "--", LINKDOCTOR)
        with serve(plan, program=limited, state=tmp_path) as serving:
            serving.wait("run")
            idle = [socket.create_connection((HERE, serving.port)) for _ in range(150)]
            assert serving.ask("/-/healthy")[0] == 200
            serving.more("run", 2)
            assert [target["verdict"] for target in serving.state()["targets"]] == ["healthy"]
            for client in idle:
                client.close()
            assert serving.end() == 0
