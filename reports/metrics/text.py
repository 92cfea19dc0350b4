"""The text formats of Prometheus, as prometheus-client writes them: 0.0.4, and OpenMetrics 1.0.

A line of a gauge is the same in both. What differs is what stands above a family, and where ``_created`` stands.
"""

import math
from functools import lru_cache

from reports.metrics.table import COUNTER, GAUGE, INFO, Metric

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

END = "# EOF\n"

# From ten to the sixth on Go writes an exponent.
_GO_SWITCHES = 6


@lru_cache(maxsize=65536)
def escape(text: str) -> str:
    """The value of a label as it stands between quotes."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def number(value: float) -> str:
    """A float as Go writes it, as far as prometheus-client does (prometheus_client/utils.py, floatToGoString)."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    dot = text.find(".")
    if value > 0 and dot > _GO_SWITCHES:
        mantissa = f"{text[0]}.{text[1:dot]}{text[dot + 1 :]}".rstrip("0.")
        return f"{mantissa}e+{dot - 1:02d}"
    return text


def head(metric: Metric, *, openmetrics: bool) -> str:
    """What stands above the samples of a metric."""
    if openmetrics:
        unit = f"# UNIT {metric.name} {metric.unit}\n" if metric.unit else ""
        return f"# HELP {metric.name} {escape(metric.help)}\n# TYPE {metric.name} {metric.kind}\n{unit}"
    kind = GAUGE if metric.kind == INFO else metric.kind
    name = metric.sample if metric.kind in (COUNTER, INFO) else metric.name
    return _plain_head(name, metric, kind)


def created_head(metric: Metric) -> str:
    """What stands above the times from which the samples of a metric grow: in 0.0.4 they are a family of their own."""
    return _plain_head(f"{metric.name}_created", metric, GAUGE)


def sample(name: str, labels: tuple[tuple[str, str], ...]) -> str:
    """A sample's line up to its value; the labels are sorted here."""
    inside = ",".join([f'{label}="{escape(value)}"' for label, value in sorted(labels)])
    return f"{name}{{{inside}}} " if inside else f"{name} "


def _plain_head(name: str, metric: Metric, kind: str) -> str:
    said = metric.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {said}\n# TYPE {name} {kind}\n"
