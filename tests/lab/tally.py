"""What many scores say together: how many are right, what was taken for what, how long it took."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from attrs import frozen

from reports.causes import CAUSES, LAYERS
from tests.lab.scenario import HEALTHY
from tests.lab.score import Score
from tests.lab.variants import Variant

# What breaks a target between the job and it.
BETWEEN = ("route", "filter", "path")
_BETWEEN = "the path, route and filter scenarios alone"

# Time to diagnosis, of the whole command, in time-outs of the plan's connections.
MEDIAN_TIMEOUTS, MOST_TIMEOUTS = 1.5, 10.0


@frozen
class Tally:
    """The scores of one variant, at least one."""

    variant: Variant
    scores: Sequence[Score]

    @property
    def right(self) -> int:
        """How many are right."""
        return sum(score.right for score in self.scores)

    @property
    def between(self) -> Sequence[Score]:
        """Those whose true cause is of the path, a route or a filter: between the job and its targets."""
        return [score for score in self.scores if _layer(score.scenario.expected or HEALTHY) in BETWEEN]

    def late(self) -> Iterator[str]:
        """What took longer than it may, in words; a machine with other work is late as well."""
        times = [score.timeouts for score in self.scores]
        if median(times) > MEDIAN_TIMEOUTS:
            yield f"{self.variant.name}: {median(times):.2f} time-outs in the median, more than {MEDIAN_TIMEOUTS:g}"
        for score in self.scores:
            if score.timeouts > MOST_TIMEOUTS:
                yield (
                    f"{self.variant.name}: {score.scenario.name} took {score.timeouts:.1f} time-outs, "
                    f"more than {MOST_TIMEOUTS:g}"
                )

    def shortfalls(self) -> Iterator[str]:
        """What is not as right as it must be, in words."""
        share = self.right / len(self.scores)
        if share < self.variant.floor:
            yield f"{self.variant.name}: {share:.1%} right, less than {self.variant.floor:.0%}"
        between = self.between if self.variant.apart else ()
        if between and _share(between) < self.variant.floor:
            yield f"{self.variant.name}: {_share(between):.1%} of {_BETWEEN} right, less than {self.variant.floor:.0%}"
        for score in self.scores:
            name = f"{self.variant.name}: {score.scenario.name}"
            if score.accusations > 1:
                yield f"{name} has {score.accusations} wrong critical findings"
            if score.expected == HEALTHY and score.found != HEALTHY:
                yield f"{name} is healthy, and has a finding: {score.found}"

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        variant, count = self.variant, len(self.scores)
        yield f"{variant.name}: {variant.title}"
        yield f"  {self.right} of {count} right: {self.right / count:.1%}, at least {variant.floor:.0%}"
        if variant.apart and self.between:
            share = f"{_share(self.between):.1%} of {len(self.between)} right"
            yield f"  {_BETWEEN}, none as healthy: {share}, at least {variant.floor:.0%}"
        yield f"  the true cause first, by layer: {self._diagonal()}"
        yield from (f"  {line}" for line in self._off_the_diagonal())
        slowest = max(self.scores, key=lambda score: score.timeouts)
        yield (
            f"  time to diagnosis, in connect time-outs: median {median(score.timeouts for score in self.scores):.2f},"
            f" most {slowest.timeouts:.1f} ({slowest.scenario.name})"
        )
        for score in self.scores:
            if score.runs > 1:
                yield f"  {score.scenario.name}: {score.rate:.0%} of {score.runs} runs right"

    def _diagonal(self) -> str:
        scored = Counter(_layer(score.expected) for score in self.scores)
        found = Counter(_layer(score.expected) for score in self.scores if score.found == score.expected)
        return "  ".join(f"{layer} {found[layer]}/{scored[layer]}" for layer in (*LAYERS, HEALTHY) if scored[layer])

    def _off_the_diagonal(self) -> Iterator[str]:
        """The confusion matrix without its diagonal, and whether the one may stand for the other."""
        cells = Counter(
            (score.expected, score.found, score.right) for score in self.scores if score.found != score.expected
        )
        if not cells:
            return
        yield f"  {'true cause':28} {'first finding':28} scenarios"
        for (expected, found, right), count in sorted(cells.items()):
            yield f"  {expected:28} {found:28} {count:3}  {'cannot be told apart' if right else 'WRONG'}"


def _share(scores: Sequence[Score]) -> float:
    return sum(score.right for score in scores) / len(scores)


def _layer(cause: str) -> str:
    return CAUSES[cause].layer if cause in CAUSES else HEALTHY
