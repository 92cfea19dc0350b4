"""What a sweep does not do unless it is told that it may: nothing leaves then."""

import pytest

from tests.lab.sweep.bench import SHORT, command, sweep, sweeps
from tests.lab.sweep.places import BOTH, HERE, NOBODY, SILENT_PORT


@pytest.mark.parametrize(
    ("networks", "said"),
    [
        (("fd71::/64",), "IPv6"),
        (("10.72.0.0/19",), "--i-own-this"),
        (("10.72.0.0/20", "10.72.16.0/20"), "--i-own-this"),
        (("8.8.8.0/28",), "--i-own-this"),
    ],
)
def test_is_refused(ground, networks, said):
    """An IPv6 network, more than a /20 in all, a public range: exit code 3, with what would allow it, and no packet."""
    with ground.record(HERE) as recording:
        result = sweep(ground, *networks, ports=(BOTH,))

    assert (result.code, result.report) == (3, None)
    assert said in result.stderr
    assert recording.destinations() == set()


def test_ipv6_addresses(ground):
    """A list of them is swept as any other, by whatever engine."""
    addresses = [f"fd71::{number:x}" for number in (1, 2, 0x99, 0xFFFF)]
    ports = {BOTH: "o", NOBODY: "r", SILENT_PORT: "."}
    methods = {
        method: command(*addresses, ports=tuple(ports), method=method, timeout=SHORT)
        for method in ("auto", "connect", "syn")
    }
    right = {(address, str(port)): letter for address in addresses for port, letter in ports.items()}

    assert {method: result.states for method, result in sweeps(ground, methods).items()} == dict.fromkeys(
        methods, right
    )


def test_ipv6_echo(ground):
    """They answer an echo, too."""
    result = sweep(ground, "fd71::1", "fd71::2", method="icmp")

    assert result.states == {("fd71::1", "echo"): "a", ("fd71::2", "echo"): "a"}
