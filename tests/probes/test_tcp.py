"""One handshake on real sockets: what happened is told, and a late loop invents nothing."""

import asyncio
import contextlib
import resource
import socket
import time

import pytest

from probes import tcp
from probes.connector import USUAL, Connector, Dial
from probes.contract import Ask, Notes
from probes.network import Network
from reports.failures import Failure
from reports.model import Target


@pytest.fixture
async def network():
    """The real network, without a budget."""
    network = Network()
    yield network
    network.close()


@pytest.fixture
def listener():
    """The port of a listener that accepts nobody: the kernel finishes its handshakes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def full_backlog():
    """A listener whose accept queue is full: the kernel drops every further SYN, as a filter would."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def _ask(port, address="127.0.0.1", timeout=2.0):
    return Ask(target=Target(name="t", host=address, port=port), address=address, timeout=timeout)


async def _probe(network, ask):
    notes = Notes()
    stream = await tcp.probe(ask, network, notes)
    if stream is not None:
        await stream.close()
    (seen,) = notes.observations
    return seen


async def test_open(network, listener):
    """A completed handshake has its kernel's time and the path's properties."""
    seen = await _probe(network, _ask(listener))

    assert seen.failure is None
    assert seen.facts["syns"] == 1
    assert seen.facts["source"] == "127.0.0.1"
    assert seen.facts["mss"] > 500
    assert 0 < seen.duration_s <= seen.facts["rtt_s"]


async def test_refused(network):
    """A reset is the peer's refusal, also where loopback answers inside connect(2)."""
    seen = await _probe(network, _ask(1))

    assert seen.failure is Failure.CONNECTION_REFUSED
    assert "immediate" not in seen.facts
    assert "icmp_from" not in seen.facts


async def test_silent(network, full_backlog):
    """Silence is a time-out with the number of SYNs that were sent."""
    seen = await _probe(network, _ask(full_backlog, timeout=1.3))

    assert seen.failure is Failure.TIMED_OUT
    assert seen.facts["syns"] == 2
    assert "unsent" not in seen.facts


@pytest.mark.parametrize(
    ("address", "failure"), [("255.255.255.255", Failure.LOCAL_ROUTE_REJECTS), ("0.0.0.0", Failure.CONNECTION_REFUSED)]
)
async def test_refused_by_this_machine(network, address, failure):
    """What connect(2) itself refuses is this machine's; an odd address raises nothing."""
    seen = await _probe(network, _ask(1, address))

    assert seen.failure in (failure, Failure.LOCAL_NO_ROUTE)


async def test_no_descriptors_is_no_verdict(network, listener):
    """Without a descriptor nothing is said of the target."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as used:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used.fileno(), hard))
    try:
        seen = await _probe(network, _ask(listener))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert seen.failure is Failure.NO_DESCRIPTORS


async def test_a_late_loop_calls_no_open_port_silent(network, listener):
    """The loop sleeps past every time-out; the kernel finished the handshakes long before, and that counts."""
    probes = [asyncio.ensure_future(_probe(network, _ask(listener, timeout=0.05))) for _ in range(50)]
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251 - the loop is to be late
    seen = await asyncio.gather(*probes)

    assert [None] * 50 == [one.failure for one in seen]
    assert max(one.duration_s for one in seen) < 0.05


async def test_cancelled(listener, full_backlog):
    """A handshake that nobody waits for any more leaves no socket behind."""
    connector = Connector()
    waiting = asyncio.ensure_future(connector.connect("127.0.0.1", full_backlog, 5.0, lambda: None))
    await asyncio.sleep(0)
    assert len(connector._waiting) == 1
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    pending = len(connector._waiting)
    connector.close()

    assert pending == 0


async def test_close_ends_what_is_pending(full_backlog):
    """Closing the connector ends whoever still waits."""
    connector = Connector()
    waiting = asyncio.ensure_future(connector.connect("127.0.0.1", full_backlog, 5.0, lambda: None))
    await asyncio.sleep(0)
    connector.close()
    await asyncio.gather(waiting, return_exceptions=True)

    assert waiting.cancelled()


async def _attempt(network, ask, dial, port=None):
    notes = Notes()
    made = await tcp.attempt(ask, "attempt", network, notes, port, dial)
    if made is not None and made.stream is not None:
        await made.stream.close()
    return made, notes.observations


async def test_from_another_port_and_address(network, listener):
    """It says whence it came, and which port was asked for."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", 0))
        free = probe.getsockname()[1]
    made, observed = await _attempt(network, _ask(listener), Dial(source="127.0.0.2", source_port=free))

    assert [made.seen] == observed
    assert made.seen.failure is None
    assert (made.seen.facts["source"], made.seen.facts["source_port"]) == ("127.0.0.2", free)


async def test_another_port_of_the_host(network, listener):
    """The address is that of the port, the target the one that it is done for."""
    made, _ = await _attempt(network, _ask(1), USUAL, port=listener)

    assert made.seen.failure is None
    assert (made.seen.target, made.seen.address) == ("t", f"127.0.0.1:{listener}")


@pytest.mark.parametrize("source", ["192.0.2.77", "127.0.0.1"])
async def test_what_this_machine_lacks_is_not_observed(network, listener, source):
    """Neither an address that is not its own nor a port that is taken says anything of the target."""
    made, observed = await _attempt(network, _ask(listener), Dial(source=source, source_port=listener))

    assert made is None
    assert observed == []
