"""In which order cells are asked.

Block by block of 256 addresses; within a block one question to all, then the next. So no host gets all its questions
at one moment, and yet all of a block's come before the kernel forgets its neighbours: on a link it can know only so
many (gc_thresh3), and loses packets to more without a word. There the next block waits until earlier neighbours may
be forgotten.
"""

import time
from bisect import bisect_right
from collections import deque
from pathlib import Path
from typing import Deque, Iterator, Optional, Sequence, Tuple

from probes.sweep.contract import Chunk, Chunks
from probes.sweep.near import Near
from reports.sweep import BLOCK, Addresses, Order

# The kernel forgets a neighbour for a new one when it has failed or was not used for five seconds (neigh_forced_gc).
_FORGETS = 6.0
_USUAL_TABLE = 1024


class Neighbours:
    """How many neighbours this machine is made to know at once: half of what its table holds, others need it too."""

    def __init__(self, near: Near, most: int) -> None:
        self._near = near
        self._most = most
        self._known: Deque[Tuple[float, int, int]] = deque()

    def admit(self, block: int, first: int, last: int) -> bool:
        """Whether the addresses of this block, from the first to the last, may be asked now."""
        now = time.monotonic()
        known = self._known
        while known and known[0][0] <= now:
            known.popleft()
        if not self._near.any(first, last) or any(number == block for _, number, _ in known):
            return True
        many = min(BLOCK, last - first + 1)
        if known and sum(count for _, _, count in known) + many > self._most:
            return False
        known.append((now + _FORGETS, block, many))
        return True


def neighbours_of(addresses: Addresses, near: Near) -> Optional[Neighbours]:
    """None where there are so few that all may be known at once."""
    most = _table_size(addresses.version) // 2
    return Neighbours(near, most) if near.count(addresses) > most else None


def _table_size(version: int) -> int:
    try:
        return int(Path("/proc/sys/net/ipv%d/neigh/default/gc_thresh3" % version).read_text())
    except (OSError, ValueError):
        return _USUAL_TABLE


class Feed:
    """The cells of some questions of an order, block by block, that stand in ``marks`` as is wanted.

    ``neighbours``: where they are on the link.
    """

    def __init__(
        self, order: Order, questions: Sequence[int], marks: bytearray, neighbours: Optional[Neighbours] = None
    ) -> None:
        self._order = order
        self._questions = questions
        self._marks = marks
        self._neighbours = neighbours
        self.blocks = -(-len(order.addresses) // BLOCK)

    def chunks(self, wanted: int, blocks: Optional[Iterator[int]] = None) -> Chunks:
        """The cells of these blocks, or of all, that are marked so when their turn comes."""
        for block in range(self.blocks) if blocks is None else blocks:
            for chunk in self.of_block(block, wanted):
                while self._neighbours is not None and not self._neighbours.admit(block, *self._ends(block)):
                    yield None
                yield chunk

    def of_block(self, block: int, wanted: int) -> Iterator[Chunk]:
        """The cells of one."""
        start, many = block * BLOCK, self._many(block)
        step, marks = len(self._order.questions), self._marks
        for question in self._questions:
            cells = range(start * step + question, (start + many) * step, step)
            count = marks[cells.start : cells.stop : step].count(wanted)
            if count == many:
                yield cells
            elif count:
                yield [cell for cell in cells if marks[cell] == wanted]

    def count(self, wanted: int) -> int:
        """How many cells are marked so."""
        step = len(self._order.questions)
        return sum(self._marks[question::step].count(wanted) for question in self._questions)

    def _ends(self, block: int) -> Tuple[int, int]:
        start = block * BLOCK
        return self._order.addresses[start], self._order.addresses[start + self._many(block) - 1]

    def _many(self, block: int) -> int:
        return min(BLOCK, len(self._order.addresses) - block * BLOCK)


class Lookup:
    """From cells to addresses and back, fast where they stand one after the other.

    The cell of an address from ``first`` to ``last`` is ``start`` and ``step`` times the distance, plus the question.
    """

    def __init__(self, order: Order) -> None:
        self._addresses: Addresses = order.addresses
        self.step = len(order.questions)
        self.first, self.last, self.start = 0, -1, 0

    def addresses(self, cells: Chunk) -> Sequence[int]:
        """Those of ascending cells."""
        first, last = cells[0] // self.step, cells[-1] // self.step
        address = self._addresses[first]
        if last - first == len(cells) - 1 and self._addresses[last] - address == last - first:
            return range(address, address + len(cells))
        return [self._addresses[cell // self.step] for cell in cells]

    def ends(self, cells: Chunk) -> Tuple[int, int]:
        """The first and the last of them."""
        return self._addresses[cells[0] // self.step], self._addresses[cells[-1] // self.step]

    def finds(self, address: int) -> bool:
        """Whether it is one of the order's; all from ``first`` to ``last`` are, as this one."""
        index, ranges = self._addresses.index(address), self._addresses.ranges
        if index is not None:
            self.first, count = ranges[bisect_right(ranges, (address, 1 << 128)) - 1]
            self.last, self.start = self.first + count - 1, (index - (address - self.first)) * self.step
        return index is not None
