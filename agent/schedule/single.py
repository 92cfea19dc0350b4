"""One declared target, probed because somebody asks: inside the plan's budget, and once for all who ask at once."""

import asyncio
import time
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack

from attrs import evolve, frozen

from agent.budget import COUNTED
from agent.runner import Runner
from agent.schedule.addresses import Guard
from agent.schedule.schedule import Schedule
from agent.schedule.watch import Watch
from reports.model import Egress, Limits, Report, Target

# Probes that go on or wait, of all plans together; whoever comes then is turned away.
MOST_PROBES = 512
# A silent target is waited for so long a part of the time that there is: the rest is for saying why.
_PART_FOR_CONNECTION = 0.5
_LEAST = 0.1


class Busy(Exception):
    """The probe could not be made now; the text says why."""


@frozen
class Place:
    """A target in its plan."""

    watch: Watch
    target: Target


@frozen
class Found:
    """What a probe found; ``refused``: the addresses, and why each, that the name led to and that were not asked."""

    report: Report
    refused: Mapping[str, str]


class Singles:
    """Makes the probes of single targets. ``listening``: the ports at which this process itself answers."""

    def __init__(self, schedule: Schedule, environment: Mapping[str, str], listening: Collection[int]) -> None:
        self._schedule = schedule
        self._environment = environment
        self._listening = listening
        self._going: dict[tuple[str, str], asyncio.Task[Found]] = {}

    def find(self, wanted: str, plan: str | None = None) -> list[Place]:
        """The declared targets of that name; where there is none, of that address, as a plan would write it."""
        places = [
            Place(watch, target)
            for name, watch in self._schedule.watches.items()
            if plan in (None, name)
            for target in watch.plan.targets
        ]
        named = [place for place in places if place.target.name == wanted]
        return named or [place for place in places if place.target.address == wanted]

    async def probe(self, place: Place, within: float) -> Found:
        """What is found in so many seconds. Who asks while that goes on is given the same, in his time. Raises Busy."""
        key = (place.watch.plan.name, place.target.name)
        task = self._going.get(key)
        if task is None:
            if len(self._going) >= MOST_PROBES:
                raise Busy(f"{MOST_PROBES} probes are going on or wait: ask again a little later")
            task = self._going[key] = asyncio.create_task(self._probe(place, within))
            task.add_done_callback(lambda _: self._going.pop(key, None))
            return await asyncio.shield(task)
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(task)
        except TimeoutError:
            raise Busy("another probe of this target was going on for all of that time") from None

    async def stop(self) -> None:
        """End all of them."""
        tasks = list(self._going.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _probe(self, place: Place, within: float) -> Found:
        begun = time.monotonic()
        turns, whole = place.watch.turns, place.watch.plan
        async with AsyncExitStack() as turn:
            try:
                async with asyncio.timeout(within):
                    await turn.enter_async_context(turns.probe())
            except TimeoutError:
                raise Busy("a run of the whole plan was going on for all of that time") from None
            limits = _part_of(whole.limits, turns.places, within - (time.monotonic() - begun))
            plan = evolve(whole, targets=(place.target,), networks=(), egress=Egress(), limits=limits)
            guard = Guard(whole, self._environment, self._listening)
            runner = Runner(plan, self._environment, saturate=False, forbids=guard, aside=self._schedule.aside)
            return Found(await runner.run(), guard.refused)


def _part_of(limits: Limits, places: int, left: float) -> Limits:
    """What one of so many probes may take, within the seconds that are left."""
    shared = {name: getattr(limits, name) // places for name in COUNTED if name != "per_target"}
    deadline = min(limits.deadline, max(left, _LEAST))
    return evolve(
        limits,
        **shared,
        bytes=max(1, limits.bytes // places),
        deadline=deadline,
        connect_timeout=min(limits.connect_timeout, _PART_FOR_CONNECTION * deadline),
    )
