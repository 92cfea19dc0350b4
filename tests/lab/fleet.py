"""A host that owns a whole /16 behind the VPC's router: one port is open, one refused, one dropped."""

import contextlib
import selectors
import socket
import subprocess
import sys
from typing import Any

from tests.lab import network
from tests.lab.network import ROUTER, SANDBOX

NAMESPACE = "fleet"
CIDR = "10.99.0.0/16"
OPEN, REFUSED, SILENT = 7000, 7001, 7002

_BACKLOG = 4096


def build() -> None:
    """The namespace, its way from the job and the VPC host, and its listener in a process of its own."""
    network.ip([f"netns add {NAMESPACE}", f"link add eth0 netns {NAMESPACE} type veth peer name fleet netns {ROUTER}"])
    network.ip(
        (
            "address add 10.98.0.2/24 dev eth0",
            "link set lo up",
            "link set eth0 up",
            f"route add local {CIDR} dev lo",
            "route add default via 10.98.0.1",
        ),
        NAMESPACE,
    )
    network.ip(("address add 10.98.0.1/24 dev fleet", "link set fleet up", f"route add {CIDR} via 10.98.0.2"), ROUTER)
    network.ip([f"route add {CIDR} via 10.10.1.1 dev eth1"], SANDBOX)
    network.nft(
        f"table inet fleet {{\nchain input {{\ntype filter hook input priority 0\ntcp dport {SILENT} drop\n}}\n}}\n",
        NAMESPACE,
    )
    with network.inside(NAMESPACE):
        listener = socket.create_server(("0.0.0.0", OPEN), backlog=_BACKLOG)
    start(listener)


def start(*listeners: socket.socket) -> None:
    """Let a process of its own accept there; here they are closed."""
    numbers = [listener.fileno() for listener in listeners]
    subprocess.Popen(
        [sys.executable, "-m", "tests.lab.fleet", *map(str, numbers)], pass_fds=numbers, stdin=subprocess.DEVNULL
    )
    for listener in listeners:
        listener.close()


def serve(*listeners: socket.socket) -> None:
    """Accept everything, and close what the peer has ended."""
    selector = selectors.DefaultSelector()
    for listener in listeners:
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj in listeners:
                _accept(key.fileobj, selector)
            else:
                _look_at(key.fileobj, selector)


def _accept(listener: Any, selector: selectors.BaseSelector) -> None:
    """Whoever waits."""
    with contextlib.suppress(BlockingIOError):
        while True:
            connection, _ = listener.accept()
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ)


def _look_at(connection: Any, selector: selectors.BaseSelector) -> None:
    """What is sent is thrown away; the end is answered with the end."""
    with contextlib.suppress(OSError):
        if connection.recv(4096):
            return
    selector.unregister(connection)
    connection.close()


if __name__ == "__main__":
    serve(*(socket.socket(fileno=int(number)) for number in sys.argv[1:]))
