"""Local ports: who takes them, of real connections on loopback."""

import contextlib
import socket

import pytest

from probes import ports
from probes.contract import Notes
from reports.failures import Failure

LOW, HIGH = 1024, 65535
# Below those that the kernel gives out: nobody else's connections come from here.
OWN = range(20480, 20492)


def connected(stack, where, family, port):
    """A connection from this port, though the last run's may still be in TIME_WAIT."""
    client = stack.enter_context(socket.socket(family))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.bind((where[0] if family == socket.AF_INET6 else "127.0.0.1", port))
    client.connect(where)
    return client


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_busiest_destination(family):
    """Connections from these ports count, those that were closed too; what listens, and other ports, do not."""
    here = {socket.AF_INET: "127.0.0.99", socket.AF_INET6: "::1"}[family]
    try:
        server = socket.create_server((here, 0), family=family)
    except OSError:
        pytest.skip("no IPv6 here")
    with server, contextlib.ExitStack() as stack:
        where = server.getsockname()[:2]
        clients, served = [], []
        for port in OWN:
            clients.append(connected(stack, where, family, port))
            served.append(stack.enter_context(server.accept()[0]))
        for client, other in list(zip(clients, served, strict=True))[:5]:
            client.shutdown(socket.SHUT_WR)
            other.close()
            client.recv(1)
            client.close()
        notes = Notes()
        ports.observe(OWN[0], OWN[-1], notes)
    (seen,) = notes.observations
    label = f"[{here}]" if family == socket.AF_INET6 else here

    assert seen.facts["taken"] >= len(OWN)
    assert (seen.facts["busiest"], seen.facts["busiest_taken"]) == (f"{label}:{where[1]}", len(OWN))
    assert seen.facts["busiest_time_wait"] == 5


def test_nobody(monkeypatch, tmp_path):
    """No connection, no destination."""
    empty = tmp_path / "tcp"
    empty.write_text("  sl  local_address rem_address   st\n")
    monkeypatch.setattr(ports, "_FILES", (str(empty), str(tmp_path / "none")))
    notes = Notes()
    ports.observe(LOW, HIGH, notes)

    assert notes.observations[0].facts == {"taken": 0}


def test_a_kernel_that_does_not_say(monkeypatch, tmp_path):
    """A sandbox may hide it: a failure, and no number."""
    monkeypatch.setattr(ports, "_FILES", (str(tmp_path / "none"), str(tmp_path / "none6")))
    notes = Notes()
    ports.observe(LOW, HIGH, notes)
    (seen,) = notes.observations

    assert isinstance(seen.failure, Failure)
    assert "busiest" not in seen.facts


def test_mapped_addresses_are_one_destination(monkeypatch, tmp_path):
    """A socket of IPv6 that speaks IPv4, as Java's do, counts to the same destination."""
    four, six = tmp_path / "tcp", tmp_path / "tcp6"
    head = "  sl  local_address rem_address   st\n"
    four.write_text(head + "   0: 0A01010A:9C40 1503010A:23F0 01 rest\n")
    mapped = "0000000000000000FFFF0000"
    six.write_text(head + f"   0: {mapped}0A01010A:9C41 {mapped}1503010A:23F0 06 rest\n")
    monkeypatch.setattr(ports, "_FILES", (str(four), str(six)))
    notes = Notes()
    ports.observe(LOW, HIGH, notes)

    assert notes.observations[0].facts["busiest_taken"] == 2


@pytest.mark.parametrize(("most", "taken"), [(1, 0), (4, 3), (100, 6)])
@pytest.mark.parametrize("chunk", [20, 150, 1 << 18])
def test_a_long_list(monkeypatch, tmp_path, chunk, most, taken):
    """However it comes in pieces, each line counts once, and so many lines at most are looked at."""
    lines = [f"   {number}: 0A01010A:9C4{number} 1503010A:23F0 06 rest\n" for number in range(6)]
    long = tmp_path / "tcp"
    long.write_text("".join(["  sl  local_address rem_address   st\n", *lines]))
    monkeypatch.setattr(ports, "_FILES", (str(long), str(tmp_path / "none")))
    monkeypatch.setattr(ports, "_CHUNK", chunk)
    monkeypatch.setattr(ports, "_MOST_LINES", most)
    notes = Notes()
    ports.observe(LOW, HIGH, notes)

    assert notes.observations[0].facts["taken"] == taken
    assert notes.observations[0].facts.get("busiest_time_wait", 0) == taken
