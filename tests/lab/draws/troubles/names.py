"""Name servers and what they say."""

from collections.abc import Mapping
from typing import Any

from tests.lab.changes import chain, resolve
from tests.lab.draws.declared import Aim
from tests.lab.draws.places import unused
from tests.lab.draws.troubles.scene import Scene, Template, Trouble
from tests.lab.nameserver import EVERY, FIRST
from tests.lab.network import DNS
from tests.lab.scenario import DEGRADED


def _of_name(cause: str, words: str, *action: Any) -> Template:
    """What every name server says of one name."""

    def template(scene: Scene) -> Trouble | None:
        aim = scene.one(lambda aim: aim.named)
        if aim is None:
            return None
        name = aim.host.name
        return scene.trouble(f"{name}: {words}", cause, _named(scene, name), resolve(EVERY, name, *action))

    template.__name__ = cause
    return template


def _of_all(cause: str, words: str, *action: Any, verdict: str = "failing") -> Template:
    """What every name server says of every name."""

    def template(scene: Scene) -> Trouble | None:
        hit = scene.aims(lambda aim: aim.named)
        return scene.trouble(words, cause, hit, resolve(EVERY, EVERY, *action), verdict=verdict) if hit else None

    template.__name__ = cause
    return template


def _named(scene: Scene, name: str) -> list[Aim]:
    return scene.aims(lambda aim: aim.named and aim.host.name == name)


def loop(scene: Scene) -> Trouble | None:
    """A name stands for itself."""
    aim = scene.one(lambda aim: aim.named)
    if aim is None:
        return None
    name = aim.host.name
    change = resolve(EVERY, name, "records", {"CNAME": [name]})
    return scene.trouble(f"{name} stands for itself", "dns_cname_loop", _named(scene, name), change)


def no_tcp(scene: Scene) -> Trouble | None:
    """The answer for one name is truncated, and TCP 53 is closed."""
    aim = scene.one(lambda aim: aim.named)
    if aim is None:
        return None
    name = aim.host.name
    changes = resolve(EVERY, name, "truncate"), chain(DNS, "input", "tcp dport 53 drop")
    words = f"{name}: the answer is truncated, and TCP 53 is closed"
    return scene.trouble(words, "dns_tcp_blocked", _named(scene, name), *changes)


def dead(scene: Scene) -> Trouble | None:
    """No name server answers."""
    hit = scene.aims(lambda aim: aim.named)
    change = chain(DNS, "input", "meta l4proto { tcp, udp } th dport 53 drop")
    return scene.trouble("no name server answers", "dns_unreachable", hit, change) if hit else None


def first_dead(scene: Scene) -> Trouble | None:
    """The first name server is silent."""
    hit = scene.aims(lambda aim: aim.named)
    change = chain(DNS, "input", f"ip daddr {FIRST} drop")
    words = "the first name server is dead"
    return scene.trouble(words, "dns_first_server_dead", hit, change, verdict=DEGRADED) if hit else None


def stale(scene: Scene) -> Trouble | None:
    """The first name server gives an address that the service has left."""
    aim = scene.one(lambda aim: aim.named and not aim.public)
    if aim is None:
        return None
    old, name = unused(scene.random, scene.places, scene.subnet(aim)), aim.host.name
    change = resolve(FIRST, name, "records", {"A": [old]})
    words = f"the first name server still says that {name} is {old}"
    return scene.trouble(words, "dns_stale_answer", _named(scene, name), change)


def wrong_private(scene: Scene) -> Trouble | None:
    """A public name leads to a private address that nothing holds."""
    aim = scene.one(lambda aim: aim.named and aim.public)
    if aim is None:
        return None
    change = resolve(EVERY, aim.host.name, "records", {"A": ["10.250.0.20"]})
    hit = _named(scene, aim.host.name)
    why = "the plan does not say that the name is public: a private answer may be right"
    alike = {} if all(one.via for one in hit) else {"router_no_route": why}
    return scene.trouble(f"{aim.host.name} leads to 10.250.0.20", "dns_wrong_private_answer", hit, change, alike=alike)


TEMPLATES: Mapping[Template, float] = {
    _of_name("dns_nxdomain", "no such name", "rcode", "NXDOMAIN"): 4,
    _of_name("dns_servfail", "SERVFAIL", "rcode", "SERVFAIL"): 1,
    _of_name("dns_no_address", "the name has no address", "records", {"TXT": ["v=spf1 -all"]}): 1,
    _of_name("dns_one_name_dropped", "silence for this name", "silent"): 1,
    _of_all("dns_refused", "the name servers refuse this client", "rcode", "REFUSED"): 1,
    _of_all("dns_slow", "every name takes 1.1 s", "delay", 1.1, verdict=DEGRADED): 1,
    _of_name("dns_aaaa_only", "the name has an IPv6 address alone", "records", {"AAAA": ["2001:db8::20"]}): 1,
    loop: 0.5,
    no_tcp: 1,
    dead: 2,
    first_dead: 2,
    stale: 2,
    wrong_private: 1,
}
