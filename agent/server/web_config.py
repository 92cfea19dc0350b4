"""The file of ``--web.config.file``: TLS, headers and users, in the format that Prometheus's exporters share.

Source: prometheus/exporter-toolkit, docs/web-configuration.md. What cannot be had here (a client's certificate that
nobody verifies, several curves) is refused with words, never left out in silence.
"""

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from agent.plan import PlanError
from agent.plan.files import decode, printable, read_bytes
from agent.plan.kinds import TEXT_LINE, Count, Flag, Key, ListOf, Table, Word, described, duration, into, one_of
from agent.plan.positions import TEXT, Keys, Node, Scalar
from agent.plan.problems import Source, Wrong, quoted
from agent.plan.syntax import compose

LARGEST = 1 << 20

_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
# Those of Go's tls.CipherSuites below TLS 1.3, and what OpenSSL calls them; those of TLS 1.3 are always on.
SUITES = {
    f"TLS_ECDHE_{key}_WITH_{go}": f"ECDHE-{key}-{name}"
    for key in ("ECDSA", "RSA")
    for go, name in (
        ("AES_128_CBC_SHA", "AES128-SHA"),
        ("AES_256_CBC_SHA", "AES256-SHA"),
        ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
    )
}
SUITES_13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}
CLIENT_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNVERIFIED = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")


class BadConfig(Exception):
    """The file cannot be used; the text says why, with file, line and key."""


@frozen(kw_only=True)
class Tls:
    """``tls_server_config``. Files are named as in the text; ``cert``, ``key``, ``client_ca`` are PEM texts."""

    cert: str = ""
    key: str = field(default="", repr=False)
    client_ca: str = ""
    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    client_auth_type: str = "NoClientCert"
    client_allowed_sans: tuple[str, ...] = ()
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[str, ...] = ()


@frozen(kw_only=True)
class RateLimit:
    """``rate_limit``: ``burst`` requests at once, and then one every ``interval`` seconds."""

    interval: float = 0.0
    burst: int = 1


@frozen(kw_only=True)
class WebConfig:
    """What the file says. ``users``: names and bcrypt hashes."""

    tls: Tls | None = None
    headers: Mapping[str, str] = field(factory=dict)
    users: Mapping[str, str] = field(factory=dict, repr=False)
    rate: RateLimit = RateLimit()

    @property
    def authenticates(self) -> bool:
        """Whether whoever gets an answer is known: by a password, or by a certificate that was verified."""
        return bool(self.users) or (self.tls is not None and self.tls.client_auth_type == "RequireAndVerifyClientCert")

    @property
    def protects(self) -> bool:
        """Whether it may be seen by others: they are known, and nobody listens."""
        return self.tls is not None and self.authenticates


NOTHING = WebConfig()


# --- the text -------------------------------------------------------------------------------------------------------


@frozen
class _Pairs:
    """A mapping from names to texts, each of which ``convert`` makes of its name and text, or raises Wrong."""

    allowed: str
    convert: Any

    def read(self, node: Node, key: str, source: Source) -> dict[str, str] | None:
        """See Kind. No value is quoted: it may be a secret."""
        if not isinstance(node, Keys):
            source.refuse(node, key, f"is {described(node)}, not a mapping", self.allowed)
            return None
        found = {}
        for name, value in node.nodes.items():
            if not (isinstance(value, Scalar) and value.kind == TEXT):
                source.refuse(value, f"{key}.{quoted(name)}", f"is {described(value)}, not text", self.allowed)
                continue
            try:
                found[name] = self.convert(name, value.text)
            except Wrong as wrong:
                source.refuse_wrong(value, f"{key}.{quoted(name)}", wrong, self.allowed)
        return found

    def json_schema(self) -> dict[str, Any]:
        """See Kind."""
        return {"type": "object", "additionalProperties": {"type": "string"}}


_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}


def _header(name: str, text: str) -> str:
    if name not in _HEADERS:
        raise Wrong("this header cannot be set", ", ".join(_HEADERS))
    if not (text.isascii() and text.isprintable()):
        raise Wrong("is no text that a header can carry", "printable ASCII")
    if _HEADERS[name] and text not in _HEADERS[name]:
        raise Wrong(f"{quoted(text)} is unknown", ", ".join(_HEADERS[name]))
    return text


def _hash(name: str, text: str) -> str:
    if not name or ":" in name:
        raise Wrong("a user's name is empty or holds a colon, which ends it in a request")
    if not _BCRYPT.fullmatch(text):
        raise Wrong("is no bcrypt hash", advice="make one: htpasswd -nBC 10 NAME")
    return text


def _client_auth(text: str) -> str:
    if text in _UNVERIFIED:
        raise Wrong(
            f"{text} takes certificates that nobody verified", advice="RequireAndVerifyClientCert knows its clients"
        )
    if text not in CLIENT_AUTH:
        raise Wrong(f"{quoted(text)} is unknown")
    return text


def _tls(values: dict[str, Any], node: Keys, key: str, source: Source) -> Tls | None:
    tls = Tls(**values)
    for what in ("cert", "key", "client_ca"):
        if getattr(tls, what) and getattr(tls, f"{what}_file"):
            source.refuse(node, key, f"{what} and {what}_file are both there", advice="keep one of the two")
    for what in ("cert", "key"):
        if not (getattr(tls, what) or getattr(tls, f"{what}_file")):
            source.refuse(node, key, f"{what}_file is missing", f"a PEM file, or {what} with its text")
    verifies = tls.client_auth_type != "NoClientCert"
    if verifies and not (tls.client_ca or tls.client_ca_file):
        source.refuse(node, key, f"client_auth_type {tls.client_auth_type} needs client_ca_file: who signs clients")
    if not verifies and (tls.client_ca or tls.client_ca_file):
        source.refuse(node, key, "client_ca_file without client_auth_type changes nothing", advice="name one")
    if tls.client_allowed_sans and tls.client_auth_type != "RequireAndVerifyClientCert":
        source.refuse(node, key, "client_allowed_sans needs client_auth_type: RequireAndVerifyClientCert")
    if tls.min_version > tls.max_version:
        source.refuse(node, key, f"min_version {tls.min_version} is above max_version {tls.max_version}")
    return tls


def _config(values: dict[str, Any], node: Keys, key: str, source: Source) -> WebConfig:  # noqa: ARG001 - a Table's build
    http = values.get("http_server_config", {})
    return WebConfig(
        tls=values.get("tls_server_config"),
        headers=http.get("headers", {}),
        users=values.get("basic_auth_users", {}),
        rate=values.get("rate_limit", RateLimit()),
    )


_PEM = Word("a text in PEM form", str)
_FILE = Word("a file's name; relative ones beside this file", str)
_VERSION = one_of(tuple(VERSIONS))

_TLS = Table(
    {
        "cert": Key(_PEM, "the server's certificate"),
        "key": Key(_PEM, "its key"),
        "client_ca": Key(_PEM, "who signs clients' certificates"),
        "cert_file": Key(_FILE, "the server's certificate"),
        "key_file": Key(_FILE, "its key"),
        "client_ca_file": Key(_FILE, "who signs clients' certificates"),
        "client_auth_type": Key(Word(", ".join(CLIENT_AUTH), _client_auth), "whether clients show one"),
        "client_allowed_sans": Key(ListOf(TEXT_LINE), "which names clients may have"),
        "min_version": Key(_VERSION, "the least version"),
        "max_version": Key(_VERSION, "the highest version"),
        "cipher_suites": Key(ListOf(one_of((*SUITES, *SUITES_13))), "up to TLS 1.2"),
        "prefer_server_cipher_suites": Key(Flag(), "whose order counts"),
        "curve_preferences": Key(ListOf(one_of(tuple(CURVES))), "one of them"),
    },
    _tls,
)
_HTTP = Table(
    {
        "http2": Key(Flag(), "accepted, and without effect: it is HTTP/1.1 here"),
        "headers": Key(_Pairs("a mapping of headers: " + ", ".join(_HEADERS), _header), "headers of every answer"),
    },
    into(dict),
)
_RATE = Table(
    {
        "interval": Key(duration("1ms", "1h"), "the time between two requests"),
        "burst": Key(Count(1, 1_000_000), "so many at once"),
    },
    into(RateLimit),
)
_WEB = Table(
    {
        "tls_server_config": Key(_TLS, "TLS"),
        "http_server_config": Key(_HTTP, "HTTP"),
        "basic_auth_users": Key(_Pairs("a mapping of names to bcrypt hashes", _hash), "who may ask"),
        "rate_limit": Key(_RATE, "how many requests are answered"),
    },
    _config,
)


def parse(content: bytes, name: str) -> WebConfig:
    """The configuration in a text. Raises BadConfig with everything that is wrong."""
    source = Source(name, Path(name).parent)
    try:
        text = printable(decode(content))
        if not text.strip() or all(line.lstrip().startswith("#") for line in text.splitlines() if line.strip()):
            return NOTHING
        read: WebConfig | None = _WEB.read(compose(text, source), "", source)
    except Wrong as wrong:
        raise BadConfig(f"{name}: {wrong.message}") from None
    except PlanError as error:
        raise BadConfig(str(error)) from None
    if read is None or source.collected.count:
        raise BadConfig(str(source.error()))
    if read.tls is not None and len(read.tls.curve_preferences) > 1:
        raise BadConfig(f"{name}: tls_server_config.curve_preferences: only one curve can be named here")
    return read


def read_config(path: Path) -> WebConfig:
    """The configuration in a file. Raises BadConfig."""
    try:
        return parse(read_bytes(path, LARGEST), str(path))
    except Wrong as wrong:
        raise BadConfig(f"{path}: {wrong.message}") from None
