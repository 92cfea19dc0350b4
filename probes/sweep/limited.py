"""What to do where only so many answers come in a second: whoever limits them turns errors and resets into silence.

That is seen when a question that was asked again was answered. A few of what is silent in each block are asked more
slowly than answers came so far; where that brings some, all of the block are, as long as it brings more.
"""

import time
from typing import Callable, Iterator, List, Sequence, Set, Tuple

from probes.sweep.contract import Chunks
from reports.sweep import BLOCK, Batch, Order

# Of the answers that came in a second so many are asked for.
_SHARE = 0.8
_LEAST, _MOST = 5.0, 1000.0
# So many of each block are tried; then each so-manieth, in turns.
_SAMPLE, _SPREAD = 4, 8
# Asked at once, in seconds; and which part of it must be answered for more of its blocks to be asked: at any rate, and
# at the lowest.
_ROUND, _WORTH, _WORTH_LEAST = 5.0, 0.2, 0.6
_ALL = 0.9

# A Linux host sends one ICMP error a second to each other (icmp(7), icmp_ratelimit). Nobody waits for all of these; but
# if that is how fast so many of a few are answered, silence means nothing.
_SLOWEST, _FEW, _MOST_OF_THEM = 1.0, 5, 3

# ICMP errors (RFC 792, RFC 4443) that say no more than silence: no way there, or nobody is there. That a router leaves
# some of them out hides nothing.
_NOBODY = frozenset({"3/0", "3/1", "3/6", "3/7", "3/11", "3/12", "11/0", "1/0", "1/3"})

Ask = Callable[[Sequence[int], float], Iterator[Batch]]


class Answers:
    """How fast answers came at most, in one pass over the cells. Seconds."""

    def __init__(self) -> None:
        self.rate = 0.0
        self.again = 0  # to a question that was not asked for the first time
        self._begun = 0.0
        self._count = 0

    def begin(self) -> None:
        """Another pass."""
        self._begun, self._count = time.monotonic(), 0

    def came(self, count: int, again: int) -> None:
        """So many, ``again`` of them late."""
        if count:
            self._count += count
            self.again += again
            self.rate = max(self.rate, self._count / max(0.1, time.monotonic() - self._begun))


class Slowly:
    """Asks once more, slowly. ``ask``: cells at a rate; ``is_silent``: whether one still is.

    ``came``: how many answers that has brought; ``unsettled``: cells whose silence tells nothing, so slow are answers.
    """

    def __init__(self, order: Order, ask: Ask, is_silent: Callable[[int], bool], rate: float, patience: float) -> None:
        self.came = 0
        self.unsettled: List[int] = []
        self.rate = min(_MOST, max(_LEAST, rate * _SHARE))
        self._questions = len(order.questions)
        self._ask = ask
        self._is_silent = is_silent
        self._until = time.monotonic() + patience
        self._telling: Set[Tuple[int, int]] = set()  # blocks where an answer says more than that nobody is there

    def over(self, blocks: Iterator[Sequence[int]]) -> Iterator[Batch]:
        """All that is silent in these blocks of cells, where it is worth while."""
        tried = [(block, block[:: max(1, len(block) // _SAMPLE)]) for block in blocks]
        yield from self._round([cell for _, sample in tried for cell in sample], self.rate)
        # Whatever is asked of a block next is spread over it.
        pool = [
            cell
            for block, sample in tried
            if not all(map(self._is_silent, sample))
            for start in range(_SPREAD)
            for cell in block[start::_SPREAD]
        ]
        left: List[int] = []
        while pool and time.monotonic() < self._until:
            count = int(self.rate * _ROUND)
            asked, pool = list(filter(self._is_silent, pool[:count])), pool[count:]
            start = time.monotonic()
            yield from self._round(asked, self.rate)
            rest = list(filter(self._is_silent, asked))
            answered = len(asked) - len(rest)
            if answered < _ALL * len(asked):
                came = _SHARE * answered / (time.monotonic() - start)
                self.rate = max(_LEAST, min(self.rate, max(came, self.rate / 2)))
            if answered >= len(asked) * (_WORTH if self.rate > _LEAST else _WORTH_LEAST):
                pool.extend(rest)
            else:
                hopeless = set(map(self._block, rest))
                left.extend([*rest, *(cell for cell in pool if self._block(cell) in hopeless)])
                pool = [cell for cell in pool if self._block(cell) not in hopeless]
        yield from self._judge([cell for cell in left if self._block(cell) in self._telling])
        self.unsettled.extend(filter(self._is_silent, pool))

    def _judge(self, left: Sequence[int]) -> Iterator[Batch]:
        """Whether those that not even this has brought may be called silent."""
        few = left[:: max(1, len(left) // _FEW)][:_FEW]
        yield from self._round(few, _SLOWEST)
        if sum(not self._is_silent(cell) for cell in few) >= _MOST_OF_THEM:
            self.unsettled.extend(filter(self._is_silent, left))

    def _round(self, cells: Sequence[int], rate: float) -> Iterator[Batch]:
        for batch in self._ask(cells, rate) if cells else ():
            self.came += len(batch.answers)
            self._telling.update(self._block(cell) for cell, _, _, _, _, icmp in batch.answers if icmp not in _NOBODY)
            yield batch

    def _block(self, cell: int) -> Tuple[int, int]:
        index, question = divmod(cell, self._questions)
        return index // BLOCK, question


def slowly(cells: Sequence[int], rate: float, questions: int) -> Chunks:
    """Chunks of so many cells a second."""
    start, done = time.monotonic(), 0
    while done < len(cells):
        due = min(len(cells), int((time.monotonic() - start) * rate) + 1)
        if due == done:
            yield None
        while done < due:
            # Of one question each.
            same = [cell for cell in cells[done:due] if (cell - cells[done]) % questions == 0]
            count = next((place for place, cell in enumerate(cells[done:due]) if cell not in same), len(same))
            yield sorted(cells[done : done + count])
            done += count
