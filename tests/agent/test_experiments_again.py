"""The first look once more, on loopback."""

import contextlib
import socket

import pytest

from agent.experiments import Ground, make
from agent.look import Look
from probes.contract import Notes
from probes.local import Machine
from probes.network import Network
from probes.resolv_conf import ResolverConfig
from reports.failures import Failure
from reports.model import Plan, Target
from reports.rules.contract import Want
from tests.reports.building import seen

HERE = "127.0.0.1"


async def once_more(want, first, port=1, servers=()):
    """What the experiment observes after the first look had observed ``first``."""
    notes, network, machine = Notes(), Network(), Machine(Notes())
    plan = Plan(name="p", targets=(Target(name="it", host=HERE, port=port),))
    notes.add(first)
    config = ResolverConfig(servers=servers)
    ground = Ground(plan, network, notes, machine, Look(plan, network, machine), config, resolve=None, proxy=None)
    with contextlib.closing(network):
        await make(want, ground)
    return notes.observations[1:]


@pytest.mark.parametrize(("listens", "expected"), [(True, None), (False, Failure.CONNECTION_REFUSED)])
async def test_a_target(listens, expected):
    """One observation that is no first look: how the last step went."""
    with socket.create_server((HERE, 0)) as server:
        port = server.getsockname()[1]
        if not listens:
            server.close()
        refused = seen("tcp", "connect", "it", f"{HERE}:{port}", failure=Failure.CONNECTION_REFUSED, ip=HERE, port=port)
        (again,) = await once_more(Want("again", "look", "it", HERE), refused, port)

    assert ("again", "look", "it", expected) == (again.probe, again.step, again.target, again.failure)
    assert again.facts["last"] == ("service exchange" if listens else "tcp connect")


async def test_a_name():
    """A name server that nobody has started refuses again."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HERE, 0))
        nobody = taken.getsockname()
    failed = seen("dns", "query", None, "s", failure=Failure.DNS_SERVFAIL, name="it.internal")
    (again,) = await once_more(Want("again", "lookup", None, "it.internal"), failed, servers=(nobody,))

    assert ("it.internal", None) == (again.facts["name"], again.target)
    assert again.failure is Failure.PORT_UNREACHABLE
