"""The connect engine on loopback: real listeners, real refusals, real shortages."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from probes.mysql_packets import RESPONSE, framed
from probes.sweep import Sweep, Unable
from probes.sweep.connect import life
from reports.sweep import Addresses, Answer, Order, Table, tcp
from tests.probes.service_cases import mysql_packet

HOSTS = "127.9.0.0/26"
GREETING = b"\x0a8.0.36\0" + bytes(40)


@contextlib.contextmanager
def listening(*hosts):
    """A port that listens at these addresses of ours."""
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(socket.create_server((hosts[0], 0), backlog=4096))
        port = first.getsockname()[1]
        rest = [stack.enter_context(socket.create_server((host, port), backlog=4096)) for host in hosts[1:]]
        yield port, [first, *rest]


@contextlib.contextmanager
def free_port():
    """A port at which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def order_of(*questions, hosts=HOSTS, **more):
    """What is asked; as fast as it goes."""
    return Order(addresses=Addresses.of(hosts), questions=questions, **{"rate": 0, "timeout": 0.5, **more})


def swept(order, method="connect"):
    """The table, the sweep, and all answers."""
    sweep, table, answers = Sweep(order, method), Table(order), []
    for batch in sweep:
        table.take(batch)
        answers.extend(map(Answer._make, batch.answers))
    return table, sweep, answers


def test_open_and_refused():
    """Where somebody listens it is open, elsewhere refused; with the time that it took, and the packets that left."""
    with listening("127.9.0.3", "127.9.0.40") as (port, _), free_port() as other:
        table, sweep, answers = swept(order_of(tcp(port), tcp(other)))
    states = table.states(0)

    assert {3: "o", 40: "o"} == {index: state for index, state in enumerate(states) if state != "r"}
    assert table.count(1) == {"r": 64}
    assert (sweep.method, sweep.methods, sweep.partial) == ("connect", {0: "connect", 1: "connect"}, False)
    assert all(0 < answer.rtt < 1 for answer in answers)
    # Each question is a SYN, and what is open is ended by a packet of ours.
    assert sweep.sent >= 128 + 2


def test_ipv6():
    """The same."""
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with listener, free_port() as other:
        order = order_of(tcp(listener.getsockname()[1]), tcp(other), hosts="::1")
        table, _, _ = swept(order)

    assert (table.states(0), table.states(1)) == ("o", "r")


def test_no_server_is_kept_busy():
    """Who listens is not woken: the connection is reset before its handshake is over."""
    with listening("127.9.0.3") as (port, (listener,)):
        swept(order_of(tcp(port), rate=100))
        listener.settimeout(0.3)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_silence():
    """A listener whose queue is full answers no SYN: that is asked again, and silent in the end."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.9.1.1", 0))
        listener.listen(0)
        for _ in range(4):
            sock = stack.enter_context(socket.socket(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
            sock.connect_ex(listener.getsockname())
        table, sweep, _ = swept(order_of(tcp(listener.getsockname()[1]), hosts="127.9.1.1"))

    assert table.states(0) == "."
    assert sweep.sent == 2


def test_several_processes():
    """Thousands of cells are shared by processes, and none is lost or wrong."""
    open_ones = [f"127.9.{block}.{last}" for block in range(16) for last in (0, 77, 255)]
    with listening(*open_ones) as (port, _):
        order = order_of(tcp(port), hosts="127.9.0.0/20")
        table, sweep, answers = swept(order)
    found = {order.addresses.text(answer.cell) for answer in answers if answer.state == "o"}

    assert found == set(open_ones)
    assert table.count(0) == {"o": len(open_ones), "r": 4096 - len(open_ones)}
    assert sweep.sent >= 4096 + len(open_ones)


def test_rate():
    """So many packets a second at most: not less time than that takes."""
    with free_port() as port:
        start = time.monotonic()
        _, sweep, _ = swept(order_of(tcp(port), rate=100))
        took = time.monotonic() - start

    assert sweep.sent >= 64
    assert took >= (sweep.sent - 10) / 100


class Database(threading.Thread):
    """Greets each as MySQL and refuses its user; ``heard`` is what each said, ``ends`` how each connection ended."""

    def __init__(self, listener, greeting=GREETING):
        super().__init__(daemon=True)
        self.heard, self.ends = [], []
        self._listener, self._greeting = listener, greeting
        self.start()

    def run(self):
        """Until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    connection.settimeout(10)
                    self._serve(connection)

    def _serve(self, connection):
        try:
            connection.sendall(mysql_packet(0, self._greeting))
            self.heard.append(connection.recv(1000))
            connection.sendall(mysql_packet(2, b"\xff\x15\x04#28000Access denied"))
            connection.shutdown(socket.SHUT_WR)
            self.ends.append(connection.recv(1000))
        except OSError as error:
            self.ends.append(error)


def test_mysql_handshakes_are_finished():
    """The greeting is answered, the server's decision read, and the connection ended in order: never reset."""
    with listening("127.9.0.3", "127.9.0.5") as (port, listeners):
        databases = [Database(listener) for listener in listeners]
        table, _, _ = swept(order_of(tcp(port, "mysql")))
        for database in databases:
            while not database.ends:
                time.sleep(0.001)

    assert table.count(0) == {"o": 2, "r": 62}
    assert [database.heard for database in databases] == [[framed(1, RESPONSE)]] * 2
    assert [database.ends for database in databases] == [[b""]] * 2


def test_mysql_handshakes_are_finished_though_interrupted():
    """Whoever leaves the loop does not leave a server alone with half of a handshake."""
    with listening("127.9.0.3") as (port, (listener,)):
        database = Database(listener)
        order = order_of(tcp(port, "mysql"), hosts="127.9.0.3")
        for batch in Sweep(order, "connect"):
            if batch.answers:
                break
        while not database.ends:
            time.sleep(0.001)

    assert database.heard == [framed(1, RESPONSE)]
    assert database.ends == [b""]


@pytest.mark.parametrize("greeting", [b"\xff\x69\x04Host is blocked", b"HTTP", b""])
def test_who_is_no_mysql_server_is_left_in_order(greeting):
    """What does not greet as MySQL gets not a byte, and no reset."""
    with listening("127.9.0.3") as (port, (listener,)):
        database = Database(listener, greeting)
        table, _, _ = swept(order_of(tcp(port, "mysql"), hosts="127.9.0.3"))
        while not database.heard:
            time.sleep(0.001)

    assert table.states(0) == "o"
    assert database.heard == [b""]


_FEW_DESCRIPTORS = """
import json, resource, sys
from probes.sweep import Sweep
from reports.sweep import Addresses, Order, Table, tcp
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
order = Order(addresses=Addresses.of("127.9.0.0/24"), questions=(tcp(int(sys.argv[1])),), rate=0, timeout=0.5)
taken = []
if limit < 30:
    import os
    while True:
        try:
            taken.append(os.dup(0))
        except OSError:
            break
    for one in taken[:2]:  # an epoll instance, and one more
        os.close(one)
sweep, table = Sweep(order, "connect"), Table(order)
if limit < 30:
    taken.append(os.dup(0))
for batch in sweep:
    table.take(batch)
print(json.dumps([table.count(0), sweep.shortages]))
"""


def few_descriptors(port, limit):
    """What a sweep finds with so many descriptors."""
    run = [sys.executable, "-c", _FEW_DESCRIPTORS, str(port), str(limit)]
    return json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)


def test_few_descriptors_are_enough():
    """Fewer at once, and every address is asked."""
    with free_port() as port:
        assert few_descriptors(port, 60) == [{"r": 256}, {}]


def test_no_descriptors_are_no_silence():
    """What this machine lacks is said, and nothing of the addresses."""
    with free_port() as port:
        states, shortages = few_descriptors(port, 20)

    assert states == {"?": 256}
    assert shortages == {"this process may open no more descriptors": 256}


_SWEEPING = """
import sys
from probes.sweep import Sweep
from reports.sweep import Addresses, Order, tcp
order = Order(addresses=Addresses.of("127.0.0.0/10"), questions=(tcp(int(sys.argv[1])),), rate=0)
for batch in Sweep(order, "connect"):
    print(len(batch.answers), flush=True)
"""


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(sign):
    """However it ends, nothing of it goes on."""
    with free_port() as port:
        command = [sys.executable, "-c", _SWEEPING, str(port)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
            while int(parent.stdout.readline()) == 0:
                pass
            parent.send_signal(sign)
            # The pipe ends when the last of them does.
            parent.communicate(timeout=20)

    assert parent.returncode in (-sign, 1)


def test_how_long_a_handshake_is_given():
    """The last SYN that the kernel sends for it gets the time-out, and no further SYN leaves."""
    lives = {(tries, timeout): life(order_of(tcp(1), tries=tries, timeout=timeout)) for tries, timeout in _LIVES}

    assert lives == pytest.approx(_LIVES)


_LIVES = {(1, 0.3): 0.3, (1, 1.0): 1.0, (2, 0.3): 1.3, (2, 1.0): 1.95, (3, 0.5): 3.5}


def test_methods_that_cannot_be():
    """What is wrong is said before anything is sent."""
    with pytest.raises(Unable, match="there are: auto, connect"):
        Sweep(order_of(tcp(80)), "guess")
    with pytest.raises(Unable, match="icmp answers no question of kind tcp"):
        Sweep(order_of(tcp(80)), "icmp")
    with pytest.raises(Unable, match="not enumerated"):
        Sweep(order_of(tcp(80), hosts="fd00::/64"), "connect")
    with pytest.raises(Unable, match="allow at least"):
        Sweep(order_of(tcp(80), rate=1), "connect")
