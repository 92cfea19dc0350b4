"""A forwarder in the job's ways that accepts every connection itself, as a transparent proxy on the node does.

    sandbox --eth0-- [forward-job] -- proxy
    sandbox --eth1-- [forward-eni] -- router

Each is a bridge in a namespace of its own: what is not TCP passes as it is. TCP is taken out of it (a SYN with a TTL of
1 as well), accepted in the destination's name and connected to the destination in the source's name: every route,
filter and whitelist behind it meets the same addresses as without it.
"""

import contextlib
import functools
import selectors
import socket
import struct
import threading

from attrs import frozen

from tests.lab import network
from tests.lab.changes import Ground, Undo
from tests.lab.network import PROXY, ROUTER, SANDBOX

# A destination that says nothing is given up, and with it the client.
PATIENCE = 20.0

# include/uapi/linux/in.h, linux/netfilter_ipv4.h
_IP_TRANSPARENT, _SO_ORIGINAL_DST = 19, 80
_RTMGRP_LINK = 1
_LONGEST_PLUGGING = 5.0
_HERE = ("169.254.0.1", 15001)
_CHUNK = 65536
_BRIDGE_ADDRESS = "02:00:00:00:00:fe"

# On a bridge: what is for a socket of this namespace is turned away from its way, and up to it.
_RULES = f"""
    table bridge divert {{
        chain prerouting {{
            type filter hook prerouting priority -300;
            ip protocol tcp jump here
            iifname "outer" icmp type {{ destination-unreachable, time-exceeded }} @th,136,8 6 jump here
        }}
        chain here {{
            ether daddr set {_BRIDGE_ADDRESS} meta pkttype set host
        }}
    }}
    table ip divert {{
        chain answers {{
            type filter hook prerouting priority -150;
            socket transparent 1 meta mark set 1
        }}
        chain accepted {{
            type nat hook prerouting priority -100;
            meta l4proto tcp dnat to {_HERE[0]}:{_HERE[1]}
        }}
    }}
"""


@frozen
class Lane:
    """One way out of the sandbox: who is at its far end, by which interface, and what the forwarder must know of it."""

    namespace: str
    far: str
    interface: str
    # What the far interface has: an address, or the bridge that it belongs to.
    belongs: str
    gateway: str
    on_link: tuple[str, ...]


_LANES = (
    Lane("forward-job", PROXY, "job", "address add 10.0.0.1/24 dev job", "10.0.0.1", ("10.0.0.0/24",)),
    Lane(
        *("forward-eni", ROUTER, "a-sandbox", "link set a-sandbox master vswa", "10.10.1.1"),
        ("10.10.1.0/24", "10.10.9.0/24"),
    ),
)


def forward(ground: Ground) -> Undo:
    """Put a forwarder into both ways."""
    undo = contextlib.ExitStack()
    for lane in _LANES:
        undo.callback(_interpose(lane))
        undo.callback(Forwarder(lane.namespace).close)
    for namespace in (SANDBOX, PROXY, ROUTER, *(lane.namespace for lane in _LANES)):
        _plugged_in(namespace)
    network.forget_neighbours()
    return undo.close


def _interpose(lane: Lane) -> Undo:
    """Take the far end of the lane into a bridge, and put the bridge's other end where it was."""
    own, far, interface = lane.namespace, lane.far, lane.interface
    network.ip([f"netns add {own}"])
    network.sysctl(own, {"net/ipv6/conf/default/disable_ipv6": "1"})
    network.ip([f"link set {interface} netns {own}"], far)
    network.ip(
        (
            f"link add bridge address {_BRIDGE_ADDRESS} type bridge forward_delay 0",
            f"link set {interface} name inner",
            f"link add outer type veth peer name {interface} netns {far}",
            *(f"link set {port} master bridge" for port in ("inner", "outer")),
            *(f"link set {link} up" for link in ("lo", "bridge", "inner", "outer")),
            *(f"route add {subnet} dev bridge" for subnet in lane.on_link),
            f"route add default via {lane.gateway} dev bridge",
            f"address add {_HERE[0]}/32 dev lo",
            "rule add fwmark 1 lookup 100",
            "route add local default dev lo table 100",
        ),
        own,
    )
    network.nft(_RULES, own)
    network.ip([lane.belongs, f"link set {interface} up"], far)
    return functools.partial(_restore, lane)


def _restore(lane: Lane) -> None:
    own, far, interface = lane.namespace, lane.far, lane.interface
    network.ip([f"link del {interface}"], far)
    network.ip([f"link set inner nomaster name {interface} down", f"link set {interface} netns {far}"], own)
    network.ip([lane.belongs, f"link set {interface} up"], far)
    network.ip([f"netns del {own}"])
    for namespace in (SANDBOX, far):
        _plugged_in(namespace)
    network.forget_neighbours()


def _plugged_in(namespace: str) -> None:
    """Wait for its interfaces: the kernel gets to one that is plugged in, and lets it send, when it has the time."""
    with network.inside(namespace), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as events:
        events.settimeout(_LONGEST_PLUGGING)
        events.bind((0, _RTMGRP_LINK))
        while any(link["operstate"] == "DOWN" for link in network.snapshot(namespace)["links"]):
            events.recv(_CHUNK)


class Forwarder:
    """Accepts whatever its namespace diverts, and relays it; until it is closed."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._open: set[socket.socket] = set()
        with network.inside(namespace):
            self._listener = socket.create_server(_HERE, backlog=1024)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End it, and every connection."""
        for sock in (self._listener, *tuple(self._open)):
            # Whoever waits for it wakes up.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Refused, or told that it is not there: the client is closed at once. Silence: held until patience ends."""
        port, address = struct.unpack("!2xH4s8x", client.getsockopt(socket.SOL_IP, _SO_ORIGINAL_DST, 16))
        with network.inside(self._namespace):
            server = socket.socket()
        server.setsockopt(socket.SOL_IP, _IP_TRANSPARENT, 1)
        with client, server, contextlib.suppress(OSError):
            self._open.update((client, server))
            server.bind((client.getpeername()[0], 0))
            server.settimeout(PATIENCE)
            server.connect((socket.inet_ntoa(address), port))
            server.settimeout(None)
            _relay(client, server)
        self._open.difference_update((client, server))


def _relay(client: socket.socket, server: socket.socket) -> None:
    """Bytes both ways, and the end of either way; a reset on one side ends the other."""
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ, server)
        selector.register(server, selectors.EVENT_READ, client)
        while selector.get_map():
            for key, _ in selector.select():
                data = key.fileobj.recv(_CHUNK)
                if data:
                    key.data.sendall(data)
                else:
                    selector.unregister(key.fileobj)
                    key.data.shutdown(socket.SHUT_WR)
