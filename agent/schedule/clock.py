"""Whether this machine's wall clock jumped: what is judged by dates is then its own trouble, and nobody else's. Pure.

Which time is the right one, the old or the new, cannot be seen from here. So for an hour nothing by date changes a
verdict; a clock that then still shows the new time is believed.
"""

import time

from attrs import define

# Seconds. Clocks are set by less again and again.
_JUMP = 60.0
_BELIEVED_AFTER = 3600.0


def ahead() -> float:
    """By how many seconds the wall clock is ahead of the time since boot, a suspended machine's time included."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


@define
class Clock:
    """``believed``: by how much the wall clock is ahead where it is right."""

    believed: float
    _other: float = 0.0
    _since: float | None = None

    def off(self, ahead: float, now: float) -> float:
        """By how many seconds the clock jumped and is not believed yet; 0 where it did not. ``now``: monotonic."""
        if abs(ahead - self.believed) <= _JUMP:
            self.believed, self._since = ahead, None
            return 0.0
        if self._since is None or abs(ahead - self._other) > _JUMP:
            self._since = now
        self._other = ahead
        if now - self._since >= _BELIEVED_AFTER:
            self.believed, self._since = ahead, None
            return 0.0
        return ahead - self.believed
