"""Never more packets in any second than the rate says: counted where they arrive, whatever the answers are."""

from ipaddress import ip_address, ip_network

import pytest

from tests.lab.sweep.bench import BARE, SHORT, command, sweep, sweeps
from tests.lab.sweep.places import BOTH, HERE, LEG, MIXED, NOBODY, ROUTER, SILENT_PORT
from tests.lab.wire import densest

PORTS = (BOTH, NOBODY, SILENT_PORT)
# A network for each, of so many addresses that it takes some seconds. Of the mixed one some are silent to an echo.
CASES = {
    "connect, 1000": ("10.72.0.0/24", {"method": "connect", "rate": 1000, "ports": PORTS}),
    "syn, 1000": ("10.72.1.0/24", {"method": "syn", "rate": 1000, "ports": PORTS}),
    "icmp, 1000": ("10.72.8.0/21", {"method": "icmp", "rate": 1000}),
    "ping sockets, 1000": ("10.72.16.0/21", {"method": "icmp", "rate": 1000, "rights": BARE}),
    "connect, 100": ("10.72.2.0/26", {"method": "connect", "rate": 100, "ports": PORTS}),
    "syn, 100": ("10.72.3.0/26", {"method": "syn", "rate": 100, "ports": PORTS}),
    "icmp, 100": (MIXED, {"method": "icmp", "rate": 100}),
}


@pytest.fixture(scope="module")
def swept(ground):
    """The results of all, which run side by side, and the packets of each."""
    commands = {case: command(network, timeout=SHORT, **manner) for case, (network, manner) in CASES.items()}
    with ground.record(ROUTER) as recording:
        results = sweeps(ground, commands)
    assert recording.dropped == 0
    arrived = [packet for packet in recording.packets if packet.interface == LEG and not packet.outgoing]
    return results, {case: _towards(network, arrived) for case, (network, _) in CASES.items()}


def _towards(network, packets):
    within = ip_network(network)
    return [packet for packet in packets if packet.protocol != "arp" and ip_address(packet.destination) in within]


@pytest.mark.parametrize("case", CASES)
def test_no_second_holds_more(swept, case):
    """Open, refused and silent ports at once; what ends a connection, and what the kernel answers, is counted too."""
    results, packets = swept
    times = [packet.time for packet in packets[case]]
    rate = CASES[case][1]["rate"]

    assert "?" not in results[case].states.values()
    assert times[-1] - times[0] > 1
    # It does use what it may.
    assert rate / 2 < densest(times, 1.0) <= rate


def test_what_is_said_to_be_sent_was(swept):
    """As many packets as were counted on the wire."""
    results, packets = swept

    assert {case: result.run["sent"] for case, result in results.items()} == {
        case: len(arrived) for case, arrived in packets.items()
    }


def test_nothing_else_is_asked(ground):
    """Only the named ports of the named addresses, by ARP for nobody but the gateway."""
    with ground.record(HERE) as recording:
        sweep(ground, "10.72.7.0/28", ports=(BOTH, NOBODY))

    asked = {(address, port) for address, port, protocol in recording.destinations() if protocol == "tcp"}
    assert asked == {(f"10.72.7.{last}", port) for last in range(16) for port in (BOTH, NOBODY)}
    assert {protocol for *_, protocol in recording.destinations()} <= {"tcp", "arp"}
