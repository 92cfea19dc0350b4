"""What resists a sweep, or misleads it, while a test wants it to."""

from collections.abc import Mapping

from tests.lab.changes import Change, chain, links, table, together
from tests.lab.faults.contract import Fault
from tests.lab.sweep.places import BOTH, FEW, HERE, LEG, MANY, ONE, ROUTER, WIDE
from tests.lab.variants import answers_every_arp, no_icmp

# ICMP errors, or resets, a second; after so many SYNs the router has had enough.
LIMIT, ENOUGH = 200, 300
_SYN = "tcp flags & (syn | ack) == syn"


def _limited(namespace: str, what: str) -> Change:
    return chain(namespace, "output", f"{what} limit rate over {LIMIT}/second burst 20 packets drop")


_PUSH_BACK = table(
    ROUTER,
    f"""
    set banned {{
        type ipv4_addr; flags dynamic; size 16
    }}
    chain forward {{
        type filter hook forward priority -5
        ip saddr @banned drop
        {_SYN} limit rate over 1/hour burst {ENOUGH} packets add @banned {{ ip saddr }} drop
    }}
    """,
)


def _isolation(word: str) -> tuple[tuple[str, str], ...]:
    ports = (LEG, "v-near", "v-twin")
    return (
        *((ROUTER, f"link set {port} type bridge_slave isolated {word}") for port in ports),
        (HERE, "neigh flush all"),
    )


FAULTS: Mapping[str, Fault] = {
    "sweep_prohibited": Fault(
        "the router prohibits one port of a network",
        chain(ROUTER, "forward", f"ip daddr {WIDE} tcp dport {BOTH} reject with icmp admin-prohibited"),
    ),
    "sweep_errors_limited": Fault(
        f"the router sends {LIMIT} ICMP errors a second at most", _limited(ROUTER, "icmp type destination-unreachable")
    ),
    "sweep_resets_limited": Fault(
        f"the host sends {LIMIT} resets a second at most", _limited(MANY, "tcp flags & rst == rst")
    ),
    "sweep_push_back": Fault(f"after {ENOUGH} SYNs the router drops all that comes from there", _PUSH_BACK),
    "sweep_own_output": Fault(
        "the sweeping machine's own filter drops one port", chain(HERE, "output", f"tcp dport {ONE} drop")
    ),
    "sweep_silent_fabric": Fault(
        "no node sends ICMP, and the router answers every ARP request",
        together(
            *(no_icmp(namespace) for namespace in (ROUTER, MANY, FEW)),
            answers_every_arp(ROUTER, "vsw"),
            links(_isolation("on"), _isolation("off")),
        ),
    ),
}
