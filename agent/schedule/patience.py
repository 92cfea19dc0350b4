"""Backing off: how often a target is asked that fails the same way again and again. Pure.

After five such runs it is asked in every second one, then in every fourth, at last in every eighth, but never less than
every five minutes. Any other outcome, and the first success above all, brings it back at once.
"""

from attrs import frozen

# So many runs in a row fail the same way before a target is asked less; as many again for each further step.
_PATIENT_FOR = 5
_MOST_RUNS = 8
_LONGEST_S = 300.0


@frozen
class Patience:
    """``failed``: how often in a row the target failed, ``how``."""

    failed: int = 0
    how: str = ""

    def every(self, interval: float) -> int:
        """In which of so many runs it is asked: 1, 2, 4, 8. ``interval``: seconds from run to run."""
        steps = max(0, self.failed // _PATIENT_FOR)
        return min(2**steps, most(interval)) if steps else 1


NONE = Patience()


def most(interval: float) -> int:
    """The most runs from one question to the next: a power of two."""
    runs = 1
    while runs < _MOST_RUNS and runs * 2 * interval <= _LONGEST_S:
        runs *= 2
    return runs


def after(before: Patience, how: str | None) -> Patience:
    """After one more run that asked: ``how`` it failed; None where it did not."""
    if how is None:
        return NONE
    return Patience(before.failed + 1 if how == before.how else 1, how)


def is_due(patience: Patience, run: int, interval: float) -> bool:
    """Whether it is asked in the run of this number.

    Targets that are asked equally seldom are asked in the same runs: they are each other's evidence.
    """
    return run % patience.every(interval) == 0
