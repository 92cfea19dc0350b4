"""How many connections the way holds, measured by all executors together: they share the way, and so its limit."""

import asyncio
import contextlib
import json
from typing import Any, List, Mapping, Optional, Tuple

from attrs import evolve

from agent.experiments.saturation import with_controls
from agent.runner import Runner, work_off
from agent.spark import crew
from agent.spark.executors import Executors, Lost
from agent.spark.follow import follow
from agent.spark.link import Door, join
from agent.spark.measure import labels_of, measure, report_of, ticket, with_container
from reports import document
from reports.diagnose import conclude
from reports.model import Egress, Limits, Plan, Report, Share

PROBE = "saturation"
# What a task says that finds no way to the first one.
_APART = "apart"


def asks(plan: Plan) -> bool:
    """Whether any target allows it."""
    return any(target.saturate is not None for target in plan.targets)


def saturate(plan: Plan, executors: Executors, within: float) -> Tuple[Optional[Report], List[str]]:
    """Measure the targets that allow it, by all executors that have a free place; the report, and notes in words.

    ``within``: seconds. Where executors can do nothing together the driver alone measures; None where nobody has.
    """
    measured = {target.name: target for target in plan.targets if target.saturate is not None}
    asked = evolve(plan, targets=with_controls(plan, measured), egress=Egress())
    if executors.apart:
        labels = {"role": "driver", "application": executors.application}
        note = "how many connections the way holds was measured by the driver alone: %s" % executors.apart
        return measure(asked, labels, saturate=True), [note]
    there, free = len(executors.known()), executors.free()
    if not free:
        text = "how many connections the way holds was not measured: none of %d executors has a free place for a task"
        return None, [text % there]
    size = crew.seats(asked, free)
    notes = []
    if size < there:
        text = "%d of %d executors held connections together: %s"
        why = "%d had a free place for a task" % free if size == free else "the plan allows no more than that"
        notes.append(text % (size, there, why))
    try:
        told = ticket(asked, executors.application, Share(index=0, of=size))
        answers = executors.ask_together(size, told, within)
    except Lost as lost:
        text = (
            "how many connections the way holds was not measured: %s (%d tasks at once, %d executors with a free place)"
        )
        return None, [text % (lost, size, free)]
    reasons = [reason for _, reason in (json.loads(answer.text) for answer in answers) if reason]
    notes.extend("how many connections the way holds: %s" % reason for reason in reasons[:1])
    text = json.loads(answers[0].text)[0]
    return (report_of(text, answers[0].executor) if text else None), notes


def answer(text: str, task: Any) -> str:
    """What one task of the barrier stage does: JSON of the first one's report, and of what ended it before its time.

    ``text``: a ticket, whose share says how many tasks there are; ``task``: pyspark's BarrierTaskContext.
    """
    application, told = json.loads(text)
    plan, share = document.task_loads(told)
    place = task.partitionId()
    limits = crew.limits_of(plan, place, share.of)
    if place:
        return json.dumps([None, work_off(_follow(task, place, plan, limits))])
    labels = with_container(labels_of(application, task))
    return json.dumps(work_off(_lead(task, share.of, plan, labels, limits)))


async def _lead(task: Any, size: int, plan: Plan, labels: Mapping[str, str], limits: Limits) -> Tuple[str, str]:
    """What the first place does: the report, and why it ended before its time.

    allGather is Spark's own way to tell all tasks something; it takes a second each time.
    """
    try:
        door: Optional[Door] = await Door.open(task.getTaskInfos()[0].address.rpartition(":")[0])
    except OSError:
        door = None
    task.allGather(json.dumps(door.told if door is not None else []))
    came = task.allGather("")
    if door is None or _APART in came:
        if door is not None:
            door.close()
        report = await Runner(plan, kind="spark", labels=labels).run()
        return document.dumps(report), "the executors do not reach one another: one of them measured alone"
    async with crew.Lead(await door.links(size - 1), limits) as leader:
        runner = Runner(plan, kind="spark", labels=labels, hold=leader.hold)
        leader.on_loss(runner.stop)
        return document.dumps(await runner.run()), leader.reason


async def _follow(task: Any, place: int, plan: Plan, limits: Limits) -> str:
    told = json.loads(task.allGather("")[0])
    link = None
    with contextlib.suppress(OSError, asyncio.TimeoutError):
        link = await join(told, place) if told else None
    if _APART in task.allGather("" if link is not None else _APART) or link is None:
        if link is not None:
            link.close()
        return ""
    return await follow(link, plan, limits)


def joined(report: Report, found: Report) -> Report:
    """The report of one place with what all executors together have seen: explained as if it had been one place."""
    seen = tuple(one for one in found.observations if one.probe == PROBE)
    return conclude(report.run, report.vantage, report.observations + seen)


def alone(found: Report) -> Report:
    """What is said of the targets that were measured, without their controls."""
    plan = found.run.plan
    targets = tuple(target for target in plan.targets if target.saturate is not None)
    names = {None, *(target.name for target in targets)}
    seen = tuple(one for one in found.observations if one.target in names)
    return evolve(found, run=evolve(found.run, plan=evolve(plan, targets=targets)), observations=seen)
