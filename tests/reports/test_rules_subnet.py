"""What sweeps say: of a target that is silent, and of the networks themselves."""

import random

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from reports.diagnose import diagnose
from reports.evidence import Evidence
from reports.failures import Failure
from reports.model import DEGRADED, HEALTHY, Network, Plan, Target, Vantage
from reports.rules import sweeps
from reports.sweep import ALIVE, FILTERED, OPEN, REFUSED
from tests.reports.building import connected, seen
from tests.reports.sweeps import VSWITCH_A, VSWITCH_B, lively, network_of, observed

JOB = Vantage(kind="udf", host="n-1")
HOST = Vantage(kind="host", host="lab")
OWN, IP = "10.10.1.10", "10.10.2.30"
ENIS = evolve(VSWITCH_A, enis=(OWN, "10.10.1.11"))
IT = Target(name="it", host=IP, port=9083, via="vpc")
MANY = range(1, 100)
# All but a quarter.
BETWEEN = [*range(1, 64), *range(128, 253)]


def diagnosed(*observations, vantage=JOB, networks=(ENIS, VSWITCH_B), targets=(IT,), silent=True):
    """One target of vswitch-b is silent, and whatever was swept."""
    facts = {"ip": IP, "port": 9083, "source": OWN, "syns": 2}
    found = [seen("local", "interface", None, "eth1", name="eth1", up=True, carrier=True, addresses=f"{OWN}/24")]
    if silent and targets:
        found.append(seen("tcp", "connect", "it", IT.address, failure=Failure.TIMED_OUT, duration_s=1.5, **facts))
    found += [one for some in observations for one in some]
    return diagnose(Plan(name="p", targets=targets, networks=networks), vantage, found)


def alone(*observations, networks=(VSWITCH_B,), vantage=HOST):
    """A sweep and nothing else."""
    return diagnosed(*observations, networks=networks, targets=(), vantage=vantage)


def swept(states, network=VSWITCH_B, own=OWN, **how):
    """A sweep of a network."""
    return observed(network, states, own=own, **how)


def shares(diagnosis, name="it"):
    """How likely each cause is."""
    finding = next(one for one in diagnosis.findings if name in one.targets and one.severity == "critical")
    return {finding.cause: finding.confidence, **{one.cause: one.confidence for one in finding.candidates}}


def cleared(diagnosis):
    """What was ruled out."""
    return {cause for one in diagnosis.cleared for cause in one.causes}


def words(diagnosis, cause="sg_drop"):
    """The evidence of the first finding of the cause."""
    return next(one.because for one in diagnosis.findings if one.cause == cause)


def told(diagnosis):
    """Cause and severity of all findings."""
    return [(one.cause, one.severity) for one in diagnosis.findings]


# --- of a silent target -----------------------------------------------------------------------------------------------


def test_a_port_that_nobody_answers_on():
    """All others that are alive are silent on the target's port: one group for all of them."""
    port_of_all = diagnosed(swept({**lively(*MANY), "9083": {}}))
    without = diagnosed()

    assert shares(port_of_all)["sg_drop"] > shares(without)["sg_drop"]
    assert max(shares(port_of_all), key=shares(port_of_all).get) == "sg_drop"
    assert (
        "none of 98 hosts in vswitch-b that are alive answers on 9083, all of them on 8020, all of them by echo"
        in words(port_of_all)
    )


def test_a_port_that_all_others_answer_on():
    """Only this host is silent on it: its own firewall, or that it is down, and no rule for all of them."""
    others = [index for index in MANY if index != 30]
    of_all, of_one = (diagnosed(swept({**lively(*others), "9083": nine})) for nine in ({}, {OPEN: others}))

    assert shares(of_one)["sg_drop"] < shares(of_all)["sg_drop"]
    assert shares(of_one).get("host_firewall_drop", 0) > shares(of_all).get("host_firewall_drop", 0)
    assert any("98 of 98 other hosts in vswitch-b" in line for line in words(of_one, next(iter(shares(of_one)))))


@pytest.mark.parametrize("states", [{"8020": {OPEN: [30]}}, {"8020": {REFUSED: [30]}}])
def test_the_host_answers_on_another_port(states):
    """Accepted or refused: host, route and interface are fine, and it is the port."""
    diagnosis = diagnosed(swept(states))

    assert max(shares(diagnosis), key=shares(diagnosis).get) == "sg_drop"
    assert cleared(diagnosis) >= {"host_down", "host_firewall_drop", "blackhole_route"}
    assert f"{IP} answers on 8020 in the sweep of vswitch-b: host, route and ENI are fine" in words(diagnosis)


def test_the_host_answers_an_echo():
    """It is up, and the way back works."""
    diagnosis = diagnosed(swept({"echo": {ALIVE: [30]}}))

    assert cleared(diagnosis) >= {"host_down", "blackhole_route"}


def test_the_network_is_reached():
    """Any address of it that answers clears the way into it, and the interface that it left by."""
    diagnosis = diagnosed(swept({"8020": {OPEN: [3]}}))

    assert cleared(diagnosis) >= {"blackhole_route", "router_no_route", "eni_group_blocks_outbound"}
    assert any("1 of 252 addresses in vswitch-b answers" in one.because for one in diagnosis.cleared)


@pytest.mark.parametrize(
    ("states", "reached"),
    [
        pytest.param({"8020": {REFUSED: [1]}}, False, id="the first one refuses"),
        pytest.param({"8020": {}, "echo": {ALIVE: [1]}}, False, id="the first one echoes"),
        pytest.param({"8020": {OPEN: [1]}}, True, id="the first one accepts"),
        pytest.param({"8020": {REFUSED: [1, 7]}}, True, id="another one refuses"),
    ],
)
def test_the_router_itself_answers(states, reached):
    """Whoever has the first address may be the router before the network: that it answers does not clear the way in."""
    diagnosis = diagnosed(swept(states))

    assert ("blackhole_route" in cleared(diagnosis)) is reached
    assert ("blackhole_route" in shares(diagnosis)) is not reached


def test_a_neighbour_is_not_counted_twice():
    """A declared interface that answers is the same one that the sweep hears: both together say no more."""
    beside = evolve(VSWITCH_B, enis=("10.10.2.31",), ports=(8020,))
    tried = seen("tcp", "connect_neighbour", None, "10.10.2.31:8020", duration_s=0.001, ip="10.10.2.31", port=8020)
    without, with_sweep = (
        diagnosed([tried], *some, networks=(ENIS, beside)) for some in ((), (swept({"8020": {OPEN: [31]}}, beside),))
    )

    assert shares(with_sweep) == shares(without)


def test_only_the_router_answers():
    """Then nobody does; that it may be the router is said."""
    facts = {"ip": IP, "port": 9083, "source": OWN, "syns": 2}
    silence = seen("tcp", "connect", "it", IT.address, failure=Failure.TIMED_OUT, duration_s=1.5, **facts)
    plan = Plan(name="p", targets=(IT,), networks=(VSWITCH_B,))

    def said(states):
        return sweeps.network_silent(Evidence(plan, JOB, [silence, *swept(states)]).cases["it"])

    assert said({"8020": {REFUSED: [1]}}).words == (
        "none of 251 addresses in vswitch-b answers, whatever it is asked (8020); 10.10.2.1 may be its router's"
    )
    assert said({"8020": {REFUSED: [1, 7]}}) is None


def test_the_network_is_not_reached():
    """Nobody answers anything: that speaks for the way, and proves nothing, as groups admit nobody by themselves."""
    before, after = diagnosed(), diagnosed(swept({"8020": {}, "echo": {}}))

    assert shares(before).get("blackhole_route", 0.03) < shares(after)["blackhole_route"] < 0.5


@pytest.mark.parametrize(
    ("states", "how"),
    [
        pytest.param({"8020": {OPEN: range(256)}}, {}, id="somebody accepts for everybody"),
        pytest.param({"arp": {ALIVE: range(256)}}, {"macs": {n: ["ee:ff:ff:ff:ff:ff"] for n in range(256)}}, id="ARP"),
    ],
)
def test_answers_that_clear_nothing(states, how):
    """A forwarder and a fabric answer in everybody's place."""
    before, after = diagnosed(), diagnosed(swept(states, **how))

    assert shares(after) == shares(before)
    assert cleared(after) == cleared(before)


def test_targets_elsewhere_are_not_concerned():
    """What answers in another network says nothing of the port, and that this machine gets out."""
    other = Network(name="other", cidr="10.10.7.0/24")
    diagnosis = diagnosed(swept({**lively(*MANY), "9083": {}}, other))

    assert "eni_group_blocks_outbound" in cleared(diagnosis)
    assert "blackhole_route" not in cleared(diagnosis)


def test_somebody_says_that_it_is_prohibited():
    """A filter says so of the target's neighbours; routers say such a thing so many times a second, and not for all."""
    others, itself = (
        diagnosed(swept({**lively(*range(1, 9)), "9083": {FILTERED: [*range(100, 200), *own]}})) for own in ((), (30,))
    )

    assert next(iter(shares(others))) == "admin_prohibited"
    assert shares(itself)["admin_prohibited"] > shares(others)["admin_prohibited"]
    assert "the filter at 10.10.0.1 rejects it" in others.findings[0].remedy.text
    assert any("10.10.0.1 answers so for 100 addresses on 9083" in one for one in words(others, "admin_prohibited"))


def test_a_host_that_refuses_for_itself():
    """Its own firewall says nothing of its neighbours."""
    diagnosis = diagnosed(swept({"9083": {FILTERED: [40]}}, says=("10.10.2.40", "3/13")))

    assert "admin_prohibited" not in shares(diagnosis)


def test_a_router_has_no_route():
    """The same of a router that says so."""
    diagnosis = diagnosed(swept({"9083": {FILTERED: range(100, 200)}}, says=("10.10.1.1", "3/0")))

    assert next(iter(shares(diagnosis))) == "router_no_route"


def test_a_router_has_no_route_to_others():
    """What it says of others in the network clears nothing away where the target's own part answers."""
    others = [index for index in MANY if index != 30]
    states = {**lively(*others), "9083": {FILTERED: range(200, 205)}}

    assert "router_no_route" not in shares(diagnosed(swept(states, says=("10.10.1.1", "3/0"))))


@pytest.mark.parametrize("asked", ["9083", "8020", "echo"])
def test_a_router_says_so_whatever_is_asked(asked):
    """Of few addresses, as it is limited, and for any question: there is no route for the port either."""
    states = {"9083": {}, "8020": {}, "echo": {}, asked: {FILTERED: [3]}}
    diagnosis = diagnosed(swept(states, says=("10.10.1.1", "3/0")))

    assert next(iter(shares(diagnosis))) == "router_no_route"
    assert any('answers "network unreachable" for one address' in one for one in words(diagnosis, "router_no_route"))


# --- room for interfaces ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cidr", "hosts", "expected"),
    [
        ("10.10.1.0/24", range(1, 241), True),
        ("10.10.1.0/24", range(1, 200), False),
        ("10.10.1.0/28", range(1, 9), True),
        ("10.10.1.0/28", range(1, 5), False),
        ("10.10.1.0/29", range(1, 4), True),
        ("10.10.1.0/29", [], False),
        ("10.10.1.3/32", [0], False),
        ("10.10.0.0/20", range(1, 4085), True),
        ("10.10.0.0/20", range(1, 4000), False),
    ],
)
def test_few_addresses_are_left(cidr, hosts, expected):
    """A lower bound of what is taken is an upper bound of what is free; a twentieth, and at most sixteen, is little."""
    network = Network(name="vswitch-a", cidr=cidr, enis=("10.10.1.3",))
    diagnosis = alone(swept({"echo": {ALIVE: hosts}}, network), networks=(network,))

    assert (("vswitch_nearly_full", "warning") in told(diagnosis)) is expected


def test_declared_and_reserved_ones_are_taken():
    """What is declared takes an address whether it answers or not; what is counted is said, and what is not."""
    network = Network(name="vswitch-a", cidr="10.10.1.0/27", enis=("10.10.1.22", "10.10.1.23", "10.10.1.24"))
    diagnosis = alone(swept({"echo": {ALIVE: range(1, 23)}}, network, own="10.10.1.25"), networks=(network,))

    [said] = words(diagnosis, "vswitch_nearly_full")
    assert said.startswith(
        "at most 3 of 28 addresses in vswitch-a (10.10.1.0/27) are free: 22 answer, 3 more are declared"
    )
    [finding] = diagnosis.findings
    assert "a larger vSwitch than vswitch-a" in finding.remedy.text


@pytest.mark.parametrize(("cidr", "hosts"), [("10.10.1.0/29", range(1, 5)), ("10.10.1.0/24", range(1, 250))])
@pytest.mark.parametrize("own", ["10.10.9.9", "10.10.1.3"])
def test_what_was_typed_is_no_vswitch(cidr, hosts, own):
    """It may be any part of one, which says nothing of the room in it; what a plan declares is a whole one."""
    network = Network(name=cidr, cidr=cidr)
    observations = swept({"echo": {ALIVE: hosts}}, network, own=own)

    assert "vswitch_nearly_full" in dict(told(alone(observations, networks=(network,))))
    assert "vswitch_nearly_full" not in dict(told(alone(observations, networks=())))


def test_a_network_without_a_name_is_called_once():
    """By its CIDR."""
    network = Network(name="10.10.1.0/28", cidr="10.10.1.0/28")
    diagnosis = alone(swept({"echo": {ALIVE: range(1, 10)}}, network), networks=(network,))

    [said] = words(diagnosis, "vswitch_nearly_full")
    assert "addresses in 10.10.1.0/28 are free" in said


def test_a_vswitch_of_others():
    """Where the job's interfaces are not known to be, it is a remark."""
    diagnosis = alone(swept({"echo": {ALIVE: range(1, 250)}}))

    assert ("vswitch_nearly_full", "info") in told(diagnosis)
    assert diagnosis.verdict == HEALTHY


# --- two hosts for one address ----------------------------------------------------------------------------------------

FABRIC = "ee:ff:ff:ff:ff:ff"
ONE, TWO, PROXY = "00:16:3e:00:00:01", "00:16:3e:00:00:02", "00:16:3e:00:00:99"


@pytest.mark.parametrize(
    ("macs", "expected"),
    [
        pytest.param({5: [ONE, TWO]}, True, id="two hosts"),
        pytest.param({5: [ONE], 6: [TWO]}, False, id="one each"),
        pytest.param({5: [ONE, "00:00:5e:00:01:07"]}, False, id="VRRP"),
        pytest.param({5: ["00:00:0c:07:ac:01", ONE]}, False, id="HSRP"),
        pytest.param({5: [ONE, FABRIC]}, False, id="the fabric beside the host"),
        pytest.param({n: [f"00:16:3e:00:00:{n:02x}", PROXY] for n in range(5, 20)}, False, id="proxy ARP"),
        pytest.param(
            {**{n: [f"00:16:3e:00:01:{n:02x}", PROXY] for n in range(8, 20)}, 5: [ONE, TWO]}, True, id="and two"
        ),
    ],
)
def test_two_macs_for_one_address(macs, expected):
    """Two machines are a warning; a virtual router, a fabric, and who answers for everybody are not."""
    diagnosis = alone(swept({"arp": {ALIVE: macs}}, macs=macs))

    assert (("duplicate_address", "warning") in told(diagnosis)) is expected
    if expected:
        finding = next(one for one in diagnosis.findings if one.cause == "duplicate_address")
        assert f"{ONE} and {TWO} answer ARP for 10.10.2.5" in finding.because[0]
        assert f"10.10.2.5 by their MAC addresses ({ONE}, {TWO})" in finding.remedy.text
        assert len(finding.because) == 1


# --- the plan and the places ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("address", "expected"), [("10.10.1.255", True), ("10.10.1.0", True), ("10.10.1.10", False)])
def test_an_interface_at_an_address_that_none_can_have(address, expected):
    """The platform keeps the first and the last three."""
    network = evolve(VSWITCH_A, enis=(address,))
    diagnosis = alone(swept({"echo": {}}, network), networks=(network,))

    assert (("config_disagrees", "warning") in told(diagnosis)) is expected


@pytest.mark.parametrize(
    ("own", "vantage", "expected"),
    [
        ("10.10.9.10", JOB, True),
        (OWN, JOB, False),
        ("100.64.3.7", JOB, False),
        ("10.10.9.10", HOST, False),
    ],
    ids=["another vSwitch", "its own", "behind a forwarder", "a host of the VPC"],
)
def test_a_job_that_comes_from_elsewhere(own, vantage, expected):
    """Its address is in no vSwitch in which its interfaces are declared; a host may be anywhere."""
    diagnosis = alone(swept(lively(3), own=own), networks=(ENIS, VSWITCH_B), vantage=vantage)

    assert (("eni_wrong_vswitch", "warning") in told(diagnosis)) is expected
    if expected:
        assert "from 10.10.9.10, which is outside vswitch-a (10.10.1.0/24)" in words(diagnosis, "eni_wrong_vswitch")[0]


def test_a_whitelist_of_addresses():
    """The address that was swept from is one of today's: a whitelist that holds it alone breaks at the next change."""
    it = evolve(IT, admits=(OWN,))
    networks = (VSWITCH_A, VSWITCH_B)
    before, after = (
        diagnosed(*some, targets=(it,), networks=networks, silent=False) for some in ((), (swept(lively(3)),))
    )

    assert "whitelist_lacks_vswitch" not in dict(told(before))
    assert told(after).count(("whitelist_lacks_vswitch", "warning")) == 1


# --- a port that no target has ----------------------------------------------------------------------------------------


def test_a_port_of_a_sweep_alone():
    """Nobody who is alive answers on it: a remark, as groups admit nobody by themselves."""
    diagnosis = alone(swept({**lively(*range(1, 30)), "9083": {}}))

    assert told(diagnosis) == [("sg_drop", "info")]
    assert diagnosis.verdict == HEALTHY
    assert words(diagnosis)[0].startswith("none of 29 hosts in vswitch-b that are alive answers on 9083")
    [finding] = diagnosis.findings
    assert "inbound  allow  TCP  9083/9083  source 10.10.1.10/32" in finding.remedy.snippet


@pytest.mark.parametrize(
    "states",
    [
        {**lively(1, 2, 3), "9083": {}},
        {**lively(*range(1, 30)), "9083": {OPEN: [7]}},
        {**lively(*range(1, 30)), "9083": {REFUSED: [7]}},
        {"9083": {}},
    ],
    ids=["few are alive", "one accepts", "one refuses", "nobody is alive"],
)
def test_ports_that_are_not_worth_a_remark(states):
    """One that answers, or too few that could."""
    assert told(alone(swept(states))) == []


# --- whom it concerns -------------------------------------------------------------------------------------------------


def test_targets_of_the_network_are_concerned():
    """What is said of a network is said with the targets in it, and with no other."""
    inside, outside = evolve(IT, name="inside", host="10.10.2.3"), evolve(IT, name="outside", host="10.10.3.3")
    works = [connected(one.name, one.host, 9083, source=OWN) for one in (inside, outside)]
    works += [
        seen("service", "exchange", one.name, one.address, bytes_in=0, answers=False) for one in (inside, outside)
    ]
    macs = {5: [ONE, TWO]}
    diagnosis = diagnosed(works, swept({"arp": {ALIVE: [5]}}, macs=macs), targets=(outside, inside), silent=False)

    assert [one.targets for one in diagnosis.findings] == [("inside",)]
    assert {one.name: one.verdict for one in diagnosis.targets} == {"outside": HEALTHY, "inside": DEGRADED}


def test_a_network_of_no_target_is_told_once():
    """The first target speaks for it."""
    elsewhere = tuple(evolve(IT, name=f"t{n}", host=f"10.10.3.{n}") for n in (3, 4))
    diagnosis = diagnosed(swept({"arp": {ALIVE: [5]}}, macs={5: [ONE, TWO]}), targets=elsewhere, silent=False)

    assert [one.targets for one in diagnosis.findings if one.cause == "duplicate_address"] == [("t3",)]


def test_several_networks_are_told_together():
    """One finding a cause, with what holds of each."""
    third = Network(name="vswitch-c", cidr="10.10.3.0/24")
    macs = {5: [ONE, TWO]}
    observations = [swept({"arp": {ALIVE: [5]}}, network, macs=macs) for network in (VSWITCH_B, third)]
    diagnosis = alone(*observations, networks=(VSWITCH_B, third))

    [finding] = diagnosis.findings
    assert "10.10.2.5" in finding.because[0]
    assert "10.10.3.5" in finding.because[0]


def test_the_order_of_observations_changes_nothing():
    """Sweeps and looks in any order mean the same."""
    facts = {"ip": IP, "port": 9083, "source": OWN, "syns": 2}
    observations = [
        seen("tcp", "connect", "it", IT.address, failure=Failure.TIMED_OUT, duration_s=1.5, **facts),
        *swept({**lively(*BETWEEN), "9083": {FILTERED: range(3, 9)}}),
        *swept({"arp": {ALIVE: [5]}}, ENIS, macs={5: [ONE, TWO]}, after=3),
    ]
    dice, plan = random.Random(1), Plan(name="p", targets=(IT,), networks=(ENIS, VSWITCH_B))
    expected = diagnose(plan, JOB, observations)
    for _ in range(20):
        dice.shuffle(observations)
        assert diagnose(plan, JOB, observations) == expected


_FACTS = st.dictionaries(
    st.sampled_from(["network", "cidr", "asked", "states", "macs", "icmp", "count", "source", "on_link", "inside"]),
    st.one_of(
        st.sampled_from(
            ["10.10.2.0/28", IP, "o" * 16, ".o" * 8, "echo", "9083", "8020", "9" * 5000, "3/13", "3/0", "٣"]
        ),
        st.text(max_size=4),
        st.integers(),
        st.booleans(),
    ),
)


@given(
    st.lists(
        st.builds(
            lambda step, address, facts: seen("subnet", step, None, address, **facts),
            st.sampled_from(["states", "filter", "twice", "place", "sweep"]),
            st.sampled_from(["10.10.2.0/28", "10.10.2.16/28", IP, "x", None]),
            _FACTS,
        ),
        max_size=6,
    ),
    st.booleans(),
)
def test_whatever_a_sweep_says(observations, targets):
    """No observation makes the diagnosis raise, and each finding has a remedy."""
    usual = swept({**lively(*range(1, 60)), "9083": {FILTERED: [30]}})
    for finding in diagnosed(usual, observations, targets=(IT,) if targets else ()).findings:
        assert finding.remedy.text


def test_the_sweep_has_its_evidence():
    """Each finding points at observations of the sweep."""
    observations = swept({**lively(*BETWEEN), "9083": {}})
    ids = {one.id for one in observations}

    assert network_of({"echo": {}}).shown()
    assert all(ids.intersection(finding.evidence) for finding in alone(observations).findings)
