"""Whatever is asked, however it is written: never an error of ours, never an answer that nobody made."""

import http.client
import re
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agent.server.serving import serve, write_plan
from tests.tls_servers import HERE, free_port

_PATHS = (
    *("/", "/metrics", "/probe", "/-/healthy", "/-/ready", "/-/reload", "/target", "/run/r-0123456789ab"),
    *("/api/state", "/api/strips", "/api/changes", "/api/runs", "/api/runs/r-0123456789ab", "/api/outbound"),
)
_PARAMETERS = ("target", "plan", "debug", "module", "since", "until", "most", "key", "x")
_WORDS = (
    "web",
    "nightly-etl",
    "true",
    "0",
    "1",
    "1e9",
    "nan",
    "-1",
    "r-0123456789ab",
    "127.0.0.1:22",
    "%00",
    "%ff",
    "",
)
_TEXT = st.text(max_size=40)
_HEADERS = (
    *("Accept", "Accept-Encoding", "Authorization", "X-Prometheus-Scrape-Timeout-Seconds", "Origin", "Cookie"),
    *(
        "Sec-Fetch-Site",
        "If-None-Match",
        "Range",
        "Last-Event-ID",
        "Content-Type",
        "Expect",
        "Upgrade",
        "X-Forwarded-For",
    ),
)
_VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60) | st.sampled_from(
    ["gzip;q=0", "*", "application/openmetrics-text", "Basic YWxpY2U6", "5", "bytes=0-1", "100-continue", "h2c"]
)

_SETTINGS = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """A server whose targets are answered at once."""
    folder = tmp_path_factory.mktemp("fuzz")
    plan = write_plan(folder, {"name": "web", "address": f"{HERE}:{free_port()}"}, interval="1h")
    with serve(plan, state=folder) as process:
        process.wait("run")
        yield process
        assert process.ask("/-/healthy")[0] == 200
        assert process.end() == 0
        assert process.of("an answer broke off") == []
        assert process.of("unexpected") == []
        assert process.said == []


def encoded(text):
    """A text as a part of a query, with what cannot stand in a request's line in percent-encoding."""
    return re.sub(
        r"[^!-~]|[#&]", lambda found: "".join(f"%{byte:02x}" for byte in found[0].encode("utf-8", "replace")), text
    )


@given(
    method=st.sampled_from(["GET", "GET", "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "TRACE", "GE T"]),
    path=st.sampled_from(_PATHS) | _TEXT.map(lambda text: "/" + encoded(text)),
    query=st.lists(st.tuples(st.sampled_from(_PARAMETERS), st.sampled_from(_WORDS) | _TEXT), max_size=5),
    headers=st.dictionaries(st.sampled_from(_HEADERS), _VALUES, max_size=4),
)
@_SETTINGS
def test_requests(serving, method, path, query, headers):
    """Every route, with parameters and headers as they come: an answer below 500, or that it is busy."""
    if (path, method) == ("/page/events", "GET"):
        return
    asked = "&".join(f"{name}={encoded(value)}" for name, value in query)
    line = f"{method} {path}{'?' + asked if asked else ''} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    rest = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((HERE, serving.port), timeout=60) as client:
        client.sendall((line + rest + "\r\n").encode("latin-1"))
        answer = http.client.HTTPResponse(client, method=method)
        try:
            answer.begin()
        except http.client.HTTPException:
            return  # closed without a word: it was no request
        body = answer.read()

    assert answer.status < 500 or answer.status == 503, (answer.status, body)
    assert b"Traceback" not in body
    assert answer.getheader("Server") == "linkdoctor"


@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from([b"GET ", b"/ ", b"HTTP/1.1", b"\r\n", b":", b"\0", b"Host"])).map(b"".join)
)
@_SETTINGS
def test_bytes(serving, data):
    """What is no request at all is refused or closed, at once or when it ends."""
    with socket.create_connection((HERE, serving.port), timeout=60) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        heard = b""
        while more := client.recv(65536):
            heard += more

    assert re.match(rb"HTTP/1\.[01] [1-4]\d\d |\Z", heard), heard[:200]
