"""A file, or standard input, as numbered lines of text, whatever its compression and encoding."""

import gzip
import sys
import tempfile
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader, RawIOBase, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, cast

from attrs import frozen

from reports.words import visible

_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
PARQUET = b"PAR1"

# A longer line is torn: no report fits a STRING of a table that is longer than 8 MB.
_LONGEST_LINE = 1 << 28
# Characters that may be given back: so many in any case, and so many times all that was read. A line costs as much as
# so many of them.
_GIVEN_BACK, _TIMES_OVER, _LINE = 1 << 22, 8, 64


@frozen
class Torn:
    """Something that should have been a row, and why it is none."""

    reason: str


@frozen
class Item:
    """What stands at a place: a row by its columns, a cell that may hold a whole report, or neither."""

    place: str
    what: dict[str, object] | str | Torn


class Lines:
    """Numbered lines, their endings kept, that can be given back.

    A line is UTF-8, or else GB18030, in which Chinese spreadsheets export; what is neither stands as escapes.
    Where reading fails in the middle, the lines end there, and ``error`` says why.
    """

    def __init__(self, name: str, source: Iterator[bytes | str]) -> None:
        self.number = 0  # of the line that was given last, from 1
        self.error: Exception | None = None
        self._name = name
        self._source = source
        self._back: deque[str] = deque()
        self._taken = self._given_back = 0

    @property
    def is_looked_over(self) -> bool:
        """Whether what was read has been given back so often that looking for more in it would never end."""
        return self._given_back > max(_GIVEN_BACK, _TIMES_OVER * self._taken)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._read()
        self.number += 1
        return line

    def place(self, number: int | None = None) -> str:
        """``FILE:LINE``, of the line given last where no number is named."""
        return f"{self._name}:{number or self.number}"

    def peek(self) -> str | None:
        """The next line, which stays the next one."""
        line = next(self, None)
        if line is not None:
            self.give_back([line])
        return line

    def give_back(self, lines: Sequence[str]) -> None:
        """The lines given last are the next ones again, in their order."""
        self._back.extendleft(reversed(lines))
        self.number -= len(lines)
        self._given_back += sum(map(len, lines)) + _LINE * len(lines)

    def _read(self) -> str:
        try:
            line = next(self._source)
        except (EOFError, zlib.error, OSError) as error:
            self.error = error
            raise StopIteration from None
        text = line if isinstance(line, str) else _decoded(line)
        self._taken += len(text) + _LINE
        return text if self.number else text.removeprefix("\ufeff")


@contextmanager
def opened(name: str) -> Iterator[BufferedReader]:
    """The file, or ``-`` for standard input, unpacked. Raises OSError where it cannot be opened."""
    with Path(name).open("rb") if name != "-" else _standard_input() as raw:
        stream = raw
        while stream.peek(2)[:2] == _GZIP:
            stream = BufferedReader(cast("RawIOBase", gzip.GzipFile(fileobj=stream)))
        yield stream


def lines_of(stream: BufferedReader, name: str) -> Lines:
    """The stream's lines; ``name`` is what a place is called by."""
    if stream.peek(2)[:2] in _UTF16:
        return Lines(visible(name), _utf16(stream))
    return Lines(visible(name), iter(lambda: stream.readline(_LONGEST_LINE), b""))


@contextmanager
def seekable(stream: BufferedReader) -> Iterator[BinaryIO]:
    """The same bytes where one can go back and forth: a temporary file where the stream cannot."""
    if isinstance(stream.raw, gzip.GzipFile) or not stream.seekable():
        with tempfile.TemporaryFile() as file:
            while chunk := stream.read(1 << 20):
                file.write(chunk)
            file.seek(0)
            yield cast("BinaryIO", file)
    else:
        yield stream


@contextmanager
def _standard_input() -> Iterator[BufferedReader]:
    yield cast("BufferedReader", sys.stdin.buffer)


def _utf16(stream: BufferedReader) -> Iterator[str]:
    text = TextIOWrapper(stream, "utf-16", errors="backslashreplace", newline="\n")
    try:
        yield from text
    finally:
        text.detach()


def _decoded(line: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("utf-8", "backslashreplace")
