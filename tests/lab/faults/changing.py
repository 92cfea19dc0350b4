"""What is broken when the run begins and works a moment later, or the reverse: the run's own packets change it."""

from collections.abc import Mapping
from typing import Any

from tests.lab.changes import Change, behave, chain, resolve
from tests.lab.faults.contract import Fault, forward
from tests.lab.nameserver import EVERY
from tests.lab.network import DB, PROXY

_SYN = "tcp flags & (syn|ack) == syn"
# A connection that meets silence sends so many SYNs within the lab's time-outs: at once, and after a second.
_SYNS = 2
_MYSQL, _PARTNER = ("10.10.2.40", 3306), ("198.51.100.20", 443)
_FULL = ("mysql_error", 1040, "Too many connections")


def _first(count: int, match: str, verdict: str) -> str:
    """A rule for the first SYNs that match, and for no later one."""
    return f"{match} {_SYN} limit rate 1/hour burst {count} packets {verdict}"


def _after(count: int, match: str, verdict: str) -> str:
    """A rule for all SYNs that match but the first ones."""
    return f"{match} {_SYN} limit rate over 1/hour burst {count} packets {verdict}"


def _once(where: tuple[str, int], first: tuple[Any, ...], later: tuple[Any, ...]) -> Change:
    return behave(*where, ("once", first, later))


FAULTS: Mapping[str, Fault] = {
    "mysql_comes_up": Fault(
        "the host resets the first SYN, as a port does at which nothing listens yet; then the server is up",
        chain(DB, "input", _first(1, "ip daddr 10.10.2.40 tcp dport 3306", "reject with tcp reset")),
    ),
    "mysql_goes_down": Fault(
        "the host resets whatever comes after the first SYN, as it does where the server has ended",
        chain(DB, "input", _after(1, "ip daddr 10.10.2.40 tcp dport 3306", "reject with tcp reset")),
    ),
    "mysql_fills_up": Fault(
        "the first connection is served, later ones are told that there are too many", _once(_MYSQL, ("mysql",), _FULL)
    ),
    "mysql_recovers": Fault(
        "the first connection is reset after it was accepted, later ones are served",
        _once(_MYSQL, ("accept_then_reset",), ("mysql",)),
    ),
    "group_opens_metastore": Fault(
        "the security group drops what one connection sends, and admits whatever comes later",
        forward(_first(_SYNS, "ip daddr 10.10.2.30 tcp dport 9083", "drop")),
    ),
    "group_opens_zookeeper": Fault(
        "as above, in a vSwitch of its own", forward(_first(_SYNS, "ip daddr 10.10.3.20 tcp dport 2181", "drop"))
    ),
    "proxy_admits_amap_later": Fault(
        "the outbound proxy drops what one connection sends to this host, and admits whatever comes later",
        chain(PROXY, "forward", _first(_SYNS, "ip daddr 198.51.100.11", "drop")),
    ),
    "partner_recovers": Fault(
        "the backend answers 503 to the first request and 200 to later ones",
        _once(_PARTNER, ("tls", "good", "http", 503, "Service Unavailable", "starting\n"), ("tls", "good", "http")),
    ),
    "name_appears": Fault(
        "the servers fail for the first queries of this name, and answer later ones",
        resolve(EVERY, "es-1.vpc.internal", "first", 2, "rcode", "SERVFAIL"),
    ),
    "whitelist_closes": Fault(
        "the database's whitelist loses this client after the first connection",
        forward(_after(1, "ip daddr 10.10.2.40 tcp dport 6379", "drop")),
    ),
}
