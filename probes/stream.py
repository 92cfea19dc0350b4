"""Connections, as probes see them: a Stream is narrow on purpose: read, write, close.

TLS is a Stream around a Stream (probes/tls.py).
"""

import asyncio
import contextlib
import socket
import time
from typing import Iterator, Optional, Tuple

from probes.connector import Connector
from probes.contract import LEAST_BYTES, Budget, Step, spent
from probes.kernel import TcpInfo, bytes_in, end_with_reset, handshake_info, tcp_info
from reports.failures import Failed

_CHUNK = 65536


class Stream:
    """Bytes to and from a peer. ``read`` gives b"" at the peer's end. Every wait is bounded by its timeout (seconds).

    A wait that is over raises TimeoutError (on 3.7: asyncio.TimeoutError); a reset raises ConnectionResetError.
    ``rtt_s``: the round-trip time as the handshake of the connection beneath showed it, where it is known.
    """

    rtt_s = 0.0
    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def info(self) -> Optional[TcpInfo]:
        """What the kernel knows of the connection beneath, now; None where it does not tell, or it is closed."""
        return None

    @property
    def retransmits(self) -> int:
        """How many segments of that connection had to be sent again so far, SYNs too; 0 where nobody tells."""
        info = self.info
        return info.retransmits if info is not None else 0

    async def receive(self, timeout: float) -> bytes:
        """The next bytes off the wire, whatever has come; b"" at the end. For implementations."""
        raise NotImplementedError

    async def write(self, data: bytes, timeout: float) -> None:
        """Send all of it."""
        raise NotImplementedError

    async def close(self) -> None:
        """End in order: FIN after what was written. Safe to repeat."""
        raise NotImplementedError

    async def read(self, limit: int, timeout: float) -> bytes:
        """Between 1 and ``limit`` bytes, or b"" at the end."""
        if not self._buffer:
            self._buffer = await self.receive(timeout)
        data, self._buffer = self._buffer[:limit], self._buffer[limit:]
        return data

    async def read_exactly(self, count: int, timeout: float) -> bytes:
        """``count`` bytes. Raises EOFError when the peer ends before."""
        deadline = time.monotonic() + timeout
        data = b""
        while len(data) < count:
            more = await self.read(count - len(data), max(0.0, deadline - time.monotonic()))
            if not more:
                raise EOFError("the peer closed after %d of %d bytes" % (len(data), count))
            data += more
        return data


class SocketStream(Stream):
    """A Stream over a connected, non-blocking socket. Its place in the budget is given back by ``close``.

    ``heard``: whether the peer has said anything.
    """

    # Thousands of them are held at once.
    __slots__ = ("_budget", "_closed", "_connector", "_keys", "_read", "_sock", "_written", "heard", "rtt_s")

    def __init__(
        self, connector: Connector, sock: socket.socket, rtt_s: float, budget: Budget, keys: Tuple[str, ...]
    ) -> None:
        super().__init__()
        self.rtt_s = rtt_s
        self.heard = False
        self._read = self._written = 0
        self._connector = connector
        self._sock = sock
        self._budget = budget
        self._keys = keys
        self._closed = False

    @property
    def info(self) -> Optional[TcpInfo]:
        """See Stream."""
        return None if self._closed else tcp_info(self._sock)

    @property
    def retransmits(self) -> int:
        """See Stream. Thousands of targets are asked, and hardly any needs more of what the kernel knows."""
        return 0 if self._closed else handshake_info(self._sock)[2]

    async def receive(self, timeout: float) -> bytes:
        """See Stream."""
        data = await self._connector.when_ready(self._sock, self._receive, timeout)
        self._read += len(data)
        self._spend(len(data))
        self.heard = self.heard or bool(data)
        return data

    def _receive(self) -> bytes:
        """What has come, as far as it may still be read."""
        left = max(self._budget.left(self._keys), self._least)
        if left <= 0:
            raise spent()
        return self._sock.recv(min(left, _CHUNK))

    @property
    def _least(self) -> int:
        """How many bytes it may still take in any case; none, or less than that, where it has had them."""
        return LEAST_BYTES - self._read - self._written

    def _spend(self, count: int) -> None:
        """Count them. Raises Failed(BUDGET_SPENT) past the limit, where it has had what it may in any case."""
        try:
            self._budget.spend(self._keys, count)
        except Failed:
            if self._least < 0:
                raise

    async def write(self, data: bytes, timeout: float) -> None:
        """See Stream."""
        self._written += len(data)
        self._spend(len(data))
        deadline = time.monotonic() + timeout
        while data:
            left = max(0.0, deadline - time.monotonic())
            rest = data
            sent = await self._connector.when_ready(self._sock, lambda: self._sock.send(rest), left, writing=True)  # noqa: B023
            data = data[sent:]

    @property
    def descriptor(self) -> int:
        """The socket's, to be watched; -1 once it is closed."""
        return self._sock.fileno()

    def end_in_order(self) -> None:
        """Close it with a FIN after all, where it would be reset (``Dial.reset``)."""
        end_with_reset(self._sock, False)

    def keep_alive(self, tries: int) -> None:
        """Have the kernel ask the peer every second whether it is there, and give up after so many tries (tcp(7))."""
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, tries)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    async def close(self) -> None:
        """See Stream."""
        if not self._closed:
            unread = self._unread()
            self._closed = True
            self._sock.close()
            with contextlib.suppress(Failed):  # whoever opens the next one is told
                self._budget.spend(self._keys, unread)
            self._budget.release(self._keys)

    def _unread(self) -> int:
        """What came and was not read; of a peer in the middle of it also what it may have on its way.

        That is as much as all that came before (RFC 5681, section 3.1: slow start doubles), where there is room for it.
        """
        came = bytes_in(self._sock)
        unread = came - self._read
        if unread <= 1:  # the end of the connection, if anything
            return 0
        room = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) - unread
        return unread + max(0, min(room, came))


@contextlib.contextmanager
def unheard(step: Step, stream: Stream) -> Iterator[None]:
    """Note what of ours had to be sent again; of a time-out, how much the peer's kernel has not even acknowledged."""
    try:
        yield
    except (TimeoutError, asyncio.TimeoutError):
        # A failure that is known already has nothing to do with a silence after it.
        info = stream.info if step.failure is None else None
        if info is not None:
            step.note("unacked", info.unacked)
            step.note("retransmits", info.retransmits)
        raise
    again = stream.retransmits
    if again:
        step.note("retransmits", again)
