"""Runs and single probes of one plan: never both, and nobody waits for ever."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from agent.schedule.turns import Turns


async def _use(turns, whole, going, log):
    turn = turns.run() if whole else turns.probe()
    async with turn:
        going.append(whole)
        log.append((going.count(True), going.count(False)))
        try:
            await asyncio.sleep(0)
        finally:
            going.remove(whole)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30), st.integers(1, 4))
def test_never_both_and_never_too_many(asked, places):
    """Whoever asks, in whatever order, and whoever gives up: all others get their turn."""

    async def scene():
        turns, going, log = Turns(places), [], []
        tasks = [asyncio.create_task(_use(turns, whole, going, log)) for whole, _ in asked]
        await asyncio.sleep(0)
        for task, (_, gives_up) in zip(tasks, asked, strict=True):
            if gives_up:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        done = [task for task in tasks if not task.cancelled()]
        assert len(done) >= sum(not gives_up for _, gives_up in asked)
        assert all(runs + (1 if probes else 0) <= 1 and probes <= places for runs, probes in log)
        async with asyncio.timeout(5), turns.run():
            pass

    asyncio.run(scene())


async def test_a_run_is_not_kept_waiting_by_those_who_come_later():
    """A run that waits for a probe is before the probes that come after it."""
    turns, order = Turns(4), []

    async def probe(name):
        async with turns.probe():
            order.append(name)

    async def run():
        async with turns.run():
            order.append("run")

    async with turns.probe():
        tasks = [asyncio.create_task(run()), asyncio.create_task(probe("late"))]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)

    assert order == ["run", "late"]
