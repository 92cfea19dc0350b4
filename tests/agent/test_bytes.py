"""The byte limits hold for what the kernel received, whether it was read or not, and for datagrams."""

import asyncio
import contextlib
import socket

import pytest
from attrs import evolve

from agent.budget import RunBudget
from probes import services
from probes.contract import Ask, Notes
from probes.datagrams import methods
from probes.holding import Holding, Manners, Said
from probes.network import Network
from reports.failures import Failed, Failure
from reports.model import Limits, Target
from tests.probes.service_cases import DENIED, GREETING

HERE = "127.0.0.1"


@contextlib.contextmanager
def within(**limits):
    """A network whose budget has these limits."""
    network = Network(RunBudget(evolve(Limits(), **limits)))
    try:
        yield network
    finally:
        network.close()


@contextlib.asynccontextmanager
async def flood(data):
    """The port of a server that sends all of it to whoever comes, and how many came."""
    came = []

    async def serve(_, writer):
        came.append(writer)
        with contextlib.suppress(ConnectionError):
            writer.write(data)
            await writer.drain()

    server = await asyncio.start_server(serve, HERE, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], came
        for writer in came:
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


def ask(port):
    """The server there, as a target."""
    return Ask(target=Target(name="t", host=HERE, port=port), address=HERE, timeout=2.0)


async def test_what_is_not_read_counts_too():
    """A connection closed unread has cost what its peer had sent, and as much on its way; no other is opened."""
    async with flood(bytes(40_000)) as (port, came):
        with within(bytes_per_target=400_000) as network:
            for _ in range(5):
                opened = await network.connect(ask(port))
                async with asyncio.timeout(5.0):
                    while opened.stream.info.bytes_in < 40_000:  # noqa: ASYNC110 - the kernel tells nobody
                        await asyncio.sleep(0.001)
                await opened.stream.close()
            again = await network.connect(ask(port))

        assert (Failure.BUDGET_SPENT, None) == (again.handshake.failure, again.stream)
        assert len(came) == 5


async def test_no_peer_sends_more_than_the_limit():
    """What waits to be read is bounded by a part of the limit that is never read."""
    limit = 100_000
    async with flood(bytes(10 * limit)) as (port, _):
        with within(bytes_per_target=limit) as network:
            opened = await network.connect(ask(port))
            with pytest.raises(Failed) as spent:
                await opened.stream.read_exactly(limit, 2.0)
            received = opened.stream.info.bytes_in
            await opened.stream.close()

    assert spent.value.failure is Failure.BUDGET_SPENT
    assert limit // 2 < received <= limit


async def test_nothing_is_read_past_the_limit():
    """The last read takes what is left, and no more: what had waited beside it is within the part that is not read."""
    limit, sizes = 400_000, []

    async def read(stream):
        while True:
            sizes.append(len(await stream.read(limit, 2.0)))

    async with flood(bytes(10 * limit)) as (port, _):
        with within(bytes_per_target=limit) as network:
            opened = await network.connect(ask(port))
            with pytest.raises(Failed) as spent:
                await read(opened.stream)
            await opened.stream.close()

    assert spent.value.failure is Failure.BUDGET_SPENT
    assert sum(sizes) == limit - limit // 4


async def test_whoever_waited_for_a_place_finds_the_bytes_spent():
    """What others took meanwhile counts: no connection is opened past the limit."""
    async with flood(bytes(400_000)) as (port, came):
        with within(bytes_per_target=100_000) as network:
            first = await network.connect(ask(port))
            second = asyncio.ensure_future(network.connect(ask(port)))
            with pytest.raises(Failed):
                await first.stream.read_exactly(100_000, 2.0)
            await first.stream.close()
            waited = await second

    assert (Failure.BUDGET_SPENT, None) == (waited.handshake.failure, waited.stream)
    assert len(came) == 1


async def test_a_handshake_that_was_begun_is_finished():
    """A connection takes a few bytes in any case: MySQL counts whoever leaves before its answer."""
    heard = asyncio.get_running_loop().create_future()

    async def serve(reader, writer):
        writer.write(GREETING)
        try:
            heard.set_result(await reader.read(4))
        except ConnectionError:
            heard.set_result(b"")
        writer.write(DENIED)
        writer.close()

    async with await asyncio.start_server(serve, HERE, 0) as server:
        port = server.sockets[0].getsockname()[1]
        with within(bytes_per_target=len(GREETING) + 20) as network:
            opened = await network.connect(ask(port))
            mysql, notes = evolve(ask(port), target=evolve(ask(port).target, service="mysql")), Notes()
            await services.exchange(mysql, opened.stream, notes)
            await opened.stream.close()
            again = await network.connect(ask(port))

    assert len(await heard) == 4
    assert notes.observations[0].failure is None
    assert again.handshake.failure is Failure.BUDGET_SPENT


async def test_what_is_held_costs_no_more_than_it_may():
    """Whoever floods each connection that is held fills as little as there is, and not a usual buffer of each."""
    received = []

    async def fill(stream):
        seen = 0
        while not seen or seen < stream.info.bytes_in:
            seen = stream.info.bytes_in
            await asyncio.sleep(0.02)  # the kernel tells nobody
        received.append(seen)
        return Said()

    async with flood(bytes(100_000)) as (port, _):
        with within() as network, network.holding(ask(port), 5):
            async with Holding(ask(port), network, Manners(patience=2.0, greet=fill)) as holding:
                attempts = [await holding.open_one() for _ in range(5)]

    assert all(one.held for one in attempts)
    assert sum(received) <= 5 * 2304


async def test_datagrams_count():
    """Questions and answers count against the name that they are about; past the limit nothing more is asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, within(bytes_per_target=400) as network:
        server.bind((HERE, 0))
        server.setblocking(False)
        port = server.getsockname()[1]

        async def answer():
            while True:
                _, peer = await asyncio.get_running_loop().sock_recvfrom(server, 512)
                server.sendto(bytes(100), peer)

        answering = asyncio.ensure_future(answer())
        for _ in range(2):
            await network.ask_datagram(HERE, port, bytes(30), 2.0, "a", bool)
        with pytest.raises(Failed) as spent:
            await network.ask_datagram(HERE, port, bytes(50), 2.0, "a", bool)
        other, _ = await network.ask_datagram(HERE, port, bytes(30), 2.0, "b", bool)
        answering.cancel()

    assert spent.value.failure is Failure.BUDGET_SPENT
    assert len(other) == 100


async def test_others_do_not_outlast_the_time():
    """Whoever sends something else, again and again and at once, is not listened to beyond the time."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, within() as network:
        server.bind((HERE, 0))
        server.setblocking(False)
        port = server.getsockname()[1]
        looked_at = []

        def fits(_):
            looked_at.append(server.sendto(b"not for you", client))
            return False

        async def answer():
            nonlocal client
            _, client = await asyncio.get_running_loop().sock_recvfrom(server, 512)
            fits(None)

        client = None
        answering = asyncio.ensure_future(answer())
        with pytest.raises(TimeoutError):
            await network.ask_datagram(HERE, port, b"?", 0.1, "a", fits)
        await answering

    assert len(looked_at) > 2


async def test_no_volley_past_the_limit():
    """Where the bytes do not bear all of it and answers as large, no datagram leaves: none is called unanswered."""
    udp = methods(HERE)[-1]
    with within(bytes_per_target=3000) as network:
        kind, messages = udp.of_sizes([900])
        await network.volley(kind, HERE, messages, 0.5, "t")

        with pytest.raises(OSError, match="spent"):
            await network.volley(kind, HERE, messages, 0.5, "t")
        kind, messages = udp.of_sizes([900, 900])
        with pytest.raises(OSError, match="spent"):
            await network.volley(kind, HERE, messages, 0.5, "another")
