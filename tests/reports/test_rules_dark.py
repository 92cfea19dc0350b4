"""What is said of parts of a network in which nobody answers, and of a target that lies in one."""

import random

import pytest
from attrs import evolve

from reports.failures import Failure
from reports.model import HEALTHY
from reports.sweep import ALIVE, FILTERED
from tests.reports.building import connected, seen
from tests.reports.sweeps import VSWITCH_B, lively
from tests.reports.test_rules_subnet import (
    BETWEEN,
    IT,
    OWN,
    alone,
    cleared,
    diagnosed,
    shares,
    swept,
    told,
    words,
)

# --- a target that lies in one ----------------------------------------------------------------------------------------


def _silent_at(host, states, *others):
    """A target at this address is silent, and its network was swept."""
    facts = {"ip": host, "port": 9083, "source": OWN, "syns": 2}
    it = evolve(IT, host=host)
    silence = seen("tcp", "connect", "it", it.address, failure=Failure.TIMED_OUT, duration_s=1.5, **facts)
    return diagnosed([silence, *others], swept(states), targets=(it,), silent=False)


def test_the_target_lies_where_nobody_is_yet():
    """Addresses are handed out in order: in the part that is not in use it is rather the address that is wrong."""
    diagnosis = _silent_at("10.10.2.200", lively(*range(1, 111)))

    assert next(iter(shares(diagnosis))) == "host_down"
    assert "acl_drop" not in shares(diagnosis)
    assert any("as where addresses are not in use" in line for line in words(diagnosis, "host_down"))


def test_the_target_lies_in_a_part_with_edges():
    """A route that discards or a list that drops, and both for the part: the rest answers."""
    hosts = [index for index in range(1, 253) if index not in range(64, 96)]
    diagnosis = _silent_at("10.10.2.70", lively(*hosts))

    assert set(list(shares(diagnosis))[:2]) == {"blackhole_route", "acl_drop"}
    assert "a check from a host inside 10.10.2.64/27" in next(
        one.decided_by for one in diagnosis.findings[0].candidates if one.cause == "blackhole_route"
    )


def test_the_inventory_knows_the_lists():
    """What lets it through by the inventory is hardly what drops it."""
    hosts = [index for index in range(1, 253) if index not in range(64, 96)]
    facts = {"source": OWN, "measured": True, "verdict": "accept", "drops": False, "why": "no ACL"}
    known = seen("inventory", "acl", "it", "10.10.2.70:9083", **facts)

    assert "acl_drop" not in shares(_silent_at("10.10.2.70", lively(*hosts), known))


def test_the_target_lies_in_a_dark_part():
    """That others in the network answer does not clear a route that leads astray for this part alone."""
    dark = [*range(64, 128)]
    hosts = [index for index in range(1, 253) if index not in dark]
    inside = evolve(IT, host="10.10.2.70")
    facts = {"ip": "10.10.2.70", "port": 9083, "source": OWN, "syns": 2}
    silence = seen("tcp", "connect", "it", inside.address, failure=Failure.TIMED_OUT, duration_s=1.5, **facts)
    beside = evolve(IT, name="beside", host="10.10.2.3")
    observations = [silence, connected("beside", "10.10.2.3", 9083, source=OWN)]

    def with_hosts(live):
        return diagnosed(observations, swept(lively(*live)), targets=(inside, beside), silent=False)

    in_the_dark, among_others = with_hosts(hosts), with_hosts(range(1, 253, 2))

    assert "blackhole_route" in cleared(among_others)
    assert "blackhole_route" in shares(in_the_dark)
    assert ("subnet_partly_dark", "warning") in told(in_the_dark)
    assert any("10.10.2.70, which is said to be in use" in line for line in words(in_the_dark, "subnet_partly_dark"))


# --- dark parts -------------------------------------------------------------------------------------------------------


def dark(*observations, **how):
    """Severity and confidence of what is said of a dark part."""
    findings = alone(*observations, **how).findings
    return [(one.severity, one.confidence) for one in findings if one.cause == "subnet_partly_dark"]


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        pytest.param(BETWEEN, [("warning", 0.7)], id="sharp edges"),
        pytest.param([*range(1, 16), *range(32, 253)], [("warning", 0.7)], id="a /28 of a crowded network"),
        pytest.param([*range(1, 62), *range(129, 253)], [("warning", 0.7)], id="nearly sharp"),
        pytest.param([*range(1, 61), *range(130, 253)], [("warning", 0.55)], id="a gap that is a little longer"),
        pytest.param([*range(1, 50), *range(136, 253)], [("info", 0.2)], id="any gap, the only one"),
        pytest.param([*range(1, 16), *range(32, 80), *range(92, 253)], [("info", 0.2)], id="a gap beside another"),
        pytest.param([*range(1, 40), *range(150, 220), *range(240, 250)], [], id="any gaps"),
        pytest.param(range(1, 100), [], id="the end is not used yet"),
        pytest.param(range(130, 253), [], id="nor the beginning"),
        pytest.param(range(1, 253, 2), [], id="everywhere"),
    ],
)
def test_gaps(hosts, expected):
    """Unused addresses stand together too: only edges like those of a route are worth a warning."""
    assert dark(swept(lively(*hosts))) == expected


def test_interfaces_that_vanish_with_a_part():
    """Declared ones that are silent say nothing by themselves; beside others that answer they do."""
    declared = evolve(VSWITCH_B, enis=tuple(f"10.10.2.{n}" for n in (10, 200, 201)))

    assert dark(swept(lively(*range(1, 100))), networks=(declared,)) == [("warning", 0.7)]
    assert dark(swept(lively(*range(11, 100))), networks=(declared,)) == []


def test_one_that_is_silent_in_an_unused_part():
    """It is silent for a reason of its own, or because of the part: a remark, until its edges say more."""
    inside = evolve(IT, host="10.10.2.200")
    facts = {"ip": inside.host, "port": 9083, "source": OWN, "syns": 2}
    silence = seen("tcp", "connect", "it", inside.address, failure=Failure.TIMED_OUT, duration_s=1.5, **facts)

    def severities(hosts):
        found = diagnosed([silence], swept(lively(*hosts)), targets=(inside,), silent=False)
        return [one.severity for one in found.findings if one.cause == "subnet_partly_dark"]

    assert severities(range(1, 100)) == ["info"]
    assert severities([*range(1, 190), *range(226, 253)]) == ["warning"]


def test_somebody_speaks_for_the_part():
    """A router that has no route for just these addresses says what it is."""
    states = {**lively(*range(1, 100)), "9083": {FILTERED: range(128, 253)}}
    diagnosis = alone(swept(states, says=("10.10.0.1", "3/0")))

    assert ("subnet_partly_dark", "warning") in told(diagnosis)
    assert any('10.10.0.1 answers "network unreachable"' in line for line in words(diagnosis, "subnet_partly_dark"))
    assert "10.10.2.128/25" in next(one.remedy.text for one in diagnosis.findings if one.severity == "warning")


@pytest.mark.parametrize(
    ("live", "told_of", "expected"),
    [
        pytest.param(range(1, 100, 2), [128, 129, 130], ("warning", 0.9), id="as often as it may"),
        pytest.param(range(1, 100, 2), [128, 129], None, id="hardly ever"),
        pytest.param(range(1, 100, 2), [128, 129, 130, 2], None, id="of others, too"),
        pytest.param([*range(1, 16), *range(140, 253)], [16, 17, 18], None, id="of what is asked first"),
    ],
)
def test_a_limited_router_speaks_for_the_part(live, told_of, expected):
    """It says so of some addresses of the part and of no other, though others were asked before."""
    found = dark(swept({**lively(*live), "9083": {FILTERED: told_of}}, says=("10.10.0.1", "3/0")))

    assert next((one for one in found if one == ("warning", 0.9)), None) == expected
    if expected:
        diagnosis = alone(swept({**lively(*live), "9083": {FILTERED: told_of}}, says=("10.10.0.1", "3/0")))
        assert "for 3 of these alone (ICMP 3/0)" in words(diagnosis, "subnet_partly_dark")[0]


def test_a_part_in_which_a_target_is_reached():
    """Whatever the sweep heard: it is not dark."""
    inside = evolve(IT, host="10.10.2.70")
    observations = [connected("it", "10.10.2.70", 9083, source=OWN)]
    diagnosis = diagnosed(observations, swept(lively(*BETWEEN)), targets=(inside,), silent=False)

    assert "subnet_partly_dark" not in dict(told(diagnosis))


def _handed_out(dice):
    """In ascending order, some of them given back."""
    used = set(range(1, dice.randint(5, 252)))
    for _ in range(dice.randint(0, 3)):
        start = dice.randint(1, 250)
        used -= set(range(start, start + dice.randint(3, 40)))
    return used


def _anywhere(dice):
    return dice.sample(range(1, 253), dice.randint(1, 240))


def _first_ones(dice):
    share = dice.uniform(0.3, 1)
    return [index for index in range(1, dice.randint(5, 230)) if dice.random() < share]


@pytest.mark.parametrize("habit", [_handed_out, _anywhere, _first_ones])
def test_healthy_networks_are_healthy(habit):
    """However addresses come to be used: no warning in 200 networks but one."""
    dice = random.Random(6)
    found = [alone(swept({"echo": {ALIVE: list(habit(dice))}})).verdict for _ in range(200)]

    assert found.count(HEALTHY) >= 199
