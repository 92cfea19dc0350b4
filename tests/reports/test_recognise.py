"""Which protocol speaks, and how its bytes are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.recognise import printable, recognise

FIRST_BYTES = [
    ("http", b"HTTP/1.1 200 OK\r\n"),
    ("http", b"HTTP/1.0 400 Bad request\r\n"),
    ("http", b"\r\n<!DOCTYPE HTML>"),
    ("http", b"<html><head>"),
    ("http", b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x64"),
    ("tls", b"\x15\3\3\0\2\2\x28"),
    ("tls", b"\x15\3\1\0\2\1\0"),
    ("tls", b"\x16\3\3\0\x7a\2"),
    ("ssh", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
    ("ssh", b"SSH-1.99-Cisco-1.25\n"),
    ("mysql", b"\x4a\0\0\0\x0a8.0.36\0\x08\0\0\0"),
    ("mysql", b"\x5b\0\0\0\x0a5.5.5-10.11.6-MariaDB-log\0"),
    ("mysql", b"\x45\0\0\0\xff\x69\x04Host '10.0.0.9' is blocked"),
    ("mysql", b"\x17\0\0\0\xff\x10\x04#08004Too many connections"),
    ("postgresql", b"E\0\0\0\x64SFATAL\0VFATAL\0C28000\0"),
    ("postgresql", b"R\0\0\0\x0c\0\0\0\5"),
    ("redis", b"+PONG\r\n"),
    ("redis", b"-NOAUTH Authentication required.\r\n"),
    ("redis", b"-ERR illegal address\r\n"),
    ("redis", b"-DENIED Redis is running in protected mode"),
    ("zookeeper", b"Zookeeper version: 3.4.6-1569965"),
    ("zookeeper", b"srvr is not executed because it is not in the whitelist.\n"),
    ("zookeeper", b"This ZooKeeper instance is not currently serving requests\n"),
    ("hadoop_ipc", b"HTTP/1.1 404 Not Found\r\n\r\nIt looks like you are making an HTTP request to a Hadoop IPC port."),
    ("mongodb", b"HTTP/1.0 200 OK\r\n\r\nIt looks like you are trying to access MongoDB over HTTP on the native"),
    ("mongodb", b"\x3f\1\0\0\x11\0\0\0\1\0\0\0\xdd\7\0\0\0\0\0\0\0"),
    ("mongodb", b"\x5d\0\0\0\x11\0\0\0\1\0\0\0\1\0\0\0"),
    ("kafka", b"\0\0\1\x1alink\0\0\0\0\0\x2d"),
    ("hive_metastore", b"\x80\1\0\2\0\0\0\x09getStatus"),
    ("thrift", b"\x80\1\0\3\0\0\0\4ping"),
    ("sqlserver", b"\4\1\0\x2b\0\0\1\0\0\0\x1a\0\6"),
    ("smtp", b"220 mx.example ESMTP Postfix\r\n"),
    ("ftp", b"220 (vsFTPd 3.0.3)\r\n"),
    ("imap", b"* OK [CAPABILITY IMAP4rev1] ready\r\n"),
    ("pop3", b"+OK Dovecot ready.\r\n"),
    ("amqp", b"AMQP\0\0\x09\1"),
    ("nats", b'INFO {"server_id":"x"}'),
    ("rsync", b"@RSYNCD: 31.0\n"),
    ("vnc", b"RFB 003.008\n"),
    ("telnet", b"\xff\xfd\x18\xff\xfd\x20"),
    ("", b""),
    ("", b"S"),
    ("", b"hello\r\n"),
    ("", b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    ("", b"\x4a\0\0\0\x0a"),
    ("", b"HTTPS is not spoken here"),
]


@pytest.mark.parametrize(("protocol", "first"), FIRST_BYTES)
def test_recognised(protocol, first):
    """The first bytes of a server's answer tell its protocol."""
    actual = recognise(first)

    assert protocol == actual


@pytest.mark.parametrize(("protocol", "first"), [case for case in FIRST_BYTES if case[0]])
@given(tail=st.binary(max_size=64))
def test_whatever_follows(protocol, first, tail):
    """What follows changes nothing."""
    actual = recognise(first + b"\r\n" + tail)

    assert protocol == actual


@given(st.binary(max_size=2000))
def test_any_bytes(data):
    """Any bytes have an answer, and any bytes can be shown within the limit."""
    shown = printable(data, 40)

    assert isinstance(recognise(data), str)
    assert len(shown) <= 40
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"plain text", "plain text"),
        (b"  ends dropped\r\n", "ends dropped"),
        ("数据库 ä".encode(), "数据库 ä"),
        (b"\xff\xfe bad", r"\xff\xfe bad"),
        (b"a\x1b[2Jb\x00\x7f", r"a\x1b[2Jb\x00\x7f"),
        ("gnp\u202e.exe \u200b\x9b".encode(), r"gnp\u202e.exe \u200b\x9b"),
        (b"x" * 41, "x" * 37 + "..."),
        ("ä".encode() * 40, "ä" * 40),
        ("\U0001f600".encode() * 60, "\U0001f600" * 37 + "..."),
    ],
)
def test_shown(data, expected):
    """Text stays text; what could move a cursor, hide or forge something is escaped; a cut shows."""
    actual = printable(data, 40)

    assert expected == actual


@pytest.mark.parametrize("limit", [0, 1, 2, 3])
def test_hardly_any_room(limit):
    """The limit holds however small it is."""
    actual = printable(b"abcdef", limit)

    assert "..."[:limit] == actual
