"""Sets of addresses by their index, a byte for each address: of a quarter of a million a set of numbers takes 16 MB.

This module travels in the carry-in kit: CPython 3.7.
"""

from itertools import compress
from typing import AbstractSet, Any, FrozenSet, Iterable, Iterator

_YES = b"\1"


class Indexes(AbstractSet[int]):
    """Numbers in ascending order; nothing changes them. ``mask``: a byte for each that there may be, 1 where it is one.

    What they are joined with must be among those that there may be.
    """

    __slots__ = ("mask",)

    def __init__(self, mask: bytes) -> None:
        self.mask = mask

    @classmethod
    def where(cls, letters: str, among: Iterable[str]) -> "Indexes":
        """The places of these letters in a text of ASCII."""
        table = bytearray(256)
        for letter in among:
            table[ord(letter)] = 1
        return cls(letters.encode().translate(bytes(table)))

    def __contains__(self, index: object) -> bool:
        return isinstance(index, int) and 0 <= index < len(self.mask) and bool(self.mask[index])

    def __iter__(self) -> Iterator[int]:
        return compress(range(len(self.mask)), self.mask)

    def __len__(self) -> int:
        return self.mask.count(_YES)

    def __and__(self, other: AbstractSet[Any]) -> "Indexes":
        return self._made(self._number_of(self) & self._number_of(other))

    def __or__(self, other: AbstractSet[Any]) -> "Indexes":
        return self._made(self._number_of(self) | self._number_of(other))

    def __sub__(self, other: AbstractSet[Any]) -> "Indexes":
        return self._made(self._number_of(self) & ~self._number_of(other))

    __rand__, __ror__ = __and__, __or__

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> AbstractSet[Any]:
        return frozenset(it)

    def _number_of(self, others: Iterable[int]) -> int:
        if isinstance(others, Indexes):
            return int.from_bytes(others.mask, "little")
        mask = bytearray(len(self.mask))
        for index in others:
            mask[index] = 1
        return int.from_bytes(mask, "little")

    def _made(self, number: int) -> "Indexes":
        return Indexes(number.to_bytes(len(self.mask), "little"))

    def intersection(self, other: Iterable[int]) -> FrozenSet[int]:
        """Those of some others that are among these."""
        return frozenset(index for index in other if index in self)

    def difference(self, other: Iterable[int]) -> "Indexes":
        """These without some."""
        return self - frozenset(other)

    def count(self, start: int, end: int) -> int:
        """How many there are from the first number to the last, which is not among them."""
        return self.mask.count(_YES, start, end)

    def before(self, end: int) -> int:
        """The last one below a number; -1 where there is none."""
        return self.mask.rfind(_YES, 0, end)

    def behind(self, start: int) -> int:
        """The first one from a number on; -1 where there is none."""
        return self.mask.find(_YES, start)

    def between(self, start: int, end: int) -> Iterator[int]:
        """They themselves, as many as ``count`` says."""
        return compress(range(start, end), self.mask[start:end])

    def of(self, others: "Indexes") -> bytes:
        """For each of others, in their order, a byte: 1 where it is one of these."""
        return bytes(compress(self.mask, others.mask))
