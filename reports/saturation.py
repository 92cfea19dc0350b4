"""How much a way holds, in numbers with intervals, from the ascents that were made and the seconds that were counted.

This module travels in the carry-in kit: CPython 3.7.
"""

import math
from typing import Optional, Sequence, Tuple

from attrs import define, frozen

from reports.failures import Failure

# Two ascents that end so near to one another met the same limit.
_SAME = 0.03


@define(kw_only=True)
class Ascent:
    """One ascent: from ``start`` connections up to ``held``, and why it ended there.

    ``tried``: the most connections at once, with those that were being opened. ``rate``: the most begun per second.
    ``ended_by``: a word of docs/observations.md. ``pending``: silent attempts in between, and what ended before, which
    a limit may have counted. ``rate_at_limit``: the most that were really begun in a second. ``closed_held``: held ones
    that died.
    ``spread``: what was refused at the end was so here and there, and not in a row.
    """

    number: int
    start: int
    held: int = 0
    tried: int = 0
    rate: float = 0.0
    ended_by: str = ""
    sign: str = ""
    failure: Optional[Failure] = None
    pending: int = 0
    rate_at_limit: float = 0.0
    at_limit_s: float = 0.0
    closed_held: int = 0
    spread: bool = False

    def end(self, ended_by: str, sign: str = "", failure: Optional[Failure] = None) -> None:
        """It ends here."""
        self.ended_by = ended_by
        self.sign = sign
        self.failure = failure

    @property
    def refused(self) -> bool:
        """Whether it ended at a limit."""
        return self.ended_by in ("refused", "control")


@frozen(kw_only=True)
class Interval:
    """An estimate, and between what the true value lies."""

    value: float
    low: float
    high: float


def same(one: int, other: int) -> bool:
    """Whether two ascents met the same limit."""
    return abs(one - other) <= max(1, math.ceil(_SAME * max(one, other)))


def limit_of(ascents: Sequence[Ascent]) -> Optional[Interval]:
    """How many connections could be held, from the ascents that ended at a limit; None where none did.

    A lost packet makes an ascent end too low and never too high: the most of those that agree counts. Where the last
    two do not agree, the limit moves: the last one counts, and the interval holds both.
    """
    ended = [ascent for ascent in ascents if ascent.refused and not ascent.spread]
    if not ended:
        return None
    last = ended[-1]
    agreeing = [ascent for ascent in ended if same(ascent.held, last.held)]
    if len(agreeing) > 1 or len(ended) == 1:
        most = max(ascent.held for ascent in agreeing)
        low = min(ascent.held for ascent in agreeing)
    else:
        most = last.held
        low = min(ascent.held for ascent in ended[-2:])
    high = max(ascent.held + ascent.pending for ascent in (agreeing if len(agreeing) > 1 else ended[-2:]))
    return Interval(value=most, low=low, high=max(most, high))


def rate_of(counted: Sequence[Tuple[float, float]]) -> Optional[Interval]:
    """New connections per second, from the seconds that were counted at the limit: (passed, seconds) each.

    One more or less each time is how finely they were counted.
    """
    times = [one for one in counted if one[1] > 0]
    if not times:
        return None
    rates = [passed / seconds for passed, seconds in times]
    grain = 1 / min(seconds for _, seconds in times)
    mean = sum(passed for passed, _ in times) / sum(seconds for _, seconds in times)
    return Interval(value=mean, low=max(0.0, min(rates) - grain), high=max(rates) + grain)
