"""What raw sockets shall get: classic BPF, so that the kernel drops what is no answer.

Source: include/uapi/linux/filter.h, bpf_common.h. IPv4's raw sockets see the IP header, those of IPv6 do not.
"""

import socket
import struct
from array import array
from typing import List, Sequence, Tuple

from attrs import frozen

_SO_ATTACH_FILTER = 26
_STATEMENT = struct.Struct("=HBBI")
_PROGRAM = struct.Struct("HP")
_WHOLE = 0xFFFF

# BPF_LD into A: a byte, or half a word, at a place; or that many bytes behind X.
BYTE, HALF = 0x30, 0x28
BYTE_BEHIND, HALF_BEHIND = 0x50, 0x48
# BPF_LDX: X = the length of the IPv4 header that begins at a place.
SKIP_HEADER = 0xB1
# BPF_ALU and BPF_MISC on A.
AND, SHIFT_LEFT, ADD_X, TO_X = 0x54, 0x64, 0x0C, 0x07
_JUMP_IF_EQUAL, _RETURN = 0x15, 0x06

Step = Tuple[int, int]


@frozen
class Check:
    """Some instructions with their operands, and the values of which one must then be in A."""

    steps: Sequence[Step]
    values: Sequence[int]


def only(sock: socket.socket, *checks: Check) -> None:
    """From now on the socket gets nothing but what passes all checks. Raises OSError."""
    _attach(sock, _assembled(checks))


def nothing(sock: socket.socket) -> None:
    """The socket only sends."""
    _attach(sock, [(_RETURN, 0, 0, 0)])


def _attach(sock: socket.socket, code: List[Tuple[int, int, int, int]]) -> None:
    program = array("B", b"".join(_STATEMENT.pack(*line) for line in code))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _PROGRAM.pack(len(code), program.buffer_info()[0]))


def _assembled(checks: Sequence[Check]) -> List[Tuple[int, int, int, int]]:
    code: List[Tuple[int, int, int, int]] = []
    total = sum(len(check.steps) + len(check.values) for check in checks)
    for check in checks:
        code.extend((operation, 0, 0, operand) for operation, operand in check.steps)
        for place, value in enumerate(check.values):
            # On to the next check; after the last value, past all others to the end.
            left = len(check.values) - 1 - place
            code.append((_JUMP_IF_EQUAL, left, 0 if left else total - len(code), value))
    return [*code, (_RETURN, 0, 0, _WHOLE), (_RETURN, 0, 0, 0)]
