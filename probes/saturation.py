"""The saturation probe: how many connections a way holds, found by raising their number with care.

An ascent goes up by a tenth at most, so that never more than 110 % of a limit is tried, and opens faster as it goes.
A SYN that is lost by chance is followed by one that gets through: there was room. A run of refused ones is a limit:
the controls are asked, and half is given back at once. Numbers and manners: docs/saturation.md.
"""

import asyncio
import collections
import time
from typing import Awaitable, Callable, Deque, List, Optional, Sequence, Tuple

from probes.contract import Ask, Notes, Step
from probes.controls import ROUNDS, Controls
from probes.holding import LOCAL, SILENT, Attempt, Holding
from probes.pace import FIRST_RATE, WINDOW, Flow, Pace, Slowness
from reports.failures import Failure
from reports.saturation import Ascent
from reports.statistics import median, wilson

# The level rises by this part of what is held; below, one at a time.
_TENTH = 10
# Near an estimate it rises by this part of it.
_FIFTIETH = 50
_NEAR = 0.9

# A limit lets nothing through: so many refused ones in a row, with those that are tried once more.
_IN_A_ROW = 3
# What is refused here and there among these last ones is no chance above the share: heavy loss, or a limited rate.
_RECENT = 40
_HEAVY = 0.06
# Whoever looks after every level would be misled by chance too often at 95 %: 99.9 %, in standard deviations.
_BEYOND_DOUBT = 3.3
# For so many seconds a router counts a connection of which only the first answer was lost: then it comes again.
_HALF_OPEN = 1.2

# Seconds: at a limit; in which a place that was given back is free, and until it is asked for again.
_AT_LIMIT = 1.0
_FREED = 0.3
_ASK_AGAIN = 0.02
# Seconds between those that are tried once more where refusals are quick: no part of what others repeat.
_APART = 0.013

# A limited rate is looked for during so many seconds.
_SEARCH = 4.0

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
        self._passed: Deque[float] = collections.deque()
        self._lost: Deque[float] = collections.deque()
        self._handshake = Slowness()
        self._answer = Slowness()

    async def ascend(self, most: int, pace: Pace, near: int = 0, freed: bool = False) -> Ascent:
        """Hold more and more, up to ``most``; at a limit give half back. Observations: ``level``, and one ``ascent``.

        ``near``: where a limit is expected, and approached in small steps. ``freed``: at the limit it is not the
        controls that are asked, but how soon a place that is given back is free.
        """
        ascent = Ascent(number=len(self.ascents) + 1, start=len(self._holding))
        self.ascents.append(ascent)
        self._recent.clear()
        with self._notes.step("saturation", "ascent", self._ask) as step:
            try:
                while not ascent.ended_by:
                    await self._rise(ascent, most, pace, near)
                    if ascent.refused and not await self._stand(ascent, freed=freed):
                        ascent.end("")
                if not ascent.refused and ascent.ended_by != "maximum":
                    await self._holding.give_back((len(self._holding) + 1) // 2)
            finally:
                ascent.rate_at_limit = len(self._passed) / WINDOW
                _note_ascent(step, ascent)
        return ascent

    async def _rise(self, ascent: Ascent, most: int, pace: Pace, near: int) -> None:
        """One level more."""
        held = len(self._holding)
        if held >= most:
            ascent.ended_by = "maximum"
            return
        count = min(_step(held, near), most - held)
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
        if not ascent.ended_by and await self.controls.suffer():
            await self._suspect(ascent)

    async def _suspect(self, ascent: Ascent) -> None:
        """The control was not answered, or late: see whether by chance, for want of room, or because of us."""
        attempts = await self._once_more(ascent)
        if not any(one.held for one in attempts):
            ascent.end("refused", attempts[-1].sign, attempts[-1].failure)
        elif await self.controls.suffer(again=True):
            ascent.end("control")

    async def _once_more(self, ascent: Ascent, most: int = _IN_A_ROW) -> List[Attempt]:
        # A refusal is quick: all of them would meet the same moment of somebody else's short connection.
        pace = _at_once if self._recent and self._recent[-1] == SILENT else _apart
        return await self._open(ascent, min(_step(len(self._holding), 0), most), pace)

    async def _open(self, ascent: Ascent, count: int, pace: Callable[[], Awaitable[None]]) -> List[Attempt]:
        ascent.tried = max(ascent.tried, len(self._holding) + count)
        attempts = await self._holding.open(count, pace)
        now = time.monotonic()
        self._recent.extend(one.sign for one in attempts)
        self._passed.extend(now for one in attempts if one.held)
        while self._passed and self._passed[0] < now - WINDOW:
            self._passed.popleft()
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
        elif refused and self._often_refused():
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

    def _often_refused(self) -> bool:
        """Whether more of the last ones were refused, here and there, than chance explains."""
        if self.lossy or len(self._recent) < _RECENT:
            return False
        return wilson(sum(map(bool, self._recent)), _RECENT, _BEYOND_DOUBT)[0] > _HEAVY

    async def _stand(self, ascent: Ascent, *, freed: bool) -> bool:
        """At a limit: see that it is one, ask the controls or how places come back, give half back: within a second.

        False where there was room after all, for us too.
        """
        start, met = time.monotonic(), True
        try:
            left = max(_AT_LIMIT - self._patience, ROUNDS * self._patience)
            met = await asyncio.wait_for(self._look_around(ascent, freed=freed), left)
        except asyncio.TimeoutError:
            pass
        finally:
            if met:
                await self._holding.give_back((len(self._holding) + 1) // 2)
                ascent.at_limit_s = time.monotonic() - start + self._patience
        return met

    async def _look_around(self, ascent: Ascent, *, freed: bool) -> bool:
        if freed:
            if await self._has_room(ascent):
                return False
            if len(self._holding) > _FEW:
                await self._free_one(in_order=True)
                await self._free_one(in_order=False)
            return True
        self.controls.forget()
        for _ in range(ROUNDS):
            # Others come and go: where all controls pass and then we do, the place that was free proves nothing.
            if await self.controls.all_pass() and await self._has_room(ascent):
                return False
        self.controls.conclude(len(self._holding))
        return True

    async def _has_room(self, ascent: Ascent) -> bool:
        """Whether one more comes about after all. Where it is the rate that is limited, it says nothing."""
        return not ascent.spread and any(one.held for one in await self._once_more(ascent))

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
                await asyncio.sleep(_ASK_AGAIN)
            step.fail(Failure.TIMED_OUT)

    async def count_rate(self, first: float, most: float) -> Optional[Tuple[float, float]]:
        """How many a second are let through: offered faster and faster until more are refused than chance explains.

        Each is closed as soon as it came about. Gives how many passed in how many seconds while others were refused;
        None where that did not happen up to ``most`` within the time. One observation, ``rate``.
        """
        start = time.monotonic()
        end, inside = start + _SEARCH, None
        flow = Flow(self._holding, Pace(first, most))
        with self._notes.step("saturation", "rate", self._ask) as step:
            try:
                while time.monotonic() < (end + WINDOW if flow.since else end):
                    await flow.offer()
                    if flow.since and time.monotonic() >= flow.since + WINDOW:
                        inside = await flow.last_second()
                        if _is_limited(inside):
                            break
                        inside = None
            finally:
                await flow.close()
            step.note("offered", round(flow.pace.rate, 1))
            seconds = WINDOW if inside else time.monotonic() - start
            attempts = inside or [one for _, one in flow.done]
            refused = [one for one in attempts if not one.held]
            if inside:
                step.note("sign", refused[0].sign)
                step.failure = refused[0].failure
            passed = len(attempts) - len(refused)
            step.note("passed", passed)
            step.note("refused", len(refused))
            step.note("seconds", round(seconds, 3))
        return (passed, seconds) if inside else None

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


def _is_limited(attempts: Sequence[Attempt]) -> bool:
    """Whether more of them were refused than chance explains."""
    return bool(attempts) and wilson(sum(not one.held for one in attempts), len(attempts))[0] > _HEAVY


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


async def _apart() -> None:
    await asyncio.sleep(_APART)


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
