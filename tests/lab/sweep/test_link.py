"""The vSwitch that the sweeping host is in: who answers ARP, who answers twice, and who answers for everybody."""

import json

import pytest

from tests.lab.sweep.bench import SHORT, command, sweep
from tests.lab.sweep.places import GATEWAY, HERE, HERE_ADDRESS, NEAR, NEIGHBOURS, OWN, ROUTER, SHARED, TWIN


@pytest.fixture(scope="module")
def swept(ground):
    """What answers ARP in its own vSwitch."""
    return sweep(ground, OWN, method="arp", timeout=SHORT)


def _mac(ground, namespace, interface):
    (link,) = json.loads(ground.run(["ip", "-j", "link", "show", "dev", interface], namespace)["stdout"])
    return link["address"]


def test_who_answers_arp(swept):
    """The gateway, the neighbours, and nobody else; the host itself needs no answer."""
    alive = {address for (address, _), letter in swept.states.items() if letter == "a"}

    assert alive - {HERE_ADDRESS} == {GATEWAY, *NEIGHBOURS, SHARED}
    assert swept.counts("arp")["."] >= 256 - len(alive) - 1


def test_two_hosts_with_one_address(ground, swept):
    """Both answer, and are named."""
    (twice,) = swept.of("twice")

    assert twice["address"] == SHARED
    assert set(twice["facts"]["macs"].split(", ")) == {_mac(ground, NEAR, "eth0"), _mac(ground, TWIN, "eth0")}


def test_a_fabric_that_answers_for_everybody(ground):
    """One hardware address for every neighbour is no evidence of a single host, nor of one that is there twice."""
    with ground.broken("sweep_silent_fabric"):
        said = ground.run(command(OWN, method="arp", timeout=SHORT, style="text"), HERE)["stdout"]
        result = sweep(ground, OWN, method="arp", timeout=SHORT)
    (seen,) = result.of("states")

    assert seen["facts"]["mac"] == _mac(ground, ROUTER, "vsw")
    assert seen["facts"]["by_mac"] > 250
    assert result.of("twice") == []
    assert result.report["findings"] == []
    assert "nothing is known of its hosts" in said
    assert f"one hardware address ({seen['facts']['mac']}) answers for" in said
    assert "not known: one hardware address answers for all" in said
    assert " alive" not in said
    assert result.code == 3


def test_place(ground, swept):
    """Where the sweep stands is measured: address, interface, on the link or behind which gateway."""
    (near,) = swept.of("place")
    (far,) = sweep(ground, "10.72.0.0/30", ports=(8020,)).of("place")

    here = {"source": HERE_ADDRESS, "interface": "eth0"}
    assert near["facts"].items() >= {**here, "on_link": True, "inside": True}.items()
    assert far["facts"].items() >= {**here, "on_link": False, "gateway": GATEWAY, "inside": False}.items()
