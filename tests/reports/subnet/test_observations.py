"""What an engine learns becomes observations, and these a network again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import identified
from reports.model import Network, Plan, Vantage
from reports.subnet.observations import Survey, made, placed
from reports.subnet.swept import swept
from reports.sweep import (
    ALIVE,
    ARP,
    ECHO,
    FILTERED,
    OPEN,
    REFUSED,
    SILENT,
    UNKNOWN,
    Addresses,
    Answer,
    Batch,
    Order,
    tcp,
)
from tests.reports.sweeps import VSWITCH_B, observed

SMALL = Network(name="small", cidr="10.10.9.16/29")


PORT_AND_ECHO = (tcp(9083), ECHO)


def survey(network=SMALL, questions=PORT_AND_ECHO, method="syn"):
    """A sweep of the network that has learned nothing yet."""
    return Survey(Order(addresses=Addresses.of(network.cidr), questions=questions), method, [network])


def steps(observations, step):
    """Those of one step, by address."""
    return [(one.address, one.facts) for one in observations if one.step == step]


def test_states_are_letters_with_their_counts():
    """A block and question: the letters from its first address on, how many of each, round trip and TTL."""
    taken = survey()
    answers = [Answer(2, OPEN, 0.002, 64), Answer(4, OPEN, 0.004, 63), Answer(6, REFUSED, 0.009, 64)]
    taken.take(Batch(answers, silent=[0, 8, 10, 12]))

    [(address, facts), (_, echo)] = steps(taken.observations(1.0), "states")

    assert address == "10.10.9.16/29"
    assert facts == {
        "network": "small",
        "cidr": "10.10.9.16/29",
        "asked": "9083",
        "method": "syn",
        "states": ".oor...?",
        "open": 2,
        "refused": 1,
        "silent": 4,
        "unknown": 1,
        "rtt_s": 0.004,
        "ttl": 64,
    }
    assert echo["states"] == "????????"
    assert echo["unknown"] == 8
    assert "rtt_s" not in echo


def test_a_block_is_a_24():
    """Larger networks are told in blocks, all with the CIDR of the whole."""
    network = Network(name="large", cidr="10.10.0.0/22")
    told = steps(survey(network, (ECHO,)).observations(1.0), "states")

    assert [f"10.10.{n}.0/24" for n in range(4)] == [address for address, _ in told]
    assert {facts["cidr"] for _, facts in told} == {"10.10.0.0/22"}
    assert {len(facts["states"]) for _, facts in told} == {256}


def test_networks_that_lie_side_by_side_stay_apart():
    """An order knows addresses alone: each network gets its own ones, whatever they are collapsed to."""
    networks = [Network(name="a", cidr="10.10.1.0/28"), Network(name="b", cidr="10.10.1.16/28")]
    order = Order(addresses=Addresses.of(*(one.cidr for one in networks)), questions=(ECHO,))
    taken = Survey(order, "icmp", networks)
    taken.take(Batch([Answer(3, ALIVE), Answer(20, ALIVE), Answer(21, FILTERED, by="10.0.0.1", icmp="3/13")]))

    told = list(taken.observations(1.0))

    assert [("10.10.1.0/28", 3), ("10.10.1.16/28", 4)] == [
        (address, facts["states"].index("a")) for address, facts in steps(told, "states")
    ]
    assert [("10.0.0.1", {"network": "b", "asked": "echo", "icmp": "3/13", "count": 1})] == steps(told, "filter")


def test_who_sends_errors_is_counted_once_an_address():
    """An address that is asked again and refused again is one address; the busiest sender comes first."""
    taken = survey()
    for _ in range(2):
        taken.take(Batch([Answer(cell, FILTERED, by="10.0.0.1", icmp="3/13") for cell in (2, 4, 6)]))
    taken.take(Batch([Answer(8, FILTERED, by="10.0.0.9", icmp="3/1"), Answer(3, FILTERED, by="10.0.0.9", icmp="3/1")]))

    told = [
        (by, facts["asked"], facts["icmp"], facts["count"]) for by, facts in steps(taken.observations(1.0), "filter")
    ]

    assert told[0] == ("10.0.0.1", "9083", "3/13", 3)
    assert sorted(told[1:]) == [("10.0.0.9", "9083", "3/1", 1), ("10.0.0.9", "echo", "3/1", 1)]


def test_two_macs_for_one_address():
    """Whoever answers ARP for an address beside another is told; and which MAC answers for most."""
    taken = survey(questions=(ARP,), method="arp")
    taken.take(Batch([Answer(1, ALIVE, by="aa:aa:aa:aa:aa:aa"), Answer(2, ALIVE, by="aa:aa:aa:aa:aa:aa")]))
    taken.take(Batch([Answer(1, ALIVE, by="bb:bb:bb:bb:bb:bb"), Answer(1, ALIVE, by="bb:bb:bb:bb:bb:bb")]))

    told = list(taken.observations(1.0))

    assert steps(told, "twice") == [
        ("10.10.9.17", {"network": "small", "macs": "aa:aa:aa:aa:aa:aa, bb:bb:bb:bb:bb:bb"})
    ]
    [(_, facts)] = steps(told, "states")
    assert (facts["mac"], facts["by_mac"]) == ("aa:aa:aa:aa:aa:aa", 2)


@pytest.mark.parametrize(("source", "inside"), [("10.10.9.18", True), ("10.10.1.10", False), ("fd00::1", False)])
def test_where_we_stand(source, inside):
    """Our own address, the way, and whether we are in the network."""
    seen = placed(SMALL, source, "eth1", gateway="10.10.1.253")

    assert (seen.step, seen.address) == ("place", "10.10.9.16/29")
    assert seen.facts == {
        "network": "small",
        "source": source,
        "interface": "eth1",
        "on_link": False,
        "gateway": "10.10.1.253",
        "inside": inside,
    }


def test_how_it_was_swept():
    """What stands only where it is so: that it was cut short, and what the network did."""
    usual = made(SMALL, "syn", "raw sockets", 12, 1000, 1.0, 0.5)
    stopped = made(SMALL, "syn", "raw sockets", 12, 1000, 1.0, 0.5, partial=True, pushed_back="half are filtered")

    assert usual.facts == {"network": "small", "method": "syn", "why": "raw sockets", "sent": 12, "rate": 1000}
    assert stopped.facts == {**usual.facts, "partial": True, "pushed_back": "half are filtered"}


_CIDRS = ("10.10.2.0/24", "10.10.2.64/27", "10.10.2.8/31", "10.10.2.9/32", "10.10.0.0/23", "fd00::/124")


@given(st.sampled_from(_CIDRS), st.data())
def test_there_and_back(cidr, data):
    """Every state comes back, whatever the order of observations."""
    network = Network(name="n", cidr=cidr)
    order = Order(addresses=Addresses.of(cidr), questions=(tcp(9083), ECHO))
    cells = st.integers(0, len(order) - 1)
    states = data.draw(st.dictionaries(cells, st.sampled_from([OPEN, REFUSED, FILTERED, SILENT, UNKNOWN]), max_size=40))
    taken = Survey(order, "syn", [network])
    taken.take(Batch([Answer(cell, state) for cell, state in states.items()]))
    observations = data.draw(st.permutations([identified(one) for one in taken.observations(1.0)]))

    [found] = swept(Plan(name="p"), Vantage(), observations)

    assert (found.name, found.cidr, found.questions) == ("n", cidr, ("9083", "echo"))
    assert [taken.table.states(place) for place in (0, 1)] == [found.letters[asked] for asked in found.questions]


def test_letters_are_never_cut():
    """Text is cut at 300 characters elsewhere; a block has 256 of them."""
    longest = max(len(str(value)) for one in observed(VSWITCH_B, {"9083": {}}) for value in one.facts.values())

    assert longest == 256
