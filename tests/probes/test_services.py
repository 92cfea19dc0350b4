"""The service probe's exchanges, byte by byte, with peers that say exactly what a case says."""

import asyncio
import errno
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.network import Stream
from reports.failures import LOCAL_SHORTAGES, Failure
from reports.services import HTTP, SERVICES
from tests.service_servers import ask_over, ask_service, stream_to
from tests.tls_servers import HERE, server

SILENCE, END, RESET = "silence", "end", "reset"


class Peer(Stream):
    """A peer that says ``turns[0]`` unasked and ``turns[n]`` after our n-th word, and then falls silent or ends.

    A turn is a list of chunks, as they come off the wire. It is silent without making anybody wait.
    """

    def __init__(self, *turns, then=SILENCE):
        super().__init__()
        self.turns = [iter(turn) for turn in turns]
        self.then = then
        self.heard = []

    async def receive(self, timeout):
        """The next chunk of the turns that are due."""
        for turn in self.turns[: len(self.heard) + 1]:
            for chunk in turn:
                return chunk
        if self.then == RESET:
            raise ConnectionResetError(errno.ECONNRESET, "reset")
        if self.then == SILENCE or len(self.heard) + 1 < len(self.turns):
            raise TimeoutError
        return b""

    async def write(self, data, timeout):
        """Keep the word."""
        self.heard.append(data)

    async def close(self):
        """Nothing to give back."""


# --- what servers say ------------------------------------------------------------------------------------------------


def mysql_packet(number, payload):
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


def mysql_error(number, code, message, state=b"#HY000"):
    return mysql_packet(number, b"\xff" + code.to_bytes(2, "little") + state + message)


GREETING = mysql_packet(
    0,
    b"\x0a8.0.36\0\x2a\0\0\0ABCDEFGH\0\xff\xff\x21\x02\0\xff\xdf\x15" + bytes(10) + b"IJKLMNOPQRST\0"
    b"caching_sha2_password\0",
)
MARIADB = mysql_packet(0, b"\x0a5.5.5-10.11.6-MariaDB\0\x2a\0\0\0ABCDEFGH\0\xff\xff\x21\x02\0" + bytes(13))
DENIED = mysql_error(2, 1045, b"Access denied for user 'linkdoctor'@'10.0.0.9' (using password: NO)", b"#28000")
BLOCKED = mysql_error(0, 1129, b"Host '10.0.0.9' is blocked because of many connection errors", b"")
SWITCH = mysql_packet(2, b"\xfecaching_sha2_password\0ABCDEFGHIJKLMNOPQRST\0")
SWITCH_TO_NATIVE = mysql_packet(2, b"\xfemysql_native_password\0ABCDEFGHIJKLMNOPQRST\0")


def postgresql_error(code, message):
    """An ErrorResponse."""
    fields = b"SFATAL\0VFATAL\0C" + code + b"\0M" + message + b"\0\0"
    return b"E" + struct.pack(">I", len(fields) + 4) + fields


PG_FULL = postgresql_error(b"53300", b"sorry, too many clients already")
PG_NO_HBA = postgresql_error(b"28000", b"no pg_hba.conf entry for host 10.0.0.9")
PG_STARTING = postgresql_error(b"57P03", b"the database system is starting up")

SRVR = b"Zookeeper version: 3.8.0-5a02a05, built on 2022-02-25\nLatency min/avg/max: 0/0.0/0\nMode: follower\n"
HADOOP = (
    b"HTTP/1.1 404 Not Found\r\nContent-type: text/plain\r\n\r\n"
    b"It looks like you are making an HTTP request to a Hadoop IPC port. This is not the correct port for the web"
    b" interface on this daemon.\r\n"
)


def kafka_answer(body):
    return struct.pack(">i4s", len(body) + 4, b"link") + body


def kafka_string(text):
    return struct.pack(">h", len(text)) + text


def kafka_versions(*ranges, error=0):
    return kafka_answer(struct.pack(">hi", error, len(ranges)) + b"".join(struct.pack(">hhh", *one) for one in ranges))


def kafka_brokers(*brokers, before=b"", rack=b"\xff\xff"):
    listed = b"".join(
        struct.pack(">i", 7) + kafka_string(host) + struct.pack(">i", port) + rack for host, port in brokers
    )
    return kafka_answer(before + struct.pack(">i", len(brokers)) + listed + struct.pack(">ii", 7, 0))


def bson(*elements):
    body = b"".join(elements)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def mongo_answer(*elements):
    document = bson(*elements)
    return struct.pack("<iiiiIB", 21 + len(document), 99, 1, 2013, 0, 0) + document


MONGO = mongo_answer(
    b"\x08isWritablePrimary\0\0",
    b"\x03topologyVersion\0" + bson(b"\x07processId\0" + bytes(12), b"\x12counter\0" + bytes(8)),
    b"\x09localTime\0" + bytes(8),
    b"\x10maxWireVersion\0" + struct.pack("<i", 21),
    b"\x01ok\0" + struct.pack("<d", 1.0),
)
MONGO_OLD = mongo_answer(
    b"\x01ok\0" + bytes(8),
    b"\x02errmsg\0" + struct.pack("<i", 27) + b"no such command: 'hello'  \0",
    b"\x10code\0" + struct.pack("<i", 59),
)

TDS = b"\x04\x01\0\x20\0\0\1\0" + b"\0\0\x0b\0\6\1\0\x11\0\1\xff" + b"\x0f\0\x07\xd0\0\0\2" + bytes(6)

THRIFT_REPLY = b"\x80\1\0\2\0\0\0\x09getStatus\0\0\0\1\x08\0\0\0\0\0\2\0"
THRIFT_EXCEPTION = (
    b"\x80\1\0\3\0\0\0\x09getStatus\0\0\0\1\x0b\0\1\0\0\0\x22Invalid method name: 'getStatus' .\x08\0\2\0\0\0\1\0"
)
SASL = b"\4\0\0\0\x13Invalid status -128"

ILLEGAL = b"-ERR illegal address: 47.98.1.2:50412\r\n"
SSH = b"SSH-2.0-OpenSSH_9.2p1\r\n"
WEB = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
ALERT = b"\x15\3\3\0\2\2\x46"

# Service, what it says turn by turn; the failure, and facts among those that are noted.
CASES = {
    "mysql": ("mysql", [b"" + GREETING, DENIED], None, {"code": 1045, "version": "8.0.36", "sees_client": "10.0.0.9"}),
    "mariadb": ("mysql", [MARIADB, DENIED], None, {"version": "10.11.6-MariaDB"}),
    "mysql lets in": ("mysql", [GREETING, mysql_packet(2, bytes(7))], None, {"bytes_in": len(GREETING) + 11}),
    "mysql switches": ("mysql", [GREETING, SWITCH, DENIED], None, {"code": 1045}),
    "mysql blocks": ("mysql", [BLOCKED], Failure.CLIENT_BLOCKED, {"code": 1129, "sees_client": "10.0.0.9"}),
    "mysql denies": (
        "mysql",
        [mysql_error(0, 1130, b"Host '10.0.0.9' is not allowed to connect to this MySQL server", b"")],
        Failure.CLIENT_DENIED,
        {"code": 1130, "sees_client": "10.0.0.9", "phase": "greeting"},
    ),
    "mysql is full": (
        "mysql",
        [mysql_error(0, 1040, b"Too many connections", b"#08004")],
        Failure.TOO_MANY_CONNECTIONS,
        {"code": 1040, "message": "Too many connections"},
    ),
    "mysql is full for the user": (
        "mysql",
        [GREETING, mysql_error(2, 1203, b"User linkdoctor already has more than 'max_user_connections'")],
        Failure.TOO_MANY_CONNECTIONS,
        {"phase": "reply"},
    ),
    "mysql shuts down": (
        "mysql",
        [mysql_error(0, 1053, b"Server shutdown in progress")],
        Failure.SERVICE_ERROR,
        {"code": 1053},
    ),
    "mysql wants tls": (
        "mysql",
        [GREETING, mysql_error(2, 3159, b"Connections using insecure transport are prohibited")],
        None,
        {"code": 3159},
    ),
    "postgresql with tls": ("postgresql", [b"", b"S"], None, {"bytes_out": 8, "spoke": "postgresql"}),
    "postgresql": ("postgresql", [b"", b"N"], None, {"bytes_in": 1}),
    "hologres": ("hologres", [b"", b"S"], None, {"spoke": "hologres"}),
    "postgresql is full": (
        "postgresql",
        [b"", PG_FULL],
        Failure.TOO_MANY_CONNECTIONS,
        {"code": "53300", "message": "sorry, too many clients already"},
    ),
    "postgresql denies": ("postgresql", [b"", PG_NO_HBA], Failure.CLIENT_DENIED, {"code": "28000"}),
    "postgresql starts": ("postgresql", [b"", PG_STARTING], Failure.SERVICE_ERROR, {"code": "57P03"}),
    "redis": ("redis", [b"", b"+PONG\r\n", b"+OK\r\n"], None, {"spoke": "redis", "bytes_in": 7}),
    "redis wants a password": ("redis", [b"", b"-NOAUTH Authentication required.\r\n"], None, {"code": "NOAUTH"}),
    "redis loads": ("redis", [b"", b"-LOADING Redis is loading the dataset in memory\r\n"], None, {"code": "LOADING"}),
    "redis denies": ("redis", [b"", ILLEGAL], Failure.CLIENT_DENIED, {"sees_client": "47.98.1.2:50412"}),
    "redis denies at once": ("redis", [ILLEGAL], Failure.CLIENT_DENIED, {"phase": "greeting"}),
    "redis is protected": (
        "redis",
        [b"-DENIED Redis is running in protected mode because ...\r\n"],
        Failure.CLIENT_DENIED,
        {"code": "DENIED"},
    ),
    "redis is full": (
        "redis",
        [b"-ERR max number of clients reached\r\n"],
        Failure.TOO_MANY_CONNECTIONS,
        {"message": "ERR max number of clients reached"},
    ),
    "zookeeper": ("zookeeper", [b"", SRVR], None, {"version": "3.8.0-5a02a05", "bytes_out": 4}),
    "zookeeper does not say": (
        "zookeeper",
        [b"", b"srvr is not executed because it is not in the whitelist.\n"],
        None,
        {"message": "srvr is not executed because it is not in the whitelist."},
    ),
    "zookeeper does not serve": (
        "zookeeper",
        [b"", b"This ZooKeeper instance is not currently serving requests\n"],
        Failure.SERVICE_ERROR,
        {"message": "This ZooKeeper instance is not currently serving requests"},
    ),
    "hadoop": ("hdfs-namenode", [b"", HADOOP], None, {"spoke": "hdfs-namenode"}),
    "kafka": (
        "kafka",
        [
            b"",
            kafka_versions((18, 0, 3), (3, 0, 12)),
            kafka_brokers((b"b1", 9092), (b"10.0.0.2", 9093), before=bytes(4)),
        ],
        None,
        {"advertised": "b1:9092,10.0.0.2:9093"},
    ),
    "kafka of old": (
        "kafka",
        [b"", kafka_versions((3, 0, 2)), kafka_brokers((b"b1", 9092), rack=kafka_string(b"r1"))],
        None,
        {"advertised": "b1:9092"},
    ),
    "kafka wants sasl": ("kafka", [b"", kafka_versions((3, 0, 12))], None, {"spoke": "kafka"}),
    "kafka errs": ("kafka", [b"", kafka_versions(error=35)], Failure.SERVICE_ERROR, {"code": 35}),
    "mongodb": ("mongodb", [b"", MONGO], None, {"version": "7.0"}),
    "mongodb of old": ("mongodb", [b"", MONGO_OLD], None, {"code": 59, "message": "no such command: 'hello'"}),
    "sqlserver": ("sqlserver", [b"", TDS], None, {"version": "15.0.2000"}),
    "metastore": ("hive-metastore", [b"", THRIFT_REPLY], None, {"code": 2}),
    "metastore excepts": ("hive-metastore", [b"", THRIFT_EXCEPTION], None, {"code": "exception"}),
    "metastore wants sasl": ("hive-metastore", [b"", SASL], None, {"code": "sasl", "message": "Invalid status -128"}),
    "tcp is silent": ("tcp", [b"", b""], None, {"answers": False, "bytes_in": 0, "phase": "greeting"}),
    "tcp greets": ("hdfs-datanode", [SSH], None, {"spoke": "ssh"}),
    "tcp is mysql": ("tcp", [GREETING, DENIED], None, {"spoke": "mysql", "code": 1045}),
    "a web server at redis": ("redis", [b"", WEB], Failure.WRONG_PROTOCOL, {"spoke": "http"}),
    "a web server at hadoop": ("hdfs-namenode", [b"", WEB], Failure.WRONG_PROTOCOL, {"spoke": "http"}),
    "a web server at postgresql": ("postgresql", [b"", WEB], Failure.WRONG_PROTOCOL, {"spoke": "http"}),
    "a web server at mongodb": ("mongodb", [b"", WEB], Failure.WRONG_PROTOCOL, {"spoke": "http"}),
    "ssh at mysql": ("mysql", [SSH], Failure.WRONG_PROTOCOL, {"spoke": "ssh", "message": "SSH-2.0-OpenSSH_9.2p1"}),
    "ssh at postgresql": ("postgresql", [SSH], Failure.WRONG_PROTOCOL, {"spoke": "ssh", "bytes_out": 0}),
    "ssh at kafka": ("kafka", [SSH], Failure.WRONG_PROTOCOL, {"spoke": "ssh"}),
    "tls at kafka": ("kafka", [b"", ALERT], Failure.WRONG_PROTOCOL, {"spoke": "tls"}),
    "tls at zookeeper": ("zookeeper", [b"", ALERT], Failure.WRONG_PROTOCOL, {"spoke": "tls"}),
    "mysql at redis": ("redis", [GREETING, DENIED], Failure.WRONG_PROTOCOL, {"spoke": "mysql", "code": 1045}),
    "mysql at sqlserver": ("sqlserver", [BLOCKED], Failure.WRONG_PROTOCOL, {"spoke": "mysql", "code": 1129}),
    "redis at mongodb": ("mongodb", [b"", b"-ERR unknown command\r\n"], Failure.WRONG_PROTOCOL, {"spoke": "redis"}),
    "redis at zookeeper": ("zookeeper", [b"", b"-ERR unknown command\r\n"], Failure.WRONG_PROTOCOL, {"spoke": "redis"}),
    "something at zookeeper": (
        "zookeeper",
        [b"", b"\x1b[2Jhello\n"],
        Failure.WRONG_PROTOCOL,
        {"message": "\\x1b[2Jhello"},
    ),
}

# Servers that end the connection when they have answered; the others wait for more.
ENDING = frozenset({"zookeeper", "hdfs-namenode"})


def told(turns, cut=lambda data: [data] if data else []):
    return [cut(turn) for turn in turns]


def bytewise(data):
    return [data[place : place + 1] for place in range(len(data))]


def outcome(seen, facts):
    return seen.failure, {key: seen.facts.get(key) for key in facts}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("cut", [told, lambda turns: told(turns, bytewise)], ids=["whole", "bytewise"])
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
    seen = await ask_over(Peer(*told([*before, last + b"\0garbage\r\n" * 3]), then=END), service, 7)
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
            seen = await ask_over(Peer(*told([*before, last[:end]]), then=then), service, 7)

            assert seen.failure in (None, failure, Failure.WRONG_PROTOCOL)
            assert end or seen.failure is failure or SERVICES[service].exchange == ""


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
    assert sum(map(len, peer.heard)) == seen.facts["bytes_out"] <= 1024
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
    @pytest.mark.parametrize(
        ("switch", "answer"), [(SWITCH, b"\1\0\0\3\0"), (SWITCH_TO_NATIVE, b"\0\0\0\3")], ids=["sha2", "native"]
    )
    async def test_switch(self, switch, answer):
        """A server that asks for another method is told "no password" in that method's own way."""
        peer = Peer(*told([GREETING, switch, DENIED]))
        await ask_over(peer, "mysql", 7)

        assert answer == peer.heard[1]

    async def test_response(self):
        """The response is a valid HandshakeResponse41 of a user that says who is asking."""
        peer = Peer(*told([GREETING, DENIED]))
        await ask_over(peer, "mysql", 7)
        (response,) = peer.heard
        capabilities, longest, charset = struct.unpack("<IIB", response[4:13])

        assert int.from_bytes(response[:3], "little") == len(response) - 4
        assert (response[3], capabilities, longest, charset, response[13:36]) == (1, 0x88200, 1 << 24, 33, bytes(23))
        assert response[36:] == b"linkdoctor\0\0mysql_native_password\0"

    async def test_leaves_in_order(self):
        """A server that lets anybody in is left with COM_QUIT."""
        peer = Peer(*told([GREETING, mysql_packet(2, bytes(7))]))
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
            asking = asyncio.ensure_future(ask_over(stream, "mysql", port, timeout=600))
            await asyncio.sleep(0)
            asking.cancel()
            done, _ = await asyncio.wait([asking])
            await stream.close()

        assert {asking} == done
        assert asking.cancelled()


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
        seen = await ask_service(service, port, timeout=0.15)

    assert (seen.failure, seen.facts["phase"]) == (Failure.TIMED_OUT, "greeting" if service == "mysql" else "reply")


async def test_where_it_is_observed():
    """The observation says of whom it is."""
    seen = await ask_over(Peer([]), "tcp", 7)

    assert (seen.probe, seen.step, seen.target, seen.address) == ("service", "exchange", "it", f"{HERE}:7")
