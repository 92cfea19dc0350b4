"""Every engine over a real network: the same states whoever asks, and nothing but answers counts."""

import os

import pytest

from tests.probes.sweep import ground
from tests.probes.sweep.ground import FAR, FILTERED, FORGED, NEIGHBOUR, OPEN, OPTIONS, OWN, REFUSED, SHARED, SILENT

PORTS = [OPEN, REFUSED, FILTERED, SILENT]
SIX = ",".join(ground.FAR_SIX % number for number in (1, 2, 0x99))

SWEEPS = {
    "root": {"hosts": FAR, "asked": [*PORTS, "echo"]},
    "raw": {"hosts": FAR, "asked": [*PORTS, "echo"], "rights": "raw"},
    "bare": {"hosts": FAR, "asked": [*PORTS, "echo"], "rights": "bare"},
    "without ctypes": {"hosts": FAR, "asked": [*PORTS, "echo"], "without": ["ctypes"]},
    "forced": {"hosts": FAR, "asked": [OPEN], "method": "connect"},
    "lacking": {"hosts": FAR, "asked": [OPEN], "method": "syn", "rights": "bare"},
    "six": {"hosts": SIX, "asked": [*PORTS, "echo"]},
    "bare six": {"hosts": SIX, "asked": [*PORTS, "echo"], "rights": "bare"},
    "forged": {"hosts": "10.2.0.0/28", "asked": [FORGED], "method": "syn"},
    "with options": {"hosts": "10.2.0.0/28", "asked": [OPTIONS], "method": "syn"},
    "link": {"hosts": "10.1.0.0/27", "asked": ["arp"]},
    "all of the link": {"hosts": "10.1.0.0/28", "asked": [OPEN, "echo", "arp"]},
    "link by handshakes": {"hosts": "10.1.0.0/28", "asked": [OPEN], "method": "connect"},
    "six on the link": {"hosts": "fd01::2,fd01::3,fd01::7", "asked": ["arp"]},
    "not on the link": {"hosts": FAR, "asked": ["arp"]},
    "forced not on the link": {"hosts": FAR, "asked": ["arp"], "method": "arp"},
    "no way": {"hosts": "10.3.0.0/30", "asked": [OPEN, "echo"]},
    "no way by handshakes": {"hosts": "10.3.0.0/30", "asked": [OPEN], "method": "connect"},
    "crew": {"hosts": "10.2.0.0/19", "asked": [OPEN, REFUSED], "method": "syn"},
    "paced syn": {"hosts": "10.2.0.0/26", "asked": PORTS, "rate": 200, "timeout": 1.0, "recorded": True},
    "paced connect": {
        "hosts": "10.2.0.0/27",
        "asked": PORTS,
        "method": "connect",
        "rate": 200,
        "timeout": 1.0,
        "recorded": True,
    },
}


@pytest.fixture(scope="module")
def made():
    """All of the sweeps, in one network."""
    try:
        return ground.results(SWEEPS)
    except ground.UnavailableError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(f"the network cannot be built here: {error}")


@pytest.mark.parametrize("who", ["root", "raw", "bare", "without ctypes"])
def test_same_states_whoever_asks(made, who):
    """Open, refused, filtered and silent ports, and who answers an echo; a router's own errors are no silence."""
    states = made[who]["states"]

    assert {str(port): set(states[str(port)]) for port in PORTS} == {
        str(OPEN): {"o"},
        str(REFUSED): {"r"},
        str(FILTERED): {"f"},
        str(SILENT): {"."},
    }
    assert states["echo"] == "a" * 64 + "." * 64
    assert (made[who]["partial"], made[who]["pushed_back"], made[who]["shortages"]) == (False, "", {})


def test_the_best_engines_that_are_allowed(made):
    """Chosen by what this process may open, and said."""
    methods = {who: made[who]["method"] for who in ("root", "raw", "bare", "forced")}

    assert methods == {"root": "syn, icmp", "raw": "syn, icmp", "bare": "connect, icmp", "forced": "connect"}
    assert "raw sockets need CAP_NET_RAW, which this process lacks" in made["bare"]["why"]
    assert made["forced"]["why"] == "connect, as asked for"
    assert "CAP_NET_RAW" in made["lacking"]["unable"]


@pytest.mark.parametrize("who", ["root", "bare"])
def test_what_comes_with_an_answer(made, who):
    """Who sent the ICMP error and which, how far away a host is by its TTL, and the round trip, below the time-out."""
    answers = [answer for answer in made[who]["answers"] if answer[0] == "10.2.0.5"]
    by_state = {answer[1]: answer for answer in answers}

    assert sorted(by_state) == ["a", "f", "o", "r"]
    assert by_state["f"][4:] == ["10.2.0.5", "3/13"]
    assert by_state["a"][3] == 64
    assert {by_state[state][3] for state in "or"} == ({64} if who == "root" else {0})
    rtts = [answer[2] for answer in made[who]["answers"] if answer[2]]
    assert len(rtts) > 20
    assert all(0 < rtt < 0.4 for rtt in rtts)


@pytest.mark.parametrize("who", ["six", "bare six"])
def test_ipv6(made, who):
    """Lists of addresses are asked as those of IPv4."""
    states = {str(OPEN): "ooo", str(REFUSED): "rrr", str(FILTERED): "fff", str(SILENT): "...", "echo": "aaa"}

    assert made[who]["states"] == states
    assert {tuple(answer[4:]) for answer in made[who]["answers"] if answer[1] == "f"} == {("fd01::3", "1/1")}


def test_forged_answers_count_for_nothing(made):
    """A SYN-ACK that acknowledges another SYN, or comes from another address, opens no port; one in 4096 is luck."""
    assert made["forged"]["states"][str(FORGED)].count(".") >= 15


def test_ip_options_change_nothing(made):
    """What an answer says stands behind them."""
    assert made["with options"]["states"][str(OPTIONS)] == "o" * 16


def test_who_is_on_the_link(made):
    """Neighbours by their hardware address; two of them for one address; we need no answer to know ourselves."""
    who = {}
    for address, state, _, _, by, _ in made["link"]["answers"]:
        assert state == "a"
        who.setdefault(address, set()).add(by)
    hardware = made["hardware"]

    assert who == {
        OWN: {hardware["here"]},
        NEIGHBOUR: {hardware["near"]},
        SHARED: {hardware["near"], hardware["twin"]},
    }
    assert made["link"]["method"] == "arp"


@pytest.mark.parametrize("how", ["all of the link", "link by handshakes"])
def test_dead_neighbours_are_silent(made, how):
    """Our own kernel's word that nobody answered its ARP is none of a router's."""
    states = made[how]["states"][str(OPEN)]

    assert (states[2], states[3], set(states[10:])) == ("r", "o", {"."})
    if how == "all of the link":
        assert made[how]["states"]["arp"] == "..aa.....a......"
        assert made[how]["states"]["echo"][2:4] == "aa"


def test_ipv6_neighbours(made):
    """By neighbour discovery."""
    found = made["six on the link"]

    assert found["states"] == {"arp": "aa."}
    assert {(address, state, by) for address, state, _, _, by, _ in found["answers"]} == {
        ("fd01::2", "a", made["hardware"]["here"]),
        ("fd01::3", "a", made["hardware"]["near"]),
    }


def test_arp_passes_no_router(made):
    """What cannot be asked is unknown, and why is said; where it was asked for, nothing is done at all."""
    assert set(made["not on the link"]["states"]["arp"]) == {"?"}
    assert "passes no router" in made["not on the link"]["why"]
    assert "passes no router" in made["forced not on the link"]["unable"]


@pytest.mark.parametrize("how", ["no way", "no way by handshakes"])
def test_what_our_own_routing_refuses_is_unknown(made, how):
    """Nothing is said of addresses to which nothing could be sent."""
    assert {letter for states in made[how]["states"].values() for letter in states} == {"?"}
    assert "this machine's own routing refuses it" in next(iter(made[how]["shortages"]))
    assert (made[how]["sent"], made[how]["pushed_back"]) == (0, "")


def test_several_processes(made):
    """Thousands of cells at full speed: not one is wrong, and every packet is counted."""
    states = made["crew"]["states"]

    assert {port: set(letters) for port, letters in states.items()} == {str(OPEN): {"o"}, str(REFUSED): {"r"}}
    assert len(states[str(OPEN)]) == 8192
    assert made["crew"]["sent"] >= 3 * 8192


@pytest.mark.parametrize("how", ["paced syn", "paced connect"])
def test_the_rate_on_the_wire(made, how):
    """No second holds more packets than the rate, resets included, and what is counted is what has left."""
    found = made[how]

    assert 100 < found["densest"] <= 200
    assert found["packets"] == found["sent"]
