"""The metrics of this process itself, as objects of prometheus-client: a few, beside those of plans."""

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.openmetrics import exposition as openmetrics

from agent.schedule import Schedule
from agent.server.connection import Listener


class Own:
    """Counts what happens to the server; collects what it knows of itself."""

    def __init__(self, schedule: Schedule, listener: Callable[[], Listener | None]) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        self.reloads: Counter[str] = Counter({"accepted": 0, "refused": 0})
        self.reload_ok = True
        self._schedule = schedule
        self._listener = listener
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    def answered(self, route: str, status: int) -> None:
        """One more answer. ``route``: "" where there is none."""
        self.requests[str(status), route or "none"] += 1

    def reloaded(self, *, ok: bool) -> None:
        """The plans were read again."""
        self.reloads["accepted" if ok else "refused"] += 1
        self.reload_ok = ok

    def text(self, *, is_openmetrics: bool) -> bytes:
        """All of it; it ends an answer."""
        write: Callable[[CollectorRegistry], bytes] = openmetrics.generate_latest if is_openmetrics else generate_latest
        return write(self._registry)

    def describe(self) -> Iterator[Metric]:
        """The names that it takes in a registry."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        schedule, listener = self._schedule, self._listener()
        watches = schedule.watches.values()
        lag = schedule.lag.lately
        yield _gauge("linkdoctor_loop_lag_seconds", "How late the event loop came at worst in the last minute.", lag)
        yield _gauge("linkdoctor_plans", "How many plans are watched.", len(watches))
        going = sum(watch.running for watch in watches)
        yield _gauge("linkdoctor_runs_under_way", "How many plans are being run.", going)
        said = "Runs that broke off by an error of linkdoctor's own; its log says more."
        yield _counter("linkdoctor_broken_off_runs", said, schedule.crashes)
        lost = schedule.keeper.lost if schedule.keeper is not None else 0
        yield _counter("linkdoctor_lost_runs", "Runs that could not be kept in the history.", lost)
        said = "How often the plans were read again, and whether they were taken."
        reloads = CounterMetricFamily("linkdoctor_reloads", said, labels=["result"])
        for result, count in self.reloads.items():
            reloads.add_metric([result], count)
        yield reloads
        said = "Whether the plans were taken when they were read last: 1, else 0."
        yield _gauge("linkdoctor_last_reload_successful", said, self.reload_ok)
        if listener is not None:
            yield _gauge("linkdoctor_http_connections", "Connections to this server.", listener.connections)
            said = "Connections that were closed at once: there were too many."
            yield _counter("linkdoctor_http_connections_turned_away", said, listener.turned_away)
        answers = CounterMetricFamily("linkdoctor_http_requests", "Answers, by status.", labels=["code", "route"])
        for (code, route), count in sorted(self.requests.items()):
            answers.add_metric([code, route], count)
        yield answers


def _gauge(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(name, said, value=float(value))


def _counter(name: str, said: str, value: float) -> Metric:
    return CounterMetricFamily(name, said, value=float(value))
