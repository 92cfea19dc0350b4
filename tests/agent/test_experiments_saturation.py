"""How much a way holds: measured on loopback, where a listener has room for so many."""

import asyncio
import contextlib
import itertools

import pytest

from agent.runner import Runner
from reports.failures import Failure
from reports.model import HEALTHY, Limits, Plan, Saturate, Target
from tests.limited import HERE, Limited


async def measured(port, saturate, service="http", limits=Limits()):  # noqa: B008 - frozen
    """The report of a run, and its saturation observations by step."""
    target = Target(name="it", host=HERE, port=port, service=service, saturate=saturate)
    report = await Runner(Plan(name="p", targets=(target,), limits=limits), environment={}).run()
    steps = {}
    for seen in report.observations:
        if seen.probe == "saturation":
            steps.setdefault(seen.step, []).append(seen)
    return report, steps


async def test_nothing_is_met_up_to_the_maximum():
    """As many as the plan allows are held, never one more, and the run is healthy."""
    async with Limited(1000) as server:
        report, steps = await measured(server.port, Saturate(connections=30, rate=200))
        await server.empty.wait()
    (limit,) = steps["limit"]

    assert report.verdict == HEALTHY
    assert server.most == 30
    assert (limit.facts["held"], limit.facts["unlimited_to"], limit.facts["ended_by"]) == (30, 30, "maximum")
    assert "limit" not in limit.facts


@pytest.mark.parametrize("service", ["http", "tcp"])
async def test_a_limit_is_found_twice(service):
    """Who closes what is too much is found out, at the same number twice, and never with more than a tenth more."""
    async with Limited(24) as server:
        _, steps = await measured(server.port, Saturate(connections=100, rate=200), service)
        await server.empty.wait()
    (limit,) = steps["limit"]
    first, second = steps["ascent"][:2]

    assert (limit.facts["limit"], limit.facts["limit_low"], limit.facts["limit_high"]) == (24, 24, 24)
    assert (first.facts["held"], second.facts["held"]) == (24, 24)
    assert first.facts["sign"] == "closed"
    # Whether our words or its end came first decides how it looks.
    assert first.failure in (Failure.EOF, Failure.CONNECTION_RESET)
    assert limit.facts["tried"] <= 26
    assert {seen.facts["by"] for seen in steps["freed"]} == {"close", "reset"}


async def test_the_plan_limits_the_rate():
    """Never more are opened in a second than the plan says, however long it takes."""
    async with Limited(1000) as server:
        _, steps = await measured(server.port, Saturate(connections=20, rate=15))

    assert max(seen.facts["rate"] for seen in steps["level"]) == 15


async def test_the_bytes_end_it():
    """A byte budget that is spent is no limit of the way."""
    answers = itertools.chain([b"", b""], itertools.repeat(b"X-Long: %s\r\n" % bytes(3000).replace(b"\0", b"x")))

    async def serve(reader, writer):
        with contextlib.suppress(ConnectionError):
            while await reader.read(1000):
                writer.write(b"HTTP/1.1 200 OK\r\n%sContent-Length: 0\r\n\r\n" % next(answers))
        writer.close()

    async with await asyncio.start_server(serve, HERE, 0) as server:
        port = server.sockets[0].getsockname()[1]
        _, steps = await measured(port, Saturate(connections=5, rate=50), limits=Limits(bytes_per_target=1000))

    assert steps["ascent"][-1].facts["ended_by"] == "budget"


async def test_a_run_that_ends_gives_everything_back():
    """At the deadline nothing stays open, and what was found is told."""
    async with Limited(10_000) as server:
        report, steps = await measured(server.port, Saturate(connections=5000, rate=50), limits=Limits(deadline=1.0))
        await server.empty.wait()

    assert report.run.partial
    # The one that was just being opened may be in the server's count alone.
    assert server.most - 1 <= steps["limit"][0].facts["held"] <= server.most


async def test_who_does_not_ask_is_not_measured():
    """Without the opt-in there is one connection at a time."""
    async with Limited(1000) as server:
        _, steps = await measured(server.port, None)

    assert steps == {}
    assert server.most == 1


async def test_idle_connections_are_looked_at():
    """A few stay without a word as long as the plan says; on loopback all survive."""
    async with Limited(1000) as server:
        _, steps = await measured(server.port, Saturate(connections=5, rate=50, idle=1.0), service="tcp")
    (idle,) = steps["idle"]

    assert (idle.facts["held"], idle.facts["idle_s"], idle.facts["dropped"]) == (3, 1.0, 0)
