"""The connect engine: handshakes of an ordinary user, thousands at once on one bare epoll instance.

The order of things is fixed: begin, poll, handle *all* events, and only then let expire what the poll did not bring.
So a busy machine is late, and never wrong. A SYN that is not answered is sent again by the kernel itself.
"""

import contextlib
import errno
import resource
import select
import socket
import time
from collections import deque
from ipaddress import IPv6Address
from pathlib import Path
from typing import Deque, Dict, Iterator, List, Optional, Tuple

from probes.kernel import (
    TCP_SYN_SENT,
    IcmpError,
    end_with_reset,
    handshake_info,
    icmp_error,
    receive_icmp_errors,
    segments_out,
)
from probes.mysql_packets import Handshake
from probes.sweep.contract import EVERY, Chunk, Chunks, Engine, Pace, why_not
from probes.sweep.feed import Lookup
from probes.sweep.near import Near
from reports.services import is_mysql
from reports.sweep import FILTERED, OPEN, REFUSED, Batch, Order

# Handshakes under way at once, at most: what one process serves in time. Less where descriptors are short.
_MOST = 8000
_SPARE = 32
# Begun before it is looked what has happened; and what expires within so many seconds expires together.
_AT_ONCE, _TOGETHER = 64, 0.002

# Seconds for which nothing at all can be begun for want of something before cells are given up.
_STUCK = 2.0
_SHORT = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN)

# When the kernel repeats a SYN: after a second, and then later and later, or at once a second later
# (tcp_syn_linear_timeouts, since Linux 6.5). Seconds.
_AGAIN = 1.0
# What it does at the very end of a wait shall not count.
_EARLY = 0.05

# A MySQL server is waited for as long as it waits itself (connect_timeout), and after an interrupt so long. Seconds.
_PATIENCE, _GRACE = 10.0, 2.0
# Its conversation: at most so many packets of ours beyond the handshake, and bytes of its.
_TALK, _MOST_BYTES = 8, 16384
_CHUNK = 4096

_END: Chunk = range(0)

_KIND = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC

_UNDER_WAY = (0, errno.EINPROGRESS, errno.EALREADY)
# The handshake did come about before the connection ended.
_ENDED_LATER = (errno.ECONNRESET, errno.EPIPE)
_BROKEN = select.EPOLLERR | select.EPOLLHUP


class _Attempt:
    """One handshake under way. ``sock`` is None when it is over. ``near``: packets that find it on the link."""

    __slots__ = ("begun", "cell", "near", "sock")

    def __init__(self, cell: int, sock: socket.socket, begun: float, near: int) -> None:
        self.cell = cell
        self.near = near
        self.sock: Optional[socket.socket] = sock
        self.begun = begun


class _Talk:
    """A MySQL connection whose handshake is not finished."""

    __slots__ = ("handshake", "received", "sock", "until")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.handshake = Handshake()
        self.received = 0
        self.until = time.monotonic() + _PATIENCE


def life(order: Order) -> float:
    """Seconds that a handshake is given: the kernel's last SYN of ``tries`` gets the order's time-out."""
    last = ((1 << (order.tries - 1)) - 1) * _AGAIN
    return last + (order.timeout - _EARLY if order.tries > 1 and order.timeout >= _AGAIN else order.timeout)


class Connect(Engine):
    """See the module. ``near``: what our own kernel asks for on the link first, which costs a packet more."""

    def __init__(self, order: Order, pace: Pace, near: Near) -> None:
        super().__init__(order)
        self._order = order
        self._pace = pace
        self._life = life(order)
        self._near = near
        self._syns = 1 + int(self._life / _AGAIN)
        self._ports = tuple(question.port for question in order.questions)
        self._mysql = tuple(is_mysql(question.service, question.port) for question in order.questions)
        # Every SYN, and what follows: the reset, or else the ACK, and the reset when there is room for it.
        self._costs = tuple(self._syns + 1 + (_TALK if mysql else 0) for mysql in self._mysql)
        pace.serves(max(self._costs) + bool(near.ranges))
        self._most = _plan()
        self._family = socket.AF_INET if order.addresses.version == 4 else socket.AF_INET6
        self._epoll = select.epoll()
        self._pending: Dict[int, _Attempt] = {}
        self._queue: Deque[_Attempt] = deque()
        self._talks: Dict[int, _Talk] = {}
        self._closing: Deque[socket.socket] = deque()
        self._lookup = Lookup(order)
        # Cells with their addresses; and the one that is to be asked next.
        self._cells: Iterator[Tuple[int, int]] = iter(())
        self._next: Optional[Tuple[int, int]] = None
        self._more = self._later = False  # whether there are others, and only after some time
        self._stuck = 0.0

    def close(self) -> None:
        """See Engine; MySQL handshakes are given some time to finish."""
        until = time.monotonic() + _GRACE
        while self._talks and time.monotonic() < until:
            self._handle(self._epoll.poll(EVERY))
        for attempt in self._pending.values():
            if attempt.sock is not None:
                attempt.sock.close()
        for sock in [*self._closing, *(talk.sock for talk in self._talks.values())]:
            sock.close()
        self._pending.clear()
        self._talks.clear()
        self._closing.clear()
        self._epoll.close()

    def run(self, chunks: Chunks) -> Iterator[Batch]:
        """See Engine."""
        self._more = True
        while self._more or self._next is not None or self._under_way:
            self._let_close()
            self._begin(chunks)
            before = time.monotonic()
            # Whatever has happened is handled before anything expires.
            self._handle(self._epoll.poll(self._wait(before), max(self._most, 1)))
            self._expire(before)
            if self.harvest.is_due(time.monotonic()):
                yield self.harvest.batch()
        yield self.harvest.batch()

    @property
    def _under_way(self) -> int:
        return len(self._pending) + len(self._closing) + len(self._talks)

    def _cost(self, cell: int, address: int) -> int:
        near = bool(self._near.ranges) and self._near.any(address, address)
        return self._costs[cell % len(self._costs)] + near

    def _wait(self, now: float) -> float:
        """Seconds until something is to be done, whatever happens."""
        wait = EVERY
        if self._queue:
            wait = min(wait, max(_TOGETHER, self._queue[0].begun + self._life - now))
        if self._closing:
            wait = min(wait, self._pace.pause(1))
        if self._under_way < self._most and not self._stuck:
            if self._next is not None:
                wait = min(wait, self._pace.pause(self._cost(*self._next)))
            elif self._more and not self._later:
                wait = 0.0
        return wait

    # --- beginning ---

    def _begin(self, chunks: Chunks) -> None:
        """Some more handshakes, as many as pace and descriptors allow."""
        for _ in range(min(_AT_ONCE, self._most - self._under_way)):
            if self._next is None:
                self._next = self._following(chunks)
            if self._next is None:
                return
            cost = self._cost(*self._next)
            if not (self._pace.take(1, cost) and self._connect(*self._next, cost)):
                return
            self._next = None

    def _following(self, chunks: Chunks) -> Optional[Tuple[int, int]]:
        """The next cell and its address; None where there is none now."""
        cell = next(self._cells, None)
        self._later = False
        while cell is None and self._more and not self._later:
            chunk = next(chunks, _END)
            self._more, self._later = chunk is not _END, chunk is None
            self._cells = iter(zip(chunk, self._lookup.addresses(chunk)) if chunk else ())
            cell = next(self._cells, None)
        return cell

    def _connect(self, cell: int, address: int, cost: int) -> bool:
        """Begin one; False where it must wait."""
        question = cell % len(self._ports)
        try:
            sock = socket.socket(self._family, _KIND)
        except OSError as error:
            return self._fell_short(cell, cost, error.errno or 0)
        if not self._mysql[question]:
            end_with_reset(sock)
            # The reset comes before the last ACK of the handshake is due: no server is kept busy, and none speaks.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        receive_icmp_errors(sock)
        begun = time.monotonic()
        number = sock.connect_ex((self._text(address), self._ports[question]))
        if number not in _UNDER_WAY:
            sock.close()
            return self._fell_short(cell, cost, number)
        attempt = _Attempt(cell, sock, begun, cost - self._costs[question])
        descriptor = sock.fileno()
        self._epoll.register(descriptor, select.EPOLLOUT | select.EPOLLONESHOT)
        self._pending[descriptor] = attempt
        self._queue.append(attempt)
        self._pace.left(1)
        if attempt.near:
            self._pace.neighbours(1)
        self._stuck, self.harvest.refused = 0.0, 0
        return True

    def _text(self, address: int) -> str:
        if self._family == socket.AF_INET:
            return socket.inet_ntoa(address.to_bytes(4, "big"))
        return str(IPv6Address(address))

    def _fell_short(self, cell: int, cost: int, number: int) -> bool:
        """What this machine lacks may come back; what it refuses will not. Whether the cell is done with."""
        self._pace.back(cost)
        if number in _SHORT:
            now = time.monotonic()
            if self._under_way:  # which ends, and frees what it holds
                self._stuck = now
                return False
            self._stuck = self._stuck or now
            if now < self._stuck + _STUCK:
                return False
            self._stuck = now - _STUCK  # whoever comes next need not wait as long
        self.harvest.not_sent(cell, number)
        return True

    # --- what happens ---

    def _handle(self, events: List[Tuple[int, int]]) -> None:
        for descriptor, flags in events:
            attempt = self._pending.pop(descriptor, None)
            if attempt is not None:
                self._ended(descriptor, attempt, flags)
            elif descriptor in self._talks:
                self._hear(descriptor)

    def _ended(self, descriptor: int, attempt: _Attempt, flags: int) -> None:
        sock = attempt.sock
        if sock is None:
            return
        if flags & _BROKEN:
            number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number not in _ENDED_LATER:
                # A message that came while connect(2) held the socket is only queued: it counts all the same.
                icmp = icmp_error(sock)
                if number or icmp is not None:
                    self._failed(attempt, sock, number, icmp)
                    return
                if handshake_info(sock)[0] == TCP_SYN_SENT:
                    self._pending[descriptor] = attempt
                    self._epoll.modify(descriptor, select.EPOLLOUT | select.EPOLLONESHOT)
                    return
        self._opened(descriptor, attempt, sock)

    def _opened(self, descriptor: int, attempt: _Attempt, sock: socket.socket) -> None:
        cell, pace, attempt.sock = attempt.cell, self._pace, None
        _, rtt, again, _ = handshake_info(sock)
        self.harvest.rows.append((cell, OPEN, rtt or time.monotonic() - attempt.begun, 0, "", ""))
        if self._mysql[cell % len(self._mysql)]:
            self._talks[descriptor] = _Talk(sock)
            self._epoll.modify(descriptor, select.EPOLLIN)
        elif pace.rate and segments_out(sock) > 1 + again:
            self._closing.append(sock)
        else:
            sock.close()
        pace.left(again + 1)
        pace.back(self._syns - 1 - again)

    def _let_close(self) -> None:
        while self._closing and self._pace.take(1, 1):
            self._closing.popleft().close()
            self._pace.left(1)

    def _failed(self, attempt: _Attempt, sock: socket.socket, number: int, icmp: Optional[IcmpError]) -> None:
        cell, elapsed, harvest = attempt.cell, time.monotonic() - attempt.begun, self.harvest
        if icmp is not None and not self._is_ours(icmp, sock, cell):
            harvest.rows.append((cell, FILTERED, elapsed, 0, icmp.sender, "%d/%d" % (icmp.type, icmp.code)))
        elif icmp is None and number == errno.ECONNREFUSED:
            harvest.rows.append((cell, REFUSED, elapsed, 0, "", ""))
        elif number in (errno.EHOSTUNREACH, errno.ETIMEDOUT):  # nobody has answered our own kernel's ARP
            harvest.silent.append(cell)
        else:
            harvest.fell_short(cell, why_not(errno.EPERM if icmp is not None else number))
        self._drop(attempt, sock, elapsed)

    def _is_ours(self, icmp: IcmpError, sock: socket.socket, cell: int) -> bool:
        """Whether our own kernel sent the error, and not as the host that was asked."""
        target = self._text(self._order.addresses[cell // len(self._costs)])
        return icmp.local or (icmp.sender != target and icmp.sender == sock.getsockname()[0].partition("%")[0])

    def _drop(self, attempt: _Attempt, sock: socket.socket, elapsed: float) -> None:
        """Close what did not come about; of the packets that it might have caused only its SYNs have left."""
        again = handshake_info(sock)[2] if elapsed > _AGAIN - _EARLY else 0
        attempt.sock = None
        sock.close()
        # When the first repetition left is known.
        self._pace.left(again, elapsed - _AGAIN - _EARLY if again == 1 else 0.0)
        self._pace.back(self._costs[attempt.cell % len(self._costs)] - 1 - again)

    def _expire(self, before: float) -> None:
        """Give up what had its time before all of its events were handled."""
        queue, limit = self._queue, before - self._life
        while queue and (queue[0].sock is None or queue[0].begun <= limit):
            attempt = queue.popleft()
            sock = attempt.sock
            if sock is None:
                continue
            descriptor = sock.fileno()
            del self._pending[descriptor]
            state, _, _, unsent = handshake_info(sock)
            if state != TCP_SYN_SENT:
                self._ended(descriptor, attempt, _BROKEN)
                continue
            if unsent:
                self.harvest.fell_short(attempt.cell, why_not(errno.EPERM))
            else:
                self.harvest.silent.append(attempt.cell)
            self._drop(attempt, sock, time.monotonic() - attempt.begun)
        for descriptor in [each for each, talk in self._talks.items() if talk.until <= before]:
            self._end_talk(descriptor)

    # --- MySQL: every handshake that came about is finished ---

    def _hear(self, descriptor: int) -> None:
        talk = self._talks[descriptor]
        try:
            data = talk.sock.recv(_CHUNK)
            talk.received += len(data)
            if data and talk.received <= _MOST_BYTES:
                said = talk.handshake.hear(data)
                if said:
                    talk.sock.send(said)
                if not talk.handshake.over:
                    return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._end_talk(descriptor)

    def _end_talk(self, descriptor: int) -> None:
        sock = self._talks.pop(descriptor).sock
        # Beside what has left: its end, and the acknowledgement of the other's.
        sent = max(0, segments_out(sock) - 2) + 2
        sock.close()
        self._pace.left(min(sent, _TALK))
        self._pace.back(_TALK - min(sent, _TALK))
        self._pace.unforeseen(max(0, sent - _TALK))


def _plan() -> int:
    """How many descriptors may be in use: the limit is raised as far as it goes without a privilege."""
    with contextlib.suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    try:
        used = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        used = _SPARE
    free = _MOST if limit == resource.RLIM_INFINITY else limit - used - _SPARE
    return max(1, min(_MOST, free))
