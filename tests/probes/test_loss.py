"""A series of handshakes on loopback: it ends as soon as it is decided, and counts what was lost."""

import asyncio
import contextlib
import socket

import pytest

from agent.budget import RunBudget
from probes import loss
from probes.contract import Ask, Notes
from probes.loss import Series
from probes.network import Network
from reports.failures import Failed, Failure
from reports.model import Limits, Target

HERE = "127.0.0.1"
# Short: on loopback an answer that has not come by then does not come.
PATIENCE = 0.03


async def repeated(
    port,
    series=Series(patience=PATIENCE),  # noqa: B008 - frozen
    network=None,
    between=lambda: None,
    said=None,
):
    """The observation of a series with the port, and how many connections were handed over to be finished.

    ``between`` is called after each of them; ``said`` is how the service turned it away.
    """
    notes, network, finished = Notes(), network or Network(), []

    async def finish(stream):
        finished.append(stream)
        await stream.close()
        between()
        return said

    ask = Ask(target=Target(name="it", host=HERE, port=port), address=HERE, timeout=3.0)
    with contextlib.closing(network), contextlib.suppress(Failed):
        await loss.probe(ask, network, notes, finish, series)
    (seen,) = notes.observations
    return seen, len(finished)


@pytest.fixture
def listener():
    """A port that accepts."""
    with socket.create_server((HERE, 0), backlog=300) as server:
        yield server


@pytest.fixture
def full():
    """A port that answers no SYN, as long as nothing is accepted: its queue is full; and how it is emptied."""
    with socket.socket() as server:
        server.bind((HERE, 0))
        server.listen(0)
        with socket.create_connection(server.getsockname()):
            yield server


async def test_a_way_without_loss_is_clear_after_enough(listener):
    """Twenty answers end the series; each connection is handed over, and the times are told."""
    seen, finished = await repeated(listener.getsockname()[1])
    facts = seen.facts

    assert seen.failure is None
    assert (facts["tried"], facts["answered"], facts["syns"], facts["syns_lost"]) == (20, 20, 20, 0)
    assert (facts["loss"], facts["loss_low"], facts["loss_high"]) == (0.0, 0.0, 0.1611)
    assert 0 < facts["rtt_min_s"] <= facts["rtt_median_low_s"] <= facts["rtt_median_s"]
    assert facts["rtt_median_s"] <= facts["rtt_median_high_s"] <= facts["rtt_max_s"]
    assert finished == 20


async def test_silence_is_left_soon(full):
    """Where none of six is answered, it is no loss."""
    seen, finished = await repeated(full.getsockname()[1])

    assert seen.failure is Failure.TIMED_OUT
    assert (seen.facts["tried"], seen.facts["answered"], seen.facts["syns_lost"], finished) == (6, 0, 6, 0)
    assert "rtt_min_s" not in seen.facts


async def test_heavy_loss_ends_when_it_is_beyond_doubt(full):
    """Some are answered, most are not: the interval is above 5 % after ten."""
    _empty(full)
    seen, finished = await repeated(full.getsockname()[1])

    assert seen.failure is None
    assert (seen.facts["tried"], seen.facts["answered"]) == (10, finished)
    assert 0 < finished < 5
    assert seen.facts["syns_lost"] == 10 - finished
    assert seen.facts["loss_low"] > 0.05


def _empty(server):
    server.accept()[0].close()


async def test_a_refusal_is_an_answer():
    """A reset answers the SYN as well as an acknowledgement does."""
    with socket.socket() as unused:
        unused.bind((HERE, 0))
        seen, _ = await repeated(unused.getsockname()[1], Series(patience=PATIENCE, enough=5))

    assert seen.failure is None
    assert (seen.facts["tried"], seen.facts["answered"], seen.facts["syns_lost"]) == (5, 5, 0)
    assert seen.facts["refused"] == 5


async def test_who_is_turned_away_is_counted(listener):
    """By the service, after its handshake: whoever ends the connection says so."""
    full = Failure.TOO_MANY_CONNECTIONS
    seen, _ = await repeated(listener.getsockname()[1], Series(patience=PATIENCE, enough=5), said=full)

    assert (seen.facts["denied"], seen.facts["denial"]) == (5, full.value)


async def test_nothing_is_repeated_that_this_machine_refuses():
    """Without an address of the family nothing leaves: that is no loss, and one try is enough."""
    notes, network = Notes(), Network()
    ask = Ask(target=Target(name="it", host="255.255.255.255", port=9), address="255.255.255.255")
    with contextlib.closing(network):
        await loss.probe(ask, network, notes, None, Series(patience=PATIENCE))
    (seen,) = notes.observations

    assert seen.failure not in (None, Failure.TIMED_OUT)
    assert seen.facts["tried"] == 0


async def test_the_run_s_end_ends_it(listener):
    """What was counted until then is kept."""
    budget = RunBudget(Limits())
    left = iter([None, None, budget.close])

    def between():
        close = next(left)
        if close is not None:
            close()

    seen, _ = await repeated(listener.getsockname()[1], network=Network(budget), between=between)

    assert seen.failure is Failure.INTERRUPTED
    assert (seen.facts["tried"], seen.facts["answered"]) == (3, 3)


async def test_it_is_never_faster_than_the_budget(listener):
    """Two connections a second: in the time that it has, no more than the first of them are opened."""
    network = Network(RunBudget(Limits(rate=2)))
    series = Series(patience=PATIENCE, within=0.2)
    seen, _ = await asyncio.wait_for(repeated(listener.getsockname()[1], series, network), 30)

    assert 1 <= seen.facts["tried"] <= 3
