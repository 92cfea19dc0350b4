"""The one seam to the network: everything that opens, sends or waits does it here, inside the budget.

    opened = await network.connect(ask)            # Opened: the handshake, and a Stream where it succeeded
    answer, sent = await network.ask_datagram(server, port, payload, timeout, name, fits)
    heard = await network.volley(kind, address, payloads, timeout, name)

Streams are in probes/stream.py.
"""

import asyncio
import contextlib
import errno
import itertools
import socket
import time
from typing import Callable, ContextManager, Dict, Iterable, Iterator, Optional, Sequence, Tuple, Union

from attrs import frozen

from probes.connector import USUAL, Connector, Dial, Handshake, not_tried
from probes.contract import Ask, Budget
from probes.kernel import (
    IcmpError,
    failure_of,
    forbid_fragments,
    icmp_error,
    receive_icmp_errors,
)
from probes.stream import SocketStream
from reports.failures import Failed, Failure
from reports.model import join_port

_CHUNK = 65536


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
        keys = _keys(name, address, port)
        if self.forbids(address, port):
            return Opened(not_tried(Failure.NOT_PERMITTED), None)
        if self._budget.left(keys) <= 0:
            return Opened(not_tried(Failure.BUDGET_SPENT), None)
        await self._budget.admit(keys)
        if self._budget.left(keys) <= 0:  # others have spent it meanwhile
            self._budget.release(keys)
            return Opened(not_tried(Failure.BUDGET_SPENT), None)
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
        return self._budget.holding(_keys(ask.target.name, ask.address, ask.port), connections)

    async def account(self, packets: int) -> None:
        """Wait until so many packets may be sent by others: soon by this machine's own resolver, at once by a wire."""
        for _ in range(packets):
            await self._budget.packet()

    def bears(self, packets: int) -> bool:
        """Whether so many packets may leave at the same moment, once they are waited for."""
        return self._budget.bears(packets)

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
        not, or its byte budget does not bear all of them and answers as large: silence must be the peer's.
        """
        if self.forbids(address, kind.port):
            raise OSError(errno.ECANCELED, "nothing may be sent to %s" % address)
        size = sum(map(len, payloads))
        if self._budget.left((name,)) < 2 * size:
            raise OSError(errno.EDQUOT, "the byte budget is spent")
        self._budget.spend((name,), size)
        heard: Dict[int, Union[bytes, IcmpError]] = {}
        with contextlib.closing(kind.open()) as sock:
            receive_icmp_errors(sock)
            forbid_fragments(sock)
            sock.connect((address, kind.port))
            for index, payload in enumerate(payloads):
                await self._budget.packet()
                refused = _send(sock, payload)
                if refused is not None:
                    heard[index] = refused
            deadline = time.monotonic() + timeout
            while len(heard) < len(payloads) and time.monotonic() < deadline:
                try:
                    left = max(0.0, deadline - time.monotonic())
                    answer = await self._connector.when_ready(sock, lambda: sock.recv(_CHUNK), left)
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
        """Count an answer to a volley, which is ended in any case."""
        with contextlib.suppress(Failed):
            self._budget.spend((name,), len(data))


def _keys(name: str, address: str, port: int) -> Tuple[str, ...]:
    """What a connection counts against, each once: a target may be called by its very address."""
    return tuple(dict.fromkeys((name, join_port(address, port))))


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


async def _datagram(connector: Connector, sock: socket.socket, fits: Callable[[bytes], bool], deadline: float) -> bytes:
    """The first datagram that fits. Raises TimeoutError at the deadline (monotonic seconds)."""
    while True:
        left = deadline - time.monotonic()
        answer = await connector.when_ready(sock, lambda: sock.recv(_CHUNK), max(0.0, left))
        if fits(answer):
            return answer
        # What came in time is looked at, also late; but others that never pause must not outlast the deadline.
        if left <= 0:
            raise asyncio.TimeoutError("no answer among others")
