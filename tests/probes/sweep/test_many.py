"""Many packets in one call, and one by one where that cannot be had: over loopback, by UDP."""

import errno
import socket
import struct
import time

import pytest

from probes.sweep import many

SIZE = 8
FIELDS = struct.Struct(f">I4s{many.SLOT - 8}x")


@pytest.fixture(params=["many", "one by one"], autouse=True)
def how(request, monkeypatch):
    """Python may have been built without ctypes."""
    if request.param != "many":

        def lacking(_name):
            raise ImportError

        monkeypatch.setattr(many, "_call_of", lacking)
    return request.param


@pytest.fixture
def listener():
    """A socket that hears what is sent to any address of 127.0.0.0/8."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        sock.bind(("0.0.0.0", 0))
        yield sock


@pytest.fixture
def sender():
    """A socket that sends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        yield sock


def fill(outgoing, port, addresses):
    """A packet to each address, which holds its number and the address."""
    for number, address in enumerate(map(socket.inet_aton, addresses)):
        to = struct.pack("=H", socket.AF_INET) + port.to_bytes(2, "big") + address + bytes(8)
        outgoing.room[number * 24 : (number + 1) * 24] = to + number.to_bytes(4, "big") + address


def port_of(sock):
    """Where it listens."""
    return sock.getsockname()[1]


def test_packets_go_where_they_say_and_come_whole(listener, sender):
    """In order, each with its length and the time when it came; twice, for what came first must not be told again."""
    outgoing, incoming = many.Outgoing(sender, SIZE), many.Incoming(listener)
    for count in (many.SENT, 3):
        addresses = [f"127.9.{count}.{number}" for number in range(count)]
        fill(outgoing, port_of(listener), addresses)
        before = time.time_ns()
        sent = outgoing.send(count)
        came = incoming.receive()
        after = time.time_ns()

        assert (sent, came) == ((count, 0), count)
        packets = list(incoming.packets(FIELDS, came))
        assert [fields for fields, _, _ in packets] == list(enumerate(map(socket.inet_aton, addresses)))
        assert {length for _, length, _ in packets} == {SIZE}
        assert all(before <= stamp <= after for _, _, stamp in packets)
        assert incoming.whole(1) == (b"\0\0\0\1" + socket.inet_aton(addresses[1]), packets[1][2])
    assert incoming.receive() == 0


def test_only_those_before_an_error_have_left(listener, sender):
    """How many, and why not the next one; those behind it are asked for again by whoever sends."""
    outgoing, incoming = many.Outgoing(sender, SIZE), many.Incoming(listener)
    # A broadcast needs a socket that says so.
    fill(outgoing, port_of(listener), ["127.9.0.1", "127.9.0.2", "255.255.255.255", "127.9.0.4"])

    assert outgoing.send(4) == (2, errno.EACCES)
    assert incoming.receive() == 2


def test_what_is_long_is_cut(listener, sender):
    """To a slot, which the next packet does not share."""
    incoming = many.Incoming(listener)
    for data in (bytes([7]) * (many.SLOT + 100), b"next"):
        sender.sendto(data, ("127.0.0.1", port_of(listener)))

    assert incoming.receive() == 2
    assert [incoming.whole(number)[0] for number in range(2)] == [bytes([7]) * many.SLOT, b"next"]


def test_more_than_one_call_brings(listener, sender):
    """The rest comes with the next one."""
    incoming = many.Incoming(listener)
    for number in range(many.RECEIVED + 2):
        sender.sendto(number.to_bytes(4, "big") + bytes(4), ("127.0.0.1", port_of(listener)))

    counts = [incoming.receive(), incoming.receive()]

    assert counts == [many.RECEIVED, 2]
    assert [fields[0] for fields, _, _ in incoming.packets(FIELDS, 2)] == [many.RECEIVED, many.RECEIVED + 1]


def test_what_the_socket_says(sender):
    """An error that is pending on it is raised, and not taken for silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        sender.connect(closed.getsockname())
    sender.setblocking(False)
    incoming = many.Incoming(sender)
    sender.send(b"nobody listens")

    with pytest.raises(ConnectionRefusedError):
        incoming.receive()
