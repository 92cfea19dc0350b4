"""This machine itself: its policy rules, its output rules, its ports, its second address; and the VPC host's."""

import itertools
import socket
from collections.abc import Mapping

from tests.lab import network
from tests.lab.changes import Change, Ground, Undo, chain, links, routes, table, together
from tests.lab.faults.contract import Fault
from tests.lab.network import DB, ROUTER, SANDBOX, VPCHOST

_PORTS = "net/ipv4/ip_local_port_range"
# What was closed holds its port for a minute, also when the fault is undone.
_unused_ports = itertools.cycle(range(20000, 60000, 1000))
_ELASTICSEARCH = ("10.10.3.21", 9200)


def _policy(namespace: str, *policy: str) -> Change:
    """Policy rules, in this order before those that every machine has."""
    numbered = [(namespace, f"priority {number} {rule}") for number, rule in enumerate(policy, 100)]
    return links(
        tuple((where, f"rule add {rule}") for where, rule in numbered),
        tuple((where, f"rule del {rule}") for where, rule in numbered),
    )


def short_of_ports(ports: int, closed: int, namespace: str = SANDBOX) -> Change:
    """The machine has few local ports, and has just closed many connections to Elasticsearch, one for each request."""

    def apply(ground: Ground) -> Undo:
        low = next(_unused_ports)
        before = network.sysctl_values(namespace, [_PORTS])
        network.sysctl(namespace, {_PORTS: f"{low} {low + ports - 1}"})
        for _ in range(closed):
            with network.inside(namespace):
                sock = socket.create_connection(_ELASTICSEARCH)
            with sock:
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(4096):
                    pass
        return lambda: network.sysctl(namespace, before)

    return apply


_TO_PROXY = routes(SANDBOX, "default via 10.0.0.1 dev eth0 table 100")
_HARMLESS = """
chain counted {
    tcp dport { 25, 6667 } counter reject
}
chain output {
    type filter hook output priority 0; policy drop
    ct state established,related accept
    ip daddr 192.0.2.77 drop
    meta l4proto tcp jump counted
    meta l4proto { tcp, udp, icmp } accept
}
"""

_POLICY: Mapping[str, Fault] = {
    "policy_to_proxy": Fault(
        "a policy rule has vswitch-b looked up in a table whose only route leads to the proxy",
        together(_TO_PROXY, _policy(SANDBOX, "to 10.10.2.0/24 lookup 100")),
    ),
    "policy_by_source": Fault(
        "a policy rule has all that leaves from the ENI's address looked up in that table",
        together(_TO_PROXY, _policy(SANDBOX, "from 10.10.1.10 lookup 100")),
    ),
    "policy_to_neighbour": Fault(
        "a policy rule of the VPC host sends vswitch-b to a neighbour, which forwards nothing",
        together(
            routes(VPCHOST, "default via 10.10.1.10 dev eth0 table 100"),
            _policy(VPCHOST, "to 10.10.2.0/24 lookup 100"),
        ),
    ),
    **{
        f"policy_{action}_{place}": Fault(
            f"a policy rule rejects what goes to one host: connect(2) gives {error} at once, without a packet",
            _policy(namespace, f"to 10.10.2.40 {action}"),
        )
        for action, error in (("prohibit", "EACCES"), ("blackhole", "EINVAL"), ("unreachable", "ENETUNREACH"))
        for place, namespace in (("job", SANDBOX), ("vpchost", VPCHOST))
    },
    "policy_to_rejecting_table": Fault(
        "a policy rule has one host looked up in a table that rejects everything",
        together(routes(SANDBOX, "unreachable default table 100"), _policy(SANDBOX, "to 10.10.2.40 lookup 100")),
    ),
    "policy_harmless": Fault(
        "policy rules as a machine with several interfaces has them, and some that select nothing of the job's",
        together(
            routes(SANDBOX, "default via 10.10.1.1 dev eth1 table 100"),
            _policy(
                SANDBOX,
                "from 10.10.1.10 lookup 100",
                "fwmark 0x1 blackhole",
                "iif eth1 prohibit",
                "to 192.0.2.0/24 prohibit",
            ),
        ),
    ),
    "policy_harmless_vpchost": Fault(
        "the same on the VPC host",
        together(
            routes(VPCHOST, "default via 10.10.1.1 dev eth0 table 100"),
            _policy(VPCHOST, "to 10.10.0.0/16 lookup 100", "fwmark 0x1 blackhole", "to 192.0.2.0/24 prohibit"),
        ),
    ),
}

_OUTPUT: Mapping[str, Fault] = {
    "output_harmless": Fault("output rules that drop nothing of the job's", table(SANDBOX, _HARMLESS)),
    "output_harmless_vpchost": Fault("output rules that drop nothing of the host's", table(VPCHOST, _HARMLESS)),
    "output_drops_ports": Fault(
        "a chain of the job's own drops the ports of databases, whatever the host",
        table(
            SANDBOX,
            "chain databases {\ntcp dport { 3306, 5432 } drop\n}\n"
            "chain output {\ntype filter hook output priority 0\nip daddr 10.10.0.0/16 jump databases\n}",
        ),
    ),
    "output_rejects_vpchost": Fault(
        "the VPC host's own output chain rejects: the kernel answers itself, no packet leaves",
        chain(VPCHOST, "output", "ip daddr 10.10.2.40 tcp dport 3306 reject"),
    ),
}

_REST: Mapping[str, Fault] = {
    "ports_short": Fault(
        "85 of 100 local ports wait for the end of connections to Elasticsearch", short_of_ports(100, 85)
    ),
    "ports_half_taken": Fault("60 of 100 local ports do", short_of_ports(100, 60)),
    "ports_wide": Fault("60 of a thousand local ports do", short_of_ports(1000, 60)),
    "other_source": Fault(
        "a route takes the job's second address for what goes to vswitch-b",
        links(
            (
                (SANDBOX, "address add 10.10.1.11/24 dev eth1"),
                (SANDBOX, "route add 10.10.2.0/24 via 10.10.1.1 dev eth1 src 10.10.1.11"),
            ),
            ((SANDBOX, "route del 10.10.2.0/24"), (SANDBOX, "address del 10.10.1.11/24 dev eth1")),
        ),
    ),
    "mysql_admits_first_source": Fault(
        "the database drops whom its whitelist does not name: the job's first address, and the VPC host's",
        chain(DB, "input", "ip daddr 10.10.2.40 tcp dport 3306 ip saddr != { 10.10.1.10, 10.10.1.50 } drop"),
    ),
    "vpchost_down": Fault(
        "the VPC host's interface is down, its routes went with it",
        links(
            ((VPCHOST, "link set eth0 down"),),
            (
                (VPCHOST, "link set eth0 up"),
                (VPCHOST, "route add default via 10.10.1.1"),
                (VPCHOST, "route add 100.64.0.0/10 via 10.10.1.1"),
            ),
        ),
    ),
    "vpchost_unplugged": Fault(
        "the far end of the VPC host's interface is down: up, but no carrier",
        links(((ROUTER, "link set a-vpchost down"),), ((ROUTER, "link set a-vpchost up"),)),
    ),
}

FAULTS: Mapping[str, Fault] = {**_POLICY, **_OUTPUT, **_REST}
