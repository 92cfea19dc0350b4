"""Strain that shows before anything fails: the neighbours of the job on its own machine, and what the way out holds."""

import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping

from tests.lab import network
from tests.lab.changes import Change, Ground, Undo, chain, together
from tests.lab.faults.contract import Fault
from tests.lab.faults.local import short_of_ports
from tests.lab.faults.path import INTERNET_LINKS, late
from tests.lab.network import EMR, PROXY, ROUTER, SANDBOX, VPCHOST, VPCHOST_ADDRESS

_REUSE = "net/ipv4/tcp_tw_reuse"
# Longer than the second after which a SYN is sent again, shorter than the three until the next time.
_HELD = 1.5


def knocking(namespace: str, address: str, port: int, per_second: int) -> Change:
    """A program there opens so many connections a second, and gives each up after a while."""

    def apply(ground: Ground) -> Undo:
        end, steady = threading.Event(), threading.Event()

        def knock() -> None:
            opened: deque[tuple[float, socket.socket]] = deque()
            with network.inside(namespace), contextlib.ExitStack() as rest:
                while not end.wait(1 / per_second):
                    sock = rest.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
                    sock.connect_ex((address, port))
                    opened.append((time.monotonic(), sock))
                    while opened[0][0] < time.monotonic() - _HELD:
                        opened.popleft()[1].close()
                        steady.set()

        thread = threading.Thread(target=knock, daemon=True)
        thread.start()
        steady.wait()

        def undo() -> None:
            end.set()
            thread.join()

        return undo

    return apply


def mute_listener(namespace: str, address: str, port: int) -> Change:
    """A program there listens and never accepts: its queue holds two connections."""

    def apply(ground: Ground) -> Undo:
        with network.inside(namespace):
            listener = socket.create_server((address, port), backlog=1)
        return listener.close

    return apply


def reusing(namespace: str) -> Change:
    """A port in TIME_WAIT may serve the same destination again after a second."""

    def apply(ground: Ground) -> Undo:
        before = network.sysctl_values(namespace, [_REUSE])
        network.sysctl(namespace, {_REUSE: "1"})
        return lambda: network.sysctl(namespace, before)

    return apply


def _at_once(connections: int, inside: str = "job") -> str:
    return f'iifname "{inside}" oifname "wan" tcp flags & (syn | ack) == syn ct count over {connections} drop'


# At the job's own end: nobody on the way can answer in its place.
_SILENT = chain(SANDBOX, "input", "tcp sport 81 drop")

FAULTS: Mapping[str, Fault] = {
    "neighbours_wait": Fault(
        "other programs on the job's machine open a hundred connections a second to a port that never answers",
        together(_SILENT, knocking(SANDBOX, "10.10.2.33", 81, 100)),
    ),
    "neighbour_waits": Fault(
        "one program there asks such a port four times a second",
        together(_SILENT, knocking(SANDBOX, "10.10.2.33", 81, 4)),
    ),
    "neighbours_work": Fault(
        "other programs there open a hundred connections a second, and are answered",
        knocking(SANDBOX, "10.10.3.21", 9200, 100),
    ),
    "listener_full": Fault(
        "a program on the VPC host does not accept the hundred connections a second that come for it",
        together(mute_listener(VPCHOST, VPCHOST_ADDRESS, 8088), knocking(EMR, VPCHOST_ADDRESS, 8088, 100)),
    ),
    "ports_short_reused": Fault(
        "85 of 100 local ports are in TIME_WAIT, and may be used again",
        together(reusing(SANDBOX), short_of_ports(100, 85)),
    ),
    "internet_8_ms": Fault("answers from the Internet come 8 ms later", late(INTERNET_LINKS, 0.008, 0.008)),
    "proxy_holds_seven": Fault(
        "the outbound proxy forwards seven connections at once and drops the SYNs of more",
        chain(PROXY, "forward", _at_once(7)),
    ),
    "proxy_holds_fifty": Fault(
        "the outbound proxy forwards fifty connections at once", chain(PROXY, "forward", _at_once(50))
    ),
    "router_holds_seven": Fault(
        "the VPC's way out forwards seven connections at once and drops the SYNs of more",
        chain(ROUTER, "forward", _at_once(7, "vswa")),
    ),
}
