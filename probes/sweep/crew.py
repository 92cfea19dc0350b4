"""One engine in several processes: this one and workers, who take blocks off one queue and tell what they learn.

A worker that nobody listens to any more ends: it says something at least every EVERY seconds, and notices. So they
outlive neither an interrupt nor a kill, but by what it takes to finish a MySQL handshake.
"""

import contextlib
import fcntl
import gc
import json
import os
import select
import signal
import struct
import threading
from array import array
from typing import Callable, Dict, Generator, Iterator, List, Tuple

from attrs import define, field

from probes.sweep.contract import EVERY, Engine, Pace, PushedBackError
from probes.sweep.feed import Feed
from probes.sweep.watch import Known, Watch
from reports.sweep import Batch

# Where one process is enough there need not be several.
_MOST = 4
_FEWEST_CELLS = 4096
_ENOUGH_FOR_ONE = 30_000  # packets a second
# A pipe holds the numbers of so many blocks (pipe(7): 64 KiB): four million addresses.
_MOST_BLOCKS = 16_384

_FRAME = struct.Struct("=cI")
_BATCH = struct.Struct("=IIIII")  # answers, bytes about senders, silent, unknown, packets sent
_BLOCK = struct.Struct("=I")
_F_SETPIPE_SZ, _PIPE = 1031, 1 << 20
_READ = 1 << 18

Make = Callable[[Pace], Engine]


def size(cells: int, blocks: int, rate: int) -> int:
    """How many processes help: 1 where no other does."""
    few = cells < _FEWEST_CELLS or 0 < rate <= _ENOUGH_FOR_ONE
    if few or blocks > _MOST_BLOCKS or threading.active_count() > 1:
        return 1
    return min(_MOST, len(os.sched_getaffinity(0)))


@define
class Crew:
    """``count`` processes over one pass. When it is over: what there is to say of it, of all of them together.

    ``alarm``, ``unsure``: see Watch. ``pushed_back``: what the first of them saw.
    """

    make: Make
    feed: Feed
    known: Known
    count: int
    alarm: bool = False
    pushed_back: str = ""
    unsure: List[int] = field(factory=list)
    shortages: Dict[str, int] = field(factory=dict)
    _queue: int = -1
    _readers: Dict[int, bytearray] = field(factory=dict)

    def run(self, wanted: int, pace: Pace, in_vain: int) -> Generator[Batch, None, None]:
        """Ask all cells that are marked as wanted. Where no other process can be had this one does all of it."""
        workers: List[int] = []
        self._queue = _filled(self.feed.blocks)
        try:
            with contextlib.suppress(OSError):
                while len(workers) < self.count - 1:
                    workers.append(self._started(wanted, pace.rate // self.count, in_vain))
            yield from self._share(wanted, pace, in_vain)
            while self._readers:
                yield from self._heard(pace, EVERY)
        finally:
            for descriptor in (self._queue, *self._readers):
                os.close(descriptor)
            for worker in workers:
                os.waitpid(worker, 0)

    def _share(self, wanted: int, pace: Pace, in_vain: int) -> Iterator[Batch]:
        """What this process does itself; in between it listens to the others."""
        own, watch, sent = Pace(pace.rate // self.count), Watch(self.known, in_vain), 0
        engine = self.make(own)
        try:
            for batch in watch.over(engine.run(watch.chunks(self.feed.chunks(wanted, self.taken())))):
                pace.sent, sent = pace.sent + own.sent - sent, own.sent
                yield batch
                yield from self._heard(pace, 0.0)
        except PushedBackError as error:
            self._ended({"pushed_back": str(error), "alarm": False, "shortages": {}})
            yield engine.harvest.batch()._replace(silent=())
        finally:
            engine.close()
        self.unsure.extend(watch.unsure)
        self._ended({"pushed_back": "", "alarm": watch.alarm, "shortages": engine.harvest.shortages})

    def taken(self) -> Iterator[int]:
        """Blocks off the queue: reading so few bytes of a pipe is one step (pipe(7)), so nobody else gets the same."""
        while True:
            number = os.read(self._queue, _BLOCK.size)
            if not number:
                return
            yield _BLOCK.unpack(number)[0]

    def _started(self, wanted: int, rate: int, in_vain: int) -> int:
        """Another process. Raises OSError."""
        reader, writer = os.pipe()
        try:
            worker = os.fork()
            if not worker:
                for other in (*self._readers, reader):
                    os.close(other)
                _Worker(self, writer).work(wanted, Pace(rate), in_vain)
        except OSError:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        self._readers[reader] = bytearray()
        return worker

    def _heard(self, pace: Pace, wait: float) -> Iterator[Batch]:
        """What the others say within so many seconds."""
        poll = select.poll()
        for reader in self._readers:
            poll.register(reader, select.POLLIN)
        for reader, _ in poll.poll(int(wait * 1000)):
            data = os.read(reader, _READ)
            if data:
                self._readers[reader] += data
                yield from self._frames(self._readers[reader], pace)
            else:
                os.close(reader)
                del self._readers[reader]
        if wait:
            yield Batch((), (), ())

    def _frames(self, data: bytearray, pace: Pace) -> Iterator[Batch]:
        """Take whole frames off the front."""
        while len(data) >= _FRAME.size:
            kind, length = _FRAME.unpack_from(data)
            end = _FRAME.size + length
            if len(data) < end:
                return
            body = bytes(data[_FRAME.size : end])
            del data[:end]
            if kind == b"b":
                batch, sent = _unpacked(body)
                pace.sent += sent
                yield batch
            elif kind == b"u":
                self.unsure.extend(array("I", body))
            else:
                self._ended(json.loads(body.decode()))

    def _ended(self, said: Dict[str, object]) -> None:
        self.alarm = self.alarm or bool(said["alarm"])
        self.pushed_back = self.pushed_back or str(said["pushed_back"])
        if self.alarm or self.pushed_back:  # nothing is left for anybody
            for _ in self.taken():
                pass
        shortages = said["shortages"]
        if isinstance(shortages, dict):
            for why, count in shortages.items():
                self.shortages[why] = self.shortages.get(why, 0) + count


class _Worker:
    """What one of the others does; it never returns."""

    def __init__(self, crew: Crew, writer: int) -> None:
        self._crew = crew
        self._writer = writer

    def work(self, wanted: int, pace: Pace, in_vain: int) -> None:
        """Ask what is on the queue, and tell."""
        try:
            # It is the parent who is interrupted; we notice that it has gone.
            for sign in (signal.SIGINT, signal.SIGTERM):
                signal.signal(sign, signal.SIG_IGN)
            with contextlib.suppress(OSError):
                fcntl.fcntl(self._writer, _F_SETPIPE_SZ, _PIPE)
            gc.disable()  # nothing here goes round in circles
            with contextlib.suppress(BrokenPipeError):
                self._ask(wanted, pace, in_vain)
        finally:
            os._exit(0)

    def _ask(self, wanted: int, pace: Pace, in_vain: int) -> None:
        crew, pushed_back, sent = self._crew, "", 0
        watch, engine = Watch(crew.known, in_vain), crew.make(pace)
        try:
            for batch in watch.over(engine.run(watch.chunks(crew.feed.chunks(wanted, crew.taken())))):
                self._say(b"b", _packed(batch, pace.sent - sent))
                sent = pace.sent
        except PushedBackError as error:
            pushed_back = str(error)
            self._say(b"b", _packed(engine.harvest.batch()._replace(silent=()), pace.sent - sent))
        finally:
            engine.close()
        self._say(b"u", array("I", watch.unsure).tobytes())
        said = {"alarm": watch.alarm, "pushed_back": pushed_back, "shortages": engine.harvest.shortages}
        self._say(b"e", json.dumps(said).encode())

    def _say(self, kind: bytes, body: bytes) -> None:
        data = memoryview(_FRAME.pack(kind, len(body)) + body)
        while data:
            data = data[os.write(self._writer, data) :]


def _filled(blocks: int) -> int:
    """A queue of the numbers of so many blocks: a pipe that ends behind the last."""
    reader, writer = os.pipe()
    os.write(writer, array("I", range(blocks)).tobytes())
    os.close(writer)
    return reader


def _packed(batch: Batch, sent: int) -> bytes:
    """Columns: thousands of answers in a few calls."""
    answers = batch.answers
    cells, states, rtts, ttls, _, _ = zip(*answers) if answers else ((),) * 6
    senders = [(place, by, icmp) for place, (_, _, _, _, by, icmp) in enumerate(answers) if by]
    text = json.dumps(senders).encode() if senders else b""
    counts = _BATCH.pack(len(answers), len(text), len(batch.silent), len(batch.unknown), sent)
    numbers = (array("I", column).tobytes() for column in (cells, batch.silent, batch.unknown))
    return b"".join((counts, *numbers, array("f", rtts).tobytes(), bytes(ttls), "".join(states).encode(), text))


def _unpacked(body: bytes) -> Tuple[Batch, int]:
    count, length, silent, unknown, sent = _BATCH.unpack_from(body)
    place = _BATCH.size

    def column(kind: str, size: int) -> "array[int]":
        nonlocal place
        made = array(kind, body[place : place + size * 4])
        place += size * 4
        return made

    cells, quiet, none, rtts = (
        column(kind, size) for kind, size in (("I", count), ("I", silent), ("I", unknown), ("f", count))
    )
    ttls = body[place : place + count]
    states = body[place + count : place + 2 * count].decode()
    by, icmp = [""] * count, [""] * count
    if length:
        for index, sender, said in json.loads(body[-length:].decode()):
            by[index], icmp[index] = sender, said
    return Batch(list(zip(cells, states, rtts, ttls, by, icmp)), quiet, none), sent
