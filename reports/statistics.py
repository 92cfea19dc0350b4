"""What a few samples say about a share or a median, and how sure that is: 95 % intervals.

This module travels in the carry-in kit: CPython 3.7.
"""

import math
from typing import Sequence, Tuple

# Standard deviations of a normal distribution that hold 95 % of it, in the middle.
SURE = 1.96


def wilson(hits: int, tried: int, z: float = SURE) -> Tuple[float, float]:
    """The interval in which the true share lies, for ``hits`` of ``tried`` (Wilson, 1927); 0 to 1 where none was tried.

    Unlike hits/tried +- z s it holds for few samples and for shares near 0: 0 of 20 gives 0 to 0.16.
    """
    if tried <= 0:
        return 0.0, 1.0
    share, weight = hits / tried, z * z / tried
    middle = (share + weight / 2) / (1 + weight)
    reach = z * math.sqrt(share * (1 - share) / tried + weight / (4 * tried)) / (1 + weight)
    return (0.0 if hits == 0 else max(0.0, middle - reach)), (1.0 if hits == tried else min(1.0, middle + reach))


def median(ordered: Sequence[float]) -> float:
    """The middle of sorted values; between the two in the middle where their number is even."""
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def median_interval(ordered: Sequence[float]) -> Tuple[float, float]:
    """The interval in which the true median lies, from sorted values, whatever their distribution is.

    How many of n values lie below the median is a draw from Binomial(n, 1/2): the k-th value from either end bounds it
    where fewer than k do so with a chance of 2.5 %. Below six values no pair is so sure: it is the least and the most.
    """
    count = len(ordered)
    below, chance = 0, 0.5**count
    total = chance
    while total <= 0.025:
        below += 1
        chance *= (count - below + 1) / below
        total += chance
    place = max(below - 1, 0)
    return ordered[place], ordered[count - 1 - place]
