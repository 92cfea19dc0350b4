"""One place's part of the check: run there, and sent back as text."""

import json
import os
from typing import Any, Mapping

from attrs import evolve

from agent.runner import Runner, run_here
from agent.spark.executors import Executor
from reports import document
from reports.model import Plan, Report, Share


def measure(plan: Plan, labels: Mapping[str, str], share: Share) -> Report:
    """The plan, run here and now."""
    container = os.environ.get("CONTAINER_ID")
    found = {**labels, "container": container} if container else dict(labels)
    return run_here(Runner(plan, kind="spark", share=share, labels=found))


def ticket(plan: Plan, application: str, share: Share) -> str:
    """What a task is told."""
    return json.dumps([application, document.task_dumps(plan, share)])


def answer(text: str, task: Any) -> str:
    """What a task measures on an executor: its report as JSON. ``text``: a ticket; ``task``: pyspark's TaskContext."""
    application, told = json.loads(text)
    labels = {
        "role": "executor",
        "application": application,
        "stage": str(task.stageId()),
        "partition": str(task.partitionId()),
        "task": str(task.taskAttemptId()),
        "attempt": str(task.attemptNumber()),
    }
    plan, share = document.task_loads(told)
    return document.dumps(measure(plan, labels, share))


def report_of(text: str, executor: Executor) -> Report:
    """The report that came back, with the names that the application has for its executor."""
    report = document.loads(text)
    labels = {**report.vantage.labels, "executor": executor.id, "address": executor.host}
    return evolve(report, vantage=evolve(report.vantage, labels=labels))
