"""One target's report under blackbox_exporter's names, beside the exporter itself."""

import asyncio
import contextlib
import json
import re

import pytest
from attrs import evolve

from agent.demo.nameserver import NameServer
from agent.runner import Runner
from reports import metrics
from reports.failures import Failure
from reports.metrics.probe import METRICS
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED, Plan, Target, TargetResult, TlsExpectation, Vantage
from tests.prometheus_parts import blackbox_exporter, fetched, promtool
from tests.reports.building import connected, report_of, seen
from tests.tls_servers import HERE, Authority, nginx

_HEAD = re.compile(r"# (HELP|TYPE) (probe_\w+) (.*)")

# What the exporter always says of HTTP, and we do not know.
_NOT_OURS = {"probe_failed_due_to_regex", "probe_ip_addr_hash", "probe_http_redirects", "probe_http_version"} | {
    "probe_http_content_length",
    "probe_http_uncompressed_body_length",
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    "probe_ssl_last_chain_info",
}


def report(verdict, *observations, service="https", duration_s=3.2):
    """A report on one target."""
    plan = Plan(name="p", targets=(Target(name="it", host="it.example", port=443, service=service),))
    results = [TargetResult(name="it", address="it.example:443", verdict=verdict)]
    made = report_of(plan, Vantage(), results, observations, verdict=verdict)
    return evolve(made, run=evolve(made.run, duration_s=duration_s))


def told(text):
    """Sample to value; and kind and help by name."""
    lines = text.splitlines()
    heads = {(match[2], match[1]): match[3] for match in map(_HEAD.fullmatch, lines) if match}
    values = {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}
    return values, heads


def samples_of(*arguments, **options):
    """The samples of a report."""
    return told(metrics.probe_text(report(*arguments, **options)).decode())[0]


@pytest.mark.parametrize(("verdict", "success"), [(HEALTHY, 1), (DEGRADED, 1), (FAILING, 0), (UNDETERMINED, None)])
def test_success(verdict, success):
    """What can be used is a success; what is not known is neither."""
    assert samples_of(verdict).get("probe_success") == success


def test_only_what_happened():
    """Of a refused connection: how long it took and to which kind of address; no phase that did not run."""
    refused = seen(
        "tcp", "connect", "it", "192.0.2.1:443", failure=Failure.CONNECTION_REFUSED, ip="192.0.2.1", port=443
    )

    assert samples_of(FAILING, refused) == {"probe_duration_seconds": 3.2, "probe_success": 0, "probe_ip_protocol": 4}


def test_the_address_that_worked_is_told():
    """Of two addresses, the one at which the most went well."""
    dead = seen("tcp", "connect", "it", "192.0.2.1:443", failure=Failure.TIMED_OUT, ip="192.0.2.1", port=443)
    found = samples_of(DEGRADED, dead, connected("it", "2001:db8::1", 443))

    assert found["probe_ip_protocol"] == 6


def test_through_a_proxy():
    """The connection to the proxy is the one that was made; later steps bear the target's own address."""
    proxied = seen("tcp", "connect_proxy", "it", "192.0.2.9:3128", duration_s=0.002, ip="192.0.2.9", port=3128)
    exchange = seen("http", "exchange", "it", "it.example:443", duration_s=0.05, first_byte_s=0.04, status=200)
    found = samples_of(HEALTHY, proxied, exchange)

    assert found['probe_http_duration_seconds{phase="connect"}'] == 0.002
    assert found['probe_http_duration_seconds{phase="processing"}'] == 0.04
    assert found['probe_http_duration_seconds{phase="transfer"}'] == pytest.approx(0.01)
    assert found["probe_http_status_code"] == 200


def test_an_expired_certificate_still_tells_when():
    """The alert on certificates must not fall silent once it is too late."""
    expired = seen(
        *("tls", "handshake", "it", "192.0.2.1:443"), failure=Failure.TLS_EXPIRED, not_after="2026-11-01T00:00:00Z"
    )

    assert (
        samples_of(FAILING, connected("it", "192.0.2.1", 443), expired)["probe_ssl_earliest_cert_expiry"] == 1793491200
    )


async def test_beside_the_exporter(tmp_path):
    """The same server: names, kinds, helps, labels and what they say of it are the exporter's own."""
    authority = Authority("an authority")
    (tmp_path / "pem").write_text(authority.issue("localhost"))
    (tmp_path / "ca").write_text(authority.pem)
    module = {
        "prober": "http",
        "http": {"tls_config": {"ca_file": str(tmp_path / "ca")}, "preferred_ip_protocol": "ip4"},
    }
    (tmp_path / "config.yml").write_text(json.dumps({"modules": {"web": module}}))
    pem = tmp_path / "pem"
    body = f"ssl_certificate {pem}; ssl_certificate_key {pem}; location / {{ return 200 'fine'; }}"
    with nginx(tmp_path, {"web": ("ssl", body)}) as ports, blackbox_exporter(tmp_path / "config.yml") as exporter:
        url = f"https://localhost:{ports['web']}/"
        theirs = await asyncio.to_thread(fetched, f"{exporter}/probe?module=web&target={url}")
        with contextlib.ExitStack() as begun:
            names = NameServer.at(HERE, {"localhost": (HERE,)}, ())
            begun.callback(names.close)
            await names.start(begun)
            plan = Plan(
                name="p",
                targets=(Target(name=url, host="localhost", port=ports["web"], service="https"),),
                name_servers=(names.address,),
                tls=TlsExpectation(ca=authority.pem),
            )
            found = await Runner(plan, {}).run()
    ours = metrics.probe_text(found)
    (values, heads), (their_values, their_heads) = told(ours.decode()), told(theirs)
    same = {"probe_success", "probe_ip_protocol", "probe_ssl_earliest_cert_expiry"}
    same |= {"probe_http_status_code", "probe_http_ssl"}

    assert heads == {key: value for key, value in their_heads.items() if key[0] not in _NOT_OURS}
    assert values.keys() == {key for key in their_values if key.partition("{")[0] not in _NOT_OURS}
    assert {key: values[key] for key in same} == {key: their_values[key] for key in same}
    assert {metric.name for metric in METRICS} == {name for name, _ in heads}
    assert promtool(ours) == ""


def test_openmetrics():
    """The same lines, and an end, unless another text follows."""
    made = report(HEALTHY, connected("it", "192.0.2.1", 443))
    plain = metrics.probe_text(made)

    assert metrics.probe_text(made, openmetrics=True) == plain + b"# EOF\n"
    assert metrics.probe_text(made, openmetrics=True, last=False) == plain
