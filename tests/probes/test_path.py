"""A trace on loopback: where the host itself answers, it is one hop; where nobody does, it gives up soon."""

import socket

import pytest

from probes import path
from probes.contract import Ask, Notes
from probes.network import Network
from reports.failures import Failure
from reports.model import Target

HERE = "127.0.0.1"


async def traced(port):
    """What a trace to the port observed, and how many connections it handed over to be finished."""
    notes, network, finished = Notes(), Network(), []

    async def finish(stream):
        finished.append(stream)
        await stream.close()

    ask = Ask(target=Target(name="it", host=HERE, port=port), address=HERE, timeout=0.3)
    await path.probe(ask, network, notes, finish)
    network.close()
    return [(seen.facts["ttl"], seen.facts["reached"], seen.failure) for seen in notes.observations], len(finished)


async def test_a_host_that_answers_ends_the_trace():
    """The connection that came about is handed over, to be ended as its service wants it."""
    with socket.create_server((HERE, 0)) as server:
        assert ([(1, True, None)], 1) == await traced(server.getsockname()[1])


async def test_a_host_that_refuses_ends_it_too():
    """A reset comes from the host."""
    with socket.socket() as unused:
        unused.bind((HERE, 0))
        port = unused.getsockname()[1]

        assert ([(1, True, Failure.CONNECTION_REFUSED)], 0) == await traced(port)


@pytest.fixture
def silent():
    """A port that answers no SYN: its queue of accepted connections is full."""
    with socket.socket() as server:
        server.bind((HERE, 0))
        server.listen(0)
        clients = [socket.socket() for _ in range(3)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield server.getsockname()[1]
        for client in clients:
            client.close()


async def test_two_silent_hops_are_enough(silent):
    """Nobody is expected to answer behind them."""
    assert ([(1, False, Failure.TIMED_OUT), (2, False, Failure.TIMED_OUT)], 0) == await traced(silent)
