"""Connections that are held: counted, watched, and given back whatever happens."""

import asyncio
import contextlib
import socket
import time

import pytest

from probes.contract import Ask
from probes.holding import ANSWER, CLOSED, RESET, SILENT, UNANSWERED, Holding, Manners, Said
from probes.network import Network
from reports.failures import Failure
from reports.model import Target
from tests.limited import HERE, Limited

PATIENCE = 0.1


async def at_once():
    """No pace."""


def ask(port):
    """A target at a port of this machine."""
    return Ask(target=Target(name="it", host=HERE, port=port), address=HERE)


@pytest.fixture
async def network():
    """A network without a budget."""
    with contextlib.closing(Network()) as network:
        yield network


async def test_what_is_held_is_given_back(network):
    """All are open at once, and after the end none is: reset, so that whoever counts them forgets them at once."""
    async with Limited(100) as server:
        async with Holding(ask(server.port), network, Manners(patience=PATIENCE)) as holding:
            attempts = await holding.open(20, at_once)
            held = len(holding)
        await server.empty.wait()

    assert all(attempt.held for attempt in attempts)
    assert (held, server.most) == (20, 20)
    assert ["reset"] * 20 == server.ended


async def test_some_are_given_back_in_order(network):
    """The oldest go first, with a FIN where that is asked for."""
    async with Limited(100) as server:
        async with Holding(ask(server.port), network, Manners(patience=PATIENCE)) as holding:
            await holding.open(3, at_once)
            await holding.give_back(2, in_order=True)
            left = len(holding)
        await server.empty.wait()

    assert left == 1
    assert ["closed", "closed", "reset"] == server.ended


async def test_the_dead_are_noticed(network):
    """A connection that its peer ends is held no more, and counted once."""
    with socket.create_server((HERE, 0)) as server:
        async with Holding(ask(server.getsockname()[1]), network, Manners(patience=PATIENCE)) as holding:
            await holding.open(2, at_once)
            accepted = [server.accept()[0] for _ in range(2)]
            before = await holding.bury()
            accepted[0].close()
            after = await asyncio.wait_for(_buried(holding), 5)
            accepted[1].close()

    assert (len(before), len(after)) == (0, 1)
    assert after[0] > 0


async def _buried(holding):
    while not (died := await holding.bury()):  # noqa: ASYNC110 - the kernel has no event for us here
        await asyncio.sleep(0)
    return died


@pytest.mark.parametrize(
    ("said", "sign"),
    [
        (Said(failure=Failure.EOF), CLOSED),
        (Said(failure=Failure.CONNECTION_RESET), CLOSED),
        (Said(failure=Failure.TIMED_OUT), UNANSWERED),
        (Said(failure=Failure.TOO_MANY_CONNECTIONS), ANSWER),
        (Said(busy=True), ANSWER),
    ],
)
async def test_a_service_may_refuse_after_the_handshake(network, said, sign):
    """What the service says to a new connection decides whether it is held, and by which sign not."""

    async def greet(_stream):
        return said

    manners = Manners(patience=PATIENCE, greet=greet)
    async with Limited(1) as server, Holding(ask(server.port), network, manners) as holding:
        (attempt,) = await holding.open(1, at_once)
        held = len(holding)

    assert (attempt.sign, held) == (sign, 0)


async def test_an_own_delay_is_not_the_services(network):
    """How long an answer took is counted until the kernel had it, not until this process had time for it."""
    delay = 0.3

    async def greet(stream):
        await stream.write(b"?", PATIENCE)
        await stream.read(100, 2.0)
        time.sleep(delay)  # noqa: ASYNC251 - a loop that is busy with something else
        return Said()

    manners = Manners(patience=PATIENCE, greet=greet)
    async with Limited(1) as server, Holding(ask(server.port), network, manners) as holding:
        (attempt,) = await holding.open(1, at_once)

    assert attempt.held
    assert attempt.answer_s < delay


async def test_a_handshake_may_be_refused(network):
    """A reset and silence are told apart."""
    with socket.socket() as server:
        server.bind((HERE, 0))
        port = server.getsockname()[1]
        async with Holding(ask(port), network, Manners(patience=PATIENCE)) as holding:
            (refused,) = await holding.open(1, at_once)
        server.listen(0)
        with socket.create_connection(server.getsockname()):
            async with Holding(ask(port), network, Manners(patience=PATIENCE)) as holding:
                (silent,) = await holding.open(1, at_once)

    assert (refused.sign, refused.failure) == (RESET, Failure.CONNECTION_REFUSED)
    assert (silent.sign, silent.failure) == (SILENT, Failure.TIMED_OUT)


async def test_no_more_are_begun_where_several_failed(network):
    """Of ten at a pace, where nobody listens, only the first few are tried."""

    async def pace():
        await asyncio.sleep(0.01)

    with socket.socket() as server:
        server.bind((HERE, 0))
        async with Holding(ask(server.getsockname()[1]), network, Manners(patience=PATIENCE)) as holding:
            attempts = await holding.open(10, pace)

    assert len(attempts) < 10


async def test_who_is_owed_an_end_gets_it(network):
    """``finish`` is called once for each that was held, also when the task is cancelled."""
    finished = []

    async def greet(_stream):
        return Said(token=len(finished))

    async def finish(_stream, token):
        await asyncio.sleep(0)
        finished.append(token)

    async def hold(port, ready):
        manners = Manners(patience=PATIENCE, greet=greet, finish=finish)
        async with Holding(ask(port), network, manners) as holding:
            await holding.open(3, at_once)
            ready.set()
            await asyncio.Event().wait()

    async with Limited(10) as server:
        ready = asyncio.Event()
        task = asyncio.ensure_future(hold(server.port, ready))
        await ready.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await server.empty.wait()

    assert finished == [0, 0, 0]


async def test_one_may_be_touched(network):
    """Opened, and ended at once: it is not held."""
    async with Limited(10) as server, Holding(ask(server.port), network, Manners(patience=PATIENCE)) as holding:
        attempt = await holding.touch()
        held = len(holding)

    assert (attempt.held, held) == (True, 0)
