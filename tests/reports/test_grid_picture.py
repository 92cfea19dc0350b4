"""The picture of a swept network, as a terminal shows it."""

import io

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from reports.model import Network, Plan
from reports.render.grid import draw
from reports.sweep import ALIVE, FILTERED, OPEN, REFUSED, UNKNOWN
from tests.reports.sweeps import VSWITCH_B, lively, network_of

WIDE = """\
                     +0       +4       +8       +12
    10.10.2.0        - o o o  o o o r  o S o o  o o o o
    10.10.2.16       o o o o  E o o o  o o o o  o o o o
    10.10.2.32       o o o o  o o o o  · · o o  o o o o
    10.10.2.48       o o o o  o o o o  o o o o  o o o o
    10.10.2.64       · · · ·  · · · ·  · · · ·  · · · ·  ┆ 10.10.2.64/26: nobody
    10.10.2.80       · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.2.96       · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.2.112      · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.2.128      o o o o  o o o o  o o o o  o o o o
    10.10.2.144      o o o o  o o o o  o o o o  o o o o
    10.10.2.160      o o o o  o o o o  o o o o  o o o o
    10.10.2.176      o o o o  o o o o  o o o o  o o · ·
    10.10.2.192      · · · ·  · · · ·  e · · ·  · · · ·  ┆ nobody
    10.10.2.208      · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.2.224      · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.2.240      · · · ·  · · · ·  · · · ·  · - - -  ┆
    o 120 open   r 1 refused   · 128 silent   E 1 ENI, answers
    e 1 ENI, no answer   S 1 ourselves   - 4 reserved
    ┆ an aligned part in which nobody answers
    :9083  only 10.10.2.30 open

                     echo
    10.10.2.0        -aa·aa·aaSaa·aa·
    10.10.2.16       aa·aE·aa·aa·aa·a
    10.10.2.32       a·aa·aa····aa·aa
    10.10.2.48       ·aa·aa·aa·aa·aa·
    10.10.2.64       ················
    10.10.2.80       ················
    10.10.2.96       ················
    10.10.2.112      ················
    10.10.2.128      a·aa·aa·aa·aa·aa
    10.10.2.144      ·aa·aa·aa·aa·aa·
    10.10.2.160      aa·aa·aa·aa·aa·a
    10.10.2.176      a·aa·aa·aa·aa···
    10.10.2.192      ········e·······
    10.10.2.208      ················
    10.10.2.224      ················
    10.10.2.240      ·············---
"""

NARROW = """\
                     +0       +4       +8       +12
    10.10.2.0        - o o o  o o o r  o S o o  o o o o
    10.10.2.16       o o o o  E o o o  o o o o  o o o o
    10.10.2.32       o o o o  o o o o  . . o o  o o o o
    10.10.2.48       o o o o  o o o o  o o o o  o o o o
    10.10.2.64       . . . .  . . . .  . . . .  . . . .  |
    10.10.2.80       . . . .  . . . .  . . . .  . . . .  |
    10.10.2.96       . . . .  . . . .  . . . .  . . . .  |
    10.10.2.112      . . . .  . . . .  . . . .  . . . .  |
    10.10.2.128      o o o o  o o o o  o o o o  o o o o
    10.10.2.144      o o o o  o o o o  o o o o  o o o o
    10.10.2.160      o o o o  o o o o  o o o o  o o o o
    10.10.2.176      o o o o  o o o o  o o o o  o o . .
    10.10.2.192      . . . .  . . . .  e . . .  . . . .  |
    10.10.2.208      . . . .  . . . .  . . . .  . . . .  |
    10.10.2.224      . . . .  . . . .  . . . .  . . . .  |
    10.10.2.240      . . . .  . . . .  . . . .  . - - -  |
    o 120 open   r 1 refused   . 128 silent
    E 1 ENI, answers   e 1 ENI, no answer   S 1 ourselves
    - 4 reserved
    | an aligned part in which nobody answers
    :9083  only 10.10.2.30 open

                     echo
    10.10.2.0        -aa.aa.aaSaa.aa.
    10.10.2.16       aa.aE.aa.aa.aa.a
    10.10.2.32       a.aa.aa....aa.aa
    10.10.2.48       .aa.aa.aa.aa.aa.
    10.10.2.64       ................
    10.10.2.80       ................
    10.10.2.96       ................
    10.10.2.112      ................
    10.10.2.128      a.aa.aa.aa.aa.aa
    10.10.2.144      .aa.aa.aa.aa.aa.
    10.10.2.160      aa.aa.aa.aa.aa.a
    10.10.2.176      a.aa.aa.aa.aa...
    10.10.2.192      ........e.......
    10.10.2.208      ................
    10.10.2.224      ................
    10.10.2.240      .............---
"""

AFAR = """\
    10.10.0.0        2··· ···· ···· ····
    10.10.1.0        ···· ···· ···· ····
    10.10.2.0        #### #### ###8 ····
    10.10.3.0        ···· ···· ···· ····
    a cell is a /28:   · nobody answers   1-9 so many tenths   # all

    10.10.0.0/24: 2 of 255 answer
                     +0       +4       +8       +12
    10.10.0.0        - · · ·  · a a ·  · · · ·  · · · ·
    10.10.0.16       · · · ·  · · · ·  · · · ·  · · · ·
    10.10.0.32       · · · ·  · · · ·  · · · ·  · · · ·
    10.10.0.48       · · · ·  · · · ·  · · · ·  · · · ·
    10.10.0.64       · · · ·  · · · ·  · · · ·  · · · ·  ┆ 10.10.0.64/26: nobody
    10.10.0.80       · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.0.96       · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.0.112      · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.0.128      · · · ·  · · · ·  · · · ·  · · · ·  ┆ nobody
    10.10.0.144      · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.0.160      · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.0.176      · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.0.192      · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.0.208      · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.0.224      · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.0.240      · · · ·  · · · ·  · · · ·  · · · ·  ┆
    a 2 alive   · 253 silent   - 1 reserved
    ┆ an aligned part in which nobody answers

    10.10.2.0/24: 188 of 256 answer
                     +0       +4       +8       +12
    10.10.2.0        a a a a  a a a a  a a a a  a a a a
    10.10.2.16       a a a a  a a a a  a a a a  a a a a
    10.10.2.32       a a a a  a a a a  a a a a  a a a a
    10.10.2.48       a a a a  a a a a  a a a a  a a a a
    10.10.2.64       a a a a  a a a a  a a a a  a a a a
    10.10.2.80       a a a a  a a a a  a a a a  a a a a
    10.10.2.96       a a a a  a a a a  a a a a  a a a a
    10.10.2.112      a a a a  a a a a  a a a a  a a a a
    10.10.2.128      a a a a  a a a a  a a a a  a a a a
    10.10.2.144      a a a a  a a a a  a a a a  a a a a
    10.10.2.160      a a a a  a a a a  a a a a  a a a a
    10.10.2.176      a a a a  a a a a  a a a a  · · · ·
    10.10.2.192      · · · ·  · · · ·  · · · ·  · · · ·  ┆ nobody
    10.10.2.208      · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.2.224      · · · ·  · · · ·  · · · ·  · · · ·  ┆
    10.10.2.240      · · · ·  · · · ·  · · · ·  · · · ·  ┆
    a 188 alive   · 68 silent
    ┆ an aligned part in which nobody answers
"""

LIST = """\
    fd00::1  o  :8020 open, echo alive
    fd00::2  o  :8020 open, echo alive
    fd00::9  o  :8020 open, echo alive
    13 silent
"""

SMALL = """\
                     +0  +4  +8  +12
    10.10.9.16       -··oo··o·····---
    o 3 open   · 9 silent   - 4 reserved
"""

_USED = (*range(1, 40), *range(42, 64), *range(128, 190))
_ENIS = evolve(VSWITCH_B, enis=("10.10.2.20", "10.10.2.200"))
_OF_ALL = {
    "8020": {OPEN: _USED, REFUSED: [7]},
    "9083": {OPEN: [30], FILTERED: range(1, 10)},
    "echo": {ALIVE: [index for index in _USED if index % 3]},
}


def some():
    """Hosts, two interfaces, a dark part, and ourselves."""
    return network_of(_OF_ALL, plan=Plan(name="p", networks=(_ENIS,)), own="10.10.2.9")


def large():
    """Four /24s, two of them lively."""
    return network_of({"echo": {ALIVE: [5, 6, *range(512, 700)]}}, Network(name="n", cidr="10.10.0.0/22"))


def listed():
    """A few addresses of IPv6."""
    return network_of(lively(1, 2, 9), Network(name="n", cidr="fd00::/124"))


def small():
    """A /28."""
    return network_of(lively(3, 4, 7), Network(name="n", cidr="10.10.9.16/28"))


def drawn(network, width, **options):
    """The picture without colour."""
    return "\n".join(line.plain for line in draw(network, width, **options)) + "\n"


@pytest.mark.parametrize(
    ("network", "width", "ascii_only", "expected"),
    [
        pytest.param(some, 80, False, WIDE, id="wide"),
        pytest.param(some, 60, True, NARROW, id="narrow, without other characters"),
        pytest.param(large, 80, False, AFAR, id="from afar"),
        pytest.param(listed, 80, False, LIST, id="a list"),
        pytest.param(small, 40, False, SMALL, id="a /28 in a very narrow terminal"),
    ],
)
def test_pictures(network, width, ascii_only, expected):
    """Each address a letter by its best sign; what a question shows beside that, in words or as a picture."""
    assert drawn(network(), width, ascii_only=ascii_only) == expected


def test_an_interface_of_a_list():
    """It is there also where it does not answer, and where that is not known."""
    six = Network(name="n", cidr="fd00::/124", enis=("fd00::7", "fd00::9"))
    network = network_of({"8020": {OPEN: [3], UNKNOWN: [9]}}, six)

    assert drawn(network, 80).splitlines() == [
        "    fd00::3  o  :8020 open",
        "    fd00::7  e  ENI, no answer, :8020 silent",
        "    fd00::9  ?  unknown",
        "    13 silent",
    ]


def test_without_other_characters():
    """All of it is ASCII where the terminal has nothing else."""
    assert all(drawn(network(), 80, ascii_only=True).isascii() for network in (some, large, listed, small))


@pytest.mark.parametrize("width", [60, 72, 80, 100, 200])
@pytest.mark.parametrize("network", [some, large, listed, small])
def test_it_fits(network, width):
    """No line is wider than the terminal."""
    assert max(map(len, drawn(network(), width).splitlines())) <= width


def test_pictures_stand_side_by_side():
    """As many as there is room for."""
    states = {str(port): {OPEN: range(port % 7, 200, port % 5 + 2)} for port in range(8000, 8004)}
    network = network_of(states)

    def heads(width):
        return [line.split() for line in drawn(network, width).splitlines() if ":800" in line]

    assert heads(60) == [[":8000", ":8001"], [":8002", ":8003"]]
    assert heads(100) == [[":8000", ":8001", ":8002", ":8003"]]


def test_few_that_differ_are_said():
    """One address is no picture."""
    hosts = lively(*range(3, 60), ports=("8020", "9083"))
    hosts["9083"] = {OPEN: [n for n in range(3, 60) if n != 7], REFUSED: [7]}
    quiet = {**lively(*range(3, 60)), "9083": {}}

    assert ":9083  as above, but 10.10.2.7 refused" in drawn(network_of(hosts), 80)
    assert ":9083  nobody\n" in drawn(network_of(quiet), 80)


def test_nobody_is_not_everything():
    """That somebody filters, or that it was not asked, is no silence."""
    states = {**lively(*range(3, 60)), "9083": {FILTERED: range(3, 14), UNKNOWN: range(50, 60)}}
    unasked = {**lively(*range(3, 60)), "9083": {UNKNOWN: range(256)}}

    assert ":9083  nobody, 11 filtered, 10 unknown" in drawn(network_of(states), 80)
    assert ":9083" not in drawn(network_of(unasked), 80)


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize(
    ("cidr", "states", "how", "expected"),
    [
        pytest.param("10.10.2.0/24", {"8020": {}}, {}, "    · 252 silent   - 4 reserved\n", id="silent"),
        pytest.param(
            "10.10.2.0/24", {"8020": {OPEN: range(256)}}, {}, "    = 256 not known: one answers for all\n", id="open"
        ),
        pytest.param(
            "10.10.2.0/24",
            {"arp": {ALIVE: range(256)}},
            {"macs": {n: ["ee:ff:ff:ff:ff:ff"] for n in range(256)}, "own": "10.10.2.9"},
            "    = 255 not known: one hardware address answers for all\n",
            id="a fabric's ARP",
        ),
        pytest.param("10.10.2.0/24", {"8020": {UNKNOWN: range(256)}}, {}, "    - 4 reserved   ? 252 unknown\n", id="?"),
        pytest.param("10.10.0.0/20", {"8020": {}}, {}, "    · 4,096 silent\n", id="silent, and large"),
        pytest.param(
            "10.10.0.0/20",
            {"8020": {OPEN: range(4096)}},
            {},
            "    = 4,096 not known: one answers for all\n",
            id="open, and large",
        ),
    ],
)
def test_where_all_are_alike_nothing_is_drawn(cidr, states, how, expected, width):
    """Sixteen lines of one letter say no more than one does; what shows no host looks like none."""
    network = network_of(states, Network(name="n", cidr=cidr), **how)

    picture = drawn(network, width)
    assert expected.strip() in picture
    assert len(picture.splitlines()) <= 2


def test_what_answers_for_all_beside_what_does_not():
    """A forwarder accepts for all of a network but a few, at which another port tells who is there."""
    states = {"443": {OPEN: [n for n in range(256) if n not in (7, 8)]}, "22": {REFUSED: [3, 7]}}
    text = drawn(network_of(states, plan=Plan(name="p", networks=(evolve(VSWITCH_B, enis=("10.10.2.9",)),))), 80)

    assert "    10.10.2.0        - · · r  · · · r  · e · ·  · · · ·" in text
    assert ":443" not in text
    alone = drawn(network_of({"443": states["443"]}), 80)
    assert "    10.10.2.0        = = = =  = = = ·  · = = =  = = = =" in alone
    assert "· 2 silent   = 254 not known: one answers for all" in alone


def test_a_large_network_of_which_a_part_is_answered_for():
    """A part from afar says what is known of it: that somebody answers there for all, or that it is silent."""
    network = network_of({"8020": {OPEN: [*range(3900), 4093, 4094, 4095]}}, Network(name="n", cidr="10.10.0.0/20"))
    lines = drawn(network, 80).splitlines()

    assert "    10.10.14.0       ==== ==== ==== ====" in lines
    assert "    10.10.15.0       ==== ···· ···· ···=" in lines
    assert lines[-1] == "    a cell is a /28:   · nobody answers   = not known: one answers for all"


def test_a_large_network_that_was_cut_short():
    """What is not known is not silent, and an answer of some is none of all."""
    known = {OPEN: range(8), UNKNOWN: range(8, 1024)}
    text = drawn(network_of({"8020": known}, Network(name="n", cidr="10.10.0.0/22")), 80)

    assert "    10.10.0.0        5??? ???? ???? ????" in text
    assert "    10.10.1.0        ???? ???? ???? ????" in text
    assert "   1-9 so many tenths   ? not known" in text
    assert "10.10.0.0/24: at least 7 of 255 answer" in text


def test_large_networks_are_bounded():
    """A /16 of which every /24 is lively: the first ones in detail, and how many more there are."""
    network = network_of({"echo": {ALIVE: range(7, 65536, 100)}}, Network(name="n", cidr="10.10.0.0/16"))
    text = drawn(network, 80)

    assert len(text.splitlines()) < 100
    assert "a cell is a /24" in text
    assert "and 253 more /24s with answers" in text


def test_long_lists_are_bounded():
    """So many addresses are listed, and the others counted."""
    text = drawn(network_of(lively(*range(256)), Network(name="n", cidr="fd00::/120")), 80)

    assert len(text.splitlines()) < 30
    assert "and 232 more that answer" in text


def test_colour_adds_nothing():
    """What a terminal with colours shows has the same characters; NO_COLOR leaves them."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="truecolor", width=80, highlight=False)
    for line in draw(some(), 80):
        console.print(line, soft_wrap=True)
    plain = Console(file=io.StringIO(), width=80).render_str(out.getvalue())

    assert "\x1b[" in out.getvalue()
    assert "10.10.2.64/26: nobody" in plain.plain


_states = st.dictionaries(
    st.sampled_from((OPEN, REFUSED, ALIVE, FILTERED, UNKNOWN)), st.sets(st.integers(0, 15), max_size=9)
)


@given(
    st.dictionaries(st.sampled_from(["80", "9083", "echo", "arp"]), _states, min_size=1),
    st.sampled_from(["10.10.2.0/24", "10.10.2.16/28", "10.10.0.0/20", "fd00::/124"]),
    st.integers(20, 120),
    st.sampled_from(["", "10.10.2.3", "10.10.0.7", "fd00::3"]),
)
def test_whatever_was_found(states, cidr, width, own):
    """A picture is drawn of any sweep, in any width, and it fits where there is any room."""
    network = network_of(states, Network(name="n", cidr=cidr, enis=("10.10.2.17", "10.10.2.4")), own=own)
    lines = drawn(network, width).splitlines()

    assert len(lines) <= 120
    assert width < 60 or max(map(len, lines)) <= width
