"""Hysteresis: which verdict is in force, given what run after run measured. Pure.

A verdict takes force when two of the last three runs since the last change measured it; the very first one at once.
A run that could not tell (None) changes nothing and is not counted among the three.
"""

from attrs import frozen

_WINDOW = 3
_NEEDED = 2


@frozen
class Settled:
    """The verdict in force, and what was measured since it took force, newest last, three at most."""

    verdict: str
    recent: tuple[str, ...]

    @property
    def measured(self) -> str:
        """What was measured last."""
        return self.recent[-1]


def settle(before: Settled | None, measured: str | None) -> Settled | None:
    """What is in force after one more run."""
    if measured is None:
        return before
    if before is None:
        return Settled(measured, (measured,))
    recent = (*before.recent, measured)[-_WINDOW:]
    if measured != before.verdict and recent.count(measured) >= _NEEDED:
        return Settled(measured, (measured,))
    return Settled(before.verdict, recent)
