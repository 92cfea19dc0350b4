"""A mixed network, compared with what it is made of and with what nmap says of it, address by address."""

from collections import Counter

import pytest

from tests.lab.sweep import bench, judge
from tests.lab.sweep.places import MIXED, NO_WAY, PORTS, part_of, senders, truth

SCANS = {"syn": "-sS", "connect": "-sT"}


@pytest.fixture(scope="module")
def done(ground, nmap):
    """What became of each engine, and of nmap's scan of the same kind."""
    ours = {method: bench.command(MIXED, ports=PORTS, method=method, timeout=bench.PATIENCE) for method in SCANS}
    theirs = {scan: judge.command(scan, MIXED, PORTS) for scan in SCANS.values()}
    return bench.together(ground, {**ours, **theirs})


@pytest.fixture(scope="module")
def swept(done):
    """The result of each engine."""
    return {method: bench.ended(done[method]) for method in SCANS}


@pytest.fixture(scope="module")
def judged(done):
    """What each scan says."""
    return {scan: judge.judged(done[scan]) for scan in SCANS.values()}


def _letters(result):
    return {(address, int(asked)): letter for (address, asked), letter in result.states.items()}


@pytest.mark.parametrize("method", SCANS)
def test_every_state_is_right(swept, method):
    """As the network was made: open, refused in three ways, filtered in eight, silent in four."""
    found = _letters(swept[method])
    right = {(address, port): letter for port in PORTS for address, letter in truth(port).items()}
    wrong = Counter(
        (part_of(address).title, port, right[address, port], letter)
        for (address, port), letter in found.items()
        if letter != right[address, port] and not (part_of(address).title == NO_WAY and letter == ".")
    )

    assert found.keys() == right.keys()
    assert wrong == Counter()


@pytest.mark.parametrize("method", SCANS)
def test_nmap_says_the_same(judged, swept, method):
    """Each difference from nmap's scan of the same kind is written down, with its reason."""
    theirs = judged[SCANS[method]]

    assert len(theirs) == 256 * len(PORTS)
    assert judge.differences(SCANS[method], theirs, _letters(swept[method])) == []


@pytest.mark.parametrize("method", SCANS)
def test_who_sent_the_errors(swept, method):
    """For each sender and kind of ICMP error how many answers it was: whatever the engine."""
    found = Counter()
    for seen in swept[method].of("filter"):
        found[seen["address"], seen["facts"]["icmp"]] += seen["facts"]["count"]
    expected = Counter()
    for (address, _), letter in _letters(swept[method]).items():
        if letter == "f":
            icmp, by = senders()[address]
            expected[by, icmp] += 1

    assert found == expected


def test_nmap_names_the_same_senders(judged):
    """What the network is said to send is what nmap sees it send."""
    named = {
        (address, judge.ICMP[said.reason], said.by or address)
        for (address, _), said in judged["-sS"].items()
        if said.state == "f"
    }

    assert named <= {(address, icmp, by) for address, (icmp, by) in senders().items()}
    assert {icmp for _, icmp, _ in named} == {icmp for icmp, _ in senders().values()}
