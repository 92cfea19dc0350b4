"""The egress probe: under which address the outside sees this job, as the plan's echo URL tells.

One GET over a connection of its own. The answer may be text, JSON or a page: what counts is the one address in it.
"""

import asyncio
import html
import json
import re
import time
from typing import Any, Awaitable, Callable, Iterator, List, Optional, Tuple
from urllib.parse import quote

import h11

from probes.contract import Ask, Notes, describe
from probes.stream import Stream
from reports.addresses import parse_address
from reports.failures import Failed, Failure
from reports.model import Target, join_port
from reports.proxies import Proxy
from reports.services import is_tls

# Opens the connection, with TLS where the URL has it: the stream, and this machine's address in it.
# Raises Failed, or what a Stream raises.
Open = Callable[[], Awaitable[Tuple[Stream, str]]]

_LARGEST_HEAD = 16384
# An address fits into 45 characters; a page around it is cut here.
_LARGEST_BODY = 16384
_CHUNK = 4096

# Where services put the address into JSON, the most exact first.
_KEYS = ("ip", "ip_addr", "ip_address", "ipaddress", "address", "addr", "origin", "query", "client_ip", "remote_addr")
# Whole words, so that no part of a version or a time is taken for an address.
_WORD = re.compile(r"[0-9A-Za-z_.:-]{2,60}")
# With the numbers of characters that there are not: html.unescape does not bear any length.
_MARKUP = re.compile(r"(?is)<(script|style)\b.*?</\1\s*>|<[^<>]*>|&#[0-9]{8,}")


async def probe(ask: Ask, opening: Open, notes: Notes, proxy: Optional[Proxy] = None) -> bool:
    """Ask once; whether an address was learnt. ``ask.target`` is the echo, and none of the plan's targets.

    ``ask.address`` is the echo's, or the proxy's. Facts: docs/observations.md.
    """
    port = ask.port if proxy is None else proxy.port
    with notes.step("egress", "address", address=join_port(ask.address, port)) as step:
        step.note("via", "direct" if proxy is None else "proxy")
        stream, source = await opening()
        step.note("source", source or None)
        try:
            status, body = await _fetch(stream, _request(ask.target, proxy), ask.timeout)
        finally:
            await stream.close()
        step.note("status", status)
        if not 200 <= status < 300:
            raise Failed(Failure.HTTP_ERROR_STATUS, "the echo answers %d" % status)
        step.note("seen", address_in(body))
    return step.failure is None


def address_in(body: bytes) -> str:
    """The one address that the answer names, in its canonical form.

    Raises Failed(HTTP_MALFORMED) where there is none, or several among which nothing chooses.
    """
    text = body.decode("utf-8", "replace")
    found = _in_json(text) or _in_text(text)
    if len(found) != 1:
        raise Failed(Failure.HTTP_MALFORMED, "the answer names %d addresses, not one" % len(found))
    return found[0]


def _request(echo: Target, proxy: Optional[Proxy]) -> h11.Request:
    tls = is_tls(echo.service, echo.port)
    host = echo.address
    if echo.port == (443 if tls else 80):
        host = "[%s]" % echo.host if ":" in echo.host else echo.host
    # What is no URL character is encoded, so that nothing in a path can end the request line (RFC 3986 section 2).
    path = quote(echo.path, safe="/?:@!$&'()*+,;=~%[]-._")
    url = path if proxy is None or tls else "http://%s%s" % (host, path)
    headers = [("Host", host), ("Accept", "text/plain, application/json, */*"), ("Connection", "close")]
    if proxy is not None and not tls and proxy.authorization is not None:
        headers.append(("Proxy-Authorization", proxy.authorization))
    return h11.Request(method="GET", target=url, headers=headers)


async def _fetch(stream: Stream, request: h11.Request, timeout: float) -> Tuple[int, bytes]:
    """The status and the beginning of the body, within ``timeout`` seconds in all."""
    deadline = time.monotonic() + timeout
    machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)
    await stream.write((machine.send(request) or b"") + (machine.send(h11.EndOfMessage()) or b""), timeout)
    status, body, ended = 0, b"", False
    while len(body) < _LARGEST_BODY:
        try:
            event = machine.next_event()
        except h11.RemoteProtocolError as error:
            if ended:
                raise EOFError("the peer closed within its reply") from error
            raise Failed(Failure.HTTP_MALFORMED, describe(error)) from error
        if event is h11.NEED_DATA:
            left = deadline - time.monotonic()
            # A peer that never pauses must not outlast the deadline.
            if left <= 0:
                raise asyncio.TimeoutError("no whole answer in time")
            data = await stream.read(_CHUNK, left)
            ended = not data
            machine.receive_data(data)
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
            break
    return status, body[:_LARGEST_BODY]


def _in_json(text: str) -> List[str]:
    """What the best known key holds; nothing where the text is no object, or has none of them."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return []
    held = {str(key).lower(): value for key, value in document.items()} if isinstance(document, dict) else {}
    for key in _KEYS:
        found = _in_text(_shown(held.get(key)))
        if found:
            return found
    return []


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _in_text(text: str) -> List[str]:
    """The addresses among the words of the text, each once, in order."""
    return list(dict.fromkeys(_addresses(html.unescape(_MARKUP.sub(" ", text)))))


def _addresses(text: str) -> Iterator[str]:
    for found in _WORD.finditer(text):
        # A sentence ends behind it, or it stands with its port: 192.0.2.1:4711.
        bare = found.group().rstrip(".:")
        for candidate in (found.group(), bare, bare.partition(":")[0]):
            address = parse_address(candidate)
            address = getattr(address, "ipv4_mapped", None) or address
            if address is not None and not (address.is_unspecified or address.is_multicast):
                yield str(address)
                break
