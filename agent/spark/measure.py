"""One place's part of the check: run there, and sent back as text."""

import json
import os
from typing import Any, Mapping

from attrs import evolve

from agent.runner import Runner, run_here
from agent.spark.executors import Executor
from reports import document
from reports.model import Plan, Report, Share


def measure(plan: Plan, labels: Mapping[str, str], share: Share = Share(), saturate: bool = False) -> Report:  # noqa: B008 - frozen
    """The plan, run here and now. ``saturate``: whether this place alone measures how many connections are held."""
    return run_here(Runner(plan, kind="spark", share=share, labels=with_container(labels), saturate=saturate))


def with_container(labels: Mapping[str, str]) -> Mapping[str, str]:
    """With the container, where the environment names it."""
    container = os.environ.get("CONTAINER_ID")
    return {**labels, "container": container} if container else labels


def ticket(plan: Plan, application: str, share: Share) -> str:
    """What a task is told."""
    return json.dumps([application, document.task_dumps(plan, share)])


def answer(text: str, task: Any) -> str:
    """What a task measures on an executor: its report as JSON. ``text``: a ticket; ``task``: pyspark's TaskContext."""
    application, told = json.loads(text)
    plan, share = document.task_loads(told)
    return document.dumps(measure(plan, labels_of(application, task), share))


def labels_of(application: str, task: Any) -> Mapping[str, str]:
    """An executor's own names. ``task``: pyspark's TaskContext."""
    return {
        "role": "executor",
        "application": application,
        "stage": str(task.stageId()),
        "partition": str(task.partitionId()),
        "task": str(task.taskAttemptId()),
        "attempt": str(task.attemptNumber()),
    }


def report_of(text: str, executor: Executor) -> Report:
    """The report that came back, with the names that the application has for its executor."""
    report = document.loads(text)
    labels = {**report.vantage.labels, "executor": executor.id, "address": executor.host}
    return evolve(report, vantage=evolve(report.vantage, labels=labels))
