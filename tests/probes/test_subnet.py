"""A network asked address by address, on loopback: what each state comes from, and what there was no time for."""

import asyncio
import contextlib
import errno
import os
import socket
from collections import Counter

import pytest

from probes import subnet
from probes.contract import Notes
from probes.datagrams import methods
from probes.local import Machine
from probes.network import Network
from reports import model

CIDR = "127.0.9.0/28"
OPEN, SILENT = "127.0.9.3", "127.0.9.5"
FIRST, AGAIN = 0.03, 0.05


@pytest.fixture
def port():
    """A port that is open at one address, silent at another (its queue is full), and refused at all others."""
    with socket.create_server((OPEN, 0), backlog=20) as server, socket.socket() as full:
        number = server.getsockname()[1]
        full.bind((SILENT, number))
        full.listen(0)
        with socket.create_connection((SILENT, number)):
            yield number


async def close(_, stream):
    """An end in order."""
    await stream.close()


class Counted(Network):
    """Counts how often which port of which address is connected to."""

    def __init__(self):
        super().__init__()
        self.asked = Counter()

    async def connect(self, ask):
        """As usual."""
        self.asked[ask.address, ask.port] += 1
        return await super().connect(ask)


async def swept(*ports, cidr=CIDR, network=None, finish=close, within=30.0, mysql=(), kept_back=None):
    """The observations of the network, by step and question."""
    notes, machine = Notes(), Machine(Notes())
    machine.observe(None, {})
    manner = subnet.Manner(
        patience=lambda _, again: AGAIN if again else FIRST,
        at_once=8,
        rate=500,
        packet_rate=1000,
        within=within,
        mysql=mysql,
        kept_back=kept_back,
    )
    network = network or Network()
    declared = model.Network(name="v", cidr=cidr, ports=ports)
    with contextlib.closing(network), contextlib.suppress(asyncio.CancelledError):
        await subnet.probe([declared], network, notes, finish, manner, machine.route)
    found = {(seen.step, seen.facts.get("asked") or seen.facts.get("method")): seen for seen in notes.observations}
    assert len(found) == len(notes.observations)
    return found


async def test_open_refused_and_silent(port):
    """Each address has its letter; what is silent was asked twice, everything else once."""
    network = Counted()
    facts = (await swept(port, network=network))["states", str(port)].facts

    assert facts["states"] == "rrror.rrrrrrrrrr"
    assert (facts["open"], facts["silent"], facts["refused"]) == (1, 1, 14)
    assert (facts["network"], facts["cidr"], facts["method"]) == ("v", CIDR, "connect")
    assert facts["rtt_s"] > 0
    assert network.asked == {(f"127.0.9.{host}", port): 2 if host == 5 else 1 for host in range(16)}


async def test_an_echo_where_this_process_may_send_one(port):
    """Every address of the loopback answers; how it was asked is told for each way apart."""
    if "echo" not in [method.name for method in methods(CIDR)]:
        pytest.skip("this user may send no echo")
    found = await swept(port)

    assert found["states", "echo"].facts["states"] == "a" * 16
    assert found["sweep", "icmp"].facts["sent"] == 16
    assert found["sweep", "connect"].facts["sent"] == 17


async def test_what_this_machine_does_not_let_out(port):
    """It is unknown, and why: the loopback's broadcast address is nobody's."""
    found = await swept(port, cidr="127.255.255.252/30")

    assert found["states", str(port)].facts["states"] == "rrr?"
    assert found["sweep", "connect"].facts["lacked"] == os.strerror(errno.ENETUNREACH)
    assert found["sweep", "icmp"].facts["lacked"] == os.strerror(errno.EACCES)


async def test_where_this_machine_stands(port):
    """The loopback is on the link, and this machine is in it by an address of its own."""
    facts = (await swept(port))["place", None].facts

    assert facts["interface"] == "lo"
    assert facts["on_link"] is True
    assert "gateway" not in facts


async def test_what_there_was_no_time_for_is_unknown(port):
    """Nothing is begun whose answer would come too late: it was not asked, and that is said."""
    found = await swept(port, within=FIRST / 2)

    assert found["states", str(port)].facts["states"] == "?" * 16
    assert found["sweep", "connect"].facts["partial"] is True
    assert found["sweep", "connect"].facts["sent"] == 0


async def test_whoever_is_interrupted_says_what_he_has(port):
    """Cancelled in the middle, the states until then are written down."""
    loop_task = asyncio.current_task()

    async def cancelling(_, stream):
        await stream.close()
        loop_task.cancel()

    found = await swept(port, finish=cancelling)
    facts = found["states", str(port)].facts

    assert found["sweep", "connect"].facts["partial"] is True
    assert facts["unknown"] > 0
    assert facts["refused"] > 0


@pytest.fixture
def quiet():
    """A port that is silent at every address."""
    with contextlib.ExitStack() as stack:
        number = 0
        for host in range(16):
            full = stack.enter_context(socket.socket())
            full.bind((f"127.0.9.{host}", number))
            full.listen(0)
            number = full.getsockname()[1]
            stack.enter_context(socket.create_connection((f"127.0.9.{host}", number)))
        yield number


async def test_what_this_machine_keeps_back_is_unknown(port, quiet):
    """A port of which nothing came at all is asked for once, and where it never left the states say so."""
    asked = []

    async def kept_back(address, number):
        asked.append(number)
        return "its own filter"

    found = await swept(port, quiet, kept_back=kept_back)

    assert asked == [quiet]
    assert found["states", str(quiet)].facts["states"] == "?" * 16
    assert found["states", str(port)].facts["silent"] == 1
    assert found["sweep", "connect"].facts["lacked"] == "its own filter"


async def test_mysql_is_finished_where_the_plan_says_it_speaks(port):
    """The handshake is handed over as MySQL's at a port that a target of the plan calls so."""
    services = []

    async def finish(ask, stream):
        services.append(ask.target.service)
        await stream.close()

    await swept(port, finish=finish, mysql=[port])
    await swept(port, finish=finish)

    assert services == ["mysql", "tcp"]
