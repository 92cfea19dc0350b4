"""Further attempts at a target, on loopback: from elsewhere, and at other ports of its host."""

import asyncio
import socket

import pytest
from attrs import evolve

from agent.experiments import Ground, make
from agent.look import Look
from agent.plan import from_targets
from probes.contract import Notes
from probes.local import Machine
from probes.network import Network
from probes.resolv_conf import ResolverConfig
from reports.model import Limits
from reports.rules.contract import Want
from tests.reports.building import connected, seen

HERE = "127.0.0.1"
LOW, HIGH = 32768, 60999


@pytest.fixture
async def server():
    """The port of a server that waits for its client."""

    async def wait(reader, writer):
        await reader.read()
        writer.close()

    running = await asyncio.start_server(wait, HERE, 0)
    yield running.sockets[0].getsockname()[1]
    running.close()
    await running.wait_closed()


async def made(want, port, *tried, explore="none"):
    """What an experiment with a target here, on the port, observed; these ports were tried before."""
    notes, network, machine = Notes(), Network(), Machine(Notes())
    plan = evolve(from_targets([f"{HERE}:{port}"]), limits=Limits(explore=explore))
    name = plan.targets[0].name
    for one in (*tried, port):
        notes.add(connected(name, HERE, one))
    notes.add(seen("local", "limits", None, None, ports_low=LOW, ports_high=HIGH))
    known = len(notes.observations)
    look = Look(plan, network, machine)
    ground = Ground(plan, network, notes, machine, look, ResolverConfig(), resolve=None, proxy=None)
    await make(evolve(want, target=name), ground)
    network.close()
    return notes.observations[known:]


async def test_from_ports_that_the_kernel_never_takes(server):
    """One below and one above its range, and for comparison one that it takes by itself."""
    below, above, usual = await made(Want("tcp", "connect_port"), server)

    assert [one.failure for one in (below, above, usual)] == [None] * 3
    assert below.facts["source_port"] < LOW
    assert HIGH < above.facts["source_port"]
    assert "source_port" not in usual.facts


async def test_nothing_to_compare_where_nothing_answers():
    """Without an answer the usual port needs no other try."""
    with socket.socket() as full:
        full.bind((HERE, 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        observed = await made(Want("tcp", "connect_port"), full.getsockname()[1])
        for filler in fillers:
            filler.close()

    assert ["source_port" in one.facts for one in observed] == [True, True]


async def test_from_another_address(server):
    """The address is the one that the rules name."""
    (observed,) = await made(Want("tcp", "connect_from", address="127.0.0.2"), server)

    assert (observed.failure, observed.facts["source"]) == (None, "127.0.0.2")


async def test_other_ports_only_where_the_plan_allows_them(server):
    """Without `explore: hosts` none is tried."""
    assert await made(Want("tcp", "explore"), server) == []


async def test_the_first_answer_is_enough(server):
    """A reset is one; what was tried already is not explored."""
    observed = await made(Want("tcp", "explore"), server, 22, explore="hosts")

    assert [(one.step, one.facts["port"]) for one in observed] == [("explore", 443)]
