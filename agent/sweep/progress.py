"""How far a sweep is, on a line of stderr, where that is a terminal."""

import sys
import time

from reports import words
from reports.sweep import Batch

# Seconds between two looks.
_EVERY = 0.2
_CLEAR = "\r\x1b[K"


class Progress:
    """Shows how many of ``total`` questions are settled. It writes over its own line, and takes it away in the end."""

    def __init__(self, total: int, *, wanted: bool) -> None:
        self._total = total
        self._wanted = wanted and sys.stderr.isatty()
        self._due = 0.0
        self._settled = self._answered = 0

    def take(self, batch: Batch) -> None:
        """These are settled."""
        if not self._wanted:
            return
        self._answered += len(batch.answers)
        self._settled += len(batch.answers) + len(batch.silent) + len(batch.unknown)
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _EVERY
            settled = f"{self._settled:,} of {words.count(self._total, 'question')}"
            sys.stderr.write(f"{_CLEAR}sweeping: {settled}, {words.count(self._answered, 'answer')}")
            sys.stderr.flush()

    def end(self) -> None:
        """Nothing of it stays."""
        if self._wanted:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
