"""HTTP with and without a proxy, TLS, certificates, and what an echo says: the real probes over loopback."""

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from probes import egress, http, tls
from probes.contract import Ask, Notes
from probes.mysql_packets import Handshake
from probes.network import Network
from probes.services import mysql
from probes.stream import Stream
from reports import certificate, model, proxies, recognise
from reports.failures import Failed
from tests.fuzz.der import reshape
from tests.fuzz.engine import Opening, Target
from tests.fuzz.judging import Telling
from tests.fuzz.peers import (
    CLOSES,
    ENDLESS,
    HERE,
    PATIENCE,
    SILENT,
    TURN,
    Conversation,
    Loop,
    connected,
    conversation,
    listening,
)
from tests.probes.service_cases import CASES
from tests.tls_servers import Authority

_NAME = "t.example"
_SEEDS = Path(__file__).resolve().parents[1] / "seeds"
_PROXY = proxies.Proxy(host="proxy.example", port=3128, variable="HTTP_PROXY", user="u", password="secret-word")

_OK = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n10.0.0.99"
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n10.0\r\n5\r\n.0.99\r\n0\r\nX: x\r\n\r\n"
_MOVED = b"HTTP/1.1 302 Found\r\nLocation: https://u:p@other.example:8443/a?token=x#y\r\nContent-Length: 0\r\n\r\n"
_EARLY = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + _OK
_DENIED = (
    b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nVia: 1.1 squid\r\nServer: squid/5.7\r\nX-Squid-Error: "
    b"ERR_ACCESS_DENIED 0\r\n\r\n<html><head><style>a{}</style></head><body>Access &lt;Denied&#x3e;</body>"
)
_WHITE_LIST = (
    b'HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\n\r\n<?xml version="1.0"?>\n<Error><Code>NoPermission'
    b"</Code><Message><![CDATA[Access denied by project ip white list: sourceIP:'10.1.2.3' is not]]></Message></Error>"
)
_OTHERS = (
    b"HTTP/1.0 502 Bad Gateway\r\nProxy-Status: x; error=dns_error\r\n\r\nno",
    b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n\0\0\0\4\0\0\0\0\0",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 999 x\r\n\r\n",
    b"\x15\3\3\0\2\2\x46",
    b"SSH-2.0-x\r\n",
)
_ANSWERS = (_OK, _CHUNKED, _MOVED, _EARLY, _DENIED, _WHITE_LIST, *_OTHERS)
_WORDS = (TURN, b"HTTP/1.1 ", b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"Location: ")
_WORDS += (
    b"<script",
    b"</script ",
    b"<![CDATA[",
    b"&amp;",
    b"&#1114112;",
    b"http://[",
    b"\r\n ",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"0\r\n\r\n",
)


def _conversations() -> list[bytes]:
    near = [conversation(b"", answer, near=True) for answer in _ANSWERS]
    far = [conversation(b"", answer, end=end) for answer in _ANSWERS[:2] for end in (CLOSES, SILENT)]
    # What was found last is changed most: nothing slow is last.
    return [conversation(b"", b"HTTP/1.1 100 Continue\r\n\r\n", end=ENDLESS), *far, *near]


Exchange = Callable[[Ask, Stream, Notes], Awaitable[object]]


def _exchange(service: str, port: int, path: str, exchange: Exchange, *, seeds: list[bytes] | None = None) -> Opening:
    """A target over a plain stream."""

    @contextmanager
    def opened() -> Iterator[Target]:
        loop = Loop()
        aim = model.Target(name="t", host=_NAME, port=port, service=service, path=path)
        ask, telling = Ask(target=aim, address=HERE, timeout=PATIENCE), Telling(aim)

        def read(data: bytes) -> Hashable:
            said, notes = Conversation.of(data), Notes()

            async def work(network: Network) -> None:
                async with connected(network, said) as stream:
                    await exchange(ask, stream, notes)

            loop.run(work)
            return telling.tell(notes.observations)

        with patch.object(http, "_CURIOSITY", 0.001):
            try:
                yield Target(read=read, seeds=seeds or _conversations(), words=_WORDS, longest=1 << 17)
            finally:
                loop.close()

    return opened


async def _through(ask: Ask, stream: Stream, notes: Notes) -> None:
    await http.connect_through(ask, stream, notes, _PROXY)


async def _by_proxy(ask: Ask, stream: Stream, notes: Notes) -> None:
    await http.probe(ask, stream, notes, _PROXY)


async def _echo(ask: Ask, stream: Stream, notes: Notes) -> None:
    async def open_it() -> tuple[Stream, str]:
        return stream, "10.0.0.5"

    await egress.probe(ask, open_it, notes)


@contextmanager
def _authority() -> Iterator[tuple[str, ssl.SSLContext]]:
    """A CA in PEM, and the context of a server that it knows."""
    authority = Authority("fuzz")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(authority.issue(_NAME).encode())
        file.flush()
        context.load_cert_chain(file.name)
    yield authority.pem, context


@contextlib.asynccontextmanager
async def _speaking_tls(said: Conversation, context: ssl.SSLContext) -> AsyncIterator[int]:
    """The port of a peer that has the conversation inside TLS."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
            for number, pieces in enumerate(said.turns):
                if number and not await reader.read(65536):
                    break
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
            while said.end == ENDLESS and not writer.is_closing():
                writer.write(b"".join(said.turns[-1]) or b"\0")
                await writer.drain()
                await asyncio.sleep(0)
            if said.end == SILENT:
                await reader.read()
        writer.transport.abort()

    server = await asyncio.start_server(talk, HERE, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@contextmanager
def _https() -> Iterator[Target]:
    loop = Loop()
    aim = model.Target(name="t", host=_NAME, port=443, service="https", path="/x?key=hidden")
    ask, telling = Ask(target=aim, address=HERE, timeout=0.25), Telling(aim)
    with _authority() as (ca, context):

        def read(data: bytes) -> Hashable:
            said, notes = Conversation.of(data), Notes()

            async def work(network: Network) -> None:
                async with _speaking_tls(said, context) as port:
                    opened = await network.connect_to(HERE, port, 5.0, "t")
                    secured = await tls.probe(ask, network, opened.stream, notes, ca)
                    if secured is None:
                        return
                    try:
                        await http.probe(ask, secured, notes)
                    finally:
                        await secured.close()

            loop.run(work)
            return telling.tell(notes.observations)

        try:
            yield Target(read=read, seeds=[conversation(b"", answer) for answer in _ANSWERS], words=_WORDS)
        finally:
            loop.close()


@contextmanager
def _tls() -> Iterator[Target]:
    """Bytes in place of a TLS server's."""
    loop = Loop()
    aim = model.Target(name="t", host=_NAME, port=443, service="tls")
    ask, telling = Ask(target=aim, address=HERE, timeout=PATIENCE), Telling(aim)

    def read(data: bytes) -> Hashable:
        said, notes = Conversation.of(data), Notes()

        async def work(network: Network) -> None:
            async with listening(said) as port:

                async def reopen() -> Stream | None:
                    return (await network.connect_to(HERE, port, 5.0, "t")).stream

                stream = await reopen()
                secured = await tls.probe(ask, network, stream, notes, reopen=reopen)
                if secured is not None:
                    await secured.close()

        loop.run(work)
        return telling.tell(notes.observations)

    flights = [path.read_bytes() for path in sorted(_SEEDS.glob("*.tls"))]
    seeds = [conversation(b"", flight) for flight in (*flights, *_ANSWERS[-2:], _OK)]
    with patch.object(tls, "_FAREWELL", PATIENCE):
        try:
            yield Target(read=read, seeds=seeds, words=(TURN, b"\x16\x03\x03", b"\x15\x03\x03\0\2"), longest=1 << 18)
        finally:
            loop.close()


@contextmanager
def _certificate() -> Iterator[Target]:
    def read(data: bytes) -> Hashable:
        try:
            found = certificate.read(data)
        except certificate.CertificateError:
            return None
        tls._rfc3339(found.not_before)
        tls._rfc3339(found.not_after)
        ",".join((found.subject, found.issuer, *found.names)).encode("utf-8", "backslashreplace")
        return bool(found.names), found.self_signed

    seeds = [path.read_bytes() for path in sorted(_SEEDS.glob("*.der"))]
    words = (b"\x30\x84", b"\x06\x03\x55\x04\x03", b"\x06\x03\x55\x1d\x11", b"\x18\x0f", b"\xff" * 3000)
    yield Target(read=read, seeds=seeds, words=words, reshape=reshape)


@contextmanager
def _address() -> Iterator[Target]:
    def read(data: bytes) -> Hashable:
        try:
            return ":" in egress.address_in(data)
        except Failed as failed:
            return failed.failure

    seeds = [b"10.0.0.1\n", b'{"ip": "2001:db8::1", "origin": "x"}', b"<script>1</script><p>Your IP: 192.0.2.1:80."]
    yield Target(read=read, seeds=seeds, words=_WORDS, longest=egress._LARGEST_BODY)


@contextmanager
def _first_bytes() -> Iterator[Target]:
    def read(data: bytes) -> Hashable:
        for limit in (1, 4, 40, 300):
            assert len(recognise.printable(data, limit)) <= limit
            assert recognise.printable(data, limit).isprintable()
        return recognise.recognise(data)

    yield Target(read=read, seeds=[*_ANSWERS, b"\x80\1\0\2\0\0\0\x09getStatus", b"220 x SMTP", b"RFB 003.008\n"])


@contextmanager
def _mysql_handshake() -> Iterator[Target]:
    """As sweeps have it: bytes alone."""

    def read(data: bytes) -> Hashable:
        handshake, said = Handshake(), 0
        for place in range(0, len(data), 7):
            said += bool(handshake.hear(data[place : place + 7]))
        assert said <= 7
        mysql._CLIENT.search(data)
        return handshake.over, said

    yield Target(read=read, seeds=[b"".join(turns) for name, turns, *_ in CASES.values() if name == "mysql"])


@contextmanager
def _proxy_variable() -> Iterator[Target]:
    aim = model.Target(name="t", host=_NAME, port=80, service="http")

    def read(data: bytes) -> Hashable:
        text = data.decode("utf-8", "replace")
        value, _, exempt = text.partition("\n")
        found = proxies.proxy_for(aim, {"http_proxy": value, "no_proxy": exempt})
        if found is not None:
            found.masked(found.authorization or "")
        return found is None

    seeds = [b"http://u:p@proxy.example:3128/\nexample.org,.lab,10.0.0.0/8,[::1]:80,x:9", b"proxy:80\n*"]
    yield Target(read=read, seeds=seeds, words=(b"http://", b"]", b"[", b"@", b"%41", b"/33"))


TARGETS: Mapping[str, Opening] = {
    "http": _exchange("http", 80, "/a?key=hidden", http.probe),
    "http-maxcompute": _exchange("maxcompute", 80, "/", http.probe),
    "http-proxy": _exchange("http", 80, "/", _by_proxy),
    "http-connect": _exchange("https", 443, "/", _through),
    "https": _https,
    "tls": _tls,
    "certificate": _certificate,
    "echo": _exchange("http", 80, "/ip", _echo),
    "echo-body": _address,
    "first-bytes": _first_bytes,
    "mysql-handshake": _mysql_handshake,
    "proxy-variable": _proxy_variable,
}
