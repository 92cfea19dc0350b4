"""The formats of setting values: read, and said what is wrong with them, with the correction where it is obvious.

    parsed, problems = access_list("www.aliyun.com:80, b:443")

A reader never raises. What it cannot read is a Problem: a word of the closed list PROBLEMS, the part that is wrong,
what is allowed. Values may hold what was pasted by mistake, a URL with credentials above all: ``shown`` masks it.

Sources: "Network connection process" (access list, network connection name, ENI keys); "Access instances in a VPC
from Spark on MaxCompute" (VPC domain list).
"""

import json
import re
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Tuple

from attrs import Factory, frozen

from reports.addresses import parse_address
from reports.maxcompute.regions import looks_like_region

# What stands between what is allowed and the correction, where there is one.
CORRECTION = "; here: "

_ENTRY = "HOST:PORT, several joined by commas without spaces"
_LINK = "1 to 63 letters, digits and underscores, starting with a letter"
_ENI = "REGION:VPC, as cn-hangzhou:vpc-abc"
_DOMAINS = "one line of JSON without spaces: regionId, vpcs, zones, urls with domain and port"

# The closed list of what can be wrong: the word, in plain words, and what is allowed.
PROBLEMS: Dict[str, Tuple[str, str]] = {
    "entry_empty": ("is empty", _ENTRY),
    "entry_separator": ("is joined to the next one by something else than a comma", _ENTRY),
    "entry_wide": ("holds full-width characters", _ENTRY),
    "entry_quoted": ("stands in quotes", _ENTRY),
    "entry_scheme": ("begins with a scheme", _ENTRY),
    "entry_path": ("goes on after the port", _ENTRY),
    "entry_space": ("holds a space", _ENTRY),
    "entry_ipv6": ("is an IPv6 address, which cannot be configured", "an IPv4 address or a name"),
    "entry_wildcard": ("holds a wild card", _ENTRY),
    "entry_no_port": ("has no port", _ENTRY),
    "entry_port": ("has a port that is no number from 1 to 65535", _ENTRY),
    "entry_host": ("has a host that is neither a name nor an IPv4 address", _ENTRY),
    "link_empty": ("is empty", _LINK),
    "link_long": ("is longer than 63 characters", _LINK),
    "link_start": ("does not start with a letter", _LINK),
    "link_character": ("holds a character that a link's name cannot have", _LINK),
    "eni_format": ("is not REGION:VPC", _ENI),
    "eni_space": ("holds a space", _ENI),
    "eni_swapped": ("has the VPC first", _ENI),
    "eni_region": ("does not begin with a region id", _ENI),
    "eni_vpc": ("does not end with a VPC id", _ENI),
    "eni_other_region": ("names another region than the job's", _ENI),
    "domains_json": ("is no JSON", _DOMAINS),
    "domains_space": ("holds spaces or line breaks", _DOMAINS),
    "domains_shape": ("lacks a part", _DOMAINS),
    "domains_region": ("names another region than the job's", _DOMAINS),
    "domains_target": ("does not hold the target", _DOMAINS),
    "switch": ("is neither true nor false", "true or false"),
    "key": ("is no known key, but nearly one", "the known key"),
}


@frozen(kw_only=True)
class Problem:
    """One thing that is wrong: ``word`` of PROBLEMS, the ``entry``, its correction where that is obvious.

    ``host`` is the host that an entry of an access list is about, as far as it can be made out.
    """

    word: str
    entry: str
    corrected: str = ""
    host: str = ""

    @property
    def text(self) -> str:
        """What is wrong, in plain words."""
        return PROBLEMS[self.word][0]

    @property
    def allowed(self) -> str:
        """What is allowed, and the correction."""
        allowed = PROBLEMS[self.word][1]
        return "%s%s%s" % (allowed, CORRECTION, self.corrected) if self.corrected else allowed


Problems = Tuple[Problem, ...]

_SECRET = re.compile(r"//[^/@\s,]*@|^[^/@\s,]*:[^/@\s,]*@|\?[^\s,]*")


def shown(text: str, limit: int = 200) -> str:
    """The text without credentials and queries, bounded."""
    masked = _SECRET.sub(lambda found: "?***" if found.group().startswith("?") else "***@", text)
    return masked if len(masked) <= limit else masked[: limit - 3] + "..."


# --- access lists ---------------------------------------------------------------------------------------------------


@frozen
class AccessList:
    """The good entries of an access list, in order; their ports by host in lower case; addresses by port."""

    entries: Tuple[Tuple[str, int], ...] = ()
    by_host: Dict[str, FrozenSet[int]] = Factory(dict)
    addresses: Dict[int, Tuple[str, ...]] = Factory(dict)

    def ports(self, host: str) -> FrozenSet[int]:
        """The ports on which the host is listed."""
        return self.by_host.get(host, frozenset())


_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(r"(?=.{1,253}\Z)%s(?:\.%s)*\.?" % (_LABEL, _LABEL))
_GOOD_PORT = re.compile(r"[1-9][0-9]{0,4}")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_SCHEME_PORTS = {"http": "80", "https": "443"}
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_WIDE = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
_WIDE.update({0x3000: ord(" "), 0x3001: ord(","), 0x3002: ord(".")})
_OTHER_SEPARATORS = re.compile(r"(?<=[0-9])[;|\s]+(?=[A-Za-z0-9])")

# A host name has at most 253 characters: what is longer is no entry, and is not searched to its end.
_LONGEST_ENTRY = 400

# What to look for in an entry, the first that fits names the problem.
_SIGNS: Tuple[Tuple[str, str], ...] = (
    ("entry_empty", r"\s*"),
    ("entry_wide", r".*[\uff01-\uff5e\u3000-\u3002].*"),
    ("entry_quoted", r".*[%s].*" % _QUOTES),
    ("entry_scheme", r"\s*[A-Za-z][A-Za-z0-9+.-]*://.*"),
    ("entry_path", r"[^/?#]*[/?#].*"),
    ("entry_separator", r".*[0-9][;|\s]+[A-Za-z0-9].*"),
    ("entry_space", r".*\s.*"),
    ("entry_ipv6", r"\[.*|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.%]*"),
    ("entry_wildcard", r".*\*.*"),
    ("entry_no_port", r"[^:]*:?"),
)


def access_list(text: str, hint: Callable[[str], Optional[int]] = lambda _: None) -> Tuple[AccessList, Problems]:
    """An access list: HOST:PORT joined by commas. ``hint`` gives the port that a host is likely to want."""
    text = _without_end(text)
    entries: List[Tuple[str, int]] = []
    problems: List[Problem] = []
    for part in text.split(",") if text else ():
        entry = _entry(part)
        if entry is not None:
            entries.append(entry)
        else:
            problems.append(_entry_problem(part, hint))
    by_host: Dict[str, FrozenSet[int]] = {}
    addresses: Dict[int, List[str]] = {}
    for host, port in dict.fromkeys(entries):
        by_host[host] = by_host.get(host, frozenset()) | {port}
        if parse_address(host) is not None:
            addresses.setdefault(port, []).append(host)
    found = {port: tuple(hosts) for port, hosts in addresses.items()}
    return AccessList(tuple(dict.fromkeys(entries)), by_host, found), tuple(problems)


def _without_end(text: str) -> str:
    """The value without the semicolon that ends a statement: the documentation's own example of a file has one."""
    return text.strip().rstrip(";").rstrip()


def _entry(text: str) -> Optional[Tuple[str, int]]:
    host, colon, port = text.partition(":")
    if not colon or not _GOOD_PORT.fullmatch(port) or int(port) > 65535 or not _is_host(host):
        return None
    return host.lower().rstrip("."), int(port)


def _is_host(text: str) -> bool:
    if not _NAME.fullmatch(text):
        return False
    # All digits and dots, or a last label of digits, is meant as an address: it must be one (RFC 1123, section 2.1).
    return not text.rstrip(".").rpartition(".")[2].isdigit() or parse_address(text) is not None


def _entry_problem(text: str, hint: Callable[[str], Optional[int]]) -> Problem:
    text = text[:_LONGEST_ENTRY]
    corrected, host = _corrected(text, hint)
    word = next((word for word, sign in _SIGNS if re.fullmatch(sign, text, re.DOTALL)), "")
    if not word:
        word = "entry_port" if _is_host(text.partition(":")[0]) else "entry_host"
    return Problem(word=word, entry=shown(text), corrected=corrected, host=host)


def _corrected(text: str, hint: Callable[[str], Optional[int]]) -> Tuple[str, str]:
    """What the entry was meant to be, empty where that is not obvious, and its host."""
    good = []
    host = ""
    plain = text.translate(_WIDE).translate({ord(quote): None for quote in _QUOTES}).strip()
    for part in re.split(r",", _OTHER_SEPARATORS.sub(",", plain)):
        scheme = _SCHEME.match(part.strip())
        rest = re.split(r"[/?#]", _SCHEME.sub("", part.strip()))[0].rpartition("@")[2].strip()
        name, _, port = rest.partition(":")
        name, port = name.strip(), port.strip()
        host = host or (name.lower().rstrip(".") if _is_host(name) else "")
        if not port:
            known = hint(name.lower())
            port = _SCHEME_PORTS.get(scheme.group()[:-3].lower(), "") if scheme else ""
            port = port or (str(known) if known else "")
        if _entry("%s:%s" % (name, port)) is None:
            return "", host
        good.append("%s:%s" % (name, port))
    return ",".join(good), host


# --- names and switches ---------------------------------------------------------------------------------------------

_LINK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


def network_link(text: str) -> Tuple[str, Problems]:
    """The name of a network link; empty where it is not valid."""
    if _LINK_NAME.fullmatch(text):
        return text, ()
    if not text.strip():
        word = "link_empty"
    elif not re.fullmatch(r"[A-Za-z0-9_]+", text):
        word = "link_character"
    else:
        word = "link_start" if not re.match(r"[A-Za-z]", text) else "link_long"
    meant = _without_end(text).strip(_QUOTES + " ")
    corrected = meant if meant != text and _LINK_NAME.fullmatch(meant) else ""
    return "", (Problem(word=word, entry=shown(text), corrected=corrected),)


def switch(text: str) -> Tuple[Optional[bool], Problems]:
    """``true`` or ``false``; None where it is neither."""
    plain = _without_end(text)
    value = {"true": True, "false": False}.get(plain.lower())
    if value is not None:
        return value, ()
    meant = plain.translate(_WIDE).strip(_QUOTES + " ").lower()
    corrected = {"1": "true", "yes": "true", "on": "true", "true": "true", "false": "false"}.get(meant, "")
    return None, (Problem(word="switch", entry=shown(text), corrected=corrected),)


# --- the ENI of Spark -----------------------------------------------------------------------------------------------


@frozen
class EniInfo:
    """The region and the VPC into which Spark's ENI goes; both empty where they were not valid."""

    region: str = ""
    vpc: str = ""


_VPC_ID = re.compile(r"vpc-[A-Za-z0-9]+")


def eni_info(text: str, job_region: Optional[str] = None) -> Tuple[EniInfo, Problems]:
    """``REGION:VPC``, of the job's own region where that is known."""
    text = _without_end(text)
    region, colon, vpc = text.partition(":")
    meant = EniInfo(*(part.translate(_WIDE).strip(_QUOTES + " ") for part in (region, vpc)))
    corrected = "%s:%s" % (meant.region, meant.vpc)
    if not colon or ":" in vpc:
        word, corrected = "eni_format", ""
    elif _VPC_ID.fullmatch(meant.region) and looks_like_region(meant.vpc):
        word, corrected = "eni_swapped", "%s:%s" % (meant.vpc, meant.region)
    elif not looks_like_region(meant.region):
        word, corrected = "eni_region", ""
    elif not _VPC_ID.fullmatch(meant.vpc):
        word, corrected = "eni_vpc", ""
    elif corrected != text:
        word = "eni_space" if re.search(r"\s", text) else "eni_format"
    elif job_region and job_region != region:
        word, corrected = "eni_other_region", ""
    else:
        return EniInfo(region, vpc), ()
    return EniInfo(), (Problem(word=word, entry=shown(text), corrected=corrected),)


# --- the older access of Spark to VPCs ------------------------------------------------------------------------------


@frozen
class VpcDomains:
    """Which VPC (empty: a cloud service) each ``(domain, port)`` of a VPC domain list is in."""

    vpcs: Dict[Tuple[str, int], str] = Factory(dict)


def vpc_domain_list(text: str, job_region: Optional[str] = None) -> Tuple[VpcDomains, Problems]:
    """One line of JSON without spaces. With a problem of spaces alone, what it holds is read all the same."""
    text = _without_end(text)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return VpcDomains(), (Problem(word="domains_json", entry=shown(text)),)
    problems = []
    vpcs: Dict[Tuple[str, int], str] = {}
    lacking = _read_domains(document, vpcs)
    if lacking:
        problems.append(Problem(word="domains_shape", entry=lacking))
    elif re.search(r"\s", text):
        corrected = json.dumps(document, separators=(",", ":"))
        problems.append(Problem(word="domains_space", entry=shown(text), corrected=shown(corrected, 1000)))
    if not lacking and job_region and document["regionId"] != job_region:
        problems.append(Problem(word="domains_region", entry=shown(str(document["regionId"]))))
    return VpcDomains(vpcs), tuple(problems)


def _read_domains(document: Any, vpcs: Dict[Tuple[str, int], str]) -> str:
    """Fill ``vpcs``; gives the path of the first part that is missing or of another kind, or ""."""
    if not isinstance(document, dict) or not isinstance(document.get("regionId"), str):
        return "regionId"
    for vpc in _parts(document, "vpcs"):
        for zone in _parts(vpc, "zones"):
            for url in _parts(zone, "urls"):
                domain, port = (url.get("domain"), url.get("port")) if isinstance(url, dict) else (None, None)
                if not isinstance(domain, str):
                    return "domain"
                if isinstance(port, str) and _GOOD_PORT.fullmatch(port):
                    port = int(port)
                if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65535:
                    return "port"
                vpcs[domain.lower().rstrip("."), port] = str(vpc.get("vpcId", ""))
            if not _parts(zone, "urls"):
                return "urls"
        if not _parts(vpc, "zones"):
            return "zones"
    return "" if _parts(document, "vpcs") else "vpcs"


def _parts(document: Any, key: str) -> List[Any]:
    found = document.get(key) if isinstance(document, dict) else None
    return found if isinstance(found, list) else []
