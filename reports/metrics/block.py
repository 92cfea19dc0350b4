"""The gauges of one report, ready to be served: their lines, and their labels and values for prometheus-client."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator

from attrs import frozen

from reports import __version__
from reports.metrics import table
from reports.metrics.gauges import Series, Watched, gauges, label
from reports.metrics.table import Metric
from reports.metrics.text import END, escape, head, number
from reports.model import Report

_Rows = tuple[list[str], list[tuple[str, ...]], "array[float]"]

# Most series say yes or no.
_SWITCH = {value: number(value) for value in (0.0, 1.0)}

# Of the gauges of all plans together; ten thousand targets have a dozen each.
MOST_SERIES = 250_000


@frozen
class Column:
    """The series of one metric: their lines as one text, and the same as labels and values."""

    lines: bytes
    labels: list[tuple[str, ...]]
    values: "array[float]"


@frozen
class Block:
    """All series of one report, by metric in the order of the table. ``size``: how many there are."""

    columns: dict[Metric, Column]
    size: int

    @classmethod
    def of(cls, report: Report, most: int = MOST_SERIES, watched: Watched | None = None) -> "Block":
        """Of a report. The plan's own series always stand; networks, then targets, each whole or not at all."""
        groups = gauges(report, watched)
        kept = next(groups)
        dropped = 0
        for group in groups:
            if not dropped and len(kept) + len(group) < most:
                kept += group
            else:
                dropped += len(group)
        kept.append((table.DROPPED, (label(report.run.plan.name),), dropped))
        return cls.made(kept)

    @classmethod
    def made(cls, series: Iterable[Series], metrics: Iterable[Metric] = table.GAUGES) -> "Block":
        """Of series, each once. ``metrics``: their order."""
        rows: dict[Metric, _Rows] = defaultdict(lambda: ([], [], array("d")))
        for metric, names, value in series:
            exact = value + 0.0  # a float, and no negative zero
            lines, labels, values = rows[metric]
            lines.append(metric.line % (*map(escape, names), _SWITCH.get(exact) or number(exact)))
            labels.append(names)
            values.append(exact)
        columns = {
            metric: Column("".join(lines).encode(), labels, values)
            for metric in metrics
            if metric in rows
            for lines, labels, values in [rows[metric]]
        }
        return cls(columns, sum(len(labels) for _, labels, _ in rows.values()))


BUILD = Block.made([(table.BUILD, (__version__,), 1.0)], (table.BUILD,))


def text_of(report: Report) -> bytes:
    """The gauges of a report as text (0.0.4): what is pushed, or written for node_exporter."""
    block = Block.of(report)
    return b"".join(written((table.BUILD, *table.GAUGES), (BUILD, block)))


def written(
    metrics: Iterable[Metric], blocks: Iterable[Block], *, openmetrics: bool = False, last: bool = False
) -> Iterator[bytes]:
    """The text of some blocks, in parts. ``last``: OpenMetrics wants to know where its text ends."""
    together = tuple(blocks)
    for metric in metrics:
        lines = [block.columns[metric].lines for block in together if metric in block.columns]
        if lines:
            yield head(metric, openmetrics=openmetrics).encode()
            yield from lines
    if openmetrics and last:
        yield END.encode()
