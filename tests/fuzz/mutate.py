"""Bytes that are nearly right: real ones with one to a few changes, all of them drawn from one seeded source."""

import re
from collections.abc import Callable, Sequence
from random import Random

LONGEST = 1 << 16

_MOST_CHANGES = 6
# Where counters, lengths and signs turn.
_NUMBERS = (0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 511, 512, 1023, 1024, 4095, 4096, 4097)
_NUMBERS += (32767, 32768, 65535, 65536, 0xFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_DECIMALS = (b"0", b"1", b"00", b"-1", b"65536", b"4294967296", b"9" * 21, b"9" * 5000, b"1e999", b"0x10", b"\xc2\xb2")
# What means something to many readers of text.
_WORDS = (
    *(
        b"\0",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\t",
        b" ",
        b'"',
        b"'",
        b"\\",
        b"%",
        b"%00",
        b"#",
        b"<",
        b">",
        b"&#x110000;",
    ),
    *(b"\x1b[2J", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xf4\x8f\xbf\xbf", b"\xc2\x85"),
    *("\u2028", "\u202e", "\u0660", "\ufe0f", "\u00b2"),
)
_WORDS = tuple(word.encode() if isinstance(word, str) else word for word in _WORDS)
_JSON = (b"null", b"true", b"0", b"-1", b"1e999", b"NaN", b"[]", b"{}", b'""', b'"\\ud800"', b"[[]]", b'{"a":{}}')
_JSON += (b"9" * 400, b"[" * 5000, b'"' + b"x" * 5000 + b'"', b"0.1", b'"\\u0000"')

_DIGITS = re.compile(rb"\d+")
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|\[[^\[\]{}]*\]|\{[^\[\]{}]*\}')


class Mutator:
    """Changes bytes. ``words``: what means something to the reader in particular."""

    def __init__(self, random: Random, words: Sequence[bytes] = ()) -> None:
        self._random = random
        self._words = (*_WORDS, *words)
        self._own = tuple(words)

    def of(self, data: bytes, others: Sequence[bytes], longest: int = LONGEST) -> bytes:
        """The data with a few changes; ``others`` is what it may be spliced with."""
        changed = bytearray(data)
        for _ in range(self._random.choice((1, 1, 1, 2, 2, 3, _MOST_CHANGES))):
            self._random.choice(_CHANGES)(self, changed, self._random.choice(others))
            del changed[longest:]
        return bytes(changed)

    # --- the changes: each takes the data, which it changes, and another piece ------------------------------------

    def _flip(self, data: bytearray, _: bytes) -> None:
        if data:
            data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)

    def _byte(self, data: bytearray, _: bytes) -> None:
        if data:
            data[self._random.randrange(len(data))] = self._random.randrange(256)

    def _cut(self, data: bytearray, _: bytes) -> None:
        del data[self._place(data) :]

    def _drop(self, data: bytearray, _: bytes) -> None:
        start, end = self._slice(data)
        del data[start:end]

    def _repeat(self, data: bytearray, _: bytes) -> None:
        start, end = self._slice(data)
        times = self._random.choice((1, 1, 2, 3, 10, 100, 1000, 10_000))
        data[end:end] = bytes(data[start:end]) * max(1, min(times, LONGEST // max(1, end - start)))

    def _swap(self, data: bytearray, _: bytes) -> None:
        start, end = self._slice(data)
        piece = bytes(data[start:end])
        del data[start:end]
        place = self._place(data)
        data[place:place] = piece

    def _insert(self, data: bytearray, _: bytes) -> None:
        place = self._place(data)
        data[place:place] = self._random.randbytes(self._random.choice((1, 1, 2, 4, 16)))

    def _word(self, data: bytearray, _: bytes) -> None:
        place = self._place(data)
        word = self._random.choice(self._own if self._own and self._random.random() < 0.5 else self._words)
        end = place + len(word) if self._random.random() < 0.5 else place
        data[place:end] = word

    def _splice(self, data: bytearray, other: bytes) -> None:
        data[self._place(data) :] = other[self._place(other) :]

    def _graft(self, data: bytearray, other: bytes) -> None:
        start, end = self._slice(other)
        place = self._place(data)
        data[place:place] = other[start:end]

    def _length(self, data: bytearray, _: bytes) -> None:
        """A field that may count something: another number, or how much really follows, or nearly."""
        width = self._random.choice((1, 2, 2, 3, 4, 4, 8))
        if len(data) < width:
            return
        place = self._random.randrange(len(data) - width + 1)
        order = self._random.choice(("big", "little"))
        now = int.from_bytes(data[place : place + width], order)
        number = self._random.choice((*_NUMBERS, now + 1, now - 1, now * 2, len(data) - place - width, len(data)))
        data[place : place + width] = (number % (1 << 8 * width)).to_bytes(width, order)

    def _digits(self, data: bytearray, _: bytes) -> None:
        self._instead(data, _DIGITS, (*_DECIMALS, b"%d" % self._random.choice(_NUMBERS)))

    def _value(self, data: bytearray, _: bytes) -> None:
        self._instead(data, _TOKEN, _JSON)

    def _instead(self, data: bytearray, pattern: re.Pattern[bytes], replacements: Sequence[bytes]) -> None:
        """Another text in place of something that matches, somewhere behind a random place, or from the start."""
        found = pattern.search(data, self._place(data)) or pattern.search(data)
        if found is not None:
            start, end = found.span()  # which ends the hold on the data
            found = None
            data[start:end] = self._random.choice(replacements)

    def _place(self, data: bytes | bytearray) -> int:
        return self._random.randrange(len(data) + 1)

    def _slice(self, data: bytes | bytearray) -> tuple[int, int]:
        """Mostly short ones."""
        start = self._place(data)
        most = self._random.choice((1, 2, 4, 8, 16, 64, 256, 4096))
        return start, min(len(data), start + self._random.randint(1, most))


_CHANGES: tuple[Callable[[Mutator, bytearray, bytes], None], ...] = (
    *(Mutator._flip, Mutator._byte, Mutator._cut, Mutator._drop, Mutator._repeat, Mutator._swap, Mutator._insert),
    *(Mutator._word, Mutator._word, Mutator._splice, Mutator._graft, Mutator._length, Mutator._length),
    *(Mutator._digits, Mutator._value),
)
