"""A network as rows of cells: the data behind what a terminal and a page draw."""

from collections import Counter

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from reports.model import Network, Plan
from reports.subnet.grid import (
    AS_GRID,
    AS_LIST,
    COLUMNS,
    ENI,
    FROM_AFAR,
    GATEWAY,
    MEANINGS,
    RESERVED,
    SELF,
    asked_apart,
    cells,
    differing_at,
    lively,
    parts,
    rows,
    shape,
)
from reports.subnet.swept import ALIKE
from reports.sweep import ALIVE, FILTERED, OPEN, REFUSED, UNKNOWN
from tests.reports.sweeps import VSWITCH_B, network_of
from tests.reports.sweeps import lively as hosts

ENIS = evolve(VSWITCH_B, enis=("10.10.2.20", "10.10.2.21"))


def letters(network, **how):
    """The letters of each row; a space for what is none of its addresses."""
    return ["".join(cell.letter if cell else " " for cell in row.cells) for row in rows(network, **how)]


def test_a_row_is_sixteen_addresses():
    """In their order, by the best sign of each; with what an address is beside."""
    states = {"8020": {OPEN: [3], REFUSED: [4], FILTERED: [6]}, "echo": {ALIVE: [3, 5, 20, 8], UNKNOWN: [7]}}
    states["8020"][UNKNOWN] = [7]
    network = network_of(states, plan=Plan(name="p", networks=(ENIS,)), own="10.10.2.9", gateway="10.10.2.8")

    assert letters(network)[:2] == ["-..oraf?GS......", "....Ee.........."]
    assert letters(network)[-1] == ".............---"
    assert [row.address for row in rows(network)][:3] == ["10.10.2.0", "10.10.2.16", "10.10.2.32"]
    marks = {cell.address: cell.marks for cell in cells(network) if cell.marks}
    assert marks["10.10.2.0"] == (RESERVED,)
    assert marks["10.10.2.8"] == (GATEWAY,)
    assert marks["10.10.2.9"] == (SELF,)
    assert marks["10.10.2.21"] == (ENI,)


def test_a_cell_says_all_that_is_known():
    """The state of each question, and the best of them."""
    network = network_of({"8020": {REFUSED: [3]}, "9083": {OPEN: [3]}, "echo": {}})
    cell = rows(network)[0].cells[3]

    assert (cell.address, cell.letter, cell.state) == ("10.10.2.3", "o", "o")
    assert cell.states == {"8020": "r", "9083": "o", "echo": "."}


def test_what_somebody_answers_for_all():
    """It is no sign of a host, nor of an interface; what stands out of it is."""
    states = {"8020": {REFUSED: [n for n in range(256) if n not in (7, 9)], OPEN: [7]}}
    network = network_of(states, plan=Plan(name="p", networks=(ENIS,)))
    cell = rows(network)[1].cells[4]

    assert letters(network)[0] == "=======o=.======"
    assert letters(network)[1] == "=" * 16
    assert (cell.letter, cell.state, cell.states, cell.marks) == (ALIKE, ALIKE, {"8020": REFUSED}, (ENI,))


def test_an_interface_that_nothing_is_known_of():
    """It is not said that it does not answer."""
    network = network_of({"8020": {UNKNOWN: [20], OPEN: [3]}}, plan=Plan(name="p", networks=(ENIS,)))

    assert letters(network)[1] == "....?e.........."


def test_one_question_alone():
    """The same cells by what was answered to it."""
    network = network_of({"8020": {OPEN: [3, 4]}, "echo": {ALIVE: [3]}})

    assert letters(network, asked="echo")[0] == "-..a............"
    assert asked_apart(network) == ["echo"]
    assert differing_at(network, "echo") == [4]


@pytest.mark.parametrize(
    ("states", "apart"),
    [
        ({"8020": {OPEN: [3]}, "echo": {ALIVE: [3]}}, []),
        ({"8020": {OPEN: [3]}, "9083": {REFUSED: [3]}}, ["9083"]),
        ({"8020": {OPEN: [3]}, "9083": {FILTERED: [3]}}, ["9083"]),
        ({"8020": {OPEN: [3]}}, []),
    ],
    ids=["an echo is as good", "refused", "filtered", "one question"],
)
def test_questions_that_are_worth_a_picture(states, apart):
    """Those whose answers differ from the best signs."""
    assert asked_apart(network_of(states)) == apart


def test_a_small_network_has_few_rows():
    """What is none of its addresses is no cell."""
    network = network_of(hosts(3), Network(name="n", cidr="10.10.9.8/29"))

    assert letters(network) == ["        -..o.---"]


def test_dark_rows_are_marked():
    """A row that lies in a dark part as a whole bears its CIDR."""
    network = network_of(hosts(*range(1, 64), *range(128, 253)))

    assert [row.address for row in rows(network) if row.dark == "10.10.2.64/26"] == [
        f"10.10.2.{n}" for n in (64, 80, 96, 112)
    ]
    assert {row.dark for row in rows(network)} == {"", "10.10.2.64/26"}


def test_from_afar():
    """A larger network in parts of at least a /28, of which there are 256 at most; and its lively /24s."""
    network = network_of(
        {"echo": {ALIVE: [5, 6, 300]}},
        Network(name="n", cidr="10.10.0.0/20"),
        plan=Plan(name="p", networks=(evolve(VSWITCH_B, enis=("10.10.7.7",)),)),
    )
    larger = network_of({"echo": {}}, Network(name="n", cidr="10.10.0.0/18"))

    assert shape(network) == FROM_AFAR
    assert [(part.address, part.asked, part.live) for part in parts(network) if part.live] == [
        ("10.10.0.0", 15, 2),
        ("10.10.1.32", 16, 1),
    ]
    assert {part.size for part in parts(network)} == {16}
    assert {part.size for part in parts(larger)} == {64}
    assert len(parts(larger)) == 256
    assert [part.address for part in lively(network)] == ["10.10.0.0", "10.10.1.0", "10.10.7.0"]
    assert letters(network, first=int(network.addresses[0]) + 256)[2] == "............o...".replace("o", "a")


@pytest.mark.parametrize(
    ("states", "letter"),
    [
        pytest.param({}, ".", id="silent"),
        pytest.param({OPEN: [5]}, "1", id="one"),
        pytest.param({OPEN: range(1, 9)}, "6", id="more than half"),
        pytest.param({OPEN: range(16)}, "#", id="all"),
        pytest.param({OPEN: range(1, 9), UNKNOWN: range(9, 16)}, "6", id="some, and the others are unknown"),
        pytest.param({UNKNOWN: range(3, 16)}, "?", id="few are known"),
        pytest.param({OPEN: range(4096)}, "=", id="answered for"),
    ],
)
def test_a_part_from_afar(states, letter):
    """Which tenth of those that can be there answers, as far as that is known."""
    network = network_of({"8020": states}, Network(name="n", cidr="10.10.0.0/20"))

    assert parts(network)[0].letter == letter
    assert parts(network)[0].meant == 15


@pytest.mark.parametrize(
    ("cidr", "expected"),
    [("10.10.2.0/24", AS_GRID), ("10.10.2.0/29", AS_GRID), ("10.10.2.0/30", AS_LIST), ("10.10.2.0/23", FROM_AFAR)],
)
def test_shapes(cidr, expected):
    """A few addresses are listed, up to a /24 is a grid, more is seen from afar."""
    assert shape(network_of({"echo": {}}, Network(name="n", cidr=cidr))) == expected


def test_ipv6_is_a_list():
    """There is no grid of it."""
    assert shape(network_of({"echo": {}}, Network(name="n", cidr="fd00::/122"))) == AS_LIST


_states = st.dictionaries(st.sampled_from("oraf?"), st.sets(st.integers(0, 255), max_size=30), max_size=4)


@given(
    st.dictionaries(st.sampled_from(["8020", "9083", "echo"]), _states, min_size=1),
    st.sampled_from(["10.10.2.0/24", "10.10.2.64/26", "10.10.2.8/29"]),
)
def test_the_counts_agree(states, cidr):
    """Every address is one cell, whose letter has a meaning, and the letters are as many as the states."""
    size = Network(name="n", cidr=cidr)
    bounded = {
        asked: {
            state: [index for index in some if index < 2 ** (32 - int(cidr[-2:].strip("/")))]
            for state, some in by.items()
        }
        for asked, by in states.items()
    }
    network = network_of(bounded, size)
    drawn = [cell for row in rows(network) for cell in row.cells if cell is not None]

    assert drawn == list(cells(network))
    assert all(len(row.cells) == COLUMNS for row in rows(network))
    assert Counter(cell.state for cell in drawn) == Counter(network.best_drawn)
    assert {cell.letter for cell in drawn} <= set(MEANINGS)
    assert sum(part.live for part in parts(network)) == len(network.live)
    assert sum(part.asked for part in parts(network)) == len(network.told)
