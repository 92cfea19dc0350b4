"""What whoever owns a destination pastes to admit a job: rules of security groups, whitelists, grants.

What is safe in a statement, here and in reports/maxcompute/statements.py: letters, digits, ``.``, ``_``, ``:`` and
``-``. Nothing opens anything to everybody, and where nothing can be written safely the text is empty.
"""

import ipaddress
import re
from typing import Iterable, List, Sequence, Tuple, Union

# The security groups that MaxCompute makes for its links: not to be changed (network connection page, notes).
OWN_GROUPS = ("MaxCompute-vpc-", "MaxCompute-backup-vpc-")

_SAFE = re.compile(r"[A-Za-z0-9._:-]{1,253}")


def is_safe(text: str) -> bool:
    """Whether the text can stand in a statement as it is."""
    return _SAFE.fullmatch(text) is not None


def admit_in_security_group(ports: Union[int, Sequence[int]], source: str) -> str:
    """One rule a range of ports: direction, policy, protocol, ports, source, priority (1 is the highest)."""
    cidr = _cidr(source)
    if not cidr:
        return ""
    ports = [ports] if isinstance(ports, int) else ports
    return "\n".join(
        "inbound  allow  TCP  %d/%d  source %s  priority 1" % (first, last, cidr) for first, last in _ranges(ports)
    )


def rule_in_group(group: str, direction: str, port: int, cidr: str, priority: int) -> str:
    """One rule of a security group that is known; ``direction``: inbound or outbound, ``cidr``: of the other side."""
    other = _cidr(cidr)
    if not other or not is_safe(group):
        return ""
    side = "source" if direction == "inbound" else "destination"
    return "%s  allow  TCP  %d/%d  %s %s  priority %d  in %s" % (direction, port, port, side, other, priority, group)


def admit_in_whitelist(source: str) -> str:
    """The entry of a whitelist."""
    return _cidr(source)


def flush_hosts() -> str:
    """Lets MySQL and MariaDB forget the errors of blocked hosts (error 1129)."""
    return (
        "FLUSH HOSTS;  -- MariaDB, MySQL before 8.0.23\n"
        "TRUNCATE TABLE performance_schema.host_cache;  -- MySQL 8.0.23 and later"
    )


def grant(source: str) -> str:
    """Admits a user of MySQL or MariaDB from a network (error 1130); the names are the administrator's to fill in."""
    cidr = _cidr(source)
    if not cidr or ":" in cidr:
        return ""
    network = ipaddress.ip_network(cidr)
    account = "'<user>'@'%s/%s'" % (network.network_address, network.netmask)
    return "CREATE USER %s IDENTIFIED BY '<password>';\nGRANT SELECT ON <database>.* TO %s;" % (account, account)


def _cidr(source: str) -> str:
    """The source as a CIDR; empty where it is none, or would admit everybody."""
    try:
        network = ipaddress.ip_network(source, strict=False)
    except ValueError:
        return ""
    return str(network) if network.prefixlen else ""


def _ranges(ports: Iterable[int]) -> Sequence[Tuple[int, int]]:
    ranges: List[Tuple[int, int]] = []
    for port in sorted(set(ports)):
        if ranges and port == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], port)
        else:
            ranges.append((port, port))
    return ranges
