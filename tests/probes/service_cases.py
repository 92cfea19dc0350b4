"""What servers say, byte for byte, and what each answer means; and a peer that says it."""

import errno
import struct

from probes.stream import Stream
from reports.failures import Failure

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

    async def receive(self, _timeout):
        """The next chunk of the turns that are due."""
        for turn in self.turns[: len(self.heard) + 1]:
            for chunk in turn:
                return chunk
        if self.then == SILENCE or len(self.heard) + 1 < len(self.turns):
            raise TimeoutError
        if self.then == RESET:
            raise ConnectionResetError(errno.ECONNRESET, "reset")
        return b""

    async def write(self, data, _timeout):
        """Keep the word."""
        self.heard.append(data)

    async def close(self):
        """Nothing to give back."""


# --- what servers say ------------------------------------------------------------------------------------------------


def mysql_packet(number, payload):
    """A packet."""
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


def mysql_error(number, code, message, state=b"#HY000"):
    """An ERR_Packet."""
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
# Status ERROR_INVALID, and a text whose length takes two bytes (datatransfer.proto, ShortCircuitShmResponseProto).
DATANODE = (
    b"\x8e\x01\x08\x03\x12\x89\x01"
    b"Bad request from NioInetPeer(Socket[addr=/10.0.0.1,port=40000,localport=9866]): must request a shared memory"
    b" segment over a UNIX domain socket."
)
HADOOP = (
    b"HTTP/1.1 404 Not Found\r\nContent-type: text/plain\r\n\r\n"
    b"It looks like you are making an HTTP request to a Hadoop IPC port. This is not the correct port for the web"
    b" interface on this daemon.\r\n"
)


def kafka_answer(body):
    """Any answer, with its length and our correlation id."""
    return struct.pack(">i4s", len(body) + 4, b"link") + body


def kafka_string(text):
    """A string that is not null."""
    return struct.pack(">h", len(text)) + text


def kafka_versions(*ranges, error=0):
    """An answer to ApiVersions: key, lowest and highest version."""
    return kafka_answer(struct.pack(">hi", error, len(ranges)) + b"".join(struct.pack(">hhh", *one) for one in ranges))


def kafka_brokers(*brokers, before=b"", rack=b"\xff\xff"):
    """An answer to Metadata."""
    listed = b"".join(
        struct.pack(">i", 7) + kafka_string(host) + struct.pack(">i", port) + rack for host, port in brokers
    )
    return kafka_answer(before + struct.pack(">i", len(brokers)) + listed + struct.pack(">ii", 7, 0))


def bson(*elements):
    """A document of these elements."""
    body = b"".join(elements)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def mongo_answer(*elements):
    """An OP_MSG that answers our first."""
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
        [b"-DENIED Redis is running in protected mode because " + 120 * b"protected " + b"\r\n"],
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
    "datanode": ("hdfs-datanode", [b"", b"", DATANODE], None, {"spoke": "hdfs-datanode", "bytes_out": 16}),
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
    "tcp greets": ("hbase", [SSH], None, {"spoke": "ssh"}),
    "tcp is mysql": ("tcp", [GREETING, DENIED], None, {"spoke": "mysql", "code": 1045}),
    "a web server at redis": ("redis", [b"", WEB], Failure.WRONG_PROTOCOL, {"spoke": "http"}),
    "a web server at hadoop": ("hdfs-namenode", [b"", WEB], Failure.WRONG_PROTOCOL, {"spoke": "http"}),
    "a web server at datanode": ("hdfs-datanode", [b"", WEB], Failure.WRONG_PROTOCOL, {"spoke": "http"}),
    "ssh at datanode": ("hdfs-datanode", [SSH], Failure.WRONG_PROTOCOL, {"spoke": "ssh", "bytes_out": 0}),
    "a web server at postgresql": ("postgresql", [b"", WEB], Failure.WRONG_PROTOCOL, {"spoke": "http"}),
    "a web server at mongodb": ("mongodb", [b"", WEB], Failure.WRONG_PROTOCOL, {"spoke": "http"}),
    "ssh at mysql": ("mysql", [SSH], Failure.WRONG_PROTOCOL, {"spoke": "ssh"}),
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
