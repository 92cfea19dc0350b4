"""Routers and hosts that send only so many errors a second, and one that has had enough."""

import pytest

from tests.lab.sweep.bench import SHORT, sweep
from tests.lab.sweep.faults import ENOUGH
from tests.lab.sweep.places import BOTH, LEG, NOBODY, ROUTER


@pytest.mark.parametrize("method", ["syn", "connect"])
def test_few_errors_are_no_silence(ground, method):
    """A router that may send 200 errors a second, and a host that may send as many resets: nothing is called silent."""
    with ground.broken("sweep_prohibited", "sweep_errors_limited", "sweep_resets_limited"):
        result = sweep(ground, "10.72.0.0/23", ports=(BOTH, NOBODY), method=method, timeout=SHORT)

    assert result.counts(str(BOTH)) == {"f": 512}
    assert result.counts(str(NOBODY)) == {"r": 512}


@pytest.mark.parametrize("method", ["syn", "connect"])
def test_push_back_ends_it(ground, method):
    """Where all answers cease the sweep stops, says so, and calls nothing silent that it can no longer know."""
    with ground.broken("sweep_push_back"), ground.record(ROUTER) as recording:
        result = sweep(ground, "10.72.0.0/20", ports=(BOTH,), method=method, timeout=SHORT, rate=1500)
    asked = {
        packet.destination
        for packet in recording.packets
        if packet.interface == LEG and not packet.outgoing and packet.protocol == "tcp"
    }
    counts = result.counts(str(BOTH))

    assert result.run["pushed_back"] in result.stderr
    assert result.run["partial"] is True
    assert (result.code, result.report["verdict"]) == (3, "undetermined")
    assert counts["o"] >= 0.9 * ENOUGH
    assert counts["."] == 0
    assert len(asked) < 2048
