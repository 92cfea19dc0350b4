"""Endpoints and errors in the logs of failed jobs."""

import gzip
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.logs import MOST_ENDPOINTS, Ledger, LogError, read_blocks, read_logs
from agent.logs.document import to_document
from agent.logs.endpoints import said
from agent.logs.records import LONGEST_LINE, Records

LOGS = Path(__file__).parent / "logs"


def explained(text):
    """What a log of this text says."""
    ledger = Ledger()
    read_blocks([text.encode() if isinstance(text, str) else text], ledger)
    return ledger


def told(ledger):
    """Each endpoint with what happened to it, and how often."""
    return {
        each.shown: {said(kind): tally.count for kind, tally in each.errors.items()}
        for each in ledger.endpoints.values()
    }


def read(*names):
    """What these files say."""
    ledger = Ledger()
    read_logs([str(LOGS / name) for name in names], ledger)
    return ledger


# Endpoint, error and message: as the programs write it, one a line.
MESSAGES = [line.split("\t") for line in (LOGS / "messages.tsv").read_text().splitlines()]


@pytest.mark.parametrize(("endpoint", "error", "line"), MESSAGES, ids=[" ".join(row[:2]) for row in MESSAGES])
def test_message(endpoint, error, line):
    """Each message gives its one endpoint and its one error: bare, behind a header, with the line ends of Windows."""
    expected = {endpoint: {error: 1}}

    assert expected == told(explained(line))
    assert expected == told(explained(f"2026-11-23 03:12:44,123 ERROR [main] x.Y: failed\r\n{line}\r\n"))
    assert expected == told(
        explained(f"2026-11-23 03:12:44,123 ERROR [main] x.Y: {line}\n2026-11-23 03:12:45 INFO ok\n")
    )


def test_udf():
    """A UDF's own traceback names the endpoint in its code; what the platform adds is said, and what refused means."""
    ledger = read("udf.log")

    assert told(ledger) == {"restapi.amap.com:443": {"refused": 1}}
    assert ledger.runtime == "udf"
    assert list(ledger.notes) == ["ODPS-0123131", "ODPS-0123144"]
    assert "does not prove" in ledger.warnings[0]


def test_spark():
    """Retries are counted; the cause below an exception tells the error; a name that stands nearby is marked so."""
    ledger = read("spark-driver.log")

    assert told(ledger) == {
        "emr-header-1:9083": {"connect timed out": 1},
        "emr-header-1:8020": {"not connected, no reason given": 2, "refused": 1},
        "10.10.2.31:50010": {"connect timed out": 1},
        "rm-bp1.mysql.rds.aliyuncs.com:3306": {"connect timed out": 1},
    }
    assert {said(kind): tally.count for kind, tally in ledger.unplaced.items()} == {"connect timed out": 1}
    assert ledger.runtime == "spark"
    documents = {(each["host"], each["port"]): each for each in to_document(ledger)["endpoints"]}
    assert documents["emr-header-1", 9083]["service"] == "hive-metastore"
    assert documents["emr-header-1", 9083]["errors"][0]["nearby"]
    assert documents["emr-header-1", 8020]["ips"] == ["10.10.2.30"]
    retried = documents["emr-header-1", 8020]["errors"][0]
    assert retried["first"] == "26/11/23 03:13:10"
    assert retried["last_time"] == "2026-11-23T03:13:30"


def test_mixed():
    """Messages without headers, of programs that know nothing of each other, are each one event."""
    ledger = read("mixed.log")

    assert told(ledger) == {
        "a.b.example:443": {"dns nxdomain": 1},
        "10.9.9.9:443": {"refused": 1},
        "10.2.2.2:7337": {"refused": 1},
        "foo.example": {"dns nxdomain": 1},
        "foo2.example": {"dns nxdomain": 1},
        "b.oss-cn-hangzhou-internal.aliyuncs.com:80": {"connect timed out": 1},
        "10.6.6.7": {"connect timed out": 1},
        "rm-z.mysql.rds.aliyuncs.com:3306": {"refused": 1},
        "rm-q.mysql.rds.aliyuncs.com:3306": {"connect timed out": 1},
        "rm-r.example:3306": {"timed out": 1},
    }
    assert {said(kind): tally.count for kind, tally in ledger.unplaced.items()} == {
        "tls untrusted": 1,
        "client denied": 1,
        "connect timed out": 2,
        "eof": 1,
    }
    assert list(ledger.notes) == ["project-whitelist"]


def test_healthy():
    """Listeners, the log server, classes, versions, user agents and places in files are no endpoints."""
    ledger = read("healthy-spark.log")

    assert told(ledger) == {}
    assert ledger.unplaced == {}
    assert ledger.notes == {}


def test_python_chain():
    """The exceptions of one chain are one event; the next traceback is another."""
    chain = """Traceback (most recent call last):
  File "/lib/urllib3/connection.py", line 174, in _new_conn
    conn = connection.create_connection(
TimeoutError: [Errno 110] Connection timed out

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/lib/requests/adapters.py", line 439, in send
    resp = conn.urlopen(
urllib3.exceptions.MaxRetryError: HTTPSConnectionPool(host='a.example', port=443): Max retries exceeded with \
url: / (Caused by NewConnectionError('<x>: Failed to establish a new connection: [Errno 110] Connection timed out'))
"""

    assert told(explained(chain * 3)) == {"a.example:443": {"connect timed out": 3}}


def test_libpq_breaks_its_sentence():
    """The host and the port of an older libpq stand on the lines below the error."""
    text = """django.db.utils.OperationalError: could not connect to server: Connection timed out
\tIs the server running on host "db.example" (10.1.2.3) and accepting
\tTCP/IP connections on port 5432?
"""

    assert told(explained(text)) == {"db.example:5432": {"connect timed out": 1}}


def test_zookeeper():
    """A ZooKeeper session without a server is that of the socket that was opened before."""
    text = """2026-11-23 11:38:39,638 INFO ClientCnxn: Opening socket connection to server zk-1.example/172.19.0.2:2181
2026-11-23 11:38:39,639 WARN ClientCnxn: Session 0x0 for server null, unexpected error, closing socket connection
java.net.ConnectException: Connection refused
\tat sun.nio.ch.SocketChannelImpl.checkConnect(Native Method)
"""

    assert told(explained(text)) == {"zk-1.example:2181": {"refused": 1}}


def test_kafka_says_it_twice():
    """The line about the bootstrap broker repeats the one before it."""
    text = """2026-11-23 02:14:50.464 WARN Client: Connection to node -1 (/192.168.56.23:9092) could not be established.
2026-11-23 02:14:50.464 WARN NetworkClient: Bootstrap broker 192.168.56.23:9092 (id: -1 rack: null) disconnected
"""

    assert told(explained(text)) == {"192.168.56.23:9092": {"not connected, no reason given": 1}}


def test_whitelists():
    """The address in a whitelist's refusal is the job's own; the endpoint is the one that was to be reached."""
    text = """2026-11-23 01:00:00 INFO url=jdbc:mysql://rm-w.example:3306/x
2026-11-23 01:00:01 ERROR com.mysql.cj: Host '100.104.1.7' is not allowed to connect to this MySQL server
2026-11-23 01:00:02 ERROR FATAL: no pg_hba.conf entry for host "100.104.1.7", user "u", database "d"
"""
    ledger = explained(text)

    assert told(ledger) == {"rm-w.example:3306": {"client denied": 1}}
    assert [said(kind) for kind in ledger.unplaced] == ["client denied"]


def test_collector_stamps_each_line():
    """Lines of a stack trace that a collector stamped go on with their record."""
    text = "".join(
        f"2026-11-23T01:00:0{number}.123456789Z stderr F {line}\n"
        for number, line in enumerate(
            (
                "java.io.IOException: Failed to connect to /10.1.2.3:7337",
                "\tat org.apache.spark.network.client.TransportClientFactory.createClient(A.java:9)",
                "Caused by: java.net.ConnectException: Connection timed out",
            )
        )
    )

    assert told(explained(text)) == {"10.1.2.3:7337": {"connect timed out": 1}}


@pytest.mark.parametrize(
    ("secret", "line"),
    [
        ("hunter2", "ERROR jdbc:mysql://etl:hunter2@rm.example:3306/x connect timed out"),
        ("hunter2", "ERROR Failed to connect to db.example:3306: Connection refused, password=hunter2"),
        ("hunter2", "ERROR Failed to connect to db.example:3306: Connection refused {password: hunter2}"),
        (
            "hunter2",
            "ERROR Failed to connect to db.example:3306: timed out jdbc:oracle:thin:u/hunter2@//o:1521/x",
        ),
        ("p@ss", "ERROR jdbc:mysql://etl:p@ss@rm.example:3306/x connect timed out"),
        ("LTAI5tAbCdEfGh", "ERROR Failed to connect to oss.example:443: connect timed out LTAI5tAbCdEfGhIjKl"),
        ("c2lnbmF0dXJl", "ERROR Failed to connect to h:80: connect timed out /b/o?Expires=1&Signature=c2lnbmF0dXJl"),
        (
            "0123456789",
            "requests ConnectionError: HTTPSConnectionPool(host='h', port=443): url: /v3?key=0123456789 timed out",
        ),
        ("eyJhbGciOiJ", "ERROR Failed to connect to h:80: connect timed out; Authorization: Bearer eyJhbGciOiJIUzI1"),
        ("abcdef", "ERROR Failed to connect to h:80: connect timed out; x-odps-sts token: 'abcdef'"),
        ("abcdef", 'ERROR Failed to connect to h:80: connect timed out {"accessKeySecret": "abcdef"}'),
    ],
)
def test_secrets(secret, line):
    """No secret of a line is kept with its sample."""
    document = to_document(explained(line))

    assert secret not in str(document)
    assert any(each["errors"][0]["sample"] for each in document["endpoints"])


def test_escapes_of_terminals():
    """Colours in a line hide nothing."""
    text = "\x1b[31mERROR\x1b[0m Failed to \x1b[1mconnect\x1b[0m to db.example:3306: \x1b]0;x\x07Connection refused\n"

    assert told(explained(text)) == {"db.example:3306": {"refused": 1}}


def test_indented_lines():
    """Indented lines without end, as a script's own log may have them, are each counted."""
    line = "  curl: (7) Failed to connect to h.example port 443: Connection refused\n"

    assert told(explained(line * 1000)) == {"h.example:443": {"refused": 1000}}


def test_gzip_and_breaks(tmp_path):
    """A gzipped log is read; one that ends in the middle as far as it goes; what is none is said."""
    whole = gzip.compress((LOGS / "spark-driver.log").read_bytes() * 50)
    (tmp_path / "whole.gz").write_bytes(whole)
    (tmp_path / "broken.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "none.gz").write_bytes(b"\x1f\x8b\x08 this is none")

    ledger = Ledger()
    read_logs([str(tmp_path / "whole.gz"), str(tmp_path / "broken.gz")], ledger)

    assert ledger.endpoints["10.10.2.31", 50010].count >= 50
    assert [bool(log.broken) for log in ledger.logs] == [False, True]
    with pytest.raises(LogError, match=r"none\.gz"):
        read_logs([str(tmp_path / "none.gz")], Ledger())
    with pytest.raises(LogError, match=r"missing: cannot be read: No such file"):
        read_logs([str(tmp_path / "missing")], Ledger())


def test_memory_is_bounded(tmp_path):
    """A line of many megabytes and more endpoints than are kept cost no more memory than blocks; others count."""
    path = tmp_path / "long.log"
    with path.open("wb") as file:
        for _ in range(24):
            file.write(b"x " * (1 << 19) + b"Failed to connect to one.example:80: Connection refused ")
        file.write(b"\n")
        file.writelines(
            b"curl: (7) Failed to connect to h%d.example port 443: Connection refused\n" % number
            for number in range(MOST_ENDPOINTS + 500)
        )
    ledger = Ledger()
    tracemalloc.start()
    try:
        read_logs([str(path)], ledger)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 16 << 20
    assert ledger.endpoints["one.example", 80].count == 24
    assert len(ledger.endpoints) == MOST_ENDPOINTS
    assert ledger.beyond == 501


def test_blocks_change_nothing():
    """Where a log is cut into blocks of whole lines makes no difference."""
    lines = (LOGS / "spark-driver.log").read_bytes().splitlines(keepends=True)
    expected = to_document(read("spark-driver.log"))
    for size in (1, 3, 7):
        ledger = Ledger()
        read_blocks([b"".join(lines[at : at + size]) for at in range(0, len(lines), size)], ledger)

        assert to_document(ledger)["endpoints"] == expected["endpoints"]


_PIECES = st.sampled_from(
    [
        *(line.encode() for _, _, line in MESSAGES),
        *(line for name in ("udf.log", "spark-driver.log") for line in (LOGS / name).read_bytes().splitlines()),
        b"\n",
        b"\r\n",
        b"\tat a.b.C(D.java:1)\n",
        b"\x1b[31m",
        b"\xff\xfe",
        b":443",
        b"/",
        b"2026-11-23 01:02:03 ",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(_PIECES, st.binary(max_size=40)), max_size=30).map(b"".join))
def test_any_bytes(text):
    """No bytes make it raise; each endpoint stands in the text; what is kept of a line is bounded."""
    ledger = explained(text)

    plain = "".join("\n".join(record.lines) for record in Records().of([text])).lower()
    for each in ledger.endpoints.values():
        assert each.host in plain or ":" in each.host
        assert each.port is None or str(each.port) in plain
        assert all(len(tally.sample) <= LONGEST_LINE for tally in each.errors.values())
