"""When a plan is run: pure arithmetic over monotonic seconds, which no jump of the wall clock changes.

A plan has slots, an interval apart. Where in the interval they lie is worked out of the names of host and plan, so that
many hosts that start together spread, and one host's plans too. The first run does not wait for its slot.
"""

import hashlib
import math

from attrs import define, frozen

# Where a plan says nothing: seconds.
DEFAULT_INTERVAL = 60.0

# Within so many seconds all plans are run for the first time.
_SOON = 5.0
# A start may be later than its slot by up to this part of the interval.
_JITTER = 0.05
# Between any two starts lies a gap: of the time that all plans together leave, and no longer than (seconds).
_PART_OF_MEAN = 0.5
_LONGEST_GAP = 0.25


def phase(host: str, plan: str) -> float:
    """Where in its interval a plan is run, from 0 to 1 (exclusive): always the same for a host and a plan."""
    digest = hashlib.blake2b(f"{host}\0{plan}".encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "big") / 2**32


@frozen
class Slots:
    """The slots of a plan: ``begun`` is when its first interval began, ``phase`` where in each of them it is run."""

    begun: float
    interval: float
    phase: float

    @property
    def first(self) -> float:
        """When the plan is run for the first time."""
        return self.begun + self.phase * min(_SOON, self.interval)

    def after(self, moment: float) -> int:
        """The number of the first slot that is later than the moment."""
        return math.floor((moment - self.begun) / self.interval - self.phase) + 1

    def at(self, number: int) -> float:
        """When the slot of that number is."""
        return self.begun + (number + self.phase) * self.interval

    def second(self) -> int:
        """The number of the slot that follows the first run: not at once after it."""
        return self.after(self.first + self.interval / 2)

    def missed(self, due: int, ended: float) -> int:
        """How many slots passed, from ``due`` on, until a run ended: they are left out."""
        return max(0, self.after(ended) - due)

    def late(self, chance: float) -> float:
        """How much later than its slot a run begins. ``chance``: from 0 to 1."""
        return chance * _JITTER * self.interval


@define
class Gate:
    """Lets starts through one by one, with a gap between them."""

    gap: float
    _free: float = 0.0

    def pass_at(self, now: float) -> float:
        """Take the next place; when it is: now, or a little later."""
        at = max(now, self._free)
        self._free = at + self.gap
        return at


def gap_of(intervals: list[float]) -> float:
    """Seconds between starts, for plans of these intervals: gaps fill half of the time, however many there are."""
    per_second = sum(1 / interval for interval in intervals)
    return min(_LONGEST_GAP, _PART_OF_MEAN / per_second) if per_second else _LONGEST_GAP
