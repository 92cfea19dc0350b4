"""The same states whoever sweeps; and where this machine's own rules make them differ, the result says so."""

import pytest

from tests.lab.harness import LINKDOCTOR
from tests.lab.sweep.bench import BARE, PATIENCE, RAW, SHORT, SOMEBODY, command, sweep, sweeps
from tests.lab.sweep.places import BOTH, HERE, MIXED, NO_WAY, ONE, PORTS, part_of

WHO = {"root": (), "CAP_NET_RAW alone": RAW, "no capability": BARE, "somebody": SOMEBODY}
METHODS = {"root": "syn", "CAP_NET_RAW alone": "syn", "no capability": "connect", "somebody": "connect"}


@pytest.fixture(scope="module")
def swept(ground):
    """What each of them finds."""
    commands = {who: command(MIXED, ports=PORTS, timeout=PATIENCE, rights=rights) for who, rights in WHO.items()}
    return sweeps(ground, commands)


def _certain(result):
    """Without the part where chance decides who gets an error."""
    return {where: letter for where, letter in result.states.items() if part_of(where[0]).title != NO_WAY}


@pytest.mark.parametrize("who", WHO)
def test_same_states(swept, who):
    """Whatever engine was allowed."""
    assert _certain(swept[who]) == _certain(swept["root"])


@pytest.mark.parametrize("who", WHO)
def test_the_best_engine_that_is_allowed(swept, who):
    """It is chosen by what is allowed here and not by who one is, and said."""
    assert swept[who].run["method"] == METHODS[who]
    assert swept[who].run["why"]


def test_same_echoes(ground):
    """Raw sockets, or ping sockets where there are none."""
    rights = {"icmp: this process may open raw": RAW, "ping sockets": BARE}
    results = sweeps(ground, {how: command(MIXED, timeout=PATIENCE, rights=these) for how, these in rights.items()})
    raw, ping = map(_certain, results.values())

    assert {how for how, result in results.items() if how in result.run["why"]} == set(rights)
    assert raw == ping
    assert set(raw.values()) == {"a", "f", "."}


def test_what_is_not_allowed_is_said(ground):
    """An engine that is forced and cannot run is no silence: exit code 3, and what it lacks."""
    result = sweep(ground, MIXED, ports=PORTS, method="syn", rights=BARE)

    assert result.code == 3
    assert "CAP_NET_RAW" in result.stderr


@pytest.mark.parametrize("method", ["syn", "connect"])
def test_own_output_rule(ground, method):
    """A port that this machine's own filter drops is unknown and not silent, whatever the engine; the rule is named."""
    with ground.broken("sweep_own_output"):
        result = sweep(ground, "10.72.0.0/27", ports=PORTS, method=method, timeout=SHORT)
        text = command("10.72.0.0/27", ports=PORTS, method=method, timeout=SHORT, style="text")
        said = " ".join(ground.run(text, HERE)["stdout"].split())

    assert f"nothing is known of 32 addresses on {ONE}: {result.run['lacked']}" in said
    assert result.counts(str(BOTH)) == {"o": 32}
    assert result.counts(str(ONE)) == {"?": 32}
    assert f"dport {ONE} drop" in result.run["lacked"]
    assert (result.code, result.report["verdict"]) == (3, "undetermined")


def test_own_output_rule_in_a_check(ground, tmp_path):
    """The same where a check sweeps the plan's networks: no group is blamed for what never left."""
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        f"targets: ['10.72.0.3:{BOTH}']\nnetworks: [{{name: vswitch-b, cidr: 10.72.0.0/27, ports: [{BOTH}, {ONE}]}}]\n"
    )
    with ground.broken("sweep_own_output"):
        said = " ".join(ground.run([str(LINKDOCTOR), "check", str(plan)], HERE)["stdout"].split())

    assert f"nothing is known of 28 addresses on {ONE}: this machine's own packet filter does not let it out" in said
    assert f"dport {ONE} drop, in the chain" in said
    assert "sg_drop" not in said
