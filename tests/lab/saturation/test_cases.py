"""The networks are what their cases say: a bare program opens exactly so many connections, and no more."""

import pytest

from tests.lab.conftest import unavailable
from tests.lab.network import ROUTER
from tests.lab.saturation.bench import standing
from tests.lab.saturation.case import RATE
from tests.lab.saturation.cases import CASES
from tests.lab.saturation.servers import missing

# One of each kind; `python -m tests.lab.saturation` asks the same of all, after linkdoctor.
HOLD = ("cap_16_drop", "cap_16_reset", "pool_100", "tenants_95", "queue_full", "per_source_reset")
REAL = ("mariadb_max_connections", "nginx_limit_conn", "haproxy_maxconn")


@pytest.mark.parametrize("name", [*HOLD, *REAL])
def test_exactly_so_many_are_admitted(lab, name):
    """As many as the case says, beside what the other tenant holds; what is more is refused, and nobody is harmed."""
    case = CASES[name]
    if missing(case.measured):
        unavailable(f"not installed: {', '.join(missing(case.measured))}")
    with standing(lab, case) as bench:
        found, seen = bench.bare_beside_the_tenant()

    assert (found["held"], found["refused"] > 0) == (case.limit, True)
    assert case.limit <= seen.most <= case.limit + found["refused"]
    assert (seen.tenant["died"], seen.tenant["retransmits"]) == (0, 0)
    assert (seen.tracked, seen.arrived) == (0, 0)


def test_exactly_so_many_a_second_are_admitted(lab):
    """A limited rate lets its number through in every second after the first."""
    case = CASES["rate_20_drop"]
    with standing(lab, case) as bench:
        found = bench.bare()

    assert case.kind == RATE
    assert abs(found["per_second"] - case.limit) <= 1


def test_others_feel_a_full_way(lab):
    """A program without manners shows in the other tenant's new connections: they fail for as long as it stays."""
    case = CASES["cap_100_drop"]
    with standing(lab, case) as bench:
        _, seen = bench.bare_beside_the_tenant()

    assert seen.tenant["failed"] > 5
    assert seen.tenant["longest_outage"] > 0.2


def _there_is(lab):
    """The lab's namespaces and programs. No pipe: its second program would be seen by chance, under one name or two."""
    return sorted(lab.run(["sh", "-c", "ip netns list; cat /proc/[0-9]*/comm"], ROUTER)["stdout"].splitlines())


def test_a_case_is_taken_away(lab):
    """Neither a namespace nor a program of it is left."""
    case = CASES["haproxy_maxconn"]
    if missing(case.measured):
        unavailable(f"not installed: {', '.join(missing(case.measured))}")
    before = _there_is(lab)
    with standing(lab, case):
        during = _there_is(lab)

    assert "haproxy" in during
    assert before == _there_is(lab)


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_a_case_can_be_measured(case):
    """What is asked goes past the limit where there is one to be found."""
    assert (case.limit is None) == (case.kind == "none")
    assert case.limit is None or case.connections > 1.1 * case.limit
    assert case.limit is None or case.kind != RATE or case.rate > 2 * case.limit
