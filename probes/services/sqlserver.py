"""SQL Server: PRELOGIN, the packet that comes before TLS and login.

Source: [MS-TDS], sections 2.2.3.1 (packet header) and 2.2.6.5 (PRELOGIN): a list of options, each with its place and
length, then their data. VERSION is the first. No login is begun.
"""

import struct

from probes.services.link import Link
from reports.failures import Failed, Failure

_HEADER = struct.Struct(">BBHHBB")  # type, status, length with the header, session, packet, window
_PRELOGIN, _TABULAR = 0x12, 0x04
_LAST = 0x01
_VERSION, _ENCRYPTION, _END = 0x00, 0x01, 0xFF
_OPTION = struct.Struct(">BHH")  # token, place in the payload, length
_LONGEST_ANSWER = 4096

_OPTIONS = 2 * _OPTION.size + 1
_PAYLOAD = (
    _OPTION.pack(_VERSION, _OPTIONS, 6) + _OPTION.pack(_ENCRYPTION, _OPTIONS + 6, 1) + bytes([_END]) + bytes(6) + b"\0"
)


async def speak(link: Link) -> None:
    """The answer is of the type "tabular result", and holds the server's version."""
    await link.say(_HEADER.pack(_PRELOGIN, _LAST, _HEADER.size + len(_PAYLOAD), 0, 0, 0) + _PAYLOAD)
    kind, _, length, _, _, _ = _HEADER.unpack(await link.exactly(_HEADER.size))
    if kind != _TABULAR or not _HEADER.size < length <= _LONGEST_ANSWER:
        raise Failed(Failure.WRONG_PROTOCOL, "no answer of SQL Server")
    payload = await link.exactly(length - _HEADER.size)
    if payload[0] != _VERSION or len(payload) < _OPTION.size:
        raise Failed(Failure.WRONG_PROTOCOL, "an answer to PRELOGIN without a version")
    _, place, size = _OPTION.unpack(payload[: _OPTION.size])
    version = payload[place : place + size]
    if len(version) < 4:
        raise Failed(Failure.WRONG_PROTOCOL, "an answer to PRELOGIN with a cut version")
    link.note("version", "%d.%d.%d" % struct.unpack(">BBH", version[:4]))
