import subprocess

import pytest

from probes import http, tls
from probes.contract import Ask, Notes
from probes.network import Network
from reports.failures import Failure
from reports.model import Target
from reports.proxies import Proxy, parse
from tests import tls_servers
from tests.tls_servers import HERE, Authority, free_port, program, says, server

AUTHORITY = Authority("Root")
RULES = """
auth_param basic program %(helper)s %(users)s
acl known proxy_auth REQUIRED
acl forbidden dst 127.0.0.2
http_access deny forbidden
http_access allow open
http_access allow known
http_access deny all
"""


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    """Squid with a port for everybody and one that wants credentials; nginx behind it, plain and with TLS."""
    folder = tmp_path_factory.mktemp("proxy")
    helper = program("basic_ncsa_auth", "/usr/lib/squid", "/usr/lib64/squid")
    hashed = subprocess.run(
        [program("openssl"), "passwd", "-apr1", "s3cret"], check=True, capture_output=True, text=True
    ).stdout
    (folder / "users").write_text("job:" + hashed)
    for above in (folder, *list(folder.parents)[:2]):
        above.chmod(0o755)  # squid and its helper are another user where the test is root
    squid_folder = folder / "squid"
    squid_folder.mkdir()
    (folder / "server.pem").write_text(AUTHORITY.issue("web.example", HERE))
    certificate = "ssl_certificate %s/server.pem; ssl_certificate_key %s/server.pem;" % (folder, folder)
    blocks = {
        "plain": ("", "location /503 { return 503 'backend busy'; } location / { return 200 'plain'; }"),
        "tls": ("ssl", certificate + "return 200 'by TLS';"),
    }
    rules = RULES % {"helper": helper, "users": folder / "users"}
    with (
        tls_servers.nginx(folder, blocks) as web,
        tls_servers.squid(squid_folder, rules, ["open", "known_only"]) as own,
    ):
        yield {**web, **own}


@pytest.fixture
async def network():
    """The real network without limits."""
    opened = Network()
    yield opened
    opened.close()


def proxy_at(port, credentials=""):
    """The proxy at a port of loopback, as a variable would name it."""
    return parse("http://%s%s:%d" % (credentials and credentials + "@", HERE, port), "HTTP_PROXY")


def asked(port, service="http", host=HERE, path="/", timeout=5.0):
    """The question about a target."""
    return Ask(target=Target(name="t", host=host, port=port, service=service, path=path), address=HERE, timeout=timeout)


async def forwarded(network, ask, proxy):
    """The one observation of a request that the proxy is to forward."""
    notes = Notes()
    stream = (await network.connect_to(proxy.host, proxy.port, 5, ask.target.name)).stream
    await http.probe(ask, stream, notes, proxy)
    await stream.close()
    (seen,) = notes.observations
    return seen


async def tunnelled(network, ask, proxy):
    """Whether CONNECT worked, its one observation, and the stream."""
    notes = Notes()
    stream = (await network.connect_to(proxy.host, proxy.port, 5, ask.target.name)).stream
    through = await http.connect_through(ask, stream, notes, proxy)
    (seen,) = notes.observations
    if not through:
        await stream.close()
    return through, seen, stream


async def test_forwarded(network, ports):
    """A plain target's answer comes through the proxy; the observation says which way it took."""
    seen = await forwarded(network, asked(ports["plain"]), proxy_at(ports["open"]))

    assert seen.failure is None
    assert seen.step == "exchange"
    assert seen.address == "%s:%d" % (HERE, ports["plain"])
    assert seen.facts["way"] == "proxy"
    assert seen.facts["proxy"] == "%s:%d" % (HERE, ports["open"])
    assert seen.facts["status"] == 200
    assert seen.facts["server"].startswith("nginx")


async def test_error_of_the_origin(network, ports):
    """An error that the proxy only passes on is the target's."""
    seen = await forwarded(network, asked(ports["plain"], path="/503"), proxy_at(ports["open"]))

    assert seen.step == "exchange"
    assert seen.failure is Failure.HTTP_ERROR_STATUS
    assert seen.facts["message"] == "backend busy"


@pytest.mark.parametrize(
    ("way", "proxy", "credentials", "host", "status", "expected"),
    [
        ("forwarded", "known_only", "", HERE, 407, Failure.PROXY_AUTH_REQUIRED),
        ("forwarded", "known_only", "job:wr0ng", HERE, 407, Failure.PROXY_AUTH_REQUIRED),
        ("forwarded", "open", "", HERE, 503, Failure.PROXY_UNAVAILABLE),
        ("forwarded", "open", "", "127.0.0.2", 403, Failure.PROXY_DENIED),
        ("tunnelled", "known_only", "", HERE, 407, Failure.PROXY_AUTH_REQUIRED),
        ("tunnelled", "known_only", "job:wr0ng", HERE, 407, Failure.PROXY_AUTH_REQUIRED),
        ("tunnelled", "open", "", HERE, 503, Failure.PROXY_UNAVAILABLE),
        ("tunnelled", "open", "", "127.0.0.2", 403, Failure.PROXY_DENIED),
    ],
)
async def test_refused_by_the_proxy(network, ports, way, proxy, credentials, host, status, expected):
    """What the proxy itself answers is the proxy's step, with its own words."""
    ask = asked(free_port(), host=host)
    if way == "forwarded":
        seen = await forwarded(network, ask, proxy_at(ports[proxy], credentials))
    else:
        through, seen, _ = await tunnelled(network, ask, proxy_at(ports[proxy], credentials))
        assert not through

    assert (seen.probe, seen.step) == ("http", "proxy")
    assert seen.address == "%s:%d" % (HERE, ports[proxy])
    assert seen.facts["status"] == status
    assert seen.facts["proxy"] == "%s:%d" % (HERE, ports[proxy])
    assert "could not be retrieved" in seen.facts["message"] or "Access Denied" in seen.facts["message"]
    assert expected == seen.failure


async def test_credentials_are_sent_and_never_noted(network, ports):
    """With the variable's credentials the proxy lets us through; they appear nowhere."""
    proxy = proxy_at(ports["known_only"], "job:s3cret")
    plain = await forwarded(network, asked(ports["plain"]), proxy)
    through, connected, stream = await tunnelled(network, asked(ports["plain"]), proxy)
    await stream.close()

    assert plain.failure is None
    assert through
    assert connected.failure is None
    assert not [text for text in ("s3cret", proxy.authorization) if text in repr((plain, connected))]


async def test_tls_through_the_proxy(network, ports):
    """TLS and the request go through the tunnel, and a refused certificate is fetched through it too."""
    proxy = proxy_at(ports["open"])
    ask = asked(ports["tls"], "https")
    _, _, stream = await tunnelled(network, ask, proxy)
    notes = Notes()

    async def reopen():
        return (await tunnelled(network, ask, proxy))[2]

    secured = await tls.probe(ask, network, stream, notes, AUTHORITY.pem)
    await http.probe(ask, secured, notes, proxy)
    await secured.close()
    _, _, stream = await tunnelled(network, ask, proxy)
    await tls.probe(ask, network, stream, notes, Authority("Other").pem, reopen=reopen)
    shaken, seen, refused = notes.observations

    assert shaken.failure is None
    assert seen.failure is None
    assert seen.facts["way"] == "proxy"
    assert seen.facts["url"] == "https://127.0.0.1:%d/" % ports["tls"]
    assert refused.failure is Failure.TLS_UNTRUSTED
    assert refused.address == "127.0.0.1:%d" % ports["tls"]
    assert refused.facts["issuer"] == "CN=Root"


async def test_what_follows_the_head_belongs_to_the_target(network):
    """Bytes that a target says first stay in the stream, also where they come with the proxy's answer."""
    async with server(says(b"HTTP/1.1 200 Connection established\r\n\r\n220 hello\r\n")) as port:
        _, _, stream = await tunnelled(network, asked(25), proxy_at(port))
        greeting = await stream.read(100, 5)
        await stream.close()

    assert greeting == b"220 hello\r\n"


@pytest.mark.parametrize(
    ("answer", "expected", "spoke"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", Failure.PROXY_UNAVAILABLE, None),
        (b"HTTP/1.1 500 Oops\r\n\r\n", Failure.PROXY_UNAVAILABLE, None),
        (b"HTTP/1.1 405 Not Allowed\r\n\r\n", Failure.PROXY_DENIED, None),
        (b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", Failure.PROXY_DENIED, None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Failure.WRONG_PROTOCOL, "ssh"),
        (b"", Failure.EOF, None),
    ],
)
async def test_other_answers_to_connect(network, answer, expected, spoke):
    """Whatever else answers CONNECT is no way to the target."""
    async with server(says(answer)) as port:
        through, seen, _ = await tunnelled(network, asked(443), proxy_at(port))

    assert not through
    assert seen.facts.get("spoke") == spoke
    assert expected == seen.failure


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"Server: squid/5.7\r\n", "proxy"),
        (b"Proxy-Status: edge; error=connection_refused\r\n", "proxy"),
        (b"Proxy-Status: edge; received-status=503\r\nServer: nginx\r\n", "exchange"),
        (b"Server: nginx\r\nVia: 1.1 proxy (squid/5.7)\r\n", "exchange"),
        (b"", "exchange"),
    ],
)
async def test_who_made_the_answer(network, head, expected):
    """Headers tell a proxy's own error from one that it passes on."""
    async with server(says(b"HTTP/1.1 503 Service Unavailable\r\n%sContent-Length: 0\r\n\r\n" % head)) as port:
        seen = await forwarded(network, asked(80), proxy_at(port))

    assert expected == seen.step


@pytest.mark.parametrize(
    ("answer", "step", "expected"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "proxy", Failure.WRONG_PROTOCOL),
        (b"", "proxy", Failure.EOF),
        (b"HTTP/1.1 what\r\n\r\n", "proxy", Failure.HTTP_MALFORMED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "exchange", Failure.EOF),
    ],
)
async def test_no_answer_of_a_proxy(network, answer, step, expected):
    """Where no HTTP comes back at all, that is the proxy's doing; within an answer, it may be the target's."""
    async with server(says(answer)) as port:
        seen = await forwarded(network, asked(80), proxy_at(port))

    assert seen.step == step
    assert expected == seen.failure


async def test_silence_behind_a_proxy(network):
    """A proxy that waits for a silent target is silent, too: nothing says whose silence it is."""
    async with server(tls_servers.hangs) as port:
        seen = await forwarded(network, asked(80, timeout=0.1), proxy_at(port))

    assert seen.step == "exchange"
    assert seen.failure is Failure.TIMED_OUT


async def test_credentials_that_come_back(network):
    """A proxy that repeats the credentials in its answer does not bring them into the report."""
    proxy = Proxy(host=HERE, port=1, variable="HTTP_PROXY", user="job", password="s3cret")
    page = "HTTP/1.1 407 No\r\n\r\nyou sent %s that is job:s3cret" % proxy.authorization
    async with server(says(page.encode())) as port:
        seen = await forwarded(network, asked(80), proxy_at(port, "job:s3cret"))

    assert seen.facts["message"] == "you sent Basic *** that is job:***"
