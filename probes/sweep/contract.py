"""What an engine of sweeps is, the pace that all of them keep, and what stops them.

An engine is given cells to ask, a chunk at a time, and yields what it learns; it sends nothing that the pace has not
let out. Everything is bounded by what is on its way: no engine remembers what it is done with but by a byte a cell.
"""

import errno
import heapq
import os
import time
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from reports.sweep import BLOCK, Batch, Order, Row

# Cells of one question, at most 256 of them; None: there are more, but not yet.
Chunk = Sequence[int]
Chunks = Iterator[Optional[Chunk]]

# Seconds between two batches at most, also empty ones: whoever reads them can stop, or let another engine go on.
EVERY = 0.03
# Answers in a batch, about.
_MOST = 2048

# A packet leaves a little before or after the clock is read.
_SECOND = 1.01
# So long a kernel may go on asking for a neighbour that does not answer, once a second (arp(7), mcast_solicit).
_NEIGHBOUR = 3.0
# What may leave at once, as a part of a second's packets.
_AT_ONCE = 0.01

# So many blocks in a row of which this machine lets nothing out are an end.
_BLOCKS = 2

_REFUSALS: Dict[int, str] = {
    errno.EPERM: "this machine's own packet filter does not let it out",
    errno.EACCES: "this machine's own routing refuses it, or it is a broadcast address",
    errno.ENETUNREACH: "this machine has no route to it",
    errno.EHOSTUNREACH: "this machine's own routing refuses it",
    errno.EINVAL: "this machine's own routing refuses it",
    errno.EADDRNOTAVAIL: "this machine has no address, or no port, to speak from",
    errno.ENOLINK: "it is not on this machine's link: ARP and neighbour discovery pass no router",
    errno.EMFILE: "this process may open no more descriptors",
    errno.ENFILE: "this machine has no more descriptors",
    errno.EDQUOT: "the byte budget is spent",
    errno.ECANCELED: "nothing may be sent to it",
}


def why_not(number: int) -> str:
    """Why this machine does not let something out, by the errno of sending it."""
    return _REFUSALS.get(number) or os.strerror(number)


class Unable(Exception):
    """A method that cannot be had here, or an order that it cannot carry out: what is missing, and what to do."""


class PushedBackError(Exception):
    """The network, or this machine, lets nothing more out: what was seen."""


class Pace:
    """At most ``rate`` packets leave within any second, and not in bursts. 0: no limit; they are only counted.

    Before something is begun, all packets that it may cause are reserved (``take``), its answers' consequences and the
    kernel's own packets included; each is then said to have ``left``, or given ``back``. So what is reserved and what
    left within the last second are never more than the rate.
    """

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.sent = 0
        self._clock = clock
        self._free = rate
        self._gone: List[Tuple[float, int]] = []  # a heap: when places are free again, how many
        self._burst = float(rate) * _AT_ONCE
        self._allowed = 0.0
        self._at = clock()

    def serves(self, cost: int) -> None:
        """Make sure that something of so many packets can be begun. Raises Unable."""
        if self.rate and cost > self.rate:
            raise Unable(
                "%d packets a second are too few: one question may cause %d of them within a second; "
                "allow at least so many, or fewer questions" % (self.rate, cost)
            )
        self._burst = max(self._burst, float(cost))

    def take(self, most: int, cost: int) -> int:
        """Reserve ``cost`` packets for each of at most so many; for how many that was possible now."""
        if not self.rate:
            return most
        self._recover()
        count = min(most, self._free // cost, int(self._allowed / cost))
        if count <= 0:
            return 0
        self._free -= count * cost
        self._allowed -= count * cost
        return count

    def pause(self, cost: int) -> float:
        """About how many seconds pass until something of this cost may begin; not more than EVERY."""
        if not self.rate:
            return 0.0
        full = self._free < cost and self._gone
        wait = self._gone[0][0] - self._at if full else (cost - self._allowed) / self.rate
        return min(max(wait, 0.0005), EVERY)

    def left(self, packets: int, ago: float = 0.0) -> None:
        """So many of the reserved ones are on the wire, since ``ago`` seconds at least."""
        self.sent += packets
        if self.rate and packets:
            heapq.heappush(self._gone, (self._clock() + _SECOND - ago, packets))

    def back(self, packets: int) -> None:
        """So many of the reserved ones will not leave."""
        if self.rate and packets:
            self._free += packets
            self._allowed = min(self._burst, self._allowed + packets)

    def unforeseen(self, packets: int) -> None:
        """So many left that nobody could foresee: others wait for them."""
        self._free -= packets if self.rate else 0
        self.left(packets)

    def neighbours(self, reserved: int) -> None:
        """So many of the reserved ones are the kernel's requests for neighbours: it may repeat them for a while."""
        self.left(reserved, -_NEIGHBOUR)

    def lend(self) -> bool:
        """Give the whole rate away, to processes that share it; whether nothing of it was in use."""
        if not self.rate:
            return True
        self._recover()
        if self._free < self.rate:
            return False
        self._free = 0
        return True

    def regain(self) -> None:
        """What was lent may all have been used just now."""
        if self.rate:
            heapq.heappush(self._gone, (self._clock() + _SECOND, self.rate))

    def _recover(self) -> None:
        now = self._clock()
        gone = self._gone
        while gone and gone[0][0] <= now:
            self._free += heapq.heappop(gone)[1]
        self._allowed = min(self._burst, self._allowed + (now - self._at) * self.rate)
        self._at = now


class Harvest:
    """What an engine has learned since its last batch. ``shortages``: why this machine fell short, how many times."""

    def __init__(self, enough: int) -> None:
        self.refused = 0  # in a row
        self._enough = enough
        self.rows: List[Row] = []
        self.silent: List[int] = []
        self.unknown: List[int] = []
        self.shortages: Dict[str, int] = {}
        self._due = time.monotonic() + EVERY

    def fell_short(self, cell: int, why: str) -> None:
        """Nothing is said of this cell."""
        self.unknown.append(cell)
        self.shortages[why] = self.shortages.get(why, 0) + 1

    def not_sent(self, cell: int, number: int) -> None:
        """This machine does not let it out: why, by errno. Raises PushedBackError where its filter refused too many."""
        why = why_not(number)
        self.fell_short(cell, why)
        if number != errno.EPERM:  # it is our own routing that does not know that part
            return
        self.refused += 1
        if self.refused >= self._enough:
            raise PushedBackError("this machine lets nothing out any more: of the last %d, %s" % (self.refused, why))

    def is_due(self, now: float) -> bool:
        """Whether it is time for a batch."""
        return now >= self._due or len(self.rows) >= _MOST

    def batch(self) -> Batch:
        """All of it, once."""
        made = Batch(self.rows, self.silent, self.unknown)
        self.rows, self.silent, self.unknown = [], [], []
        self._due = time.monotonic() + EVERY
        return made


class Engine:
    """One way to ask. ``run`` may be called again and again; ``close`` gives everything back.

    ``turns``: how many times ``run`` is to be called with what is still silent, so that each cell is asked
    ``Order.tries`` times in all.
    """

    turns = 1

    def __init__(self, order: Order) -> None:
        # One question that a rule of this machine forbids is not all of them.
        self.harvest = Harvest(_BLOCKS * BLOCK * len(order.questions))

    def run(self, chunks: Chunks) -> Iterator[Batch]:
        """Ask each cell of the chunks once; a batch at least every EVERY seconds. Raises PushedBackError."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing stays open."""
