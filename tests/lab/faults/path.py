"""Ways that lose packets, that are long, that make packets wait; and a listener whose queue is full."""

import contextlib
import random
import socket
import threading
from collections.abc import Mapping

from tests.lab import network
from tests.lab.changes import Change, Ground, Undo, chain
from tests.lab.delay import Delay, Link
from tests.lab.faults.contract import Fault, forward
from tests.lab.network import DB, EMR, INTERNET, PROXY, ROUTER, STORE

# Where the answers come in: from the hosts of the VPC, and from the Internet.
_VPC = (
    Link((ROUTER, "b-emr"), (EMR, "eth0")),
    Link((ROUTER, "b-db"), (DB, "eth0")),
    Link((ROUTER, "c-store"), (STORE, "eth0")),
)
INTERNET_LINKS = (Link((PROXY, "wan"), (INTERNET, "proxy")), Link((ROUTER, "wan"), (INTERNET, "router")))

# A listener that is asked for more than it accepts: every tick (seconds) it accepts what waits, or not, by chance, and
# what comes in the next one finds a place, or none.
_TICK = 0.01
_LONGEST = 60.0
_BACKLOG = 1


def late(links: tuple[Link, ...], least: float, most: float) -> Change:
    """What comes over these links is so many seconds late."""

    def apply(ground: Ground) -> Undo:
        return Delay(links, least, most).end

    return apply


def _lost(percent: int) -> str:
    return f"meta l4proto tcp numgen random mod 100 < {percent} drop"


def _stalling(address: str, port: int) -> Change:
    """In place of the service a listener with a short queue, which local clients fill while it does not accept."""

    def apply(ground: Ground) -> Undo:
        before = ground.servers.behave(address, port, None)
        listener = Stalling(address, port)

        def undo() -> None:
            listener.end()
            ground.servers.behave(address, port, before)

        return undo

    return apply


class Stalling:
    """A Redis that does not come to accept half of the time."""

    def __init__(self, address: str, port: int) -> None:
        self._where = (address, port)
        self._ended = threading.Event()
        with network.inside(DB):
            self._listener = socket.create_server(self._where, backlog=_BACKLOG)
        self._listener.setblocking(False)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Nothing listens any more."""
        self._ended.set()
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        fillers: list[socket.socket] = []
        with network.inside(DB):
            while not self._ended.wait(_TICK):
                if random.random() < 0.5:
                    self._accept()
                    while fillers:
                        fillers.pop().close()
                else:
                    fillers += [self._filler() for _ in range(_BACKLOG + 1 - len(fillers))]
        for filler in fillers:
            filler.close()

    def _filler(self) -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(self._where)
        return sock

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        connection.settimeout(_LONGEST)
        while connection.recv(4096):
            connection.sendall(b"+PONG\r\n")


FAULTS: Mapping[str, Fault] = {
    "vpc_loses_a_third": Fault(
        "of what goes to vswitch-b and vswitch-c, 30 of 100 packets are dropped at random",
        forward(f"ip daddr 10.10.2.0/23 {_lost(30)}"),
    ),
    "internet_loses_a_fifth": Fault(
        "of what goes over the proxy's line to the Internet, either way, 20 of 100 packets are dropped at random",
        chain(PROXY, "forward", f'oifname "wan" {_lost(20)}', f'iifname "wan" {_lost(20)}'),
    ),
    "nat_gateway_loses_a_fifth": Fault(
        "the same at the VPC's NAT gateway",
        forward(f'oifname "wan" {_lost(20)}', f'iifname "wan" {_lost(20)}'),
    ),
    "db_loses_a_third": Fault(
        "of what goes to this host, 30 of 100 packets are dropped at random; its neighbours get all",
        forward(f"ip daddr 10.10.2.40 {_lost(30)}"),
    ),
    "db_loses_little": Fault(
        "of what goes to this host, 4 of 100 packets are dropped at random",
        forward(f"ip daddr 10.10.2.40 {_lost(4)}"),
    ),
    "vpc_far": Fault("answers of the VPC's hosts come 80 ms later", late(_VPC, 0.08, 0.08)),
    "vpc_nearly_far": Fault("answers of the VPC's hosts come 40 ms later: below the limit", late(_VPC, 0.04, 0.04)),
    "vpc_jittery": Fault(
        "answers of the VPC's hosts come 0 to 60 ms later: some above the limit, most below", late(_VPC, 0.0, 0.06)
    ),
    "vpc_queues": Fault(
        "answers of the VPC's hosts come 5 to 250 ms later: most wait in a queue", late(_VPC, 0.005, 0.25)
    ),
    "internet_far": Fault("answers from the Internet come 350 ms later", late(INTERNET_LINKS, 0.35, 0.35)),
    "internet_nearly_far": Fault("answers from the Internet come 250 ms later", late(INTERNET_LINKS, 0.25, 0.25)),
    "redis_stalls": Fault(
        "the listener's queue is full half of the time: Linux drops the SYNs that it has no room for",
        _stalling("10.10.2.40", 6379),
    ),
}
