"""One small HTTP exchange with a service of the platform on this machine's own network, by h11.

No proxy, no redirect, no name to resolve; bounded in bytes, and in time from the first SYN to the last byte.
"""

import socket
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import h11
from attrs import field, frozen

# Bytes of an answer's head, and of its body.
_LARGEST_HEAD = 16 << 10
_LARGEST_BODY = 64 << 10
_CHUNK = 16 << 10


class Unreadable(Exception):
    """What answers speaks no HTTP, or says more than any answer needs. The message fits behind "what answers"."""


@frozen
class Reply:
    """The status of an answer and its text."""

    status: int
    text: str


@frozen
class Service:
    """An HTTP service at ``base`` (``http://ADDRESS[:PORT]``); each exchange takes ``timeout`` seconds at most."""

    base: str
    timeout: float = 2.0
    _place: tuple[str, int] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        parts = urlsplit(self.base)
        object.__setattr__(self, "_place", (parts.hostname or "", parts.port or 80))

    def ask(self, method: str, path: str, headers: Mapping[str, str]) -> Reply:
        """One request over a connection of its own. Raises OSError (TimeoutError among them) and Unreadable."""
        until = time.monotonic() + self.timeout
        host, port = self._place
        request = h11.Request(
            method=method,
            target=path,
            headers=[("Host", f"{host}:{port}"), ("Connection", "close"), ("Content-Length", "0"), *headers.items()],
        )
        with socket.create_connection(self._place, self.timeout) as sock:
            return _exchange(sock, request, until)


def _exchange(sock: socket.socket, request: h11.Request, until: float) -> Reply:
    machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)
    sent = (machine.send(request) or b"") + (machine.send(h11.EndOfMessage()) or b"")
    sock.sendall(sent)
    status, body = 0, bytearray()
    try:
        while True:
            event = machine.next_event()
            if event is h11.NEED_DATA:
                machine.receive_data(_received(sock, until))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _LARGEST_BODY:
                    raise Unreadable(f"sends more than {_LARGEST_BODY >> 10} KB")
            elif isinstance(event, h11.EndOfMessage):
                return Reply(status, body.decode("utf-8", "replace"))
    except h11.RemoteProtocolError:
        raise Unreadable("speaks no HTTP") from None


def _received(sock: socket.socket, until: float) -> bytes:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    sock.settimeout(left)
    return sock.recv(_CHUNK)
