"""Which HTTP proxy the environment gives to a target: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.

There is no standard. This is what the Python clients that a job uses (requests, urllib) and curl agree on; where they
differ, the comments say whom it follows.
"""

import base64
import ipaddress
import re
from typing import Dict, Mapping, Optional, Tuple
from urllib.parse import unquote, urlsplit

from attrs import field, frozen

from reports.addresses import parse_address
from reports.model import Target, join_port
from reports.services import HTTP, SERVICES, is_tls

_PORT = re.compile(r"[0-9]{1,5}")
_DEFAULT_PORT = {"http": 80, "https": 443}  # as requests; curl takes 1080


@frozen(kw_only=True)
class Proxy:
    """An HTTP proxy and the variable that names it. ``scheme`` is ``http``, or ``https`` where it speaks TLS itself.

    The credentials stay apart: they are in no text that this class gives but ``authorization``.
    """

    host: str
    port: int
    variable: str
    scheme: str = "http"
    _user: str = field(default="", repr=False)
    _password: str = field(default="", repr=False)

    @property
    def address(self) -> str:
        """``host:port``, without credentials."""
        return join_port(self.host, self.port)

    @property
    def authorization(self) -> Optional[str]:
        """The value of Proxy-Authorization (RFC 7617), or None where the variable holds no credentials."""
        if not self._user and not self._password:
            return None
        return "Basic " + self._token

    def masked(self, text: str) -> str:
        """The text without the credentials, should the proxy have sent them back."""
        for secret in (self._token, self._password) if self.authorization else ():
            if secret:
                text = text.replace(secret, "***")
        return text

    @property
    def _token(self) -> str:
        return base64.b64encode(("%s:%s" % (self._user, self._password)).encode("utf-8")).decode("ascii")


def proxy_for(target: Target, environment: Mapping[str, str]) -> Optional[Proxy]:
    """The proxy that a job in this environment takes to the target, or None for the direct way.

    Only what speaks HTTP goes through a proxy. A proxy that is none for HTTP (``socks5://``) or that cannot be read
    counts as none.
    """
    if SERVICES[target.service].exchange != HTTP:
        return None
    variables = _variables(environment)
    scheme = "https" if is_tls(target.service, target.port) else "http"
    for name in (scheme + "_proxy", "all_proxy"):
        if name in variables:
            variable, value = variables[name]
            if bypassed(target.host, target.port, variables.get("no_proxy", ("", ""))[1]):
                return None
            return parse(value, variable)
    return None


def parse(value: str, variable: str = "") -> Optional[Proxy]:
    """A proxy as a variable holds it: ``[http://][user[:password]@]host[:port]``; None if it is none for HTTP."""
    value = value.strip()
    try:
        parts = urlsplit(value if "://" in value else "http://" + value)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORT or not host:
        return None
    return Proxy(
        host=host,
        port=port or _DEFAULT_PORT[parts.scheme],
        variable=variable,
        scheme=parts.scheme,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def bypassed(host: str, port: int, no_proxy: str) -> bool:
    """Whether NO_PROXY exempts this host and port.

    Entries: ``*``, a name (with or without a leading dot: it and everything below it), an address, a CIDR, each
    but the CIDR also with ``:port``. ``*.name`` is known to neither client, and so not here. No name is resolved.
    """
    entries = [entry.strip().lower() for entry in no_proxy.replace(" ", ",").split(",")]
    return "*" in entries or any(_matches(host.lower().rstrip("."), port, entry) for entry in entries if entry)


def _matches(host: str, port: int, entry: str) -> bool:
    address = parse_address(host)
    if "/" in entry:
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
        return address is not None and address.version == network.version and address in network
    name, wanted_port = _split(entry)
    if wanted_port is not None and wanted_port != port:
        return False
    if address is not None:
        return address == parse_address(name)
    name = name.strip(".")
    # At a dot only, as curl and urllib: requests alone lets `ample.com` match `example.com`.
    return bool(name) and (host == name or host.endswith("." + name))


def _split(entry: str) -> Tuple[str, Optional[int]]:
    """``host``, ``host:port``, ``[v6]``, ``[v6]:port`` or a bare IPv6 address."""
    if entry.count(":") > 1 and not entry.startswith("["):
        return entry, None
    host, colon, port = entry.rpartition(":") if not entry.endswith("]") else (entry, "", "")
    if not colon:
        return (host or port).strip("[]"), None
    return host.strip("[]"), int(port) if _PORT.fullmatch(port) else -1


def _variables(environment: Mapping[str, str]) -> Dict[str, Tuple[str, str]]:
    """The proxy variables by their names in lower case, each as (variable, value).

    Lower case wins, and where it is empty it switches off, as in urllib. HTTP_PROXY in a CGI program may come from
    a request's header, and then does not count (CVE-2016-5385).
    """
    found: Dict[str, Tuple[str, str]] = {}
    for name, value in sorted(environment.items()):  # upper case sorts first
        key = name.lower()
        if not key.endswith("_proxy") or (name == "HTTP_PROXY" and "REQUEST_METHOD" in environment):
            continue
        if value.strip():
            found[key] = (name, value)
        elif name == key:
            found.pop(key, None)
    return found
