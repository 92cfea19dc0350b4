"""How an answer comes: its rate, and its shape."""

import socket
import threading

from probes import throughput
from probes.contract import Ask, Notes
from probes.network import Network
from reports.failures import Failure
from reports.model import Target
from tests.tls_servers import HERE, free_port


async def measured(port, speak):
    """The one observation of a transfer from a port of this machine."""
    notes, network = Notes(), Network()
    ask = Ask(target=Target(name="it", host=HERE, port=port), address=HERE, timeout=3.0)
    await throughput.probe(ask, network, notes, speak, 1 << 17)
    network.close()
    (seen,) = notes.observations
    return seen


async def shape(reads, arrived=()):
    """The facts of a transfer: bytes read behind a head of 2 KiB, and segments that had arrived, at these times."""

    async def speak(meter, _notes):
        meter.reads = [(100.0, 2048), *((100.0 + at, size) for at, size in reads)]
        meter.arrived = [(100.0 + at, segments) for at, segments in arrived]
        await meter.close()

    with socket.create_server((HERE, 0)) as listening:
        return (await measured(listening.getsockname()[1], speak)).facts


async def test_the_last_answer_is_what_counts():
    """What was said before the last question is no part of the transfer."""
    with socket.create_server((HERE, 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"a greeting")
                connection.recv(5)
                connection.sendall(b"x" * 50000)

        serving = threading.Thread(target=serve)
        serving.start()

        async def speak(meter, _notes):
            await meter.read_exactly(10, 1.0)
            await meter.write(b"more?", 1.0)
            while await meter.read(4096, 1.0):
                pass
            await meter.close()
            came.append(sum(size for _, size in meter.reads))

        came = []
        seen = await measured(listening.getsockname()[1], speak)
        serving.join()

    assert [50000] == came
    assert {"rtt_s", "mss", "bytes", "rate_bytes_s", "burst_bytes"} <= set(seen.facts)


async def test_a_bucket_shows_as_burst_and_plateau():
    """A burst at once, and then as many segments in each tenth of a second, also where reading them had to wait."""
    reads = [(0.01, 28000), (0.05, 12000), (0.9, 100000), (1.0, 8000)]
    facts = await shape(reads, [(0.0, 2), *((tenth / 10, 30 + 10 * tenth) for tenth in range(1, 11))])
    rates = facts["plateau_bytes_s"], facts["slowest_bytes_s"], facts["fastest_bytes_s"]

    assert (40000, 148000, 1.0, 148000) == (
        facts["burst_bytes"],
        facts["bytes"],
        facts["seconds"],
        facts["rate_bytes_s"],
    )
    assert {100 * facts["mss"]} == set(rates)


async def test_pauses_show_in_the_slowest_piece():
    """Nothing came for a tenth of a second."""
    facts = await shape([(0.5, 9000)], [(0.0, 0), (0.1, 9), (0.2, 18), (0.3, 18), (0.4, 30)])

    assert (0, 120 * facts["mss"]) == (facts["slowest_bytes_s"], facts["fastest_bytes_s"])


async def test_a_quick_answer_has_no_plateau():
    """There is nothing to compare within two tenths of a second."""
    facts = await shape([(0.01, 9000), (0.15, 9000)], [(0.0, 2), (0.1, 9)])

    assert facts["bytes"] == 18000
    assert "plateau_bytes_s" not in facts


async def test_nothing_to_measure():
    """An answer that fits the head says nothing of a rate."""
    assert "rate_bytes_s" not in await shape([])


async def test_what_refuses_sends_nothing():
    """The failure is that of the handshake."""
    seen = await measured(free_port(), None)

    assert Failure.CONNECTION_REFUSED is seen.failure
