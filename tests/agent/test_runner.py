"""A run from beginning to end on loopback: it ends in time, in order, and says what it has."""

import asyncio
import socket

import pytest

from agent.plan import from_targets
from agent.runner import Runner
from reports.failures import Failure
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED


@pytest.fixture
async def server():
    """Servers by behaviour: gives (start a server that does this with a connection) -> port."""
    running = []

    async def start(behave):
        started = await asyncio.start_server(behave, "127.0.0.1", 0)
        running.append(started)
        return started.sockets[0].getsockname()[1]

    yield start
    for one in running:
        one.close()
        await one.wait_closed()


async def _idle(reader, writer):
    await reader.read()
    writer.close()


async def _redis(reader, writer):
    while line := await reader.readline():
        if line.startswith((b"PING", b"*1")):
            writer.write(b"+PONG\r\n")
    writer.close()


def _verdicts(report):
    return {target.name: target.verdict for target in report.targets}


async def _run(plan, environment=None, **options):
    return await Runner(plan, environment or {}, **options).run()


async def test_healthy_and_broken_side_by_side(server):
    """Each target has its own verdict, and the run has the worst."""
    port = await server(_idle)
    plan = from_targets([f"127.0.0.1:{port}", "127.0.0.1:1"])
    report = await _run(plan)

    assert _verdicts(report) == {f"127.0.0.1:{port}": HEALTHY, "127.0.0.1:1": FAILING}
    assert report.verdict == FAILING
    assert report.run.partial is False


async def test_nothing_to_do_but_settings():
    """A plan without targets has nothing that could be broken."""
    report = await _run(from_targets([], name="nothing"))

    assert report.verdict == HEALTHY


async def test_deadline(server):
    """At the deadline the run ends with what it has: partial, and what was not seen is undetermined."""
    mute, plain = await server(_idle), await server(_idle)
    plan = from_targets([f"redis://127.0.0.1:{mute}", f"127.0.0.1:{plain}"], limits={"deadline": "200ms"})
    report = await _run(plan)

    assert report.run.partial is True
    assert _verdicts(report) == {f"redis://127.0.0.1:{mute}": UNDETERMINED, f"127.0.0.1:{plain}": HEALTHY}
    interrupted = [seen for seen in report.observations if seen.failure is Failure.INTERRUPTED]
    assert [seen.probe for seen in interrupted] == ["service"]


async def test_stop(server):
    """Whoever stops the run gets a partial report."""
    port = await server(_idle)
    runner = Runner(from_targets([f"redis://127.0.0.1:{port}"]), {})
    asyncio.get_running_loop().call_later(0.1, runner.stop)
    report = await runner.run()

    assert report.run.partial is True
    assert report.verdict == UNDETERMINED


async def test_cancelled_from_outside(server):
    """Cancelling the run cancels what it does, and nothing stays open."""
    closed = asyncio.Event()

    async def until_closed(reader, writer):
        await reader.read()
        await reader.read()
        closed.set()
        writer.close()

    port = await server(until_closed)
    running = asyncio.ensure_future(_run(from_targets([f"redis://127.0.0.1:{port}"])))
    await asyncio.sleep(0.1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert running.cancelled()
    await asyncio.wait_for(closed.wait(), 5)


async def test_slow_and_silent_are_told_apart(server):
    """A service that answers after what the plan calls slow is slow, not silent."""

    async def late(reader, writer):
        await reader.readline()
        await asyncio.sleep(0.3)
        writer.write(b"+PONG\r\n")
        writer.close()

    port = await server(late)
    plan = from_targets([f"redis://127.0.0.1:{port}"], slow={"service": "200ms"}, limits={"connect_timeout": "100ms"})
    report = await _run(plan)

    assert ["service_slow"] == [finding.cause for finding in report.findings]
    assert report.verdict == DEGRADED


async def test_listeners_hear_everything(server):
    """Observations are told as they are made, and progress ends with all targets."""
    port = await server(_redis)
    heard, done = [], []
    report = await _run(
        from_targets([f"redis://127.0.0.1:{port}", "127.0.0.1:1"]),
        listener=heard.append,
        progress=lambda *counts: done.append(counts),
    )

    assert tuple(heard) == report.observations
    assert done[-1] == (2, 2)


async def test_a_proxy_is_for_http_alone(server):
    """With a proxy in the environment, tcp and database targets go their own way."""
    port = await server(_redis)
    report = await _run(from_targets([f"redis://127.0.0.1:{port}"]), {"HTTP_PROXY": "http://127.0.0.1:1"})

    assert report.verdict == HEALTHY


async def test_the_name_servers_of_the_plan_are_the_only_ones():
    """Where the plan names name servers, this machine's resolver is not asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        plan = from_targets(
            ["localhost:1"],
            name_servers=["127.0.0.1:%d" % silent.getsockname()[1]],
            limits={"connect_timeout": "200ms"},
        )
        report = await _run(plan)

    assert {"query", "control"} == {seen.step for seen in report.observations if seen.probe == "dns"}
    assert ["dns_unreachable"] == [finding.cause for finding in report.findings]


async def test_what_failed_fast_is_asked_once_more(server):
    """In a phase of its own at the end; a healthy plan has none."""
    port = await server(_idle)
    phases = [
        [phase.name for phase in (await _run(from_targets(targets))).run.phases]
        for targets in ([f"127.0.0.1:{port}"], [f"127.0.0.1:{port}", "127.0.0.1:1"])
    ]

    assert "again" not in phases[0]
    assert phases[1][-1] == "again"


async def test_what_ends_at_once_lets_others_go_on():
    """Between two targets of one worker that need no wait at all, whatever else runs in the loop has its turn."""
    turns, seen = 0, []

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    plan = from_targets([f"127.0.0.1:{port}" for port in range(1, 41)], limits={"concurrency": 1})
    beside = asyncio.get_running_loop().create_task(others())
    await _run(plan, forbids=lambda *_: True, progress=lambda *_: seen.append(turns))
    beside.cancel()

    assert len(seen) == 40
    assert len(set(seen)) == 40
