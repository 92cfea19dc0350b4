"""MySQL's handshake as bytes, without a socket: what a client owes a server that has greeted it.

Sources: MySQL Internals, Client/Server Protocol, Connection Phase (Protocol::HandshakeV10, HandshakeResponse41,
AuthSwitchRequest, ERR_Packet). A packet is a length of three bytes, a sequence number, and the payload.
"""

import struct

_USER = b"linkdoctor"
_NATIVE = b"mysql_native_password"

_PROTOCOL_41, _SECURE_CONNECTION, _PLUGIN_AUTH = 0x00000200, 0x00008000, 0x00080000
_UTF8 = 33

# Capabilities, longest packet, character set, 23 zeros, user, an empty password, the method that this would be for.
# CLIENT_PLUGIN_AUTH matters: without it MySQL 8 cannot turn an unknown user down before the handshake counts as broken.
RESPONSE = (
    struct.pack("<IIB23x", _PROTOCOL_41 | _SECURE_CONNECTION | _PLUGIN_AUTH, 0x1000000, _UTF8)
    + _USER
    + b"\0\0"
    + _NATIVE
    + b"\0"
)
COM_QUIT = b"\x01\0\0\0\x01"

GREETING, OK, SWITCH, ERROR = b"\x0a", b"\x00", b"\xfe", b"\xff"
HEADER = 4
LONGEST_PACKET = 4096
# OK, error, or at most: a switch of the method, more data for it, and the end.
MOST_PACKETS = 4


def framed(number: int, payload: bytes) -> bytes:
    """A packet."""
    return len(payload).to_bytes(3, "little") + bytes([number & 0xFF]) + payload


def no_password(switch: bytes) -> bytes:
    """How "no password" is said to who asks for a method: nothing for the native one, a zero byte for later ones."""
    return b"" if switch[1:].split(b"\0")[0] == _NATIVE else b"\0"


class Handshake:
    """From the greeting to the server's decision. ``over``: nothing more is owed, or this is no MySQL."""

    def __init__(self) -> None:
        self.over = False
        self._unread = b""
        self._packets = 0

    def hear(self, data: bytes) -> bytes:
        """Take what came; gives what is to be said."""
        self._unread += data
        said = b""
        while not self.over and len(self._unread) >= HEADER:
            length, number = int.from_bytes(self._unread[:3], "little"), self._unread[3]
            if length > LONGEST_PACKET or self._packets > MOST_PACKETS:
                self.over = True
                break
            payload = self._unread[HEADER : HEADER + length]
            if len(payload) < length:
                break
            self._unread = self._unread[HEADER + length :]
            said += self._answer(number, payload)
            self._packets += 1
        return said

    def _answer(self, number: int, payload: bytes) -> bytes:
        kind = payload[:1]
        if self._packets == 0:
            self.over = kind != GREETING
            return b"" if self.over else framed(number + 1, RESPONSE)
        self.over = kind in (OK, ERROR)
        if kind == OK:  # a server that lets anybody in
            return COM_QUIT
        return framed(number + 1, no_password(payload)) if kind == SWITCH else b""
