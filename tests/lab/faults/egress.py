"""The outbound proxy of the sandbox."""

from collections.abc import Mapping

from tests.lab.changes import Change, behave, chain, links, rules, table, together
from tests.lab.faults.contract import Fault
from tests.lab.network import INTERNET, PROXY, ROUTER

# Whom the partner admits: what the job and the VPC host come from while nothing is changed.
_ADMITTED = ("203.0.113.7", "192.0.2.2")
_PARTNER, _PORT = "198.51.100.20", 443


def _admitted(element: str) -> Change:
    return rules(
        PROXY, f"delete element inet gate admitted {{ {element} }}", f"add element inet gate admitted {{ {element} }}"
    )


def _sources(namespace: str, source: str, *addresses: str) -> Change:
    """What leaves for the Internet bears another source: this comes before the usual rule, and is kept for it."""
    return together(
        links(
            tuple((namespace, f"address add {address}/24 dev wan") for address in addresses),
            tuple((namespace, f"address del {address}/24 dev wan") for address in addresses),
        ),
        table(
            namespace,
            "chain postrouting {\ntype nat hook postrouting priority 90\n"
            f'oifname "wan" meta l4proto tcp snat to {source}\n}}',
            "ip",
        ),
    )


def _in_turn(*sources: str) -> str:
    return "numgen inc mod %d map { %s }" % (
        len(sources),
        ", ".join(f"{number} : {source}" for number, source in enumerate(sources)),
    )


def _partner_admits(verdict: str, *sources: str) -> Change:
    others = f"ip saddr != {{ {', '.join(sources)} }} ip daddr {_PARTNER}"
    return chain(INTERNET, "input", f"{others} tcp dport {_PORT} {verdict}")


def _partner_serves(*others: str | int) -> Change:
    return behave(_PARTNER, _PORT, ("admit", _ADMITTED, ("tls", "good", "http"), others))


FAULTS: Mapping[str, Fault] = {
    "internet_closed": Fault(
        "the outbound proxy admits nothing", chain(PROXY, "forward", 'iifname "job" oifname "wan" drop')
    ),
    "internet_refused": Fault(
        "as above, but the sandbox answers with resets: nothing of it comes from the targets",
        chain(PROXY, "forward", 'iifname "job" oifname "wan" meta l4proto tcp reject with tcp reset'),
    ),
    "amap_not_admitted": Fault(
        "the proxy's list lacks this host", _admitted("198.51.100.11 . 443, 198.51.100.11 . 80")
    ),
    "amap_443_not_admitted": Fault("the proxy's list lacks this port", _admitted("198.51.100.11 . 443")),
    "oss_not_admitted": Fault("the proxy's list lacks OSS", _admitted("198.51.100.12 . 443, 198.51.100.12 . 80")),
    "partner_not_listed": Fault(
        "the proxy's list lacks the partner", _admitted("198.51.100.20 . 443, 198.51.100.20 . 80")
    ),
    "outbound_moved": Fault(
        "the proxy's outbound address is another than yesterday", _sources(PROXY, "203.0.113.8", "203.0.113.8")
    ),
    "outbound_rotates": Fault(
        "the proxy's outbound addresses take turns",
        _sources(PROXY, _in_turn("203.0.113.7", "203.0.113.8"), "203.0.113.8"),
    ),
    "outbound_rotates_by_chance": Fault(
        "three outbound addresses, of which each connection has any",
        _sources(
            PROXY,
            "numgen random mod 3 map { 0 : 203.0.113.7, 1 : 203.0.113.8, 2 : 203.0.113.9 }",
            *("203.0.113.8", "203.0.113.9"),
        ),
    ),
    "nat_gateway_moved": Fault("the VPC's NAT gateway has another address", _sources(ROUTER, "192.0.2.3", "192.0.2.3")),
    "nat_gateway_rotates": Fault(
        "the NAT gateway's addresses take turns", _sources(ROUTER, _in_turn("192.0.2.2", "192.0.2.3"), "192.0.2.3")
    ),
    "partner_admits_one_drop": Fault(
        "the partner's firewall drops whom it does not know", _partner_admits("drop", *_ADMITTED)
    ),
    "partner_admits_one_reject": Fault(
        "the partner's firewall resets whom it does not know",
        _partner_admits("meta l4proto tcp reject with tcp reset", *_ADMITTED),
    ),
    "partner_admits_one_close": Fault(
        "the partner's server closes the connections of whom it does not know", _partner_serves("accept_then_close")
    ),
    "partner_admits_one_forbid": Fault(
        "the partner's server answers 403 to whom it does not know",
        _partner_serves("tls", "good", "http", 403, "Forbidden", "your address is not admitted\n"),
    ),
}
