"""All plans that are watched, and what is told of their runs: metrics, store, log, whoever listens."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from agent.schedule.keeper import Keeper
from agent.schedule.lag import Lag
from agent.schedule.log import Log
from agent.schedule.settling import Settled
from agent.schedule.state import PlanState, TargetState
from agent.schedule.timing import Gate, gap_of
from agent.schedule.watch import Ended, Watch, interval_of
from agent.state import remembered
from agent.store import AsyncStore, Store, StoreError
from reports.failures import Failure
from reports.history import Standing
from reports.metrics import Tally
from reports.model import HEALTHY, Observation, Plan
from reports.words import listed

T = TypeVar("T")

# Something that happened, for whoever listens: a word, and its facts.
Listener = Callable[[str, dict[str, Any]], None]

# Seconds that runs have to end when the process does.
_LAST_WORDS = 4.0


class Schedule:
    """Watches plans. ``host`` spreads them among hosts; ``store`` keeps their runs, where there is one."""

    def __init__(self, log: Log, tally: Tally, host: str, store: AsyncStore | None = None) -> None:
        self.tally = tally
        self.lag = Lag()
        self.version = 0
        self.crashes = 0
        self.keeper = Keeper(store, log) if store is not None else None
        self._log = log
        self._host = host
        self._store = store
        self._gate = Gate(gap_of([]))
        self._watches: dict[str, Watch] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._own: list[asyncio.Task[None]] = []
        self._leaving: dict[str, asyncio.Task[None]] = {}
        # One thread: what takes long is done one thing after the other, and shares the processor with one loop alone.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rules")
        self._listeners: list[Listener] = []

    # --- for whoever serves ---------------------------------------------------------------------------------------

    def listen(self, listener: Listener) -> None:
        """Tell it of each run, change of verdict, and reload."""
        self._listeners.append(listener)

    @property
    def watches(self) -> Mapping[str, Watch]:
        """What is watched, by the plan's name."""
        return self._watches

    def states(self) -> list[PlanState]:
        """What is known of each plan."""
        return [watch.state for watch in self._watches.values()]

    @property
    def has_looked(self) -> bool:
        """Whether every plan has been run."""
        return all(watch.state.runs for watch in self._watches.values())

    async def aside(self, work: Callable[[], T]) -> T:
        """Do what takes long beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # --- beginning and end ----------------------------------------------------------------------------------------

    async def begin(self, plans: Iterable[Plan]) -> None:
        """Run these from now on."""
        self._own.append(asyncio.create_task(self.lag.watch()))
        if self.keeper is not None:
            self._own.append(asyncio.create_task(self.keeper.work()))
        await self.replace(plans)

    async def replace(self, plans: Iterable[Plan]) -> None:
        """Watch these instead. A run that goes on of one that stays ends as it began."""
        wanted = {plan.name: plan for plan in plans}
        earlier = {name: await self._earlier(plan) for name, plan in wanted.items() if name not in self._watches}
        for name in [name for name in self._watches if name not in wanted]:
            self._watches.pop(name).stop()
            self._leave(name, self._tasks.pop(name))
        self.tally.keep(wanted)
        self._gate.gap = gap_of([interval_of(plan) for plan in wanted.values()])
        for name, plan in wanted.items():
            known = self._watches.get(name)
            if known is None:
                self._begin(plan, *earlier[name])
            elif known.plan != plan:
                known.change(plan)
        self.version += 1
        self._tell("plans", {"plans": sorted(wanted)})

    async def stop(self) -> None:
        """End all runs, keep what is still to be kept: within seconds."""
        for watch in self._watches.values():
            watch.stop()
        tasks = [*self._tasks.values(), *self._leaving.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=_LAST_WORDS)
        await _cancelled(tasks)
        if self.keeper is not None:
            await self.keeper.rest()
        await _cancelled(self._own)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _begin(self, plan: Plan, left: Sequence[Observation], state: PlanState | None) -> None:
        watch = Watch(
            plan,
            self._host,
            self._gate,
            self.aside,
            room=self.tally.room,
            ended=self._ended,
            overran=self._overran,
            short=self._short,
            failed=self._failed,
            earlier=left,
            state=state,
        )
        self._watches[plan.name] = watch
        before = self._leaving.get(plan.name)
        self._tasks[plan.name] = asyncio.create_task(_behind(before, watch), name=f"watch {plan.name}")

    def _leave(self, name: str, task: asyncio.Task[None]) -> None:
        self._leaving[name] = task

        def gone(task: asyncio.Task[None]) -> None:
            if self._leaving.get(name) is task:
                del self._leaving[name]

        task.add_done_callback(gone)

    async def _earlier(self, plan: Plan) -> tuple[Sequence[Observation], PlanState | None]:
        """What the store knows from before this process: what the last run left, and the verdicts in force."""
        if self._store is None:
            return (), None

        def asked(store: Store) -> tuple[Sequence[Observation], dict[str, Standing]]:
            last = store.last(plan.name)
            standing = {one.target: one for one in store.standing(plan.name)}
            return (remembered(last) if last is not None else ()), standing

        try:
            left, standing = await self._store.ask(asked)
        except StoreError as wrong:
            self._log("what was kept cannot be read", level="warning", plan=plan.name, reason=str(wrong))
            return (), None
        known = {
            target.name: TargetState(
                target=target,
                settled=Settled(one.verdict, (one.verdict,)),
                cause=one.cause,
                since=one.since,
                measured=one.verdict,
            )
            for target in plan.targets
            # At another address it is another target, whatever its name.
            if (one := standing.get(target.name)) is not None and one.address == target.address
        }
        return left, PlanState(plan=plan, interval=interval_of(plan), targets=known) if known else None

    # --- what a watch tells ---------------------------------------------------------------------------------------

    def _ended(self, ended: Ended) -> None:
        report, state = ended.report, ended.state
        name = report.run.plan.name
        if name not in self._watches:
            return
        self.tally.put(ended.made)
        self.version += 1
        if self.keeper is not None:
            self.keeper.take(report, ended.held)
        run = state.last.document() if state.last is not None else {}
        level = "warning" if any(run.get(key) for key in _ODD) else "info"
        told = {key: run[key] for key in _RUN if run[key]}
        if broken := [one for one in state.targets.values() if one.settled is not None and one.verdict != HEALTHY]:
            told["broken"] = listed([f"{one.target.name} ({one.cause or one.verdict})" for one in broken])
        self._log("run", level=level, plan=name, in_force=state.verdict, **told)
        self._tell("run", {"plan": name, "verdict": state.verdict, "run": run})
        for change in ended.changes:
            facts = {"plan": name, "target": change.target, "before": change.before, "after": change.after}
            self._log("verdict", **facts, **({"cause": change.cause} if change.cause else {}))
            self._tell("verdict", {**facts, "cause": change.cause, "run": report.run.id})

    def _overran(self, plan: str, runs: int) -> None:
        if plan not in self._watches:
            return
        for _ in range(runs):
            self.tally.overran(plan)
        self.version += 1
        self._log("overrun", level="warning", plan=plan, left_out=runs)

    def _short(self, plan: str, failure: Failure) -> None:
        if plan not in self._watches:
            return
        self.tally.fell_short(plan, failure.value)
        self.version += 1
        self._log("no run could begin", level="warning", plan=plan, for_want_of=failure.value)
        self._tell("short", {"plan": plan, "failure": failure.value})

    def _failed(self, plan: str, error: BaseException) -> None:
        self.crashes += 1
        import traceback  # noqa: PLC0415 - where something is wrong in here

        self._log("a run broke off", level="error", plan=plan, error="".join(traceback.format_exception(error)))

    def _tell(self, word: str, facts: dict[str, Any]) -> None:
        for listener in self._listeners:
            listener(word, {"at": time.time(), **facts})


# Of a run's document, what its line in the log tells.
_RUN = ("id", "verdict", "duration_s", "partial", "spoiled", "shortages", "clock_off_s")
_ODD = ("spoiled", "shortages", "clock_off_s")


async def _behind(before: asyncio.Task[None] | None, watch: Watch) -> None:
    """Watch, when the last run of a plan of that name, which left and came back, has ended."""
    if before is not None:
        await asyncio.wait([before])
    await watch.watch()


async def _cancelled(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
