"""What a sweep asks of which addresses, and the state of each: a letter a cell.

    addresses = Addresses.of("10.10.1.0/24")
    order = Order(addresses=addresses, questions=(tcp(9083), ECHO))
    table = Table(order)          # a cell for each address and question; cell = index * len(questions) + question

This module travels in the carry-in kit: CPython 3.7.
"""

import ipaddress
from bisect import bisect_right
from itertools import accumulate
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from attrs import field, frozen

# What became of one question to one address. Each is a letter in observations, on pages and in records.
OPEN = "o"  # the handshake came about
REFUSED = "r"  # the address itself reset it
FILTERED = "f"  # an ICMP error came: its sender stands beside
ALIVE = "a"  # it answered an echo, or ARP/ND
SILENT = "."  # nothing came, though it was asked again
UNKNOWN = "?"  # not asked, or this machine fell short: nothing is said of the address
WORDS = {
    OPEN: "open",
    REFUSED: "refused",
    FILTERED: "filtered",
    ALIVE: "alive",
    SILENT: "silent",
    UNKNOWN: "unknown",
}
_CODES = {letter: ord(letter) for letter in WORDS}
ANSWERED = (OPEN, REFUSED, ALIVE)

# Observations hold the states of at most so many addresses, aligned: a /24.
BLOCK = 256

# Of each vSwitch the platform keeps the first address and the last three (VPC, "vSwitch": reserved addresses).
RESERVED_FIRST, RESERVED_LAST = 1, 3


class Answer(NamedTuple):
    """What came for one cell. ``rtt`` in seconds and ``ttl`` are 0 where they are not known.

    ``by``: who sent the ICMP error, or the MAC that answered ARP; ``icmp``: "type/code", or nothing.
    """

    cell: int
    state: str
    rtt: float = 0.0
    ttl: int = 0
    by: str = ""
    icmp: str = ""


# What an Answer holds. Engines give thousands of them, and leave it at that.
Row = Tuple[int, str, float, int, str, str]


class Batch(NamedTuple):
    """What an engine has learned since the last one: ``answers``, and the cells that were given up as ``silent``."""

    answers: Sequence[Row]
    silent: Sequence[int] = ()
    unknown: Sequence[int] = ()


@frozen
class Question:
    """What is asked of each address: a TCP ``port``, an echo, or ARP/ND. ``service`` says how a handshake must end."""

    kind: str  # tcp echo arp
    port: int = 0
    service: str = "tcp"

    @property
    def name(self) -> str:
        """How it is called in observations and records: the port's number, or the kind."""
        return str(self.port) if self.kind == "tcp" else self.kind


ECHO = Question("echo")
ARP = Question("arp")


def tcp(port: int, service: str = "tcp") -> Question:
    """A TCP port."""
    return Question("tcp", port, service)


@frozen
class Addresses:
    """Addresses of one IP version in ascending ranges, as a sequence of integers that holds none of them."""

    version: int
    ranges: Tuple[Tuple[int, int], ...]  # the first, how many
    _ends: Tuple[int, ...] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_ends", tuple(accumulate(count for _, count in self.ranges)))

    @classmethod
    def of(cls, *cidrs: str) -> "Addresses":
        """Those of CIDRs (or single addresses) of one version, each once. Raises ValueError."""
        networks = [ipaddress.ip_network(cidr) for cidr in cidrs]
        (version,) = {network.version for network in networks}
        ranges = ((int(network[0]), network.num_addresses) for network in ipaddress.collapse_addresses(networks))  # type: ignore[type-var]
        return cls(version, tuple(ranges))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int) -> int:
        place = bisect_right(self._ends, index)
        first, count = self.ranges[place]
        return first + index - (self._ends[place] - count)

    def __iter__(self) -> Iterator[int]:
        for first, count in self.ranges:
            yield from range(first, first + count)

    def index(self, address: int) -> Optional[int]:
        """The place of an address; None where it is not among them."""
        place = bisect_right(self.ranges, (address, 1 << 128)) - 1
        first, count = self.ranges[place] if place >= 0 else (address, 0)
        return self._ends[place] - count + address - first if address - first < count else None

    def below(self, address: int) -> int:
        """How many of them are below an address."""
        place = bisect_right(self.ranges, (address, -1)) - 1
        if place < 0:
            return 0
        first, count = self.ranges[place]
        return self._ends[place] - count + min(count, address - first)

    def text(self, index: int) -> str:
        """An address as people write it."""
        return text_of(self[index], self.version)


def text_of(address: int, version: int) -> str:
    """An address as people write it."""
    return str(ipaddress.IPv4Address(address) if version == 4 else ipaddress.IPv6Address(address))


@frozen(kw_only=True)
class Order:
    """What is swept. Each address is asked each question, and asked again up to ``tries`` times in all.

    ``timeout``: seconds in which an answer comes. ``rate``: how many packets leave in any second at most; those that
    end what was opened are among them. 0: no limit.
    """

    addresses: Addresses
    questions: Tuple[Question, ...]
    timeout: float = 1.0
    tries: int = 2
    rate: int = 1000

    def __len__(self) -> int:
        """How many cells there are."""
        return len(self.addresses) * len(self.questions)

    def place(self, cell: int) -> Tuple[int, Question]:
        """The index of a cell's address, and its question."""
        index, question = divmod(cell, len(self.questions))
        return index, self.questions[question]


class Table:
    """The state of every cell: a byte each, UNKNOWN at first. The last word on a cell counts."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._states = bytearray(UNKNOWN.encode() * len(order))

    def take(self, batch: Batch) -> None:
        """Write down what an engine has learned."""
        states, codes = self._states, _CODES
        for cell, state, _, _, _, _ in batch.answers:
            states[cell] = codes[state]
        for letter, cells in ((SILENT, batch.silent), (UNKNOWN, batch.unknown)):
            code = codes[letter]
            for cell in cells:
                states[cell] = code

    def __getitem__(self, cell: int) -> str:
        return chr(self._states[cell])

    def states(self, question: int, first: int = 0, count: Optional[int] = None) -> str:
        """The letters of one question, by address: from the ``first`` one on, ``count`` of them or all."""
        step = len(self.order.questions)
        end = len(self._states) if count is None else (first + count) * step
        return self._states[first * step + question : end : step].decode()

    def count(self, question: int) -> Dict[str, int]:
        """How many addresses are in which state, for one question; states that there are none of are left out."""
        letters = self._states[question :: len(self.order.questions)]
        counts = ((state, letters.count(ord(state))) for state in WORDS)
        return {state: number for state, number in counts if number}


def blocks(addresses: Addresses) -> Iterator[Tuple[str, int, int]]:
    """Of which addresses an observation holds the states: "10.10.1.0/24" or its part, the first's index, how many."""
    index = 0
    for start, count in addresses.ranges:
        first, end = start, start + count
        while first < end:
            many = min(end, (first // BLOCK + 1) * BLOCK) - first
            yield _name_of(first, many, addresses.version), index, many
            first, index = first + many, index + many


def _name_of(first: int, many: int, version: int) -> str:
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    parts = list(ipaddress.summarize_address_range(kind(first), kind(first + many - 1)))
    return str(parts[0]) if len(parts) == 1 else "%s-%s" % (kind(first), kind(first + many - 1))


def reserved(cidr: str) -> List[str]:
    """The addresses of a vSwitch that no ENI can have: the first one and the last three."""
    network = ipaddress.ip_network(cidr)
    if network.version != 4 or network.num_addresses < 8:
        return []
    first, size = int(network.network_address), network.num_addresses
    numbers: Iterable[int] = [*range(first, first + RESERVED_FIRST), *range(first + size - RESERVED_LAST, first + size)]
    return [text_of(number, 4) for number in numbers]
