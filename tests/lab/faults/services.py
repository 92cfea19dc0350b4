"""The services, and what stands in front of them."""

from collections.abc import Mapping
from typing import Any

from tests.lab.changes import behave
from tests.lab.faults.contract import Fault

_MYSQL, _PARTNER = ("10.10.2.40", 3306), ("198.51.100.20", 443)


def _mysql(truth: str, *behaviour: Any) -> Fault:
    return Fault(truth, behave(*_MYSQL, behaviour or None))


def _partner(truth: str, *behaviour: Any) -> Fault:
    return Fault(truth, behave(*_PARTNER, behaviour or None))


FAULTS: Mapping[str, Fault] = {
    "mysql_stopped": _mysql("the port is closed: the host itself resets"),
    "mysql_resets": _mysql("accepted, then reset", "accept_then_reset"),
    "mysql_closes": _mysql("accepted, then closed", "accept_then_close"),
    "mysql_hangs": _mysql("accepted, then silence", "hold"),
    "mysql_late": _mysql("greets after 2.5 s", "mysql", 2.5),
    "mysql_unhurried": _mysql("greets after 1.2 s", "mysql", 1.2),
    "mysql_is_ssh": _mysql("an SSH server answers on 3306", "banner", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
    "mysql_denies": _mysql(
        "error 1130 in place of the greeting",
        *("mysql_error", 1130, "Host '{client}' is not allowed to connect to this MySQL server"),
    ),
    "mysql_blocks": _mysql(
        "error 1129 in place of the greeting",
        "mysql_error",
        1129,
        "Host '{client}' is blocked because of many connection errors; unblock with 'mysqladmin flush-hosts'",
    ),
    "mysql_full": _mysql("error 1040 in place of the greeting", "mysql_error", 1040, "Too many connections"),
    "mysql_shutting_down": _mysql(
        "error 1053 in place of the greeting", "mysql_error", 1053, "Server shutdown in progress"
    ),
    "redis_is_http": Fault("an HTTP server answers on 6379", behave("10.10.2.40", 6379, ("http", 400, "Bad Request"))),
    "redis_denies": Fault(
        "Redis itself says that the address is not on its whitelist",
        behave("10.10.2.40", 6379, ("redis", "-ERR illegal address")),
    ),
    "redis_wants_password": Fault(
        "NOAUTH is an answer", behave("10.10.2.40", 6379, ("redis", "-NOAUTH Authentication required."))
    ),
    "zookeeper_resets_data": Fault(
        "something that reads along resets at the first byte", behave("10.10.3.20", 2181, ("reset_on_first_data",))
    ),
    "partner_500": _partner("the backend fails", "tls", "good", "http", 503, "Service Unavailable", "backend down\n"),
    "partner_403": _partner("the backend refuses", "tls", "good", "http", 403, "Forbidden", "no permission\n"),
    "partner_plain": _partner("plain HTTP on 443", "http", 400, "Bad Request"),
    "partner_stopped": _partner("nothing listens on 443"),
    **{
        f"partner_{kind}": _partner(f"the server's TLS is {kind.replace('_', ' ')}", "tls", kind, "http")
        for kind in (
            *("expired", "not_yet_valid", "expiring_soon", "wrong_name", "untrusted", "intercepted"),
            *("client_certificate", "old_version"),
        )
    },
}
