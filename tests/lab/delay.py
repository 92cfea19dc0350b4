"""Packets that arrive late: a queue in the middle of a link, there being no netem on every machine.

What comes in at an interface is copied (AF_PACKET taps hear it before any filter), dropped there, and sent once more
from the other end of the link when its time has come, under a hardware address that is let in. Nothing of the network
changes but one table of the packet filter, which the undoing deletes.
"""

import contextlib
import heapq
import itertools
import random
import selectors
import socket
import threading
import time

from attrs import frozen

from tests.lab import network

# A locally administered hardware address: the mark of what has waited.
_WAITED = bytes.fromhex("02000000001e")
_TABLE = "netdev waiting"
_RULES = """
chain {interface} {{
    type filter hook ingress device "{interface}" priority 0
    ether type ip ether saddr != 02:00:00:00:00:1e drop
}}
"""
_ETH_P_ALL, _ETH_P_IP = 0x0003, b"\x08\x00"
# include/uapi/linux/if_packet.h. Before each frame stands a virtio_net_hdr: checksums and large segments that are left
# to the hardware, here to nobody, are finished by the kernel.
_SOL_PACKET, _PACKET_VNET_HDR, _VNET_HDR = 263, 15, 10
_PACKET_OUTGOING = 4
_LARGEST = 70000


@frozen
class Link:
    """A link by its ends: packets towards ``near`` wait; ``far`` is where they come from."""

    near: tuple[str, str]
    far: tuple[str, str]


class Delay:
    """Every packet waits ``least`` to ``most`` seconds, and none overtakes another of its link."""

    def __init__(self, links: tuple[Link, ...], least: float, most: float) -> None:
        self._least, self._most = least, most
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._sockets: list[socket.socket] = []
        for link in links:
            tap, sender = _open(*link.near, _ETH_P_ALL), _open(*link.far, 0)
            self._sockets += (tap, sender)
            self._selector.register(tap, selectors.EVENT_READ, sender)
        self._tables: dict[str, str] = {}
        for link in links:
            namespace, interface = link.near
            self._tables[namespace] = self._tables.get(namespace, "") + _RULES.format(interface=interface)
        for namespace, rules in self._tables.items():
            network.nft(f"table {_TABLE} {{\n{rules}\n}}\n", namespace)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """No packet waits any more; those that do are lost."""
        for namespace in self._tables:
            network.nft(f"delete table {_TABLE}\n", namespace)
        self._waker.send(b".")
        self._thread.join()
        for sock in (*self._sockets, self._wake, self._waker):
            sock.close()
        self._selector.close()

    def _run(self) -> None:
        waiting: list[tuple[float, int, socket.socket, bytes]] = []
        last: dict[socket.socket, float] = {}
        numbers = itertools.count()
        while True:
            left = None if not waiting else max(0.0, waiting[0][0] - time.monotonic())
            for key, _ in self._selector.select(left):
                if key.data is None:
                    return
                frame = _read(key.fileobj)
                if frame is not None:
                    due = time.monotonic() + random.uniform(self._least, self._most)
                    last[key.data] = due = max(due, last.get(key.data, 0.0))
                    heapq.heappush(waiting, (due, next(numbers), key.data, frame))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, sender, frame = heapq.heappop(waiting)
                with contextlib.suppress(OSError):  # the link is down
                    sender.send(frame)


def _open(namespace: str, interface: str, protocol: int) -> socket.socket:
    with network.inside(namespace):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    sock.bind((interface, protocol))
    sock.setblocking(False)
    return sock


def _read(tap: socket.socket) -> bytes | None:
    """A frame that is to wait, marked; None where it is none of those."""
    try:
        data, address = tap.recvfrom(_LARGEST)
    except OSError:
        return None
    head, frame = data[:_VNET_HDR], data[_VNET_HDR:]
    if address[2] == _PACKET_OUTGOING or frame[12:14] != _ETH_P_IP or frame[6:12] == _WAITED:
        return None
    return head + frame[:6] + _WAITED + frame[12:]
