"""The text of metrics is that of prometheus-client, to the byte, and Prometheus's own tool has nothing to say of it."""

import string

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.utils import floatToGoString

from reports import metrics
from reports.causes import CAUSES
from reports.failures import Failure
from reports.metrics import table
from reports.metrics.text import number
from reports.model import VERDICTS, Finding, Job, Observation, Plan, Target, TargetResult, Vantage
from reports.services import SERVICES
from tests.prometheus_parts import promtool
from tests.reports import samples, strategies
from tests.reports.building import report_of

# Steps and facts of which metrics are made, so that arbitrary reports give some.
_STEPS = (
    *(("tcp", "connect"), ("tcp", "connect_proxy"), ("http", "proxy"), ("http", "exchange"), ("service", "exchange")),
    *(("tls", "handshake"), ("dns", "resolver"), ("dns", "query"), ("loss", "handshakes"), ("saturation", "limit")),
    *(("subnet", "states"), ("local", "loop"), ("throughput", "transfer")),
)
_FACTS = (
    *("first_byte_s", "status", "name", "addresses", "index", "type", "loss", "held", "tried", "limit", "limit_low"),
    *("limit_high", "rate_limit", "network", "asked", "open", "silent", "unknown", "lag_s", "rate_bytes_s"),
)
_NAMES = st.sampled_from(["a", 'q"uote', "back\\slash", "line\nbreak", "ümlaut", "", "\ud800", "{}", "%s"])
_NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63), 2**63), st.sampled_from([0.0, -0.0, 1e6])
)
_TIMES = _NUMBERS.map(float)
_PORTS = st.integers(1, 65535)
_SERVICES = st.sampled_from(tuple(SERVICES))
_VERDICTS = st.sampled_from(VERDICTS)
_CAUSES = st.sampled_from([*sorted(CAUSES)[:3], "unheard_of"])


@st.composite
def _reports(draw):
    """Reports whose parts name each other, with facts of all kinds."""
    names = draw(st.lists(_NAMES, max_size=4))
    targets = [
        draw(st.builds(Target, name=st.just(name), host=_NAMES, port=_PORTS, service=_SERVICES)) for name in names
    ]
    findings = [evolve(finding, cause=draw(_CAUSES)) for finding in draw(st.lists(strategies.of(Finding), max_size=4))]
    results = [
        draw(
            st.builds(TargetResult, name=st.just(name), address=_NAMES, verdict=_VERDICTS, latency_s=st.none() | _TIMES)
        )
        for name in names
    ]
    observations = [
        Observation(
            probe=probe,
            step=step,
            target=draw(st.none() | st.sampled_from([*names, "a"])),
            failure=draw(st.none() | st.sampled_from(Failure)),
            duration_s=draw(_TIMES),
            facts=draw(st.dictionaries(st.sampled_from(_FACTS), _NUMBERS | _NAMES | st.booleans(), max_size=6)),
        )
        for probe, step in draw(st.lists(st.sampled_from(_STEPS), max_size=8))
    ]
    return report_of(
        Plan(name=draw(_NAMES), targets=tuple(targets), job=Job(instances=draw(st.integers(0, 3)))),
        Vantage(),
        [evolve(result, findings=tuple(finding.id for finding in findings)) for result in results],
        observations,
        findings=tuple(findings),
        verdict=draw(_VERDICTS),
    )


def both(tally):
    """What prometheus-client writes of it: plain, OpenMetrics."""
    registry = CollectorRegistry()
    registry.register(tally)
    return both_of(registry)


def both_of(registry):
    """A registry in both formats."""
    return generate_latest(registry), openmetrics.generate_latest(registry)


@given(st.lists(_reports(), max_size=3), st.booleans(), st.integers(0, 200))
def test_equal_to_the_byte(reports, created, most):
    """Over arbitrary reports, in both formats, with and without the times from which counters grow."""
    tally = metrics.Tally(most=most, created=created, clock=lambda: 1796112000.25)
    for report in reports:
        tally.add(report)
        tally.overran(report.run.plan.name)

    assert (tally.text(), tally.text(openmetrics=True)) == both(tally)


@given(_reports())
def test_each_series_once(report):
    """Prometheus takes no series twice: whatever a report holds, names and labels occur once."""
    lines = [line.rpartition(b" ")[0] for line in metrics.text_of(report).split(b"\n") if not line.startswith(b"#")]

    assert len(lines) == len(set(lines))


def test_as_prometheus_clients_own_metrics(monkeypatch):
    """A counter and a histogram of its own, given the same numbers, are written in the same lines and order."""
    monkeypatch.setattr("time.time", lambda: 1796112000.25)
    tally = metrics.Tally(clock=lambda: 1796112000.25)
    registry = CollectorRegistry()
    runs = Counter(table.RUNS.name, table.RUNS.help, table.RUNS.labels, registry=registry)
    took = table.RUN_SECONDS
    durations = Histogram(took.name, took.help, took.labels, unit="seconds", buckets=took.buckets, registry=registry)
    for verdict in VERDICTS:
        runs.labels("nightly-etl", verdict)
    for report in (samples.nightly(), samples.healthy(), samples.nightly()):
        tally.add(report)
        runs.labels("nightly-etl", report.verdict).inc()
        durations.labels("nightly-etl").observe(report.run.duration_s)

    for ours, theirs in zip((tally.text(), tally.text(openmetrics=True)), both_of(registry), strict=True):
        for family in theirs.removesuffix(b"# EOF\n").split(b"# HELP ")[1:]:
            assert family in ours


@given(st.floats())
def test_numbers(value):
    """As Go writes them, as far as prometheus-client does."""
    assert number(value) == floatToGoString(value)


def test_samples_of_real_reports():
    """A healthy plan, a broken one, many targets, hostile names: equal as well, and more than a few lines."""
    tally = metrics.Tally()
    for make in samples.ALL.values():
        tally.add(make())
    plain, opened = both(tally)

    assert tally.text() == plain
    assert tally.text(openmetrics=True) == opened
    assert plain.count(b"\n") > 2000


def test_promtool():
    """No remark on names, help, types or units, of a run alone and of all that is kept."""
    tally = metrics.Tally()
    for make in samples.ALL.values():
        tally.add(make())

    assert promtool(tally.text()) == ""
    for make in samples.ALL.values():
        assert promtool(metrics.text_of(make())) == ""


def test_openmetrics_is_read():
    """The reference parser of OpenMetrics, which is strict, finds every family and every sample."""
    tally = metrics.Tally()
    for make in samples.ALL.values():
        tally.add(make())
    text = tally.text(openmetrics=True).decode()
    families = list(read_openmetrics(text))

    assert sum(len(family.samples) for family in families) == sum(line[:1] != "#" for line in text.splitlines())
    assert {family.name for family in families} <= {metric.name for metric in table.TABLE}
    assert {family.unit for family in families} == {"", "seconds", "ratio"}


def test_openmetrics_ends_once():
    """Another text may follow in the same answer: then the end is left to that one."""
    tally = metrics.Tally()
    tally.add(samples.nightly())
    open_end = tally.text(openmetrics=True, last=False)

    assert tally.text(openmetrics=True) == open_end + b"# EOF\n"
    assert b"# EOF" not in tally.text()


def test_created_follows_prometheus_clients_setting():
    """The same variable, the same words, the same default."""
    variable = "PROMETHEUS_DISABLE_CREATED_SERIES"

    assert metrics.wants_created({})
    assert metrics.wants_created({variable: "no"})
    assert not any(metrics.wants_created({variable: word}) for word in ("true", "1", "T", "True"))


def test_without_created():
    """No series of that name, in either format."""
    tally = metrics.Tally(created=False)
    tally.add(samples.nightly())

    assert b"_created" not in tally.text() + tally.text(openmetrics=True)


def test_names_survive_the_way_there():
    """What is escaped is read again as it was: quotation marks, backslashes, line breaks, other scripts."""
    name = 'a"b\\c\nd\u4e2d' + string.punctuation
    report = samples.nightly()
    targets = (evolve(report.targets[0], name=name), *report.targets[1:])
    text = metrics.text_of(evolve(report, targets=targets)).decode()
    read = [
        sample.labels["target"]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "linkdoctor_target_up"
    ]

    assert name in read
    assert len(read) == 6
