"""The networks that were swept, put together from a report's observations, whatever their order.

Of several sweeps of one network the last word on an address and question counts; what a sweep does not know takes
nothing from what another knew. This module travels in the carry-in kit: CPython 3.7.
"""

import ipaddress
from collections import defaultdict
from functools import reduce
from operator import or_
from typing import Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from reports.groups import Once
from reports.model import Network, Observation, Plan, Vantage
from reports.subnet import PROBE
from reports.subnet.indexes import Indexes
from reports.subnet.senders import FABRIC, Filter, Twice, filters, twice
from reports.sweep import (
    ALIVE,
    ANSWERED,
    BLOCK,
    FILTERED,
    OPEN,
    REFUSED,
    SILENT,
    UNKNOWN,
    Addresses,
    reserved,
)

# The best sign of an address wins over all that others say: whoever accepts is surely there, and so on downwards.
BEST = (OPEN, REFUSED, ALIVE, FILTERED, SILENT, UNKNOWN)
# What stands in a picture for an answer that somebody gives for everybody: a host may be there, or not.
ALIKE = "="

# Somebody answers for everybody where nearly all of so many answer, and with them addresses that no host can have.
_FEWEST_ASKED, _FEWEST_RESERVED, _NEARLY_ALL = 8, 2, 0.9

# Of what shows a statement about a network, so many observations are pointed at.
_MOST_SHOWN = 3

_LONGEST_PORT = 5

_KNOWN = "".join(letter for letter in BEST if letter != UNKNOWN)
_WITHOUT_KNOWN = dict.fromkeys(map(ord, _KNOWN))

_Cidr = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
_TO_RANK = {ord(letter): ord("0") + rank for rank, letter in enumerate((*BEST[:-1], ALIKE, UNKNOWN))}
_FROM_RANK = {value: key for key, value in _TO_RANK.items()}


class _Block(NamedTuple):
    """Some addresses in a row, and the state of each."""

    first: int
    asked: str
    letters: str
    seen: Observation


class Swept:
    """One network as it was swept.

    ``addresses``: those that anything is known of; an index counts through them. ``questions``: ports first, then echo
    and arp. ``letters``: the states of each question, one an address (reports/sweep.py).
    """

    def __init__(self, cidr: _Cidr, seen: Sequence[Observation], plan: Plan, own: Iterable[str]) -> None:
        blocks = [block for block in map(_block, _of(seen, "states")) if block is not None and _is_in(block, cidr)]
        self.cidr = str(cidr)
        self.name = next((str(one.facts["network"]) for one in reversed(seen) if one.facts.get("network")), self.cidr)
        self.addresses = _addresses(cidr.version, blocks)
        self.questions: Tuple[str, ...] = tuple(sorted({block.asked for block in blocks}, key=_place_of_question))
        self.letters: Dict[str, str] = {asked: self._put_together(asked, blocks) for asked in self.questions}
        self.methods: Dict[str, str] = {block.asked: str(block.seen.facts.get("method", "")) for block in blocks}
        declared = [network for network in plan.networks if network.cidr == self.cidr]
        self.declared: Optional[Network] = declared[0] if declared else None
        # A few addresses that somebody typed, or a small network, are rather a part of a vSwitch than one.
        is_whole = bool(declared) or len(self.addresses) >= BLOCK
        self.reserved: FrozenSet[int] = frozenset(self._indexes(reserved(self.cidr)) if is_whole else ())
        self.enis: FrozenSet[int] = frozenset(self._indexes(eni for one in plan.networks for eni in one.enis))
        self.places = _of(seen, "place")
        self.sweeps = _of(seen, "sweep")
        sources = [str(one.facts["source"]) for one in self.places if "source" in one.facts]
        self.source = sources[-1] if sources else ""
        self.own: FrozenSet[int] = frozenset(self._indexes([*sources, *own]))
        gateways = (str(one.facts["gateway"]) for one in self.places if "gateway" in one.facts)
        self.gateways: FrozenSet[int] = frozenset(self._indexes(gateways))
        self.filters: Tuple[Filter, ...] = tuple(filters(_of(seen, "filter")))
        self.twice: Tuple[Twice, ...] = tuple(twice(_of(seen, "twice")))
        self._blocks = blocks

    def index(self, address: str) -> Optional[int]:
        """The place of an address; None where nothing is known of it."""
        return next(self._indexes([address]), None)

    def state(self, index: int, asked: str) -> str:
        """What became of a question to an address; UNKNOWN where it was not asked."""
        letters = self.letters.get(asked)
        return letters[index] if letters else UNKNOWN

    @Once
    def size(self) -> int:
        """How many addresses the CIDR has."""
        return ipaddress.ip_network(self.cidr).num_addresses

    @Once
    def hollow(self) -> Dict[str, FrozenSet[str]]:
        """Of each question the answers that say nothing of a host: somebody gives them for everybody."""
        found = ((asked, self._one_mac() if asked == "arp" else self._of_everybody(asked)) for asked in self.questions)
        return {asked: letters for asked, letters in found if letters}

    @Once
    def signs(self) -> Tuple[str, ...]:
        """The questions of which some answers show that a host is there."""
        return tuple(
            asked
            for asked in self.questions
            if asked not in self.hollow or not self.hollow[asked].issuperset(set(self.letters[asked]) & set(ANSWERED))
        )

    @Once
    def drawn(self) -> Dict[str, str]:
        """The letters of each question, ALIKE in place of the answers that say nothing of a host."""
        return {
            asked: letters.translate({ord(letter): ALIKE for letter in self.hollow.get(asked, ())})
            for asked, letters in self.letters.items()
        }

    @Once
    def best_drawn(self) -> str:
        """The best of these at each address."""
        return _best_of(list(self.drawn.values()))

    @property
    def ports(self) -> Tuple[str, ...]:
        """The questions that are ports."""
        return tuple(asked for asked in self.questions if _is_port(asked))

    @Once
    def best(self) -> str:
        """The best sign of each address, by the questions that show anything; by all where none does."""
        return _best_of([self.letters[asked] for asked in self.signs or self.questions])

    @Once
    def told(self) -> Indexes:
        """The addresses that were asked, and that a host of others can have: not the reserved ones, not our own."""
        known = Indexes.where(self.best, _KNOWN if self.signs else "")
        return known - (self.reserved | self.own)

    @property
    def meant(self) -> int:
        """How many addresses that a host of others can have were to be asked, ``told`` or not."""
        return len(self.addresses) - len(self.reserved | self.own)

    @Once
    def live(self) -> Indexes:
        """Those of ``told`` at which a host showed itself: it answered, or sent an ICMP error."""
        speaking = frozenset(self._indexes(one.sender for one in self.filters))
        return reduce(or_, self._answering.values(), self.told & speaking)

    @Once
    def behind(self) -> Indexes:
        """Those of ``live`` that are no router into it: one has the first or the last address, and opens no port."""
        cidr = ipaddress.ip_network(self.cidr)
        if cidr.num_addresses <= 2:
            return self.live
        ends = self._indexes([str(cidr[1]), str(cidr[-2])])
        return self.live.difference(index for index in ends if self.best[index] != OPEN)

    @Once
    def busiest_mac(self) -> Tuple[str, int]:
        """The MAC that answers ARP for most addresses, and for how many; "" where none is known."""
        counts: Dict[str, int] = defaultdict(int)
        for block in self._blocks:
            by_mac = block.seen.facts.get("by_mac", 0)
            if block.asked == "arp" and isinstance(by_mac, int):
                counts[str(block.seen.facts.get("mac", ""))] += by_mac
        mac = max(sorted(counts), key=counts.__getitem__, default="")
        return mac, counts.get(mac, 0)

    def answering(self, asked: str) -> Indexes:
        """Those of ``told`` that answered this question, and not only as somebody does for all."""
        return self._answering.get(asked, self._none)

    def live_by_other(self, asked: str) -> Indexes:
        """Those of ``told`` that answered another question than this one."""
        return reduce(or_, (some for sign, some in self._answering.items() if sign != asked), self._none)

    @Once
    def left_open(self) -> Dict[str, int]:
        """Of each question, how many addresses that a host of others can have were to be asked it, and are unknown."""
        found = {}
        for asked, letters in self.letters.items():
            meant = _addresses(self.addresses.version, (block for block in self._blocks if block.asked == asked))
            starts = [(self.addresses.index(first) or 0, count) for first, count in meant.ranges]
            unknown = sum(letters.count(UNKNOWN, start, start + count) for start, count in starts)
            left_out = (index for index in self.reserved | self.own if letters[index] == UNKNOWN)
            unknown -= sum(meant.index(self.addresses[index]) is not None for index in left_out)
            if unknown:
                found[asked] = unknown
        return found

    @property
    def is_settled(self) -> bool:
        """Whether it came to its end, and whoever was asked is known, and not only that somebody answers for all."""
        return bool(self.signs) and not (self.left_open or self.is_partial or self.pushed_back)

    @property
    def is_partial(self) -> bool:
        """Whether the last sweep of it did not come to its end."""
        return any(one.facts.get("partial") for one in self.last_sweeps)

    @property
    def pushed_back(self) -> str:
        """What made the last sweep stop; "" where nothing did."""
        return next((str(said) for one in self.last_sweeps for said in [one.facts.get("pushed_back")] if said), "")

    @property
    def lacked(self) -> str:
        """Why nothing is known of some, where this machine or somebody on the way is to blame; "" where none is."""
        return "; ".join(dict.fromkeys(str(one.facts["lacked"]) for one in self.last_sweeps if "lacked" in one.facts))

    @Once
    def last_sweeps(self) -> Tuple[Observation, ...]:
        """The last sweep by each engine."""
        return tuple({one.facts.get("method"): one for one in self.sweeps}.values())

    def shown(self, *indexes: int, asked: Optional[str] = None) -> Tuple[Observation, ...]:
        """Some observations that hold the states of these addresses; of any where none is named."""
        numbers = [self.addresses[index] for index in indexes]
        found = (
            block.seen
            for block in reversed(self._blocks)
            if asked in (None, block.asked)
            and (not numbers or any(0 <= number - block.first < len(block.letters) for number in numbers))
        )
        return tuple(one for one, _ in zip(found, range(_MOST_SHOWN)))

    def texts(self, indexes: Iterable[int]) -> List[str]:
        """The addresses as people write them, in ascending order."""
        return [self.addresses.text(index) for index in sorted(indexes)]

    @Once
    def _answering(self) -> Dict[str, Indexes]:
        """Which of ``told`` answered each question that shows anything."""
        found = {}
        for asked in self.signs:
            telling = set(ANSWERED).difference(self.hollow.get(asked, ()))
            found[asked] = self.told & Indexes.where(self.letters[asked], telling)
        return found

    @Once
    def _none(self) -> Indexes:
        return Indexes(bytes(len(self.addresses)))

    def _indexes(self, addresses: Iterable[str]) -> Iterator[int]:
        for text in addresses:
            try:
                address = ipaddress.ip_address(text)
            except ValueError:
                continue
            index = self.addresses.index(int(address)) if address.version == self.addresses.version else None
            if index is not None:
                yield index

    def _put_together(self, asked: str, blocks: Sequence[_Block]) -> str:
        letters = bytearray(UNKNOWN.encode() * len(self.addresses))
        for block in blocks:
            if block.asked != asked:
                continue
            start = self.addresses.index(block.first) or 0
            if not block.letters.translate(_WITHOUT_KNOWN):
                letters[start : start + len(block.letters)] = block.letters.encode()
                continue
            for index, letter in enumerate(block.letters, start):
                if letter in _KNOWN:
                    letters[index] = ord(letter)
        return letters.decode()

    def _of_everybody(self, asked: str) -> FrozenSet[str]:
        """What the addresses answer that no host can have, where all of them do, and nearly all others."""
        letters = self.letters[asked]
        asked_of = Indexes.where(letters, _KNOWN) - self.own
        impossible = asked_of.intersection(self.reserved)
        answered = Indexes.where(letters, ANSWERED) - self.own
        nearly_all = len(asked_of) >= _FEWEST_ASKED and len(answered) >= _NEARLY_ALL * len(asked_of)
        if not nearly_all or len(impossible) < _FEWEST_RESERVED or not impossible <= answered:
            return frozenset()
        return frozenset(letters[index] for index in impossible)

    def _one_mac(self) -> FrozenSet[str]:
        """That ARP shows nothing, where one MAC answers for most addresses, or none is known."""
        mac, many = self.busiest_mac
        alive = sum(block.letters.count(ALIVE) for block in self._blocks if block.asked == "arp")
        for_all = mac in ("", FABRIC) or (alive > 1 and 2 * many > alive)
        return frozenset(ANSWERED) if alive and for_all else frozenset()


def swept(plan: Plan, vantage: Vantage, observations: Iterable[Observation]) -> Tuple[Swept, ...]:
    """The networks that were swept: the plan's in its order, then others by their addresses."""
    ordered = sorted((one for one in observations if one.probe == PROBE), key=lambda one: (one.started, one.id))
    # Who sent an error, and for whom two answer, is said with the network's name alone.
    by_name = {one.facts.get("network"): cidr for one in ordered for cidr in (cidr_of(one),) if cidr is not None}
    seen: Dict[_Cidr, List[Observation]] = defaultdict(list)
    for one in ordered:
        cidr = cidr_of(one) or by_name.get(one.facts.get("network"))
        if cidr is not None:
            seen[cidr].append(one)
    own = [address.partition("/")[0] for address in vantage.addresses]
    found = [network for cidr, some in seen.items() for network in (Swept(cidr, some, plan, own),) if network.questions]
    places = {network.cidr: place for place, network in enumerate(plan.networks)}
    found.sort(key=lambda one: (places.get(one.cidr, len(places)), one.addresses.version, one.addresses[0], one.cidr))
    return tuple(found)


def cidr_of(seen: Observation) -> Optional[_Cidr]:
    """The network that an observation names by its CIDR; none in a report whose addresses were taken out."""
    text = (
        seen.facts.get("cidr") if seen.step == "states" else seen.address if seen.step in ("place", "sweep") else None
    )
    try:
        return ipaddress.ip_network(str(text))
    except ValueError:
        return None


def _of(seen: Iterable[Observation], step: str) -> List[Observation]:
    return [one for one in seen if one.step == step]


def _block(seen: Observation) -> Optional[_Block]:
    """The states that an observation holds; None where its name is no block of as many addresses."""
    letters = str(seen.facts.get("states", ""))
    first, _, last = str(seen.address).partition("-")
    try:
        if last:
            start, end = int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last))
        else:
            network = ipaddress.ip_network(first)
            start, end = int(network[0]), int(network[-1])
    except ValueError:
        return None
    fits = letters and end - start + 1 == len(letters)
    return _Block(start, str(seen.facts.get("asked", "")), letters, seen) if fits else None


def _is_in(block: _Block, cidr: _Cidr) -> bool:
    return int(cidr[0]) <= block.first and block.first + len(block.letters) - 1 <= int(cidr[-1])


def _addresses(version: int, blocks: Iterable[_Block]) -> Addresses:
    ranges: List[Tuple[int, int]] = []
    for first, count in sorted({(block.first, len(block.letters)) for block in blocks}):
        if ranges and first <= sum(ranges[-1]):
            start, many = ranges[-1]
            ranges[-1] = (start, max(many, first + count - start))
        else:
            ranges.append((first, count))
    return Addresses(version, tuple(ranges))


def _best_of(letters: Sequence[str]) -> str:
    """The best of the letters of several questions, at each address."""
    if len(letters) < 2:
        return "".join(letters)
    ranks = [some.translate(_TO_RANK).encode() for some in letters]
    return bytes(map(min, *ranks)).decode().translate(_FROM_RANK)


def _place_of_question(asked: str) -> Tuple[int, int, str]:
    if _is_port(asked):
        return 0, int(asked), asked
    return {"echo": 1, "arp": 2}.get(asked, 3), 0, asked


def _is_port(asked: str) -> bool:
    return asked.isdecimal() and len(asked) <= _LONGEST_PORT
