"""Ctrl-C and SIGTERM while a sweep runs: noted, so that what was found so far is still told."""

import signal
from types import FrameType, TracebackType
from typing import Any

# The exit code of a program that a signal ends, as shells have it.
_BEYOND = 128


class Stop:
    """Whether it is time to end. A second signal ends whatever is being done."""

    def __init__(self) -> None:
        self.code = 0
        self._before: dict[signal.Signals, Any] = {}

    def __bool__(self) -> bool:
        return bool(self.code)

    def __enter__(self) -> "Stop":  # noqa: PYI034 - final
        for number in (signal.SIGINT, signal.SIGTERM):
            # What was started with a signal ignored (nohup) goes on ignoring it; None is a handler of C.
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.code:
            raise KeyboardInterrupt
        self.code = _BEYOND + number
