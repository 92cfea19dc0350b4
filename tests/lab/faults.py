"""The faults: what is done to the network by name. ``truth`` says why it *is* the cause that a scenario expects."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from tests.lab import network
from tests.lab.changes import Change, behave, chain, links, resolve, routes, rules, table
from tests.lab.nameserver import EVERY, FIRST, SECOND
from tests.lab.network import DB, DNS, EMR, ENI_ADDRESS, INTERNET, LIMBO, PROXY, ROUTER, SANDBOX, STORE, VPC_ROUTE


@frozen
class Fault:
    """Why it is the truth, and what is done."""

    truth: str
    change: Change


def _forward(*filters: str) -> Change:
    return chain(ROUTER, "forward", *filters)


def _admitted(element: str) -> Change:
    return rules(
        PROXY, f"delete element inet gate admitted {{ {element} }}", f"add element inet gate admitted {{ {element} }}"
    )


_ENI_BACK = (
    (SANDBOX, f"address add {ENI_ADDRESS}/24 dev eth1"),
    (SANDBOX, "link set eth1 up"),
    (SANDBOX, f"route add {VPC_ROUTE}"),
)

_MYSQL, _PARTNER = ("10.10.2.40", 3306), ("198.51.100.20", 443)

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
        _forward("ip saddr != 10.10.1.0/24 ip daddr 10.10.2.40 drop"),
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
        _forward("ip daddr 10.10.2.30 tcp dport 9083 drop"),
    ),
    "group_drops_namenode": Fault("as above, the other port", _forward("ip daddr 10.10.2.30 tcp dport 8020 drop")),
    "group_drops_zookeeper": Fault(
        "as above, in a vSwitch of its own", _forward("ip daddr 10.10.3.20 tcp dport 2181 drop")
    ),
    "group_drops_datanodes": Fault(
        "the group admits the NameNode's port and forgot the DataNodes'",
        _forward("ip daddr 10.10.2.31-10.10.2.33 tcp dport 50010 drop"),
    ),
    "group_drops_two_datanodes": Fault(
        "two DataNodes of three were forgotten", _forward("ip daddr 10.10.2.32-10.10.2.33 tcp dport 50010 drop")
    ),
    "router_prohibits": Fault(
        "the router answers ICMP type 3 code 13",
        _forward("ip daddr 10.10.2.40 tcp dport 3306 reject with icmp admin-prohibited"),
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

_EGRESS: Mapping[str, Fault] = {
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
}

_NAMES: Mapping[str, Fault] = {
    "dns_servfail": Fault("the server's own answer", resolve(EVERY, "es-1.vpc.internal", "rcode", "SERVFAIL")),
    "dns_refused": Fault("the servers refuse this client, whatever it asks", resolve(EVERY, EVERY, "rcode", "REFUSED")),
    "dns_dead": Fault(
        "both name servers' host drops port 53", chain(DNS, "input", "meta l4proto { tcp, udp } th dport 53 drop")
    ),
    "dns_first_dead": Fault("the first name server is silent", chain(DNS, "input", f"ip daddr {FIRST} drop")),
    "dns_second_dead": Fault("the second name server is silent", chain(DNS, "input", f"ip daddr {SECOND} drop")),
    "dns_name_dropped": Fault(
        "queries for one name get no answer",
        resolve(
            EVERY,
            "es-1.vpc.internal",
            "silent",
        ),
    ),
    "dns_truncates": Fault(
        "UDP answers are truncated",
        resolve(
            EVERY,
            "es-1.vpc.internal",
            "truncate",
        ),
    ),
    "dns_tcp_closed": Fault("TCP 53 is dropped", chain(DNS, "input", "tcp dport 53 drop")),
    "dns_poisoned": Fault(
        "the VPC's servers give a private address, which nothing holds, for a public name",
        resolve(EVERY, "api.partner.example", "records", {"A": ["10.66.0.20"]}),
    ),
    "dns_private_but_reachable": Fault(
        "a split view: the public name leads to a live host of the VPC",
        resolve(EVERY, "api.partner.example", "records", {"A": ["10.10.3.20"]}),
    ),
    "dns_stale": Fault(
        "the first server still gives the address that the service has left",
        resolve(FIRST, "es-1.vpc.internal", "records", {"A": ["10.10.3.98"]}),
    ),
    "dns_late": Fault("every answer comes after 1.3 s", resolve(EVERY, EVERY, "delay", 1.3)),
    "dns_second_late": Fault("the second server answers after 1.3 s", resolve(SECOND, EVERY, "delay", 1.3)),
}


def _mysql(truth: str, *behaviour: Any) -> Fault:
    return Fault(truth, behave(*_MYSQL, behaviour or None))


def _partner(truth: str, *behaviour: Any) -> Fault:
    return Fault(truth, behave(*_PARTNER, behaviour or None))


_SERVICE: Mapping[str, Fault] = {
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

_TEMPTING: Mapping[str, Fault] = {
    "icmp_blocked_vpc": Fault("no ICMP in the VPC, TCP is fine", _forward("meta l4proto icmp drop")),
    "icmp_blocked_store": Fault("no echo from this host", chain(STORE, "input", "meta l4proto icmp drop")),
    "icmp_blocked_internet": Fault("no echo from the Internet", chain(INTERNET, "input", "meta l4proto icmp drop")),
    "first_syn_lost": Fault(
        "one SYN is lost, the retransmission passes",
        _forward(
            "ip daddr 10.10.2.40 tcp dport 3306 tcp flags syn limit rate over 1/hour burst 1 packets accept\n"
            "ip daddr 10.10.2.40 tcp dport 3306 tcp flags syn drop"
        ),
    ),
}

FAULTS: Mapping[str, Fault] = {
    **_LOCAL,
    **_ENI,
    **_ROUTE,
    **_FILTER,
    **_EGRESS,
    **_NAMES,
    **_SERVICE,
    **_TEMPTING,
}
