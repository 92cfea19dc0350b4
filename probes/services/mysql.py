"""MySQL and MariaDB: read the greeting, then finish the handshake as a user that does not exist.

Sources: MySQL Internals, Client/Server Protocol, Connection Phase (Protocol::HandshakeV10, HandshakeResponse41,
AuthSwitchRequest, ERR_Packet). A packet is a length of three bytes, a sequence number, and the payload.

The server counts *interrupted* handshakes of a host, and blocks the host after max_connect_errors of them; a refused
user does not count. So whatever the server asks is answered until it has said OK or error. CLIENT_PLUGIN_AUTH matters:
without it MySQL 8 cannot turn an unknown user down before the handshake counts as broken.
"""

import re
import struct
from typing import Dict, Optional, Tuple

from probes.services.link import Link
from reports.failures import Failed, Failure

_USER = b"linkdoctor"
_NATIVE = b"mysql_native_password"

_PROTOCOL_41, _SECURE_CONNECTION, _PLUGIN_AUTH = 0x00000200, 0x00008000, 0x00080000
_UTF8 = 33

# Capabilities, longest packet, character set, 23 zeros, user, an empty password, the method that this would be for.
_RESPONSE = (
    struct.pack("<IIB23x", _PROTOCOL_41 | _SECURE_CONNECTION | _PLUGIN_AUTH, 0x1000000, _UTF8)
    + _USER
    + b"\0\0"
    + _NATIVE
    + b"\0"
)
_COM_QUIT = b"\x01\0\0\0\x01"

_OK, _SWITCH, _ERROR = b"\x00", b"\xfe", b"\xff"
_LONGEST_PACKET = 4096
# OK, error, or at most: a switch of the method, more data for it, and the end.
_MOST_PACKETS = 4

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
    if payload[:1] == _ERROR:
        code = _note_error(link, payload)
        link.fail(_FAILURES.get(code, Failure.SERVICE_ERROR))
        return None
    if payload[:1] != b"\x0a" or b"\0" not in payload:
        raise Failed(Failure.WRONG_PROTOCOL, "no MySQL greeting")
    version = payload[1 : payload.index(b"\0")].decode("ascii", "replace")
    # MariaDB pretends to be 5.5.5 to old replicas.
    link.note("version", version[6:] if version.startswith("5.5.5-") else version)
    return number


async def finish(link: Link, number: int) -> None:
    """Answer the greeting, and whatever the server asks, until it has decided."""
    await _send(link, number + 1, _RESPONSE)
    for _ in range(_MOST_PACKETS):
        number, payload = await _packet(link)
        kind = payload[:1]
        if kind == _ERROR:
            failure = _FAILURES.get(_note_error(link, payload))
            if failure is not None:
                link.fail(failure)
            return
        if kind == _OK:
            # A server that lets anybody in: leave in order.
            await link.leave(_COM_QUIT)
            return
        if kind == _SWITCH:
            # How "no password" is said: nothing for the native method, one zero byte for those that came later.
            native = payload[1:].split(b"\0")[0] == _NATIVE
            await _send(link, number + 1, b"" if native else b"\0")
    raise Failed(Failure.WRONG_PROTOCOL, "the handshake does not end")


async def _packet(link: Link) -> Tuple[int, bytes]:
    header = await link.exactly(4)
    length = int.from_bytes(header[:3], "little")
    if length > _LONGEST_PACKET:
        raise Failed(Failure.WRONG_PROTOCOL, "a packet of %d bytes" % length)
    return header[3], await link.exactly(length)


async def _send(link: Link, number: int, payload: bytes) -> None:
    await link.say(len(payload).to_bytes(3, "little") + bytes([number & 0xFF]) + payload)


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
