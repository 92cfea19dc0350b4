"""Sweeps: which addresses answer which questions, asked as fast as is allowed and no faster.

    sweep = Sweep(order)               # chooses the engines; nothing is sent yet, and Unable says what is missing
    for batch in sweep:                # at least every contract.EVERY seconds, also an empty one
        table.take(batch)              # the last word on a cell counts: an answer may follow a silence
    sweep.method, sweep.why, sweep.sent, sweep.pushed_back, sweep.partial

Whoever leaves the loop ends the sweep. No event loop, and nothing that takes long to import.

    contract.py  what an engine is, and the pace          feed.py     in which order cells are asked
    connect.py   handshakes of an ordinary user           watch.py    whether the network still answers as it did
    raw.py       SYNs and echoes on raw sockets           limited.py  where only so many answers come in a second
    wires4.py    these over IPv4, wires6.py over IPv6     many.py     many packets in one call
    arp.py       ARP and neighbour discovery              crew.py     several processes
    choice.py    which engine, and why                    asking.py   one engine's part of a sweep, pass after pass
"""

from typing import Dict, Iterator

from probes.sweep.asking import Asking, Common
from probes.sweep.choice import choose
from probes.sweep.contract import Unable
from reports.sweep import Batch, Order

__all__ = ["Sweep", "Unable", "choose", "run"]


class Sweep:
    """One order, carried out once. Iterating gives batches.

    ``methods``: the engine of each question, by its number, where it is asked at all. ``why``: why these, and what they
    met. ``sent``: packets, as far as they are known. ``pushed_back``: what was seen that ended it. ``partial``: it has
    not come to its end (yet). ``shortages``: why nothing is known of some cells, and of how many.
    """

    def __init__(self, order: Order, method: str = "auto") -> None:
        self.order = order
        self.partial = True
        self._choice = choose(order, method)
        self._common = Common(order, self._choice.near)
        self._parts = [Asking(part, self._common) for part in self._choice.parts]

    @property
    def method(self) -> str:
        """Each engine that asks, once: "syn, icmp"."""
        return ", ".join(dict.fromkeys(part.method for part in self._choice.parts))

    @property
    def methods(self) -> Dict[int, str]:
        """See the class."""
        return {question: part.method for part in self._choice.parts for question in part.questions}

    @property
    def why(self) -> str:
        """Sentences without a full stop."""
        return "; ".join((*self._choice.why, *self._common.notes))

    @property
    def sent(self) -> int:
        """So far."""
        return self._common.pace.sent

    @property
    def pushed_back(self) -> str:
        """Nothing where it was not."""
        return self._common.pushed_back

    @property
    def shortages(self) -> Dict[str, int]:
        """See the class."""
        return self._common.shortages

    def __iter__(self) -> Iterator[Batch]:
        going = [part.run() for part in self._parts]
        try:
            while going:
                for part in list(going):
                    batch = next(part, None)
                    if batch is None:
                        going.remove(part)
                    else:
                        yield batch
            self.partial = bool(self.pushed_back)
        finally:
            for part in going:
                part.close()
            for asking in self._parts:
                asking.close()


def run(order: Order, method: str = "auto") -> Sweep:
    """A sweep, to be iterated. Raises Unable where the method cannot be had here."""
    return Sweep(order, method)
