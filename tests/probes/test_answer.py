"""Whole exchanges on loopback: what is heard counts, and when; a handshake alone does not."""

import asyncio
import contextlib

import pytest

from probes import answer
from probes.contract import Ask, Notes
from probes.network import Network
from reports.failures import Failure
from reports.model import Target

HERE = "127.0.0.1"


@pytest.fixture
async def serve():
    """Starts a server that answers a line by each of these in turn (None: by silence, b"": by its end); its port."""
    talking = []
    async with contextlib.AsyncExitStack() as stack:

        async def start(*replies):
            coming = iter(replies)

            async def talk(reader, writer):
                talking.append(asyncio.current_task())
                reply = next(coming, replies[-1])
                await reader.readline()
                if reply != b"":
                    writer.write(reply or b"")
                    await reader.read()
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()

            server = await asyncio.start_server(talk, HERE, 0)
            stack.push_async_callback(server.wait_closed)
            stack.callback(server.close)
            return server.sockets[0].getsockname()[1]

        yield start
        await asyncio.gather(*talking)


def ask(port, timeout=0.2):
    """The target there."""
    return Ask(target=Target(name="it", host=HERE, port=port), address=HERE, timeout=timeout)


async def observed(probe):
    """What the probe, given a network, notes and a way to speak, observed."""
    notes, network = Notes(), Network()

    async def speak(stream, private):
        with private.step("service", "exchange"):
            try:
                await stream.write(b"ping\n", 0.2)
                if not await stream.read(100, 0.2):
                    raise EOFError("the peer closed")
            finally:
                await stream.close()

    with contextlib.closing(network):
        await probe(network, notes, speak)
    (seen,) = notes.observations
    return seen


async def series(port, **how):
    """The series with the port."""
    how = answer.Series(**how)
    return await observed(lambda network, notes, speak: answer.probe_series(ask(port), network, notes, speak, how))


@pytest.mark.parametrize(
    ("reply", "failure", "heard"), [(b"pong", None, 4), (None, Failure.TIMED_OUT, 0), (b"", Failure.EOF, 0)]
)
async def test_from_another_address(serve, reply, failure, heard):
    """The handshake completes each time; only a byte is an answer."""
    port = await serve(reply)

    seen = await observed(
        lambda network, notes, speak: answer.probe_from(ask(port), "127.0.0.2", network, notes, speak)
    )

    assert (seen.failure, seen.facts["bytes_in"], seen.facts["source"]) == (failure, heard, "127.0.0.2")
    assert ("answer_s" in seen.facts) == (heard > 0)


async def test_prompt_answers_end_the_series(serve):
    """As many as it takes, and none is late."""
    facts = (await series(await serve(b"pong"), most=9)).facts

    assert (facts["tried"], facts["answered"], facts["late"]) == (9, 9, 0)
    assert 0 < facts["answer_min_s"] <= facts["answer_median_low_s"] <= facts["answer_median_s"]
    assert facts["answer_median_s"] <= facts["answer_median_high_s"] <= facts["answer_max_s"]


async def test_unanswered_ones_are_late(serve):
    """One of three is lost."""
    seen = await series(await serve(b"pong", None, b"pong"), most=3)

    assert seen.failure is None
    assert (seen.facts["tried"], seen.facts["answered"], seen.facts["late"]) == (3, 2, 1)


async def test_silence_is_left_soon(serve):
    """None of three is answered: that is no loss."""
    seen = await series(await serve(None))

    assert (seen.failure, seen.facts["tried"], seen.facts["answered"]) == (Failure.TIMED_OUT, 3, 0)


async def test_an_end_without_a_byte_ends_the_series(serve):
    """It is told by its failure, and is no exchange of the series."""
    seen = await series(await serve(b"pong", b""))

    assert (seen.failure, seen.facts["tried"]) == (Failure.EOF, 1)


async def test_a_series_is_bounded_in_bytes(serve):
    """Nine bytes an exchange."""
    seen = await series(await serve(b"pong"), most_bytes=20)

    assert seen.facts["tried"] == 3


@pytest.mark.parametrize(
    ("times", "unanswered", "late"),
    [
        ([0.05, 0.06, 0.26, 1.05], 0, 2),
        ([0.05, 0.06, 0.07], 2, 2),
        # What waits in a queue leaves no gap.
        ([0.05, 0.15, 0.25, 0.35, 0.45], 0, 0),
        # One that was quick by chance makes the others no later.
        ([0.01, 0.3, 0.3, 0.3, 0.3, 0.3], 0, 0),
    ],
)
def test_late_is_what_comes_after_a_gap(times, unanswered, late):
    """As long as TCP waits before it sends again."""
    tally = answer._Tally()
    tally.times, tally.tried = times, len(times) + unanswered

    assert tally.late == late
