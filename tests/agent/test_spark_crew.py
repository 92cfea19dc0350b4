"""Places that hold connections as if they were one: on loopback, which tell one another what they do."""

import asyncio
import time

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from agent.runner import Runner
from agent.spark import crew
from agent.spark.follow import follow
from agent.spark.link import Door, join
from reports.model import HEALTHY, Limits, Plan, Saturate, Target
from tests.limited import HERE, Limited

PLACES = 3


class Harming(Limited):
    """When ``at`` are there it closes one of them for no reason. ``late``: who comes more than a second after that.

    ``reached``: twenty are there.
    """

    def __init__(self, room, at=10_000):
        super().__init__(room)
        self.at = at
        self.reached = asyncio.Event()
        self.late = 0
        self._harmed = 0.0
        self._last = None

    async def _serve(self, reader, writer):
        self.late += bool(self._harmed and time.monotonic() > self._harmed + 1)
        if self.now >= 20:
            self.reached.set()
        if self.now >= self.at and not self._harmed:
            self._harmed = time.monotonic()
            self._last.close()
        self._last = writer
        await super()._serve(reader, writer)


def plan(port, saturate, **limits):
    """One target on this machine."""
    target = Target(name="it", host=HERE, port=port, service="http", saturate=saturate)
    return Plan(name="p", targets=(target,), limits=Limits(**limits))


async def lead(door, asked):
    """What the first place does: its report, and why it ended before its time."""
    links = await door.links(PLACES - 1)
    async with crew.Lead(links, crew.limits_of(asked, 0, PLACES)) as leader:
        runner = Runner(asked, environment={}, hold=leader.hold)
        leader.on_loss(runner.stop)
        report = await runner.run()
    return report, leader.reason


async def come(door, place, asked):
    """What each of the others does."""
    return await follow(await join(door.told, place), asked, crew.limits_of(asked, place, PLACES))


def others(door, asked):
    """All of them."""
    return [asyncio.ensure_future(come(door, place, asked)) for place in range(1, PLACES)]


async def measured(server, asked):
    """The report of all places together, and the saturation observations by step."""
    door = await Door.open(HERE)
    following = others(door, asked)
    report, reason = await lead(door, asked)
    said = await asyncio.gather(*following)
    await server.empty.wait()
    steps = {}
    for seen in report.observations:
        if seen.probe == "saturation":
            steps.setdefault(seen.step, []).append(seen)
    assert ["", "", ""] == [reason, *said]
    return report, steps


async def test_nothing_is_met_up_to_the_maximum():
    """All together hold as many as the plan allows, never one more, each its part of them."""
    async with Limited(1000) as server:
        report, steps = await measured(server, plan(server.port, Saturate(connections=29, rate=20)))
    (limit,) = steps["limit"]

    assert report.verdict == HEALTHY
    assert server.most == 29
    assert (limit.facts["held"], limit.facts["unlimited_to"], limit.facts["ended_by"]) == (29, 29, "maximum")
    assert (limit.facts["instances"], limit.facts["instance_low"], limit.facts["instance_high"]) == (3, 9, 10)


async def test_the_same_limit_as_from_one_place():
    """A limit is found at the same number, twice, with never more than a tenth more, and everything is given back."""
    async with Limited(24) as server:
        _, steps = await measured(server, plan(server.port, Saturate(connections=100, rate=200)))
    (limit,) = steps["limit"]
    first, second = steps["ascent"][:2]

    assert (limit.facts["limit"], limit.facts["limit_low"], limit.facts["limit_high"]) == (24, 24, 24)
    assert (first.facts["held"], second.facts["held"], first.facts["sign"]) == (24, 24, "closed")
    assert limit.facts["tried"] <= 26
    assert (limit.facts["instance_low"], limit.facts["instance_high"]) == (8, 8)
    assert {seen.facts["by"] for seen in steps["freed"]} == {"close", "reset"}


async def test_harm_that_one_place_sees_stops_all():
    """A held connection dies at one of the places: within a second nothing more is opened anywhere."""
    async with Harming(1000, at=40) as server:
        _, steps = await measured(server, plan(server.port, Saturate(connections=500, rate=60)))
    (ascent,) = steps["ascent"]

    assert (ascent.facts["ended_by"], ascent.facts["closed_held"]) == ("lost", 1)
    assert server.late == 0


async def test_one_place_that_fails_ends_all():
    """What goes wrong at one place is said, and nothing is left open anywhere."""
    async with Limited(1000) as server:
        asked = plan(server.port, Saturate(connections=500, rate=60))
        door = await Door.open(HERE)
        following = others(door, evolve(asked, targets=()))
        report, reason = await lead(door, asked)
        said = await asyncio.gather(*following)

    assert report.run.partial
    assert "it" in reason
    assert reason in said
    assert server.most == 1


@pytest.mark.parametrize("ends", ["deadline", "lost"])
async def test_whatever_ends_it_gives_everything_back(ends):
    """At the deadline, and when one of the places is lost."""
    async with Harming(10_000) as server:
        asked = plan(server.port, Saturate(connections=5000, rate=50), deadline=1.0 if ends == "deadline" else 60.0)
        door = await Door.open(HERE)
        following = others(door, asked)
        leading = asyncio.ensure_future(lead(door, asked))
        if ends == "lost":
            await server.reached.wait()
            following[0].cancel()
        report, reason = await leading
        await asyncio.gather(*following, return_exceptions=True)
        await server.empty.wait()
    (limit,) = (seen for seen in report.observations if seen.step == "limit")

    assert report.run.partial
    assert reason == ("" if ends == "deadline" else "one of the executors was lost")
    assert limit.facts["held"] >= 10


async def test_a_place_that_says_nothing_is_lost():
    """Who has come and is not heard of ends the work of all, before anything is opened."""
    async with Limited(1000) as server:
        asked = plan(server.port, Saturate(connections=500, rate=60))
        door = await Door.open(HERE)
        following = asyncio.ensure_future(come(door, 1, asked))
        silent = await join(door.told, 2)
        report, reason = await lead(door, asked)
        silent.close()
        await following

    assert report.run.partial
    assert reason == "one of the executors was not heard of for 3 seconds"
    assert server.most == 1


async def test_the_door_knows_its_own():
    """Who does not know the word, or comes for one that is there, has its connection closed."""
    door = await Door.open(HERE)
    host, port, word = door.told
    for stranger in ((host, port, "x" * len(word)), (host, port, None)):
        refused = await join(stranger, 1)
        with pytest.raises(EOFError):
            await refused.hear(5)
        refused.close()
    mine = await join(door.told, 1)
    (link,) = await door.links(1)
    link.send("hello")

    assert await mine.hear(5) == ["hello"]
    link.close()
    mine.close()


@given(whole=st.integers(1, 5000), size=st.integers(1, 40))
def test_parts_are_the_whole(whole, size):
    """Shared out exactly, and as evenly as can be."""
    found = crew.parts(whole, size)

    assert (whole, size) == (sum(found), len(found))
    assert max(found) - min(found) <= 1


@given(places=st.integers(1, 40), connections=st.integers(1, 100), rate=st.integers(1, 60), limit=st.integers(1, 60))
def test_the_budget_is_the_plans(places, connections, rate, limit):
    """Each place has a part of everything, and all together never more than the plan allows."""
    asked = plan(80, Saturate(connections=connections, rate=rate), rate=limit)
    size = crew.seats(asked, places)
    rates = [crew.limits_of(asked, place, size).rate for place in range(size)]

    assert min(rates) >= 1
    assert min(crew.parts(connections, size)) >= 1
    assert min(rate, limit) == sum(rates)
