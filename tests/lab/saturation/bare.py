"""A bare program that opens connections as fast as it is told: what the network itself admits, without linkdoctor.

`python -m tests.lab.saturation.bare ADDRESS PORT COUNT RATE EXCHANGE [--close]` prints one JSON object.
"""

import argparse
import heapq
import json
import resource
import select
import socket
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

# Well before a SYN is sent again.
PATIENCE = 0.4
_RESET = struct.pack("=ii", 1, 0)
_QUESTION = b"GET / HTTP/1.1\r\nHost: far\r\n\r\n"


@define
class _One:
    sock: socket.socket
    since: float
    connected: bool = False
    heard: bytes = field(default=b"")


# Whether what was heard (until the patience ended, or the peer closed) means that the connection is held.
_EXCHANGES: Mapping[str, tuple[bytes, Callable[[bytes], bool]]] = {
    "none": (b"", lambda heard: True),
    "http": (_QUESTION, lambda heard: heard.startswith(b"HTTP/1.1 200")),
    "mysql": (b"", lambda heard: heard[4:5] == b"\x0a"),
}


class Opener:
    """Opens connections and holds them; each speaks once where the exchange has something to say."""

    def __init__(self, address: tuple[str, int], exchange: str = "none", *, close: bool = False) -> None:
        self._address = address
        self._question, self._holds = _EXCHANGES[exchange]
        self._speaks = exchange != "none"
        self._close = close
        self._poll = select.epoll()
        self._trying: dict[int, _One] = {}
        self._due: list[tuple[float, int, float]] = []
        self.held: dict[int, _One] = {}
        self.died = 0
        # When each was begun, and whether it came about.
        self.outcomes: list[tuple[float, bool]] = []

    def begin(self) -> None:
        """One more SYN."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        one = _One(sock, time.monotonic())
        sock.connect_ex(self._address)
        self._trying[sock.fileno()] = one
        self._poll.register(sock, select.EPOLLOUT | select.EPOLLIN | select.EPOLLRDHUP)
        heapq.heappush(self._due, (one.since + PATIENCE, sock.fileno(), one.since))

    def turn(self, seconds: float) -> None:
        """Wait at most so long for what happens, and see to it."""
        for number, events in self._poll.poll(max(0.0, seconds)):
            self._happened(number, events)
        while self._due and self._due[0][0] < time.monotonic():
            _, number, since = heapq.heappop(self._due)
            one = self._trying.get(number)
            if one is not None and one.since == since:
                # Connected and silent is held where nothing had to be said.
                self._settle(number, one, held=one.connected and self._holds(one.heard))

    def run(self, count: int, rate: float) -> None:
        """So many at that rate; until each is held, or is not."""
        start = time.monotonic()
        for number in range(count):
            while (left := start + number / rate - time.monotonic()) > 0:
                self.turn(left)
            self.begin()
        while self._trying:
            self.turn(PATIENCE / 4)

    def end(self) -> None:
        """Reset all."""
        for one in (*self.held.values(), *self._trying.values()):
            one.sock.close()

    def _happened(self, number: int, events: int) -> None:
        if number in self.held:
            if events & (select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR):
                self.died += 1
                self.held.pop(number).sock.close()
            return
        one = self._trying[number]
        if not one.connected:
            if one.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._settle(number, one, held=False)
                return
            one.connected = True
            self._poll.modify(number, select.EPOLLIN | select.EPOLLRDHUP)
            if self._question:
                one.sock.send(self._question)
            elif not self._speaks and self._close:
                self._settle(number, one, held=True)
            return
        try:
            one.heard += one.sock.recv(4096)
        except OSError:
            self._settle(number, one, held=False)
            return
        if events & select.EPOLLRDHUP or not one.heard:
            self._settle(number, one, held=False)
        elif self._speaks:
            self._settle(number, one, held=self._holds(one.heard))

    def _settle(self, number: int, one: _One, *, held: bool) -> None:
        del self._trying[number]
        self.outcomes.append((one.since, held))
        if held and not self._close:
            self.held[number] = one
            self._poll.modify(number, select.EPOLLRDHUP)
        else:
            self._poll.unregister(number)
            one.sock.close()


def unlimited() -> None:
    """As many descriptors as there may be."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _arguments() -> Any:
    arguments = argparse.ArgumentParser(prog="python -m tests.lab.saturation.bare", description=__doc__)
    arguments.add_argument("address")
    arguments.add_argument("port", type=int)
    arguments.add_argument("count", type=int)
    arguments.add_argument("rate", type=float)
    arguments.add_argument("exchange", choices=_EXCHANGES)
    arguments.add_argument("--close", action="store_true", help="each as soon as it is established")
    return arguments.parse_args()


def main() -> None:
    """Held, or passed per second after the first second, in which a bucket may have been full."""
    options = _arguments()
    unlimited()
    opener = Opener((options.address, options.port), options.exchange, close=options.close)
    start = time.monotonic()
    opener.run(options.count, options.rate)
    seconds = options.count / options.rate
    later = sum(passed for since, passed in opener.outcomes if since >= start + 1)
    passed = sum(passed for _, passed in opener.outcomes)
    print(
        json.dumps(
            {
                "held": len(opener.held),
                "passed": passed,
                "refused": len(opener.outcomes) - passed,
                "per_second": later / (seconds - 1) if seconds > 1 else None,
            }
        )
    )
    opener.end()


if __name__ == "__main__":
    main()
