"""The metrics of whoever watches: verdicts in force, who is asked less, and what is counted once."""

from attrs import evolve
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from reports.metrics import Tally, Watched
from reports.metrics.table import MOST_WATCHED
from reports.metrics.tally import Made
from reports.model import DEGRADED, FAILING, HEALTHY
from tests.prometheus_parts import promtool
from tests.reports import samples
from tests.reports.test_metrics import series

WATCHED = Watched(
    verdict=DEGRADED,
    interval_s=15.0,
    settled={"metastore": HEALTHY, "namenode": FAILING},
    every={"metastore": 4},
    kept={"metastore": 1.8e9},
)


def made(report=None, watched=WATCHED):
    """A tally that took in the report."""
    tally = Tally()
    tally.put(Made.of(report or samples.nightly(), tally.room(samples.nightly()), watched))
    return tally


def test_what_holds_beside_what_was_measured():
    """Both verdicts stand there; a target of which none is in force has none."""
    found = series(made().text())

    assert found["linkdoctor_target_verdict", "target=metastore", "verdict=failing"] == 1
    assert found["linkdoctor_target_settled_verdict", "target=metastore", "verdict=healthy"] == 1
    assert found["linkdoctor_target_settled_verdict", "target=metastore", "verdict=failing"] == 0
    assert ("linkdoctor_target_settled_verdict", "target=oss", "verdict=healthy") not in found
    assert found["linkdoctor_plan_settled_verdict", "verdict=degraded"] == 1
    assert found["linkdoctor_plan_interval_seconds",] == 15
    assert found["linkdoctor_target_asked_every_runs", "target=metastore"] == 4
    assert found["linkdoctor_target_last_asked_timestamp_seconds", "target=metastore"] == 1.8e9
    assert ("linkdoctor_target_asked_every_runs", "target=namenode") not in found


def test_a_target_has_so_many_more_at_most():
    """docs/metrics.md states the number."""
    plain, watched = (series(tally.text()) for tally in (made(watched=None), made()))

    assert len([key for key in watched if "target=metastore" in key and key not in plain]) == MOST_WATCHED


def test_what_an_earlier_run_saw_is_counted_once():
    """The target that was not asked adds nothing to what grows; its gauges stand."""
    alone, kept = (series(made(watched=watched).text()) for watched in (None, WATCHED))
    failures = "linkdoctor_failures_total"

    assert [key for key in alone if key[0] == failures]
    assert not [key for key in kept if key[0] == failures]
    assert [key for key in kept if key[0] == "linkdoctor_target_failures" and "target=metastore" in key]


def test_runs_that_changed_nothing():
    """They are counted beside the others."""
    tally = made(watched=evolve(WATCHED, spoiled=True))
    tally.put(Made.of(samples.nightly(), watched=WATCHED))
    found = series(tally.text())

    assert found["linkdoctor_spoiled_runs_total",] == 1
    assert found["linkdoctor_runs_total", "verdict=failing"] == 2


def test_a_run_that_could_not_begin():
    """A shortage, from nothing on, also where no run was ever made."""
    tally = Tally()
    tally.fell_short("p", "no_descriptors")

    assert series(tally.text())["linkdoctor_shortages_total", "failure=no_descriptors"] == 1


def test_the_text_is_that_of_prometheus_client():
    """To the byte; and promtool has nothing to say."""
    tally, registry = made(), CollectorRegistry()
    registry.register(tally)

    assert tally.text() == generate_latest(registry)
    assert tally.text(openmetrics=True) == openmetrics.generate_latest(registry)
    assert promtool(tally.text()) == ""
