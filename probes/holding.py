"""Connections to one address that are held open, each of which has spoken once, and what becomes of them.

    async with Holding(ask, network, manners) as holding:
        attempts = await holding.open(10, pace)     # in the order in which they were begun
        await holding.give_back(5)

They are opened so that whatever ends them resets them, also a kill: a way that counts connections forgets them at once.
"""

import asyncio
import select
import time
from typing import Any, Awaitable, Callable, Dict, List, Optional, Tuple

from attrs import frozen

from probes.connector import Dial
from probes.contract import LEAST_BYTES, Ask
from probes.network import Network
from probes.stream import SocketStream
from reports.failures import LOCAL_SHORTAGES, Failure
from reports.model import Facts

# By which sign an attempt was refused.
SILENT = "silent"
RESET = "reset"
ICMP = "icmp"
CLOSED = "closed"
ANSWER = "answer"
UNANSWERED = "unanswered"
LOCAL = "local"

# Many of them are held: what a peer says unasked waits in as little as there is.
_OURS = Dial(reset=True, unread=LEAST_BYTES)
# This many failures in a row, and no more are begun.
_ENOUGH = 3
# Opened or ended at once: thousands of tasks would cost more memory than their connections.
_AT_ONCE = 250


@frozen(kw_only=True)
class Said:
    """What a service had to say to a new connection: a failure or none, and ``busy`` where it answered that it is full.

    ``spoken``: whether it was asked anything. ``token``: what ``Manners.finish`` needs to end the connection as the
    service wants it.
    """

    failure: Optional[Failure] = None
    busy: bool = False
    spoken: bool = True
    token: Optional[Any] = None


@frozen(kw_only=True)
class Manners:
    """How connections to one service are held.

    ``patience``: seconds in which a handshake is answered, or is not; ``answer``: the same of the service's first
    answer. ``greet`` speaks once over a new one; None where
    the service is not spoken to. ``finish`` is owed to each before it ends, and ``longest`` how many seconds one may
    be held without; 0 is for ever.
    """

    patience: float
    answer: float = 0.0
    greet: Optional[Callable[[SocketStream], Awaitable[Said]]] = None
    finish: Optional[Callable[[SocketStream, Any], Awaitable[None]]] = None
    longest: float = 0.0


@frozen(kw_only=True)
class Attempt:
    """One more connection: held now, or refused by a ``sign``. Seconds; ``answer_s`` where its service was asked."""

    sign: str = ""
    failure: Optional[Failure] = None
    handshake_s: float = 0.0
    answer_s: Optional[float] = None
    syns: int = 1

    @property
    def held(self) -> bool:
        """Whether it came about."""
        return not self.sign


@frozen
class _Held:
    stream: SocketStream
    token: Optional[Any]
    since: float


class Holding:
    """A set of held connections. Leaving it gives all of them back."""

    def __init__(self, ask: Ask, network: Network, manners: Manners) -> None:
        self._ask = ask
        self._network = network
        self._manners = manners
        self._held: Dict[int, _Held] = {}
        self._watch = select.epoll()
        self._died: List[float] = []

    async def __aenter__(self) -> "Holding":  # noqa: PYI034 - there is no typing.Self on 3.7
        return self

    async def __aexit__(self, *exception: object) -> None:
        work = asyncio.ensure_future(self._end())
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait({work})
            raise

    async def _end(self) -> None:
        try:
            await self.give_back(len(self))
        finally:
            self._watch.close()

    def __len__(self) -> int:
        """How many are held."""
        return len(self._held)

    @property
    def facts(self) -> Facts:
        """What there is to say of who holds them."""
        return {}

    @property
    def is_too_old(self) -> bool:
        """Whether the oldest of them must not be held any longer."""
        oldest = next(iter(self._held.values()), None)
        return bool(self._manners.longest and oldest and time.monotonic() - oldest.since > self._manners.longest)

    async def open(self, count: int, pace: Callable[[], Awaitable[None]]) -> List[Attempt]:
        """Try to hold so many more, at a pace; how each went, in the order in which they were begun.

        Fewer are begun where several in a row have failed meanwhile, or one that is held has died.
        """
        tasks: List[asyncio.Future[Attempt]] = []
        try:
            for _ in range(count):
                await pace()
                if len(tasks) >= _AT_ONCE:
                    await asyncio.wait({tasks[-_AT_ONCE]})
                if tasks and (_is_over(tasks) or await self._some_died()):
                    break
                tasks.append(asyncio.ensure_future(self.open_one()))
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def touch(self) -> Attempt:
        """Open one more and end it at once; how that went."""
        attempt, held = await self._attempt()
        if held is not None:
            await self._end_one(held)
        return attempt

    async def open_one(self) -> Attempt:
        """Try to hold one more, now."""
        attempt, held = await self._attempt()
        if held is not None:
            self._held[held.stream.descriptor] = held
            self._watch.register(held.stream.descriptor, select.EPOLLRDHUP | select.EPOLLONESHOT)
        return attempt

    async def _attempt(self) -> Tuple[Attempt, Optional[_Held]]:
        ask = self._ask
        opened = await self._network.connect_to(ask.address, ask.port, self._manners.patience, ask.target.name, _OURS)
        shaken = opened.handshake
        syns = 1 + (shaken.info.retransmits if shaken.info is not None else 0)
        if opened.stream is None:
            sign = _sign_of_handshake(shaken.failure, by_icmp=shaken.icmp is not None)
            return Attempt(sign=sign, failure=shaken.failure, handshake_s=shaken.duration, syns=syns), None
        said, answer_s = Said(), None
        if self._manners.greet is not None:
            start = time.monotonic()
            try:
                said = await self._manners.greet(opened.stream)
            except BaseException:
                await opened.stream.close()
                raise
            answer_s = _until_its_last_byte(opened.stream, time.monotonic() - start) if said.spoken else None
        sign = _sign_of_answer(said)
        held = _Held(opened.stream, said.token, time.monotonic())
        if sign:
            await opened.stream.close()
        return (
            Attempt(sign=sign, failure=said.failure, handshake_s=shaken.duration, answer_s=answer_s, syns=syns),
            None if sign else held,
        )

    async def bury(self) -> List[float]:
        """Close those that have died since the last time; for how many seconds each of them was held."""
        await self._some_died()
        died, self._died = self._died, []
        return died

    async def _some_died(self) -> bool:
        for descriptor, _ in self._watch.poll(0):
            held = self._held.pop(descriptor, None)
            if held is not None:
                self._died.append(time.monotonic() - held.since)
                await held.stream.close()
        return bool(self._died)

    def ask_the_way(self, tries: int) -> None:
        """Let the kernel send keep-alive probes, one a second: whose way is gone dies after so many."""
        for held in self._held.values():
            held.stream.keep_alive(tries)

    async def give_back(self, count: int, *, in_order: bool = False) -> None:
        """End so many of them, those that were opened first; with a FIN instead of a reset where ``in_order``."""
        going = [self._held.pop(descriptor) for descriptor in list(self._held)[:count]]
        for start in range(0, len(going), _AT_ONCE):
            ending = going[start : start + _AT_ONCE]
            await asyncio.gather(*(self._end_one(held, in_order=in_order) for held in ending), return_exceptions=True)

    async def _end_one(self, held: _Held, *, in_order: bool = False) -> None:
        try:
            if self._manners.finish is not None:
                await self._manners.finish(held.stream, held.token)
        finally:
            if in_order:
                held.stream.end_in_order()
            await held.stream.close()


def _is_over(tasks: List["asyncio.Future[Attempt]"]) -> bool:
    done = [task for task in tasks if task.done()]
    return len(done) >= _ENOUGH and all(not task.result().held for task in done[-_ENOUGH:])


def _until_its_last_byte(stream: SocketStream, elapsed: float) -> float:
    """Seconds until the kernel had the answer, whatever the loop did meanwhile: this machine may be busy."""
    info = stream.info
    return max(0.0, elapsed - info.since_last_data) if info is not None and info.bytes_in else elapsed


def _sign_of_handshake(failure: Optional[Failure], *, by_icmp: bool) -> str:
    if failure in LOCAL_SHORTAGES:
        return LOCAL
    if failure is Failure.TIMED_OUT:
        return SILENT
    return ICMP if by_icmp else RESET


def _sign_of_answer(said: Said) -> str:
    if said.busy:
        return ANSWER
    if said.failure is None:
        return ""
    if said.failure in LOCAL_SHORTAGES:
        return LOCAL
    if said.failure is Failure.TIMED_OUT:
        return UNANSWERED
    return CLOSED if said.failure in (Failure.EOF, Failure.CONNECTION_RESET) else ANSWER
