"""The lab's network: which namespaces there are, how they are joined, and how it is built in a few batches.

    sandbox --eth0-- proxy --wan-- internet          the job's way out, with an access list at the proxy
       |               |              |
      eth1            dns ---------- router --wan--  the VPC's own NAT gateway
       |                              |
    vswitch-a ------------------- router --- vswitch-b (emr, db), vswitch-c (store)
       |
    vpchost                                          a second point of view

Everything here runs inside the private namespaces of tests/lab/inside.py: nothing of it is seen, or left, outside.
"""

import contextlib
import ctypes
import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from tests.lab.zone import PUBLIC

SANDBOX, PROXY, INTERNET, ROUTER = "sandbox", "proxy", "internet", "router"
EMR, DB, STORE, DNS, VPCHOST = "emr", "db", "store", "dns", "vpchost"
# Where a detached ENI is kept until it is attached again.
LIMBO = "limbo"
NAMESPACES = (SANDBOX, PROXY, INTERNET, ROUTER, EMR, DB, STORE, DNS, VPCHOST, LIMBO)

JOB_ADDRESS, ENI_ADDRESS, VPCHOST_ADDRESS = "10.0.0.2", "10.10.1.10", "10.10.1.50"
# The job's way into the VPC; an interface that goes down loses it.
VPC_ROUTE = "10.10.0.0/16 via 10.10.1.1 dev eth1"

# namespace, interface - namespace, interface
_LINKS = (
    (SANDBOX, "eth0", PROXY, "job"),
    (SANDBOX, "eth1", ROUTER, "a-sandbox"),
    (VPCHOST, "eth0", ROUTER, "a-vpchost"),
    (EMR, "eth0", ROUTER, "b-emr"),
    (DB, "eth0", ROUTER, "b-db"),
    (STORE, "eth0", ROUTER, "c-store"),
    (PROXY, "wan", INTERNET, "proxy"),
    (ROUTER, "wan", INTERNET, "router"),
    (PROXY, "dns", DNS, "eth0"),
    (ROUTER, "dns", DNS, "eth1"),
)

# The vSwitches are bridges in the VPC's router.
_BRIDGES: Mapping[str, Mapping[str, Sequence[str]]] = {
    ROUTER: {"vswa": ("a-sandbox", "a-vpchost"), "vswb": ("b-emr", "b-db"), "vswc": ("c-store",)}
}

_ADDRESSES: Mapping[str, Mapping[str, Sequence[str]]] = {
    SANDBOX: {"eth0": [f"{JOB_ADDRESS}/24"], "eth1": [f"{ENI_ADDRESS}/24"]},
    VPCHOST: {"eth0": [f"{VPCHOST_ADDRESS}/24"]},
    PROXY: {"job": ["10.0.0.1/24"], "wan": ["203.0.113.7/24"], "dns": ["100.100.0.1/24"]},
    ROUTER: {
        # 10.10.9.0/24 is a vSwitch of its own that shares the bridge: an ENI may be found in it.
        "vswa": ["10.10.1.1/24", "10.10.9.1/24"],
        "vswb": ["10.10.2.1/24"],
        "vswc": ["10.10.3.1/24"],
        "wan": ["192.0.2.2/24"],
        "dns": ["100.100.1.1/24"],
    },
    INTERNET: {
        "proxy": ["203.0.113.1/24"],
        "router": ["192.0.2.1/24"],
        "lo": [f"{ip}/32" for ip in sorted(set(PUBLIC.values()))],
    },
    EMR: {"eth0": [f"10.10.2.{host}/24" for host in (30, 31, 32, 33)]},
    DB: {"eth0": ["10.10.2.40/24", "10.10.2.41/24", "10.10.2.50/24"]},
    STORE: {"eth0": ["10.10.3.20/24", "10.10.3.21/24"]},
    DNS: {
        "eth0": ["100.100.0.2/24"],
        "eth1": ["100.100.1.2/24"],
        "lo": ["100.100.2.136/32", "100.100.2.137/32", "100.100.2.138/32"],
    },
}

_ROUTES: Mapping[str, Sequence[str]] = {
    SANDBOX: ("default via 10.0.0.1", "100.64.0.0/10 via 10.0.0.1", VPC_ROUTE),
    VPCHOST: ("default via 10.10.1.1", "100.64.0.0/10 via 10.10.1.1"),
    PROXY: ("default via 203.0.113.1", "100.100.2.0/24 via 100.100.0.2"),
    ROUTER: ("default via 192.0.2.1", "100.100.2.0/24 via 100.100.1.2"),
    EMR: ("default via 10.10.2.1",),
    DB: ("default via 10.10.2.1",),
    STORE: ("default via 10.10.3.1",),
    DNS: ("10.0.0.0/24 via 100.100.0.1", "10.10.0.0/16 via 100.100.1.1"),
}

_SYSCTLS: Mapping[str, Mapping[str, str]] = {
    PROXY: {"net/ipv4/ip_forward": "1"},
    # Every message is sent, so that each connection that is refused learns it. None is counted: "no route" has a limit
    # that cannot be lifted, and the others would use it up (inet_peer_xrlim_allow in net/ipv4/inetpeer.c).
    ROUTER: {"net/ipv4/ip_forward": "1", "net/ipv4/icmp_ratelimit": "0", "net/ipv4/icmp_ratemask": "0"},
    DNS: {"net/ipv4/ip_unprivileged_port_start": "53"},
}
# No node of the lab has IPv6. Addresses stand on several legs: a strict reverse path would judge them.
_SYSCTLS_OF_ALL = {
    "net/ipv6/conf/all/disable_ipv6": "1",
    "net/ipv6/conf/default/disable_ipv6": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
}
# A neighbour that does not answer is given up after 3 x 0.3 s: the message comes within the lab's short time-outs.
_SYSCTLS_WHEN_UP = {ROUTER: {f"net/ipv4/neigh/{bridge}/retrans_time_ms": "300" for bridge in _BRIDGES[ROUTER]}}

NAT_RULE = 'ip nat postrouting oifname "wan" snat to 192.0.2.2'

_RULES: Mapping[str, str] = {
    PROXY: """
        table inet gate {
            set admitted {
                type ipv4_addr . inet_service
                elements = { %s }
            }
            chain forward {
                type filter hook forward priority 0; policy drop;
                ct state established,related accept
                ip daddr 100.100.2.0/24 accept
                ip daddr . tcp dport @admitted accept
            }
        }
        table ip nat {
            chain postrouting {
                type nat hook postrouting priority 100;
                oifname "wan" snat to 203.0.113.7
            }
        }
    """
    % ", ".join(f"{ip} . {port}" for ip in sorted(set(PUBLIC.values())) for port in (80, 443)),
    ROUTER: f"""
        table ip nat {{
            chain postrouting {{
                type nat hook postrouting priority 100;
            }}
        }}
        add rule {NAT_RULE}
    """,
}

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


@frozen(kw_only=True)
class Topology:
    """Namespaces, how they are joined, and what they are made of; each mapping is by namespace.

    Links and addresses may also concern namespaces of a topology that stands already. ``index``: of its first link's
    ends; no two in one namespace are the same.
    """

    namespaces: Sequence[str]
    links: Sequence[tuple[str, str, str, str]]
    bridges: Mapping[str, Mapping[str, Sequence[str]]] = field(factory=dict)
    addresses: Mapping[str, Mapping[str, Sequence[str]]]
    routes: Mapping[str, Sequence[str]]
    sysctls: Mapping[str, Mapping[str, str]] = field(factory=dict)
    sysctls_when_up: Mapping[str, Mapping[str, str]] = field(factory=dict)
    rules: Mapping[str, str] = field(factory=dict)
    index: int = 100


LAB = Topology(
    namespaces=NAMESPACES,
    links=_LINKS,
    bridges=_BRIDGES,
    addresses=_ADDRESSES,
    routes=_ROUTES,
    sysctls=_SYSCTLS,
    sysctls_when_up=_SYSCTLS_WHEN_UP,
    rules=_RULES,
)
_standing: list[Topology] = []


def owner(address: str) -> str:
    """The namespace that holds the address."""
    for topology in (LAB, *_standing):
        for namespace, interfaces in topology.addresses.items():
            for addresses in interfaces.values():
                if any(entry.partition("/")[0] == address for entry in addresses):
                    return namespace
    raise KeyError(address)


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread, and what it opens or starts, in the namespace. Sockets stay where they were opened."""
    home = os.open(f"/proc/self/task/{_gettid()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def build(topology: Topology = LAB) -> None:
    """All namespaces, links, addresses, routes and rules."""
    _standing.append(topology)
    ip(f"netns add {namespace}" for namespace in topology.namespaces)
    for namespace in topology.namespaces:
        sysctl(namespace, _SYSCTLS_OF_ALL | dict(topology.sysctls.get(namespace, {})))
    # The kernel lets a second pass before it uses a link whose two ends bear the same index.
    ip(
        f"link add {name} index {topology.index + 2 * number} netns {ns} type veth "
        f"peer name {peer} index {topology.index + 2 * number + 1} netns {other}"
        for number, (ns, name, other, peer) in enumerate(topology.links)
    )
    for namespace in dict.fromkeys((*topology.namespaces, *topology.addresses)):
        ip(_interfaces(topology, namespace), namespace)
    for namespace, settings in topology.sysctls_when_up.items():
        sysctl(namespace, settings)
    for namespace, rules in topology.rules.items():
        nft(rules, namespace)


def remove(topology: Topology) -> None:
    """Its namespaces, and its links into others at once: a namespace's own links go when the kernel gets to it."""
    _standing.remove(topology)
    for namespace, name, other, peer in topology.links:
        if other not in topology.namespaces:
            ip([f"link del {peer}"], other)
        elif namespace not in topology.namespaces:
            ip([f"link del {name}"], namespace)
    ip(f"netns del {namespace}" for namespace in topology.namespaces)


def ip(lines: Iterable[str], namespace: str | None = None) -> None:
    """Run commands of ip-route(8) and its kin, as one batch."""
    run(["ip", "-batch", "-"], namespace, "\n".join(lines))


def nft(rules: str, namespace: str) -> None:
    """Load rules of the packet filter, all or none."""
    run(["nft", "-f", "-"], namespace, rules)


def sysctl(namespace: str, settings: Mapping[str, str]) -> None:
    """Values of /proc/sys as the namespace sees it."""
    with inside(namespace):
        for name, value in settings.items():
            Path("/proc/sys", name).write_text(value)


def sysctl_values(namespace: str, names: Iterable[str]) -> dict[str, str]:
    """What they are."""
    with inside(namespace):
        return {name: Path("/proc/sys", name).read_text().strip() for name in names}


def forget_neighbours() -> None:
    """Hardware addresses are asked for anew, everywhere: they may have changed."""
    for namespace in NAMESPACES:
        ip(["neigh flush all"], namespace)


def run(argv: Sequence[str], namespace: str | None = None, text: str = "") -> str:
    """A program's standard output. Raises RuntimeError with what it said where it fails."""
    with inside(namespace) if namespace else contextlib.nullcontext():
        done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} in {namespace or 'the lab'}: {done.stderr.strip()}\n{text}")
    return done.stdout


def snapshot(namespace: str) -> dict[str, Any]:
    """Rules, routes, policy and links of a namespace, without what changes by itself (counters, indexes, ages)."""
    links = [
        {key: link[key] for key in ("ifname", "flags", "mtu", "address")}
        # A new bridge works, and is called UNKNOWN for about a second.
        | {"operstate": link["operstate"].replace("UNKNOWN", "UP")}
        | {"addresses": sorted(f"{entry['local']}/{entry['prefixlen']}" for entry in link["addr_info"])}
        for link in json.loads(run(["ip", "-j", "address", "show"], namespace) or "[]")
    ]
    routes = run(["ip", "-o", "route", "show", "table", "all"], namespace).splitlines()
    return {
        "rules": run(["nft", "list", "ruleset"], namespace),
        "routes": sorted(routes),
        "policy": run(["ip", "-o", "rule", "show"], namespace).splitlines(),
        "links": sorted(links, key=lambda link: link["ifname"]),
    }


def _interfaces(topology: Topology, namespace: str) -> Iterator[str]:
    links = topology.links
    ports = [name for ns, name, *_ in links if ns == namespace] + [peer for *_, ns, peer in links if ns == namespace]
    for bridge, members in topology.bridges.get(namespace, {}).items():
        yield f"link add {bridge} type bridge forward_delay 0"
        yield from (f"link set {member} master {bridge}" for member in members)
        ports.append(bridge)
    for interface, entries in topology.addresses.get(namespace, {}).items():
        yield from (f"address add {entry} dev {interface}" for entry in entries)
    yield from (f"link set {port} up" for port in ["lo", *ports])
    yield from (f"route add {route}" for route in topology.routes.get(namespace, ()))


def _gettid() -> int:
    return int(_libc.gettid())


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
