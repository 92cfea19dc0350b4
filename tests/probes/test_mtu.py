"""Sizes: what passes is found to the byte, and an exchange is tried in the segments that were announced."""

import errno
import socket
import threading

import pytest

from probes import datagrams, http, mtu, services, tls
from probes.contract import Ask, Budget, Notes
from probes.datagrams import Method
from probes.kernel import IcmpError
from probes.network import Network
from reports.failures import Failure
from reports.model import Target
from tests.tls_servers import HERE, Authority, free_port, hangs, openssl, server

ROUTER = "10.0.0.1"


def ask(port=9):
    """A target on this machine."""
    return Ask(target=Target(name="it", host="web.example", port=port), address=HERE, timeout=3.0)


class Narrow(Network):
    """A network whose host answers datagrams up to ``mtu`` bytes; a router says what fits where it is ``told``."""

    def __init__(self, mtu, told=False, answers=True):
        super().__init__()
        self.mtu, self.told, self.answers = mtu, told, answers
        self.sent = []

    async def volley(self, kind, address, payloads, timeout, name):
        """See Network."""
        heard = {}
        for index, payload in enumerate(payloads):
            size = len(payload) + (28 if kind.port else 20)
            self.sent.append(size)
            if size > self.mtu and self.told:
                heard[index] = IcmpError(errno.EMSGSIZE, 3, 4, ROUTER, local=False, mtu=self.mtu)
            elif size <= self.mtu and self.answers:
                heard[index] = IcmpError(errno.ECONNREFUSED, 3, 3, address, local=False) if kind.port else payload
        return heard


@pytest.fixture
def echoes(monkeypatch):
    """Whatever this process may open: the network is none."""
    method = Method("echo", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    monkeypatch.setattr(datagrams, "_echo", lambda family: [method])


async def sized(network, largest=1500):
    """What was noted of the datagrams: method and size, and how it went."""
    notes = Notes()
    await mtu.sized(ask(), network, notes, largest, 0.05)
    network.close()
    return {(seen.facts["method"], seen.facts["size"]): seen for seen in notes.observations}


@pytest.mark.parametrize("narrow", [576, 577, 800, 1280, 1400, 1499])
@pytest.mark.usefixtures("echoes")
async def test_the_largest_that_passes_is_found(narrow):
    """To the byte, with few datagrams, where nobody says a word."""
    network = Narrow(narrow)
    seen = await sized(network)
    answered = [size for (method, size), one in seen.items() if one.failure is None]
    silent = [size for (method, size), one in seen.items() if one.failure is Failure.TIMED_OUT]

    assert (narrow, narrow + 1) == (max(answered), min(silent))
    assert len(network.sent) < 50


@pytest.mark.usefixtures("echoes")
async def test_what_a_router_says_is_tried_next():
    """Its message names the size that fits, and who it is."""
    network = Narrow(800, told=True)
    seen = await sized(network)
    refused = seen["echo", 1500]

    assert [576, 1500, 800] == network.sent
    assert (Failure.MESSAGE_TOO_LONG, ROUTER, 800) == (refused.failure, refused.facts["from"], refused.facts["mtu"])
    assert seen["echo", 800].failure is None


@pytest.mark.usefixtures("echoes")
async def test_silence_to_everything_is_not_searched_in():
    """Each method asks twice, and that is all."""
    network = Narrow(1500, answers=False)
    seen = await sized(network)

    assert [576, 1500] * 2 == network.sent
    assert {Failure.TIMED_OUT} == {one.failure for one in seen.values()}


async def test_this_machine_answers():
    """Real sockets, by whatever this process may open."""
    seen = await sized(Network())

    assert [None, None] == [one.failure for one in seen.values()]
    assert [576, 1500] == [size for _, size in seen]


async def test_datagrams_count_against_the_budget():
    """Each is asked for, and its bytes are the target's."""

    class Counted(Budget):
        packets, spent = 0, 0

        async def packet(self):
            self.packets += 1

        def spend(self, keys, count):
            self.spent += count if keys == ("it",) else 0

    budget = Counted()
    await sized(Network(budget))

    assert (2, True) == (budget.packets, budget.spent >= 576 + 1500 - 2 * 28)


async def test_a_closed_port_answers(monkeypatch):
    """Where no echo may be sent, UDP tells of the way there."""
    monkeypatch.setattr(datagrams, "_echo", lambda family: [])
    seen = await sized(Network())

    assert {("udp", 576): None, ("udp", 1500): None} == {key: one.failure for key, one in seen.items()}


@pytest.mark.parametrize(("limit", "answers"), [(mtu.SMALL_MSS, True), (0, False)])
async def test_the_peer_sends_segments_as_announced(limit, answers):
    """A peer that answers small segments only: what it was told decides."""
    with socket.create_server((HERE, 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection:
                if connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= mtu.SMALL_MSS:
                    connection.sendall(b"hello")
                connection.recv(1)

        serving = threading.Thread(target=serve)
        serving.start()
        notes, network = Notes(), Network()

        async def speak(stream, private):
            with private.step("service", "exchange") as step:
                try:
                    step.note("bytes_in", len(await stream.read(5, 0.2)))
                finally:
                    await stream.close()

        took = await mtu.exchange(ask(listening.getsockname()[1]), network, notes, "clamped", speak, limit)
        serving.join()
        network.close()
    (seen,) = notes.observations

    assert answers == (took is not None)
    assert (None if answers else Failure.TIMED_OUT) == seen.failure
    assert ("service exchange", 5 if answers else 0) == (seen.facts["last"], seen.facts.get("bytes_in"))


async def test_a_port_that_refuses_ends_the_exchange():
    """There is nothing to speak over."""
    notes, network = Notes(), Network()
    took = await mtu.exchange(ask(free_port()), network, notes, "clamped", None, mtu.SMALL_MSS)
    network.close()

    assert took is None
    assert [Failure.CONNECTION_REFUSED] == [seen.failure for seen in notes.observations]


async def test_a_hopeless_handshake_is_refused_in_a_few_bytes(tmp_path):
    """A real server's answer to it is an alert, smaller than any packet."""
    with openssl(tmp_path, Authority("Some Root").issue("web.example")) as port:
        notes, network = Notes(), Network()
        opened = await network.connect(ask(port))
        await mtu.alert(ask(port), opened.stream, notes)
        network.close()
    (seen,) = notes.observations

    assert (None, 7) == (seen.failure, seen.facts["bytes_in"])


@pytest.mark.parametrize("probe", [tls.probe, http.probe, services.exchange])
async def test_a_silence_says_what_was_acknowledged(probe):
    """The kernel of a service that says nothing has taken what was said to it."""
    async with server(hangs) as port:
        notes, network = Notes(), Network()
        one = Ask(target=Target(name="it", host=HERE, port=port, service="redis"), address=HERE, timeout=0.2)
        stream = (await network.connect(one)).stream
        await (probe(one, network, stream, notes) if probe is tls.probe else probe(one, stream, notes))
        await stream.close()
        network.close()
    (seen,) = notes.observations

    assert (Failure.TIMED_OUT, 0, 0) == (seen.failure, seen.facts["unacked"], seen.facts["retransmits"])
