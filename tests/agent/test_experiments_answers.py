"""Whole exchanges as the rules ask for them: as long as the question needs, in the target's own protocol."""

import asyncio
import contextlib

import pytest

from agent import experiments
from agent.look import Look
from probes import local, resolv_conf
from probes.contract import Notes
from probes.network import Network
from reports.model import Plan, Target
from reports.rules.contract import Want
from tests.reports.building import connected

HERE = "127.0.0.1"


async def asked(want, measure=()):
    """What the experiment with a Redis here observed."""
    talking = []

    async def talk(reader, writer):
        talking.append(asyncio.current_task())
        # Its farewell is not waited for.
        with contextlib.suppress(ConnectionError):
            while await reader.readline():
                writer.write(b"+PONG\r\n")
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(talk, HERE, 0)
    port = server.sockets[0].getsockname()[1]
    target = Target(name="it", host=HERE, port=port, service="redis", measure=measure)
    plan, notes, network = Plan(name="p", targets=(target,)), Notes(), Network()
    machine = local.Machine(notes)
    notes.add(connected("it", HERE, port))
    with contextlib.closing(network):
        look = Look(plan, network, machine)
        ground = experiments.Ground(
            plan, network, notes, machine, look, resolv_conf.ResolverConfig(), resolve=None, proxy=lambda _: None
        )
        await experiments.make(want, ground)
    await asyncio.gather(*talking)
    server.close()
    await server.wait_closed()
    return notes.observations[-1]


@pytest.mark.parametrize(("step", "expected"), [("series", 20), ("round_trips", 9)])
async def test_each_question_has_its_length(step, expected):
    """Loss takes more exchanges to be cleared than a long way to be known."""
    seen = await asked(Want("answer", step, "it", HERE))

    assert (seen.step, seen.facts["tried"], seen.facts["answered"]) == ("series", expected, expected)


async def test_from_another_address():
    """The service answers it in its own protocol."""
    seen = await asked(Want("answer", "from", "it", "127.0.0.2"))

    assert (seen.failure, seen.facts["source"]) == (None, "127.0.0.2")
    assert seen.facts["bytes_in"] > 0
