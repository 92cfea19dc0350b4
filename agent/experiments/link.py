"""Who answers ARP, or neighbour discovery, for the addresses of a declared network that this machine is in itself.

Only where this process may ask so. All who answer for an address are told: two of them are two machines.
"""

import asyncio
import contextlib
import time
from typing import Callable, List, Sequence, Tuple

from agent.experiments.contract import Ground
from probes.sweep.choice import neighbours
from probes.sweep.contract import why_not
from probes.sweep.near import on_links
from probes.sweep.wires import Wire
from reports.model import Network
from reports.subnet.observations import Survey, made
from reports.sweep import ARP, UNKNOWN, Addresses, Answer, Batch, Order


async def ask(subnet: Network, ground: Ground, patience: Callable[[bool], float], end: float) -> None:
    """Every address, and those once more that were silent: none whose answer would come after ``end`` (monotonic).

    ``patience``: the seconds in which an answer comes, the first time and the second (True). Each request is a packet
    of the budget. Facts: docs/observations.md.
    """
    addresses = on_links(Addresses.of(subnet.cidr))
    order = Order(addresses=addresses, questions=(ARP,), rate=ground.plan.limits.packet_rate)
    make, why = neighbours(order, 0)
    if make is None or time.monotonic() + patience(False) > end:
        return
    asking = _Asking(Survey(order, ARP.kind, (subnet,)), ground)
    started, start = round(time.time(), 6), time.monotonic()
    try:
        with contextlib.closing(make()) as wire:
            await asking.all(wire, patience, end)
    except OSError as error:  # the link has just gone
        asking.lacked = why_not(error.errno or 0)
    finally:
        how = (ARP.kind, why, asking.sent, order.rate, started, time.monotonic() - start)
        for observation in asking.survey.observations(started):
            ground.notes.add(observation)
        ground.notes.add(made(subnet, *how, partial=asking.partial, lacked=asking.lacked))


class _Asking:
    """``sent``: how many requests; ``partial``: some were not asked for; ``lacked``: why some could not leave."""

    def __init__(self, survey: Survey, ground: Ground) -> None:
        self.survey = survey
        self.sent = 0
        self.partial = True
        self.lacked = ""
        self._addresses = survey.order.addresses
        self._network = ground.network

    async def all(self, wire: Wire, patience: Callable[[bool], float], end: float) -> None:
        """See ask."""
        cells = [cell for cell, _ in enumerate(self._addresses) if not self._forbids(cell)]
        for again in (False, True):
            cells, in_time = await self._ask(wire, cells, end - patience(again))
            await asyncio.sleep(patience(again) if cells else 0.0)
            self._hear(wire)
            cells = [cell for cell in cells if self.survey.table[cell] == UNKNOWN]
            if not in_time:
                return
        self.survey.take(Batch((), cells))
        self.partial = False

    async def _ask(self, wire: Wire, cells: Sequence[int], end: float) -> Tuple[List[int], bool]:
        """For each of these, until ``end``: those that were asked for, and whether there was time for all."""
        asked: List[int] = []
        for cell in cells:
            await self._network.account(1)
            if time.monotonic() > end:
                return asked, False
            _, error = wire.send([self._addresses[cell]], 0)
            if error is None:
                asked.append(cell)
                self.sent += 1
            else:
                self.lacked = why_not(error.errno or 0)
            self._hear(wire)
        return asked, True

    def _hear(self, wire: Wire) -> None:
        """Write down what has come."""
        found = []
        for address, _, state, age, ttl, by, icmp in wire.heard():
            cell = self._addresses.index(address)
            if cell is not None:
                found.append(Answer(cell, state, age, ttl, by, icmp))
        self.survey.take(Batch(found))

    def _forbids(self, cell: int) -> bool:
        return self._network.forbids(self._addresses.text(cell), 0)
