"""One place's part of the check: run there, and sent back as text."""

import asyncio
import json
import os
from typing import Any, Mapping

from attrs import evolve

from agent.runner import Runner
from agent.spark.executors import Executor
from reports import document
from reports.model import Plan, Report, Share


def measure(plan: Plan, labels: Mapping[str, str], share: Share) -> Report:
    """The plan, run here and now in a loop of its own: a notebook has one already."""
    container = os.environ.get("CONTAINER_ID")
    found = {**labels, "container": container} if container else dict(labels)
    loop = asyncio.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(Runner(plan, kind="spark", share=share, labels=found).run())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def ticket(plan: Plan, application: str, share: Share) -> str:
    """What a task is told."""
    told = {"application": application, "index": share.index, "of": share.of}
    return json.dumps({**told, "plan": document.plan_to_document(plan)})


def answer(text: str, task: Any) -> str:
    """What a task measures on an executor: its report as JSON. ``text``: a ticket; ``task``: pyspark's TaskContext."""
    told = json.loads(text)
    labels = {
        "role": "executor",
        "application": told["application"],
        "stage": str(task.stageId()),
        "partition": str(task.partitionId()),
        "task": str(task.taskAttemptId()),
        "attempt": str(task.attemptNumber()),
    }
    plan = document.plan_from_document(told["plan"])
    return document.dumps(measure(plan, labels, Share(index=told["index"], of=told["of"])))


def report_of(text: str, executor: Executor) -> Report:
    """The report that came back, with the names that the application has for its executor."""
    report = document.loads(text)
    labels = {**report.vantage.labels, "executor": executor.id, "address": executor.host}
    return evolve(report, vantage=evolve(report.vantage, labels=labels))
