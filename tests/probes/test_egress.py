import asyncio
import ipaddress
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes import egress
from probes.contract import Ask, Notes
from probes.network import Network
from reports.failures import Failed, Failure
from reports.model import Target
from reports.proxies import parse

ADDRESSES = st.ip_addresses().filter(
    lambda address: not (address.is_unspecified or address.is_multicast or getattr(address, "ipv4_mapped", None))
)
# Text in which no address can hide: it has no digits, and no colon.
WORDS = st.text(st.characters(exclude_categories=["Cs", "Nd", "Nl", "No"], exclude_characters=":.%<>&_-"), max_size=40)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7\n", "203.0.113.7"),
        ("\ufeff 203.0.113.7 ", "203.0.113.7"),
        ("2001:DB8::0:7\r\n", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:51324", "203.0.113.7"),
        ("Your address is 203.0.113.7.", "203.0.113.7"),
        ("203.0.113.7 (203.0.113.7)", "203.0.113.7"),
        ("fl=1\nip=203.0.113.7\nts=1700000000.5\nuag=x/1.2.3", "203.0.113.7"),
        ('"203.0.113.7"', "203.0.113.7"),
        ('{"ip": "203.0.113.7", "asn": "AS64500", "gateway": "203.0.113.1"}', "203.0.113.7"),
        ('{"origin": "203.0.113.7"}', "203.0.113.7"),
        ('{"IP_Address": "203.0.113.7", "seen": "12:34:56"}', "203.0.113.7"),
        ('{"code": 0, "data": {"where": "203.0.113.7"}}', "203.0.113.7"),
        ("<html><script>var version='1.2.3.4'</script><b>203.0.113.7</b></html>", "203.0.113.7"),
        ("<p title='1.2.3.4'>IP:&nbsp;203&#46;0.113.7</p>", "203.0.113.7"),
        ("<body>203.0.113.7<br>jquery-3.6.0.1.js at 12:34:56</body>", "203.0.113.7"),
    ],
)
def test_the_address_in_an_answer(body, expected):
    """Plain text, JSON and pages: the one address in it, in its canonical form."""
    assert expected == egress.address_in(body.encode())


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "0.0.0.0",
        "256.1.1.1",
        "1.2.3",
        "1.2.3.4.5",
        "203.0.113.7 and 203.0.113.8",
        '{"ip": "203.0.113.7, 10.0.0.1"}',
        '{"ip": 3405803783}',
        "[" * 10_000,
        "\x00\xff",
    ],
)
def test_no_address_or_several(body):
    """What names none, or several among which nothing chooses, is malformed."""
    with pytest.raises(Failed) as failed:
        egress.address_in(body.encode())

    assert failed.value.failure is Failure.HTTP_MALFORMED


@given(ADDRESSES, WORDS, WORDS)
def test_any_address_is_found_among_words(address, before, after):
    """Whatever words stand around it."""
    assert str(address) == egress.address_in(f"{before} {address} {after}".encode())


@given(ADDRESSES, st.sampled_from(["ip", "origin", "query", "address", "IP"]), ADDRESSES)
def test_a_known_key_decides(address, key, other):
    """Other addresses beside it do not matter."""
    body = json.dumps({"server": str(other), key: str(address)})

    assert str(address) == egress.address_in(body.encode())


@given(st.binary(max_size=2000) | st.text('0123456789.:abcdef[]<>{}" ', max_size=300).map(str.encode))
@example(b"::")
@example(b"1.2.3.4" * 500)
def test_any_answer_is_an_address_or_malformed(body):
    """No bytes make it raise anything else, and what comes out is an address in its canonical form."""
    try:
        found = egress.address_in(body)
    except Failed as failed:
        found = None
        failure = failed.failure

    assert failure is Failure.HTTP_MALFORMED if found is None else found == str(ipaddress.ip_address(found))


@pytest.fixture
async def network():
    """The real network without limits."""
    opened = Network()
    yield opened
    opened.close()


@pytest.fixture
async def serve():
    """Servers that answer a request with these bytes (None: never), and then close: gives port and requests."""
    running = []

    async def start(answer):
        requests = []

        async def behave(reader, writer):
            with_head = await reader.readuntil(b"\r\n\r\n")
            requests.append(with_head.decode())
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
            writer.close()

        started = await asyncio.start_server(behave, "127.0.0.1", 0)
        running.append(started)
        return started.sockets[0].getsockname()[1], requests

    yield start
    for one in running:
        one.close()
        await one.wait_closed()


async def asked(network, port, path="/ip", proxy=None, timeout=5.0):
    """The one observation of a probe of an echo at this port."""
    notes = Notes()
    echo = Target(name="echo", host="ip.example", port=80 if proxy else port, service="http", path=path)

    async def opening():
        opened = await network.connect_to("127.0.0.1", port, timeout, "echo")
        if opened.stream is None:
            raise Failed(opened.handshake.failure)
        return opened.stream, opened.handshake.source

    learnt = await egress.probe(Ask(target=echo, address="127.0.0.1", timeout=timeout), opening, notes, proxy)
    (seen,) = notes.observations
    assert learnt is seen.ok
    return seen


def answer(body, status="200 OK", head=""):
    """An HTTP response."""
    return f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def test_what_the_echo_names(network, serve):
    """The facts of one connection; it concerns no target."""
    port, requests = await serve(answer("203.0.113.7\n"))
    seen = await asked(network, port, path="/ip?a=b c\r\nX: y")

    assert (seen.target, seen.address, seen.failure) == (None, f"127.0.0.1:{port}", None)
    assert seen.facts == {"via": "direct", "source": "127.0.0.1", "status": 200, "seen": "203.0.113.7"}
    assert requests[0].startswith(f"GET /ip?a=b%20c%0D%0AX:%20y HTTP/1.1\r\nHost: ip.example:{port}\r\n")


async def test_without_a_length(network, serve):
    """A body that ends with the connection, after an informational answer."""
    port, _ = await serve(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.0 200 OK\r\n\r\n203.0.113.7")
    seen = await asked(network, port)

    assert seen.facts["seen"] == "203.0.113.7"


async def test_through_a_proxy(network, serve):
    """The whole URL for the proxy, and its credentials for nobody else: no fact holds them."""
    port, requests = await serve(answer("203.0.113.9"))
    proxy = parse(f"http://job:secret@127.0.0.1:{port}", "HTTP_PROXY")
    seen = await asked(network, port, proxy=proxy)

    assert (seen.facts["via"], seen.facts["seen"]) == ("proxy", "203.0.113.9")
    assert requests[0].startswith("GET http://ip.example/ip HTTP/1.1\r\nHost: ip.example\r\n")
    assert "proxy-authorization: basic " in requests[0].lower()
    assert "secret" not in str(seen)


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        (answer("203.0.113.7", "403 Forbidden"), Failure.HTTP_ERROR_STATUS),
        (answer("", "302 Found", "Location: http://elsewhere.example/\r\n"), Failure.HTTP_ERROR_STATUS),
        (answer("who knows"), Failure.HTTP_MALFORMED),
        (b"SSH-2.0-OpenSSH\r\n\r\n", Failure.HTTP_MALFORMED),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, Failure.HTTP_MALFORMED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n203.", Failure.EOF),
        (b"", Failure.EOF),
    ],
)
async def test_what_is_no_address(network, serve, said, failure):
    """An error, a redirect, and what is no answer are failures, and no address is noted."""
    port, _ = await serve(said)
    seen = await asked(network, port)

    assert "seen" not in seen.facts
    assert failure is seen.failure


async def test_an_endless_page(network, serve):
    """Only the beginning counts."""
    port, _ = await serve(answer("203.0.113.7 " + "x " * 500_000))
    seen = await asked(network, port)

    assert seen.facts["seen"] == "203.0.113.7"


async def test_silence(network, serve):
    """Within the time-out, as a failure."""
    port, _ = await serve(None)
    seen = await asked(network, port, timeout=0.1)

    assert seen.failure is Failure.TIMED_OUT


async def test_nobody_there(network):
    """The connection's own failure is the observation's."""
    seen = await asked(network, 1)

    assert seen.failure is Failure.CONNECTION_REFUSED
    assert seen.facts == {"via": "direct", "detail": "connection_refused"}
