"""From what an engine learns to observations of the probe ``subnet`` (docs/observations.md).

They come without ids: whoever takes them down gives them theirs (probes.contract.Notes.add).
This module travels in the carry-in kit: CPython 3.7.
"""

import collections
import ipaddress
from array import array
from itertools import compress
from typing import Counter, Dict, Iterator, List, Sequence, Tuple, TypeVar

from attrs import frozen

from reports.model import Facts, Network, Observation
from reports.statistics import median
from reports.subnet import PROBE
from reports.subnet.indexes import Indexes
from reports.sweep import ALIVE, ANSWERED, FILTERED, WORDS, Addresses, Batch, Order, Table, blocks

# Of those who send ICMP errors, the busiest are named; of a /24, all.
_MOST_SENDERS = 256

_Value = TypeVar("_Value", int, str)

# Who said it, in answer to which question, and what ("type/code").
_Saying = Tuple[str, int, str]


@frozen
class _Part:
    """The addresses of an order that lie in one network."""

    network: Network
    first: int
    last: int
    addresses: Addresses


class Survey:
    """One engine's sweep of some networks: the state of each cell, and what came with the answers.

    ``method``: connect, syn, icmp or arp. ``networks``: those that the order's addresses lie in. Of an answer only
    its round trip and its TTL are kept, five bytes a cell.
    """

    def __init__(self, order: Order, method: str, networks: Sequence[Network]) -> None:
        self.order = order
        self.table = Table(order)
        self._method = method
        self._parts = [_part(network, order.addresses) for network in networks]
        self._rtts = array("f", bytes(4 * len(order)))
        self._ttls = bytearray(len(order))
        self._said: List[Dict[_Saying, int]] = [{} for _ in self._parts]
        self._macs: Dict[int, str] = {}  # by cell
        self._several: Dict[int, List[str]] = {}  # all MACs of an address, where there is more than one

    def take(self, batch: Batch) -> None:
        """Write down what the engine has learned."""
        rtts, ttls = self._rtts, self._ttls
        for cell, state, rtt, ttl, by, icmp in batch.answers:
            if rtt:
                rtts[cell] = rtt
            if ttl:
                ttls[cell] = ttl
            if not by:
                continue
            if state == ALIVE:
                self._answered_by(cell, by)
            elif self.table[cell] != FILTERED:
                self._refused_by(cell, by, icmp)
        self.table.take(batch)

    def observations(self, started: float, duration_s: float = 0.0) -> Iterator[Observation]:
        """The states of each block, who sent ICMP errors, and addresses for which several answer."""
        for part, said in zip(self._parts, self._said):
            for block in blocks(part.addresses):
                for question in range(len(self.order.questions)):
                    yield Observation(
                        probe=PROBE,
                        step="states",
                        address=block[0],
                        started=started,
                        duration_s=duration_s,
                        facts=self._states(part, block, question),
                    )
            for (sender, question, icmp), count in collections.Counter(said).most_common(_MOST_SENDERS):
                facts = self._about(part, question)
                facts.update(icmp=icmp, count=count)
                yield Observation(probe=PROBE, step="filter", address=sender, started=started, facts=facts)
            for index, macs in sorted(self._several.items()):
                if part.first <= self.order.addresses[index] <= part.last:
                    facts = {"network": part.network.name, "macs": ", ".join(macs)}
                    address = self.order.addresses.text(index)
                    yield Observation(probe=PROBE, step="twice", address=address, started=started, facts=facts)

    def _answered_by(self, cell: int, mac: str) -> None:
        first = self._macs.setdefault(cell, mac)
        if mac != first:
            several = self._several.setdefault(self.order.place(cell)[0], [first])
            if mac not in several:
                several.append(mac)

    def _refused_by(self, cell: int, sender: str, icmp: str) -> None:
        index, _ = self.order.place(cell)
        address, question = self.order.addresses[index], cell % len(self.order.questions)
        for part, said in zip(self._parts, self._said):
            if part.first <= address <= part.last:
                said[sender, question, icmp] = said.get((sender, question, icmp), 0) + 1

    def _about(self, part: _Part, question: int) -> Facts:
        return {"network": part.network.name, "asked": self.order.questions[question].name}

    def _states(self, part: _Part, block: Tuple[str, int, int], question: int) -> Facts:
        _, number, many = block
        index = self.order.addresses.index(part.addresses[number]) or 0
        letters = self.table.states(question, index, many)
        step = len(self.order.questions)
        cells = range(index * step + question, (index + many) * step, step)
        place, answered = slice(cells.start, cells.stop, step), Indexes.where(letters, ANSWERED).mask
        facts = self._about(part, question)
        facts.update(cidr=part.network.cidr, method=self._method, states=letters)
        counts = ((word, letters.count(letter)) for letter, word in WORDS.items())
        facts.update((word, count) for word, count in counts if count)
        rtts = sorted(filter(None, compress(self._rtts[place], answered)))
        if rtts:
            facts["rtt_s"] = round(median(rtts), 6)
        ttls = collections.Counter(filter(None, compress(self._ttls[place], answered)))
        if ttls:
            facts["ttl"] = _commonest(ttls)
        macs = collections.Counter(filter(None, map(self._macs.get, compress(cells, answered) if self._macs else ())))
        if macs:
            facts["mac"] = _commonest(macs)
            facts["by_mac"] = macs[_commonest(macs)]
        return facts


def placed(
    network: Network, source: str, interface: str, gateway: str = "", started: float = 0.0, on_link: bool = False
) -> Observation:
    """Where we stand towards a network: our own ``source`` address, the way out, the ``gateway`` where there is one."""
    facts: Facts = {"network": network.name, "source": source, "interface": interface, "on_link": on_link}
    if gateway:
        facts["gateway"] = gateway
    facts["inside"] = _holds(network.cidr, source)
    return Observation(probe=PROBE, step="place", address=network.cidr, started=started, facts=facts)


def made(
    network: Network,
    method: str,
    why: str,
    sent: int,
    rate: int,
    started: float,
    duration_s: float,
    *,
    partial: bool = False,
    pushed_back: str = "",
    lacked: str = "",
) -> Observation:
    """How a network was swept: by which engine and why, how many packets at which rate, and whether to the end.

    ``lacked``: why nothing is known of some cells.
    """
    facts: Facts = {"network": network.name, "method": method, "why": why, "sent": sent, "rate": rate}
    if partial:
        facts["partial"] = True
    if pushed_back:
        facts["pushed_back"] = pushed_back
    if lacked:
        facts["lacked"] = lacked
    return Observation(
        probe=PROBE, step="sweep", address=network.cidr, started=started, duration_s=duration_s, facts=facts
    )


def _part(network: Network, addresses: Addresses) -> _Part:
    cidr = ipaddress.ip_network(network.cidr)
    first, last = int(cidr[0]), int(cidr[-1])
    clipped = ((max(first, start), min(last, start + count - 1)) for start, count in addresses.ranges)
    ranges = tuple((start, end - start + 1) for start, end in clipped if start <= end)
    return _Part(network, first, last, Addresses(addresses.version, ranges))


def _holds(cidr: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(cidr)
    except ValueError:
        return False


def _commonest(counted: "Counter[_Value]") -> "_Value":
    """The most frequent value, and the least of equals."""
    return min(counted, key=lambda value: (-counted[value], value))
