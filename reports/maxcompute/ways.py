"""Which way a target takes, and what each runtime must declare for it.

The ways are those of the documentation's schemes: ``internet``, ``vpc`` (a dedicated connection), ``service`` (the
classic network's endpoints of platform services). Sources: "Network connection process"; "Access instances in a VPC
from Spark on MaxCompute"; "Use UDFs to access resources in VPCs". What is not documented is not claimed: ``enabled``
is then None.
"""

import re
from typing import Any, Dict, FrozenSet, Optional, Tuple

from attrs import frozen

from reports.addresses import is_private, parse_address
from reports.maxcompute.endpoints import (
    INTERNAL,
    PUBLIC,
    VPC,
    Endpoint,
    classify,
    is_platform_address,
    verifies_itself,
    wanted,
)
from reports.maxcompute.formats import Problem
from reports.maxcompute.regions import REGIONS
from reports.maxcompute.schemes import AUTO, BY_VPC, INTERNET, SERVICE, UNGOVERNED
from reports.maxcompute.settings import (
    ACCESS_LIST,
    ENI_ENABLE,
    ENI_INFO,
    NETWORK_LINK,
    PROJECT_LIST,
    SMARTNAT,
    SPARK_LIST,
    TABLE_LINK,
    TRUSTED,
    VPC_DOMAINS,
    Declared,
)
from reports.model import Target

# runtime, way -> the sets of keys of which one whole set must be declared; the recommended one first.
NEEDS: Dict[Tuple[str, str], Tuple[Tuple[str, ...], ...]] = {
    ("udf", INTERNET): ((ACCESS_LIST,),),
    ("udf", BY_VPC): ((NETWORK_LINK,),),
    ("maxframe", INTERNET): ((ACCESS_LIST,),),
    ("external-table", BY_VPC): ((TABLE_LINK,),),
    ("spark", INTERNET): ((SPARK_LIST, SMARTNAT), (SPARK_LIST, ENI_ENABLE, ENI_INFO)),
    ("spark", BY_VPC): ((ENI_ENABLE, ENI_INFO), (VPC_DOMAINS,)),
}
# The scheme is documented for these runtimes, and how a job declares it is not: what is declared counts, and nothing
# that is absent is held against it.
_OPTIONAL: Dict[Tuple[str, str], str] = {
    ("mapreduce", INTERNET): ACCESS_LIST,
    ("mars", INTERNET): ACCESS_LIST,
    ("mapreduce", BY_VPC): NETWORK_LINK,
    ("mars", BY_VPC): NETWORK_LINK,
    ("maxframe", BY_VPC): NETWORK_LINK,
    ("spark", SERVICE): TRUSTED,
}
# Where each runtime declares the public addresses that it may reach.
LIST_OF: Dict[str, str] = {
    "udf": ACCESS_LIST,
    "maxframe": ACCESS_LIST,
    "mapreduce": ACCESS_LIST,
    "mars": ACCESS_LIST,
    "spark": SPARK_LIST,
}
# The words for a way that is not supported, and what they mean.
UNSUPPORTED: Dict[str, str] = {
    "smartnat_spark_version": "SmartNAT is not supported on Spark 3.4 and later",
    "internet_ipv6": "IPv6 addresses cannot be configured for access over the Internet",
    "internet_runtime": "access over the Internet is not documented for this runtime",
    "internet_region": "access over the Internet is not listed for this region",
    "vpc_region": "access over a VPC is not listed for this region",
    "vpc_region_udf": "access from a UDF into a VPC is documented for fewer regions, and this one is not among them",
}
_NO_INTERNET: FrozenSet[str] = frozenset({"external-table", "lakehouse"})
_FIRST_SPARK_WITHOUT_SMARTNAT = (3, 4)

# runtime, service -> the one network of the service's endpoints that the runtime can use.
_ENDPOINTS: Dict[Tuple[str, str], str] = {
    ("udf", "oss"): PUBLIC,
    ("udf", "tablestore"): PUBLIC,
    ("external-table", "oss"): INTERNAL,
    ("external-table", "tablestore"): INTERNAL,
    ("spark", "oss"): INTERNAL,
}
_BY_NETWORK = {PUBLIC: INTERNET, VPC: BY_VPC, INTERNAL: SERVICE}

# A name whose last label is none of a public domain (RFC 1123: alphabetic, or IDNA's prefix) or is reserved for
# private use is known only inside.
_PUBLIC_LABEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]+")
_PRIVATE_LABELS = frozenset({"internal", "local", "lan", "localhost"})


@frozen(kw_only=True)
class Access:
    """What the settings say about one target on one way.

    ``enabled``: whether they switch the way on; None where nothing is claimed. ``missing_key``: the first key that is
    missing. ``broken``: key and problem, where one is there and cannot work. ``unsupported``: a word of UNSUPPORTED.
    ``listed``: ``yes``, ``other_port``, ``no`` of the list ``list_key``, "" where there is none; ``listed_ports`` of
    this host; ``listed_ips``: addresses listed on this port. ``project_listed``: the same of the project's own list.
    ``vpcs``: the VPC that a domain list names for the target, and the one that the ENI goes into, where they differ.
    """

    way: str
    enabled: Optional[bool] = None
    missing_key: str = ""
    broken_key: str = ""
    broken: Optional[Problem] = None
    unsupported: str = ""
    listed: str = ""
    list_key: str = ""
    listed_ports: Tuple[int, ...] = ()
    listed_ips: Tuple[str, ...] = ()
    project_listed: str = ""
    vpcs: Tuple[str, str] = ("", "")


def way_of(declared: Declared, target: Target) -> str:
    """The way that the target takes: declared, or told by its form and by where it is listed; AUTO where open."""
    host = target.host
    if target.via != AUTO:
        return target.via
    address = parse_address(host)
    if address is not None:
        if address.is_loopback or address.is_link_local or is_platform_address(host):
            return AUTO
        return BY_VPC if is_private(host) else INTERNET
    endpoint = classify(host)
    if endpoint is not None and endpoint.network:
        return _BY_NETWORK[endpoint.network]
    if any(found.ports(host) for found in declared.lists.values()):
        return INTERNET
    if (host, target.port) in declared.domains.vpcs:
        return BY_VPC
    last = host.rpartition(".")[2]
    if "." not in host or last in _PRIVATE_LABELS or not _PUBLIC_LABEL.fullmatch(last):
        return BY_VPC if host != "localhost" else AUTO
    return INTERNET if verifies_itself(host) else AUTO


def access(declared: Declared, runtime: str, region: str, target: Target, way: str) -> Access:
    """What the settings say about the target on the way."""
    if runtime in UNGOVERNED or not declared.given:
        return Access(way=way)
    said: Dict[str, Any] = _listed(declared, runtime, target, way)
    if way == BY_VPC and declared.domains.vpcs:
        said["vpcs"] = _vpcs(declared, target)
    unsupported = _unsupported(declared, runtime, region, target, way)
    if unsupported:
        return Access(way=way, enabled=False, unsupported=unsupported, **said)
    optional = _OPTIONAL.get((runtime, way))
    if optional is not None:
        return Access(way=way, enabled=True if declared.is_on(optional) else None, **said)
    if (runtime, way) in NEEDS:
        said.update(_enabled(declared, runtime, target, way))
        if said["enabled"]:
            said.update(_list_broken(declared, target, said))
    return Access(way=way, **said)


def endpoint_wanted(endpoint: Endpoint, runtime: str) -> str:
    """The host name to use instead, where the runtime cannot use the endpoint; empty where nothing is wrong."""
    network = _ENDPOINTS.get((runtime, endpoint.service), endpoint.network)
    return wanted(endpoint, network) if network != endpoint.network else ""


def _enabled(declared: Declared, runtime: str, target: Target, way: str) -> Dict[str, Any]:
    choices = [keys for keys in NEEDS[runtime, way] if is_possible(keys, declared)]
    if any(all(_works(declared, key, target) for key in keys) for keys in choices):
        return {"enabled": True}
    # The set of keys that the job's author began is the one to complete.
    begun = max(choices, key=lambda keys: sum(declared.has(key) for key in keys))
    key = next((key for key in begun if not declared.has(key)), "")
    if key:
        return {"enabled": False, "missing_key": key}
    key = next(key for key in begun if not _works(declared, key, target))
    problem = declared.problem_of(key)
    if problem is None and key == VPC_DOMAINS:
        problem = Problem(word="domains_target", entry=target.address)
    if problem is None:
        # A switch that says false, a list with nothing in it.
        return {"enabled": False, "missing_key": key}
    return {"enabled": False, "missing_key": key, "broken_key": key, "broken": problem}


def _works(declared: Declared, key: str, target: Target) -> bool:
    if key == VPC_DOMAINS and (target.host, target.port) not in declared.domains.vpcs:
        return False
    return declared.is_on(key)


def is_possible(keys: Tuple[str, ...], declared: Declared) -> bool:
    """Whether the version of Spark, where it is known, supports all of the keys."""
    return not (SMARTNAT in keys and declared.spark and declared.spark >= _FIRST_SPARK_WITHOUT_SMARTNAT)


def _list_broken(declared: Declared, target: Target, said: Dict[str, Any]) -> Dict[str, Any]:
    """An entry of the access list that is about this host and cannot be read."""
    key = said.get("list_key", "")
    problem = declared.problem_of(key, target.host) if said.get("listed", "yes") != "yes" else None
    return {"broken_key": key, "broken": problem} if problem is not None else {}


def _unsupported(declared: Declared, runtime: str, region: str, target: Target, way: str) -> str:
    known = REGIONS.get(region)
    if way == INTERNET:
        if ":" in target.host:
            return "internet_ipv6"
        if runtime in _NO_INTERNET:
            return "internet_runtime"
        if known is not None and not known.internet:
            return "internet_region"
        eni = declared.is_on(ENI_ENABLE) and declared.is_on(ENI_INFO)
        if runtime == "spark" and declared.smartnat and not eni and not is_possible((SMARTNAT,), declared):
            return "smartnat_spark_version"
    if way == BY_VPC and known is not None:
        if not known.vpc:
            return "vpc_region"
        if runtime == "udf" and not known.udf_vpc:
            return "vpc_region_udf"
    return ""


def _listed(declared: Declared, runtime: str, target: Target, way: str) -> Dict[str, Any]:
    if (runtime, way) == ("spark", SERVICE) and declared.trusted:
        near = any(_same_place(target.host, entry) for entry in declared.trusted)
        return {"list_key": TRUSTED, "listed": "yes" if near else "no"}
    said: Dict[str, Any] = {}
    if way == INTERNET and PROJECT_LIST in declared.lists:
        said["project_listed"] = _in(declared, PROJECT_LIST, target)
    key = LIST_OF.get(runtime) if way == INTERNET else None
    if key is None or key not in declared.lists:
        return said
    said["list_key"] = key
    said["listed"] = _in(declared, key, target)
    found = declared.lists[key]
    said["listed_ports"] = tuple(sorted(found.ports(target.host)))
    if parse_address(target.host) is None:
        said["listed_ips"] = found.addresses.get(target.port, ())
    return said


def _in(declared: Declared, key: str, target: Target) -> str:
    ports = declared.lists[key].ports(target.host)
    if target.port in ports:
        return "yes"
    return "other_port" if ports else "no"


def _same_place(host: str, entry: str) -> bool:
    """An endpoint is listed with its bucket, and a target may name it with or without."""
    return host == entry or host.endswith("." + entry) or entry.endswith("." + host)


def _vpcs(declared: Declared, target: Target) -> Tuple[str, str]:
    named = declared.domains.vpcs.get((target.host, target.port), "")
    return (named, declared.eni.vpc) if named and declared.eni.vpc and named != declared.eni.vpc else ("", "")
