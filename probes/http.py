"""The http probe: one GET over an open stream, and CONNECT through an HTTP proxy. h11 reads, within bounds.

A well-formed answer proves that the target was reached, also where it says 401 or 404. Nothing is followed, nothing
is sent but the request line and five headers, and the reply is left unread beyond its first 64 KiB.
"""

import asyncio
import html
import json
import re
import time
from contextlib import suppress
from typing import Dict, List, Optional, Pattern, Tuple
from urllib.parse import quote, urlsplit

import h11
from attrs import frozen

from probes.contract import LONGEST_TEXT, Ask, Notes, Step, describe
from probes.stream import Stream, unheard
from reports.failures import Failed, Failure
from reports.maxcompute.endpoints import classify as endpoint_of
from reports.model import join_port
from reports.proxies import Proxy
from reports.recognise import FIRST_BYTES, printable, recognise
from reports.services import is_tls

USER_AGENT = "linkdoctor/0.1.0"

_LARGEST_HEAD = 32768
LARGEST_BODY = 65536
_CHUNK = 16384
# How much of an error's body is made readable.
_READABLE = 4096

# Seconds that are given to a peer that speaks something else, to say more of it.
_CURIOSITY = 0.2

# What a proxy's own answer means.
_OWN_CODES: Dict[int, Failure] = {
    403: Failure.PROXY_DENIED,
    407: Failure.PROXY_AUTH_REQUIRED,
    502: Failure.PROXY_UNAVAILABLE,
    503: Failure.PROXY_UNAVAILABLE,
    504: Failure.PROXY_UNAVAILABLE,
}

# Headers and names by which a proxy shows that it made an answer itself: squid's, RFC 9209's, RFC 9110's.
_OWN_HEADERS = frozenset({b"x-squid-error", b"proxy-authenticate", b"proxy-agent"})
_OWN_SERVERS = re.compile(
    rb"squid|tinyproxy|privoxy|mitmproxy|polipo|trafficserver|mwg|bluecoat|zscaler", re.IGNORECASE
)


@frozen
class _Words:
    """What a server says in an error's body, and what that means more exactly than the status."""

    pattern: Pattern[str]
    failure: Failure
    spoke: Optional[str] = None


_MEANINGS: Tuple[_Words, ...] = (
    _Words(
        re.compile(r"Access denied by project ip white list(?:: sourceIP:\W?(?P<sees>[0-9A-Fa-f.:]{2,45}))?"),
        Failure.CLIENT_DENIED,
    ),
    # nginx, Apache, Go: HTTP without TLS on a port that wants TLS.
    _Words(
        re.compile(
            r"plain HTTP request was sent to HTTPS port|speaking plain HTTP to an SSL-enabled|HTTP request to an HTTPS"
        ),
        Failure.WRONG_PROTOCOL,
        "tls",
    ),
    _Words(re.compile(r"No required SSL certificate was sent"), Failure.TLS_HANDSHAKE_FAILED),
)

# A service's own error document: OSS, S3 and MaxCompute in XML, by whatever service name they are reached.
_OWN_XML = re.compile(r"\s*(?:<\?xml[^<>]*>\s*)?<Error>")
_JSON_ERRORS = frozenset({"maxcompute", "elasticsearch"})


@frozen(kw_only=True)
class Sizes:
    """How large an exchange is, in bytes.

    ``body``: what is read of it (0: HEAD asks for none). ``padding``: of the request, in a header that means nothing.
    ``keep``: the connection is to stay open afterwards.
    """

    body: int = LARGEST_BODY
    padding: int = 0
    keep: bool = False


USUAL = Sizes()


async def probe(ask: Ask, stream: Stream, notes: Notes, proxy: Optional[Proxy] = None, sizes: Sizes = USUAL) -> None:
    """One GET of the target's path. 5xx and 403 are failures, and a peer that speaks no HTTP; other answers are none.

    ``proxy``: the one that the stream leads to (a target without TLS: the request names the whole URL), or that
    ``connect_through`` has passed (a target with TLS). Where such a proxy answers in the target's place, the step is
    ``proxy`` instead of ``exchange``. ``ask.address`` is then the proxy's. ``sizes``: how
    much is asked for. The stream is closed by the caller.
    """
    where = ask.target.address if proxy is not None else None
    with notes.step("http", "exchange", ask, address=where) as step, unheard(step, stream):
        url = _Url.of(ask)
        forwarder = proxy if proxy is not None and not url.tls else None
        step.note("url", url.shown)
        step.note("way", "direct" if proxy is None else "proxy")
        step.note("proxy", None if proxy is None else proxy.address)
        reply = _Reply(stream, step, ask.timeout)
        request = _request(
            "GET" if sizes.body else "HEAD", url.absolute if forwarder else url.path, url.host, forwarder, sizes
        )
        try:
            head = await reply.to(request)
            body = await reply.body(ask.timeout, sizes.body)
        except (EOFError, ConnectionError, Failed):
            # A target that does so makes its proxy answer 502: this is the proxy itself.
            if forwarder is not None and "status" not in step.facts:
                _hand_to(step, ask, forwarder)
            raise
        finally:
            reply.note()
        _judge(step, ask, head, reply.heard, body, forwarder)
        if step.failure is not None or head.status_code >= 400:
            step.note("message", _message(body, url.secret, forwarder))


async def connect_through(ask: Ask, stream: Stream, notes: Notes, proxy: Proxy) -> bool:
    """CONNECT to the target through the proxy at the other end of the stream; whether the stream now leads there.

    ``ask.address`` is the proxy's.
    """
    with notes.step("http", "proxy", ask, address=join_port(ask.address, proxy.port)) as step:
        step.note("proxy", proxy.address)
        # Octet by octet: what follows the head belongs to the target and stays in the stream.
        reply = _Reply(stream, step, ask.timeout, chunk=1)
        body = b""
        try:
            head = await reply.to(_request("CONNECT", ask.target.address, ask.target.address, proxy))
            if head.status_code >= 300:
                reply.chunk = _CHUNK
                body = await reply.body(ask.timeout)
        finally:
            reply.note()
        if head.status_code < 300:
            return True
        general = Failure.PROXY_DENIED if head.status_code < 500 else Failure.PROXY_UNAVAILABLE
        step.fail(_OWN_CODES.get(head.status_code, general))
        step.note("message", _message(body, "", proxy))
    return False


@frozen(kw_only=True)
class _Url:
    """A target's URL: ``absolute`` for a proxy, ``path`` for the origin, ``shown`` without what may be secret."""

    tls: bool
    host: str
    path: str

    @classmethod
    def of(cls, ask: Ask) -> "_Url":
        target = ask.target
        tls = is_tls(target.service, target.port)
        host = target.address
        if target.port == (443 if tls else 80):
            host = "[%s]" % target.host if ":" in target.host else target.host
        path = target.path
        endpoint = endpoint_of(target.host)
        if path in ("", "/") and endpoint is not None and endpoint.service == "maxcompute":
            path = "/api"
        # What is no URL character is encoded, so that nothing in a path can end the request line (RFC 3986 section 2).
        path = quote(path.split("#")[0], safe="/?:@!$&'()*+,;=~%[]-._")
        return cls(tls=tls, host=host, path=path if path.startswith("/") else "/" + path)

    @property
    def absolute(self) -> str:
        return "%s://%s%s" % ("https" if self.tls else "http", self.host, self.path)

    @property
    def shown(self) -> str:
        return _without_query(self.absolute)

    @property
    def secret(self) -> str:
        return self.path.partition("?")[2]


def _request(method: str, target: str, host: str, proxy: Optional[Proxy], sizes: Sizes = USUAL) -> h11.Request:
    headers: List[Tuple[str, str]] = [("Host", host), ("User-Agent", USER_AGENT)]
    if method != "CONNECT":
        headers += [("Accept", "*/*"), ("Connection", "keep-alive" if sizes.keep else "close")]
    if sizes.padding:
        headers.append(("X-Padding", "x" * sizes.padding))
    if proxy is not None and proxy.authorization is not None:
        headers.append(("Proxy-Authorization", proxy.authorization))
    return h11.Request(method=method, target=target, headers=headers)


class _Reply:
    """One request and its reply: bounded, counted, and noted also where it broke off.

    ``heard`` keeps the first bytes; ``chunk`` is how much is taken from the stream at once.
    """

    def __init__(self, stream: Stream, step: Step, timeout: float, chunk: int = _CHUNK) -> None:
        self._stream = stream
        self._step = step
        self._machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)
        self._asked = time.monotonic()
        self._deadline = self._asked + timeout
        self._ended = False
        self._counts: Dict[str, int] = {"bytes_out": 0, "bytes_in": 0}
        self.chunk = chunk
        self.heard = b""

    async def to(self, request: h11.Request) -> h11.Response:
        """Send the request; the head of the final response (informational ones are passed over)."""
        self._step.note("phase", "request")
        data = (self._machine.send(request) or b"") + (self._machine.send(h11.EndOfMessage()) or b"")
        await self._stream.write(data, self._left)
        self._counts["bytes_out"] = len(data)
        self._step.note("phase", "reply")
        self._asked = time.monotonic()
        while self._counts["bytes_in"] <= _LARGEST_HEAD:
            event = await self._next()
            if isinstance(event, h11.Response):
                self._note_head(event)
                return event
        raise Failed(Failure.HTTP_MALFORMED, "no end of the head within %d bytes" % _LARGEST_HEAD)

    async def body(self, timeout: float, most: int = LARGEST_BODY) -> bytes:
        """The first bytes of the body. One that goes on and on (events, a slow download) is left after ``timeout``."""
        body = b""
        until = time.monotonic() + timeout
        while len(body) < most and time.monotonic() < until:
            self._deadline = time.monotonic() + timeout  # silence is bounded, not the whole
            event = await self._next()
            if not isinstance(event, h11.Data):
                break
            body += bytes(event.data)
            self._counts["body_bytes"] = len(body)
        return body[:most]

    def note(self) -> None:
        """Note the counts, and who it was that spoke no HTTP."""
        for key, value in self._counts.items():
            self._step.note(key, value)

    @property
    def _left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    async def _next(self) -> object:
        while True:
            try:
                event = self._machine.next_event()
            except h11.RemoteProtocolError as error:
                if self._ended:
                    raise EOFError("the peer closed within its reply") from error
                raise Failed(Failure.HTTP_MALFORMED, describe(error)) from error
            if isinstance(event, h11.ConnectionClosed):
                raise EOFError("the peer closed instead of a reply")  # noqa: TRY004 - an event, no argument
            if event is not h11.NEED_DATA:
                return event
            await self._receive()

    async def _receive(self) -> None:
        data = await self._stream.read(self.chunk, self._left)
        if data and not self._counts["bytes_in"]:
            self._step.note("first_byte_s", round(time.monotonic() - self._asked, 6))
        self._counts["bytes_in"] += len(data)
        self.heard += data[: FIRST_BYTES - len(self.heard)]
        if not b"HTTP/".startswith(self.heard[:5]):
            with suppress(OSError, asyncio.TimeoutError):
                self.heard += await self._stream.read(FIRST_BYTES, min(_CURIOSITY, self._left))
            self._step.note("spoke", recognise(self.heard) or None)
            raise Failed(Failure.WRONG_PROTOCOL, "what came is no HTTP: %s" % printable(self.heard, 40))
        self._ended = not data
        self._machine.receive_data(data)

    def _note_head(self, head: h11.Response) -> None:
        headers = dict(head.headers)
        self._step.note("status", head.status_code)
        self._step.note("reason", _shown(head.reason))
        self._step.note("server", _shown(headers.get(b"server")))
        location = headers.get(b"location", b"").decode("latin-1")
        self._step.note("location", _shown(_without_query(location).encode("utf-8")) if location else None)


def _judge(step: Step, ask: Ask, head: h11.Response, heard: bytes, body: bytes, forwarder: Optional[Proxy]) -> None:
    """Give the step its failure where the reply is one."""
    status = head.status_code
    if forwarder is not None and status in _OWN_CODES and (status == 407 or _of_the_proxy(head)):
        _hand_to(step, ask, forwarder)
        step.fail(_OWN_CODES[status])
        return
    spoke = recognise(heard)
    if spoke not in ("", "http"):
        # Hadoop and MongoDB answer in HTTP that HTTP is not what they speak.
        step.note("spoke", spoke)
        step.fail(Failure.WRONG_PROTOCOL)
        return
    text = body[:_READABLE].decode("utf-8", "replace")
    if status < 400:
        return
    for words in _MEANINGS:
        found = words.pattern.search(html.unescape(text))
        if found:
            step.note("spoke", words.spoke)
            step.note("sees_client", found.groupdict().get("sees"))
            step.fail(words.failure)
            return
    if status == 407:
        step.fail(Failure.PROXY_AUTH_REQUIRED)
    elif status >= 600:
        step.fail(Failure.HTTP_MALFORMED, "no such status: %d" % status)
    elif status >= 500 or (status == 403 and not _service_speaks(ask.target.service, text, body)):
        step.fail(Failure.HTTP_ERROR_STATUS)


def _hand_to(step: Step, ask: Ask, proxy: Proxy) -> None:
    """What happened is the proxy's own doing."""
    step.step = "proxy"
    step.address = join_port(ask.address, proxy.port)


def _of_the_proxy(head: h11.Response) -> bool:
    headers = dict(head.headers)
    return (
        bool(_OWN_HEADERS & set(headers))
        or b"error=" in headers.get(b"proxy-status", b"")
        or _OWN_SERVERS.search(headers.get(b"server", b"")) is not None
    )


def _service_speaks(service: str, text: str, body: bytes) -> bool:
    """Whether a refusal is the service's own document: who asks without a signature is refused by a healthy service."""
    if _OWN_XML.match(text):
        return True
    if service not in _JSON_ERRORS:
        return False
    try:
        return isinstance(json.loads(body.decode("utf-8", "replace")), dict)
    except (ValueError, RecursionError):
        return False


_UNSEEN = re.compile(r"(?is)<!\[CDATA\[|\]\]>|<(script|style)\b.*?</\1>|<[^<>]*>")


def _message(body: bytes, secret: str, proxy: Optional[Proxy]) -> Optional[str]:
    """The beginning of a body as a person reads it: without markup, and without what we sent in confidence."""
    text = body[:_READABLE].decode("utf-8", "replace")
    text = " ".join(html.unescape(_UNSEEN.sub(" ", text)).split())
    if secret:
        text = text.replace(secret, "...")
    if proxy is not None:
        text = proxy.masked(text)
    return printable(text.encode("utf-8", "replace"), LONGEST_TEXT) or None


def _shown(value: Optional[bytes]) -> Optional[str]:
    return printable(value, LONGEST_TEXT) if value else None


def _without_query(url: str) -> str:
    """The URL without user, password, query and fragment, which may hold secrets."""
    url, mark, _ = url.partition("#")[0].partition("?")
    try:
        parts = urlsplit(url)
    except ValueError:
        return "..."
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() + (mark and "?...")
