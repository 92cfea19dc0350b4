"""What a host name or address of the platform says by itself: the service, its network, its region.

Sources: the services' pages of endpoints (OSS, Tablestore, DLF, Hologres, MaxCompute), and "Network connection
process", access to specific Alibaba Cloud services.
"""

import ipaddress
import re
from functools import lru_cache
from typing import Dict, FrozenSet, Optional, Pattern, Sequence, Tuple

from attrs import frozen

from reports.addresses import parse_address
from reports.maxcompute.regions import REGION_ID, looks_like_region

PUBLIC = "public"
INTERNAL = "internal"  # the classic network, which reaches MaxCompute too
VPC = "vpc"
# A name that is the same inside and outside (ApsaraDB), or whose network its form does not tell.
UNTOLD = ""


@frozen
class Endpoint:
    """A host name of a platform service.

    ``service``: oss, tablestore, dlf, hologres, maxcompute, maxcompute-tunnel, rds (any ApsaraDB instance).
    ``network``: PUBLIC, INTERNAL, VPC, or UNTOLD. ``region`` is empty where the name carries none.
    ``instance``: the bucket, the instance, or empty.
    """

    service: str
    network: str
    region: str = ""
    instance: str = ""


_LABEL = r"[a-z0-9_-]+"
_REGION = r"(?P<region>%s)" % REGION_ID

# Per service and network the form of the name. {region} and {instance} stand for what varies.
_FORMS: Tuple[Tuple[str, str, str], ...] = (
    ("oss", PUBLIC, "{instance}.oss-{region}.aliyuncs.com"),
    ("oss", INTERNAL, "{instance}.oss-{region}-internal.aliyuncs.com"),
    ("tablestore", PUBLIC, "{instance}.{region}.ots.aliyuncs.com"),
    ("tablestore", VPC, "{instance}.{region}.vpc.tablestore.aliyuncs.com"),
    ("tablestore", INTERNAL, "{instance}.{region}.ots-internal.aliyuncs.com"),
    ("dlf", PUBLIC, "dlf.{region}.aliyuncs.com"),
    ("dlf", VPC, "dlf-vpc.{region}.aliyuncs.com"),
    ("dlf", INTERNAL, "dlf-share.{region}.aliyuncs.com"),
    ("hologres", PUBLIC, "{instance}-{region}.hologres.aliyuncs.com"),
    ("hologres", INTERNAL, "{instance}-{region}-internal.hologres.aliyuncs.com"),
    ("hologres", VPC, "{instance}-{region}-vpc.hologres.aliyuncs.com"),
    ("hologres", VPC, "{instance}-{region}-vpc-st.hologres.aliyuncs.com"),
    ("maxcompute", PUBLIC, "service.{region}.maxcompute.aliyun.com"),
    ("maxcompute", VPC, "service.{region}-vpc.maxcompute.aliyun-inc.com"),
    ("maxcompute", INTERNAL, "service.{region}-intranet.maxcompute.aliyun-inc.com"),
    ("maxcompute-tunnel", PUBLIC, "dt.{region}.maxcompute.aliyun.com"),
    ("maxcompute-tunnel", VPC, "dt.{region}-vpc.maxcompute.aliyun-inc.com"),
    ("maxcompute-tunnel", INTERNAL, "dt.{region}-intranet.maxcompute.aliyun-inc.com"),
)

# ApsaraDB: rm-x.mysql.rds.aliyuncs.com, with the region as a label of its own in newer names.
_RDS = re.compile(r"(?P<instance>%s)\.(?P<engine>[a-z]+)(?:\.(?P<region>%s))?\.rds\.aliyuncs\.com" % (_LABEL, _LABEL))
_ENGINES: Dict[str, str] = {
    "mysql": "mysql",
    "pg": "postgresql",
    "sqlserver": "sqlserver",
    "redis": "redis",
    "mongodb": "mongodb",
}
# What is spoken at an endpoint, whatever the port: Hologres has PostgreSQL's protocol on port 80.
_SPOKEN: Dict[str, str] = {
    "hologres": "hologres",
    "maxcompute": "maxcompute",
    "maxcompute-tunnel": "maxcompute",
}

# Names under these domains pass the automatic verification of a project's outbound list. aliyuncs.com did in 2024.
SELF_VERIFYING: FrozenSet[str] = frozenset(
    {
        "aliyun.com",
        "amap.com",
        "dingtalk.com",
        "alicloudapi.com",
        "cainiao.com",
        "alicdn.com",
        "taobao.com",
        "alibaba.com",
        "alipaydev.com",
        "alibabadns.com",
    }
)

METADATA = "100.100.100.200"
NAME_SERVERS: Tuple[str, ...] = ("100.100.2.136", "100.100.2.137", "100.100.2.138")
# The platform's own services are numbered in it; it is never a vSwitch's CIDR.
RESERVED = ipaddress.ip_network("100.64.0.0/10")
# From where Spark's older access to VPCs comes: the destination's whitelist needs it.
LEGACY_SPARK_SOURCE = "100.104.0.0/16"


@lru_cache(maxsize=65536)
def classify(host: str) -> Optional[Endpoint]:
    """What platform endpoint the host name (ASCII, lower case) is, or None."""
    if not host.endswith((".aliyuncs.com", ".aliyun.com", ".aliyun-inc.com")):
        return None
    for service, network, pattern in _patterns():
        found = pattern.fullmatch(host)
        if found is not None:
            parts = found.groupdict()
            return Endpoint(service, network, parts["region"], parts.get("instance") or "")
    found = _RDS.fullmatch(host)
    if found is not None:
        region = found.group("region") or ""
        return Endpoint("rds", UNTOLD, region if looks_like_region(region) else "", found.group("instance"))
    return None


def service_of_host(host: str) -> Optional[str]:
    """The service (a name of reports/services.py) that is spoken at the host whatever the port, or None."""
    endpoint = classify(host)
    if endpoint is None:
        return None
    if endpoint.service == "rds":
        found = _RDS.fullmatch(host)
        return _ENGINES.get(found.group("engine")) if found is not None else None
    return _SPOKEN.get(endpoint.service)


def wanted(endpoint: Endpoint, network: str) -> str:
    """The host name of the same service in another network; empty where it has no form there."""
    forms = [form for service, of_network, form in _FORMS if (service, of_network) == (endpoint.service, network)]
    if not forms or not endpoint.region:
        return ""
    form = forms[0] if endpoint.instance else forms[0].replace("{instance}.", "")
    if "{instance}" in form and not endpoint.instance:
        return ""
    return form.format(region=endpoint.region, instance=endpoint.instance)


def verifies_itself(host: str) -> bool:
    """Whether the name is under a domain that a project's outbound list takes without an application."""
    return ".".join(host.rsplit(".", 2)[-2:]) in SELF_VERIFYING


def is_platform_address(host: str) -> bool:
    """Whether the host is an address of the platform's own services (metadata, name servers, ...)."""
    address = parse_address(host)
    return address is not None and address.version == 4 and address in RESERVED


def _pattern(form: str) -> Pattern[str]:
    text = re.escape(form).replace(r"\{", "{").replace(r"\}", "}")
    # OSS and Tablestore may be named without the bucket or instance; a Hologres id may hold dashes.
    text = text.replace(r"{instance}\.", r"(?:(?P<instance>%s)\.)?" % _LABEL)
    text = text.replace("{instance}", r"(?P<instance>%s)" % _LABEL)
    return re.compile(text.replace("{region}", _REGION))


@lru_cache(maxsize=None)
def _patterns() -> Sequence[Tuple[str, str, Pattern[str]]]:
    # The longer form first: "-internal" could pass for the end of a region.
    forms = sorted(_FORMS, key=lambda one: -len(one[2]))
    return [(service, network, _pattern(form)) for service, network, form in forms]
