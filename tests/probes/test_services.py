"""The service probe's exchanges, byte by byte, with peers that say exactly what a case says."""

import asyncio
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.failures import LOCAL_SHORTAGES, Failure
from reports.services import HTTP, SERVICES
from tests.probes.service_cases import (
    CASES,
    DENIED,
    END,
    GREETING,
    RESET,
    SILENCE,
    SWITCH,
    SWITCH_TO_NATIVE,
    Peer,
    mysql_packet,
)
from tests.service_servers import ask_over, ask_service, stream_to
from tests.tls_servers import HERE, server

# Servers that end the connection when they have answered; the others wait for more.
ENDING = frozenset({"zookeeper", "hdfs-namenode"})
# One that wants SASL ends without a word.
CLOSES = ("hdfs-datanode", END)


def whole(turns):
    """Each turn in one piece."""
    return [[turn] if turn else [] for turn in turns]


def bytewise(turns):
    """Each turn byte by byte."""
    return [[turn[place : place + 1] for place in range(len(turn))] for turn in turns]


def outcome(seen, facts):
    """The failure, and what was noted under the keys of ``facts``."""
    return seen.failure, {key: seen.facts.get(key) for key in facts}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("cut", [whole, bytewise])
async def test_answer(name, cut):
    """Each answer means the same, whether it comes whole or byte by byte."""
    service, turns, failure, facts = CASES[name]
    seen = await ask_over(Peer(*cut(turns), then=END), service, 7)

    assert (failure, facts) == outcome(seen, facts)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[2] is None and len(case[1]) > 1])
async def test_with_a_tail(name):
    """What follows a whole answer changes nothing, but behind PostgreSQL's single byte it shows another server."""
    service, turns, failure, facts = CASES[name]
    *before, last = turns
    seen = await ask_over(Peer(*whole([*before, last + b"\0garbage\r\n" * 3]), then=END), service, 7)
    if service in ("postgresql", "hologres"):
        failure, facts = Failure.WRONG_PROTOCOL, {}

    assert (failure, [key for key in facts if key != "bytes_in"]) == (
        seen.failure,
        [key for key in facts if key != "bytes_in" and seen.facts[key] == facts[key]],
    )


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[2] is None and case[0] != "tcp"])
async def test_cut_short(name):
    """An answer that is cut anywhere is never taken for a failure of another kind than its end; nor raises."""
    service, turns, _, _ = CASES[name]
    last = next(turn for turn in turns if turn)
    before = turns[: turns.index(last)]
    for end in range(len(last)):
        for then, failure in ((END, Failure.EOF), (RESET, Failure.CONNECTION_RESET), (SILENCE, Failure.TIMED_OUT)):
            seen = await ask_over(Peer(*whole([*before, last[:end]]), then=then), service, 7)

            assert seen.failure in (None, failure, Failure.WRONG_PROTOCOL)
            assert end or seen.failure is failure or SERVICES[service].exchange == "" or (service, then) == CLOSES


@pytest.mark.parametrize("service", [name for name, one in SERVICES.items() if one.exchange != HTTP])
@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff\xff\xff\0\x0a8.0\0",
        b"-ERR ",
        b"+",
        b"E\0\0\x10\0S",
        b"\0\0\xff\0link\0\0\0\xff\0\0",
        b"\4\1\x0f\xff\0\0\1\0",
    ],
)
async def test_endless(service, head):
    """A peer that never stops is read up to a bound, and no further."""
    peer = Peer(itertools.chain([head] if head else [], itertools.repeat(b"A" * 1000)))
    seen = await ask_over(peer, service, 7)

    assert seen.facts["bytes_in"] <= 128 * 1024


@given(
    service=st.sampled_from([name for name, one in SERVICES.items() if one.exchange != HTTP]),
    turns=st.lists(
        st.lists(
            st.binary(min_size=1, max_size=40)
            | st.sampled_from([turn for case in CASES.values() for turn in case[1] if turn]),
            max_size=4,
        ),
        max_size=4,
    ),
    then=st.sampled_from([SILENCE, END, RESET]),
)
async def test_any_bytes(service, turns, then):
    """No bytes make an exchange raise, take more than its bound, or blame this machine."""
    peer = Peer(*turns, then=then)
    seen = await ask_over(peer, service, 7)

    assert seen.failure not in LOCAL_SHORTAGES
    assert seen.facts["bytes_in"] <= 128 * 1024
    assert seen.facts["bytes_out"] == sum(map(len, peer.heard)) <= 1024
    assert all(
        not isinstance(value, str) or (value.isprintable() and len(value) <= 300) for value in seen.facts.values()
    )


@pytest.mark.parametrize("service", ["redis", "zookeeper", "kafka", "mongodb", "hdfs-namenode", "tcp", "mysql"])
@pytest.mark.parametrize(("then", "failure"), [(END, Failure.EOF), (RESET, Failure.CONNECTION_RESET)])
async def test_turned_away(service, then, failure):
    """Who hangs up before we have spoken is told from who does so when we speak."""
    seen = await ask_over(Peer([], then=then), service, 7)

    assert (seen.failure, seen.facts["phase"], seen.facts["bytes_in"], seen.facts["bytes_out"]) == (
        failure,
        "greeting",
        0,
        0,
    )


@pytest.mark.parametrize("service", ["redis", "zookeeper", "kafka", "mongodb", "hdfs-namenode", "postgresql"])
@pytest.mark.parametrize(("then", "failure"), [(END, Failure.EOF), (RESET, Failure.CONNECTION_RESET)])
async def test_hung_up_at_our_data(service, then, failure):
    """The same after our first word."""
    seen = await ask_over(Peer([], [], then=then), service, 7)

    assert (seen.failure, seen.facts["phase"], seen.facts["bytes_in"]) == (failure, "reply", 0)


class TestMySQLManners:
    """What keeps MySQL from counting us."""

    @pytest.mark.parametrize(
        ("switch", "answer"), [(SWITCH, b"\1\0\0\3\0"), (SWITCH_TO_NATIVE, b"\0\0\0\3")], ids=["sha2", "native"]
    )
    async def test_switch(self, switch, answer):
        """A server that asks for another method is told "no password" in that method's own way."""
        peer = Peer(*whole([GREETING, switch, DENIED]))
        await ask_over(peer, "mysql", 7)

        assert answer == peer.heard[1]

    async def test_response(self):
        """The response is a valid HandshakeResponse41 of a user that says who is asking."""
        peer = Peer(*whole([GREETING, DENIED]))
        await ask_over(peer, "mysql", 7)
        (response,) = peer.heard
        capabilities, longest, charset = struct.unpack("<IIB", response[4:13])

        assert int.from_bytes(response[:3], "little") == len(response) - 4
        assert (response[3], capabilities, longest, charset, response[13:36]) == (1, 0x88200, 1 << 24, 33, bytes(23))
        assert response[36:] == b"linkdoctor\0\0mysql_native_password\0"

    async def test_leaves_in_order(self):
        """A server that lets anybody in is left with COM_QUIT."""
        peer = Peer(*whole([GREETING, mysql_packet(2, bytes(7))]))
        await ask_over(peer, "mysql", 7)

        assert peer.heard[1:] == [b"\1\0\0\0\1"]

    async def test_late_greeting_at_the_well_known_port(self):
        """At port 3306 a greeting is waited for, although only TCP was declared."""
        begin = asyncio.Event()

        async def greets_late(reader, writer):
            await begin.wait()
            writer.write(GREETING)
            await reader.readexactly(4)
            writer.write(DENIED)
            await reader.read()

        async with server(greets_late) as port:
            stream = await stream_to(port)
            asking = asyncio.ensure_future(ask_over(stream, "tcp", 3306))
            # Far more turns of the loop than the usual window would have lasted in an idle one.
            await asyncio.wait([asking], timeout=0.1)
            begin.set()
            seen = await asking
            await stream.close()

        assert (seen.failure, seen.facts["spoke"], seen.facts["code"]) == (None, "mysql", 1045)

    async def test_never_outlasts_its_grace(self, monkeypatch):
        """A cancelled exchange with a server that falls silent ends when the grace is over."""
        monkeypatch.setattr("probes.services._GRACE", 0.01)

        async def falls_silent(reader, writer):
            writer.write(GREETING)
            await reader.read()

        async with server(falls_silent) as port:
            stream = await stream_to(port)
            asking = asyncio.ensure_future(ask_over(stream, "mysql", port, within=600))
            await asyncio.sleep(0)
            asking.cancel()
            done, _ = await asyncio.wait([asking])
            await stream.close()

        assert {asking} == done
        assert asking.cancelled()


@pytest.mark.parametrize(("turns", "sent"), [([b"", b""], 4), ([b"", b"", b""], 16)])
async def test_datanode_closes(turns, sent):
    """A DataNode that wants SASL closes at the first four bytes, an old one at the rest: the connection is proved."""
    seen = await ask_over(Peer(*whole(turns), then=END), "hdfs-datanode", 7)
    expected = {"answers": False, "bytes_out": sent, "bytes_in": 0, "spoke": None}

    assert (None, expected) == outcome(seen, expected)


async def test_datanode_resets():
    """Whoever resets at the first bytes is no DataNode."""
    seen = await ask_over(Peer([], [], then=RESET), "hdfs-datanode", 7)

    assert (seen.failure, seen.facts["bytes_out"]) == (Failure.CONNECTION_RESET, 4)


@pytest.mark.parametrize("name", ["kafka", "mongodb", "sqlserver", "metastore", "hadoop"])
async def test_over_a_socket(name):
    """The same over real TCP, with a server that answers word for word and then waits."""
    service, turns, failure, facts = CASES[name]

    async def answers(reader, writer):
        for turn in turns[1:]:
            await reader.read(1024)
            writer.write(turn)
        if service not in ENDING:
            await reader.read()

    async with server(answers) as port:
        seen = await ask_service(service, port)

    assert (failure, facts) == outcome(seen, facts)


@pytest.mark.parametrize("service", ["mysql", "redis", "kafka", "zookeeper", "postgresql"])
async def test_silence(service):
    """A server that accepts and says nothing is timed out, in the phase in which it fell silent."""

    async def says_nothing(reader, writer):
        await reader.read()
        await reader.read()

    async with server(says_nothing) as port:
        seen = await ask_service(service, port, within=0.15)

    assert (seen.failure, seen.facts["phase"]) == (Failure.TIMED_OUT, "greeting" if service == "mysql" else "reply")


async def test_where_it_is_observed():
    """The observation says of whom it is."""
    seen = await ask_over(Peer([]), "tcp", 7)

    assert (seen.probe, seen.step, seen.target, seen.address) == ("service", "exchange", "it", f"{HERE}:7")
