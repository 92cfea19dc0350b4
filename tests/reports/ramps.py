"""Observations of saturations, as the probe would make them on ways that hold so much."""

from reports.failures import Failure
from reports.model import Observation
from tests.reports.building import seen

TARGET, ADDRESS = "orders", "10.10.2.30:3306"
_FAILURES = {"silent": Failure.TIMED_OUT, "reset": Failure.CONNECTION_REFUSED}
_PATIENCE = {"silent": 0.3}


class Ramp:
    """Ascents on one way, one after the other; time stands still between them until it is told to pass."""

    def __init__(
        self, maximum: int, rate: float = 50.0, *, answer_s: float | None = None, sign: str = "silent"
    ) -> None:
        self.maximum = maximum
        self.rate = rate
        self.answer_s = answer_s
        self.sign = sign
        self.now = 0.0
        self.ascents = 0
        self.held = 0
        self.tried = 0
        self.observations: list[Observation] = []

    def ascend(
        self,
        *,
        to: int | None = None,
        start: int = 0,
        rate: float = 20.0,
        cap: int | None = None,
        fails_above: float | None = None,
        ended_by: str = "maximum",
        slows: int | None = None,
        **facts: float,
    ) -> int:
        """Up to ``to`` by tenths: refused beyond ``cap``, or at more than ``fails_above`` a second; what was held."""
        self.ascents += 1
        began, held, tried, refused = self.now, start, start, 0
        while held < (to or self.maximum) and not refused:
            step = min(max(1, held // 10), (to or self.maximum) - held)
            offered = min(self.rate, rate * 1.1 ** int((self.now - began) / 0.5))
            level, tried = self.now, max(tried, held + step)
            opened = step if cap is None else min(step, max(0, cap - held))
            if fails_above is not None and offered > fails_above and held > start + 10:
                opened = 0
            refused, held = step - opened, held + opened
            self.now += step / offered + (_PATIENCE.get(self.sign, 0.01) if refused else 0.0)
            told = {"sign": self.sign} if refused else {}
            if opened:
                told["handshake_s"] = 0.0004
                if self.answer_s is not None:
                    told["answer_s"] = self.answer_s * (1 + max(0, held - slows) / 4 if slows else 1)
            self._add(
                "level",
                level,
                _FAILURES[self.sign] if refused else None,
                ascent=self.ascents,
                tried=tried,
                held=held,
                opened=opened,
                refused=refused,
                lost_syns=0,
                rate=round(offered, 1),
                **told,
            )
        if refused:
            self.now += 0.4
        told = {"ended_by": "refused", "sign": self.sign} if refused else {"ended_by": ended_by}
        self._add("ascent", began, None, ascent=self.ascents, start=start, held=held, tried=tried, **told, **facts)
        self.held, self.tried = max(self.held, held), max(self.tried, tried)
        return held

    def count(self, offered: float, refused: int) -> None:
        """A second at a rate."""
        began = self.now
        self.now += 2.0
        self._add("rate", began, None, offered=offered, passed=int(offered) - refused, refused=refused, seconds=1.0)

    def wait(self, seconds: float) -> None:
        """Nothing happens for a while."""
        self.now += seconds

    def conclude(self, **facts: float) -> list[Observation]:
        """All observations, with the numbers that they gave."""
        self._add("limit", self.now, None, held=self.held, tried=self.tried, maximum=self.maximum, **facts)
        return self.observations

    def _add(self, step: str, began: float, failure: Failure | None, **facts: object) -> None:
        self.observations.append(
            seen(
                "saturation", step, TARGET, ADDRESS, after=began, duration_s=self.now - began, failure=failure, **facts
            )
        )


def capped(cap: int = 100, maximum: int = 200, *, sign: str = "silent", **options: float) -> list[Observation]:
    """A limit of connections, met twice."""
    ramp = Ramp(maximum, sign=sign, **options)
    held = ramp.ascend(cap=cap)
    ramp.wait(1.0)
    ramp.ascend(start=held // 2, rate=ramp.rate / 2, cap=cap)
    return ramp.conclude(limit=cap, limit_low=cap, limit_high=cap + (sign == "silent"))


def moving() -> list[Observation]:
    """A limit that was lower when it was met again."""
    ramp = Ramp(400, sign="reset")
    ramp.ascend(cap=120)
    ramp.wait(1.0)
    ramp.ascend(start=60, rate=25, cap=80)
    return ramp.conclude(limit=80, limit_low=80, limit_high=120)


def limited_rate() -> list[Observation]:
    """A limit of new connections a second, of which a slower ascent knows nothing."""
    ramp = Ramp(60)
    ramp.ascend(fails_above=24)
    ramp.wait(1.0)
    ramp.ascend(start=20, rate=12.0)
    for _ in range(3):
        ramp.count(30.0, 6)
        ramp.wait(1.0)
    return ramp.conclude(rate_limit=24.0, rate_low=22.8, rate_high=25.2, unlimited_to=60)


def queueing() -> list[Observation]:
    """A service whose answers become slower from 60 connections on."""
    ramp = Ramp(200, answer_s=0.02)
    ramp.ascend(to=79, slows=60, ended_by="slower")
    return ramp.conclude(unlimited_to=79)


def harmless() -> list[Observation]:
    """Nothing is refused."""
    ramp = Ramp(200)
    ramp.ascend()
    return ramp.conclude(unlimited_to=200)


def harmful() -> list[Observation]:
    """Three of those that are held die."""
    ramp = Ramp(200, answer_s=0.003)
    ramp.ascend(to=120, ended_by="lost", closed_held=3)
    return ramp.conclude(unlimited_to=120)
