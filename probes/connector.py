"""Many TCP handshakes at once, on one epoll instance inside the event loop.

A busy loop invents time-outs: a timer that expires before finished I/O was polled calls an open port silent. So the
order here is fixed: poll first, handle *all* events, and only then let handshakes expire; and a handshake expires only
if the kernel agrees (TCP_INFO still says SYN_SENT). The time that counts is the kernel's, not the loop's.
"""

import asyncio
import errno
import heapq
import itertools
import select
import socket
import time
from typing import Any, Callable, Dict, List, Optional, Tuple, TypeVar

from attrs import frozen

from probes.kernel import (
    REFUSED_HERE,
    TCP_SYN_SENT,
    IcmpError,
    TcpInfo,
    end_with_reset,
    failure_of,
    icmp_error,
    limit_hops,
    limit_unread,
    receive_icmp_errors,
    tcp_info,
)
from reports.failures import Failure, of_errno

_IN_PROGRESS = (errno.EINPROGRESS, errno.EALREADY)

# Only at once: the same errors later, or with an ICMP message, come from elsewhere.
_AT_ONCE = 0.1

T = TypeVar("T")


@frozen(kw_only=True)
class Dial:
    """How a handshake differs from a usual one; by default not at all.

    ``hops``: how many routers may pass it on, less one (IP_TTL). ``mss``: the largest segment that the peer may send,
    in bytes (TCP_MAXSEG). ``source``, ``source_port``: whence, where this machine has that address and port.
    ``reset``: it ends with a reset (SO_LINGER 0), also where this process is killed: whoever counts connections on the
    way forgets it at once, and no TIME_WAIT stays. ``unread``: how many bytes may wait for being read, where these are
    not as many as usual.
    """

    hops: int = 0
    mss: int = 0
    source: str = ""
    source_port: int = 0
    reset: bool = False
    unread: int = 0

    def prepare(self, sock: socket.socket) -> None:
        """Set the socket up before it connects. Raises OSError where this machine will not."""
        if self.hops:
            limit_hops(sock, self.hops)
        if self.mss:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, self.mss)
        if self.source or self.source_port:
            sock.bind((self.source, self.source_port))
        if self.reset:
            end_with_reset(sock)


USUAL = Dial()


@frozen(kw_only=True)
class Handshake:
    """How one TCP handshake ended. ``sock`` is connected and non-blocking where ``failure`` is None.

    ``immediate``: connect(2) itself refused, so that no packet left. ``loop_lag``: seconds by which the loop came late.
    """

    failure: Optional[Failure]
    started: float
    duration: float
    sock: Optional[socket.socket] = None
    source: str = ""
    errno: int = 0
    immediate: bool = False
    info: Optional[TcpInfo] = None
    icmp: Optional[IcmpError] = None
    loop_lag: float = 0.0

    @property
    def round_trip(self) -> float:
        """Seconds from the SYN that was answered to its answer: of one that was lost before, ``duration`` tells too."""
        return self.info.rtt if self.info is not None and self.info.rtt > 0 else self.duration


class _Waiting:
    """Somebody who waits for a socket: for its handshake, to read, to write."""

    __slots__ = ("deadline", "future", "sock", "start")

    def __init__(self, sock: socket.socket, future: "asyncio.Future[Any]", timeout: float) -> None:
        self.sock = sock
        self.future = future
        self.start = time.monotonic()
        self.deadline = self.start + timeout

    def end(self, ready: bool) -> None:
        if not self.future.done():
            self.future.set_result(ready)


class _Pending(_Waiting):
    """A handshake that is not over."""

    __slots__ = ("started",)
    future: "asyncio.Future[Handshake]"

    def __init__(self, sock: socket.socket, future: "asyncio.Future[Handshake]", timeout: float) -> None:
        super().__init__(sock, future, timeout)
        self.started = round(time.time(), 6)


class Connector:
    """Starts handshakes and tells how they ended. One per event loop; ``close`` gives everything back.

    ``unread``: how many bytes of a connection may wait for being read; 0: as the kernel sees fit.
    """

    def __init__(self, unread: int = 0) -> None:
        self._unread = unread
        self._loop = asyncio.get_event_loop()
        self._epoll = select.epoll()
        self._waiting: Dict[int, _Waiting] = {}
        # By deadline; equals in the order in which they came.
        self._expiry: List[Tuple[float, int, _Waiting]] = []
        self._order = itertools.count()
        self._timer: Optional[asyncio.TimerHandle] = None
        self.loop_lag = 0.0  # seconds by which the loop came late at worst
        self.syns = self.syns_again = 0  # that left for the first time, and again
        self.waits = 0  # times that somebody let others go on meanwhile
        self._loop.add_reader(self._epoll.fileno(), self._poll)

    def close(self) -> None:
        """Abort what is pending and release the poller."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._epoll.fileno())
        for waiting in list(self._waiting.values()):
            waiting.sock.close()
            if not waiting.future.done():
                waiting.future.cancel()
        self._waiting.clear()
        self._epoll.close()

    async def connect(
        self, address: str, port: int, timeout: float, sent: Callable[[], None], dial: Dial = USUAL
    ) -> Handshake:
        """One handshake with ``address`` (an IP literal); ``sent`` is called when the SYN has left.

        Failures are values; only cancellation is raised.
        """
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        started = round(time.time(), 6)
        try:
            sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        except OSError as error:
            return _refused_here(error.errno or 0, started)
        receive_icmp_errors(sock)
        unread = dial.unread or self._unread
        if unread:
            limit_unread(sock, unread)
        try:
            dial.prepare(sock)
        except OSError as error:
            sock.close()
            return _refused_here(error.errno or 0, started)
        number = sock.connect_ex((address, port))
        sent()
        if number == errno.EADDRNOTAVAIL and not _has_source(family, address):
            number = errno.ENETUNREACH
        pending = _Pending(sock, self._loop.create_future(), timeout)
        if number not in _IN_PROGRESS:
            return self._ended(pending, number)
        descriptor = sock.fileno()
        self._waiting[descriptor] = pending
        try:
            self._epoll.register(descriptor, select.EPOLLOUT | select.EPOLLONESHOT)
            self._expire_at(pending)
            self.waits += 1
            return await pending.future
        except BaseException:
            if self._waiting.pop(descriptor, None) is not None:
                self._count(tcp_info(sock))
                sock.close()
            elif pending.future.done() and not pending.future.cancelled():
                ended = pending.future.result()
                if ended.sock is not None:
                    ended.sock.close()
            raise

    async def ready(self, sock: socket.socket, timeout: float, writing: bool = False) -> bool:
        """Whether the socket can be read (or written) within ``timeout`` seconds. One wait at a time for a socket.

        A time-out is judged last, after everything that has happened meanwhile: a late event loop invents no silence.
        """
        waiting = _Waiting(sock, self._loop.create_future(), timeout)
        descriptor = sock.fileno()
        events = (select.EPOLLOUT if writing else select.EPOLLIN) | select.EPOLLONESHOT
        try:
            self._epoll.modify(descriptor, events)
        except FileNotFoundError:
            self._epoll.register(descriptor, events)
        self._waiting[descriptor] = waiting
        self._expire_at(waiting)
        self.waits += 1
        try:
            return await waiting.future  # type: ignore[no-any-return]
        finally:
            self._waiting.pop(descriptor, None)

    async def when_ready(
        self, sock: socket.socket, operation: Callable[[], T], timeout: float, writing: bool = False
    ) -> T:
        """The operation's result as soon as the socket is ready; TimeoutError after ``timeout`` seconds."""
        try:
            return operation()
        except (BlockingIOError, InterruptedError):
            pass
        if await self.ready(sock, timeout, writing):
            try:
                return operation()
            except (BlockingIOError, InterruptedError):
                pass  # it was ready for what the kernel then threw away
        raise asyncio.TimeoutError("no answer within %.3g s" % timeout)

    def _expire_at(self, waiting: _Waiting) -> None:
        heapq.heappush(self._expiry, (waiting.deadline, next(self._order), waiting))
        if self._expiry[0][2] is waiting:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._expiry:
            wait = max(0.0, self._expiry[0][0] - time.monotonic())
            self._timer = self._loop.call_later(wait, self._expire)

    def _poll(self) -> None:
        for descriptor, events in self._epoll.poll(0):
            waiting = self._waiting.pop(descriptor, None)
            if isinstance(waiting, _Pending):
                self._answered(waiting, events)
            elif waiting is not None:
                waiting.end(ready=True)

    def _answered(self, pending: _Pending, events: int) -> None:
        number, icmp = 0, None
        if events & (select.EPOLLERR | select.EPOLLHUP):
            number = pending.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number == 0 and _is_waiting(pending.sock):
                # An ICMP message that came while connect(2) held the socket is only queued: it counts all the same.
                icmp = icmp_error(pending.sock)
                if icmp is None:
                    self._waiting[pending.sock.fileno()] = pending
                    self._epoll.modify(pending.sock.fileno(), select.EPOLLOUT | select.EPOLLONESHOT)
                    return
                number = icmp.errno
        self._finish(pending, number, icmp)

    def _expire(self) -> None:
        self._timer = None
        self._poll()
        now = time.monotonic()
        while self._expiry and (self._expiry[0][2].future.done() or self._expiry[0][0] <= now):
            _, _, waiting = heapq.heappop(self._expiry)
            if waiting.future.done():
                continue
            del self._waiting[waiting.sock.fileno()]
            if isinstance(waiting, _Pending):
                self._finish(waiting, errno.ETIMEDOUT)
            else:
                waiting.end(ready=False)
        self._arm()

    def _count(self, info: Optional[TcpInfo]) -> None:
        self.syns += 1
        self.syns_again += info.retransmits if info is not None else 0

    def _finish(self, pending: _Pending, number: int, icmp: Optional[IcmpError] = None) -> None:
        ended = self._ended(pending, number, icmp)
        if not pending.future.done():
            pending.future.set_result(ended)
        elif ended.sock is not None:
            ended.sock.close()

    def _ended(self, pending: _Pending, number: int, icmp: Optional[IcmpError] = None) -> Handshake:
        now = time.monotonic()
        sock, elapsed = pending.sock, now - pending.start
        info = tcp_info(sock)
        self._count(info)
        expired = number == errno.ETIMEDOUT
        if expired:
            self.loop_lag = max(self.loop_lag, now - pending.deadline)
            if info is not None and info.state != TCP_SYN_SENT:
                number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        source = _source(sock)
        if number == 0:
            duration = _kernel_time(info, elapsed)
            return Handshake(
                failure=None,
                started=pending.started,
                duration=duration,
                sock=sock,
                source=source,
                info=info,
                loop_lag=elapsed - duration,
            )
        icmp = icmp or icmp_error(sock)
        sock.close()
        if number in REFUSED_HERE and (icmp is None or icmp.local) and elapsed < _AT_ONCE:
            return _refused_here(number, pending.started)
        return Handshake(
            failure=failure_of(number, icmp),
            started=pending.started,
            duration=elapsed,
            source=source,
            errno=number,
            info=info,
            icmp=icmp,
            loop_lag=max(0.0, now - pending.deadline) if expired else 0.0,
        )


def _is_waiting(sock: socket.socket) -> bool:
    info = tcp_info(sock)
    return info is not None and info.state == TCP_SYN_SENT


def _kernel_time(info: Optional[TcpInfo], elapsed: float) -> float:
    """Seconds from the first SYN to its answer, as the kernel measured it, whatever the loop did meanwhile."""
    if info is None or info.rtt <= 0:
        return elapsed
    if info.retransmits == 0:
        return min(elapsed, info.rtt)
    return min(elapsed, max(info.rtt, elapsed - info.since_last_ack))


def not_tried(failure: Failure) -> Handshake:
    """The handshake that there is none of: this machine fell short of something."""
    return Handshake(failure=failure, started=round(time.time(), 6), duration=0.0, immediate=True)


def _refused_here(number: int, started: float) -> Handshake:
    """connect(2) failed before any packet left: a route or filter of this machine, or a shortage, said no."""
    failure = REFUSED_HERE.get(number) or of_errno(number)
    return Handshake(failure=failure, started=started, duration=0.0, errno=number, immediate=True)


def _has_source(family: int, address: str) -> bool:
    """Whether this machine has an address to speak to that one from: no source and no port look alike to connect(2)."""
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        return sock.connect_ex((address, 9)) == 0  # of UDP: nothing is sent


def _source(sock: socket.socket) -> str:
    try:
        return str(sock.getsockname()[0])
    except OSError:
        return ""
