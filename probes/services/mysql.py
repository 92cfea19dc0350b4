"""MySQL and MariaDB: read the greeting, then finish the handshake as a user that does not exist.

The server counts *interrupted* handshakes of a host, and blocks the host after max_connect_errors of them; a refused
user does not count. So whatever the server asks is answered until it has said OK or error.
"""

import re
from typing import Dict, Optional, Tuple

from probes.mysql_packets import (
    COM_QUIT,
    ERROR,
    GREETING,
    HEADER,
    LONGEST_PACKET,
    MOST_PACKETS,
    OK,
    RESPONSE,
    SWITCH,
    framed,
    no_password,
)
from probes.services.link import Link
from reports.failures import Failed, Failure

_FAILURES: Dict[int, Failure] = {
    1129: Failure.CLIENT_BLOCKED,  # ER_HOST_IS_BLOCKED
    1130: Failure.CLIENT_DENIED,  # ER_HOST_NOT_PRIVILEGED
    1040: Failure.TOO_MANY_CONNECTIONS,  # ER_CON_COUNT_ERROR
    1203: Failure.TOO_MANY_CONNECTIONS,  # ER_TOO_MANY_USER_CONNECTIONS
    1226: Failure.TOO_MANY_CONNECTIONS,  # ER_USER_LIMIT_REACHED
}

# Host 'x' is not allowed ..., Host 'x' is blocked ..., Access denied for user 'linkdoctor'@'x'
_CLIENT = re.compile(rb"Host '([^']{1,255})' is |@'([^']{1,255})'")


async def speak(link: Link) -> None:
    """Greeting, response, and whatever it takes until the server has decided."""
    number = await greeting(link)
    if number is not None:
        await finish(link, number)


async def greeting(link: Link) -> Optional[int]:
    """Read the greeting; its sequence number, for ``finish``. None where the server turns us away instead."""
    number, payload = await _packet(link)
    if payload[:1] == ERROR:
        code = _note_error(link, payload)
        link.fail(_FAILURES.get(code, Failure.SERVICE_ERROR))
        return None
    if payload[:1] != GREETING or b"\0" not in payload:
        raise Failed(Failure.WRONG_PROTOCOL, "no MySQL greeting")
    version = payload[1 : payload.index(b"\0")].decode("ascii", "replace")
    # MariaDB pretends to be 5.5.5 to old replicas.
    link.note("version", version[6:] if version.startswith("5.5.5-") else version)
    return number


async def finish(link: Link, number: int) -> None:
    """Answer the greeting, and whatever the server asks, until it has decided."""
    await _send(link, number + 1, RESPONSE)
    for _ in range(MOST_PACKETS):
        number, payload = await _packet(link)
        kind = payload[:1]
        if kind == ERROR:
            failure = _FAILURES.get(_note_error(link, payload))
            if failure is not None:
                link.fail(failure)
            return
        if kind == OK:
            # A server that lets anybody in: leave in order.
            await link.leave(COM_QUIT)
            return
        if kind == SWITCH:
            await _send(link, number + 1, no_password(payload))
    raise Failed(Failure.WRONG_PROTOCOL, "the handshake does not end")


async def _packet(link: Link) -> Tuple[int, bytes]:
    header = await link.exactly(HEADER)
    length = int.from_bytes(header[:3], "little")
    if length > LONGEST_PACKET:
        raise Failed(Failure.WRONG_PROTOCOL, "a packet of %d bytes" % length)
    return header[3], await link.exactly(length)


async def _send(link: Link, number: int, payload: bytes) -> None:
    await link.say(framed(number, payload))


def _note_error(link: Link, payload: bytes) -> int:
    """Note an ERR_Packet; gives its code. The SQL state (# and five characters) is there or not."""
    code = int.from_bytes(payload[1:3], "little")
    message = payload[3:]
    if message[:1] == b"#":
        message = message[6:]
    link.error(code, message)
    client = _CLIENT.search(message)
    if client:
        link.note("sees_client", (client.group(1) or client.group(2)).decode("utf-8", "backslashreplace"))
    return code
