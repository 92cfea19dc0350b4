"""Several places hold the connections to a target as if they were one: the first of them leads, the others follow.

    async with Lead(links, limits) as crew:  # at the first place
        runner = Runner(plan, hold=crew.hold)
        crew.on_loss(runner.stop)
        report = await runner.run()
    await follow(link, plan, limits)  # at each of the others (agent/spark/follow.py)

The method (probes/saturation.py) runs at the first place alone: it decides about every single connection, has the place
open it that holds the fewest, and hears at once how it went, and of what has died. Whoever is not heard of any more is
lost: everything is given back then, everywhere.
"""

import asyncio
import contextlib
import time
from typing import Any, AsyncIterator, Awaitable, Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from attrs import evolve

from agent.budget import RunBudget
from agent.spark.follow import (
    ASK_THE_WAY,
    BEAT,
    BEGIN,
    DONE,
    ERROR,
    EVERY,
    GIVE_BACK,
    OPEN,
    OVER,
    SEEN,
    SILENCE,
    TOUCH,
    attempt_of,
)
from agent.spark.link import Link
from probes import local
from probes.contract import Ask
from probes.holding import Attempt, Holding, Manners
from probes.network import Network
from reports.model import Facts, Limits, Plan

# Seconds without a word of one of the others, until nothing more is opened.
_STALE = 0.5


def parts(whole: int, size: int) -> List[int]:
    """So much, shared out to so many: exactly, and as evenly as can be."""
    each, rest = divmod(whole, size)
    return [each + (place < rest) for place in range(size)]


def seats(plan: Plan, places: int) -> int:
    """How many of so many places may take part, so that each has a part of everything that the plan allows."""
    asked = [target.saturate for target in plan.targets if target.saturate is not None]
    return min([places, _rate(plan), *(one.connections for one in asked)])


def limits_of(plan: Plan, place: int, size: int) -> Limits:
    """What one place may do to hold its part: all together what the plan allows for it, exactly.

    Only what is held counts, besides: in connections and bytes (Budget.holding).
    """
    rate = parts(_rate(plan), size)[place]
    return evolve(plan.limits, concurrency=1, per_target=1, rate=rate, bytes_per_target=0, bytes=0)


def _rate(plan: Plan) -> int:
    rates = [target.saturate.rate for target in plan.targets if target.saturate is not None]
    return min(plan.limits.rate, max(rates, default=plan.limits.rate))


# A future, and who is told as well.
Then = Callable[[Any], None]
_Awaited = Tuple["asyncio.Future[Any]", Then]


def _nothing_more(_: Any) -> None:
    return


class Lead:
    """The first place: it has the others hold their parts. Leaving it ends the work of all."""

    def __init__(self, links: Sequence[Link], limits: Limits) -> None:
        self._links = dict(enumerate(links, 1))  # by place
        self._limits = limits
        self._awaited: Dict[int, _Awaited] = {}
        self._numbers = 0
        self._crew: Optional[_Crew] = None
        self._last = dict.fromkeys(self._links, time.monotonic())
        self._heard = asyncio.Event()
        self._over = False
        self._lost: Callable[[], None] = lambda: None
        # Why it ended before its time.
        self.reason = ""

    async def __aenter__(self) -> "Lead":  # noqa: PYI034 - there is no typing.Self on 3.7
        local.raise_descriptor_limit()
        self._network = Network(RunBudget(self._limits))
        self._work = [asyncio.ensure_future(self._hear(place)) for place in self._last]
        self._work.append(asyncio.ensure_future(self._beat()))
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._close()
        for work in self._work:
            work.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        self._network.close()

    def on_loss(self, call: Callable[[], None]) -> None:
        """What to do where a place is lost: nothing more can be measured."""
        self._lost = call

    @contextlib.asynccontextmanager
    async def hold(self, ask: Ask, _: Network, manners: Manners, connections: int) -> AsyncIterator[Holding]:
        """Hold so many connections at most, all places together (agent.experiments.saturation.Hold)."""
        shares = parts(connections, 1 + len(self._links))
        with self._network.holding(ask, shares[0]):
            async with _Crew(self, ask, self._network, manners, shares) as crew:
                self._crew = crew
                try:
                    yield crew
                finally:
                    self._crew = None

    async def in_touch(self) -> None:
        """Return once all others have been heard of lately: meanwhile nothing is opened."""
        while not self._over and min(self._last.values(), default=time.monotonic()) < time.monotonic() - _STALE:
            self._heard.clear()
            await self._heard.wait()

    async def order(self, place: int, verb: str, *words: Any, then: Then = _nothing_more) -> Any:
        """Have a place do it; what came of it. Cancelled where a place is lost.

        ``then`` is told as well, also where nobody waits for it any longer.
        """
        if self._over:
            raise asyncio.CancelledError
        number, self._numbers = self._numbers, self._numbers + 1
        done: asyncio.Future[Any] = asyncio.get_event_loop().create_future()
        self._awaited[number] = done, then
        self._links[place].send(number, verb, words)
        return await done

    async def _beat(self) -> None:
        while True:
            for link in self._links.values():
                link.send(None, BEAT, [])
            await asyncio.sleep(EVERY)

    async def _hear(self, place: int) -> None:
        link = self._links[place]
        try:
            while not self._over:
                kind, *words = await link.hear(SILENCE)
                self._last[place] = time.monotonic()
                self._heard.set()
                if kind == DONE:
                    self._take(*words)
                elif kind == SEEN and self._crew is not None:
                    self._crew.told(place, *words)
                elif kind == ERROR:
                    self._lose(str(words[0]))
        except asyncio.TimeoutError:
            self._lose("one of the executors was not heard of for %d seconds" % SILENCE)
        except (OSError, EOFError, ValueError):
            self._lose("one of the executors was lost")

    def _take(self, number: int, result: Any) -> None:
        done, then = self._awaited.pop(number)
        then(result)
        if not done.done():
            done.set_result(result)

    def _lose(self, reason: str) -> None:
        if self._over:
            return
        self.reason = reason
        self._close()
        self._lost()

    def _close(self) -> None:
        """The others give everything back as soon as they hear of it."""
        self._over = True
        self._heard.set()
        for link in self._links.values():
            link.close()
        for done, _ in self._awaited.values():
            done.cancel()


class _Crew(Holding):
    """The connections that all places hold together."""

    def __init__(self, lead: Lead, ask: Ask, network: Network, manners: Manners, shares: List[int]) -> None:
        super().__init__(ask, network, manners)
        self._lead = lead
        self._shares = shares
        self._others = [0] * len(shares)  # by place; nothing for the first one
        self._begun = [0] * len(shares)
        self._most = [0] * len(shares)
        self._old: Set[int] = set()

    async def __aenter__(self) -> "_Crew":  # noqa: PYI034 - there is no typing.Self on 3.7
        ask, manners = self._ask, self._manners
        told = ask.target.name, ask.address, manners.patience, manners.answer
        await self._all(lambda place: self._lead.order(place, BEGIN, *told, self._shares[place]))
        return self

    async def _end(self) -> None:
        # They give back what they hold without being asked for it.
        self._others = [0] * len(self._others)
        await self._all(lambda place: self._lead.order(place, OVER), super()._end())

    def __len__(self) -> int:
        return sum(self._now())

    @property
    def facts(self) -> Facts:
        """How many places hold them, and how many the least and the most of them held at once."""
        return {"instances": len(self._most), "instance_low": min(self._most), "instance_high": max(self._most)}

    @property
    def is_too_old(self) -> bool:
        """See Holding."""
        return super().is_too_old or bool(self._old)

    def told(self, place: int, died: List[float], old: bool) -> None:
        """What a place has seen since it was heard last."""
        self._others[place] -= len(died)
        self._died += died
        (self._old.add if old else self._old.discard)(place)

    async def open_one(self) -> Attempt:
        """One more, by the place that holds the fewest."""
        with self._by_one() as place:
            await self._lead.in_touch()
            if not place:
                attempt = await super().open_one()
            else:
                attempt = attempt_of(await self._lead.order(place, OPEN, then=lambda words: self._count(place, words)))
            self._most[place] = max(self._most[place], self._now()[place])
        return attempt

    def _count(self, place: int, words: Sequence[Any]) -> None:
        self._others[place] += attempt_of(words).held

    async def touch(self) -> Attempt:
        """See Holding."""
        with self._by_one() as place:
            await self._lead.in_touch()
            return attempt_of(await self._lead.order(place, TOUCH)) if place else await super().touch()

    @contextlib.contextmanager
    def _by_one(self) -> Iterator[int]:
        """Who opens the next one."""
        now = [held + begun for held, begun in zip(self._now(), self._begun)]
        place = min(range(len(now)), key=lambda one: (now[one] >= self._shares[one], now[one]))
        self._begun[place] += 1
        try:
            yield place
        finally:
            self._begun[place] -= 1

    async def give_back(self, count: int, *, in_order: bool = False) -> None:
        """See Holding. A single one is given back here, where it is known at once when."""
        going = [0] * len(self._shares)
        now = self._now()
        if count == 1 and now[0]:
            going[0] = 1
        else:
            for _ in range(min(count, sum(now))):
                place = max(range(len(now)), key=now.__getitem__)
                now[place] -= 1
                going[place] += 1
        for place in range(1, len(going)):
            self._others[place] -= going[place]
        await self._all(
            lambda place: self._lead.order(place, GIVE_BACK, going[place], in_order),
            super().give_back(going[0], in_order=in_order),
            [place for place in range(1, len(going)) if going[place]],
        )

    def ask_the_way(self, tries: int) -> None:
        """See Holding."""
        super().ask_the_way(tries)
        self._asking = asyncio.ensure_future(self._all(lambda place: self._lead.order(place, ASK_THE_WAY, tries)))

    def _now(self) -> List[int]:
        return [len(self._held), *self._others[1:]]

    async def _all(
        self,
        order: Callable[[int], Awaitable[Any]],
        here: Optional[Awaitable[None]] = None,
        places: Optional[Sequence[int]] = None,
    ) -> None:
        """Have all other places (or these) do it while it is done here, and wait for all of it, whatever happens."""
        chosen = range(1, len(self._shares)) if places is None else places
        work = [asyncio.ensure_future(order(place)) for place in chosen]
        if here is not None:
            work.append(asyncio.ensure_future(here))
        if work:
            await asyncio.wait(work)
            await asyncio.gather(*work)
