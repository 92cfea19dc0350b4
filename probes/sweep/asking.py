"""One engine's part of a sweep: pass after pass, until nothing is open that could be settled."""

import time
from typing import Dict, Generator, Iterator, List, Optional, Sequence

from probes.sweep import crew
from probes.sweep.choice import ARP, Part
from probes.sweep.contract import EVERY, Chunks, Engine, Pace, PushedBackError
from probes.sweep.feed import Feed, neighbours_of
from probes.sweep.limited import Answers, Slowly, slowly
from probes.sweep.near import Near
from probes.sweep.watch import Known, Watch
from reports.sweep import SILENT, UNKNOWN, WORDS, Batch, Order

# With so many that are silent since somebody was last known to answer one of those is asked again.
_UNSURE = 64
# To see whether anybody still answers, so many who did are asked, one after the other.
_CALM = 5
# After so many of them in vain, the first time.
_IN_VAIN = 2
# How long what is limited is waited for at most, in seconds.
_PATIENCE = 60.0
# One late answer to so many that are silent is chance: a packet is lost now and then.
_CHANCE = 2000
# An answer after so many seconds is one to the kernel's second SYN.
_SECOND_SYN = 0.9

_CODES = {letter: ord(letter) for letter in WORDS}
_NOTHING = Batch((), (), ())


class Common:
    """What the parts of one sweep share.

    ``marks``: of each cell the letter of its state, or how many times it was silent.
    """

    def __init__(self, order: Order, near: Near) -> None:
        self.order = order
        self.pace = Pace(order.rate)
        self.marks = bytearray(len(order))
        self.neighbours = neighbours_of(order.addresses, near)
        self.pushed_back = ""
        self.notes: List[str] = []
        self.shortages: Dict[str, int] = {}


class Asking:
    """One engine's part of a sweep: pass after pass, until nothing is open that could be settled."""

    def __init__(self, part: Part, common: Common) -> None:
        self._part = part
        self._common = common
        # Who is found by ARP is told once.
        self._known = Known(0) if part.method == ARP else Known()
        self._answers = Answers()
        neighbours = None if part.method == ARP else common.neighbours
        self._feed = Feed(common.order, part.questions, common.marks, neighbours)
        self._crew_serves = part.in_crew and neighbours is None
        # Made at once: what is missing shall be known before anything is sent.
        self._made: Optional[Engine] = part.make(common.pace)
        self._turns = self._made.turns

    @property
    def _engine(self) -> Engine:
        if self._made is None:
            self._made = self._part.make(self._common.pace)
        return self._made

    def close(self) -> None:
        """Nothing stays open."""
        if self._made is not None:
            self._made.close()
            for why, count in self._made.harvest.shortages.items():
                self._fell_short(why, count)
            self._made = None

    def run(self) -> Generator[Batch, None, None]:
        """Batches until it is done, or the sweep has been pushed back."""
        for turn in range(self._turns):
            yield from self._turn(turn)
        if not self._is_over() and self._part.method != ARP:
            yield from self._limited()

    # --- passes ---

    def _turn(self, turn: int) -> Iterator[Batch]:
        """All that was silent so many times, once more."""
        in_vain = _IN_VAIN
        while True:
            count = self._feed.count(turn)
            if not count or self._is_over():
                return
            self._answers.begin()
            watch = Watch(self._known, in_vain)
            together = crew.size(count, self._feed.blocks, self._common.order.rate) if self._crew_serves else 1
            if together > 1:
                yield from self._together(turn, watch, together, in_vain)
            else:
                yield from self._alone(turn, watch)
            if self._is_over():
                return
            if watch.alarm or len(watch.unsure) >= _UNSURE:
                yield from self._calm(turn)
                if self._is_over():
                    return
            if watch.alarm:  # they do answer: only not so many at once
                self._answers.again += 1
                in_vain *= 2
                continue
            yield self._taken(Batch((), watch.settle()), turn)
            if together == 1:
                return
            # Whatever is left was left by a worker that has ended.
            self._crew_serves = False

    def _alone(self, turn: int, watch: Watch) -> Iterator[Batch]:
        chunks = watch.chunks(self._feed.chunks(turn))
        for batch in watch.over(self._asked(chunks)):
            yield self._taken(batch, turn)

    def _together(self, turn: int, watch: Watch, count: int, in_vain: int) -> Iterator[Batch]:
        pace = self._common.pace
        while not pace.lend():
            time.sleep(EVERY)
            yield _NOTHING
        # The kernel would copy every answer for us, too.
        self.close()
        workers = crew.Crew(self._part.make, self._feed, self._known, count)
        batches = workers.run(turn, pace, in_vain)
        try:
            for batch in batches:
                self._known.learn(batch)
                yield self._taken(batch, turn)
                if self._is_over():
                    break
        finally:
            batches.close()
            pace.regain()
            for why, number in workers.shortages.items():
                self._fell_short(why, number)
        watch.alarm, watch.unsure = workers.alarm, workers.unsure
        if workers.pushed_back:
            self._push_back(workers.pushed_back)

    def _asked(self, chunks: Chunks) -> Iterator[Batch]:
        """Ask, as long as the sweep goes on; when this machine itself refuses, that ends it."""
        try:
            yield from self._engine.run(self._while_going(chunks))
        except PushedBackError as error:
            yield self._engine.harvest.batch()
            self._push_back(str(error))

    def _while_going(self, chunks: Chunks) -> Chunks:
        for chunk in chunks:
            if self._is_over():
                return
            yield chunk

    def _calm(self, turn: int) -> Iterator[Batch]:
        """See whether those who answered still do, when they are asked one at a time; it is the end if none does."""
        cells = self._known.some(_CALM)
        heard = False

        def chunks() -> Chunks:
            for cell in cells:
                until = time.monotonic() + self._common.order.timeout
                yield [cell]
                while time.monotonic() < until and not heard:
                    yield None
                if heard:
                    return

        for batch in self._asked(chunks()):
            heard = heard or any(answer[0] in cells for answer in batch.answers)
            others = [answer for answer in batch.answers if answer[0] not in cells]
            yield self._taken(Batch(others), turn)
        if not heard and not self._is_over():
            order, count = self._common.order, len(cells)
            index, question = order.place(cells[0])
            self._push_back(
                "%d addresses that had answered before, %s at %s among them, do not answer any more"
                % (count, order.addresses.text(index), question.name)
            )

    # --- where answers are limited ---

    def _limited(self) -> Iterator[Batch]:
        answers, marks = self._answers, self._common.marks
        silent = _CODES[SILENT]
        count = self._feed.count(silent)
        if not count or not answers.again or answers.again * _CHANCE < count:
            return
        stage = Slowly(
            self._common.order, self._ask_slowly, lambda cell: marks[cell] == silent, answers.rate, _PATIENCE
        )
        yield from stage.over(
            chunk for block in range(self._feed.blocks) for chunk in self._feed.of_block(block, silent)
        )
        if stage.came:
            self._common.notes.append(
                "only so many answers come in a second: asked at %d a second, %d more came" % (stage.rate, stage.came)
            )
        if stage.unsettled:
            yield self._taken(Batch((), (), stage.unsettled), 0)
            self._fell_short(
                "whoever answers for it sends so few answers that silence tells nothing", len(stage.unsettled)
            )

    def _ask_slowly(self, cells: Sequence[int], rate: float) -> Iterator[Batch]:
        chunks = slowly(cells, rate, len(self._common.order.questions))
        for batch in self._asked(chunks):
            yield self._taken(Batch(batch.answers, (), batch.unknown), 0)

    # --- what was learned ---

    def _taken(self, batch: Batch, turn: int) -> Batch:
        """Mark it; silence is passed on when it is the last word."""
        marks, code = self._common.marks, _CODES
        for cell, state, _, _, _, _ in batch.answers:
            marks[cell] = code[state]
        last = turn + 1 >= self._turns
        for mark, cells in ((code[SILENT] if last else turn + 1, batch.silent), (code[UNKNOWN], batch.unknown)):
            for cell in cells:
                marks[cell] = mark
        again = batch.answers if turn else [answer for answer in batch.answers if answer[2] > _SECOND_SYN]
        self._answers.came(len(batch.answers), len(again))
        return batch if last else Batch(batch.answers, (), batch.unknown)

    def _fell_short(self, why: str, count: int) -> None:
        shortages = self._common.shortages
        shortages[why] = shortages.get(why, 0) + count

    def _is_over(self) -> bool:
        return bool(self._common.pushed_back)

    def _push_back(self, what: str) -> None:
        self._common.pushed_back = self._common.pushed_back or what
