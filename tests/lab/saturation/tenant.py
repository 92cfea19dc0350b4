"""Another tenant of the way: holds connections, keeps up one conversation, and opens a new connection again and again.

`python -m tests.lab.saturation.tenant ADDRESS HOLD KNOCKS` prints a line when it stands; when its input ends it prints
one JSON object: what it met meanwhile.
"""

import json
import select
import socket
import struct
import sys
import time
from collections.abc import Iterable
from typing import Any

from attrs import asdict, define, field

from tests.lab.saturation.bare import Opener, unlimited
from tests.lab.saturation.places import ECHO, PLAIN

# Seconds between two lines of the conversation.
_EVERY = 0.01
_OPENING_RATE = 500.0
# Round trips of the conversation before it counts.
_BEFORE = 50
# struct tcp_info, tcpi_total_retrans.
_TOTAL_RETRANSMITS, _TCP_INFO_LENGTH = 100, 104


@define
class Seen:
    """What the tenant met.

    ``trips``: the round trips of its conversation (seconds), and ``trips_before``: those of the time until it stood.
    ``retransmits``: what of it had to be sent again.
    ``died``: connections that it held. Its new ones: how many, how many failed, and for how long none came about.
    """

    trips_before: list[float] = field(factory=list)
    trips: list[float] = field(factory=list)
    retransmits: int = 0
    died: int = 0
    knocks: int = 0
    failed: int = 0
    longest_outage: float = 0.0


class Tenant:
    """``knocks``: new connections per second, each given back at once; 0 for none."""

    def __init__(self, address: str, hold: int, knocks: float) -> None:
        self._talk = socket.create_connection((address, ECHO))
        self._talk.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._holder = Opener((address, PLAIN))
        self._holder.run(hold, _OPENING_RATE)
        if len(self._holder.held) < hold:
            raise RuntimeError(f"the other tenant holds {len(self._holder.held)} connections, not {hold}")
        self._knocks = knocks
        self._knocker = Opener((address, PLAIN), close=True)
        self.seen = Seen()

    def settle(self) -> None:
        """Learn how long the conversation's round trips take while nobody measures."""
        for _ in range(_BEFORE):
            time.sleep(_EVERY)
            said = time.monotonic()
            self._talk.send(b"x")
            self._talk.recv(16)
            self.seen.trips_before.append(time.monotonic() - said)

    def run(self) -> None:
        """Talk and knock until the input ends."""
        poll = select.poll()
        poll.register(sys.stdin, select.POLLIN | select.POLLHUP)
        poll.register(self._talk, select.POLLIN)
        said, heard, knocked = 0.0, True, time.monotonic()
        while sys.stdin.fileno() not in (ready := dict(poll.poll(1))):
            now = time.monotonic()
            if self._talk.fileno() in ready:
                self._talk.recv(16)
                self.seen.trips.append(now - said)
                heard = True
            if heard and now >= said + _EVERY:
                self._talk.send(b"x")
                said, heard = now, False
            if self._knocks and now >= knocked + 1 / self._knocks:
                knocked += 1 / self._knocks
                self._knocker.begin()
            self._knocker.turn(0.0)
        if not heard:
            self.seen.trips.append(time.monotonic() - said)

    def conclude(self) -> Seen:
        """Once everything has come in."""
        self._knocker.run(0, 1)
        info = self._talk.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_LENGTH)
        (self.seen.retransmits,) = struct.unpack_from("=I", info, _TOTAL_RETRANSMITS)
        self._holder.turn(0)
        self.seen.died = self._holder.died
        self.seen.knocks = len(self._knocker.outcomes)
        self.seen.failed = sum(not passed for _, passed in self._knocker.outcomes)
        self.seen.longest_outage = outage(self._knocker.outcomes)
        return self.seen


def outage(outcomes: Iterable[tuple[float, bool]]) -> float:
    """From the first that failed to the next that came about, the longest of all (seconds)."""
    longest, since = 0.0, None
    for begun, passed in sorted(outcomes):
        if not passed and since is None:
            since = begun
        elif since is not None:
            longest = max(longest, begun - since)
            since = None if passed else since
    return longest


def main() -> None:
    """Stand, talk, tell."""
    address, hold, knocks = sys.argv[1:]
    unlimited()
    tenant = Tenant(address, int(hold), float(knocks))
    tenant.settle()
    print("standing", flush=True)
    tenant.run()
    found: dict[str, Any] = asdict(tenant.conclude())
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
