"""The tasks of a barrier stage find one another and measure together: threads with a barrier, on loopback."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from attrs import frozen

from agent.spark import saturate
from agent.spark.measure import ticket
from reports import document
from reports.model import Limits, Plan, Saturate, Share, Target
from tests.limited import HERE, Limited

PLACES = 3
# Nobody's address (RFC 5737): no door can be opened there.
NOWHERE = "192.0.2.1"


@frozen
class Info:
    """What pyspark knows of another task."""

    address: str


class Stage:
    """What its tasks say goes to all of them, once each has said something."""

    def __init__(self, host):
        self.host = host
        self.barrier = threading.Barrier(PLACES)
        self.said = [""] * PLACES


class Task:
    """As pyspark's BarrierTaskContext is used."""

    def __init__(self, stage, place):
        self._stage = stage
        self._place = place

    def partitionId(self):  # noqa: N802 - pyspark's name
        """Which of the tasks."""
        return self._place

    def getTaskInfos(self):  # noqa: N802 - pyspark's name
        """Where they run."""
        return [Info(f"{self._stage.host}:7078")] * PLACES

    def allGather(self, message):  # noqa: N802 - pyspark's name
        """Wait for all, and hear all."""
        self._stage.said[self._place] = message
        self._stage.barrier.wait(20)
        heard = list(self._stage.said)
        self._stage.barrier.wait(20)
        return heard

    def stageId(self):  # noqa: N802 - pyspark's name
        """Any."""
        return 0

    taskAttemptId = attemptNumber = stageId  # noqa: N815 - pyspark's names


async def answers(port, host, loop):
    """What each task gives."""
    target = Target(name="it", host=HERE, port=port, service="http", saturate=Saturate(connections=29, rate=20))
    plan = Plan(name="p", targets=(target,), limits=Limits(deadline=20.0))
    told = ticket(plan, "app-1", Share(index=0, of=PLACES))
    stage = Stage(host)
    with ThreadPoolExecutor(PLACES) as pool:
        running = [loop.run_in_executor(pool, saturate.answer, told, Task(stage, place)) for place in range(PLACES)]
        return [json.loads(await one) for one in running]


@pytest.mark.parametrize(
    ("host", "instances", "said"),
    [(HERE, PLACES, ""), (NOWHERE, None, "the executors do not reach one another: one of them measured alone")],
)
async def test_tasks_find_one_another(host, instances, said):
    """All hold their part; where they do not reach one another the first one measures alone, and says so."""
    async with Limited(1000) as server:
        (text, reason), *others = await answers(server.port, host, asyncio.get_running_loop())
        await server.empty.wait()
    (limit,) = (seen for seen in document.loads(text).observations if seen.step == "limit")

    assert [[None, ""]] * 2 == others
    assert reason == said
    assert (limit.facts.get("instances"), limit.facts["held"], server.most) == (instances, 29, 29)
