"""An inventory beside the measurement: the whole command, in a network where the filter is the one that it tells of."""

import pytest
from attrs import evolve

from tests.lab.cloud import cloud, inbound
from tests.lab.network import ENI_ADDRESS

METASTORE, NAMENODE = "10.10.2.30:9083", "10.10.2.30:8020"
PLAN = {
    "name": "inventory",
    "targets": [
        {"name": "metastore", "address": METASTORE, "service": "hive-metastore", "via": "vpc"},
        {"name": "namenode", "address": NAMENODE, "service": "hdfs-namenode", "via": "vpc"},
    ],
    "networks": [{"name": "vswitch-a", "cidr": "10.10.1.0/24"}],
    "inventory": "cloud.json",
    "limits": {"connect_timeout": "1s"},
}
ADMITS = inbound(1, "accept", "8020/9083", 10)
DROPS = inbound(2, "drop", "9083/9083", 5)


def _findings(lab, *rules):
    outcome = lab.check(PLAN, files={"cloud.json": cloud(rules)})
    assert outcome.report is not None, outcome.stderr
    return {finding["cause"]: finding for finding in outcome.report["findings"]}, outcome.report


def test_rule_and_measurement_are_one_finding(lab):
    """The filter drops, and the inventory says by which rule: one finding, with the rule to add."""
    with lab.broken("group_drops_metastore"):
        findings, report = _findings(lab, ADMITS, DROPS)
    assert list(findings) == ["sg_drop"]
    found = findings["sg_drop"]
    assert found["targets"] == ["metastore"]
    assert (
        f"the inventory says of {ENI_ADDRESS} to {METASTORE}: rule 2 of sg-hosts (sgr-2) drops it: drop TCP 9083/9083 "
        "from 10.10.1.0/24, priority 5"
    ) in found["because"]
    assert found["remedy"]["snippet"] == (
        "inbound  allow  TCP  9083/9083  source 10.10.1.0/24  priority 4  in sg-hosts"
    )
    assert len(report["run"]["plan"]["inventory"]["enis"]) == 3


def test_an_old_inventory_contradicts(lab):
    """The filter drops what the inventory still admits: the contradiction stands beside the cause."""
    with lab.broken("group_drops_metastore"):
        findings, _ = _findings(lab, ADMITS)
    assert "config_disagrees" in findings
    assert findings["config_disagrees"]["targets"] == ["metastore"]
    assert any(finding["severity"] == "critical" for finding in findings.values())


@pytest.mark.parametrize("rules", [(), (ADMITS, DROPS)], ids=["default", "rule"])
def test_what_is_open_contradicts_what_drops_it(lab, rules):
    """Nothing is filtered, and the inventory says that it is: a warning, and no target fails."""
    findings, report = _findings(lab, *rules)
    assert list(findings) == ["config_disagrees"]
    assert report["verdict"] == "degraded"


def test_nothing_is_said_where_both_agree(lab):
    """Open, and admitted."""
    findings, report = _findings(lab, evolve(ADMITS, ports="1/65535"))
    assert (findings, report["verdict"]) == ({}, "healthy")
