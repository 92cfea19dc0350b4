"""Services that answer wrongly, late or not at all."""

from collections.abc import Collection, Mapping

from tests.lab.changes import Behaviour, behave
from tests.lab.draws.places import SERVICES
from tests.lab.draws.troubles.scene import Scene, Template, Trouble
from tests.lab.scenario import DEGRADED, FAILING

# Those that are asked for something, and must answer.
_ASKED = frozenset(SERVICES) - {"tcp"}
_PLAIN = _ASKED - {"https"}
# Where linkdoctor does not listen before it speaks.
_SPEAKING = frozenset({"http", "https", "elasticsearch"})
_MYSQL, _WEB, _TLS = frozenset({"mysql"}), frozenset({"http"}), frozenset({"https"})


_CROSSING = {"reset_on_first_data": "the client speaks at once: its request and the reset may cross"}


def _behaving(cause: str, words: str, kinds: Collection[str], behaviour: Behaviour, verdict: str = FAILING) -> Template:
    def template(scene: Scene) -> Trouble | None:
        aim = scene.one(lambda aim: aim.service.kind in kinds)
        if aim is None:
            return None
        change = behave(aim.address, aim.port, behaviour)
        alike = _CROSSING if cause == "accept_then_reset" and aim.service.kind in _SPEAKING else {}
        return scene.trouble(f"{aim.where} {words}", cause, [aim], change, verdict=verdict, alike=alike)

    template.__name__ = cause
    return template


TEMPLATES: Mapping[Template, float] = {
    _behaving("service_hang", "accepts and says nothing", _ASKED, ("hold",)): 3,
    _behaving("accept_then_close", "accepts and closes", _PLAIN, ("accept_then_close",)): 1.5,
    _behaving("accept_then_reset", "accepts and resets", _PLAIN, ("accept_then_reset",)): 1.5,
    _behaving("reset_on_first_data", "resets at the first byte", _PLAIN - _MYSQL, ("reset_on_first_data",)): 1,
    _behaving("wrong_service", "is an SSH server", _PLAIN, ("banner", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")): 2,
    _behaving("service_slow", "greets after 2.5 s", _MYSQL, ("mysql", 2.5), DEGRADED): 1,
    _behaving(
        "mysql_host_denied",
        "says 1130",
        _MYSQL,
        ("mysql_error", 1130, "Host '{client}' is not allowed to connect to this MySQL server"),
    ): 2,
    _behaving(
        "mysql_host_blocked",
        "says 1129",
        _MYSQL,
        ("mysql_error", 1129, "Host '{client}' is blocked because of many connection errors"),
    ): 1,
    _behaving("destination_connection_limit", "says 1040", _MYSQL, ("mysql_error", 1040, "Too many connections")): 1,
    _behaving("http_5xx", "answers 503", _WEB, ("http", 503, "Service Unavailable", "backend down\n")): 1,
    _behaving("http_403", "answers 403", _TLS, ("tls", "good", "http", 403, "Forbidden", "no permission\n")): 1,
    _behaving("tls_port_speaks_plaintext", "speaks plain HTTP", _TLS, ("http", 400, "Bad Request")): 1,
    **{
        _behaving(cause, words, _TLS, ("tls", kind, "http"), verdict): 1
        for cause, words, kind, verdict in (
            ("tls_expired", "has an expired certificate", "expired", FAILING),
            ("tls_wrong_name", "has a certificate for another name", "wrong_name", FAILING),
            ("tls_untrusted", "has a certificate of an unknown authority", "untrusted", FAILING),
            ("tls_expiring_soon", "has a certificate that ends in five days", "expiring_soon", DEGRADED),
        )
    },
}
