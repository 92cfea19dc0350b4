"""Many packets in one call: sendmmsg(2) and recvmmsg(2), which Python's sockets lack.

Where there is no ctypes, or no such function, packets go one by one.
"""

import contextlib
import errno
import os
import socket
import struct
from typing import Any, Callable, Iterator, List, Sequence, Tuple

from probes.sweep.wires import CONTROLS, SO_TIMESTAMPNS, came_at

# Packets of one call. What is received of each, at most: an ICMP error with two IP headers, and options in both.
SENT, RECEIVED, SLOT = 16, 128, 256
# struct sockaddr_in (ip(7)): port and address, and how many bytes it has.
_TO, _DESTINATION = struct.Struct(">2xH4s"), 16

# struct mmsghdr: address, its length; iovec, how many; controls, their length; flags; how much was received.
_HEADER = struct.Struct("PIPNPNi0PI0P")
_LENGTH_AT = struct.calcsize("PIPNPNi0P")
_IOVEC = struct.Struct("PN")
_CONTROLS = struct.Struct("Nii")
_STAMP = struct.Struct("%dxll" % _CONTROLS.size)  # the only control that is asked for
_SECOND = 1_000_000_000

_Call = Callable[..., int]


def _call_of(name: str) -> Tuple[Any, _Call]:
    """ctypes, and a function of the C library. Raises ImportError or AttributeError."""
    import ctypes  # noqa: PLC0415 - start-up: only raw sockets need it

    return ctypes, getattr(ctypes.CDLL(None, use_errno=True), name)


class Outgoing:
    """Packets of ``size`` bytes that leave together. ``room``: each behind a struct sockaddr_in that says to whom."""

    def __init__(self, sock: socket.socket, size: int) -> None:
        self._sock = sock
        self._stride = _DESTINATION + size
        self.room = bytearray(SENT * self._stride)
        self._view = memoryview(self.room)
        self._send: Callable[[int, int], int] = self._one_by_one
        with contextlib.suppress(ImportError, AttributeError):
            self._prepare(size)

    def send(self, count: int) -> Tuple[int, int]:
        """Send the first ones; how many have left, and the errno of the next one, or 0."""
        done = 0
        while done < count:
            sent = self._send(done, count)
            if sent <= 0:
                return done, -sent
            done += sent
        return done, 0

    def _one_by_one(self, start: int, end: int) -> int:
        """How many have left; where that is none, why, as a negative number."""
        for number in range(start, end):
            place = number * self._stride
            port, address = _TO.unpack_from(self.room, place)
            packet = self._view[place + _DESTINATION : place + self._stride]
            try:
                self._sock.sendto(packet, (socket.inet_ntoa(address), port))
            except OSError as error:
                return number - start or -(error.errno or errno.EIO)
        return end - start

    def _prepare(self, size: int) -> None:
        ctypes, call = _call_of("sendmmsg")
        base = ctypes.addressof(ctypes.c_char.from_buffer(self.room))
        places = range(base, base + len(self.room), self._stride)
        vectors = bytearray(b"".join(_IOVEC.pack(place + _DESTINATION, size) for place in places))
        vector = ctypes.addressof(ctypes.c_char.from_buffer(vectors))
        headers = bytearray(
            b"".join(
                _HEADER.pack(place, _DESTINATION, vector + number * _IOVEC.size, 1, 0, 0, 0, 0)
                for number, place in enumerate(places)
            )
        )
        first, descriptor = ctypes.addressof(ctypes.c_char.from_buffer(headers)), self._sock.fileno()

        def send(start: int, end: int) -> int:
            sent = call(descriptor, ctypes.c_void_p(first + start * _HEADER.size), end - start, 0)
            return sent if sent > 0 else -(ctypes.get_errno() or errno.EIO)

        self._kept = vectors, headers  # the kernel reads them
        self._send = send


class Incoming:
    """Packets that came together: their first SLOT bytes, how long they are, and when the kernel received them."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._sock = sock
        self._data = bytearray(RECEIVED * SLOT)
        self._view = memoryview(self._data)
        self._lengths: Sequence[int] = ()
        self._stamps: Sequence[int] = ()
        self._receive: Callable[[], int] = self._one_by_one
        with contextlib.suppress(ImportError, AttributeError):
            self._prepare()

    def receive(self) -> int:
        """Take what is there, up to RECEIVED packets; how many. Raises OSError."""
        return self._receive()

    def packets(self, shape: struct.Struct, count: int) -> Iterator[Tuple[Tuple[Any, ...], int, int]]:
        """Of each its fields, its length, and when it came: nanoseconds of Unix time, 0 where that is not known.

        ``shape``: of SLOT bytes; what is beyond the length is nobody's.
        """
        return zip(shape.iter_unpack(self._view[: count * SLOT]), self._lengths, self._stamps)

    def whole(self, number: int) -> Tuple[bytes, int]:
        """One of them, and when it came."""
        start = number * SLOT
        return bytes(self._view[start : start + self._lengths[number]]), self._stamps[number]

    def _one_by_one(self) -> int:
        lengths: List[int] = []
        stamps: List[int] = []
        with contextlib.suppress(BlockingIOError):
            for number in range(RECEIVED):
                slot = self._view[number * SLOT : (number + 1) * SLOT]
                length, controls, _, _ = self._sock.recvmsg_into([slot], CONTROLS)
                lengths.append(length)
                stamps.append(came_at(controls))
        self._lengths, self._stamps = lengths, stamps
        return len(lengths)

    def _prepare(self) -> None:
        ctypes, call = _call_of("recvmmsg")

        def address(room: bytearray) -> int:
            return int(ctypes.addressof(ctypes.c_char.from_buffer(room)))

        data, controls = address(self._data), bytearray(RECEIVED * _STAMP.size)
        places = range(data, data + len(self._data), SLOT)
        vectors = bytearray(b"".join(_IOVEC.pack(place, SLOT) for place in places))
        vector, control = address(vectors), address(controls)
        fresh = b"".join(
            _HEADER.pack(0, 0, vector + number * _IOVEC.size, 1, control + number * _STAMP.size, _STAMP.size, 0, 0)
            for number in range(RECEIVED)
        )
        headers, none, descriptor = bytearray(fresh), bytes(len(controls)), self._sock.fileno()
        first = ctypes.c_void_p(address(headers))
        words = memoryview(headers).cast("I")
        lengths = words[_LENGTH_AT // words.itemsize :: _HEADER.size // words.itemsize]

        def receive() -> int:
            # The kernel writes into them how much of each it has used.
            headers[:], controls[:] = fresh, none
            count = call(descriptor, first, RECEIVED, socket.MSG_DONTWAIT, None)
            if count < 0:
                number = ctypes.get_errno()
                if number in (errno.EAGAIN, errno.EINTR):
                    return 0
                raise OSError(number, os.strerror(number))
            stamps = _STAMP.iter_unpack(memoryview(controls)[: count * _STAMP.size])
            self._stamps = [seconds * _SECOND + nanoseconds for seconds, nanoseconds in stamps]
            return count

        self._kept = vectors
        self._lengths, self._receive = lengths, receive
