"""A sweep of the instance's own vSwitches: the metadata service is asked where that is said, and never otherwise."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"
UNSHARE = ("unshare", "--user", "--map-root-user", "--net")

# The service's own address, and networks of which every address is this machine's.
_SETUP = """
ip link set lo up
ip address add 100.100.100.200/32 dev lo
ip route add local 10.10.1.0/24 dev lo
ip route add local 10.10.2.0/24 dev lo
exec "$@"
"""

# Runs a command beside the service; prints its exit code, its output and what the service heard.
_BESIDE = """
import json, subprocess, sys
from tests.metadata_server import Metadata
with Metadata(address=("100.100.100.200", 80)) as service:
    done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
print(json.dumps([done.returncode, done.stdout, done.stderr, service.heard]))
"""


def on_an_instance(*arguments):
    """The command where the service answers: exit code, the networks that were swept, what the service heard."""
    if subprocess.run([*UNSHARE, "ip", "link"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces, or no ip command")
    command = [str(LINKDOCTOR), "sweep", *arguments, "--rate", "0", "--format", "json"]
    done = subprocess.run(
        [*UNSHARE, "sh", "-ec", _SETUP, "sh", sys.executable, "-c", _BESIDE, *command],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    code, out, err, heard = json.loads(done.stdout)
    assert err == ""
    report = json.loads(out)
    declared = {network["cidr"]: network["enis"] for network in report["run"]["plan"]["networks"]}
    swept = [seen["address"] for seen in report["observations"] if (seen["probe"], seen["step"]) == ("subnet", "sweep")]
    return code, {cidr: declared.get(cidr) for cidr in swept}, heard


def test_its_own_networks():
    """All of them, with the instance's interfaces as their ENIs; the service is asked by token."""
    _, networks, heard = on_an_instance("--metadata", "--ports", "9")

    assert networks == {"10.10.1.0/24": ["10.10.1.10", "10.10.1.11"], "10.10.2.0/24": ["10.10.2.10"]}
    assert heard[0] == ["PUT", "/latest/api/token", False]


def test_a_plan_that_leaves_them_open(tmp_path):
    """`networks: auto` asks, too; a network that is typed beside it is swept with what is known of it."""
    plan = tmp_path / "plan.yaml"
    plan.write_text("name: here\nnetworks: auto\n")
    _, networks, heard = on_an_instance(str(plan), "10.10.1.0/24", "--ports", "9")

    assert list(networks) == ["10.10.1.0/24", "10.10.2.0/24"]
    assert heard


def test_nothing_else_asks():
    """Whatever network is typed."""
    _, networks, heard = on_an_instance("10.10.1.0/24", "--ports", "9")

    assert (networks, heard) == ({"10.10.1.0/24": None}, [])
