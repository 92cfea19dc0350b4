"""The Hive metastore: Thrift's ``getStatus``, a call without arguments.

Sources: Thrift binary protocol (thrift/doc/specs, strict encoding, unframed), fb303.thrift (getStatus, ALIVE = 2), and
for a metastore with Kerberos Thrift's SASL transport: it reads our first byte as a status that it does not know, and
says so by a message of its own: a status (BAD 3, ERROR 4), a length, a text. A framed one closes.
"""

import struct

from probes.services.link import Link
from reports.failures import Failed, Failure

_METHOD = b"getStatus"
_CALL, _REPLY, _EXCEPTION = 0x80010001, 0x80010002, 0x80010003
_SEQUENCE = 1
_ENVELOPE = struct.Struct(">II9sI")
_STOP = b"\0"
_REQUEST = _ENVELOPE.pack(_CALL, len(_METHOD), _METHOD, _SEQUENCE) + _STOP

_RESULT = b"\x08\0\0"  # an i32, field 0
_TEXT = b"\x0b\0\1"  # a string, field 1: TApplicationException.message
_SASL_REFUSALS = (b"\x03", b"\x04")
_LONGEST_TEXT = 4096


async def speak(link: Link) -> None:
    """A status, an exception, or the SASL transport's refusal: each is an answer."""
    await link.say(_REQUEST)
    first = await link.exactly(1)
    if first in _SASL_REFUSALS:
        link.error("sasl", await _text(link))
        return
    kind, length, method, sequence = _ENVELOPE.unpack(first + await link.exactly(_ENVELOPE.size - 1))
    if (length, method, sequence) != (len(_METHOD), _METHOD, _SEQUENCE) or kind not in (_REPLY, _EXCEPTION):
        raise Failed(Failure.WRONG_PROTOCOL, "no answer to getStatus")
    field = await link.exactly(3)
    if kind == _REPLY and field == _RESULT:
        link.note("code", struct.unpack(">i", await link.exactly(4))[0])
    elif kind == _EXCEPTION and field == _TEXT:
        link.error("exception", await _text(link))
    else:
        raise Failed(Failure.WRONG_PROTOCOL, "an answer to getStatus without a result")


async def _text(link: Link) -> bytes:
    (length,) = struct.unpack(">I", await link.exactly(4))
    if length > _LONGEST_TEXT:
        raise Failed(Failure.WRONG_PROTOCOL, "a text of %d bytes" % length)
    return await link.exactly(length)
