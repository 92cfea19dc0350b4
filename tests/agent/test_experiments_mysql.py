"""At MySQL's port every experiment finishes the handshakes that it completes, however late the server greets."""

import asyncio
import contextlib

import pytest
from attrs import evolve

from agent import experiments
from agent.look import Look
from probes import local, resolv_conf, services
from probes.contract import Ask, Notes
from probes.network import Network
from reports.model import Limits, Plan, Target
from reports.rules.contract import Want
from tests.probes.service_cases import DENIED, GREETING
from tests.reports.building import connected

HERE = "127.0.0.1"
# Later than a connection may take, and than an experiment waits for one; within what the plan gives a service.
LATE = 0.6


@pytest.mark.parametrize(("probe", "step"), [("path", "first_hop"), ("loss", "round_trips"), ("egress", "repeat")])
async def test_a_server_that_greets_late_is_heard_out(probe, step):
    """It counts a client that leaves before it has answered the greeting, and blocks the host after a few of them."""
    left, answered, serving = 0, 0, []

    async def serve(reader, writer):
        nonlocal left, answered
        serving.append(asyncio.current_task())
        await asyncio.sleep(LATE)
        writer.write(GREETING)
        try:
            header = await reader.readexactly(4)
            await reader.readexactly(int.from_bytes(header[:3], "little"))
            answered += 1
            writer.write(DENIED)
        except (asyncio.IncompleteReadError, ConnectionError):
            left += 1
        finally:
            writer.close()

    server = await asyncio.start_server(serve, HERE, 0)
    port = server.sockets[0].getsockname()[1]
    target = Target(name="it", host=HERE, port=port, service="mysql")
    plan = Plan(name="p", targets=(target,), limits=evolve(Limits(), connect_timeout=0.2))
    notes, network = Notes(), Network()
    notes.add(connected("it", HERE, port))
    machine = local.Machine(notes)
    with contextlib.closing(network):
        look = Look(plan, network, machine)
        ground = experiments.Ground(plan, network, notes, machine, look, resolv_conf.ResolverConfig(), None, None)
        await experiments.make(Want(probe, step, "it", HERE), ground)
    server.close()
    await asyncio.gather(*serving)

    assert (0, True) == (left, answered > 0)


async def test_a_handshake_that_is_begun_is_finished_where_it_is_cancelled():
    """Of many that are to be held, those that wait for their greeting when the run ends are finished as well."""
    came, answered = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def serve(reader, writer):
        came.set()
        await asyncio.sleep(LATE)
        writer.write(GREETING)
        answered.set_result(await reader.read(1000))
        writer.write(DENIED)
        writer.close()

    async with await asyncio.start_server(serve, HERE, 0) as server:
        port = server.sockets[0].getsockname()[1]
        ask = Ask(target=Target(name="it", host=HERE, port=port, service="mysql"), address=HERE)
        with contextlib.closing(Network()) as network:
            opened = await network.connect(ask)
            beginning = asyncio.ensure_future(services.begin_mysql(ask, opened.stream, Notes()))
            await came.wait()
            beginning.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beginning
            await opened.stream.close()
        said = await answered

    assert b"linkdoctor" in said
