"""First do no harm: what really left the machine stays inside the budget and the plan."""

import pytest

from tests.lab.nameserver import FIRST, SECOND
from tests.lab.scenarios import SCENARIOS
from tests.lab.test_verdicts import fleet_plan, split


def test_budget_on_the_wire(lab):
    """Never more connections at once or per second than the limits say, time-outs included, nor any other address."""
    lab.fleet()
    plan = fleet_plan(240, connect_timeout="1s", concurrency=30, rate=60)
    with lab.record() as recording:
        outcome = lab.check(plan)

    assert recording.dropped == 0
    assert outcome.code == 2, outcome.stderr
    traced = sum(seen["probe"] == "path" for seen in outcome.report["observations"])
    assert len(recording.connections()) == 240 + traced
    assert recording.most_open(timeout=1.0) <= 30
    assert recording.most_opened() <= 60
    assert recording.most_opened(window=0.1) <= 6
    assert {(*split(target), "tcp") for target in plan["targets"]} == _sent(recording)


def test_one_connection_at_a_time_for_each_target(lab):
    """Several addresses of one name are tried one after the other."""
    plan = {
        "name": "names",
        "runtime": "host",
        "targets": ["https://www.aliyun.com/", "mysql://rm-lab.mysql.rds.aliyuncs.com:3306"],
        "limits": {"connect_timeout": "1s"},
    }
    with lab.record() as recording:
        lab.check(plan)

    assert recording.most_open(timeout=1.0) <= 2


@pytest.mark.parametrize(
    "name",
    ["sg_drop", "dns_one_name_dropped", "proxy_not_listening", "tls_untrusted", "eni_missing", "host_firewall_drop"],
)
def test_nothing_but_what_the_plan_declares(lab, name):
    """Whatever is broken and looked into: only declared targets and the name servers are addressed."""
    scenario = SCENARIOS[name]
    with lab.broken(*scenario.faults), lab.record(scenario.vantage) as recording:
        outcome = lab.check(
            scenario.plan,
            scenario.vantage,
            env=dict(scenario.env),
            resolv_conf=scenario.resolv_conf,
            hosts=scenario.hosts,
        )
    allowed = {(server, 53, protocol) for server in (FIRST, SECOND) for protocol in ("udp", "tcp")}
    for seen in outcome.report["observations"]:
        if seen["probe"] == "tcp":
            allowed.add((seen["facts"]["ip"], seen["facts"]["port"], "tcp"))
    declared = {target["port"] for target in outcome.report["run"]["plan"]["targets"]} | {53}
    if scenario.env:
        declared.update({3128, 3129})

    assert _sent(recording) <= allowed
    assert {port for _, port, _ in _sent(recording)} <= declared


def _sent(recording):
    """Where TCP and UDP went."""
    return {(address, port, protocol) for address, port, protocol in recording.destinations() if protocol != "arp"}
