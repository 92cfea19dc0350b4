"""What is read of this machine while a run goes on tells this run's own from its neighbours'."""

import pytest

from tests.lab.scenarios import SCENARIOS


def checked(lab, name):
    """The causes that are told, and what the kernel counted in the whole run."""
    scenario = SCENARIOS[name]
    with lab.broken(*scenario.faults):
        report = lab.check(scenario.plan, scenario.vantage).report
    counted = {}
    for seen in report["observations"]:
        if (seen["probe"], seen["step"]) == ("local", "counters"):
            for fact, value in seen["facts"].items():
                counted[fact] = counted.get(fact, 0) + value
    return {finding["cause"] for finding in report["findings"]}, counted


@pytest.mark.parametrize("name", ["healthy", "healthy_lost_syn", "sg_drop", "packet_loss_internet"])
def test_the_kernel_counts_what_the_run_counts(lab, name):
    """On a machine where nobody else speaks each SYN is the run's own, those that are sent again too."""
    _, counted = checked(lab, name)

    assert counted["own_opened"] > 0
    assert (counted["own_opened"], counted["own_syns_again"]) == (counted["opened"], counted["syns_again"])


@pytest.mark.parametrize(
    "name", ["pressure_one_neighbour_waits", "pressure_neighbours_work", "burst_below_a_cap", "healthy_lost_syn"]
)
def test_ordinary_work_is_not_told(lab, name):
    """Not even as information."""
    told, _ = checked(lab, name)

    assert told.isdisjoint({"local_pressure", "snat_connection_cap", "snat_rate_limit"})
