"""MongoDB: the command ``hello`` in an OP_MSG.

Sources: MongoDB Wire Protocol (message header, OP_MSG), BSON 1.1. ``hello`` needs no authentication and changes
nothing; a server that does not know it (before 4.4.2) answers with an error, which is an answer as well.
"""

import struct
from typing import Dict, Union

from probes.services.link import Link
from reports.failures import Failed, Failure

_HEADER = struct.Struct("<iiii")  # length, request, response to, operation
_OP_MSG = 2013
_REQUEST_ID = 1
_SECTION = struct.pack("<IB", 0, 0)  # no flags; one document follows
_LONGEST_ANSWER = 65536

_HELLO = b"\x10hello\0\x01\0\0\0" + b"\x02$db\0\x06\0\0\0admin\0"
_DOCUMENT = struct.pack("<i", len(_HELLO) + 5) + _HELLO + b"\0"

# maxWireVersion -> the release that introduced it (src/mongo/db/wire_version.h).
_RELEASES: Dict[int, str] = {
    6: "3.6",
    7: "4.0",
    8: "4.2",
    9: "4.4",
    13: "5.0",
    17: "6.0",
    21: "7.0",
    25: "8.0",
}

_Value = Union[int, bytes]

# BSON element types of fixed size; those with a length in front, and what that length leaves out.
_FIXED: Dict[int, int] = {0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16}
_COUNTED: Dict[int, int] = {0x02: 4, 0x03: 0, 0x04: 0, 0x05: 5}
_STRING, _INT32 = 0x02, 0x10


async def speak(link: Link) -> None:
    """What the server says of itself, or its error."""
    length = _HEADER.size + len(_SECTION) + len(_DOCUMENT)
    await link.say(_HEADER.pack(length, _REQUEST_ID, 0, _OP_MSG) + _SECTION + _DOCUMENT)
    length, _, response_to, operation = _HEADER.unpack(await link.exactly(_HEADER.size))
    if (response_to, operation) != (_REQUEST_ID, _OP_MSG) or not _HEADER.size < length <= _LONGEST_ANSWER:
        raise Failed(Failure.WRONG_PROTOCOL, "no answer of MongoDB")
    body = await link.exactly(length - _HEADER.size)
    fields = _fields(body[len(_SECTION) :])
    wire = fields.get(b"maxWireVersion")
    message = fields.get(b"errmsg")
    code = fields.get(b"code", 0)
    if isinstance(wire, int):
        link.note("version", _RELEASES.get(wire, "wire version %d" % wire))
    elif isinstance(message, bytes) and isinstance(code, int):
        link.error(code, message)
    else:
        raise Failed(Failure.WRONG_PROTOCOL, "an answer to hello without a result")


def _fields(document: bytes) -> Dict[bytes, _Value]:
    """The integers and texts on the document's first level, as far as it is well formed."""
    fields: Dict[bytes, _Value] = {}
    place = 4
    while place < len(document) and document[place]:
        name_end = document.find(b"\0", place + 1)
        if name_end < 0:
            break
        kind, name = document[place], document[place + 1 : name_end]
        place = name_end + 1
        size = _size(kind, document, place)
        if size < 0 or place + size > len(document):
            break
        value = document[place : place + size]
        place += size
        if kind == _INT32:
            fields[name] = int.from_bytes(value, "little", signed=True)
        elif kind == _STRING:
            fields[name] = value[4:-1]
    return fields


def _size(kind: int, document: bytes, place: int) -> int:
    """How many bytes the element's value takes; -1 for a type that no answer to hello holds."""
    if kind in _FIXED:
        return _FIXED[kind]
    if kind in _COUNTED and place + 4 <= len(document):
        return int.from_bytes(document[place : place + 4], "little") + _COUNTED[kind]
    return -1
