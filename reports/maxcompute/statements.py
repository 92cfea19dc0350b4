"""The statements for a job's settings: what it declares already is kept, since a pasted ``set`` replaces it.

A host, name or CIDR that holds anything but letters, digits, ``.``, ``_``, ``:``, ``/`` and ``-`` never goes into a
statement, and no statement opens anything to everybody. Where nothing can be written safely the statement is empty.
"""

import json
import re
from typing import Iterable, Tuple

from reports.maxcompute.admission import is_safe
from reports.maxcompute.formats import vpc_domain_list as read_domains
from reports.maxcompute.settings import (
    ENI_ENABLE,
    ENI_INFO,
    NETWORK_LINK,
    SMARTNAT,
    TABLE_LINK,
    TRUSTED,
    VPC_DOMAINS,
    normal,
    written,
)

Entry = Tuple[str, int]

YOUR_LINK = "<name of your network link>"
YOUR_REGION = "<region id>"
YOUR_VPC = "<vpc id>"

_SAFE_JSON = re.compile(r"[A-Za-z0-9._:{}\[\]\",<> -]*")


def assign(key: str, value: str) -> str:
    """What sets the key: a statement of SQL, a table's property, or a line of Spark's file."""
    key = normal(key)
    if key == TABLE_LINK:
        return "TBLPROPERTIES('%s'='%s')" % (key, value)
    if written(key) != key:
        return "%s = %s" % (written(key), value)
    return "set %s=%s;" % (key, value)


def access_list(key: str, held: Iterable[Entry], missing: Iterable[Entry]) -> str:
    """The whole list: what it holds, then what is missing, each once."""
    entries = dict.fromkeys("%s:%d" % entry for entry in (*held, *missing) if is_safe(entry[0]) and ":" not in entry[0])
    return assign(key, ",".join(entries)) if entries else ""


def network_link(name: str = "", key: str = NETWORK_LINK) -> str:
    """The link's name for the session, or for a table."""
    return assign(key, name if name and is_safe(name) else YOUR_LINK)


def spark_eni(region: str = "", vpc: str = "") -> str:
    """Spark's two lines for an ENI in a VPC."""
    info = "%s:%s" % (region if is_safe(region) else YOUR_REGION, vpc if is_safe(vpc) else YOUR_VPC)
    return "%s\n%s" % (assign(ENI_ENABLE, "true"), assign(ENI_INFO, info))


def spark_smartnat() -> str:
    """Spark's line for SmartNAT (before Spark 3.4)."""
    return assign(SMARTNAT, "true")


def spark_trusted(held: Iterable[str], missing: Iterable[str]) -> str:
    """Spark's list of platform services."""
    hosts = [host for host in dict.fromkeys((*held, *missing)) if is_safe(host)]
    return assign(TRUSTED, ",".join(hosts)) if hosts else ""


def vpc_domain_list(held: str, region: str, missing: Iterable[Entry]) -> str:
    """Spark's older access to VPCs: JSON on one line without spaces, ``held`` with what is missing in its first VPC."""
    known, problems = read_domains(held)
    # Only spaces, or another region, leave it readable.
    if known.vpcs and not any(problem.word in ("domains_json", "domains_shape") for problem in problems):
        document = json.loads(held.strip().rstrip(";"))
    else:
        document = {"vpcs": [{"vpcId": YOUR_VPC, "zones": [{"urls": [], "zoneId": "<zone id>"}]}]}
    document["regionId"] = region if is_safe(region) else document.get("regionId", YOUR_REGION)
    urls = document["vpcs"][0]["zones"][0]["urls"]
    added = (entry for entry in missing if entry not in known.vpcs and is_safe(entry[0]))
    urls.extend({"domain": host, "port": port} for host, port in added)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return assign(VPC_DOMAINS, text) if _SAFE_JSON.fullmatch(text) else ""
