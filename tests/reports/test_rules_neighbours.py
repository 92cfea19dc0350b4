"""What a declared interface beside a silent target tells of the way to it."""

import pytest
from attrs import evolve

from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import Network, Plan, Target, Vantage
from reports.rules.contract import Want
from tests.reports.building import connected, seen

HOST, BESIDE, OWN, AWAY = "10.10.3.20", "10.10.3.21", "10.10.1.10", "10.10.2.30"
DECLARED = Network(name="c", cidr="10.10.3.0/24", enis=("10.10.3.9", "10.10.3.10", "10.10.3.11"), ports=(9083, 22))
IT, CONTROL, OTHER = (
    Target(name=name, host=ip, port=port, via="vpc")
    for name, ip, port in (("it", HOST, 2181), ("control", AWAY, 9083), ("other", BESIDE, 9200))
)


def diagnosed(*more, declared=DECLARED, targets=(IT, CONTROL), own=OWN):
    """One target is silent, another by the same way answers."""
    networks = (Network(name="a", cidr="10.10.1.0/24", enis=(OWN,), ports=(9083,)), declared)
    known = {"ip": HOST, "port": 2181, "source": OWN, "syns": 2}
    observations = [
        seen("local", "interface", None, "eth1", name="eth1", up=True, carrier=True, addresses=f"{own}/24"),
        seen("tcp", "connect", "it", IT.address, failure=Failure.TIMED_OUT, duration_s=1.5, **known),
        connected("control", AWAY, 9083),
        seen("service", "exchange", "control", CONTROL.address, bytes_in=0, answers=False),
        *more,
    ]
    return diagnose(Plan(name="p", targets=targets, networks=networks), Vantage(kind="udf"), observations)


def neighbour(failure=None, ip="10.10.3.9", **facts):
    """How the handshake with a declared interface ended."""
    return seen("tcp", "connect_neighbour", None, f"{ip}:9083", failure=failure, after=2, ip=ip, port=9083, **facts)


def asked(diagnosis):
    """The interfaces that are to be asked."""
    return [want for want in diagnosis.wanted if want.step == "connect_neighbour"]


def share(diagnosis, cause):
    """How likely the cause is."""
    finding = next(one for one in diagnosis.findings if "it" in one.targets)
    shares = {finding.cause: finding.confidence, **{one.cause: one.confidence for one in finding.candidates}}
    return shares.get(cause, 0.0)


def test_two_interfaces_of_the_vswitch_are_asked():
    """A few, and none of another vSwitch."""
    expected = [Want("tcp", "connect_neighbour", "it", ip) for ip in ("10.10.3.9", "10.10.3.10")]

    assert expected == asked(diagnosed())


@pytest.mark.parametrize(
    "circumstances",
    [
        {"declared": evolve(DECLARED, ports=())},
        {"declared": evolve(DECLARED, enis=())},
        {"declared": evolve(DECLARED, enis=(HOST,))},
        {"declared": evolve(DECLARED, enis=(OWN,))},
    ],
    ids=["no-port", "no-interface", "the-target-itself", "this-machine-itself"],
)
def test_nobody_is_asked(circumstances):
    """Only what is declared, and neither the target nor this machine."""
    assert asked(diagnosed(**circumstances)) == []


def test_nobody_is_asked_where_a_target_answers():
    """Another target in the vSwitch has cleared the way already."""
    assert asked(diagnosed(connected("other", BESIDE, 9200), targets=(IT, CONTROL, OTHER))) == []


@pytest.mark.parametrize("failure", [None, Failure.CONNECTION_REFUSED])
def test_an_answer_clears_the_way(failure):
    """Whether it accepts or resets: the route into the vSwitch is there."""
    before, after = diagnosed(), diagnosed(neighbour(failure))

    assert {cause for one in after.cleared for cause in one.causes} >= {"blackhole_route", "router_no_route"}
    assert share(after, "sg_drop") > share(before, "sg_drop")
    assert share(after, "host_down") > share(before, "host_down")


@pytest.mark.parametrize(
    "answer",
    [
        neighbour(Failure.CONNECTION_REFUSED, icmp_from="10.10.1.1"),
        neighbour(ip="10.10.2.9"),
    ],
    ids=["a-router-refuses", "of-another-vswitch"],
)
def test_what_clears_nothing(answer):
    """A router's refusal, and whoever answers elsewhere."""
    after = diagnosed(answer)

    assert "blackhole_route" not in {cause for one in after.cleared for cause in one.causes}


def test_silence_speaks_for_the_route():
    """It does not prove it: interfaces stand behind groups of their own."""
    before, after = diagnosed(), diagnosed(neighbour(Failure.TIMED_OUT))

    assert share(before, "blackhole_route") < share(after, "blackhole_route") < 0.75


def test_an_interface_says_nothing_of_an_established_finding():
    """The target itself is judged by its own handshakes alone."""
    diagnosis = diagnosed(neighbour())

    assert ["failing", "healthy"] == [one.verdict for one in diagnosis.targets]
