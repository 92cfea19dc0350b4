"""One target's report under the names of blackbox_exporter, so that dashboards made for it work as they are.

Names, labels and help are those of prober/{prober,dns,tcp,http,tls}.go there. What did not happen is absent.
"""

from collections.abc import Iterator

from reports.addresses import parse_address
from reports.metrics.block import Block, written
from reports.metrics.gauges import Series
from reports.metrics.phases import lookups, measured, moment
from reports.metrics.table import Metric
from reports.model import DEGRADED, HEALTHY, UNDETERMINED, Observation, Report, Target

SUCCESS = Metric(name="probe_success", help="Displays whether or not the probe was a success", labels=())
DURATION = Metric(
    name="probe_duration_seconds", help="Returns how long the probe took to complete in seconds", labels=()
)
LOOKUP = Metric(
    name="probe_dns_lookup_time_seconds", help="Returns the time taken for probe dns lookup in seconds", labels=()
)
PROTOCOL = Metric(name="probe_ip_protocol", help="Specifies whether probe ip protocol is IP4 or IP6", labels=())
EXPIRY = Metric(name="probe_ssl_earliest_cert_expiry", help="Returns last SSL chain expiry in unixtime", labels=())
TLS_VERSION = Metric(
    name="probe_tls_version_info", help="Returns the TLS version used or NaN when unknown", labels=("version",)
)
HTTP_SECONDS = Metric(
    name="probe_http_duration_seconds",
    help="Duration of http request by phase, summed over all redirects",
    labels=("phase",),
)
HTTP_TLS = Metric(name="probe_http_ssl", help="Indicates if SSL was used for the final redirect", labels=())
HTTP_STATUS = Metric(name="probe_http_status_code", help="Response HTTP status code", labels=())

# Sorted, as the exporter writes them.
METRICS = (LOOKUP, DURATION, HTTP_SECONDS, HTTP_TLS, HTTP_STATUS, PROTOCOL, EXPIRY, SUCCESS, TLS_VERSION)

_STEPS = frozenset({("tcp", "connect"), ("tcp", "connect_proxy"), ("tls", "handshake"), ("http", "exchange")})

_VERSIONS = {"TLSv1": "TLS 1.0", "TLSv1.1": "TLS 1.1", "TLSv1.2": "TLS 1.2", "TLSv1.3": "TLS 1.3"}


def probe_text(report: Report, *, openmetrics: bool = False, last: bool = True) -> bytes:
    """The report on a plan of one target. ``last``: no other text follows in the same answer."""
    return b"".join(written(METRICS, (Block.made(_series(report), METRICS),), openmetrics=openmetrics, last=last))


def _series(report: Report) -> Iterator[Series]:
    yield DURATION, (), report.run.duration_s
    if report.verdict != UNDETERMINED:
        yield SUCCESS, (), report.verdict in (HEALTHY, DEGRADED)
    target = next(iter(report.run.plan.targets), None)
    if target is None:
        return
    looked_up = lookups(report.observations).get(target.host)
    seconds = looked_up.seconds if looked_up is not None else None
    if seconds is not None:
        yield LOOKUP, (), seconds
    yield from _of_address(_best(report, target), seconds)


def _best(report: Report, target: Target) -> dict[tuple[str, str], Observation]:
    """What was seen, by probe and step, at the address where the most went well; the first of those alike."""
    about = [seen for seen in report.observations if seen.target == target.name and (seen.probe, seen.step) in _STEPS]
    # Through a proxy there is one way only, and two addresses.
    proxied = any(seen.step == "connect_proxy" for seen in about)
    by_address: dict[str | None, dict[tuple[str, str], Observation]] = {}
    for seen in about:
        by_address.setdefault(None if proxied else seen.address, {})[seen.probe, seen.step] = seen
    return max(by_address.values(), key=lambda steps: sum(seen.ok for seen in steps.values()), default={})


def _of_address(steps: dict[tuple[str, str], Observation], looked_up: float | None) -> Iterator[Series]:
    connected = steps.get(("tcp", "connect")) or steps.get(("tcp", "connect_proxy"))
    secured, exchanged = steps.get(("tls", "handshake")), steps.get(("http", "exchange"))
    address = parse_address(str(connected.facts.get("ip", ""))) if connected is not None else None
    if address is not None:
        yield PROTOCOL, (), address.version
    if secured is not None:
        expiry, version = moment(secured.facts.get("not_after")), _VERSIONS.get(str(secured.facts.get("version")))
        if expiry is not None:
            yield EXPIRY, (), expiry
        if version is not None:
            yield TLS_VERSION, (version,), 1.0
    if exchanged is None:
        return
    status = measured(exchanged.facts.get("status"))
    if status is not None:
        yield HTTP_STATUS, (), status
        yield HTTP_TLS, (), secured is not None
    first_byte = measured(exchanged.facts.get("first_byte_s"))
    for phase, seconds in (
        ("resolve", looked_up),
        ("connect", connected.duration_s if connected is not None and connected.ok else None),
        ("tls", secured.duration_s if secured is not None and secured.ok else None),
        ("processing", first_byte),
        ("transfer", None if first_byte is None else exchanged.duration_s - first_byte),
    ):
        if seconds is not None:
            yield HTTP_SECONDS, (phase,), max(0.0, seconds)
