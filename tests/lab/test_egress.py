"""A changed outbound address is noticed because the runs before it were kept."""

import itertools

import pytest

from tests.lab.network import SANDBOX, VPCHOST
from tests.lab.scenario import host, target, udf

ECHO = {"echo": "http://ip.example/ip"}
_folders = (f"/run/lab/kept-{number}" for number in itertools.count())


@pytest.fixture
def state():
    """A folder of the lab for this test alone."""
    return next(_folders)


def summary(outcome):
    """Verdict, and the findings of the layer egress in short."""
    assert outcome.report is not None, outcome.stderr
    findings = [one for one in outcome.report["findings"] if one["layer"] == "egress"]
    return outcome.report["verdict"], [(one["cause"], one["severity"], one["targets"]) for one in findings]


def because(outcome):
    """The first finding's evidence in words."""
    return " ".join(outcome.report["findings"][0]["because"])


@pytest.mark.parametrize(
    ("vantage", "make", "moved", "old", "new"),
    [
        (SANDBOX, udf, "outbound_moved", "203.0.113.7", "203.0.113.8"),
        (VPCHOST, host, "nat_gateway_moved", "192.0.2.2", "192.0.2.3"),
    ],
)
def test_a_change_is_noticed(lab, state, vantage, make, moved, old, new):
    """Told at once, explains the partner that drops it for as long as it does, and by its whitelist more surely."""
    plan = make("metastore", "aliyun", "amap", "partner", egress=ECHO)
    known = make("metastore", "aliyun", "amap", target("partner", admits=[old]), egress=ECHO)
    kept = ("--state", state)
    first = lab.check(plan, vantage, *kept)
    with lab.broken(moved):
        told = lab.check(plan, vantage, *kept)
        after = lab.check(plan, vantage, *kept)
    same = lab.check(plan, vantage, *kept)
    with lab.broken(moved, "partner_admits_one_drop"):
        silent = lab.check(plan, vantage, *kept)
        still = lab.check(plan, vantage, *kept)
        surer = lab.check(known, vantage, *kept)

    assert summary(first) == ("healthy", [])
    assert summary(told) == ("healthy", [("outbound_ip_changed", "info", ["aliyun", "amap", "partner"])])
    assert summary(after) == ("healthy", [])
    assert summary(same)[1] == [("outbound_ip_changed", "info", ["aliyun", "amap", "partner"])]
    assert summary(silent) == ("failing", [("outbound_ip_changed", "critical", ["partner"])])
    assert summary(still) == summary(silent)
    assert summary(surer) == ("failing", [("outbound_ip_changed", "critical", ["partner"])])
    assert f"this job now goes out as {new}; at " in because(silent)
    assert f" UTC it was {old}" in because(silent)
    assert f"only {old} is said to be admitted" in because(surer)


def test_again_remembers(lab, state):
    """A saved report serves as well: the partner is checked again, and the change is its explanation."""
    plan = udf("metastore", "aliyun", "partner", egress=ECHO)
    with lab.broken("partner_stopped"):
        before = lab.check(plan)
    with lab.broken("outbound_moved", "partner_admits_one_drop"):
        again = lab.check(plan, SANDBOX, "--again", "before.json", files={"before.json": before.stdout})

    assert summary(again) == ("failing", [("outbound_ip_changed", "critical", ["partner"])])
