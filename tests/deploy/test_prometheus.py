"""Rules and scrape configurations, as promtool sees them; every alert has its cases in tests/deploy/alerts."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.duty import DEPLOY
from tests.tls_servers import program

RULES = DEPLOY / "prometheus" / "alerts.yaml"
CASES = sorted(Path(__file__).with_name("alerts").glob("*.yaml"))
# Which pages of the documentation an alert sends to.
_PAGE = re.compile(r"docs/[a-z]+\.md")


def promtool(*arguments):
    """What promtool says."""
    done = subprocess.run([program("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def alerts():
    """The alerts, by name."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_the_rules_are_valid():
    """Promtool reads them."""
    code, said = promtool("check", "rules", RULES)

    assert 0 == code, said


@pytest.mark.parametrize("name", ["prometheus/scrape.yaml", "compose/prometheus.yaml"])
def test_the_configurations_are_valid(tmp_path, name):
    """Promtool reads them, with the rules beside them as in place."""
    for path in (DEPLOY / name, RULES):
        (tmp_path / path.name).write_text(path.read_text())

    code, said = promtool("check", "config", tmp_path / Path(name).name)

    assert 0 == code, said


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_the_alerts_fire_and_clear(cases):
    """Each with the labels that it is routed by, and the words that a person reads."""
    code, said = promtool("test", "rules", cases)

    assert 0 == code, said


def test_every_alert_is_seen_to_fire_and_to_clear():
    """An alert without such cases, or a case of none, is a mistake."""
    seen = {"fires": set(), "is quiet": set()}
    for path in CASES:
        for case in yaml.safe_load(path.read_text())["tests"]:
            for look in case["alert_rule_test"]:
                seen["fires" if look["exp_alerts"] else "is quiet"].add(look["alertname"])

    assert {"fires": set(alerts()), "is quiet": set(alerts())} == seen


def test_every_alert_says_how_bad_it_is_and_where_to_read_on():
    """A severity of two, a summary, a description; and the pages that they name are there."""
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in ("critical", "warning"), name
        assert {"summary", "description"} == set(rule["annotations"]), name
        for page in _PAGE.findall(rule["annotations"]["description"]):
            assert (DEPLOY.parent / page).is_file(), (name, page)
