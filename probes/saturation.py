"""The saturation probe: how many connections a way holds, found by raising their number with care.

An ascent goes up by a tenth at most, so that never more than 110 % of a limit is tried, and opens faster as long as
nothing is refused. A SYN that is lost by chance is followed by one that gets through: there was room. A run of refused
ones is a limit: the controls are asked, and half is given back at once. Numbers and manners: docs/saturation.md.
"""

import asyncio
import collections
import random
import time
from itertools import groupby
from typing import Awaitable, Callable, Deque, List, Optional, Sequence

from probes.contract import Ask, Notes, Step
from probes.controls import ROUNDS, Controls
from probes.holding import ANSWER, CLOSED, LOCAL, SILENT, UNANSWERED, Attempt, Holding
from probes.pace import FIRST_RATE, Count, Flow, Pace, Slowness
from reports.failures import Failure
from reports.saturation import Ascent
from reports.statistics import median

# The level rises by this part of what is held; below, one at a time.
_TENTH = 10
# It takes about so many seconds at most: what it met is known before it goes on.
_LEVEL = 0.25
# Near an estimate it rises by this part of it.
_FIFTIETH = 50
_NEAR = 0.9

# A limit lets nothing through: so many refused ones in a row, with those that are tried once more.
_IN_A_ROW = 3
# Of these last ones some are refused here and there, more than once: heavy loss, or a limited rate. Either is looked
# into, and by then no faster ones were tried. A service that turns away is no matter of the way, and of chance sooner.
_RECENT = 40
_HERE_AND_THERE, _BY_THE_SERVICE = 2, 3
# For so many seconds a router counts a connection of which only the first answer was lost: then it comes again.
_HALF_OPEN = 1.2

# Seconds: at a limit, so that with the level that met it others miss it for less than one; in which a place that was
# given back is free.
_AT_LIMIT = 0.8
_FREED = 0.3
# Seconds after a refusal that is quick, at least and at most. Linux counts what was refused for up to two ticks of its
# clock, and what has ended for one (nf_conncount): whoever comes sooner is refused because of himself. A tick is 10 ms
# at most.
_APART, _AT_MOST_APART = 0.025, 0.05

# Signs that it was the service.
TURNED_AWAY = (ANSWER, CLOSED, UNANSWERED)

# A limited rate is looked for during so many seconds at most.
_SEARCH = 15.0

# No service that closes idle connections does so sooner (seconds).
_IDLE_TIMEOUT = 4.0

# Of so few held ones none is given back to see how soon its place is free.
_FEW = 2

# How a dead way is noticed: TCP keep-alive probes, one a second (tcp(7)).
_KEEPALIVE_TRIES = 3


class Ramp:
    """Measures one target with connections that ``holding`` holds, beside its ``controls``."""

    def __init__(self, ask: Ask, notes: Notes, holding: Holding, controls: Controls, patience: float) -> None:
        self._ask = ask
        self._notes = notes
        self._holding = holding
        self.controls = controls
        self._patience = patience
        self.ascents: List[Ascent] = []
        self.lossy = False  # what is refused here and there is known to be loss
        self._recent: Deque[str] = collections.deque(maxlen=_RECENT)  # their signs
        self._lost: Deque[float] = collections.deque()
        self._handshake = Slowness()
        self._answer = Slowness()

    async def ascend(self, most: int, pace: Pace, near: int = 0, freed: bool = False) -> Ascent:
        """Hold more and more, up to ``most``; at a limit give half back. Observations: ``level``, and one ``ascent``.

        ``near``: where a limit is expected, and approached in small steps. ``freed``: at the limit it is not the
        controls that are asked, unless they were not yet, but how soon a place that is given back is free.
        """
        ascent = Ascent(number=len(self.ascents) + 1, start=len(self._holding))
        self.ascents.append(ascent)
        self._recent.clear()
        with self._notes.step("saturation", "ascent", self._ask) as step:
            try:
                while not ascent.ended_by:
                    await self._rise(ascent, most, pace, near)
                    if ascent.refused and not ascent.spread and not await self._stand(ascent, freed=freed):
                        ascent.end("")
                # Where only some are refused, what controls meet is chance as well.
                if ascent.spread or not (ascent.refused or ascent.ended_by == "maximum"):
                    await self._holding.give_back((len(self._holding) + 1) // 2)
            finally:
                ascent.rate_at_limit = float(pace.begun)
                _note_ascent(step, ascent)
        return ascent

    async def _rise(self, ascent: Ascent, most: int, pace: Pace, near: int) -> None:
        """One level more."""
        held = len(self._holding)
        if held >= most:
            ascent.ended_by = "maximum"
            return
        count = min(_step(held, near), most - held, max(1, int(pace.rate * _LEVEL)))
        with self._notes.step("saturation", "level", self._ask) as step:
            step.note("ascent", ascent.number)
            step.note("rate", round(pace.rate, 1))
            ascent.rate = max(ascent.rate, pace.rate)
            attempts = await self._open(ascent, count, pace.wait)
            run = _refused_at_the_end(attempts)
            if run and attempts[-1].sign != LOCAL and run < _IN_A_ROW:
                # By chance, or for want of room?
                attempts += await self._once_more(ascent, _IN_A_ROW - run)
            died = await self._holding.bury()
            ascent.held = max(ascent.held, len(self._holding))
            _note_level(step, attempts, ascent, len(self._holding))
        self._judge(ascent, attempts, died)
        if not ascent.ended_by and await self.controls.suffer(pace.wait):
            await self._suspect(ascent, pace)
        if self.lossy or not any(self._recent):
            pace.rise()

    async def _suspect(self, ascent: Ascent, pace: Pace) -> None:
        """The control was not answered, or late: see whether by chance, for want of room, or because of us."""
        attempts = await self._once_more(ascent)
        if not any(one.held for one in attempts):
            ascent.end("refused", attempts[-1].sign, attempts[-1].failure)
        elif await self.controls.suffer(pace.wait, again=True):
            ascent.end("control")

    async def _once_more(self, ascent: Ascent, most: int = _IN_A_ROW) -> List[Attempt]:
        return await self._open(ascent, min(_step(len(self._holding), 0), most), self._turn)

    async def _turn(self) -> None:
        """Until one may be tried at a limit: at no moment that others may come back to, nor in that of a refusal."""
        longest = _APART if self._recent and self._recent[-1] == SILENT else _AT_MOST_APART
        # Silence took its time before.
        await asyncio.sleep(random.uniform(longest - _APART, longest))  # noqa: S311 - it spreads, and guards nothing

    async def _open(self, ascent: Ascent, count: int, pace: Callable[[], Awaitable[None]]) -> List[Attempt]:
        ascent.tried = max(ascent.tried, len(self._holding) + count)
        attempts = await self._holding.open(count, pace)
        self._recent.extend(one.sign for one in attempts)
        return attempts

    def _judge(self, ascent: Ascent, attempts: List[Attempt], died: List[float]) -> None:
        """Whether, and why, the ascent ends here."""
        refused = [one for one in attempts if not one.held]
        local = [one for one in refused if one.sign == LOCAL]
        row = _refused_at_the_end(attempts)
        if local:
            spent = local[0].failure is Failure.BUDGET_SPENT
            ascent.end("budget" if spent else "shortage", local[0].sign, local[0].failure)
        elif died:
            ascent.closed_held = len(died)
            # A service ends those that say nothing for some seconds: that is no harm, and no limit.
            ascent.end("age" if min(died) > _IDLE_TIMEOUT else "lost")
        elif row and (row == len(attempts) or row >= _IN_A_ROW):
            ascent.end("refused", attempts[-1].sign, attempts[-1].failure)
        elif refused and self._is_scattered():
            ascent.spread = True
            ascent.end("refused", refused[-1].sign, refused[-1].failure)
        elif self._handshake.of([one.handshake_s for one in attempts if one.held]) or self._answer.of(
            [one.answer_s for one in attempts if one.held and one.answer_s is not None]
        ):
            ascent.end("slower")
        elif self._holding.is_too_old:
            ascent.end("age")
        lost = _lost(attempts)
        now = time.monotonic()
        self._lost.extend([now] * lost)
        while self._lost and self._lost[0] < now - _HALF_OPEN:
            self._lost.popleft()
        ascent.pending = len(self._lost)

    def _is_scattered(self) -> bool:
        """Whether some of the last ones were refused here and there, in more places than are left to chance."""
        if self.lossy:
            return False
        places = [sign for sign, _ in groupby(self._recent) if sign]
        turned_away = bool(places) and places[-1] in TURNED_AWAY
        return len(places) >= (_BY_THE_SERVICE if turned_away else _HERE_AND_THERE)

    async def _stand(self, ascent: Ascent, *, freed: bool) -> bool:
        """At a limit: see that it is one, ask the controls or how places come back, give half back: within a second.

        False where there was room after all, for us too.
        """
        start, met = time.monotonic(), True
        try:
            left = max(_AT_LIMIT - self._patience, ROUNDS * (self._patience + _AT_MOST_APART))
            met = await asyncio.wait_for(self._look_around(ascent, freed=freed), left)
        except asyncio.TimeoutError:
            pass
        finally:
            if met:
                await self._holding.give_back((len(self._holding) + 1) // 2)
                ascent.at_limit_s = time.monotonic() - start + self._patience
        return met

    async def _look_around(self, ascent: Ascent, *, freed: bool) -> bool:
        if freed and self.controls.told:
            if await self._has_room(ascent):
                return False
            if len(self._holding) > _FEW:
                await self._free_one(in_order=True)
                await self._free_one(in_order=False)
            return True
        self.controls.forget()
        for _ in range(ROUNDS):
            # Others come and go: where all controls pass and then we do, the place that was free proves nothing.
            if await self.controls.all_pass(self._turn) and await self._has_room(ascent):
                return False
        self.controls.conclude(len(self._holding))
        if self.controls.others_pass and self._recent[-1] == SILENT:
            # Towards this destination the connection of the first look, in TIME_WAIT, may still have its port.
            ascent.pending += 1
        return True

    async def _has_room(self, ascent: Ascent) -> bool:
        """Whether one more comes about after all."""
        return any(one.held for one in await self._once_more(ascent))

    async def _free_one(self, *, in_order: bool) -> None:
        """How soon the place of a connection that is closed, or reset, admits another one."""
        with self._notes.step("saturation", "freed", self._ask) as step:
            step.note("by", "close" if in_order else "reset")
            start = time.monotonic()
            await self._holding.give_back(1, in_order=in_order)
            while time.monotonic() < start + _FREED:
                attempt = (await self._holding.open(1, _at_once))[0]
                if attempt.held:
                    step.note("after_s", round(time.monotonic() - start, 3))
                    return
                await asyncio.sleep(_APART)
            step.fail(Failure.TIMED_OUT)

    async def count_rate(self, pace: Pace) -> Optional[Count]:
        """How many a second are let through: offered faster and faster until some are refused, and then for a while so.

        Each is closed as soon as it came about. None where none was refused within the time. One observation, ``rate``.
        """
        start, counted = time.monotonic(), None
        flow = Flow(self._holding, pace)
        with self._notes.step("saturation", "rate", self._ask) as step:
            try:
                while counted is None and (flow.since or not (pace.is_spent or time.monotonic() > start + _SEARCH)):
                    await flow.offer()
                    if flow.is_counted:
                        counted = await flow.counted()
            finally:
                await flow.close()
            step.note("offered", round(pace.rate, 1))
            if counted is not None:
                step.note("sign", counted.example.sign)
                step.failure = counted.example.failure
            step.note("passed", counted.passed if counted else sum(one.held for _, one in flow.done))
            step.note("refused", counted.refused if counted else sum(not one.held for _, one in flow.done))
            step.note("seconds", counted.seconds if counted else round(time.monotonic() - start, 3))
        return counted

    async def idle(self, count: int, seconds: float) -> None:
        """Hold a few connections without a word for so long, and see whether their way is still there."""
        with self._notes.step("saturation", "idle", self._ask) as step:
            await self._holding.open(count, Pace(FIRST_RATE).wait)
            step.note("held", len(self._holding))
            step.note("idle_s", seconds)
            await asyncio.sleep(seconds)
            self._holding.ask_the_way(_KEEPALIVE_TRIES)
            # Its timer is coarse: a second more than they take.
            await asyncio.sleep(_KEEPALIVE_TRIES + 2)
            step.note("dropped", len(await self._holding.bury()))


def _step(held: int, near: int) -> int:
    """By how much the level rises."""
    step = max(1, held // _TENTH)
    if not near:
        return step
    close = int(_NEAR * near)
    return min(step, close - held) if held < close else max(1, min(step, near // _FIFTIETH))


def _refused_at_the_end(attempts: Sequence[Attempt]) -> int:
    """How many were refused in a row, up to the last one."""
    run = 0
    for attempt in reversed(attempts):
        if attempt.held:
            break
        run += 1
    return run


def _lost(attempts: Sequence[Attempt]) -> int:
    """How many were silent while a later one came through: there was room for them."""
    return sum(one.sign == SILENT for one in attempts[: len(attempts) - _refused_at_the_end(attempts)])


async def _at_once() -> None:
    return


def _note_level(step: Step, attempts: Sequence[Attempt], ascent: Ascent, held: int) -> None:
    refused = [one for one in attempts if not one.held]
    opened = sorted(one.handshake_s for one in attempts if one.held)
    answers = sorted(one.answer_s for one in attempts if one.held and one.answer_s is not None)
    step.note("tried", ascent.tried)
    step.note("held", held)
    step.note("opened", len(opened))
    step.note("refused", len(refused))
    step.note("lost_syns", sum(one.syns - 1 for one in attempts) + _lost(attempts))
    if opened:
        step.note("handshake_s", round(median(opened), 6))
    if answers:
        step.note("answer_s", round(median(answers), 6))
    if refused:
        step.note("sign", refused[-1].sign)
        step.failure = refused[-1].failure


def _note_ascent(step: Step, ascent: Ascent) -> None:
    step.note("ascent", ascent.number)
    step.note("start", ascent.start)
    step.note("held", ascent.held)
    step.note("tried", ascent.tried)
    step.note("rate", round(ascent.rate, 1))
    step.note("pending", ascent.pending)
    step.note("ended_by", ascent.ended_by or None)
    step.note("sign", ascent.sign or None)
    step.note("spread", ascent.spread or None)
    step.note("rate_at_limit", ascent.rate_at_limit)
    step.note("at_limit_s", round(ascent.at_limit_s, 3) or None)
    step.note("closed_held", ascent.closed_held or None)
    step.failure = ascent.failure
