"""A report that may be shared: host names, addresses, MACs and names of cloud resources, as stable pseudonyms.

    emr-header-1:9083 = 10.10.2.30, from 10.10.1.0/24   ->   host-1:9083 = private-1, from net-1

The same thing has the same pseudonym throughout one report, so that it reads as before. Kept are loopback and
unspecified addresses, regions, ports, times, and what the user calls things (the names of the plan, its targets and
networks) unless that is a host name itself. Ids are numbered anew: they derive from what was taken out.
This module travels in the carry-in kit: CPython 3.7.
"""

import re
from enum import Enum
from functools import lru_cache
from typing import Any, Callable, Dict, Iterator, List, Match, Optional, Set, Tuple

from attrs import evolve, fields, has

from reports.addresses import Address, is_private, parse_address
from reports.causes import CAUSES
from reports.maxcompute.settings import KNOWN, NETWORK_LINK, TABLE_LINK, normal, written
from reports.model import Plan, Report, TlsExpectation, content_id
from reports.services import SERVICES
from reports.subnet.senders import FABRIC

# Words of closed lists, and our own documents' titles: nothing in them is anyone's.
_CLOSED = frozenset(
    {"schema", "verdict", "cause", "causes", "layer", "severity", "owner"}
    | {"probe", "step", "service", "via", "runtime", "region", "kind", "reference"}
    | {"stage", "place"}
)
# Facts that hold host names, also such without a dot.
_HOST_FACTS = frozenset({"name", "host", "server_name", "cnames", "proxy", "advertised", "sees_client", "search"})
# Facts that hold setting keys or the places of settings, which look like names with dots.
_NO_HOST_FACTS = frozenset({"key", "list_key", "missing_key", "source", "states"})
# Facts that hold a letter for each address, whatever words these make.
_NO_TEXT = frozenset({"states"})
# Names with dots that are code, in what a service says.
_CODE = ("java.", "javax.", "org.apache.")

# Words that stay even where a host is called so: mysql, a setting's key, a cause.
_KEPT = frozenset({"localhost"}.union(KNOWN, map(written, KNOWN), SERVICES, CAUSES))

# ASCII: a name ends where Chinese text goes on without a space.
_TOKEN = re.compile(r"\w(?:[\w.-]*\w)?", re.ASCII)
_PARTS = re.compile(r"([._-])")
_DOMAIN = re.compile(r"(?:[\w-]+\.)+[A-Za-z]{2,63}", re.ASCII)
_RESOURCE = re.compile(r"\b(vpc|vsw|vtb|nacl|eni|sgr|sg|pl|i)-(?=[a-z]*\d)[0-9a-z]{6,}\b")

# Six bytes and no more: of a certificate's fingerprint they are a part.
_MAC = re.compile(
    r"(?<![\da-f])(?<!\b[\da-f]{2}:)[\da-f]{2}(?::[\da-f]{2}){5}(?![\da-f]|:[\da-f]{2}\b)", re.IGNORECASE | re.ASCII
)
# Nobody's: those of all, of none, and of the platform's fabric.
_NOBODYS = frozenset({"ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", FABRIC})

_OCTET = r"(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"
_IPV4 = r"(?<!\d){0}(?:\.{0}){{3}}(?!\d)".format(_OCTET)
_COLONS = r"[0-9A-Fa-f.]*(?::[0-9A-Fa-f.]*){2,}"
_ADDRESS = re.compile(
    r"(?P<open>\[?)(?P<address>%s|%s)(?P<close>\]?)(?P<prefix>/\d{1,3}(?![\da-fA-F]|[.:][\da-fA-F:]))?"
    % (_COLONS, _IPV4)
)
_IPV6_PIECES = 8


def redact(report: Report, names: "Optional[Pseudonyms]" = None) -> Report:
    """The report without host names and addresses. Certificates of the plan's own authority, and its inventory, go.

    Reports that are redacted with the same ``names`` can be compared.
    """
    names = names or Pseudonyms()
    learn(report, names)
    vantage = evolve(report.vantage, labels={})
    plan = evolve(
        report.run.plan,
        tls=_without_ca(report.run.plan.tls),
        inventory=None,
        targets=tuple(evolve(target, tls=target.tls and _without_ca(target.tls)) for target in report.run.plan.targets),
    )
    bare = evolve(report, run=evolve(report.run, plan=plan), vantage=vantage)
    bare = mapped(bare, lru_cache(maxsize=None)(names.rewrite))
    return _renumbered(report, bare)


def learn(report: Report, names: "Pseudonyms") -> None:
    """Let pseudonyms stand for everything that the report names."""
    for host in _hosts(report):
        names.add_host(host)
    for kind, name in _resources(report.run.plan):
        names.add(name, kind)


class Pseudonyms:
    """What stands for what in one report."""

    def __init__(self) -> None:
        self._names: Dict[str, str] = {}
        self._heads: Dict[str, Set[str]] = {}  # what follows a name's first part -> those parts
        self._addresses: Dict[str, str] = {}
        self._used: Set[str] = set()
        self._counts: Dict[str, int] = {}

    def add(self, name: str, kind: str) -> None:
        """Let a pseudonym of this kind stand for the name, whatever its case."""
        name = name.lower()
        if name not in self._names:
            self._names[name] = self._next(kind, name)
            head, *tail = _PARTS.split(name, 1)
            if tail:
                self._heads.setdefault(name[len(head) :], set()).add(head)

    def add_host(self, host: str) -> None:
        """The same for a host, which people also call by its first label alone."""
        host = host.strip(".-").lower()
        if not host or host in _KEPT or parse_address(host) is not None:
            return
        self.add(host, "host")
        label, dot, _ = host.partition(".")
        if dot and re.search(r"\w\w.*[\d-]|[\d-].*\w\w", label) and label not in _KEPT:
            self._names.setdefault(label, self._names[host])

    def rewrite(self, text: str) -> str:
        """The text with everything known, and every address, replaced."""
        text = _RESOURCE.sub(self._of_resource, _TOKEN.sub(self._of_token, text))
        return _ADDRESS.sub(self._of_address, _MAC.sub(self._of_mac, text))

    def _next(self, kind: str, name: str) -> str:
        while True:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            pseudonym = "%s-%d" % (kind, self._counts[kind])
            if pseudonym != name and pseudonym not in self._names:
                return pseudonym

    def _of_token(self, match: "Match[str]") -> str:
        token = match.group()
        known = self._names.get(token.lower())
        if known is not None:
            return known
        if token.lower() in _KEPT:
            return token
        parts = _PARTS.split(token)
        return token if len(parts) == 1 else "".join(self._of_parts(parts))

    def _of_parts(self, parts: List[str]) -> Iterator[str]:
        """A known name may be part of a longer one, or hang on what stands before it: the longest first."""
        start = 0
        while start < len(parts):
            for end in range(len(parts), start, -2):
                known = self._known(parts[start], "".join(parts[start + 1 : end]))
                if known is not None:
                    yield known
                    start = end
                    break
            else:
                yield parts[start]
                start += 1

    def _known(self, first: str, rest: str) -> Optional[str]:
        whole = self._names.get((first + rest).lower())
        if whole is not None or not rest:
            return whole
        for head in self._heads.get(rest.lower(), ()):
            if head and first.lower().endswith(head):
                return first[: -len(head)] + self._names[head + rest.lower()]
        return None

    def _of_resource(self, match: "Match[str]") -> str:
        self.add(match.group(), match.group(1))
        return self._names[match.group()]

    def _of_mac(self, match: "Match[str]") -> str:
        mac = match.group().lower()
        if mac in _NOBODYS:
            return match.group()
        if mac not in self._addresses:
            self._addresses[mac] = self._next("mac", mac)
        return self._addresses[mac]

    def _of_address(self, match: "Match[str]") -> str:
        text, prefix = match.group("address"), match.group("prefix") or ""
        if ":" not in text:
            whole = match.group("open"), match.group("close")
            return whole[0] + self._pseudonym(_ipv4(text), prefix, text) + whole[1]
        rewritten = self._of_colons(text, prefix)
        return rewritten if rewritten != text + prefix else match.group()

    def _of_colons(self, text: str, prefix: str) -> str:
        """An IPv6 address somewhere between colons: 08:00:00 is none, and in :2001:db8::1: there is one."""
        pieces = text.split(":")
        for start in range(len(pieces)):
            for end in range(min(len(pieces), start + _IPV6_PIECES + 1), start + 2, -1):
                address = parse_address(":".join(pieces[start:end]).rstrip("."))
                if address is not None:
                    before = ":".join([*pieces[:start], ""]) if start else ""
                    found = self._pseudonym(address, "" if end < len(pieces) else prefix, ":".join(pieces[start:end]))
                    after = self._of_colons(":".join(["", *pieces[end:]]), prefix) if end < len(pieces) else ""
                    return before + found + after
        return re.sub(_IPV4, lambda match: self._pseudonym(_ipv4(match.group()), "", match.group()), text) + prefix

    def _pseudonym(self, address: Optional[Address], prefix: str, text: str) -> str:
        if address is None or address.is_loopback or address.is_unspecified:
            return text + prefix
        address = getattr(address, "ipv4_mapped", None) or address
        bits = int(prefix[1:]) if prefix else address.max_prefixlen
        is_network = bits < address.max_prefixlen and not int(address) & ((1 << (address.max_prefixlen - bits)) - 1)
        key = "%s/%d" % (address, bits) if is_network else str(address)
        if key not in self._addresses:
            kind = "net" if is_network else "private" if is_private(str(address)) else "public"
            self._addresses[key] = self._next(kind, key)
        return self._addresses[key] if is_network else self._addresses[key] + prefix


def _hosts(report: Report) -> Iterator[str]:
    plan, vantage = report.run.plan, report.vantage
    yield from (target.host for target in plan.targets)
    yield vantage.host
    declared = [plan.egress.echo or "", *plan.egress.expected, *plan.name_servers, *vantage.name_servers]
    for text in declared:
        yield from _tokens(re.sub(r"^\w+://|[/?#].*", "", text))
    keys = {setting.key for setting in plan.settings}
    for setting in plan.settings:
        yield from (domain for domain in _domains(setting.value) if domain not in keys)
    for seen in report.observations:
        for key, value in seen.facts.items():
            if isinstance(value, str) and key not in _NO_HOST_FACTS:
                yield from (domain for domain in _domains(value) if domain not in keys)
                if key in _HOST_FACTS:
                    yield from _tokens(value)


def _domains(text: str) -> Iterator[str]:
    for token in _TOKEN.findall(text):
        if _DOMAIN.fullmatch(token) and not token.startswith(_CODE):
            yield token


def _tokens(text: str) -> Iterator[str]:
    for token in _TOKEN.findall(text):
        if not token.isdigit():
            yield token


def _resources(plan: Plan) -> Iterator[Tuple[str, str]]:
    for setting in plan.settings:
        if normal(setting.key) in {NETWORK_LINK, TABLE_LINK}:
            yield from (("link", name) for name in _tokens(setting.value))
        yield from (("vpc", name) for name in re.findall(r"\bvpc-\w+", setting.value))


def _ipv4(text: str) -> Optional[Address]:
    return parse_address(".".join(str(int(octet)) for octet in text.split(".")))


def _without_ca(tls: TlsExpectation) -> TlsExpectation:
    return evolve(tls, ca=None)


def mapped(value: Any, rewrite: Callable[[str], str]) -> Any:
    """The value with all its texts rewritten, but the words of closed lists."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return rewrite(value)
    if isinstance(value, tuple):
        return tuple([mapped(item, rewrite) for item in value])
    if isinstance(value, dict):
        return {key: item if key in _NO_TEXT else mapped(item, rewrite) for key, item in value.items()}
    if has(type(value)):
        return type(value)(**dict(_mapped_fields(value, rewrite)))
    return value


def _mapped_fields(value: Any, rewrite: Callable[[str], str]) -> Iterator[Tuple[str, Any]]:
    for field in fields(type(value)):
        kept = getattr(value, field.name)
        yield field.name, kept if field.name in _CLOSED else mapped(kept, rewrite)


def _renumbered(report: Report, bare: Report) -> Report:
    observations = {seen.id: "o-%d" % number for number, seen in enumerate(report.observations, 1)}
    findings = {finding.id: "f-%d" % number for number, finding in enumerate(report.findings, 1)}

    phases = tuple(evolve(phase, longest=observations.get(phase.longest or "")) for phase in report.run.phases)

    def evidence(ids: Tuple[str, ...]) -> Tuple[str, ...]:
        return tuple(observations[id_] for id_ in ids if id_ in observations)

    return evolve(
        bare,
        run=evolve(bare.run, id=content_id("r-", bare.run.started, bare.run.duration_s), phases=phases),
        targets=tuple(
            evolve(new, findings=tuple(findings[id_] for id_ in old.findings if id_ in findings))
            for old, new in zip(report.targets, bare.targets)
        ),
        findings=tuple(
            evolve(new, id=findings[old.id], evidence=evidence(old.evidence))
            for old, new in zip(report.findings, bare.findings)
        ),
        cleared=tuple(evolve(new, evidence=evidence(old.evidence)) for old, new in zip(report.cleared, bare.cleared)),
        observations=tuple(
            evolve(new, id=observations[old.id]) for old, new in zip(report.observations, bare.observations)
        ),
    )
