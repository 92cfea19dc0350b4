"""Reports as metrics: what there is (table.py), from a report to series (gauges.py), kept between runs (tally.py).

Host side. prometheus-client is needed by ``Tally.collect`` alone: the text is written here, faster, and is the same.
"""

from reports.metrics.block import MOST_SERIES, text_of
from reports.metrics.gauges import Watched
from reports.metrics.probe import probe_text
from reports.metrics.tally import Tally, wants_created
from reports.metrics.text import OPENMETRICS_TYPE, TEXT_TYPE

__all__ = [
    "MOST_SERIES",
    "OPENMETRICS_TYPE",
    "TEXT_TYPE",
    "Tally",
    "Watched",
    "probe_text",
    "text_of",
    "wants_created",
]
