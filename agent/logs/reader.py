"""A log as blocks of whole lines: plain or gzipped (told by its first bytes), a file or a pipe, in bounded memory."""

import gzip
import sys
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Self, cast

_BLOCK = 1 << 20
_GZIP = b"\x1f\x8b"


class LogError(Exception):
    """A log that cannot be read: the file and the reason."""


class Opened:
    """An open log. Iterate it for its blocks, each of at most some megabytes, which end where a line ends.

    A line that is longer than a block is cut at a blank. ``size`` counts bytes of text as they are read; ``broken``
    says where a gzipped log ended in the middle: what came before is good.
    """

    def __init__(self, name: str) -> None:
        self.shown = "standard input" if name == "-" else name
        self.size = 0
        self.broken = ""
        try:
            opened = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115 - closed by __exit__
            self._raw = cast("BufferedReader", opened)
            # A pipe has no way back: its reader lets us look ahead.
            packed = self._raw.peek(2)[:2] == _GZIP
            self._file = gzip.GzipFile(fileobj=self._raw) if packed else self._raw
        except OSError as error:
            raise LogError(f"{self.shown}: cannot be read: {error.strerror or error}") from None
        except ValueError:
            raise LogError("a name with a NUL is no file name") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._raw is not sys.stdin.buffer:
            self._raw.close()

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        for chunk in self._chunks():
            self.size += len(chunk)
            end = chunk.rfind(b"\n") + 1
            if not end and len(rest) + len(chunk) >= _BLOCK:
                end = chunk.rfind(b" ") + 1 or len(chunk)
            if end:
                yield rest + chunk[:end]
                rest = chunk[end:]
            else:
                rest += chunk
        if rest:
            yield rest

    def _chunks(self) -> Iterator[bytes]:
        parts: list[bytes] = []
        length = 0
        while True:
            try:
                # Not read(), which would lose what it has where a gzipped file breaks off.
                part = self._file.read1(_BLOCK - length)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                if not self.size and not parts:
                    raise LogError(f"{self.shown}: is no gzip file that can be read: {error}") from None
                self.broken, part = str(error), b""
            except OSError as error:
                raise LogError(f"{self.shown}: cannot be read: {error.strerror or error}") from None
            parts.append(part)
            length += len(part)
            if length >= _BLOCK or not part:
                yield b"".join(parts)
                parts, length = [], 0
            if not part:
                return
