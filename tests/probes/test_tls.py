import asyncio
import itertools
import socket
import ssl
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes import tls
from probes.contract import Ask, Budget, Notes
from probes.network import Network
from reports.failures import Failed, Failure
from reports.model import Target
from tests import tls_servers
from tests.tls_servers import DAY, HERE, NOW, Authority, Scripted, openssl, server

CORPORATE = Authority("Corporate Root")
UNKNOWN = Authority("Unknown Root")
NAME = "web.example"


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    """Nginx with one port for every kind of certificate."""
    folder = tmp_path_factory.mktemp("nginx")
    certificates = {
        "good": CORPORATE.issue(NAME, "*.data.example", HERE),
        "expired": CORPORATE.issue(NAME, end=NOW - 4 * DAY),
        "not_yet": CORPORATE.issue(NAME, start=NOW + 3 * DAY),
        "soon": CORPORATE.issue(NAME, end=NOW + 5.5 * DAY),
        "other_name": CORPORATE.issue("other.example"),
        "unknown": UNKNOWN.issue(NAME),
        "unknown_expired": UNKNOWN.issue(NAME, end=NOW - 4 * DAY),
    }
    blocks = {}
    for name, pem in certificates.items():
        (folder / (name + ".pem")).write_text(pem)
        blocks[name] = ("ssl", certificate_lines(folder, name) + "ssl_protocols TLSv1.2 TLSv1.3;")
    blocks["old"] = (
        "ssl",
        certificate_lines(folder, "good") + "ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;",
    )
    blocks["plain"] = ("", "return 200 'plain';")
    with tls_servers.nginx(folder, blocks) as listening:
        yield listening


def certificate_lines(folder, name):
    """The lines of an nginx server block that name its certificate and give it a page."""
    return "ssl_certificate %s/%s.pem; ssl_certificate_key %s/%s.pem; return 200 'hello';" % (
        folder,
        name,
        folder,
        name,
    )


@pytest.fixture
async def network():
    """The real network without limits."""
    opened = Network()
    yield opened
    opened.close()


def asked(port, host=NAME, timeout=5.0):
    """The question about this port of loopback."""
    return Ask(target=Target(name="t", host=host, port=port, service="https"), address=HERE, timeout=timeout)


async def shaken(network, ask, ca=CORPORATE.pem, reopen=None):
    """The one observation of a handshake, and the TLS stream if there is one."""
    notes = Notes()
    stream = (await network.connect(ask)).stream
    secured = await tls.probe(ask, network, stream, notes, ca, reopen=reopen)
    (seen,) = notes.observations
    return seen, secured


async def test_good_certificate(network, ports):
    """A verified handshake leaves its facts and a stream that carries the application's bytes."""
    seen, stream = await shaken(network, asked(ports["good"]))
    await stream.write(b"GET / HTTP/1.0\r\n\r\n", 5)
    answer = b""
    while b"hello" not in answer:
        answer += await stream.read(65536, 5)
    end = await stream.read(65536, 5)
    await stream.close()

    assert seen.failure is None
    assert seen.facts["version"] == "TLSv1.3"
    assert seen.facts["cipher"].startswith("TLS_")
    assert seen.facts["server_name"] == NAME
    assert seen.facts["subject"] == "CN=web.example"
    assert seen.facts["issuer"] == "CN=Corporate Root"
    assert seen.facts["names"] == "web.example,*.data.example,127.0.0.1"
    assert seen.facts["not_after"] == (NOW + 90.5 * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert 90 < seen.facts["days_left"] <= 90.5
    assert seen.facts["self_signed"] is False
    assert seen.facts["bytes_in"] > 500
    assert answer.startswith(b"HTTP/1.1 200")
    assert end == b""


@pytest.mark.parametrize(
    ("port", "host", "expected"),
    [
        ("good", HERE, None),
        ("good", "x.data.example", None),
        ("good", "x.y.data.example", Failure.TLS_WRONG_NAME),
        ("other_name", NAME, Failure.TLS_WRONG_NAME),
        ("other_name", HERE, Failure.TLS_WRONG_NAME),
        ("expired", NAME, Failure.TLS_EXPIRED),
        ("not_yet", NAME, Failure.TLS_NOT_YET_VALID),
        ("soon", NAME, None),
        ("unknown", NAME, Failure.TLS_UNTRUSTED),
        ("unknown_expired", NAME, Failure.TLS_UNTRUSTED),
    ],
)
async def test_verification(network, ports, port, host, expected):
    """Names, addresses, dates and authorities are verified; the certificate's facts are there in every case."""
    seen, stream = await shaken(network, asked(ports[port], host))
    if stream is not None:
        await stream.close()

    assert seen.facts["issuer"] in ("CN=Corporate Root", "CN=Unknown Root")
    assert "verify_code" in seen.facts or expected is None
    assert expected == seen.failure


async def test_refused_certificate_is_fetched(network, ports):
    """A certificate that was not accepted is fetched by a second handshake; the failure and its text stay."""
    seen, stream = await shaken(network, asked(ports["expired"]))

    assert stream is None
    assert seen.failure is Failure.TLS_EXPIRED
    assert seen.facts["verify_code"] == 10
    assert seen.facts["verify_message"] == "certificate has expired"
    assert -4.1 < seen.facts["days_left"] <= -4.0
    assert seen.facts["version"] == "TLSv1.3"


class OneAtATime(Budget):
    """Notes how many connections were open at once, and refuses what is beyond ``most`` in all."""

    def __init__(self, most=10):
        self.most, self.open, self.peak = most, 0, 0

    async def admit(self, _keys):
        """See Budget."""
        if self.most == 0:
            raise Failed(Failure.BUDGET_SPENT)
        self.most -= 1
        self.open += 1
        self.peak = max(self.peak, self.open)

    def release(self, _keys):
        """See Budget."""
        self.open -= 1


@pytest.mark.parametrize("port", ["expired", "good", "plain", "old"])
async def test_one_connection_at_a_time(ports, port):
    """The first connection is closed before a second one is opened, and none is left open."""
    budget = OneAtATime()
    network = Network(budget)
    _, stream = await shaken(network, asked(ports[port]))
    if stream is not None:
        await stream.close()
    network.close()

    assert budget.open == 0
    assert budget.peak == 1


async def test_no_second_connection_allowed(ports):
    """Where the budget is spent, the failure is told without the certificate's facts."""
    network = Network(OneAtATime(most=1))
    seen, _ = await shaken(network, asked(ports["expired"]))
    network.close()

    assert seen.failure is Failure.TLS_EXPIRED
    assert "subject" not in seen.facts


async def test_reopened_by_the_caller(network, ports):
    """Where the way is not a plain connection (a proxy), the caller opens the second one."""

    async def reopen():
        return (await network.connect(asked(ports["expired"]))).stream

    async def nothing():
        return None

    seen, _ = await shaken(network, asked(ports["expired"]), reopen=reopen)
    without, _ = await shaken(network, asked(ports["expired"]), reopen=nothing)

    assert seen.facts["subject"] == "CN=web.example"
    assert "subject" not in without.facts


async def test_no_version_in_common(network, ports):
    """A server that knows only old versions says so by an alert, unless this OpenSSL turns away from it first."""
    seen, stream = await shaken(network, asked(ports["old"]))

    assert stream is None
    assert seen.failure is Failure.TLS_HANDSHAKE_FAILED
    if "legacy sigalg disallowed" not in seen.facts["detail"]:
        assert seen.facts["alert"] == "protocol_version"
        assert seen.facts["reason"] == "TLSV1_ALERT_PROTOCOL_VERSION"


async def test_client_certificate_wanted_in_tls_1_2(network, tmp_path):
    """Up to TLS 1.2 a missing client certificate ends the handshake."""
    with openssl(tmp_path, CORPORATE.issue(NAME), "-Verify", "1", "-tls1_2") as port:
        seen, stream = await shaken(network, asked(port))

    assert stream is None
    assert seen.failure is Failure.TLS_HANDSHAKE_FAILED
    assert seen.facts["alert"] == "handshake_failure"


async def test_client_certificate_wanted_in_tls_1_3(network, tmp_path):
    """In TLS 1.3 the handshake works, and the first read tells that a client certificate is required."""
    with openssl(tmp_path, CORPORATE.issue(NAME), "-Verify", "1", "-tls1_3") as port:
        seen, stream = await shaken(network, asked(port))
        with pytest.raises(ssl.SSLError, match="certificate required"):
            await stream.read(100, 5)
        await stream.close()

    assert seen.failure is None


@pytest.mark.parametrize(
    ("first_words", "expected"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "ssh"),
        (b"220 mail.example ESMTP ready\r\n", "smtp"),
        (b"-ERR unknown command\r\n", "redis"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "http"),
        (b"\x00\x01", None),
        (b"no protocol that is known", None),
    ],
)
async def test_plaintext(network, first_words, expected):
    """Whoever speaks plain text is recognised by what it said, also if that is shorter than a TLS record's header."""
    async with server(tls_servers.says(first_words)) as port:
        seen, stream = await shaken(network, asked(port))

    assert stream is None
    assert seen.failure is Failure.TLS_PLAINTEXT
    assert expected == seen.facts.get("spoke")


@pytest.mark.parametrize(
    ("behave", "expected"),
    [
        (tls_servers.hangs, Failure.TIMED_OUT),
        (tls_servers.resets, Failure.CONNECTION_RESET),
        (tls_servers.says(b""), Failure.EOF),
        (tls_servers.says(b"\x16\x03\x03"), Failure.EOF),
        (tls_servers.says(b"\x16\x03\x03\xff\xff" + bytes(65535)), Failure.TLS_HANDSHAKE_FAILED),
        (tls_servers.says(b"\x15\x03\x03\x00\x02\x02\x70"), Failure.TLS_HANDSHAKE_FAILED),
    ],
)
async def test_ends_within_the_handshake(network, behave, expected):
    """Silence, reset, end, broken records and alerts within the handshake are what they are."""
    async with server(behave) as port:
        seen, stream = await shaken(network, asked(port, timeout=0.2 if behave is tls_servers.hangs else 5.0))

    assert stream is None
    assert expected == seen.failure


async def test_one_byte_at_a_time(network, ports):
    """A handshake whose bytes come one by one is a handshake all the same."""

    async def relay(reader, writer):
        far_reader, far_writer = await asyncio.open_connection(HERE, ports["good"])

        async def upwards():
            while data := await reader.read(65536):
                far_writer.write(data)
            far_writer.close()

        task = asyncio.create_task(upwards())
        writer.get_extra_info("socket").setsockopt(6, 1, 1)  # TCP_NODELAY
        while octet := await far_reader.read(1):
            writer.write(octet)
            await writer.drain()
        await task

    async with server(relay) as port:
        seen, stream = await shaken(network, asked(port))
        await stream.close()

    assert seen.failure is None


async def test_end_without_close_notify(network, tmp_path):
    """A server that ends without close_notify gives what it said, and then the end."""
    (tmp_path / "server.pem").write_text(CORPORATE.issue(NAME))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")

    async def rude(reader, writer):
        writer.write(await reader.read(100))
        await writer.drain()
        writer.get_extra_info("socket").shutdown(socket.SHUT_WR)
        await reader.read()

    async with server(rude, context) as port:
        _, stream = await shaken(network, asked(port))
        await stream.write(b"hello", 5)
        answer = await stream.read_exactly(5, 5)
        end = await stream.read(100, 5)
        await stream.close()

    assert answer == b"hello"
    assert end == b""


async def test_no_authorities_here(network, ports, monkeypatch):
    """Where this machine has no authorities at all, that is its own shortage and not the target's fault."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    monkeypatch.setenv("SSL_CERT_DIR", "/nonexistent")
    monkeypatch.setattr(tls, "_BUNDLES", ())
    for cached in (tls._verifying, tls._authorities):
        cached.cache_clear()
    seen, _ = await shaken(network, asked(ports["good"]), ca=None)
    for cached in (tls._verifying, tls._authorities):
        cached.cache_clear()

    assert seen.failure is Failure.NOT_SUPPORTED
    assert seen.facts["issuer"] == "CN=Corporate Root"


@pytest.mark.parametrize(
    "text", ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "\x00é"]
)
async def test_unusable_authority_in_the_plan(network, ports, text):
    """An authority that cannot be read is the plan's mistake."""
    seen, stream = await shaken(network, asked(ports["good"]), ca=text)

    assert stream is None
    assert seen.failure is Failure.SETTING_INVALID


async def test_comments_around_the_authority(network, ports):
    """Comments in any language around the PEM text do no harm."""
    seen, stream = await shaken(network, asked(ports["good"]), ca="# 公司\n" + CORPORATE.pem)
    await stream.close()

    assert seen.failure is None


def test_contexts_are_made_once():
    """The authorities are read once for every set of them, not once a target."""
    assert tls._verifying(CORPORATE.pem) is tls._verifying(CORPORATE.pem)


async def test_cancelled(network):
    """A cancelled handshake is an interrupted observation, and its connection is closed."""
    closed = asyncio.Event()

    async def behave(reader, _writer):
        started.set()
        await reader.read()
        closed.set()

    started = asyncio.Event()
    async with server(behave) as port:
        notes = Notes()
        ask = asked(port)
        stream = (await network.connect(ask)).stream
        task = asyncio.create_task(tls.probe(ask, network, stream, notes))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await closed.wait()

    assert [seen.failure for seen in notes.observations] == [Failure.INTERRUPTED]


RECORDS = st.builds(
    lambda kind, minor, body: bytes([kind, 3, minor]) + struct.pack("!H", len(body)) + body,
    st.integers(20, 24),
    st.integers(0, 4),
    st.binary(max_size=80),
)


@given(chunks=st.lists(st.one_of(st.binary(min_size=1, max_size=40), RECORDS), max_size=5))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_no_bytes_break_it(chunks):
    """Whatever a peer says: one observation, no exception, and a failure of the peer."""

    async def nothing():
        return None

    notes = Notes()
    stream = asyncio.run(tls.probe(asked(1), None, Scripted(chunks), notes, reopen=nothing))

    assert stream is None
    assert [seen.failure for seen in notes.observations] in (
        [Failure.EOF],
        [Failure.TLS_PLAINTEXT],
        [Failure.TLS_HANDSHAKE_FAILED],
    )


async def test_endless_handshake():
    """A peer that never comes to an end is left after a bounded number of bytes."""
    endless = itertools.repeat(b"\x16\x03\x03\x40\x00" + b"\x02\x00\xff\xff" + bytes(16380))
    notes = Notes()
    await tls.probe(asked(1), None, Scripted(endless), notes)
    (seen,) = notes.observations

    assert seen.failure is Failure.TLS_HANDSHAKE_FAILED
    assert seen.facts["bytes_in"] < 400_000
