"""What a saturation showed of one target: what could be held, what ended it, what else was asked, and what would fit.

Only joins and arithmetic live here; what it means is in reports/rules/saturation.py.
"""

import math
from functools import lru_cache
from typing import Callable, List, Optional, Tuple

from attrs import frozen

from reports.case import Case
from reports.failures import LOCAL_SHORTAGES
from reports.model import Job, Observation
from reports.saturation import Interval, same

# By what an ascent ends where no more is let through (reports/saturation.py).
_AT_A_LIMIT = ("refused", "control")
# Of what is free, the part that a job should leave: others come, and what is free changes.
_LEFT_FREE = 0.2


@frozen(kw_only=True)
class Others:
    """Who else was asked at the limit: ``passed`` and ``refused`` handshakes. Both are empty where nobody could be."""

    passed: Tuple[Observation, ...] = ()
    refused: Tuple[Observation, ...] = ()

    @property
    def fine(self) -> bool:
        """Whether each of them was let through."""
        return bool(self.passed) and not self.refused

    @property
    def suffer(self) -> bool:
        """Whether none of them was let through."""
        return bool(self.refused) and not self.passed


@frozen(kw_only=True)
class Capacity:
    """One target's measurement.

    ``limit``: of connections held at once, ``rate``: of new ones per second, each where one was met. ``met``: the
    ascents that ended at a limit, ``scattered`` those that ended because some were refused here and there. ``way``,
    ``port``: who else was asked at the limit, through the same way and at another port of the same host. ``answered``:
    whether the service answered those that are held. ``concluded``: the observation that holds the numbers.
    """

    address: str
    job: Job
    ascents: Tuple[Observation, ...] = ()
    met: Tuple[Observation, ...] = ()
    scattered: Tuple[Observation, ...] = ()
    windows: Tuple[Observation, ...] = ()
    freed: Tuple[Observation, ...] = ()
    concluded: Tuple[Observation, ...] = ()
    way: Others = Others()
    port: Others = Others()
    answered: bool = False
    limit: Optional[Interval] = None
    rate: Optional[Interval] = None

    @property
    def held(self) -> int:
        """The most connections that were held at once."""
        return max((int(seen.facts.get("held", 0)) for seen in self.ascents + self.concluded), default=0)

    @property
    def maximum(self) -> int:
        """The most that the plan allows."""
        return max((int(seen.facts.get("maximum", 0)) for seen in self.concluded), default=0)

    @property
    def ended_by(self) -> str:
        """Why the last ascent ended."""
        return str(self.ascents[-1].facts.get("ended_by", "")) if self.ascents else ""

    @property
    def harmed_by(self) -> str:
        """``slower`` or ``lost``, where the last ascent ended so and no limit was met; "" where not."""
        found = self.limit is not None or self.rate is not None
        return self.ended_by if self.ended_by in ("slower", "lost") and not found else ""

    @property
    def sign(self) -> str:
        """How the last one was refused; "" where it was not (another target suffered)."""
        refused = self.windows if self.rate is not None and self.windows else self.met or self.scattered
        return next((str(seen.facts["sign"]) for seen in reversed(refused) if "sign" in seen.facts), "")

    @property
    def repeated(self) -> bool:
        """Whether a later ascent ended at the same number: it is the number that is limited."""
        return len(self.met) > 1 and same(_held(self.met[-2]), _held(self.met[-1]))

    @property
    def moved(self) -> bool:
        """Whether the last two ended at different numbers: what is free changes."""
        return len(self.met) > 1 and not self.repeated

    @property
    def never_freed(self) -> bool:
        """Whether hardly any place came back although half was given back: each ascent ended where it began."""
        pairs = list(zip(self.met, self.met[1:]))
        return bool(pairs) and all(
            _held(late) < _held(early) and _held(late) - int(late.facts.get("start", 0)) <= 1 for early, late in pairs
        )

    @property
    def need(self) -> Optional[int]:
        """How many connections the job needs at once; None where the plan does not say."""
        needed = self.job.instances * self.job.connections
        return needed if needed > 1 else None

    @property
    def fits(self) -> bool:
        """Whether the job is declared, and leaves a part of what is free."""
        return self.need is not None and self.need <= self.usable

    @property
    def exceeds(self) -> bool:
        """Whether the job needs more than could be held; not where that may be no limit of connections."""
        return self.limit is not None and self.need is not None and self.need > self.limit.low

    @property
    def surely_exceeds(self) -> bool:
        """Whether it needs more than could be held at any time."""
        if self.limit is None or self.need is None or not self.repeated:
            return False
        return self.need > max(self.limit.high, *map(_held, self.met))

    @property
    def free(self) -> int:
        """What could be held; the least of it where that changes."""
        if self.limit is None:
            return self.held
        return int(self.limit.low if self.moved else self.limit.value)

    @property
    def usable(self) -> int:
        """What the job should keep to, so that a part stays free."""
        return max(min(self.free, 1), math.floor(self.free * (1 - _LEFT_FREE)))

    @property
    def connections_per_task(self) -> int:
        """Persistent connections that each task may keep, all tasks running; 0 where even one is too many."""
        return self.usable // max(1, self.job.instances)

    @property
    def most_tasks(self) -> int:
        """How many tasks may run at once, each with its connections; 0 where those of one are too many."""
        return self.usable // max(1, self.job.connections)

    @property
    def seconds_to_open(self) -> Optional[float]:
        """How long it takes at least until all connections of the job are open, at the limited rate."""
        if self.rate is None or self.need is None or self.rate.value <= 0:
            return None
        took = self.need / self.rate.value
        return took if math.isfinite(took) else None


@lru_cache(maxsize=64)
def of(case: Case) -> Optional[Capacity]:
    """What the saturation of a target showed; None where there was none."""
    seen = case.of("saturation")
    if not seen:
        return None

    def step(name: str, holds: Callable[[Observation], bool] = lambda _: True) -> Tuple[Observation, ...]:
        return tuple(one for one in seen if one.step == name and holds(one))

    ascents = step("ascent")
    concluded = step("limit")
    numbers = concluded[-1] if concluded else None
    ended = [one for one in ascents if one.facts.get("ended_by") in _AT_A_LIMIT]
    return Capacity(
        address=str(next((one.address for one in concluded + ascents if one.address), case.target.address)),
        job=case.run.plan.job,
        ascents=ascents,
        met=tuple(one for one in ended if not one.facts.get("spread")),
        scattered=tuple(one for one in ended if one.facts.get("spread")),
        windows=step("rate", lambda one: bool(one.facts.get("refused"))),
        freed=step("freed"),
        concluded=concluded,
        way=_others(step("control", lambda one: one.facts.get("kind") == "way")),
        port=_others(step("control", lambda one: one.facts.get("kind") == "port")),
        answered=any("answer_s" in one.facts for one in step("level")),
        limit=_interval(numbers, "limit", "limit_low", "limit_high"),
        rate=_interval(numbers, "rate_limit", "rate_low", "rate_high"),
    )


def levels(case: Case) -> List[Observation]:
    """The levels of all ascents, in the order of time."""
    return case.of("saturation", "level")


def _others(asked: Tuple[Observation, ...]) -> Others:
    told = tuple(one for one in asked if one.failure not in LOCAL_SHORTAGES)
    return Others(
        passed=tuple(one for one in told if one.failure is None),
        refused=tuple(one for one in told if one.failure is not None),
    )


def _held(ascent: Observation) -> int:
    return int(ascent.facts.get("held", 0))


def _interval(seen: Optional[Observation], value: str, low: str, high: str) -> Optional[Interval]:
    if seen is None or value not in seen.facts:
        return None
    middle = float(seen.facts[value])
    return Interval(value=middle, low=float(seen.facts.get(low, middle)), high=float(seen.facts.get(high, middle)))
