"""Whether the network still answers as it did: who answered before is asked again now and then.

A network that has had enough of us drops everything, and what is asked afterwards only looks silent. So silence counts
when somebody who was asked later has answered; until then it is kept back.
"""

import random
from typing import Iterator, List, Sequence, Set

from probes.sweep.contract import Chunks
from reports.sweep import ANSWERED, Batch

# After so many questions one of those who answered is asked again; after so many of these in vain nothing more is.
_EVERY = 256
_IN_VAIN = 2
# Of whom is remembered that they answered.
_MOST = 32


class Known:
    """Cells that were answered: ``most`` of the first, and of all later ones some by chance."""

    def __init__(self, most: int = _MOST) -> None:
        self.cells: List[int] = []
        self._most = most
        self._seen = 0

    def learn(self, batch: Batch) -> None:
        """Take some."""
        for answer in batch.answers[:: max(1, len(batch.answers) // 8)]:
            if answer[1] not in ANSWERED or not self._most:
                continue
            self._seen += 1
            if len(self.cells) < self._most:
                self.cells.append(answer[0])
            elif random.random() < self._most / self._seen:  # noqa: S311 - nobody gains by guessing it
                self.cells[self._seen % self._most] = answer[0]

    def some(self, count: int) -> List[int]:
        """So many of them, or all."""
        return random.sample(self.cells, min(count, len(self.cells)))


class Watch:
    """Watches one pass over some cells. ``alarm``: those who answered do not any more; it then hands out nothing else.

    ``unsure``: what was silent since somebody was last known to answer. ``in_vain``: how many in a row are an alarm.
    """

    def __init__(self, known: Known, in_vain: int = _IN_VAIN) -> None:
        self.alarm = False
        self.unsure: List[int] = []
        self._known = known
        self._in_vain = in_vain
        self._asked: Set[int] = set()
        self._vain = 0

    def chunks(self, chunks: Chunks) -> Chunks:
        """These, with those who answered among them now and then."""
        since = 0
        for chunk in chunks:
            if self.alarm:
                return
            yield chunk
            since += len(chunk or ())
            if since >= _EVERY and self._known.cells:
                since = 0
                cell = self._known.some(1)[0]
                if cell not in self._asked:
                    self._asked.add(cell)
                    yield [cell]

    def over(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches, without what only the watch has asked, and silence when it is sure."""
        for batch in batches:
            yield self._looked_at(batch)

    def _looked_at(self, batch: Batch) -> Batch:
        answers, silent, unknown = batch
        again: Set[int] = set()
        if self._asked:
            again = {answer[0] for answer in answers if answer[0] in self._asked}
            vain = {cell for cell in (*silent, *unknown) if cell in self._asked}
            if again or vain:
                self._asked -= again | vain
                answers = [answer for answer in answers if answer[0] not in again]
                silent, unknown = _without(silent, vain), _without(unknown, vain)
                self._vain = 0 if again else self._vain + len(vain)
                self.alarm = self.alarm or self._vain >= self._in_vain
        self._known.learn(batch)
        self.unsure.extend(silent)
        # What is called silent by now was asked before whoever has just answered. Where nobody ever did, it is silent.
        return Batch(answers, self.settle() if again or not self._known.cells else (), unknown)

    def settle(self) -> Sequence[int]:
        """What was kept back is silent."""
        settled, self.unsure = self.unsure, []
        return settled


def _without(cells: Sequence[int], others: Set[int]) -> Sequence[int]:
    return [cell for cell in cells if cell not in others] if others else cells
