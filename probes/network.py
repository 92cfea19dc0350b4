"""The one seam to the network: everything that opens, sends or waits does it here, inside the budget.

    opened = await network.connect(ask)            # Opened: the handshake, and a Stream where it succeeded
    answer, sent = await network.ask_datagram(server, port, payload, timeout, name, fits)
    heard = await network.volley(kind, address, payloads, timeout, name)

A Stream is narrow on purpose: read, write, close. TLS is a Stream around a Stream (probes/tls.py).
"""

import asyncio
import contextlib
import errno
import itertools
import socket
import time
from typing import Callable, ContextManager, Dict, Iterable, Iterator, Optional, Sequence, Tuple, TypeVar, Union

from attrs import frozen

from probes.connector import USUAL, Connector, Dial, Handshake, not_tried
from probes.contract import Ask, Step
from probes.kernel import (
    IcmpError,
    TcpInfo,
    bytes_in,
    end_with_reset,
    failure_of,
    forbid_fragments,
    handshake_info,
    icmp_error,
    receive_icmp_errors,
    tcp_info,
)
from reports.failures import Failed, Failure
from reports.model import join_port

_CHUNK = 65536

T = TypeVar("T")


class Budget:
    """What a run may still do. The one that counts is agent/budget.py; this one allows everything.

    ``keys`` name what an opened connection counts against: the target, and the address and port. ``unread``: how many
    bytes may wait on a connection for being read; 0: as the kernel sees fit.
    """

    unread = 0

    async def admit(self, keys: Tuple[str, ...]) -> None:
        """Wait until one more connection may be opened, and take its place.

        The caller connects without awaiting anything in between. Raises Failed(INTERRUPTED) where the run is ending.
        """

    def opened(self) -> None:
        """The SYN has just been sent."""

    def release(self, keys: Tuple[str, ...]) -> None:
        """The connection is closed."""

    @contextlib.contextmanager
    def holding(self, keys: Tuple[str, ...], connections: int) -> Iterator[None]:  # noqa: ARG002 - allows everything
        """Within it so many connections may count against these keys at once, besides all others: the plan says so."""
        yield

    async def packet(self) -> None:
        """Wait until one more datagram may be sent; it is sent without awaiting anything in between."""

    def sent(self, packets: int) -> None:
        """So many packets have left at some time until now, beside those that were waited for."""

    def spend(self, keys: Tuple[str, ...], count: int) -> None:
        """Count bytes received or sent. Raises Failed(BUDGET_SPENT) past the limit."""

    def is_spent(self, keys: Tuple[str, ...]) -> bool:  # noqa: ARG002 - allows everything
        """Whether no byte more may be received or sent."""
        return False


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
    __slots__ = ("_budget", "_closed", "_connector", "_keys", "_read", "_sock", "heard", "rtt_s")

    def __init__(
        self, connector: Connector, sock: socket.socket, rtt_s: float, budget: Budget, keys: Tuple[str, ...]
    ) -> None:
        super().__init__()
        self.rtt_s = rtt_s
        self.heard = False
        self._read = 0
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
        data = await _when_ready(self._connector, self._sock, lambda: self._sock.recv(_CHUNK), timeout)
        self._read += len(data)
        self._budget.spend(self._keys, len(data))
        self.heard = self.heard or bool(data)
        return data

    async def write(self, data: bytes, timeout: float) -> None:
        """See Stream."""
        self._budget.spend(self._keys, len(data))
        deadline = time.monotonic() + timeout
        while data:
            left = max(0.0, deadline - time.monotonic())
            rest = data
            sent = await _when_ready(self._connector, self._sock, lambda: self._sock.send(rest), left, writing=True)  # noqa: B023
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


@frozen
class Opened:
    """A handshake, and the stream where it succeeded."""

    handshake: Handshake
    stream: Optional[SocketStream]


class Refused(Failed):
    """An ICMP error came in place of an answer; ``icmp`` says from whom."""

    def __init__(self, failure: Failure, icmp: IcmpError) -> None:
        super().__init__(
            failure, "ICMP type %d code %d from %s" % (icmp.type, icmp.code, icmp.sender or "this machine")
        )
        self.icmp = icmp


class Network:
    """The real network, inside a budget. One per event loop; ``close`` when done.

    ``forbids``: whether nothing may be opened or sent to an address (an IP literal) and port; 0: what has none, or any.
    """

    def __init__(self, budget: Optional[Budget] = None, forbids: Optional[Callable[[str, int], bool]] = None) -> None:
        self._budget = budget or Budget()
        self.forbids = forbids or _forbids_nothing
        self._connector = Connector(self._budget.unread)

    @property
    def loop_lag(self) -> float:
        """Seconds by which the event loop came late at worst."""
        return self._connector.loop_lag

    @property
    def syns(self) -> Tuple[int, int]:
        """How many SYNs its handshakes sent that are over: for the first time, and again."""
        return self._connector.syns, self._connector.syns_again

    @property
    def waits(self) -> int:
        """How often anybody has waited for a socket: whoever finds it changed has let others go on."""
        return self._connector.waits

    def close(self) -> None:
        """Release the poller; streams are closed by whoever opened them."""
        self._connector.close()

    async def connect(self, ask: Ask) -> Opened:
        """A TCP connection to the target's port at ``ask.address``. Failures are values."""
        return await self.connect_to(ask.address, ask.port, ask.timeout, ask.target.name)

    async def connect_to(self, address: str, port: int, timeout: float, name: str, dial: Dial = USUAL) -> Opened:
        """The same for what is no target (a name server, a proxy), or in another way (``dial``).

        ``name`` is what it counts against.
        """
        keys = (name, join_port(address, port))
        if self.forbids(address, port):
            return Opened(not_tried(Failure.NOT_PERMITTED), None)
        if self._budget.is_spent(keys):
            return Opened(not_tried(Failure.BUDGET_SPENT), None)
        await self._budget.admit(keys)
        try:
            handshake = await self._connector.connect(address, port, timeout, self._budget.opened, dial)
        except BaseException:
            self._budget.release(keys)
            raise
        if handshake.sock is None:
            self._budget.release(keys)
            return Opened(handshake, None)
        stream = SocketStream(self._connector, handshake.sock, handshake.round_trip, self._budget, keys)
        return Opened(handshake, stream)

    def holding(self, ask: Ask, connections: int) -> ContextManager[None]:
        """Within it so many connections to the target's port at ``ask.address`` may be open at once: it allows them."""
        return self._budget.holding((ask.target.name, join_port(ask.address, ask.port)), connections)

    async def account(self, packets: int) -> None:
        """Wait until so many packets may be sent by others: soon by this machine's own resolver, at once by a wire."""
        for _ in range(packets):
            await self._budget.packet()

    def accounted(self, packets: int) -> None:
        """They have been sent. Counted at both ends, they are inside every second in which they may have left."""
        self._budget.sent(packets)

    async def ask_datagram(
        self,
        address: str,
        port: int,
        payload: bytes,
        timeout: float,
        name: str,
        fits: Callable[[bytes], bool],
        tries: int = 1,
    ) -> Tuple[bytes, int]:
        """Send a datagram and wait for the answer that ``fits`` (others are ignored: late or forged).

        It is sent ``tries`` times, evenly over ``timeout`` (seconds), while nothing answers; an answer to any of them
        counts. ``name`` is what its bytes count against. Gives the answer and how often it was sent. Raises Refused for
        an ICMP error, OSError where this machine would not send, TimeoutError after the time-out, Failed(BUDGET_SPENT,
        NOT_PERMITTED).
        """
        if self.forbids(address, port):
            raise Failed(Failure.NOT_PERMITTED, "nothing may be sent to %s" % address)

        def heard(data: bytes) -> bool:
            self._budget.spend((name,), len(data))
            return fits(data)

        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as sock:
            receive_icmp_errors(sock)
            sock.connect((address, port))
            for sent in range(1, tries + 1):
                await self._budget.packet()
                self._budget.spend((name,), len(payload))
                sock.send(payload)
                deadline = time.monotonic() + timeout / tries
                try:
                    answer = await _datagram(self._connector, sock, heard, deadline)
                except asyncio.TimeoutError:
                    continue
                except OSError as error:
                    icmp = icmp_error(sock)
                    if icmp is None:
                        raise
                    raise Refused(failure_of(error.errno or 0, icmp), icmp) from error
                return answer, sent
            raise asyncio.TimeoutError("no answer to %d datagrams within %.3g s" % (tries, timeout))

    async def volley(
        self, kind: "Datagrams", address: str, payloads: Sequence[bytes], timeout: float, name: str
    ) -> Dict[int, Union[bytes, IcmpError]]:
        """Send datagrams at once, none of them in fragments, and hear what comes back within ``timeout`` seconds.

        Gives the first answer, or ICMP error, to each of the payloads by its index; what nobody answered is missing.
        ``name`` is what it counts against. Raises OSError where this machine will not send such datagrams at all, may
        not, or its byte budget is spent.
        """
        if self.forbids(address, kind.port):
            raise OSError(errno.EPERM, "nothing may be sent to %s" % address)
        if self._budget.is_spent((name,)):
            raise OSError(errno.EDQUOT, "the byte budget is spent")
        heard: Dict[int, Union[bytes, IcmpError]] = {}
        with contextlib.closing(kind.open()) as sock:
            receive_icmp_errors(sock)
            forbid_fragments(sock)
            sock.connect((address, kind.port))
            for index, payload in enumerate(payloads):
                await self._budget.packet()
                self._count(name, payload)
                refused = _send(sock, payload)
                if refused is not None:
                    heard[index] = refused
            deadline = time.monotonic() + timeout
            while len(heard) < len(payloads) and time.monotonic() < deadline:
                try:
                    left = max(0.0, deadline - time.monotonic())
                    answer = await _when_ready(self._connector, sock, lambda: sock.recv(_CHUNK), left)
                    self._count(name, answer)
                except (OSError, asyncio.TimeoutError):
                    # An error has come, or nothing: the error queue knows, and what it is about.
                    answer = b""
                came: Iterable[Tuple[bytes, Union[bytes, IcmpError]]] = ((icmp.quoted, icmp) for icmp in _queued(sock))
                for about, what in itertools.chain([(answer, answer)], came):
                    number = kind.index_of(about)
                    if number is not None:
                        heard.setdefault(number, what)
        return heard

    def _count(self, name: str, data: bytes) -> None:
        """Count a datagram of a volley, which is ended in any case."""
        with contextlib.suppress(Failed):
            self._budget.spend((name,), len(data))


def _forbids_nothing(address: str, port: int) -> bool:  # noqa: ARG001 - see Network
    return False


@frozen
class Datagrams:
    """A kind of datagrams: how their socket is opened, to which port they go, and which of them bytes belong to.

    ``index_of``: the index of the payload that these bytes answer or quote; None where they are nothing of ours.
    """

    open: Callable[[], socket.socket]
    port: int
    index_of: Callable[[bytes], Optional[int]]


def _send(sock: socket.socket, payload: bytes) -> Optional[IcmpError]:
    """Send it; where it is too large for this machine's own interface, the kernel's word for that."""
    # What came meanwhile for an earlier one is not told at this one; the error queue keeps it.
    sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    try:
        sock.send(payload)
    except OSError as error:
        if error.errno != errno.EMSGSIZE:
            raise
        return IcmpError(errno.EMSGSIZE, 0, 0, "", local=True)
    return None


def _queued(sock: socket.socket) -> Iterator[IcmpError]:
    icmp = icmp_error(sock)
    while icmp is not None:
        yield icmp
        icmp = icmp_error(sock)


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


async def _datagram(connector: Connector, sock: socket.socket, fits: Callable[[bytes], bool], deadline: float) -> bytes:
    """The first datagram that fits. Raises TimeoutError at the deadline (monotonic seconds)."""
    while True:
        left = deadline - time.monotonic()
        answer = await _when_ready(connector, sock, lambda: sock.recv(_CHUNK), max(0.0, left))
        if fits(answer):
            return answer
        # What came in time is looked at, also late; but others that never pause must not outlast the deadline.
        if left <= 0:
            raise asyncio.TimeoutError("no answer among others")


async def _when_ready(
    connector: Connector, sock: socket.socket, operation: Callable[[], T], timeout: float, writing: bool = False
) -> T:
    """The operation's result as soon as the socket is ready; TimeoutError after ``timeout`` seconds."""
    try:
        return operation()
    except (BlockingIOError, InterruptedError):
        pass
    if await connector.ready(sock, timeout, writing):
        try:
            return operation()
        except (BlockingIOError, InterruptedError):
            pass  # it was ready for what the kernel then threw away
    raise asyncio.TimeoutError("no answer within %.3g s" % timeout)
