"""Which lines of the readers a run passes: bytes that lead to new ones are worth keeping."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Self

import dns
import h11

_HERE = Path(__file__).resolve().parents[2]
_OURS = tuple(_HERE / house for house in ("agent", "probes", "reports"))
_OTHERS = tuple(Path(module.__file__).parent for module in (dns, h11))
_WATCHED = tuple(f"{folder}/" for folder in (*_OURS, *_OTHERS))

Line = tuple[str, int]


@contextmanager
def unwatched() -> Iterator[None]:
    """What is passed here does not count: it follows from what was read, and is none of the reader's own."""
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(trace)


class Passes:
    """Within it the lines that are passed are gathered. ``seen``: (file, line)."""

    def __init__(self) -> None:
        self.seen: set[Line] = set()
        self._watched: dict[str, bool] = {}

    def __enter__(self) -> Self:
        self.seen.clear()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        name = frame.f_code.co_filename
        watched = self._watched.get(name)
        if watched is None:
            watched = self._watched[name] = name.startswith(_WATCHED)
        if not watched:
            return None
        self.seen.add((name, frame.f_lineno))
        return self._line

    def _line(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            self.seen.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line
