"""Ctrl-C and SIGTERM, in an order that leaves nothing half done."""

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_STOPPING = "Stopping, as soon as MaxCompute has answered; once more does not wait for that.\n"
_CLEANING = "Still cleaning up; once more gives up, and says what is left.\n"


class Interrupted(KeyboardInterrupt):
    """The user wants to stop."""


class Interrupts:
    """The first signal ends the next wait and fails the next check, a second one whatever is being done.

    So an answer that is on its way is still taken, and what was created is known. In a thread other than the main one,
    where signals cannot be handled, nothing changes.
    """

    def __init__(self) -> None:
        self._signals = 0
        self._waiting = False
        self._last_words = False
        self._cleaning = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interrupts":  # noqa: PYI034 - final
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                # What was started with a signal ignored (nohup) goes on ignoring it; None is a handler of C.
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise Interrupted if there was a signal."""
        if self._signals:
            raise Interrupted

    def wait(self, seconds: float) -> None:
        """Sleep, or raise Interrupted; while cleaning up, sleep."""
        self._waiting = not self._cleaning
        try:
            if self._waiting:
                self.check()
            time.sleep(seconds)
        finally:
            self._waiting = False

    def cleaning(self) -> None:
        """From here on, one signal more is only noted; the next but one gives up."""
        self._cleaning = True
        self._signals = 0

    def last_words(self) -> None:
        """From here on, no signal does anything."""
        self._last_words = True

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self._last_words:
            return
        self._signals += 1
        if self._waiting or self._signals > 1:
            self._waiting = False
            raise Interrupted
        _write(_CLEANING if self._cleaning else _STOPPING)


def _write(text: str) -> None:
    # Not by sys.stderr: what the signal came upon may be in the middle of a write of its own.
    with suppress(OSError, ValueError):
        os.write(sys.stderr.fileno(), text.encode())
