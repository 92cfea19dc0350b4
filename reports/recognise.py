"""Which protocol speaks, from the first bytes that came; and how such bytes are shown to a person.

Both are pure and total: any bytes give an answer. The protocols that linkdoctor itself speaks are called as in
``Service.exchange`` (reports/services.py). This module travels in the carry-in kit: CPython 3.7, the standard library.
"""

import re
from functools import lru_cache
from typing import Pattern, Sequence, Tuple

from reports.words import visible

# No protocol needs more than this to be recognised; what follows is not looked at.
FIRST_BYTES = 512

# The order counts: the first that matches is the answer, so what is more specific stands before what is less so.
_PATTERNS: Tuple[Tuple[str, str], ...] = (
    # Text that a server puts into an HTTP answer, although it speaks something else.
    ("hadoop_ipc", r"[\s\S]*making an HTTP request to a Hadoop IPC port"),
    ("mongodb", r"[\s\S]*trying to access MongoDB over HTTP"),
    ("http", r"HTTP/\d(?:\.\d)? \d{3}"),
    ("http", r"\s*<(?:!doctype html|html)"),
    # HTTP/2: a SETTINGS frame on stream 0 comes first (RFC 9113, section 3.4).
    ("http", r"\x00\x00[\x00-\xff]\x04\x00\x00\x00\x00\x00"),
    # A TLS record (RFC 8446, section 5.1): an alert of two bytes, or a handshake.
    ("tls", r"\x15\x03[\x00-\x04]\x00\x02[\x01\x02]|\x16\x03[\x00-\x04]"),
    ("ssh", r"SSH-[12]\."),
    # MySQL: a packet with sequence number 0, holding protocol version 10 and a version text, or an error 1000 to 4999.
    ("mysql", r"[\s\S][\x00-\x03]\x00\x00\x0a[\x20-\x7e]+\x00"),
    ("mysql", r"[\s\S][\x00-\x03]\x00\x00\xff[\s\S][\x03-\x13]"),
    # PostgreSQL: ErrorResponse, its length and a first field; or a request to authenticate.
    ("postgresql", r"E\x00\x00[\s\S]{2}[SVCM]|R\x00\x00\x00[\s\S]\x00\x00\x00"),
    ("redis", r"\+PONG\r|-(?:ERR|NOAUTH|DENIED|LOADING|BUSY|MASTERDOWN|NOPERM|WRONGPASS|CLUSTERDOWN|MISCONF)[ \r]"),
    ("zookeeper", r"Zookeeper version:|[a-z]{4} is not executed because|This ZooKeeper instance is not"),
    # MongoDB: a header whose operation is OP_REPLY or OP_MSG.
    ("mongodb", r"[\s\S]{2}[\x00-\x02]\x00[\s\S]{8}(?:\x01\x00|\xdd\x07)\x00\x00"),
    # Kafka has no mark of its own: our own correlation id comes back behind the length (probes/services/kafka.py).
    ("kafka", r"\x00[\s\S]{3}link"),
    # Thrift, strict binary: a reply or an exception.
    ("hive_metastore", r"\x80\x01\x00[\x02\x03]\x00\x00\x00\x09getStatus"),
    ("thrift", r"\x80\x01\x00[\x02\x03]\x00\x00\x00"),
    # TDS: a packet of type "tabular result", the last one, of at least a header's length, on session 0.
    ("sqlserver", r"\x04\x01[\x00-\x0f][\s\S]\x00\x00[\s\S]\x00"),
    ("smtp", r"220[ -][^\r\n]*SMTP"),
    ("ftp", r"220[ -]"),
    ("imap", r"\* (?:OK|PREAUTH|BYE)[ \r]"),
    ("pop3", r"\+OK[ \r]"),
    ("amqp", r"AMQP[\x00-\x03]"),
    ("nats", r"INFO \{"),
    ("rsync", r"@RSYNCD: "),
    ("vnc", r"RFB \d{3}\.\d{3}\n"),
    ("telnet", r"\xff[\xfb-\xfe]"),
)


@lru_cache(maxsize=None)
def _compiled() -> Sequence[Tuple[str, Pattern[bytes]]]:
    return [
        (name, re.compile(pattern.encode("latin-1"), re.IGNORECASE if name in ("http", "smtp") else 0))
        for name, pattern in _PATTERNS
    ]


def recognise(data: bytes) -> str:
    """The protocol whose server begins with these bytes; "" where none is known to."""
    first = bytes(data[:FIRST_BYTES])
    for name, pattern in _compiled():
        if pattern.match(first):
            return name
    return ""


def printable(data: bytes, limit: int) -> str:
    r"""The bytes as at most ``limit`` characters of text: UTF-8 is read as such, other bytes are shown as ``\xNN``.

    What is not printable is shown as an escape, white space at the ends is dropped, and a cut shows as "...".
    """
    # Four bytes at most make one character of UTF-8: this much is enough, and never halves the last one that counts.
    text = bytes(data).strip()[: 4 * limit + 4].decode("utf-8", "backslashreplace")
    shown = visible(text[: limit + 1])
    return shown if len(shown) <= limit else shown[: max(0, limit - 3)] + "..."[:limit]
