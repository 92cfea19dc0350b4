"""PostgreSQL, Hologres: SSLRequest, eight bytes that ask whether TLS is offered.

Source: PostgreSQL's documentation, Message Formats (SSLRequest, ErrorResponse) and Message Flow (SSL Session
Encryption): the answer is one byte, S or N, or an ErrorResponse. Nothing else is said: no session begins.
"""

import struct
from typing import Dict

from probes.services.link import Link
from reports.failures import Failed, Failure

_SSL_REQUEST = struct.pack(">II", 8, 80877103)
_LONGEST_ERROR = 8192

# SQLSTATE -> what it means for us; any other error keeps the server from serving anybody.
_FAILURES: Dict[str, Failure] = {
    "28000": Failure.CLIENT_DENIED,  # invalid_authorization_specification: no pg_hba.conf entry
    "53300": Failure.TOO_MANY_CONNECTIONS,
}


async def speak(link: Link) -> None:
    """One byte decides. More bytes behind S or N come from a server of another kind."""
    if not link.heard:
        await link.say(_SSL_REQUEST)
    kind = await link.exactly(1)
    if kind == b"E":
        await _read_error(link)
    elif kind not in (b"S", b"N") or len(link.heard) > 1:
        raise Failed(Failure.WRONG_PROTOCOL, "neither S nor N nor an error")


async def _read_error(link: Link) -> None:
    (length,) = struct.unpack(">I", await link.exactly(4))
    if not 4 < length <= _LONGEST_ERROR:
        raise Failed(Failure.WRONG_PROTOCOL, "an error of %d bytes" % length)
    body = await link.exactly(length - 4)
    fields = {part[:1]: part[1:] for part in body.split(b"\0") if part}
    if b"M" not in fields:
        raise Failed(Failure.WRONG_PROTOCOL, "an error without a message")
    code = fields.get(b"C", b"").decode("ascii", "replace")[:5]
    link.error(code, fields[b"M"])
    link.fail(_FAILURES.get(code, Failure.SERVICE_ERROR))
