"""Handshakes with declared interfaces beside a silent target, on loopback."""

import asyncio
import contextlib
import socket

from agent.experiments import Ground, make
from agent.look import Look
from probes.contract import Notes
from probes.local import Machine
from probes.network import Network as Wire
from probes.resolv_conf import ResolverConfig
from reports.failures import Failure
from reports.model import Network, Plan, Target
from reports.rules.contract import Want
from tests.probes.service_cases import DENIED, GREETING
from tests.reports.building import seen

SILENT, ENI = "127.0.0.1", "127.0.0.7"
MYSQL = 3306


async def tried(*ports):
    """What is observed of the declared interface at the declared ports, and where the target is asked afterwards."""
    notes, machine, wire = Notes(), Machine(Notes()), Wire()
    notes.add(seen("tcp", "connect", "it", f"{SILENT}:1", failure=Failure.TIMED_OUT, ip=SILENT, port=1))
    networks = (Network(name="v", cidr="127.0.0.0/24", enis=(ENI,), ports=ports),)
    plan = Plan(name="p", targets=(Target(name="it", host=SILENT, port=1),), networks=networks)
    look = Look(plan, wire, machine)
    ground = Ground(plan, wire, notes, machine, look, ResolverConfig(), resolve=None, proxy=None)
    with contextlib.closing(wire):
        await make(Want("tcp", "connect_neighbour", "it", ENI), ground)
    assert ground.ask("it").address == SILENT
    return notes.observations[1:]


async def test_until_it_answers():
    """An interface that refuses at one port has answered: no other is tried. It is nobody's target."""
    with socket.create_server((ENI, 0)) as server:
        (refused,) = await tried(1, server.getsockname()[1])

    assert (Failure.CONNECTION_REFUSED, None, f"{ENI}:1") == (refused.failure, refused.target, refused.address)


async def test_nothing_without_ports():
    """Where the plan declares no port, nothing is sent."""
    assert await tried() == []


async def test_mysql_is_heard_out():
    """At MySQL's port the handshake is finished, whoever it is: a server counts who leaves before."""
    answered = asyncio.get_running_loop().create_future()

    async def serve(reader, writer):
        writer.write(GREETING)
        header = await reader.readexactly(4)
        answered.set_result(await reader.readexactly(int.from_bytes(header[:3], "little")))
        writer.write(DENIED)
        writer.close()

    server = await asyncio.start_server(serve, ENI, MYSQL)
    (accepted,) = await tried(MYSQL)
    server.close()
    await server.wait_closed()

    assert accepted.failure is None
    assert answered.done()
