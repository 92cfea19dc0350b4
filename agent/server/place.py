"""Where the server listens, and who reaches it there."""

import ipaddress
import socket
from collections.abc import Iterable

from attrs import frozen

from agent.plan.hosts import port_of, split_port
from agent.plan.problems import Wrong
from reports.addresses import parse_address

_LOOPBACK_NAMES = ("localhost",)


@frozen
class Place:
    """``host``: "" is every address of this machine."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> "Place":
        """From HOST:PORT, :PORT or [v6]:PORT. Raises Wrong."""
        if text.startswith(":"):
            return cls("", _port(text[1:]))
        if text.endswith(":0"):
            return cls(text[:-2].strip("[]"), 0)
        host, port = split_port(text)
        if port is None:
            raise Wrong(f"{text!r} names no port", "HOST:PORT, :PORT or [v6]:PORT")
        return cls(host, port)


def _port(text: str) -> int:
    return 0 if text == "0" else port_of(text)


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches it."""
    parsed = parse_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed is not None and parsed.is_loopback


def exposed(sockets: Iterable[socket.socket]) -> bool:
    """Whether others than this machine reach one of them."""
    return not all(is_loopback(sock.getsockname()[0]) for sock in sockets)


def names_loopback(host: str | None) -> bool:
    """Whether a request's ``Host`` is this machine's own name for itself.

    A page from elsewhere whose name was made to point here (DNS rebinding) brings its own name along.
    """
    try:
        name, _ = split_port(host or "")
    except Wrong:
        return False
    return name.lower().rstrip(".") in _LOOPBACK_NAMES or is_loopback(name)
