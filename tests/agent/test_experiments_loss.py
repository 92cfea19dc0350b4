"""A series of handshakes as the rules ask for it: as long as the question needs, and as patient as the way."""

import contextlib
import socket

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


async def asked(step, service, *known):
    """The facts of the series that the step makes with a listening target, after what is known; and what it read."""
    with socket.create_server((HERE, 0), backlog=100) as server:
        port = server.getsockname()[1]
        plan = Plan(name="p", targets=(Target(name="it", host=HERE, port=port, service=service),))
        notes, network = Notes(), Network()
        machine = local.Machine(notes)
        for seen in known:
            notes.add(seen)
        with contextlib.closing(network):
            look = Look(plan, network, machine)
            ground = experiments.Ground(
                plan, network, notes, machine, look, resolv_conf.ResolverConfig(), resolve=None, proxy=lambda _: None
            )
            await experiments.make(Want("loss", step, "it", HERE), ground)
        return notes.observations[-1].facts


@pytest.mark.parametrize(("step", "expected"), [("handshakes", 20), ("round_trips", 9)])
async def test_each_question_has_its_length(step, expected):
    """A loss takes more handshakes to be cleared than a round trip to be known."""
    facts = await asked(step, "tcp")

    assert (facts["tried"], facts["answered"]) == (expected, expected)


@pytest.mark.parametrize(
    ("rtts", "expected"),
    [
        ({}, 0.6),
        ({HERE: 0.001}, 0.2),
        ({HERE: 0.04}, 0.4),
        ({HERE: 0.5}, 1.0),
        ({"10.0.0.1": 0.04, "10.0.0.2": 0.05}, 0.5),
        ({HERE: 0.001, "10.0.0.2": 0.05}, 0.2),
    ],
)
async def test_it_waits_as_long_as_the_way_needs(rtts, expected):
    """Ten round trips of this host, else of the run's slowest; 0.2 to 0.6 s, and two of them at least."""
    known = [connected("other", ip, 80, rtt) for ip, rtt in rtts.items()]

    assert expected == (await asked("round_trips", "tcp", *known))["patience_s"]
