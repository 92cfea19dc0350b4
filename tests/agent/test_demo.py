"""The demonstration as a newcomer runs it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import pytest
from attrs import evolve

from agent import commands, demo
from agent.demo import behaviours
from agent.demo.nameserver import NameServer
from agent.demo.place import Place, pair, serving
from reports import document
from reports.causes import CAUSES

LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"
NOBODY = 65534
LOOPBACK = "127."


def run(*arguments, user=None, **environment):
    """The demonstration with these arguments, as this user, in this environment alone."""
    return subprocess.run(
        [LINKDOCTOR, "demo", *arguments],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **environment},
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        cwd="/",
        timeout=60,
        check=False,
    )


def ordinary_user():
    """Nobody, where this is root and nobody can run what is in the checkout; else whoever this is."""
    if os.geteuid() != 0:
        return None
    reads = subprocess.run([LINKDOCTOR, "--version"], user=NOBODY, capture_output=True, check=False, cwd="/")
    return NOBODY if reads.returncode == 0 else None


@pytest.fixture(scope="module")
def report():
    """What an ordinary user gets, whose environment names a proxy that is not there."""
    done = run("--format", "json", user=ordinary_user(), HTTP_PROXY="http://127.0.0.1:1", https_proxy="127.0.0.1:1")
    assert (done.returncode, done.stderr) == (0, "")
    return document.loads(done.stdout.encode(), "stdout")


def found(report):
    """The verdict and the causes of each target."""
    causes = {finding.id: finding.cause for finding in report.findings}
    return {result.name: (result.verdict, [causes[one] for one in result.findings]) for result in report.targets}


def test_each_cause_is_found(report):
    """An ordinary user gets, for every target, the verdict and the one cause that the cast has."""
    expected = {part.name: (part.verdict, [part.cause] if part.cause else []) for part in demo.CAST}

    assert expected == found(report)
    assert demo.surprises(report) == ()


def test_nothing_leaves_the_machine(report):
    """Whatever was addressed is on loopback; no proxy is used, and the job's own resolver is not asked."""
    addressed = [seen.address for seen in report.observations if seen.probe in ("dns", "tcp", "tls", "service", "http")]

    assert {address[: len(LOOPBACK)] for address in addressed} == {LOOPBACK}
    assert {seen.step for seen in report.observations}.isdisjoint({"proxy", "connect_proxy", "resolver"})


def test_truncated_answer_is_asked_for_over_tcp(report):
    """One healthy name has an answer that does not fit into a datagram."""
    over = {seen.facts["name"] for seen in report.observations if seen.facts.get("over") == "tcp"}

    assert over == {part.host for part in demo.CAST if part.long_answer}


def test_text():
    """The report on stdout; what it is about, and that it worked, on stderr."""
    done = run()

    assert done.returncode == 0
    assert done.stdout.startswith("demo ")
    for part in demo.CAST:
        assert part.name in done.stdout
        assert part.cause is None or part.cause in done.stdout
    assert [line for line in done.stderr.splitlines() if line] == [demo.INTRODUCTION.strip(), demo.CONCLUSION.strip()]
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_output(tmp_path):
    """A file takes the report."""
    done = run("--format", "json", "--output", str(tmp_path / "demo.json"))

    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads((tmp_path / "demo.json").read_text())["run"]["plan"]["name"] == "demo"


def test_interrupt():
    """After Ctrl-C: 130, and a report marked partial; nothing else is said."""
    command = [LINKDOCTOR, "demo", "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            until_contacted(process)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()

    assert (process.returncode, errors) == (130, "")
    assert json.loads(output)["run"]["partial"] is True


def until_contacted(process):
    """Return when a connection stands within the process: the check has begun."""
    established = "01"
    while process.poll() is None:
        with contextlib.suppress(OSError):
            rows = Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]
            inodes = {row.split()[9] for row in rows if row.split()[3] == established}
            if inodes & set(sockets_of(process.pid)):
                return
    pytest.fail("the demonstration ended before anything could be seen")


def sockets_of(pid):
    """The inodes of the process's sockets."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            name = str(link.readlink())
            if name.startswith("socket:["):
                yield name[len("socket:[") : -1]


def test_nothing_is_left(monkeypatch):
    """When the run has ended, also in an error, its thread and its sockets are gone."""

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "run", fail)
    threads, sockets = threading.enumerate(), set(sockets_of(os.getpid()))
    with pytest.raises(KeyboardInterrupt):
        demo.run(progress=False)

    assert threading.enumerate() == threads
    assert set(sockets_of(os.getpid())) <= sockets


def test_surprises(report):
    """What is not as the cast has it is told a target, in words."""
    healthy = evolve(
        report, findings=(), targets=tuple(evolve(one, verdict="healthy", findings=()) for one in report.targets)
    )
    broken = [part for part in demo.CAST if part.cause]

    expected = tuple(f"{part.name}: healthy, and should be {part.verdict} ({part.cause})" for part in broken)
    assert expected == demo.surprises(healthy)


def test_cast():
    """The causes are of the catalogue and all different; at least four of the cast are healthy."""
    causes = [part.cause for part in demo.CAST if part.cause]

    assert set(causes) <= set(CAUSES)
    assert len(set(causes)) == len(causes)
    assert len(demo.CAST) - len(causes) >= 4


def test_clients_that_stay_are_turned_out(capfd):
    """The end of the servers ends the connections that clients still hold, without a word."""
    place = Place.at("127.10.1.1", "127.10.2.1", behaviours.redis, None)
    with contextlib.closing(place), serving(place):
        client = socket.create_connection(("127.10.1.1", place.port), timeout=30)
        client.sendall(b"*1\r\n$4\r\nPING\r\n")
        assert client.recv(16) == b"+PONG\r\n"
    with client:
        assert client.recv(16) == b""

    assert capfd.readouterr() == ("", "")


def test_nobody_listens_where_somebody_has_gone():
    """The port of a place is held at its second address too, and refuses there."""
    place = Place.at("127.10.1.1", "127.10.2.1", behaviours.until_closed, None)
    with contextlib.closing(place), serving(place), pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.10.2.1", place.port), timeout=30)


def test_pair_gives_back_what_it_cannot_use():
    """A port that is not free for all of them is not kept, and an address that is none of ours is an error."""
    sockets = set(sockets_of(os.getpid()))
    with pytest.raises(OSError, match="no port is free"):
        pair(("127.0.0.1", socket.SOCK_STREAM), ("192.0.2.1", socket.SOCK_STREAM))

    assert set(sockets_of(os.getpid())) <= sockets


@pytest.mark.parametrize(
    ("name", "kind", "rcode", "values"),
    [
        ("Here.example", "A", "NOERROR", ["127.10.1.1"]),
        ("here.example", "AAAA", "NOERROR", []),
        ("long.example", "A", "NOERROR", ["127.10.1.2"]),
        ("gone.example", "A", "NXDOMAIN", []),
    ],
)
async def test_name_server(name, kind, rcode, values):
    """A records of any case, nothing of another type, TCP for what is long, NXDOMAIN for what is not there."""
    records = {"here.example": ("127.10.1.1",), "long.example": ("127.10.1.2",)}
    server = NameServer.at("127.0.0.1", records, {"long.example"})
    ip, port = server.address.split(":")
    query = dns.message.make_query(name, kind)
    with contextlib.closing(server), contextlib.ExitStack() as begun:
        await server.start(begun)
        answer, over_tcp = await dns.asyncquery.udp_with_fallback(query, ip, 30, int(port))

    assert dns.rcode.to_text(answer.rcode()) == rcode
    assert [record.address for rrset in answer.answer for record in rrset] == values
    assert over_tcp == name.startswith("long")
    assert not answer.flags & dns.flags.TC


async def test_name_server_is_silent_to_what_is_no_query():
    """Garbage gets no answer, and the next query does."""
    server = NameServer.at("127.0.0.1", {"here.example": ("127.10.1.1",)}, ())
    query = dns.message.make_query("here.example", "A").to_wire()
    with contextlib.closing(server), contextlib.ExitStack() as begun:
        await server.start(begun)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.connect(server.datagrams.getsockname())
            client.send(b"garbage")
            client.send(query)
            answer = await asyncio.get_running_loop().sock_recv(client, 512)

    assert answer[:2] == query[:2]
