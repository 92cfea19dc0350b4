"""Parts of a network which nobody answers in, although it is lively elsewhere.

Addresses are handed out in some order, so that unused ones stand together: that a part is dark is no fault by itself.
What speaks for one is what only a route or an ACL would do: it ends where an aligned part ends, with live addresses
on both sides of it, or it swallows addresses that were said to be in use.
This module travels in the carry-in kit: CPython 3.7.
"""

import ipaddress
import re
from heapq import nlargest
from math import exp, lgamma
from typing import Iterator, List, Optional, Tuple

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

_SILENCE = re.compile(b"\\0+")


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
    told, live = network.told, network.live
    if network.addresses.version != 4 or not live:
        return ()
    many, alive = len(told), len(live)
    parts = max(1, 2 * many // SMALLEST)
    silences = _longest(live.of(told))
    found = []
    for first, size, start, end in _halves(network):
        asked = told.count(start, end)
        chance = parts * missed_by_chance(many, alive, asked)
        if chance >= _ACCIDENT:
            continue
        last, after = live.before(start), live.behind(end)
        number = live.count(0, start)
        found.append(
            Dark(
                cidr=str(ipaddress.IPv4Network((first, 32 - (size.bit_length() - 1)))),
                asked=tuple(told.between(start, end)),
                chance=chance,
                before=told.count(last + 1, start) if last >= 0 else None,
                behind=told.count(end, after) if after >= 0 else None,
                elsewhere=next((long for long, place in silences if place != number), 0),
            )
        )
    return tuple(found)


def _halves(network: Swept) -> Iterator[Tuple[int, int, int, int]]:
    """The largest aligned parts without a live address that were asked, by halving what has both.

    The first address and how many; and these as indexes, from the first one to the last, which is not among them.
    """
    told, live, cidr = network.told, network.live, ipaddress.IPv4Network(network.cidr)
    todo: List[Tuple[int, int]] = [(int(cidr.network_address), cidr.num_addresses)]
    while todo:
        first, size = todo.pop()
        start, end = network.addresses.below(first), network.addresses.below(first + size)
        asked = told.count(start, end)
        if not asked:
            continue
        if not live.count(start, end) and asked >= _ASKED * size:
            yield first, size, start, end
        elif size >= 2 * SMALLEST:
            half = size // 2
            todo += [(first + half, half), (first, half)]


def _longest(answers: bytes) -> List[Tuple[int, int]]:
    """The two longest silences between live addresses: how long, and after how many of these.

    ``answers``: of each address that was asked, whether it is live, as a byte.
    """
    found, number, place = [], 0, 0
    for silence in _SILENCE.finditer(answers):
        number += silence.start() - place
        place = silence.end()
        if silence.start() > 0 and place < len(answers):
            found.append((place - silence.start(), number))
    return nlargest(2, found)


def _log_choose(many: int, few: int) -> float:
    return lgamma(many + 1) - lgamma(few + 1) - lgamma(many - few + 1)
