"""A target as people write it: ``host:port`` or ``SERVICE://host[:port][/path]``.

What is wrong is raised as Wrong, which never quotes a secret.
"""

import re
from urllib.parse import quote

from attrs import frozen

from agent.plan.hosts import PORTS, host_of, split_port
from agent.plan.problems import Wrong, did_you_mean, listed, quoted
from agent.plan.secrets import is_secret_name, without_user_info
from reports.model import join_port
from reports.services import SERVICES, service_at

FORMS = "host:port, SERVICE://host[:port][/path]"
_NO_SECRETS = "leave it out: a probe needs none"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.:_-]*)://")
# RFC 3986: what a path and a query may hold.
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*")
_LONGEST = 2048


@frozen
class Address:
    """A target's address: what it is, where it is."""

    service: str
    host: str
    port: int
    path: str = "/"

    def __str__(self) -> str:
        return f"{self.service}://{join_port(self.host, self.port)}{self.path}"


def parse_target(text: str, service: str | None = None) -> Address:
    """The address in ``text``; ``service`` is what stands beside it in the plan, if anything.

    A service that is named nowhere is that of the host's name (a Hologres endpoint) or of the well-known port.
    """
    if len(text) > _LONGEST:
        raise Wrong(f"is {len(text)} characters long", f"up to {_LONGEST}")
    if not text.isprintable() or " " in text:  # no other white space is printable
        raise Wrong(f"{_shown(text)} holds a space or a control character", FORMS)
    try:
        return _parse(text, service)
    except Wrong:
        if "@" not in text:
            raise
        # A password may hold the marks by which an address is split, so that no other message is safe to show.
        raise Wrong(f"{_shown(text)} holds a user name or a password", FORMS, _NO_SECRETS) from None


def _shown(text: str) -> str:
    return quoted(without_user_info(text))


def _parse(text: str, service: str | None) -> Address:
    scheme = _SCHEME.match(text)
    if scheme:
        service = _service(scheme[1], service)
    authority, path = _split_path(text[scheme.end() :] if scheme else text, text)
    if "@" in authority:
        raise Wrong("holds a user name or a password")
    written, port = split_port(authority)
    host = host_of(written)
    if port is None:
        port = _usual_port(service, text)
    return Address(service or service_of(host, port), host, port, path)


def service_of(host: str, port: int) -> str:
    """What is probably spoken at a port of a host."""
    from reports.maxcompute.endpoints import service_of_host  # noqa: PLC0415 - only where a plan is read

    return service_of_host(host) or service_at(port)


def _service(scheme: str, beside: str | None) -> str:
    name = scheme.lower()
    if name not in SERVICES:
        raise Wrong(f"the service {quoted(name)} is unknown", listed(SERVICES), did_you_mean(name, SERVICES))
    if beside not in (None, name):
        raise Wrong(f"the address says {name}, the key service says {beside}", "one service", "keep one of the two")
    return name


def _split_path(rest: str, text: str) -> tuple[str, str]:
    """The authority and the path with its query; a path is at least ``/``. ``text``: what messages show."""
    cut = re.search(r"[/?#]", rest)
    if cut is None:
        return rest, "/"
    shown = _shown(text)
    authority, path = rest[: cut.start()], rest[cut.start() :]
    if "#" in path:
        raise Wrong(f"{shown} has a fragment, which is never sent", FORMS, "leave out what begins with #")
    path, question, query = path.partition("?")
    for parameter in re.split("[&;]", query):
        name = parameter.partition("=")[0]
        if is_secret_name(name):
            raise Wrong(f"{shown} holds a secret: the parameter {quoted(name)}", FORMS, _NO_SECRETS)
    whole = (path or "/") + question + query
    if not _PATH.fullmatch(whole):
        raise Wrong(f"{shown} has characters in its path that must be escaped", FORMS, _escaped(path))
    return authority, whole


def _escaped(path: str) -> str:
    return f"write {quote(path[:80])}" if _PATH.fullmatch(quote(path)) else ""


def _usual_port(service: str | None, text: str) -> int:
    if service is None:
        raise Wrong(f"{_shown(text)} has neither a port nor a service", FORMS)
    ports = SERVICES[service].ports
    if not ports:
        raise Wrong(f"{_shown(text)} has no port, and {service} has no usual one", PORTS)
    return ports[0]
