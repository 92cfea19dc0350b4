import asyncio
import importlib.metadata
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes import http, tls
from probes.contract import LONGEST_TEXT, Ask, Notes
from probes.network import Network
from reports.failures import Failure
from reports.model import Target
from reports.proxies import parse
from tests import tls_servers
from tests.tls_servers import HERE, Authority, Scripted, openssl, says, server

AUTHORITY = Authority("Root")
WHITELIST = "Access denied by project ip white list: sourceIP:'192.0.2.9' is not in white list."

# location -> what nginx does there
PAGES = {
    "/hello": "return 200 'hello';",
    "/moved": "return 302 'https://user:pw@sso.example/login?token=s3cret#x';",
    "/401": "return 401 'who are you';",
    "/403": "return 403 'not you';",
    "/404": "return 404 'no such page';",
    "/500": "return 500 'Traceback: boom';",
    "/502": "proxy_pass http://127.0.0.1:1;",
    "/oss": """return 403 '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>';""",
    "/json": """return 403 '{"error": "security_exception"}';""",
    "/whitelist": """return 403 "<Error><Message><![CDATA[%s]]></Message></Error>";""" % WHITELIST,
    "/whitelist-escaped": """return 403 "<Error><Message>%s</Message></Error>";""" % WHITELIST.replace("'", "&apos;"),
    "/html": """return 503 '<html><head><style>p {}</style><title>Busy</title></head><p>come&nbsp;later</p>';""",
}


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    """Nginx with pages of every kind, and with TLS that wants a client certificate."""
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "server.pem").write_text(AUTHORITY.issue("web.example"))
    (folder / "ca.pem").write_text(AUTHORITY.pem)
    (folder / "big").write_bytes(b"x" * 1_000_000)
    pages = "".join("location = %s { %s }" % page for page in PAGES.items())
    certificate = "ssl_certificate %s/server.pem; ssl_certificate_key %s/server.pem;" % (folder, folder)
    blocks = {
        "pages": ("", pages + "location / { root %s; }" % folder),
        "tls": ("ssl", certificate + "return 200 'by TLS';"),
        "client": ("ssl", certificate + "ssl_verify_client on; ssl_client_certificate %s/ca.pem;" % folder),
    }
    with tls_servers.nginx(folder, blocks) as listening:
        yield listening


@pytest.fixture
async def network():
    """The real network without limits."""
    opened = Network()
    yield opened
    opened.close()


def asked(port, path="/", service="http", host="web.example", timeout=5.0):
    """The question about this port of loopback."""
    return Ask(target=Target(name="t", host=host, port=port, service=service, path=path), address=HERE, timeout=timeout)


async def got(network, ask):
    """The one observation of an exchange."""
    notes = Notes()
    stream = (await network.connect(ask)).stream
    if ask.target.service == "https":
        stream = await tls.probe(ask, network, stream, Notes(), AUTHORITY.pem)
    await http.probe(ask, stream, notes)
    await stream.close()
    (seen,) = notes.observations
    return seen


async def test_answer(network, ports):
    """An answer leaves its status, sizes and times."""
    seen = await got(network, asked(ports["pages"], "/hello?token=s3cret"))

    assert seen.failure is None
    assert (seen.probe, seen.step) == ("http", "exchange")
    assert seen.facts["url"] == "http://web.example:%d/hello?..." % ports["pages"]
    assert seen.facts["way"] == "direct"
    assert seen.facts["status"] == 200
    assert seen.facts["reason"] == "OK"
    assert seen.facts["server"].startswith("nginx/")
    assert seen.facts["body_bytes"] == 5
    assert seen.facts["bytes_in"] > 100
    assert seen.facts["bytes_out"] > 80
    assert seen.facts["first_byte_s"] >= 0
    assert "message" not in seen.facts


@pytest.mark.parametrize(
    ("path", "service", "status", "expected"),
    [
        ("/moved", "http", 302, None),
        ("/401", "elasticsearch", 401, None),
        ("/404", "http", 404, None),
        ("/403", "http", 403, Failure.HTTP_ERROR_STATUS),
        ("/500", "http", 500, Failure.HTTP_ERROR_STATUS),
        ("/502", "http", 502, Failure.HTTP_ERROR_STATUS),
        ("/oss", "http", 403, None),
        ("/json", "elasticsearch", 403, None),
        ("/json", "http", 403, Failure.HTTP_ERROR_STATUS),
        ("/whitelist", "maxcompute", 403, Failure.CLIENT_DENIED),
        ("/whitelist-escaped", "maxcompute", 403, Failure.CLIENT_DENIED),
    ],
)
async def test_status(network, ports, path, service, status, expected):
    """5xx and 403 are failures, but a service's own refusal of an unsigned request is an answer."""
    seen = await got(network, asked(ports["pages"], path, service))

    assert seen.facts["status"] == status
    assert expected == seen.failure


async def test_whitelist_names_the_address(network, ports):
    """The project's IP whitelist says from which address it sees us."""
    seen = await got(network, asked(ports["pages"], "/whitelist", "maxcompute"))

    assert seen.facts["sees_client"] == "192.0.2.9"
    assert "white list" in seen.facts["message"]


async def test_redirect_is_not_followed(network, ports):
    """A redirect is noted without what may be secret in it."""
    seen = await got(network, asked(ports["pages"], "/moved"))

    assert seen.facts["location"] == "https://sso.example/login?..."


async def test_message_is_readable(network, ports):
    """Of an error's page the text is noted, not the markup."""
    seen = await got(network, asked(ports["pages"], "/html"))

    assert seen.facts["message"] == "Busy come later"


async def test_large_body_is_left(network, ports):
    """Of a large body no more than 64 KiB are read."""
    seen = await got(network, asked(ports["pages"], "/big"))

    assert seen.failure is None
    assert 65536 <= seen.facts["body_bytes"] < 65536 + 16384
    assert seen.facts["bytes_in"] < 100_000


@pytest.mark.parametrize(
    ("sizes", "line", "body"),
    [(http.Sizes(body=0), b"HEAD / ", None), (http.Sizes(body=1, padding=1500), b"GET / ", 1)],
)
async def test_sizes(sizes, line, body):
    """Without a body it is asked for the head alone; a padded request is as much larger, and means the same."""
    stream = Scripted([b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", b"x" if body else b""])
    notes = Notes()
    await http.probe(asked(80), stream, notes, sizes=sizes)
    (seen,) = notes.observations

    assert (None, 200, body) == (seen.failure, seen.facts["status"], seen.facts.get("body_bytes"))
    assert stream.heard.startswith(line)
    assert (sizes.padding > 0) == (len(stream.heard) > 1500)


async def test_by_tls(network, ports):
    """The same over a TLS stream."""
    seen = await got(network, asked(ports["tls"], service="https"))

    assert seen.failure is None
    assert seen.facts["url"] == "https://web.example:%d/" % ports["tls"]
    assert seen.facts["body_bytes"] == 6


async def test_plain_http_to_a_tls_port(network, ports):
    """A server that says that it wants TLS does not speak HTTP here."""
    seen = await got(network, asked(ports["tls"]))

    assert seen.failure is Failure.WRONG_PROTOCOL
    assert seen.facts["spoke"] == "tls"


async def test_client_certificate_wanted_by_nginx(network, ports):
    """Nginx completes the handshake and asks for the certificate in a page."""
    seen = await got(network, asked(ports["client"], service="https"))

    assert seen.failure is Failure.TLS_HANDSHAKE_FAILED
    assert seen.facts["status"] == 400


async def test_client_certificate_wanted_by_tls_1_3(network, tmp_path):
    """In TLS 1.3 the alert for a missing client certificate comes in place of the reply."""
    with openssl(tmp_path, AUTHORITY.issue("web.example"), "-Verify", "1", "-tls1_3") as port:
        seen = await got(network, asked(port, service="https"))

    assert seen.failure is Failure.TLS_HANDSHAKE_FAILED
    assert "certificate required" in seen.facts["detail"]


async def drips(reader, writer):
    """Answers one byte at a time."""
    await reader.read(1)
    for octet in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":
        writer.write(bytes([octet]))
        await writer.drain()


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("behave", "expected", "spoke"),
    [
        (drips, None, None),
        (tls_servers.resets, Failure.CONNECTION_RESET, None),
        (says(b""), Failure.EOF, None),
        (says(b"HTT"), Failure.EOF, None),
        (says(OK), Failure.EOF, None),
        (says(OK + b"Content-Length: 10\r\n\r\nhalf"), Failure.EOF, None),
        (says(OK + b"\r\nuntil the end"), None, None),
        (says(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), Failure.HTTP_MALFORMED, None),
        (says(OK + b"A" * 40000), Failure.HTTP_MALFORMED, None),
        (says(b"HTTP/1.1 100 Continue\r\n\r\n" * 3000), Failure.HTTP_MALFORMED, None),
        (says(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"\r\n"), None, None),
        (says(b"HTTP/1.1 999 Denied\r\n\r\n"), Failure.HTTP_MALFORMED, None),
        (says(b"HTTP/1.1 12 x\r\n\r\n"), Failure.HTTP_MALFORMED, None),
        (says(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), Failure.PROXY_AUTH_REQUIRED, None),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), Failure.WRONG_PROTOCOL, "ssh"),
        (says(b"\x15\x03\x03\x00\x02\x02\x16"), Failure.WRONG_PROTOCOL, "tls"),
        (says(b"what is this"), Failure.WRONG_PROTOCOL, None),
        (
            says(b"HTTP/1.1 404 Not Found\r\n\r\nIt looks like you are making an HTTP request to a Hadoop IPC port."),
            Failure.WRONG_PROTOCOL,
            "hadoop_ipc",
        ),
    ],
)
async def test_hostile_replies(network, behave, expected, spoke):
    """Whatever comes instead of a reply is told by what it is."""
    async with server(behave) as port:
        seen = await got(network, asked(port))

    assert seen.facts.get("spoke") == spoke
    assert expected == seen.failure


async def test_silence(network):
    """No reply at all: a time-out, after the request has left, and without a byte."""
    async with server(tls_servers.hangs) as port:
        seen = await got(network, asked(port, timeout=0.1))

    assert seen.failure is Failure.TIMED_OUT
    assert seen.facts["phase"] == "reply"
    assert seen.facts["bytes_in"] == 0


async def test_body_that_stalls(network):
    """A reply whose body stops coming has a status, and timed out."""

    async def behave(reader, writer):
        await reader.read(1)
        writer.write(OK + b"Content-Length: 10\r\n\r\nhalf")
        await reader.read(-1)

    async with server(behave) as port:
        seen = await got(network, asked(port, timeout=0.1))

    assert seen.failure is Failure.TIMED_OUT
    assert seen.facts["status"] == 200
    assert seen.facts["body_bytes"] == 4


async def test_body_without_end():
    """An endless body is an answer; so is one that trickles on beyond the time-out."""
    notes = Notes()
    await http.probe(asked(1), Scripted(itertools.chain([OK + b"\r\n"], itertools.repeat(b"x" * 1000))), notes)
    await http.probe(asked(1, timeout=0.05), Scripted(itertools.chain([OK + b"\r\n"], itertools.repeat(b"x"))), notes)

    assert [seen.failure for seen in notes.observations] == [None, None]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"path": "/a b?q=ü"}, b"GET /a%20b?q=%C3%BC HTTP/1.1\r\nHost: web.example\r\n"),
        ({"path": "/x\r\nInjected: yes"}, b"GET /x%0D%0AInjected:%20yes HTTP/1.1\r\nHost: web.example\r\n"),
        ({"path": "x#fragment"}, b"GET /x HTTP/1.1\r\nHost: web.example\r\n"),
        ({"path": ""}, b"GET / HTTP/1.1\r\nHost: web.example\r\n"),
        ({"host": "2001:db8::1"}, b"GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n"),
        ({"host": "2001:db8::1", "port": 81}, b"GET / HTTP/1.1\r\nHost: [2001:db8::1]:81\r\n"),
        (
            {"service": "maxcompute", "host": "service.cn-hangzhou.maxcompute.aliyun.com"},
            b"GET /api HTTP/1.1\r\nHost: service.cn-hangzhou.maxcompute.aliyun.com\r\n",
        ),
        (
            {"service": "maxcompute", "host": "dt.cn-hangzhou.maxcompute.aliyun.com"},
            b"GET / HTTP/1.1\r\nHost: dt.cn-hangzhou.maxcompute.aliyun.com\r\n",
        ),
    ],
)
async def test_request(target, expected):
    """The request names the path and the host, encoded so that nothing can end the line."""
    stream = Scripted([])
    await http.probe(asked(**{"port": 80, **target}), stream, Notes())

    assert stream.heard.startswith(expected)
    assert stream.heard.endswith(b"\r\nConnection: close\r\n\r\n")
    assert b"\r\nUser-Agent: linkdoctor/" in stream.heard


def test_version():
    """The user agent names the version of the distribution."""
    expected = "linkdoctor/" + importlib.metadata.version("linkdoctor")

    assert expected == http.USER_AGENT


PIECES = [
    b"HTTP/1.1 ",
    b"200 OK\r\n",
    b"403 No\r\n",
    b"101 Switching Protocols\r\n",
    b"\r\n",
    b"\r\n\r\n",
    OK,
    b"0\r\n\r\n",
    b"5\r\nhello\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: -1\r\n",
    b"Location: http://[\xff\r\n",
    b"Upgrade: h2c\r\n",
    b'{"a":',
    b"<Error><style>",
    b"&#0;&#x110000;&bogus;",
]
CHUNKS = st.one_of(st.binary(min_size=1, max_size=60), st.sampled_from(PIECES))


@given(chunks=st.lists(CHUNKS, max_size=8), service=st.sampled_from(["http", "maxcompute"]), way=st.integers(0, 2))
@settings(deadline=None, max_examples=400)
def test_no_bytes_break_it(chunks, service, way):
    """Whatever a peer says: one observation, no exception, bounded text, and no failure of ours."""
    notes = Notes()
    proxy = parse("http://user:s3cret@proxy:1")
    stream = Scripted(chunks)
    asyncio.run(
        [
            lambda: http.probe(asked(1, service=service), stream, notes),
            lambda: http.probe(asked(1, service=service), stream, notes, proxy),
            lambda: http.connect_through(asked(1), stream, notes, proxy),
        ][way]()
    )
    (seen,) = notes.observations

    assert seen.failure in {
        None,
        Failure.EOF,
        Failure.WRONG_PROTOCOL,
        Failure.HTTP_MALFORMED,
        Failure.HTTP_ERROR_STATUS,
        Failure.PROXY_DENIED,
    }
    assert all(len(value) <= LONGEST_TEXT for value in seen.facts.values() if isinstance(value, str))
