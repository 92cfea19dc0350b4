"""One check of a plan in a Spark application: who measures, in which turns, and who did not, and why."""

import threading
import time
from typing import Any, Callable, Dict, List, Optional, Union

from agent.budget import scarcest
from agent.spark import session
from agent.spark.executors import Executor, Executors, Lost
from agent.spark.measure import measure, report_of, ticket
from agent.spark.result import Result
from agent.spark.saturate import alone, asks, joined, saturate
from agent.spark.spread import Whole, parts
from agent.spark.turns import BREATH, in_turns
from reports import document
from reports.comparison import Merge, NothingInCommon
from reports.model import Plan, Report, Share

EACH, SPREAD = "each", "spread"
MODES = (EACH, SPREAD)

# Up to so many targets, and looks at a target from a place, every place measures all of them.
_MOST_TARGETS = 2000
_MOST_LOOKS = 50_000

# Seconds that a task may wait for its executor, beside what it measures.
_PATIENCE = 60.0
_TRIES = 3

Heard = Callable[[Report], None]


def check(
    spark: Any,
    plan: Union[Plan, str, bytes],
    mode: Optional[str] = None,
    within: float = 900.0,
    heard: Optional[Heard] = None,
) -> Result:
    """Check the plan (a Plan, or its canonical JSON) from everywhere in the session, or context, ``spark``.

    ``mode``: ``each`` (every place measures every target) or ``spread`` (each target is measured once, by one of the
    executors); chosen by their number where None. ``within``: seconds for everything. ``heard`` is called with each
    report as it comes. Raises reports.document.DocumentError for a text that is no plan.
    """
    declared = plan if isinstance(plan, Plan) else document.plan_loads(plan)
    effective, notes = session.with_settings(declared, spark)
    context = getattr(spark, "sparkContext", spark)
    with Executors(context, session.kit()) as executors:
        return _Check(effective, executors, time.monotonic() + within, notes, heard).run(mode)


class _Check:
    def __init__(self, plan: Plan, executors: Executors, ends: float, notes: List[str], heard: Optional[Heard]) -> None:
        self._plan = plan
        self._executors = executors
        self._ends = ends
        self._notes = notes
        self._heard = heard
        self._lock = threading.Lock()
        self._moment = threading.Event()
        self._alone = False
        self._reports: List[Report] = []
        # By the executor's id; the driver's is empty.
        self._measured: Dict[str, None] = {}
        self._tries: Dict[str, int] = {}
        self._why: Dict[str, str] = {}

    def run(self, mode: Optional[str]) -> Result:
        crew = [] if self._executors.local else self._crew()
        chosen = mode or self._mode(len(crew) + 1)
        self._alone = not crew
        if not crew:
            self._notes.append("there are no executors: only the driver measured")
            self._turns([None])
        elif chosen == EACH:
            found = self._together(self._each())
            if found is not None:
                self._reports = [
                    one if "executor" in one.vantage.labels else joined(one, found) for one in self._reports
                ]
        else:
            return self._spread(crew)
        return self._result()

    def _left(self) -> float:
        return self._ends - time.monotonic()

    def _crew(self) -> List[Executor]:
        """The executors, once as many as the application asked for are there, or patience is at its end."""
        executors = self._executors
        ends = time.monotonic() + min(_PATIENCE, self._left())
        if not executors.known():
            executors.summon(min(_PATIENCE, self._left()))
        while len(executors.known()) < executors.wanted and time.monotonic() < ends:
            self._moment.wait(0.5)
        crew = executors.known()
        if len(crew) < executors.wanted:
            text = "of %d executors that the application asked for, %d were there"
            self._notes.append(text % (executors.wanted, len(crew)))
        return crew

    def _mode(self, places: int) -> str:
        targets = len(self._plan.targets)
        if targets <= _MOST_TARGETS and targets * places <= _MOST_LOOKS:
            return EACH
        text = (
            "%d targets from %d places are many: they were spread over the executors, each target measured once "
            "(--each: all of them from everywhere)"
        )
        self._notes.append(text % (targets, places))
        return SPREAD

    def _together(self, busy: float) -> Optional[Report]:
        """What all executors see who hold connections together, where the plan allows it; ``busy``: see in_turns."""
        if not asks(self._plan):
            return None
        self._moment.wait(max(0.0, min(max(busy, BREATH), self._left())))
        within = min(_PATIENCE + self._plan.limits.deadline, self._left())
        if within <= 0:
            self._notes.append("how many connections the way holds was not measured: the time was over")
            return None
        found, notes = saturate(self._plan, self._executors, within)
        self._notes.extend(notes)
        return found

    # -- every place measures every target

    def _each(self) -> float:
        """The driver and all executors that are there; then those that have come since, or whose task was lost.

        In how many seconds the whole budget is free again.
        """
        known: Dict[str, Executor] = {}
        places: List[Optional[Executor]] = [None]
        busy = 0.0
        while self._left() > 0:
            active = self._executors.known()
            known.update((one.id, one) for one in active)
            places.extend(one for one in active if not self._is_done(one))
            if not places:
                break
            self._moment.wait(min(busy, self._left()))
            busy = self._turns(places)
            places = []
        for one in known.values():
            if one.id not in self._measured:
                why = self._why.get(one.id, "it was never given a task: the time was over")
                self._notes.append("%s is not in this result: %s" % (one, why))
        return busy

    def _is_done(self, executor: Executor) -> bool:
        return executor.id in self._measured or self._tries.get(executor.id, 0) >= _TRIES

    def _turns(self, places: List[Optional[Executor]]) -> float:
        """Have all of them measure; in how many seconds the whole budget is free again."""
        scarce = scarcest(self._plan.limits)
        at_once = min(len(places), getattr(self._plan.limits, scarce))
        if at_once < len(places) and None in places:
            text = (
                "limits.%s is %d, for the whole job: %d places measured in turns, %d at a time; with %d in the plan "
                "they measure all at once"
            )
            self._notes.append(text % (scarce, at_once, len(places), at_once, len(places)))
        return in_turns(places, at_once, self._measure)

    def _measure(self, place: Optional[Executor], share: Share) -> float:
        """Have one place measure; for how many seconds nobody else may have its part of the budget."""
        if place is None:
            labels = {"role": "driver", "application": self._executors.application}
            self._keep("", measure(self._plan, labels, share, saturate=self._alone))
            return BREATH
        deadline = self._plan.limits.deadline
        within = min(_PATIENCE + deadline, self._left())
        if within <= 0 or self._is_done(place):
            return 0.0
        self._tries[place.id] = self._tries.get(place.id, 0) + 1
        try:
            found = self._executors.ask(place, ticket(self._plan, self._executors.application, share), within, deadline)
        except Lost as lost:
            self._why[place.id] = str(lost)
            # It may be measuring still, where nobody hears of it: until its deadline at the latest.
            return min(deadline, max(0.0, self._left())) if lost.ran else BREATH
        if found.executor != place:
            self._why[place.id] = "its tasks were run by others, such as %s: it was busy" % found.executor
        self._keep(found.executor.id, report_of(found.text, found.executor))
        return BREATH

    def _keep(self, executor: str, report: Report) -> None:
        with self._lock:
            if executor in self._measured:
                return
            self._measured[executor] = None
            self._reports.append(report)
            if self._heard is not None:
                self._heard(report)

    def _result(self) -> Result:
        found = None
        if len(self._reports) > 1:
            merge = Merge()
            for report in self._reports:
                merge.add(report)
            try:
                found = merge.conclude()
            except NothingInCommon:
                self._notes.append("no target was measured from two places")
        return Result(mode=EACH, reports=tuple(self._reports), notes=tuple(self._notes), comparison=found)

    # -- every target is measured once

    def _spread(self, crew: List[Executor]) -> Result:
        """Parts of the plan, each given to one executor; the report on all of them."""
        limits = self._plan.limits
        at_once = min(len(crew), limits.concurrency, limits.rate, limits.packet_rate, len(self._plan.targets) or 1)
        whole, lost = Whole(self._plan), []

        def give(part: Plan, share: Share) -> float:
            """A part that is lost is given out again, when its first executor must be at its end."""
            place = crew[share.index]
            for attempt in range(_TRIES):
                within = min(_PATIENCE + limits.deadline, self._left())
                if within <= 0:
                    why = "the time was over"
                    break
                try:
                    text = ticket(part, self._executors.application, share)
                    found = self._executors.ask(place, text, within, limits.deadline)
                except Lost as error:
                    why = str(error)
                    if error.ran:
                        self._moment.wait(min(limits.deadline, max(0.0, self._left())))
                    active = self._executors.known() or crew
                    place = active[(share.index + attempt) % len(active)]
                else:
                    self._add(whole, report_of(found.text, found.executor))
                    return BREATH
            with self._lock:
                lost.append((len(part.targets), why))
            return BREATH

        found = self._together(in_turns(parts(self._plan, at_once), at_once, give))
        if found is not None:
            whole.add(alone(found))
        if lost:
            text = "%d targets were not measured: %s"
            self._notes.append(text % (sum(count for count, _ in lost), lost[0][1]))
        return Result(mode=SPREAD, reports=(whole.report(),), notes=tuple(self._notes))

    def _add(self, whole: Whole, report: Report) -> None:
        with self._lock:
            whole.add(report)
            if self._heard is not None:
                self._heard(report)
