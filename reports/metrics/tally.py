"""What is kept of reports between runs: the gauges of each plan's last one, counters and histograms over all.

    tally = Tally()
    tally.add(report)                     # of each run; or, with the work on a thread of its own:
    tally.put(Made.of(report, tally.room(report)))
    body = tally.text()                   # for a scrape
    registry.register(tally)              # or through prometheus-client

A scrape joins lines that are ready; making them is ``Made.of``, once a run, which needs nothing of the tally.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from reports.metrics import table
from reports.metrics.block import BUILD, MOST_SERIES, Block, written
from reports.metrics.gauges import Watched, label, shortages
from reports.metrics.phases import DNS, lookups, steps
from reports.metrics.table import COUNTER, HISTOGRAM, Metric
from reports.metrics.text import END, created_head, head, number, sample
from reports.model import VERDICTS, Report

if TYPE_CHECKING:
    from prometheus_client import Metric as Family

_Labels = tuple[str, ...]


def wants_created(environment: Mapping[str, str]) -> bool:
    """Whether ``_created`` series are wanted: prometheus-client's own setting, and its default."""
    return environment.get("PROMETHEUS_DISABLE_CREATED_SERIES", "").lower() not in ("true", "1", "t")


@define
class _Grown:
    """A counter (``total``), or a histogram: how many were at most each bound, ``total`` seconds together."""

    metric: Metric
    labels: _Labels
    created: float
    total: float = 0.0
    counts: list[int] = field(init=False)
    # The lines of its samples up to their values.
    _starts: list[bytes] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.counts = [0] * (len(self.metric.buckets) + 1) if self.metric.kind == HISTOGRAM else []
        self._starts = [sample(name, labels).encode() for name, labels, _ in self.samples()]

    def grow(self, growth: "_Growth") -> None:
        """By what one run adds."""
        self.total += growth.total
        for place, count in enumerate(growth.counts):
            self.counts[place] += count

    def samples(self) -> Iterator[tuple[str, tuple[tuple[str, str], ...], float]]:
        """Name, labels and value of each sample, in the order in which prometheus-client gives them."""
        name, labels = self.metric.name, tuple(zip(self.metric.labels, self.labels, strict=True))
        if self.metric.kind == COUNTER:
            yield f"{name}_total", labels, self.total
        else:
            together = 0
            for bound, count in zip(_bounds(self.metric), self.counts, strict=True):
                together += count
                yield f"{name}_bucket", (*labels, ("le", bound)), float(together)
            yield f"{name}_count", labels, float(together)
            yield f"{name}_sum", labels, self.total
        yield f"{name}_created", labels, self.created

    def lines(self) -> list[bytes]:
        """Its lines; that of ``_created`` is the last one."""
        rows = zip(self._starts, self.samples(), strict=True)
        return [start + number(value + 0.0).encode() + b"\n" for start, (_, _, value) in rows]


@define
class _Growth:
    """What one run adds to a counter or histogram: see _Grown."""

    counts: list[int]
    total: float = 0.0


@frozen
class Made:
    """A report as it enters the tally: the gauges, and what it adds to what grows."""

    plan: str
    block: Block
    growth: Mapping[tuple[Metric, _Labels], _Growth]

    @classmethod
    def of(cls, report: Report, most: int = MOST_SERIES, watched: Watched | None = None) -> "Made":
        """Of a report; ``most``: of so many gauges."""
        return cls(label(report.run.plan.name), Block.of(report, most, watched), _growth(report, watched))


class Tally:
    """See the module. ``most``: of how many gauges are kept, of all plans together.

    ``created``: whether the times from which counters grow are told. A plan that is no longer served is forgotten by
    ``keep``; a target that left its plan is gone with the plan's next run.
    """

    def __init__(self, most: int = MOST_SERIES, created: bool = True, clock: Callable[[], float] = time.time) -> None:
        self._most = most
        self._created = created
        self._clock = clock
        self._blocks: dict[str, Block] = {}
        self._grown: dict[str, dict[tuple[Metric, _Labels], _Grown]] = {}

    def add(self, report: Report) -> None:
        """The last run of its plan."""
        self.put(Made.of(report, self.room(report)))

    def room(self, report: Report) -> int:
        """How many gauges other plans leave to the report's."""
        plan = label(report.run.plan.name)
        return max(0, self._most - sum(block.size for name, block in self._blocks.items() if name != plan))

    def put(self, made: Made) -> None:
        """The last run of its plan, as it was made ready."""
        for (metric, labels), growth in made.growth.items():
            self._of(made.plan, metric, labels).grow(growth)
        self._blocks[made.plan] = made.block

    def overran(self, plan: str) -> None:
        """A run of the plan was due while the one before was still going."""
        name = label(plan)
        self._of(name, table.OVERRUNS, (name,)).total += 1

    def fell_short(self, plan: str, failure: str) -> None:
        """A run of the plan could not even begin, for want of something here."""
        name = label(plan)
        self._of(name, table.SHORTAGES, (failure, name)).total += 1

    def keep(self, plans: Iterable[str]) -> None:
        """Forget all other plans."""
        names = set(map(label, plans))
        self._blocks = {name: block for name, block in self._blocks.items() if name in names}
        self._grown = {name: grown for name, grown in self._grown.items() if name in names}

    def text(self, *, openmetrics: bool = False, last: bool = True) -> bytes:
        """All of it, as prometheus-client would write it. ``last``: no other text follows in the same answer."""
        parts = [*written((table.BUILD, *table.GAUGES), (BUILD, *self._blocks.values()), openmetrics=openmetrics)]
        for metric, children in self._families():
            parts.append(head(metric, openmetrics=openmetrics).encode())
            of_each = [child.lines() for child in children]
            if openmetrics and self._created:
                parts += [line for lines in of_each for line in lines]
                continue
            parts += [line for lines in of_each for line in lines[:-1]]
            if self._created:
                parts.append(created_head(metric).encode())
                parts += [lines[-1] for lines in of_each]
        if openmetrics and last:
            parts.append(END.encode())
        return b"".join(parts)

    def collect(self) -> Iterator["Family"]:
        """The same for a registry of prometheus-client."""
        from prometheus_client.samples import Sample  # noqa: PLC0415 - whoever only writes text does not need it

        blocks = (BUILD, *self._blocks.values())
        for metric in (table.BUILD, *table.GAUGES):
            columns = [block.columns[metric] for block in blocks if metric in block.columns]
            if columns:
                family = _family(metric)
                for column in columns:
                    for labels, value in zip(column.labels, column.values, strict=True):
                        named = dict(zip(metric.labels, labels, strict=True))
                        family.samples.append(Sample(metric.sample, named, value))
                yield family
        for metric, children in self._families():
            family = _family(metric)
            for child in children:
                for name, pairs, value in child.samples():
                    if self._created or not name.endswith("_created"):
                        family.samples.append(Sample(name, dict(pairs), value))
            yield family

    def describe(self) -> Iterator["Family"]:
        """The names that it takes in a registry."""
        return map(_family, table.TABLE)

    def _families(self) -> Iterator[tuple[Metric, list[_Grown]]]:
        for metric in table.GROWING:
            children = [child for grown in self._grown.values() for child in grown.values() if child.metric is metric]
            if children:
                yield metric, children

    def _of(self, plan: str, metric: Metric, labels: _Labels) -> _Grown:
        grown = self._grown.get(plan)
        if grown is None:
            grown = self._grown[plan] = {}
            # From nothing to one is a change; from not being there to one is none.
            for word in VERDICTS:
                self._of(plan, table.RUNS, (plan, word))
            self._of(plan, table.OVERRUNS, (plan,))
            self._of(plan, table.SPOILED, (plan,))
        child = grown.get((metric, labels))
        if child is None:
            child = grown[metric, labels] = _Grown(metric, labels, self._clock())
        return child


def _growth(report: Report, watched: Watched | None) -> dict[tuple[Metric, _Labels], _Growth]:
    """What the run adds. What an earlier one saw was counted then."""
    plan = label(report.run.plan.name)
    found: dict[tuple[Metric, _Labels], _Growth] = {}

    def of(metric: Metric, labels: _Labels) -> _Growth:
        growth = found.get((metric, labels))
        if growth is None:
            buckets = len(metric.buckets) + 1 if metric.kind == HISTOGRAM else 0
            growth = found[metric, labels] = _Growth([0] * buckets)
        return growth

    def observe(metric: Metric, labels: _Labels, value: float) -> None:
        growth = of(metric, labels)
        growth.counts[bisect_left(metric.buckets, value)] += 1
        growth.total += value

    of(table.RUNS, (plan, report.verdict)).total += 1
    of(table.SPOILED, (plan,)).total += watched is not None and watched.spoiled
    observe(table.RUN_SECONDS, (plan,), report.run.duration_s)
    old = watched.kept if watched is not None else {}
    fresh = [target for target in report.run.plan.targets if target.name not in old]
    services: dict[str | None, str] = {target.name: target.service for target in fresh}
    services[None] = DNS
    seen = report.observations
    if old:
        hosts = {target.host for target in report.run.plan.targets} - {target.host for target in fresh}
        seen = tuple(one for one in seen if one.target not in old and one.facts.get("name") not in hosts)
    for failure, times in shortages(seen).items():
        of(table.SHORTAGES, (failure, plan)).total += times
    for step in (*lookups(seen).values(), *steps(seen)):
        service = services.get(step.target)
        if service is None:
            continue
        if step.seconds is not None:
            observe(table.PHASE_SECONDS, (step.phase, plan, service), step.seconds)
        elif step.failure is not None:
            of(table.STEP_FAILURES, (step.failure.value, step.phase, plan, service)).total += 1
    return found


def _bounds(metric: Metric) -> tuple[str, ...]:
    """The bounds of a histogram's buckets as the label ``le`` has them."""
    return (*map(number, metric.buckets), "+Inf")


def _family(metric: Metric) -> "Family":
    from prometheus_client import Metric as Family  # noqa: PLC0415 - as above

    return Family(metric.name, metric.help, metric.kind, metric.unit)
