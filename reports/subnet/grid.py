"""A network as rows of cells: what a terminal and a page draw of it.

Up to a /24 a cell is an address, sixteen in a row, so that a row is an aligned /28. A larger network is first seen from
afar, a cell for as many addresses as make 256 cells of it; then its lively /24s. Of IPv6, and of a few addresses, there
is a list. This module travels in the carry-in kit: CPython 3.7.
"""

import collections
from ipaddress import ip_address
from math import ceil
from typing import Counter, Dict, Iterator, List, Optional, Tuple

from attrs import frozen

from reports.subnet.dark import dark_parts
from reports.subnet.swept import ALIKE, Swept
from reports.sweep import ANSWERED, BLOCK, OPEN, REFUSED, SILENT, UNKNOWN, WORDS, text_of

COLUMNS = 16
# Fewer addresses are listed.
_FEWEST = 8

AS_LIST, AS_GRID, FROM_AFAR = "list", "grid", "afar"
SELF, GATEWAY, ENI, RESERVED = "self", "gateway", "eni", "reserved"
# What an address is beside what it answers, the first that holds: its letter where it answers, and where it does not.
_LETTERS = {SELF: "SS", GATEWAY: "Gg", ENI: "Ee"}
RESERVED_LETTER = "-"
# From afar: all of those asked answer; so many tenths of them do ("1" to "9").
ALL, _TENTHS = "#", 10
# What each letter means, in the order of a legend.
MEANINGS: Dict[str, str] = {
    **{letter: word for letter, word in WORDS.items() if letter != UNKNOWN},
    "E": "ENI, answers",
    "e": "ENI, no answer",
    "G": "gateway, answers",
    "g": "gateway, no answer",
    "S": "ourselves",
    RESERVED_LETTER: "reserved",
    ALIKE: "not known: one answers for all",
    UNKNOWN: WORDS[UNKNOWN],
}


@frozen(kw_only=True)
class Cell:
    """One address. ``letter``: what is drawn; ``state``: the best of ``states``, by question; ``marks``: what it is.

    ``state`` is ALIKE where somebody answers for everybody, whatever the ``states``.
    """

    address: str
    letter: str
    state: str
    states: Dict[str, str]
    marks: Tuple[str, ...] = ()


@frozen(kw_only=True)
class Part:
    """``size`` addresses from this one on, seen from afar: how many were asked, and how many answer.

    ``meant``: how many were to be asked. ``rest``: the best letter there, where no answer shows a host.
    """

    address: str
    size: int
    asked: int
    live: int
    meant: int
    rest: str = UNKNOWN

    @property
    def letter(self) -> str:
        """What is drawn: ALL, a digit, SILENT, ALIKE or UNKNOWN."""
        if self.live:
            tenths = min(_TENTHS - 1, ceil(_TENTHS * self.live / self.meant))
            return ALL if self.live == self.meant else str(tenths)
        return SILENT if self.asked and 2 * self.asked >= self.meant else self.rest


@frozen(kw_only=True)
class Row:
    """``address``: where the row begins, also where the network does not. None: no address of the network.

    ``dark``: the dark part (a CIDR) to which all of the row belongs; "" for none.
    """

    address: str
    cells: Tuple[Optional[Cell], ...]
    dark: str = ""


def shape(network: Swept) -> str:
    """How it is shown: AS_LIST of all that answer, AS_GRID of addresses, or FROM_AFAR first."""
    addresses = network.addresses
    if addresses.version == 6 or len(addresses) < _FEWEST:
        return AS_LIST
    return AS_GRID if addresses[0] // BLOCK == addresses[len(addresses) - 1] // BLOCK else FROM_AFAR


def cells(network: Swept, asked: str = "") -> Iterator[Cell]:
    """All of its addresses, by the best sign of each, or by one question."""
    return (_cell(network, index, asked) for index in range(len(network.addresses)))


def rows(network: Swept, first: Optional[int] = None, asked: str = "") -> Tuple[Row, ...]:
    """The rows of an IPv4 network of up to a /24, or of those 256 addresses of a larger one that begin at ``first``."""
    start = network.addresses[0] if first is None else first
    start -= start % BLOCK
    dark = {index: part.cidr for part in dark_parts(network) for index in part.asked}
    found = []
    for begin in range(start, start + BLOCK, COLUMNS):
        indexes = [network.addresses.index(number) for number in range(begin, begin + COLUMNS)]
        known = [index for index in indexes if index is not None]
        covers = {dark.get(index, "") for index in known if index in network.told}
        if known:
            found.append(
                Row(
                    address=text_of(begin, 4),
                    cells=tuple(None if index is None else _cell(network, index, asked) for index in indexes),
                    dark=covers.pop() if len(covers) == 1 else "",
                )
            )
    return tuple(found)


def parts(network: Swept, most: int = BLOCK) -> Tuple[Part, ...]:
    """A large IPv4 network from afar: ``most`` parts at most, each at least an aligned /28."""
    size = COLUMNS
    while len(network.addresses) > most * size:
        size *= 2
    return _parts(network, size)


def lively(network: Swept) -> Tuple[Part, ...]:
    """The /24s of an IPv4 network in which anything answers, or where we or a declared interface are."""
    marked = {network.addresses[index] // BLOCK for index in network.own | network.enis}
    return tuple(
        part for part in _parts(network, BLOCK) if part.live or int(ip_address(part.address)) // BLOCK in marked
    )


def asked_apart(network: Swept) -> List[str]:
    """The questions whose answers differ from the best signs: what each shows is worth a picture of its own."""
    if len(network.questions) < 2:
        return []
    return [asked for asked in network.signs if differing_at(network, asked)]


def differing_at(network: Swept, asked: str) -> List[int]:
    """The addresses at which the answer to a question differs from the best sign."""
    return [index for index in network.told if _differs(network, asked, index)]


def _differs(network: Swept, asked: str, index: int) -> bool:
    letter, best = network.drawn[asked][index], network.best_drawn[index]
    if letter == UNKNOWN:
        return False
    if {letter, best} <= {OPEN, REFUSED}:
        return letter != best
    return (letter in ANSWERED) != (best in ANSWERED)


def _parts(network: Swept, size: int) -> Tuple[Part, ...]:
    known: Counter[int] = collections.Counter(network.addresses[index] // size for index in network.told)
    left_out: Counter[int] = collections.Counter(
        network.addresses[index] // size for index in network.reserved | network.own
    )
    live: Counter[int] = collections.Counter(network.addresses[index] // size for index in network.live)
    held: Counter[int] = collections.Counter()
    for start, count in network.addresses.ranges:
        held.update(_held(start, count, size))
    rest = {} if network.told else _rest(network, size)
    return tuple(
        Part(
            address=text_of(part * size, 4),
            size=size,
            asked=known[part],
            live=live[part],
            meant=held[part] - left_out[part],
            rest=rest.get(part, UNKNOWN),
        )
        for part in sorted(held)
    )


def _rest(network: Swept, size: int) -> Dict[int, str]:
    """What is known of each part of a network where somebody answers for everybody."""
    found: Dict[int, str] = {}
    for number, letter in zip(network.addresses, network.best_drawn):
        if letter in (SILENT, ALIKE) and found.get(number // size) != ALIKE:
            found[number // size] = letter
    return found


def _held(start: int, count: int, size: int) -> Dict[int, int]:
    """How many addresses of a range each aligned part has."""
    parts = range(start // size, (start + count - 1) // size + 1)
    return {part: min(start + count, (part + 1) * size) - max(start, part * size) for part in parts}


def _cell(network: Swept, index: int, asked: str) -> Cell:
    state = network.drawn[asked][index] if asked else network.best_drawn[index]
    held = {
        SELF: index in network.own,
        GATEWAY: index in network.gateways,
        ENI: index in network.enis,
        RESERVED: index in network.reserved,
    }
    marks = tuple(mark for mark, holds in held.items() if holds)
    letter = RESERVED_LETTER if held[RESERVED] and state not in (*ANSWERED, ALIKE) else state
    # Of an interface or a gateway that nothing is known of, that is what matters.
    if marks and marks[0] in _LETTERS and (marks[0] == SELF or state not in (ALIKE, UNKNOWN)):
        letter = _LETTERS[marks[0]][state not in ANSWERED]
    return Cell(
        address=network.addresses.text(index),
        letter=letter,
        state=state,
        states={question: letters[index] for question, letters in network.letters.items()},
        marks=marks,
    )
