"""What a host answers beside TCP, on loopback: its kernel does."""

import socket

import pytest

from probes import echo
from probes.contract import Ask, Notes
from probes.datagrams import methods
from probes.network import Network
from reports.failures import Failure
from reports.model import Target

UDP_PORT = 33434


async def answers(address, timeout=2.0):
    """What became of each method."""
    notes, network = Notes(), Network()
    ask = Ask(target=Target(name="it", host=address, port=9), address=address, timeout=timeout)
    await echo.probe(ask, network, notes)
    network.close()
    return {seen.step: seen.failure for seen in notes.observations}


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_host_that_is_up(address):
    """It answers every method that this process has; that nobody listens at the port is an answer too."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        if sock.connect_ex((address, UDP_PORT)):
            pytest.skip("no such address family here")

    assert dict.fromkeys(method.name for method in methods(address)) == await answers(address)


async def test_silence_is_a_time_out():
    """Whoever takes the datagram says nothing to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", UDP_PORT))
        seen = await answers("127.0.0.1", timeout=0.05)

    assert Failure.TIMED_OUT is seen["udp"]


async def test_what_this_machine_does_not_let_out_is_not_observed():
    """An address of which nothing can be sent leaves no trace."""
    assert {} == await answers("255.255.255.255")
