"""A real Prometheus scrapes `linkdoctor serve` in the lab: faults fire the right alerts, and the dashboard has data."""

import json
import re
import shlex

import pytest
import yaml

from tests.deploy.duty import DEPLOY, PLANS, Duty
from tests.deploy.operations import block, commands

FAILING, CHANGED = "LinkdoctorTargetFailing", "LinkdoctorOutboundAddressChanged"
# What Grafana puts in place of its variables.
VARIABLES = {"$__rate_interval": "10s", "$__range": "60s", "$plan": ".*", "$target": ".*", "$instance": ".*"}

_METRIC = re.compile(r"(?<!:)\blinkdoctor_\w+\b(?!:)")


@pytest.fixture(scope="module")
def duty(lab):
    """Both of them run, and every target of the plan `etl` is known to be healthy."""
    running = Duty(lab)
    running.begin()
    targets = len(PLANS["etl"]["targets"])
    healthy = f'count(target:linkdoctor_verdict:in_force{{plan="etl",verdict="healthy"}} == 1) == {targets}'
    assert running.some(healthy)[healthy], running.log("serve")
    return running


def firing(alert, **labels):
    """The query for an alert that fires with these labels."""
    words = ",".join(f'{name}="{value}"' for name, value in {"alertstate": "firing", **labels}.items())
    return f'ALERTS{{alertname="{alert}",{words}}}'


def test_faults_fire_alerts_with_their_causes_and_clear_again(duty, lab):
    """A security group that drops, a server that was stopped, an outbound address that changed.

    Each tells its cause and who must act, no other target is blamed, and all is quiet when all is mended.
    """
    queries = (
        firing(FAILING, plan="etl", target="metastore", cause="sg_drop", layer="filter", owner="network"),
        firing(FAILING, plan="etl", target="mysql", cause="service_not_listening", owner="DBA", severity="critical"),
        firing(CHANGED, plan="etl", cause="outbound_ip_changed"),
    )

    with lab.broken("group_drops_metastore", "mysql_stopped", "outbound_moved"):
        found = duty.some(*queries)
        blamed = duty.some(firing(FAILING)).popitem()[1]

    assert [] == [query for query in queries if not found[query]], duty.log("serve")
    assert {("etl", "metastore"), ("etl", "mysql")} == {
        (one["metric"]["plan"], one["metric"]["target"]) for one in blamed
    }
    assert {} == duty.none(*queries)


def test_a_target_is_probed_when_prometheus_asks(duty):
    """The job for /probe, relabelled as for blackbox_exporter, gets its metrics of each target."""
    queries = (
        'probe_success{job="linkdoctor-probe",instance="metastore"} == 1',
        'probe_ssl_earliest_cert_expiry{job="linkdoctor-probe",instance="aliyun"}',
    )

    found = duty.some(*queries)

    assert [] == [query for query in queries if not found[query]], duty.log("prometheus")


def test_a_pushed_run_is_one_of_its_own(duty):
    """What a timer pushes keeps the labels of its group, beside what is scraped."""
    said = duty.push("etl")
    query = 'linkdoctor_plan_verdict{job="linkdoctor",instance="lab",plan="etl",verdict="healthy"} == 1'

    assert duty.some(query)[query], said


def test_every_query_of_the_dashboard_finds_data(duty, lab):
    """Every panel and variable shows something, while something fails, and something else is short of its limits."""
    dashboard = json.loads((DEPLOY / "grafana" / "dashboards" / "linkdoctor.json").read_text())
    queries = {}
    for panel in dashboard["panels"]:
        for asked in panel.get("targets", ()):
            queries[_filled(asked["expr"])] = panel["title"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            queries[_filled(variable["query"]["query"])] = variable["name"]

    with lab.broken("mysql_stopped"):
        found = duty.some(*queries)

    assert {} == {query: title for query, title in queries.items() if not found[query]}, duty.log("serve")


def test_every_metric_that_alerts_ask_for_is_there(duty):
    """No alert is silent because a metric is called something else."""
    groups = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"]
    names = {name for group in groups for rule in group["rules"] for name in _METRIC.findall(rule["expr"])}

    found = duty.some(*names)

    assert {"linkdoctor_target_settled_verdict", "linkdoctor_lost_runs_total"} < names
    assert [] == [name for name in names if not found[name]]


def test_the_page_for_operators_asks_what_is_answered(duty):
    """Every request that docs/operations.md has somebody type is answered."""
    asked = [shlex.split(line)[1:] for line in commands("curl")]

    answers = {words[-1]: duty.fetch(words[-1], "POST" if "POST" in words else "GET") for words in asked}

    assert answers
    assert {200} == {status for status, _ in answers.values()}, answers
    assert "Observations" in next(text for url, (_, text) in answers.items() if "debug" in url)


def test_the_history_is_copied_while_it_is_written(duty):
    """The statement that docs/operations.md has for it makes a history that can be read."""
    _, database, statement = shlex.split(block("backup"))

    assert "etl" in duty.copied(database, statement)


def test_a_plan_that_is_refused_fires_until_it_is_mended(duty):
    """The old plan stays in force, and somebody is told."""
    query = firing("LinkdoctorReloadRefused")
    good = json.dumps({**PLANS["frugal"], "name": "frugal"})

    duty.write("frugal.yaml", "targets: nowhere")
    duty.signal("serve", "HUP")
    assert duty.some(query)[query], duty.log("serve")

    duty.write("frugal.yaml", good)
    duty.signal("serve", "HUP")
    assert {} == duty.none(query)


def test_linkdoctor_that_is_down_fires_until_it_is_back(duty):
    """Nothing is known of targets then, and that is told."""
    query = firing("LinkdoctorDown", job="linkdoctor", severity="critical")

    duty.signal("serve", "TERM")
    assert duty.some(query)[query]

    duty.serve()
    assert {} == duty.none(query), duty.log("serve")


def _filled(query):
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    assert "$" not in query
    return query
