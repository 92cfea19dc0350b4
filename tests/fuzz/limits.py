"""What one run may take: seconds of this process's own time, and memory. More is a finding.

Time is CPU time: a machine that is busy with others finds nothing. A second clock ends a run that waits for ever.
"""

import faulthandler
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# A run hangs that has used hardly any of its own time in so many seconds on the wall.
_WALL, _HARDLY = 30.0, 0.02
# After so many seconds all ends. That is put off now and then, as it takes a thread.
_STUCK, _PUT_OFF = 900.0, 60.0


class Hang(BaseException):
    """The run goes on and on. No Exception, so that nothing swallows it."""


class Bloat(Exception):
    """The run takes more memory than it may."""


@contextmanager
def limited(seconds: float, megabytes: int) -> Iterator[None]:
    """Ends what runs in it with Hang, and raises Bloat after it where its memory grew beyond that meanwhile."""
    _prepare()
    os.pwrite(_files["clear_refs"], b"5", 0)  # the peak is measured anew (proc(5))
    before = resident()
    _used[:] = [time.process_time()]
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, _WALL, _WALL)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    grown = (_kilobytes(b"VmHWM:") - before) >> 10
    if grown > megabytes:
        raise Bloat(f"{grown} MB, and {megabytes} are allowed")


def resident() -> int:
    """How many kilobytes this process has now."""
    _prepare()
    return _kilobytes(b"VmRSS:")


def done() -> None:
    """Signals mean again what they meant, and nothing ends this process any more."""
    faulthandler.cancel_dump_traceback_later()
    _armed.clear()
    for number, handler in _handlers.items():
        signal.signal(number, handler)
    _handlers.clear()
    for descriptor in _files.values():
        os.close(descriptor)
    _files.clear()


# What is done once and not for each run, of which there are thousands a second.
_armed: list[float] = []
_used: list[float] = []
_handlers: dict[int, Any] = {}
_files: dict[str, int] = {}


def _prepare() -> None:
    if not _files:
        _files["status"] = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
        _files["clear_refs"] = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
        for number in (signal.SIGPROF, signal.SIGALRM):
            _handlers[number] = signal.signal(number, _over)
    # A run that hangs in C, where no signal is seen, ends the process, with its trace on stderr.
    now = time.monotonic()
    if not _armed or now - _armed[0] > _PUT_OFF:
        faulthandler.dump_traceback_later(_STUCK, exit=True)
        _armed[:] = [now]


def _over(number: int, _frame: object) -> None:
    if number == signal.SIGPROF:
        raise Hang("longer than its time")
    used = time.process_time()
    if used - _used[0] < _HARDLY:
        raise Hang("waits without an end")
    _used[:] = [used]


def _kilobytes(key: bytes) -> int:
    text = os.pread(_files["status"], 4096, 0)
    return int(text[text.index(key) + len(key) :].split(None, 1)[0])
