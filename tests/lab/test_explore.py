"""Which ports of a silent host are tried: what the plan names, and others only where it says so."""

from tests.lab.scenarios import SCENARIOS

SILENT = "10.10.2.40"
DECLARED = {5432, 6379}
# Where most hosts answer, and the other usual ports of the group's services; never MySQL's, though it is one of them.
EXPLORED = {22, 80, 443, 3389}


def ports(lab, explore):
    """The ports of the silent host that SYNs went to."""
    scenario = SCENARIOS["host_firewall_drop_explored"]
    plan = {**scenario.plan, "limits": {**scenario.plan["limits"], "explore": explore}}
    with lab.broken(*scenario.faults), lab.record() as recording:
        lab.check(plan)
    return {port for address, port, protocol in recording.destinations() if (address, protocol) == (SILENT, "tcp")}


def test_nothing_is_explored_unless_the_plan_says_so(lab):
    """However silent the host is."""
    assert ports(lab, "none") == DECLARED


def test_a_few_ports_are_explored(lab):
    """The usual ones, one after the other until one answers: here none does."""
    assert ports(lab, "hosts") == DECLARED | EXPLORED
