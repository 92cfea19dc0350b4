"""Parts of a network which nobody answers in, although it is lively elsewhere.

Addresses are handed out in some order, so that unused ones stand together: that a part is dark is no fault by itself.
What speaks for one is what only a route or an ACL would do: it ends where an aligned part ends, with live addresses
on both sides of it, or it swallows addresses that were said to be in use.
This module travels in the carry-in kit: CPython 3.7.
"""

import ipaddress
from bisect import bisect_left
from heapq import nlargest
from itertools import accumulate
from math import exp, lgamma
from typing import Iterator, List, Optional, Sequence, Tuple

from attrs import frozen

from reports.subnet.swept import Swept

# The least part that is looked at: a /28. Routes and ACLs for fewer addresses are hardly made.
SMALLEST = 16
# Below this chance that so many live addresses miss a part, it is no accident; the number of parts is accounted for.
_ACCIDENT = 0.001
# Of a part, so many addresses were asked.
_ASKED = 0.75
# That there is no other gap of a quarter of its size, so that nobody leaves any here, makes it so many times as odd.
_ONLY_GAP, _QUARTER = 3.0, 4


@frozen(kw_only=True)
class Dark:
    """An aligned part of a network in which no address answers, as large as it can be.

    ``asked``: its addresses that were, as indexes. ``chance``: that all live addresses miss any such part.
    ``before`` and ``behind``: how many silent addresses lie between it and the next live one on either side; None
    where there is none on that side. ``elsewhere``: the longest silence between two live addresses beside this one.
    """

    cidr: str
    asked: Tuple[int, ...]
    chance: float
    before: Optional[int]
    behind: Optional[int]
    elsewhere: int = 0

    @property
    def slack(self) -> Optional[int]:
        """By how many addresses the silence is longer than the part; None where it reaches an end of the network."""
        return None if self.before is None or self.behind is None else self.before + self.behind

    @property
    def sharpness(self) -> float:
        """By how much its edges raise the odds that it is kept apart, and not merely unused.

        A gap that is left by habit ends anywhere, and is not the only one: that it ends where an aligned part does
        speaks against that, by as many times as the part is larger than what its silence goes beyond it.
        """
        if self.slack is None:
            return 1.0
        only = _ONLY_GAP if _QUARTER * self.elsewhere <= len(self.asked) else 1.0
        return only * len(self.asked) / (1 + self.slack)


def missed_by_chance(places: int, live: int, part: int) -> float:
    """How likely it is that ``live`` addresses among ``places`` all lie outside a part of so many of them.

    The hypergeometric distribution at 0: C(places - part, live) / C(places, live).
    """
    rest = places - part
    if live > rest:
        return 0.0
    return exp(_log_choose(rest, live) - _log_choose(places, live))


def dark_parts(network: Swept) -> Tuple[Dark, ...]:
    """The dark parts of an IPv4 network that are no accident, from /28 up to half of it, in ascending order."""
    told, live = network.told, sorted(network.live)
    if network.addresses.version != 4 or not live:
        return ()
    numbers = [network.addresses[index] for index in told]
    # How many of the addresses before each are live.
    is_live = network.live.__contains__
    before = [0, *accumulate(map(is_live, told))]
    parts = max(1, 2 * len(told) // SMALLEST)
    silences = _longest(told, live)
    found = []
    cidr = ipaddress.IPv4Network(network.cidr)
    for first, size in _halves(int(cidr.network_address), cidr.num_addresses, numbers, before):
        start, end = bisect_left(numbers, first), bisect_left(numbers, first + size)
        chance = parts * missed_by_chance(len(told), len(live), end - start)
        if chance >= _ACCIDENT:
            continue
        found.append(
            Dark(
                cidr=str(ipaddress.IPv4Network((first, 32 - (size.bit_length() - 1)))),
                asked=told[start:end],
                chance=chance,
                before=_run(before, start, -1) if before[start] else None,
                behind=_run(before, end, 1) if before[end] < before[-1] else None,
                elsewhere=next((long for long, number in silences if number != before[start]), 0),
            )
        )
    return tuple(found)


def _halves(first: int, size: int, numbers: Sequence[int], before: Sequence[int]) -> Iterator[Tuple[int, int]]:
    """The largest aligned parts without a live address that were asked, by halving what has both."""
    todo: List[Tuple[int, int]] = [(first, size)]
    while todo:
        first, size = todo.pop()
        start, end = bisect_left(numbers, first), bisect_left(numbers, first + size)
        if end == start:
            continue
        if before[start] == before[end] and end - start >= _ASKED * size:
            yield first, size
        elif size >= 2 * SMALLEST:
            half = size // 2
            todo += [(first + half, half), (first, half)]


def _longest(told: Sequence[int], live: Sequence[int]) -> List[Tuple[int, int]]:
    """The two longest silences between live addresses: how long, and after how many of these."""
    places = [bisect_left(told, index) for index in live]
    silences = ((after - place - 1, number) for number, (place, after) in enumerate(zip(places, places[1:]), 1))
    return nlargest(2, silences)


def _run(counts: Sequence[int], start: int, step: int) -> int:
    """How many steps the count stays as it is; it does change."""
    place = start
    while counts[place + step] == counts[start]:
        place += step
    return abs(place - start)


def _log_choose(many: int, few: int) -> float:
    return lgamma(many + 1) - lgamma(few + 1) - lgamma(many - few + 1)
