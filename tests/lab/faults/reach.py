"""This machine, its ENI, the routes and the filters on the way."""

import functools
from collections.abc import Mapping

from tests.lab import network
from tests.lab.changes import Change, Ground, Undo, behave, chain, links, routes, rules, table, together
from tests.lab.faults.contract import Fault, forward
from tests.lab.network import (
    DB,
    EMR,
    ENI_ADDRESS,
    INTERNET,
    LIMBO,
    ROUTER,
    SANDBOX,
    STORE,
    VPC_ROUTE,
    VPCHOST,
)

_ENI_BACK = (
    (SANDBOX, f"address add {ENI_ADDRESS}/24 dev eth1"),
    (SANDBOX, "link set eth1 up"),
    (SANDBOX, f"route add {VPC_ROUTE}"),
)


_SECOND = ((SANDBOX, "10.10.1.11/24 dev eth1"), (VPCHOST, "10.10.1.51/24 dev eth0"))


def forwarding(namespace: str, *interfaces: str) -> Change:
    """The node passes on what comes by these interfaces, wherever it goes out, and tells of each hop."""

    def apply(ground: Ground) -> Undo:
        settings = {"net/ipv4/icmp_ratelimit": "0", "net/ipv4/conf/all/send_redirects": "0"}
        for interface in interfaces:
            settings[f"net/ipv4/conf/{interface}/forwarding"] = "1"
            settings[f"net/ipv4/conf/{interface}/send_redirects"] = "0"
        before = network.sysctl_values(namespace, settings)
        network.sysctl(namespace, settings)
        return functools.partial(network.sysctl, namespace, before)

    return apply


def _further_out(address: str) -> Change:
    """The namespace internet is a router before the address, behind which nothing answers."""
    return together(
        forwarding(INTERNET, "proxy", "router"),
        links(
            ((INTERNET, f"address del {address}/32 dev lo"), (INTERNET, f"route add {address} dev router")),
            ((INTERNET, f"route del {address} dev router"), (INTERNET, f"address add {address}/32 dev lo")),
        ),
        chain(INTERNET, "forward", f"ip daddr {address} drop"),
    )


_LOCAL: Mapping[str, Fault] = {
    "local_drop": Fault(
        "the job's own output chain drops the SYN before it leaves",
        chain(SANDBOX, "output", "ip daddr 10.10.2.40 tcp dport 3306 drop"),
    ),
    "local_reject": Fault(
        "the job's own output chain rejects: the kernel answers itself, no packet leaves",
        chain(SANDBOX, "output", "ip daddr 10.10.2.40 tcp dport 3306 reject"),
    ),
    "local_blackhole": Fault(
        "a blackhole route here: connect(2) gives EINVAL", routes(SANDBOX, "blackhole 10.10.2.40")
    ),
    "local_unreachable": Fault(
        "an unreachable route here: connect(2) gives EHOSTUNREACH at once, without a packet",
        routes(SANDBOX, "unreachable 10.10.2.40"),
    ),
    "no_default": Fault(
        "the job's default route is gone; private networks and name servers have routes of their own",
        links(((SANDBOX, "route del default"),), ((SANDBOX, "route add default via 10.0.0.1"),)),
    ),
    "wrong_route": Fault(
        "a more specific route sends vswitch-b to the proxy, which forwards nothing private",
        routes(SANDBOX, "10.10.2.0/24 via 10.0.0.1 dev eth0"),
    ),
}

_ENI: Mapping[str, Fault] = {
    "eni_detached": Fault(
        "there is no eth1: private destinations follow the default route to the proxy and are dropped",
        links(((SANDBOX, f"link set eth1 netns {LIMBO}"),), ((LIMBO, f"link set eth1 netns {SANDBOX}"), *_ENI_BACK)),
    ),
    "eni_down": Fault(
        "eth1 is administratively down, its routes went with it",
        links(((SANDBOX, "link set eth1 down"),), _ENI_BACK[1:]),
    ),
    "eni_unplugged": Fault(
        "the far end of eth1 is down: up, but no carrier",
        links(((ROUTER, "link set a-sandbox down"),), ((ROUTER, "link set a-sandbox up"),)),
    ),
    "eni_elsewhere": Fault(
        "the ENI was made in the vSwitch 10.10.9.0/24",
        links(
            (
                (SANDBOX, f"address del {ENI_ADDRESS}/24 dev eth1"),
                (SANDBOX, "address add 10.10.9.10/24 dev eth1"),
                (SANDBOX, "route add 10.10.0.0/16 via 10.10.9.1 dev eth1"),
            ),
            ((SANDBOX, "address del 10.10.9.10/24 dev eth1"), _ENI_BACK[0], _ENI_BACK[2]),
        ),
    ),
    "only_vswitch_a": Fault(
        "the security group of the database admits vswitch-a alone",
        forward("ip saddr != 10.10.1.0/24 ip daddr 10.10.2.40 drop"),
    ),
    "eni_group": Fault(
        "whatever the ENI sends is dropped at its port of the vSwitch, as an advanced group does",
        table(
            ROUTER,
            'chain ingress {\ntype filter hook ingress device "a-sandbox" priority 0\nether type ip drop\n}',
            "netdev",
        ),
    ),
}

_ROUTE: Mapping[str, Fault] = {
    "router_lacks_route": Fault(
        "the router's look-up fails for vswitch-c: it answers ICMP network unreachable",
        routes(ROUTER, "throw 10.10.3.0/25", "throw 10.10.3.128/25"),
    ),
    "blackhole": Fault(
        "a blackhole in the router's table covers all of vswitch-c and sends no message",
        routes(ROUTER, "blackhole 10.10.3.0/25", "blackhole 10.10.3.128/25"),
    ),
    "no_nat_gateway": Fault(
        "without SNAT private sources reach the Internet and no answer finds its way back",
        rules(ROUTER, "flush chain ip nat postrouting", f"add rule {network.NAT_RULE}"),
    ),
}

_FILTER: Mapping[str, Fault] = {
    "group_drops_metastore": Fault(
        "the router's filter, which plays the security group, drops one port of a host whose other port passes",
        forward("ip daddr 10.10.2.30 tcp dport 9083 drop"),
    ),
    "group_drops_namenode": Fault("as above, the other port", forward("ip daddr 10.10.2.30 tcp dport 8020 drop")),
    "group_drops_zookeeper": Fault(
        "as above, in a vSwitch of its own", forward("ip daddr 10.10.3.20 tcp dport 2181 drop")
    ),
    "group_drops_datanodes": Fault(
        "the group admits the NameNode's port and forgot the DataNodes'",
        forward("ip daddr 10.10.2.31-10.10.2.33 tcp dport 50010 drop"),
    ),
    "group_drops_two_datanodes": Fault(
        "two DataNodes of three were forgotten", forward("ip daddr 10.10.2.32-10.10.2.33 tcp dport 50010 drop")
    ),
    "router_prohibits": Fault(
        "the router answers ICMP type 3 code 13",
        forward("ip daddr 10.10.2.40 tcp dport 3306 reject with icmp admin-prohibited"),
    ),
    "host_firewall": Fault(
        "the host's own input chain drops whatever comes from vswitch-a, on every port; its neighbour answers",
        chain(DB, "input", "ip daddr 10.10.2.40 ip saddr 10.10.1.0/24 drop"),
    ),
    "whitelist_has_old_eni": Fault(
        "the database drops what does not come from the ENI of last month",
        chain(DB, "input", "ip daddr 10.10.2.40 tcp dport 3306 ip saddr != 10.10.1.9 drop"),
    ),
    "one_worker_dead": Fault(
        "one of three addresses of the name is silent", chain(EMR, "input", "ip daddr 10.10.2.33 drop")
    ),
}

_WAYS: Mapping[str, Fault] = {
    "device_resets_metastore": Fault(
        "the router resets the SYN before it counts the hop: nearer than the host, whose other port answers",
        chain(ROUTER, "prerouting", "ip daddr 10.10.2.30 tcp dport 9083 reject with tcp reset"),
    ),
    "acl_drops_answers": Fault(
        "a stateless list drops what vswitch-c sends back to the ports that the job's kernel takes by itself",
        forward("ip saddr 10.10.3.0/24 ip daddr 10.10.1.0/24 tcp dport 32768-60999 drop"),
    ),
    "answers_lost": Fault(
        "the destination's host has a route back to the job that discards", routes(STORE, "blackhole 10.10.1.10")
    ),
    "second_addresses": Fault(
        "the job and the VPC host have a second address of the same vSwitch, which nothing takes by itself",
        links(
            tuple((namespace, f"address add {address}") for namespace, address in _SECOND),
            tuple((namespace, f"address del {address}") for namespace, address in _SECOND),
        ),
    ),
    "only_second_addresses": Fault(
        "the database's filter holds the second addresses and not the first ones",
        forward("ip saddr != { 10.10.1.11, 10.10.1.51 } ip daddr 10.10.2.40 drop"),
    ),
    "second_vswitch": Fault(
        "the job's interface also has an address of vswitch-d, which nothing takes by itself",
        links(
            ((SANDBOX, "address add 10.10.9.10/24 dev eth1"),),
            ((SANDBOX, "address del 10.10.9.10/24 dev eth1"),),
        ),
    ),
    "only_vswitch_d": Fault(
        "the database's security group admits vswitch-d alone",
        forward("ip saddr != 10.10.9.0/24 ip daddr 10.10.2.40 drop"),
    ),
    "group_drops_zookeeper_host": Fault(
        "the group admits nothing at all from the job's vSwitch to this host", forward("ip daddr 10.10.3.20 drop")
    ),
    "silent_routers": Fault(
        "the VPC's router tells nobody of what it does not pass on", chain(ROUTER, "output", "meta l4proto icmp drop")
    ),
    "store_has_ssh": Fault(
        "port 22 is open at the store, though no plan names it", behave("10.10.3.20", 22, ("hold",))
    ),
    "partner_drops": Fault(
        "the partner is one router further out, and drops whatever comes: nothing of it is this side's",
        _further_out("198.51.100.20"),
    ),
}

FAULTS: Mapping[str, Fault] = {**_LOCAL, **_ENI, **_ROUTE, **_FILTER, **_WAYS}
