"""Kafka: ApiVersions, then Metadata for no topic, which names the brokers that clients are sent to.

Source: the Apache Kafka protocol guide (request and response headers version 0 and 1, ApiVersions v0, Metadata v1 and
v4). Both are read-only; v1 and later take an empty list of topics to mean none. Where the listener demands SASL first,
the broker answers ApiVersions and closes at Metadata: it has answered.
"""

import asyncio
import re
import struct
from typing import List, Optional, Tuple

from probes.contract import LONGEST_TEXT
from probes.services.link import Link
from reports.failures import Failed, Failure
from reports.model import join_port

_API_VERSIONS, _METADATA = 18, 3
# "link": what comes back in the answer, and by what reports/recognise.py knows it.
_CORRELATION = 0x6C696E6B
_CLIENT = b"linkdoctor"
_LONGEST_ANSWER = 65536

# Metadata versions that are asked for, the newest first, and what follows the empty list of topics.
_VERSIONS: Tuple[Tuple[int, bytes], ...] = ((4, b"\0"), (1, b""))  # v4: do not create topics
_BEFORE_BROKERS = {4: 4, 1: 0}  # v4: throttle_time_ms

_HOST = re.compile(rb"[A-Za-z0-9._:-]{1,253}")


async def speak(link: Link) -> None:
    """Which versions it knows proves that it answers; the brokers come on top."""
    answer = await _ask(link, _API_VERSIONS, 0, b"")
    if len(answer) < 6:
        raise Failed(Failure.WRONG_PROTOCOL, "a short answer to ApiVersions")
    error, count = struct.unpack(">hi", answer[:6])
    if error:
        link.note("code", error)
        link.fail(Failure.SERVICE_ERROR)
        return
    if count < 0 or len(answer) < 6 + 6 * count:
        raise Failed(Failure.WRONG_PROTOCOL, "a cut list of versions")
    ranges = {key: (low, high) for key, low, high in struct.iter_unpack(">hhh", answer[6 : 6 + 6 * count])}
    low, high = ranges.get(_METADATA, (0, 0))
    for version, rest in _VERSIONS:
        if low <= version <= high:
            await _note_brokers(link, version, rest)
            break


async def _note_brokers(link: Link, version: int, rest: bytes) -> None:
    try:
        answer = await _ask(link, _METADATA, version, b"\0\0\0\0" + rest)
    except (EOFError, OSError, asyncio.TimeoutError, Failed):
        # SASL comes first here, or more brokers than we read: it has answered all the same.
        return
    brokers = _brokers(answer[_BEFORE_BROKERS[version] :])
    if brokers:
        link.note("advertised", _joined(brokers))


async def _ask(link: Link, key: int, version: int, body: bytes) -> bytes:
    request = struct.pack(">hhih", key, version, _CORRELATION, len(_CLIENT)) + _CLIENT + body
    await link.say(struct.pack(">i", len(request)) + request)
    length, correlation = struct.unpack(">ii", await link.exactly(8))
    if correlation != _CORRELATION or not 4 <= length <= _LONGEST_ANSWER:
        raise Failed(Failure.WRONG_PROTOCOL, "no answer of Kafka")
    return await link.exactly(length - 4)


def _brokers(data: bytes) -> List[str]:
    """``host:port`` of each broker: id, host, port, rack (a string, or none). A cut list gives what is whole."""
    found = []
    place = 4
    for _ in range(max(0, int.from_bytes(data[:4], "big"))):
        host, place = _string(data, place + 4)
        if host is None or len(data) < place + 6:
            break
        (port,) = struct.unpack(">i", data[place : place + 4])
        _rack, place = _string(data, place + 4)
        if _HOST.fullmatch(host) and 0 < port < 65536:
            found.append(join_port(host.decode("ascii"), port))
    return found


def _string(data: bytes, place: int) -> Tuple[Optional[bytes], int]:
    """A nullable string and the place behind it."""
    length = int.from_bytes(data[place : place + 2], "big", signed=True)
    end = place + 2 + max(0, length)
    if length < 0 or len(data) < end:
        return None, end
    return data[place + 2 : end], end


def _joined(brokers: List[str]) -> str:
    """As many as a fact may hold, whole ones."""
    text = ""
    for broker in brokers:
        more = text + "," + broker if text else broker
        if len(more) > LONGEST_TEXT:
            break
        text = more
    return text
