"""From reports to series: what stands there, what does not, and what becomes of it from run to run."""

import re

import pytest
from attrs import evolve

from reports import metrics
from reports.failures import Failure
from reports.metrics import table
from reports.model import (
    DEGRADED,
    FAILING,
    HEALTHY,
    UNDETERMINED,
    Job,
    Plan,
    Target,
    TargetResult,
    Vantage,
)
from tests.reports import samples
from tests.reports.building import STARTED, connected, report_of, seen

_LINE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
_PAIR = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def series(text):
    """The samples of a text: name and labels (but the plan) to value."""
    rows = (_LINE.fullmatch(line) for line in text.decode().splitlines() if not line.startswith("#"))
    return {
        (row[1], *(f"{name}={value}" for name, value in _PAIR.findall(row[2] or "") if name != "plan")): float(row[3])
        for row in rows
    }


def of(report, name):
    """The series of one metric, by their labels."""
    return {key[1:]: value for key, value in series(metrics.text_of(report)).items() if key[0] == name}


def one(verdict, *observations, service="https", findings=(), **result):
    """A report on one target."""
    target = Target(name="it", host="it.example", port=443, service=service)
    told = TargetResult(
        name="it", address="it.example:443", verdict=verdict, findings=tuple(f.id for f in findings), **result
    )
    return report_of(
        Plan(name="p", targets=(target,)), Vantage(), [told], observations, verdict=verdict, findings=tuple(findings)
    )


class TestTargets:
    """The gauges of a target."""

    @pytest.mark.parametrize(("verdict", "up"), [(HEALTHY, 1.0), (DEGRADED, 1.0), (FAILING, 0.0), (UNDETERMINED, None)])
    def test_up(self, verdict, up):
        """What can be used is up; what is not known is not there, and stands among the verdicts all the same."""
        report = one(verdict)

        assert of(report, "linkdoctor_target_up").get(("target=it",)) == up
        assert {key[1]: value for key, value in of(report, "linkdoctor_target_verdict").items()} == {
            f"verdict={word}": float(word == verdict) for word in (HEALTHY, DEGRADED, UNDETERMINED, FAILING)
        }

    def test_phases(self):
        """A phase that completed has its duration at the slowest address; one that did not run has nothing."""
        report = one(
            HEALTHY,
            seen("dns", "resolver", None, "getaddrinfo", duration_s=0.004, name="it.example", addresses="192.0.2.1"),
            connected("it", "192.0.2.1", 443, rtt_s=0.002),
            connected("it", "192.0.2.2", 443, rtt_s=0.003),
            seen("tls", "handshake", "it", "192.0.2.1:443", duration_s=0.02),
            seen("http", "exchange", "it", "192.0.2.1:443", duration_s=0.5, first_byte_s=0.01, status=204),
        )

        assert of(report, "linkdoctor_target_phase_duration_seconds") == {
            ("phase=resolve", "target=it"): 0.004,
            ("phase=connect", "target=it"): 0.003,
            ("phase=tls", "target=it"): 0.02,
            ("phase=exchange", "target=it"): 0.01,
        }
        assert of(report, "linkdoctor_target_http_status_code") == {("target=it",): 204.0}

    def test_a_failed_phase_has_a_failure_and_no_duration(self):
        """How long it took to fail is no duration; at how many addresses, and how, is told."""
        failed = [
            seen("tcp", "connect", "it", f"192.0.2.{n}:443", duration_s=3.0, failure=Failure.TIMED_OUT) for n in (1, 2)
        ]
        report = one(FAILING, *failed)

        assert of(report, "linkdoctor_target_phase_duration_seconds") == {}
        assert of(report, "linkdoctor_target_failures") == {("failure=timed_out", "phase=connect", "target=it"): 2.0}

    def test_what_experiments_tried_is_no_phase(self):
        """A handshake from another address that fails says nothing of how the job fares."""
        report = one(
            HEALTHY,
            connected("it", "192.0.2.1", 443),
            seen("tcp", "connect_from", "it", "192.0.2.1:443", failure=Failure.TIMED_OUT),
        )

        assert of(report, "linkdoctor_target_failures") == {}

    def test_a_shortage_of_this_machine_is_not_the_targets(self):
        """It is counted for the run, and never as a failure of the target."""
        report = one(UNDETERMINED, seen("tcp", "connect", "it", "192.0.2.1:443", failure=Failure.NO_DESCRIPTORS))

        assert of(report, "linkdoctor_target_failures") == {}
        assert of(report, "linkdoctor_last_run_shortages") == {("failure=no_descriptors",): 1.0}

    def test_a_missing_ipv6_address_is_no_failure(self):
        """Name servers say that there is none for most names; what counts is that the name has an address."""
        name = {"name": "it.example", "index": 0}
        report = one(
            HEALTHY,
            seen("dns", "query", None, "192.0.2.53:53", duration_s=0.3, type="A", addresses="192.0.2.1", **name),
            seen("dns", "query", None, "192.0.2.53:53", failure=Failure.DNS_NO_ANSWER, type="AAAA", **name),
        )

        assert of(report, "linkdoctor_target_failures") == {}
        assert of(report, "linkdoctor_target_phase_duration_seconds") == {("phase=resolve", "target=it"): 0.3}

    def test_a_name_that_does_not_exist(self):
        """The first server's word on the first record type is the failure."""
        name = {"name": "it.example", "index": 0}
        report = one(
            FAILING,
            seen("dns", "query", None, "192.0.2.53:53", failure=Failure.DNS_NO_ANSWER, type="AAAA", **name),
            seen("dns", "query", None, "192.0.2.53:53", failure=Failure.DNS_NXDOMAIN, type="A", **name),
        )

        assert of(report, "linkdoctor_target_failures") == {("failure=dns_nxdomain", "phase=resolve", "target=it"): 1.0}

    def test_causes(self):
        """What is wrong with a target: cause, layer, owner and severity as labels, the confidence as value."""
        assert of(samples.nightly(), "linkdoctor_target_cause_confidence_ratio") == {
            ("cause=sg_drop", "layer=filter", "owner=network", "severity=critical", "target=metastore"): 0.78
        }
        assert of(samples.healthy(), "linkdoctor_target_cause_confidence_ratio") == {}

    def test_a_cause_that_this_version_does_not_know(self):
        """Labels come from closed lists, also where a later linkdoctor wrote the report."""
        finding = evolve(samples.nightly().findings[0], cause="cosmic_rays", layer="sky", targets=("it",))
        report = one(FAILING, findings=[finding])

        assert [key[:2] for key in of(report, "linkdoctor_target_cause_confidence_ratio")] == [
            ("cause=other", "layer=other")
        ]

    def test_certificate(self):
        """The earliest moment at which one of its certificates expires, in Unix seconds."""
        report = one(
            HEALTHY,
            seen("tls", "handshake", "it", "192.0.2.1:443", not_after="2026-12-24T08:00:00.000000Z"),
            seen("tls", "handshake", "it", "192.0.2.2:443", not_after="2026-12-01T08:00:00Z"),
        )

        assert of(report, "linkdoctor_target_certificate_expiry_timestamp_seconds") == {("target=it",): 1796112000.0}

    def test_connections(self):
        """What a saturation measured: held, tried, the limit and its interval; nothing where no limit was met."""
        measured = seen("saturation", "limit", "it", "192.0.2.1:443", held=120, tried=140, maximum=200)
        report = one(
            HEALTHY, evolve(measured, facts={**measured.facts, "limit": 120, "limit_low": 118, "limit_high": 121})
        )

        assert {
            name: value for (name, *_), value in series(metrics.text_of(report)).items() if "connections" in name
        } == {
            "linkdoctor_target_connections_held": 120.0,
            "linkdoctor_target_connections_tried": 140.0,
            "linkdoctor_target_connections_limit": 120.0,
            "linkdoctor_target_connections_limit_low": 118.0,
            "linkdoctor_target_connections_limit_high": 121.0,
        }
        assert of(one(HEALTHY, measured), "linkdoctor_target_connections_limit") == {}

    def test_facts_of_another_type_are_no_values(self):
        """A report is data: a text where a number should be is left out, and ends nothing."""
        report = one(
            HEALTHY,
            seen("http", "exchange", "it", "192.0.2.1:443", status="two hundred", first_byte_s="soon"),
            seen("tls", "handshake", "it", "192.0.2.1:443", not_after="tomorrow"),
            seen("loss", "handshakes", "it", "192.0.2.1:443", loss=True),
        )
        names = {key[0] for key in series(metrics.text_of(report))}

        assert not names & {
            "linkdoctor_target_http_status_code",
            "linkdoctor_target_certificate_expiry_timestamp_seconds",
            "linkdoctor_target_packet_loss_ratio",
        }


class TestPlans:
    """The gauges of a plan's last run."""

    def test_the_last_run(self):
        """When it ended, how long it took, how its targets are."""
        report = samples.no_eni()
        found = series(metrics.text_of(report))

        assert found["linkdoctor_last_run_timestamp_seconds",] == STARTED + 3.2
        assert found["linkdoctor_last_run_duration_seconds",] == 3.2
        assert found["linkdoctor_last_run_partial",] == 0
        assert found["linkdoctor_plan_targets", "verdict=failing"] == 60
        assert found["linkdoctor_plan_targets", "verdict=degraded"] == 1
        assert found["linkdoctor_plan_verdict", "verdict=failing"] == 1
        assert sum(value for (name, *_), value in found.items() if name == "linkdoctor_plan_findings") == 3
        assert ("linkdoctor_plan_connections_needed",) not in found

    def test_what_the_job_needs(self):
        """So that it can be compared with what the way holds."""
        report = samples.nightly()
        plan = evolve(report.run.plan, job=Job(instances=40, connections=8))

        assert of(evolve(report, run=evolve(report.run, plan=plan)), "linkdoctor_plan_connections_needed") == {
            (): 320.0
        }

    def test_networks(self):
        """Of each network and question all its blocks together, each state a series."""
        blocks = [
            seen("subnet", "states", None, "10.10.0.0/24", network="vswitch-a", asked="9083", open=3, silent=253),
            seen("subnet", "states", None, "10.10.1.0/24", network="vswitch-a", asked="9083", open=2, refused=254),
            seen("subnet", "states", None, "10.10.0.0/24", network="vswitch-a", asked="echo", alive=7),
        ]
        found = of(one(HEALTHY, *blocks), "linkdoctor_subnet_addresses")

        assert {key[2]: value for key, value in found.items() if key[0] == "asked=9083"} == {
            "state=open": 5.0,
            "state=refused": 254.0,
            "state=filtered": 0.0,
            "state=alive": 0.0,
            "state=silent": 253.0,
            "state=unknown": 0.0,
        }
        assert found["asked=echo", "network=vswitch-a", "state=alive"] == 7.0


class TestLimit:
    """How many series there are at most."""

    def test_what_is_over_it_is_dropped_and_counted(self):
        """The first targets are kept, each whole; the plan's own series are always there."""
        report = samples.no_eni(50)
        everything = series(metrics.text_of(report))
        tally = metrics.Tally(most=200)
        tally.add(report)
        kept = series(tally.text())
        named = [key[1] for key in kept if key[0] == "linkdoctor_target_up"]
        gauges = {key for key in everything if key[0] != "linkdoctor_build_info"}

        assert named == [f"target=worker-{n:04}" for n in range(1, len(named) + 1)]
        assert 0 < len(named) < 50
        assert len(gauges & set(kept)) <= 200
        assert kept["linkdoctor_dropped_series",] == len(gauges - set(kept)) > 0
        assert kept["linkdoctor_plan_targets", "verdict=failing"] == 50
        for name in named:
            assert {key for key in kept if name in key} == {key for key in everything if name in key}

    def test_it_is_of_all_plans_together(self):
        """A second plan gets what the first one leaves."""
        first, second = samples.no_eni(50), samples.scattered(60)
        alone = len(series(metrics.text_of(first)))
        tally = metrics.Tally(most=alone + 100)
        tally.add(first)
        tally.add(second)
        found = series(tally.text())

        assert 0 < found["linkdoctor_dropped_series",]
        assert ("linkdoctor_target_up", "target=worker-0050") in found
        assert ("linkdoctor_target_up", "target=10.30.0.59:7000") not in found

    def test_a_target_has_so_many_at_most(self):
        """However much is wrong with it: docs/metrics.md states the number."""
        failures = [
            seen("tcp", "connect", "it", f"192.0.2.{n}:443", failure=failure)
            for n, failure in enumerate(Failure, 1)
            if not failure.value.startswith("no_")
        ]
        causes = ("sg_drop", "host_down", "tls_expired", "http_5xx", "dns_slow", "wrong_route", "packet_loss")
        findings = [evolve(samples.nightly().findings[0], id=f"f-{cause}", cause=cause) for cause in causes]
        facts = ("held", "tried", "limit", "limit_low", "limit_high", "rate_limit")
        report = one(
            FAILING,
            *failures,
            seen("dns", "resolver", None, "getaddrinfo", name="it.example", addresses="192.0.2.1"),
            connected("it", "192.0.2.1", 443),
            seen("http", "proxy", "it", "192.0.2.9:3128", first_byte_s=0.1),
            seen("tls", "handshake", "it", "192.0.2.1:443", not_after="2026-12-01T08:00:00Z"),
            seen("http", "exchange", "it", "192.0.2.1:443", first_byte_s=0.1, status=200),
            seen("loss", "handshakes", "it", "192.0.2.1:443", loss=0.5),
            seen("throughput", "transfer", "it", "192.0.2.1:443", rate_bytes_s=1e6),
            seen("saturation", "limit", "it", "192.0.2.1:443", **dict.fromkeys(facts, 7)),
            findings=findings,
            latency_s=0.1,
        )
        of_target = [key for key in series(metrics.text_of(report)) if "target=it" in key]

        assert len(of_target) == table.MOST_OF_A_TARGET

    def test_names_that_occur_twice(self):
        """The first one counts: a series that stands there twice would cost the whole scrape."""
        report = one(HEALTHY)
        twice = evolve(report, targets=report.targets * 2)

        assert metrics.text_of(twice).count(b"linkdoctor_target_up{") == 1


class TestTally:
    """What is kept between runs."""

    def test_counters_and_histograms_grow(self):
        """Runs by verdict, failures by kind, durations by phase and service."""
        tally = metrics.Tally()
        good = one(HEALTHY, connected("it", "192.0.2.1", 443, rtt_s=0.0007))
        bad = one(FAILING, seen("tcp", "connect", "it", "192.0.2.1:443", failure=Failure.CONNECTION_REFUSED))
        for report in (good, bad, bad):
            tally.add(report)
        found = series(tally.text())

        assert found["linkdoctor_runs_total", "verdict=healthy"] == 1
        assert found["linkdoctor_runs_total", "verdict=failing"] == 2
        assert found["linkdoctor_runs_total", "verdict=degraded"] == 0
        assert found["linkdoctor_failures_total", "failure=connection_refused", "phase=connect", "service=https"] == 2
        assert found["linkdoctor_phase_duration_seconds_count", "phase=connect", "service=https"] == 1
        assert found["linkdoctor_phase_duration_seconds_bucket", "le=0.0005", "phase=connect", "service=https"] == 0
        assert found["linkdoctor_phase_duration_seconds_bucket", "le=0.001", "phase=connect", "service=https"] == 1
        assert found["linkdoctor_run_duration_seconds_sum",] == pytest.approx(9.6)

    def test_gauges_follow_the_last_report(self):
        """A target that left the plan has no series any more; what grew stays."""
        tally = metrics.Tally()
        tally.add(samples.nightly())
        last = samples.nightly()
        tally.add(evolve(last, targets=last.targets[1:]))
        found = series(tally.text())

        assert not [key for key in found if "target=metastore" in key]
        assert ("linkdoctor_target_up", "target=namenode") in found
        assert found["linkdoctor_runs_total", "verdict=failing"] == 2

    def test_a_plan_that_is_no_longer_served(self):
        """All of its series vanish, those of others stay."""
        tally = metrics.Tally()
        tally.add(samples.nightly())
        tally.add(samples.no_eni())
        tally.keep(["wide-job"])
        text = tally.text().decode()

        assert "nightly-etl" not in text
        assert 'linkdoctor_runs_total{plan="wide-job",verdict="failing"} 1.0' in text

    def test_overruns_and_shortages(self):
        """Our own trouble is counted, from nothing on."""
        tally = metrics.Tally()
        tally.add(one(UNDETERMINED, seen("tcp", "connect", "it", "192.0.2.1:443", failure=Failure.OVERLOADED)))
        before = series(tally.text())
        tally.overran("p")
        after = series(tally.text())

        assert before["linkdoctor_overruns_total",] == 0
        assert after["linkdoctor_overruns_total",] == 1
        assert after["linkdoctor_shortages_total", "failure=overloaded"] == 1

    def test_the_value_at_a_bound(self):
        """A bucket holds what is at most its bound."""
        tally = metrics.Tally()
        tally.add(one(HEALTHY, connected("it", "192.0.2.1", 443, rtt_s=0.001)))
        found = series(tally.text())

        assert found["linkdoctor_phase_duration_seconds_bucket", "le=0.001", "phase=connect", "service=https"] == 1
