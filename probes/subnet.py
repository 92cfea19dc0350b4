"""The subnet probe: every address of declared networks at the ports declared there, inside the run's own budget.

A handshake for each port and, where this process may send one, an ICMP echo; what is silent is asked once more, and
longer. `linkdoctor sweep` has faster ways (probes/sweep), which take more than a job has.
"""

import asyncio
import collections
import os
import time
from typing import Awaitable, Callable, Counter, Deque, Iterator, List, Optional, Sequence, Tuple

from attrs import frozen

from probes import place
from probes.contract import Ask, Notes
from probes.datagrams import Method, methods
from probes.kernel import IcmpError
from probes.netlink import Route
from probes.network import Network
from probes.stream import SocketStream
from reports.failures import Failure
from reports.model import Network as Subnet
from reports.model import Target
from reports.services import MYSQL
from reports.subnet.observations import Survey, made
from reports.sweep import (
    ALIVE,
    ECHO,
    FILTERED,
    OPEN,
    REFUSED,
    SILENT,
    UNKNOWN,
    Addresses,
    Answer,
    Batch,
    Order,
    Question,
    tcp,
)

# Bytes of the IP packet of an echo, as of ping(8).
_SIZE = 84

Finish = Callable[[Ask, SocketStream], Awaitable[Optional[Failure]]]

# What a handshake says of a port that no ICMP message was about. Whatever else there is, is this machine's own fault.
_STATES = {
    None: OPEN,
    Failure.CONNECTION_RESET: OPEN,  # after the handshake
    Failure.CONNECTION_REFUSED: REFUSED,
    Failure.TIMED_OUT: SILENT,
    Failure.HOST_UNREACHABLE: SILENT,  # the kernel's own word: nobody answered ARP
}


@frozen(kw_only=True)
class Manner:
    """How it is asked.

    ``patience``: for how many seconds, where the slowest answer of the network took so many (0.0: none came yet), and
    whether it is asked again. ``at_once``: how many questions are under way; ``rate``, ``packet_rate``: how many
    connections and echoes the budget lets begin in a second; ``within``: seconds after which none is begun.
    ``mysql``: the ports at which MySQL speaks, its own apart. ``why_not``: in words, by errno, why this machine did not
    let something out. ``kept_back``: why it lets nothing out to the port of an address; "" where it does, or where that
    is not known.
    """

    patience: Callable[[float, bool], float]
    at_once: int
    rate: int
    packet_rate: int
    within: float
    mysql: Sequence[int] = ()
    why_not: Callable[[int], str] = os.strerror
    kept_back: Optional[Callable[[str, int], Awaitable[str]]] = None


async def probe(
    subnets: Sequence[Subnet],
    network: Network,
    notes: Notes,
    finish: Finish,
    manner: Manner,
    route: Callable[[str], Optional[Route]],
) -> None:
    """Ask all of the networks at their ports. ``finish`` ends a connection that came about, ``route`` tells the way.

    What there was no time for is unknown. Facts: docs/observations.md.
    """
    for subnet in subnets:
        place.observe(subnet, route, notes)
    parts = [part for subnet in subnets for part in _parts(subnet, network, finish, manner)]
    asking = _Asking(parts, manner)
    started, start = round(time.time(), 6), time.monotonic()
    try:
        await asking.all()
        for part in parts:
            await part.doubt()
    finally:
        for part in parts:
            for observation in part.survey.observations(started):
                notes.add(observation)
            took = time.monotonic() - start
            how = (part.method, part.why, part.sent, part.order.rate, started, took)
            notes.add(made(part.subnet, *how, partial=not asking.done, lacked=part.lacked))


class _Part:
    """One network, asked in one way."""

    method = why = ""

    def __init__(
        self, subnet: Subnet, questions: Tuple[Question, ...], network: Network, manner: Manner, rate: int
    ) -> None:
        self.order = Order(addresses=Addresses.of(subnet.cidr), questions=questions, rate=rate)
        self.survey = Survey(self.order, self.method, (subnet,))
        self.subnet = subnet
        self.sent = 0
        self._lacks: Counter[str] = collections.Counter()
        self._manner = manner
        self._network = network

    @property
    def lacked(self) -> str:
        """Why nothing is known of some cells: of most of them."""
        return "".join(why for why, _ in self._lacks.most_common(1))

    def cells(self) -> Iterator[int]:
        """One question to every address, then the next: no host is asked everything at once."""
        step = len(self.order.questions)
        for question in range(step):
            yield from range(question, len(self.order), step)

    async def ask(self, cell: int, patience: float) -> Answer:
        """What comes for one cell within so many seconds."""
        raise NotImplementedError

    async def doubt(self) -> None:
        """Where nothing came of a port at all: whether this machine itself keeps it back, so that nothing is known."""
        kept_back = self._manner.kept_back
        step, address = len(self.order.questions), self.order.addresses.text(len(self.order.addresses) // 2)
        for number, question in enumerate(self.order.questions):
            is_silent = question.port and set(self.survey.table.states(number)) == {SILENT}
            why = await kept_back(address, question.port) if is_silent and kept_back is not None else ""
            if why:
                self._lacks[why] += len(self.order.addresses)
                self.survey.take(Batch((), (), range(number, len(self.order), step)))


class _Ports(_Part):
    method, why = "connect", "the plan's own connections, inside its limits"

    def __init__(self, subnet: Subnet, network: Network, manner: Manner, finish: Finish) -> None:
        questions = tuple(tcp(port, MYSQL if port in manner.mysql else "tcp") for port in subnet.ports)
        super().__init__(subnet, questions, network, manner, manner.rate)
        self._finish = finish

    async def ask(self, cell: int, patience: float) -> Answer:
        index, question = self.order.place(cell)
        address = self.order.addresses.text(index)
        # It counts against the address, whoever listens there.
        target = Target(name=address, host=address, port=question.port, service=question.service)
        ask = Ask(target=target, address=address, timeout=patience)
        opened = await self._network.connect(ask)
        shaken = opened.handshake
        self.sent += not shaken.immediate
        if opened.stream is not None:
            await self._finish(ask, opened.stream)
        if shaken.icmp is not None and not shaken.icmp.local:
            return _filtered(cell, shaken.icmp)
        if shaken.immediate and shaken.errno:
            self._lacks[self._manner.why_not(shaken.errno)] += 1
        state = UNKNOWN if shaken.immediate else _STATES.get(shaken.failure, UNKNOWN)
        rtt = {OPEN: shaken.round_trip, REFUSED: shaken.duration}.get(state, 0.0)
        return Answer(cell, state, rtt)


class _Echoes(_Part):
    method, why = "icmp", "this process may send echoes"

    def __init__(self, subnet: Subnet, network: Network, manner: Manner, by: Method) -> None:
        super().__init__(subnet, (ECHO,), network, manner, manner.packet_rate)
        self._by = by

    async def ask(self, cell: int, patience: float) -> Answer:
        address = self.order.addresses.text(cell)
        kind, messages = self._by.of_sizes([_SIZE])
        try:
            heard = (await self._network.volley(kind, address, messages, patience, address)).get(0)
        except OSError as error:  # this machine does not let it out
            self._lacks[self._manner.why_not(error.errno or 0)] += 1
            return Answer(cell, UNKNOWN)
        self.sent += 1
        if isinstance(heard, IcmpError):
            return Answer(cell, SILENT) if heard.local else _filtered(cell, heard)
        return Answer(cell, SILENT if heard is None else ALIVE)


def _parts(subnet: Subnet, network: Network, finish: Finish, manner: Manner) -> Iterator[_Part]:
    yield _Ports(subnet, network, manner, finish)
    for method in methods(subnet.cidr):
        if method.name == ECHO.kind:
            yield _Echoes(subnet, network, manner, method)


def _filtered(cell: int, icmp: IcmpError) -> Answer:
    return Answer(cell, FILTERED, by=icmp.sender, icmp="%d/%d" % (icmp.type, icmp.code))


class _Asking:
    """Works off all cells of some parts, and those that were silent again. ``done``: there was time for all."""

    def __init__(self, parts: Sequence[_Part], manner: Manner) -> None:
        self.done = False
        self._manner = manner
        self._end = time.monotonic() + manner.within
        self._slowest = dict.fromkeys((part.subnet.cidr for part in parts), 0.0)
        self._first = ((part, cell, False) for part in parts for cell in part.cells())
        self._again: Deque[Tuple[_Part, int, bool]] = collections.deque()

    async def all(self) -> None:
        """Many at once, to the end."""
        workers: List[asyncio.Future[bool]] = [
            asyncio.ensure_future(self._work_off()) for _ in range(self._manner.at_once)
        ]
        try:
            self.done = all(await asyncio.gather(*workers))
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work_off(self) -> bool:
        """Ask one after the other; whether it was to the end."""
        for part, cell, again in iter(self._next, None):
            patience = self._manner.patience(self._slowest[part.subnet.cidr], again)
            if time.monotonic() + patience > self._end:
                return False
            answer = await part.ask(cell, patience)
            if answer.state == SILENT and not again:
                self._again.append((part, cell, True))
            elif answer.state == SILENT or (again and answer.state == UNKNOWN):
                # Nothing came the first time; that this machine fell short the second time changes nothing.
                part.survey.take(Batch((), (cell,)))
            else:
                part.survey.take(Batch((answer,)))
                self._slowest[part.subnet.cidr] = max(self._slowest[part.subnet.cidr], answer.rtt)
        return True

    def _next(self) -> Optional[Tuple[_Part, int, bool]]:
        following = next(self._first, None)
        return following if following is not None or not self._again else self._again.popleft()
