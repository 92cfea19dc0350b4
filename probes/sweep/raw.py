"""The raw engine: questions leave without a state for each, and whatever answers brings its cookie back.

A byte a cell says whether it was answered; what was sent within the last seconds stands in a queue.
"""

import errno
import os
import select
import time
from collections import deque
from typing import Deque, Iterator, Sequence, Tuple

from probes.sweep.contract import EVERY, Chunk, Chunks, Engine, Pace, PushedBackError, why_not
from probes.sweep.feed import Lookup
from probes.sweep.near import Near
from probes.sweep.wires import Heard, Wire, no_room
from reports.sweep import UNKNOWN, Batch, Order

# Sent before it is looked whether something has come: answers must not wait, nor overflow what the kernel keeps.
_AT_ONCE = 64
# Seconds for which nothing at all can be sent before that is called an end: for neighbours that do not answer the
# kernel keeps packets for three.
_STUCK = 5.0
_PAUSE = 0.002
# What a byte says of its cell. An answer may still come when nobody waits any more.
_AWAITED, _ANSWERED, _GIVEN_UP = range(3)


class Raw(Engine):
    """Asks over a wire. ``near``: what our own kernel asks for on the link first, which costs a packet more."""

    def __init__(self, order: Order, pace: Pace, wire: Wire, near: Near) -> None:
        super().__init__(order)
        self.turns = order.tries
        self._order = order
        self._pace = pace
        self._wire = wire
        self._near = near
        pace.serves(wire.cost + bool(near.ranges))
        self._lookup = Lookup(order)
        self._answered = bytearray(len(order))
        self._flights: Deque[Tuple[float, Chunk]] = deque()
        self._poll = select.poll()
        for sock in wire.listening:
            self._poll.register(sock, select.POLLIN)

    def close(self) -> None:
        """See Engine."""
        self._wire.close()

    def run(self, chunks: Chunks) -> Iterator[Batch]:
        """See Engine."""
        for chunk in chunks:
            if chunk is None:
                self._listen(EVERY / 2)
            else:
                yield from self._ask(chunk)
            if self.harvest.is_due(time.monotonic()):
                yield self.harvest.batch()
        while self._flights:
            self._listen(min(EVERY, max(0.0, self._flights[0][0] - time.monotonic())))
            if self.harvest.is_due(time.monotonic()):
                yield self.harvest.batch()
        yield self.harvest.batch()

    def _ask(self, chunk: Chunk) -> Iterator[Batch]:
        start, pace = 0, self._pace
        near = bool(self._near.ranges) and self._near.any(*self._lookup.ends(chunk))
        cost = self._wire.cost + near
        while start < len(chunk):
            room = pace.take(min(_AT_ONCE, len(chunk) - start), cost)
            if room:
                self._send(chunk[start : start + room], near)
                start += room
            self._listen(0.0 if room else pace.pause(cost))
            if self.harvest.is_due(time.monotonic()):
                yield self.harvest.batch()

    def _send(self, cells: Chunk, near: bool) -> None:
        answered, wire, question = self._answered, self._wire, cells[0] % len(self._order.questions)
        addresses, start, lost, until = self._lookup.addresses(cells), 0, 0, 0.0
        for cell in cells:
            answered[cell] = _AWAITED
        while start < len(cells):
            done, error = wire.send(addresses[start:] if start else addresses, question)
            if done:
                start, until, self.harvest.refused = start + done, 0.0, 0
            if error is None:
                break
            if no_room(error):
                until = self._wait_for_room(error, until)
                continue
            answered[cells[start]] = _ANSWERED
            self.harvest.not_sent(cells[start], error.errno or 0)
            start, lost = start + 1, lost + 1
        sent = len(cells) - lost
        self._pace.left(sent)
        if near:
            self._pace.neighbours(sent)
        self._pace.back(lost * (self._wire.cost + near))
        self._flights.append((time.monotonic() + self._order.timeout, cells))

    def _wait_for_room(self, error: OSError, until: float) -> float:
        """What finds no room is sent as soon as there is some. Raises PushedBackError after ``until``."""
        now = time.monotonic()
        if until and now > until:
            what = os.strerror(error.errno or 0)
            raise PushedBackError("for %d s this machine could send nothing: %s" % (_STUCK, what))
        self._listen(_PAUSE)
        return until or now + _STUCK

    def _listen(self, wait: float) -> None:
        """Take what comes, for so many seconds at most; only then is judged what has not come."""
        if wait:
            self._poll.poll(max(1, int(wait * 1000)))
        heard = self._wire.heard()
        if heard:
            self._take(heard)
        self._expire(time.monotonic())

    def _take(self, heard: Sequence[Heard]) -> None:
        answered, append, replied_to = self._answered, self.harvest.rows.append, self._wire.replied_to
        lookup, step, awaited, foreseen, late = self._lookup, self._lookup.step, 0, 0, 0
        for address, question, state, age, ttl, by, icmp in heard:
            if not lookup.first <= address <= lookup.last and not lookup.finds(address):
                continue
            cell = lookup.start + (address - lookup.first) * step + question
            mark, answered[cell] = answered[cell], _ANSWERED
            if mark == _AWAITED:
                awaited += 1
                foreseen += state == replied_to
            else:
                late += state == replied_to
            if mark == _ANSWERED and not self._wire.several:
                continue
            if state == UNKNOWN:
                self.harvest.fell_short(cell, why_not(errno.EPERM))
            else:
                append((cell, state, age, ttl, by, icmp))
        self._pace.left(foreseen)
        self._pace.back(awaited * (self._wire.cost - 1) - foreseen)
        self._pace.unforeseen(late)

    def _expire(self, now: float) -> None:
        flights = self._flights
        while flights:
            deadline, cells = flights[0]
            missing = self._missing(cells)
            if missing and deadline > now:
                return
            flights.popleft()
            if missing:
                self._give_up(missing)
                self._pace.back(len(missing) * (self._wire.cost - 1))

    def _give_up(self, cells: Chunk) -> None:
        self.harvest.silent.extend(cells)
        answered = self._answered
        for cell in cells:
            answered[cell] = _GIVEN_UP

    def _missing(self, cells: Chunk) -> Chunk:
        answered = self._answered
        if isinstance(cells, range):
            part = answered[cells.start : cells.stop : cells.step]
            count = part.count(_AWAITED)
            if not count or count == len(cells):
                return cells if count else ()
        return [cell for cell in cells if answered[cell] == _AWAITED]
