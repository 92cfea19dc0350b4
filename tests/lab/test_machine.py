"""What keeps packets on this machine is named: its filter's rule, where that may be read; a policy rule, always."""

import pytest

from tests.lab.scenarios import SCENARIOS


def checked(lab, name, **options):
    """The first finding's reasons and remedy as one text, and the steps of the local probe that were taken."""
    scenario = SCENARIOS[name]
    with lab.broken(*scenario.faults):
        outcome = lab.check(scenario.plan, scenario.vantage, **options)
    first = outcome.report["findings"][0] if outcome.report["findings"] else None
    said = "; ".join((*first["because"], first["remedy"]["text"])) if first else ""
    return said, {seen["step"] for seen in outcome.report["observations"] if seen["probe"] == "local"}


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("output_drops_ports", "`tcp dport { 3306, 5432 } drop`"),
        ("local_firewall_reject", "`ip daddr 10.10.2.40 tcp dport 3306 reject with port-unreachable`"),
        ("output_rejects_from_host", "`ip daddr 10.10.2.40 tcp dport 3306 reject with port-unreachable`"),
    ],
)
def test_the_filters_rule_is_named(lab, name, rule):
    """In the reasons, and in what to change."""
    said, _ = checked(lab, name)

    assert said.count(rule) == 2


def test_without_capability_the_filter_is_not_read(lab):
    """The cause is found all the same; how to see the rule is said."""
    said, steps = checked(lab, "local_firewall_reject", bare=True)

    assert "filter" not in steps
    assert "nft list ruleset" in said


@pytest.mark.parametrize("bare", [False, True], ids=["with capabilities", "without"])
def test_the_policy_rule_is_named(lab, bare):
    """Whoever asks may know it."""
    said, _ = checked(lab, "policy_wrong_table", bare=bare)

    assert said.count("`100: from all to 10.10.2.0/24 lookup 100`") == 2


@pytest.mark.parametrize("name", ["policy_harmless", "output_harmless", "output_harmless_from_host"])
def test_nothing_is_read_where_nothing_is_wrong(lab, name):
    """Neither policy rules nor the filter, nor who takes the ports."""
    _, steps = checked(lab, name)

    assert steps.isdisjoint({"rules", "way", "filter", "filter_rule", "ports"})
