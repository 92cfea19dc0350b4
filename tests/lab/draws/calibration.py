"""Whether a stated confidence is what it says: of a hundred findings with 80 %, eighty are true.

Right is a finding that names the true cause exactly. What cannot be told apart from it must show as low confidence.
"""

from collections.abc import Iterator, Sequence

from attrs import frozen

from reports.statistics import wilson

LEAST = 30
_STEPS = 10
Z = 1.959964  # of 95 %


@frozen(kw_only=True)
class Said:
    """One stated confidence, and whether it was right."""

    confidence: float
    right: bool


@frozen(kw_only=True)
class Bin:
    """Statements of similar confidence. ``low`` and ``high`` are Wilson's 95 % interval of the share that is right."""

    count: int
    stated: float
    right: float
    low: float
    high: float
    least: float
    most: float

    @property
    def holds(self) -> bool:
        """The stated mean lies in the interval."""
        return self.low <= self.stated <= self.high

    def __str__(self) -> str:
        return (
            f"{self.least:4.0%} - {self.most:4.0%} {self.count:4}   stated {self.stated:5.1%}   right {self.right:5.1%}"
            f"  [{self.low:5.1%}, {self.high:5.1%}]   {'holds' if self.holds else 'DOES NOT HOLD'}"
        )


def bins(said: Sequence[Said]) -> list[Bin]:
    """Tenths of confidence, neighbours joined until each has enough; none where all together are too few."""
    parts: list[list[Said]] = []
    for part in _tenths(said):
        if parts and len(parts[-1]) < LEAST:
            parts[-1].extend(part)
        else:
            parts.append(part)
    if len(parts) > 1 and len(parts[-1]) < LEAST:
        parts[-2].extend(parts.pop())
    return [_bin(part) for part in parts if len(part) >= LEAST]


def brier(said: Sequence[Said]) -> float:
    """The mean square of what the statements are off; 0.25 is that of always saying a half."""
    return sum((one.confidence - one.right) ** 2 for one in said) / len(said)


def expected_error(found: Sequence[Bin]) -> float:
    """By how much the bins are off, weighed by their sizes."""
    return sum(one.count * abs(one.stated - one.right) for one in found) / sum(one.count for one in found)


def _tenths(said: Sequence[Said]) -> Iterator[list[Said]]:
    for step in range(_STEPS):
        part = [one for one in said if min(int(one.confidence * _STEPS), _STEPS - 1) == step]
        if part:
            yield part


def _bin(part: Sequence[Said]) -> Bin:
    right = sum(one.right for one in part)
    low, high = wilson(right, len(part), Z)
    return Bin(
        count=len(part),
        stated=sum(one.confidence for one in part) / len(part),
        right=right / len(part),
        low=low,
        high=high,
        least=min(one.confidence for one in part),
        most=max(one.confidence for one in part),
    )
