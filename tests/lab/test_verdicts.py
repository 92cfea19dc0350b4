"""No invented verdicts: thousands of targets, a busy machine, few descriptors."""

import contextlib
import ipaddress
import subprocess
import sys
from collections import Counter

from tests.lab.fleet import OPEN, REFUSED, SILENT

EXPECTED = {OPEN: "healthy", REFUSED: "failing", SILENT: "failing"}


def fleet_plan(count, **limits):
    """``count`` addresses of the fleet; a third each open, refused and silent."""
    first = ipaddress.ip_address("10.99.0.1")
    ports = (OPEN, REFUSED, SILENT)
    targets = [f"{first + number}:{ports[number % 3]}" for number in range(count)]
    return {"name": "fleet", "runtime": "host", "targets": targets, "limits": limits}


def test_3000_verdicts(lab):
    """A third open, refused and silent, one second of time-out: each verdict is right."""
    lab.fleet()
    outcome = lab.check(fleet_plan(3000, connect_timeout="1s", concurrency=500, rate=10000))

    assert Counter({("healthy", OPEN): 1000, ("failing", REFUSED): 1000, ("failing", SILENT): 1000}) == _tally(outcome)
    silent = {seen["failure"] for seen in _connects(outcome) if seen["facts"]["port"] == SILENT}
    assert silent == {"timed_out"}


def test_short_of_descriptors_and_of_time(lab):
    """With 128 descriptors and a busy core no target is called unreachable that is not; undetermined is allowed."""
    with _busy_core():
        outcome = lab.check(fleet_plan(600, connect_timeout="1s", concurrency=500, rate=10000), descriptors=128)

    wrong = {(verdict, port) for verdict, port in _tally(outcome) if verdict not in (EXPECTED[port], "undetermined")}
    assert wrong == set()
    assert outcome.report["run"]["partial"] is False


@contextlib.contextmanager
def _busy_core():
    spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        spinner.kill()
        spinner.wait()


def _connects(outcome):
    return [seen for seen in outcome.report["observations"] if seen["probe"] == "tcp"]


def _tally(outcome):
    return Counter((target["verdict"], split(target["address"])[1]) for target in outcome.report["targets"])


def split(target):
    """Address and port."""
    address, _, port = target.rpartition(":")
    return address, int(port)
