"""The network of sweeps: whoever sweeps, its vSwitch, a router, and hosts that own whole networks behind it.

                 .-- near, twin: hosts of the same vSwitch, which share one address
here -- router --|
                 '-- many, few: each owns whole networks; "many" listens at both ports, "few" at the first
"""

from collections.abc import Iterator

from attrs import frozen

from reports.sweep import FILTERED, OPEN, REFUSED, SILENT
from tests.lab.network import Topology

HERE, ROUTER, NEAR, TWIN, MANY, FEW, VOID = (
    *("swp-here", "swp-router", "swp-near", "swp-twin"),
    *("swp-many", "swp-few", "swp-void"),
)
HERE_ADDRESS, GATEWAY = "10.70.1.10", "10.70.1.1"
# The router's leg towards whoever sweeps: what comes in there was sent by it.
LEG = "v-here"
BOTH, ONE, NOBODY = 8020, 9083, 9000
PORTS = (BOTH, ONE)

OWN = "10.70.1.0/24"
NEIGHBOURS = ("10.70.1.20", "10.70.1.21", "10.70.1.22")
SHARED = "10.70.1.30"

MIXED = "10.71.1.0/24"
# Everything of it is at "many": open at the first two ports, refused at NOBODY, silent at SILENT_PORT.
WIDE = "10.72.0.0/16"
SILENT_PORT = 9001
# The database's own.
DATABASES = "10.73.0.0/24"
# IPv6 at "many".
SIX = "fd71::/64"


@frozen
class Part:
    """A /28 of the mixed network: ``states`` of both ports, by whom errors are sent, and how that comes about.

    ``rule`` stands in ``chain`` ("many", "few": the host's input; "router": what it forwards) after the addresses.
    """

    title: str
    states: str
    chain: str = ""
    rule: str = ""
    route: str = "{} via 10.70.3.2"
    icmp: str = ""
    by: str = ""


NO_WAY = "no way to the hosts, and an error for some"
_FEW = "{} via 10.70.4.2"
_ONE = f"tcp dport {ONE}"
_PORTS = f"tcp dport {{ {BOTH}, {ONE} }}"
_ROUTER = GATEWAY

PARTS = (
    Part("both listen", OPEN + OPEN),
    Part("the host's own filter resets the second", OPEN + REFUSED, "many", f"{_ONE} reject with tcp reset"),
    Part("the host's own filter drops the second", OPEN + SILENT, "many", f"{_ONE} drop"),
    Part("the host's own filter drops both", SILENT * 2, "many", f"{_PORTS} drop"),
    Part(
        "the host's own filter prohibits the second",
        OPEN + FILTERED,
        "many",
        f"{_ONE} reject with icmp admin-prohibited",
        icmp="3/13",
    ),
    Part(
        "the host's own filter says that neither port is there",
        FILTERED * 2,
        "many",
        f"{_PORTS} reject with icmp port-unreachable",
        icmp="3/3",
    ),
    Part(
        "the router prohibits the second",
        OPEN + FILTERED,
        "router",
        f"{_ONE} reject with icmp admin-prohibited",
        icmp="3/13",
        by=_ROUTER,
    ),
    Part("the router drops the second", OPEN + SILENT, "router", f"{_ONE} drop"),
    Part("nothing listens at the second", OPEN + REFUSED, route=_FEW),
    Part("the router resets both", REFUSED * 2, "router", f"{_PORTS} reject with tcp reset", _FEW),
    Part(
        "the router prohibits the network",
        FILTERED * 2,
        "router",
        f"{_PORTS} reject with icmp net-prohibited",
        _FEW,
        "3/9",
        _ROUTER,
    ),
    Part(
        "the router prohibits the host's first",
        FILTERED + REFUSED,
        "router",
        f"tcp dport {BOTH} reject with icmp host-prohibited",
        _FEW,
        "3/10",
        _ROUTER,
    ),
    Part(
        "the router says that the network is out of reach",
        FILTERED * 2,
        "router",
        f"{_PORTS} reject with icmp net-unreachable",
        _FEW,
        "3/0",
        _ROUTER,
    ),
    # The kernel tells whoever asks of that five times, then once a second (ip_error in net/ipv4/route.c).
    Part(NO_WAY, FILTERED * 2, route="unreachable {}", icmp="3/1", by=_ROUTER),
    Part("a black hole", SILENT * 2, route="blackhole {}"),
    Part("nobody is there", FILTERED * 2, route="{} dev void", icmp="3/1", by=_ROUTER),
)
_EACH = 16


def truth(port: int) -> dict[str, str]:
    """The states of the mixed network, by address."""
    return {address: part.states[PORTS.index(port)] for part, address in _addresses()}


def senders() -> dict[str, tuple[str, str]]:
    """Type and code of the ICMP error, and who sends it, by address."""
    return {address: (part.icmp, part.by or address) for part, address in _addresses() if part.icmp}


def part_of(address: str) -> Part:
    """To which part an address of the mixed network belongs."""
    return PARTS[int(address.rpartition(".")[2]) // _EACH]


def _addresses() -> Iterator[tuple[Part, str]]:
    prefix = MIXED.rpartition(".")[0]
    for number, part in enumerate(PARTS):
        yield from ((part, f"{prefix}.{number * _EACH + last}") for last in range(_EACH))


def _network(number: int) -> str:
    return f"{MIXED.rpartition('.')[0]}.{number * _EACH}/28"


def _rules(place: str, hook: str, more: str = "") -> str:
    lines = (f"ip daddr {_network(number)} {part.rule}" for number, part in enumerate(PARTS) if part.chain == place)
    rules = "\n".join((*lines, more))
    return f"table inet sweep {{\nchain {hook} {{\ntype filter hook {hook} priority 0\n{rules}\n}}\n}}\n"


# Errors are sent as they come: neither by destination nor in all are there too many (icmp(7)).
_TELLS_ALL = {"net/ipv4/icmp_ratelimit": "0", "net/ipv4/icmp_ratemask": "0", "net/ipv6/icmp/ratelimit": "0"}
# Nobody waits a second to see whether an address is his own.
_SIX_TOO = {
    f"net/ipv6/conf/{which}/{name}": "0" for which in ("all", "default") for name in ("disable_ipv6", "accept_dad")
}
# Everybody's ping sockets are open to the lab's one group.
_PINGS = {"net/ipv4/ping_group_range": "0 0"}
# A neighbour that does not answer is given up after 3 x 0.1 s: the error comes before whoever asks gives up.
_QUICK = {"net/ipv4/neigh/void/retrans_time_ms": "100"}
_FORWARDS = {"net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1"}

TOPOLOGY = Topology(
    namespaces=(HERE, ROUTER, NEAR, TWIN, MANY, FEW, VOID),
    links=(
        (HERE, "eth0", ROUTER, LEG),
        (NEAR, "eth0", ROUTER, "v-near"),
        (TWIN, "eth0", ROUTER, "v-twin"),
        (MANY, "eth0", ROUTER, "many"),
        (FEW, "eth0", ROUTER, "few"),
        (VOID, "eth0", ROUTER, "void"),
    ),
    bridges={ROUTER: {"vsw": (LEG, "v-near", "v-twin")}},
    addresses={
        HERE: {"eth0": [f"{HERE_ADDRESS}/24", "fd70:1::10/64 nodad"]},
        NEAR: {"eth0": [f"{address}/24" for address in (*NEIGHBOURS, SHARED)]},
        TWIN: {"eth0": [f"{SHARED}/24"]},
        ROUTER: {
            "vsw": [f"{GATEWAY}/24", "fd70:1::1/64 nodad"],
            "many": ["10.70.3.1/24", "fd70:3::1/64 nodad"],
            "few": ["10.70.4.1/24"],
            "void": ["10.70.5.1/24"],
        },
        MANY: {"eth0": ["10.70.3.2/24", "fd70:3::2/64 nodad"]},
        FEW: {"eth0": ["10.70.4.2/24"]},
    },
    routes={
        HERE: (f"default via {GATEWAY}", "default via fd70:1::1"),
        NEAR: (f"default via {GATEWAY}",),
        TWIN: (f"default via {GATEWAY}",),
        ROUTER: (
            *(part.route.format(_network(number)) for number, part in enumerate(PARTS)),
            *(f"{network} via 10.70.3.2" for network in (WIDE, DATABASES)),
            f"{SIX} via fd70:3::2",
        ),
        MANY: (
            "default via 10.70.3.1",
            "default via fd70:3::1",
            *(f"local {network} dev lo" for network in (MIXED, WIDE, DATABASES, SIX)),
        ),
        FEW: ("default via 10.70.4.1", f"local {MIXED} dev lo"),
    },
    sysctls={
        HERE: {**_SIX_TOO, **_PINGS},
        ROUTER: {**_FORWARDS, **_TELLS_ALL, **_SIX_TOO},
        MANY: {**_TELLS_ALL, **_SIX_TOO},
        FEW: _TELLS_ALL,
    },
    sysctls_when_up={ROUTER: _QUICK},
    rules={
        ROUTER: _rules("router", "forward"),
        MANY: _rules("many", "input", f"tcp dport {SILENT_PORT} drop"),
        FEW: _rules("few", "input"),
    },
)

# Which ports are listened at, where; at every address.
LISTENERS = ((MANY, PORTS), (FEW, (BOTH,)), (NEAR, (BOTH,)))
