"""One plan, run again and again: never twice at once, and never late runs after each other."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeVar

from attrs import evolve, frozen

from agent.budget import COUNTED
from agent.runner import Runner
from agent.schedule.clock import Clock, ahead
from agent.schedule.judging import judge
from agent.schedule.state import Change, PlanState, after_run
from agent.schedule.timing import DEFAULT_INTERVAL, Gate, Slots, phase
from agent.schedule.turns import Turns
from agent.state import remembered
from reports.failures import LOCAL_SHORTAGES, Failure, classify
from reports.metrics.tally import Made
from reports.model import Observation, Plan, Report

# Sweeps and saturation load others: within so many seconds once, however often the plan is run.
HEAVY_EVERY = 3600.0
_HEAVY_PROBES = ("saturation", "subnet")
# So many single targets are probed at once, where the plan's limits allow as many connections.
_MOST_PROBES = 8

T = TypeVar("T")


class Beside(Protocol):
    """Does a piece of work beside the event loop."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        """Its result."""


@frozen(kw_only=True)
class Ended:
    """A run that has ended, and what became of it: ``state`` the plan's after it, ``made`` what the metrics take in."""

    report: Report
    state: PlanState
    changes: Sequence[Change]
    held: Mapping[str, str]
    made: Made

    @classmethod
    def of(
        cls, before: PlanState, report: Report, skipped: Collection[str], room: int, clock_off: float = 0.0
    ) -> "Ended":
        """All that follows from the report; takes its time where there are many targets. ``clock_off``: clock.py."""
        judgement = judge(report, clock_off)
        state, changes = after_run(before, report, judgement, skipped)
        made = Made.of(report, room, state.watched(spoiled=bool(judgement.spoiled)))
        # Of a target of which no run could tell yet, what was measured is not in force either.
        held = {name: target.verdict for name, target in state.targets.items()}
        return cls(report=report, state=state, changes=changes, held=held, made=made)


def interval_of(plan: Plan) -> float:
    """Seconds from one run of the plan to the next."""
    return plan.interval or DEFAULT_INTERVAL


class Watch:
    """Watches a plan.

    ``ended`` hears of each run, ``overran`` of those that were left out, ``short`` of those that could not begin for
    want of something here, ``failed`` of our errors.
    ``aside`` does what takes long, beside the event loop. ``room``: how many gauges the metrics have for a report.
    ``earlier``, ``state``: what is known from before this process began. ``report``: of the last run. ``next_run``:
    when the next one is to begin, Unix seconds.
    """

    def __init__(
        self,
        plan: Plan,
        host: str,
        gate: Gate,
        aside: "Beside",
        room: Callable[[Report], int],
        ended: Callable[[Ended], None],
        overran: Callable[[str, int], None],
        short: Callable[[str, Failure], None],
        failed: Callable[[str, BaseException], None],
        earlier: Sequence[Observation] = (),
        state: PlanState | None = None,
    ) -> None:
        self.state = PlanState.of(plan, interval_of(plan), state)
        self.turns = Turns(places_of(plan))
        self.running = False
        self.report: Report | None = None
        self.next_run: float | None = None
        self.overruns = 0
        self._host = host
        self._gate = gate
        self._aside = aside
        self._room = room
        self._ended, self._overran, self._short, self._failed = ended, overran, short, failed
        self._left = tuple(earlier)
        self._heavy_at: float | None = None
        self._runner: Runner | None = None
        self._changed = asyncio.Event()
        self._clock = Clock(ahead())
        self._slots = Slots(time.monotonic(), self.state.interval, phase(host, plan.name))
        self._stopping = False

    @property
    def plan(self) -> Plan:
        """What is watched."""
        return self.state.plan

    def change(self, plan: Plan) -> None:
        """Watch this plan from the next run on; of targets that stay, what is known stays."""
        self.state = PlanState.of(plan, interval_of(plan), self.state)
        self.turns.places = places_of(plan)
        self._heavy_at = None
        if self.state.interval != self._slots.interval:
            self._slots = evolve(self._slots, begun=time.monotonic(), interval=self.state.interval)
            self._changed.set()

    async def watch(self) -> None:
        """Run the plan in its slots, until this is cancelled, or ``stop`` is called."""
        slots, due = self._slots, self._slots.second()
        await self._sleep_until(slots.first)
        while not self._stopping:
            if self._slots is not slots:
                slots, due = self._slots, self._slots.after(time.monotonic())
            elif await self._once():
                missed = slots.missed(due, time.monotonic())
                if missed:
                    self.overruns += missed
                    self._overran(self.plan.name, missed)
                due += missed
            start = slots.at(due) + slots.late(random.random())  # noqa: S311 - spreads, and guards nothing
            self.next_run = time.time() + start - time.monotonic()
            if await self._sleep_until(start):
                due += 1

    def stop(self) -> None:
        """End the run that goes on, and begin no other."""
        self._stopping = True
        self._changed.set()
        if self._runner is not None:
            self._runner.stop()

    async def _sleep_until(self, moment: float) -> bool:
        """Whether the moment has come, and then this plan's turn to begin; False where something changed before."""
        if not await self._slept(moment):
            return False
        await self._slept(self._gate.pass_at(time.monotonic()))
        return True

    async def _slept(self, moment: float) -> bool:
        try:
            async with asyncio.timeout(max(0.0, moment - time.monotonic())):
                await self._changed.wait()
        except TimeoutError:
            return True
        self._changed.clear()
        return False

    async def _once(self) -> bool:
        """One run. An error of ours is told, and the next run is made all the same."""
        async with self.turns.run():
            if self._stopping:
                return False
            self.running = True
            try:
                await self._run()
            except Exception as error:  # noqa: BLE001 - whatever it is, the duty goes on
                self._broke_off(error)
            finally:
                self.running = False
                self._runner = None
        return True

    def _broke_off(self, error: Exception) -> None:
        failure = classify(error) if isinstance(error, OSError) else Failure.UNKNOWN
        if failure is Failure.UNKNOWN or failure not in LOCAL_SHORTAGES:
            self._failed(self.plan.name, error)
            return
        self.state = evolve(self.state, trouble=f"no run could begin: {failure.value}")
        self._short(self.plan.name, failure)

    async def _run(self) -> None:
        state = self.state
        skipped = state.skipped()
        heavy = self._heavy_at is None or time.monotonic() - self._heavy_at >= HEAVY_EVERY
        given = [*self._left, *state.seen_before(skipped), *(() if heavy else state.heavy)]
        runner = self._runner = Runner(
            state.plan, remembered=given, skip=skipped, saturate=heavy, sweeps=heavy, aside=self._aside
        )
        report = await runner.run()
        if self._stopping:
            return  # what it found until then is nothing to judge by
        if heavy and self.plan is state.plan:  # else another one came meanwhile, and has networks of its own
            self._heavy_at = time.monotonic()
            self.state = evolve(self.state, heavy=_of_probes(report.observations))
        self._left = remembered(report)
        before, room = self.state, self._room(report)
        off = self._clock.off(ahead(), time.monotonic())
        ended = await self._aside(lambda: Ended.of(before, report, skipped, room, off))
        if self.state is not before:  # another plan came meanwhile
            ended = Ended.of(self.state, report, skipped, room, off)
        self.state, self.report = ended.state, report
        self._ended(ended)


def places_of(plan: Plan) -> int:
    """How many single targets of a plan may be probed at once: each gets an equal part of its limits."""
    counted: list[int] = [getattr(plan.limits, name) for name in COUNTED if name != "per_target"]
    return max(1, min(_MOST_PROBES, *counted))


def _of_probes(seen: Sequence[Observation]) -> tuple[Observation, ...]:
    return tuple(one for one in seen if one.probe in _HEAVY_PROBES)
