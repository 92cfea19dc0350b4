"""Parts of a network in which nobody answers: found where they are no accident, and nowhere else."""

import random
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.model import Network
from reports.subnet.dark import dark_parts, missed_by_chance
from reports.sweep import ALIVE, UNKNOWN
from tests.reports.sweeps import lively, network_of


def parts(hosts, **states):
    """The dark parts of a /24 with these hosts."""
    return dark_parts(network_of({"echo": {ALIVE: hosts, **states}}))


@given(st.integers(1, 60), st.data())
def test_the_chance_is_that_of_drawing(places, data):
    """As many live addresses as are drawn without being put back, none of them from the part."""
    live, part = data.draw(st.integers(0, places)), data.draw(st.integers(0, places))

    assert missed_by_chance(places, live, part) == pytest.approx(comb(places - part, live) / comb(places, live))


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        pytest.param([*range(1, 64), *range(128, 190)], ["10.10.2.64/26", "10.10.2.192/26"], id="between, and the end"),
        pytest.param([*range(1, 16), *range(32, 253)], ["10.10.2.16/28"], id="a /28 of a crowded network"),
        pytest.param(range(1, 120), ["10.10.2.128/25"], id="half"),
        pytest.param(range(130, 250), ["10.10.2.0/25"], id="the first half"),
        pytest.param(range(1, 253, 3), [], id="here and there"),
        pytest.param(range(1, 253), [], id="full"),
        pytest.param([7], [], id="one"),
        pytest.param([], [], id="none"),
    ],
)
def test_parts(hosts, expected):
    """The largest aligned part without an answer, from a /28 to half of the network."""
    assert [part.cidr for part in parts(hosts)] == expected


def test_the_reserved_ones_are_left_out():
    """The last /28 has thirteen addresses that count."""
    [part] = parts(range(1, 240))

    assert part.cidr == "10.10.2.240/28"
    assert len(part.asked) == 13


def test_how_far_the_silence_goes():
    """On both sides: how many silent addresses lie between the part and the next live one; None at an end."""
    inner, outer = parts([*range(1, 60), *range(130, 190)])

    assert (inner.before, inner.behind, inner.slack) == (4, 2, 6)
    assert (outer.before, outer.behind, outer.slack) == (2, None, None)


def test_other_gaps():
    """The longest silence between two live addresses elsewhere; before the first and behind the last there is none."""
    alone, beside = ([*range(20, 64), *range(128, 190)], [*range(20, 50), *range(57, 64), *range(128, 190)])

    assert [part.elsewhere for part in parts(alone)] == [0, 64]
    assert [part.elsewhere for part in parts(beside)] == [7, 64]


def test_how_sharp_its_edges_are():
    """By how many times the part is larger than what is silent beyond it; thrice where it is the only gap."""
    sharp, blunt = ([*range(1, 64), *range(128, 190)], [*range(1, 60), *range(130, 190)])
    beside = [*range(1, 20), *range(40, 64), *range(128, 190)]

    assert [part.sharpness for part in parts(sharp)] == [192.0, 1.0]
    assert [part.sharpness for part in parts(blunt)] == [3 * 64 / 7, 1.0]
    assert [part.sharpness for part in parts(beside)] == [64.0, 1.0]


def test_unknown_is_not_dark():
    """A part of which hardly anything is known is no dark part."""
    hosts = [*range(1, 64), *range(128, 253)]

    assert [part.cidr for part in parts(hosts, **{UNKNOWN: range(64, 120)})] == []


def test_other_sizes():
    """Nothing is looked at in a /28 or less; a large network has large parts."""
    small = network_of(lively(*range(1, 8)), Network(name="n", cidr="10.10.9.0/28"))
    hosts = [index for index in range(1, 4000) if not 1024 <= index < 2048]
    large = network_of({"echo": {ALIVE: hosts}}, Network(name="n", cidr="10.10.16.0/20"))

    assert dark_parts(small) == ()
    assert [part.cidr for part in dark_parts(large)][:1] == ["10.10.20.0/22"]


def test_ipv6_has_no_parts():
    """Lists of addresses have no gaps."""
    network = network_of({"echo": {ALIVE: range(20)}}, Network(name="n", cidr="fd00::/122"))

    assert dark_parts(network) == ()


def test_drawn_at_random_there_is_none():
    """Of 500 networks whose hosts are anywhere, fewer than three have a part that looks dark: it is 0.1 % each."""
    dice = random.Random(20)
    draws = (dice.sample(range(1, 253), dice.randint(1, 252)) for _ in range(500))

    assert sum(bool(parts(hosts)) for hosts in draws) < 3


@given(st.sets(st.integers(0, 255)), st.sets(st.integers(0, 255)))
def test_whatever_is_live(live, unknown):
    """A dark part holds no live address, is aligned, and is no accident."""
    network = network_of({"echo": {ALIVE: live - unknown, UNKNOWN: unknown}})

    for part in dark_parts(network):
        assert network.live.isdisjoint(part.asked)
        assert part.chance < 0.001
        assert set(part.asked) <= set(network.told)
        assert part.before is not None or part.behind is not None
