"""The shell in a scenario's network: what is run there meets the scenario's fault, and nothing of it is left."""

import contextlib
import json
import os
import pty
import subprocess
import sys

import pytest

from tests.lab.conftest import unavailable
from tests.lab.harness import ROOT

SHELL = (sys.executable, "-m", "tests.lab.shell")
LONGEST = 60


def shell(*arguments):
    """How the command ends."""
    done = subprocess.run(
        [*SHELL, *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    if done.stderr.startswith("no lab: "):
        unavailable(done.stderr)
    return done


def on_terminal(typed, *arguments):
    """What stands on a terminal at which this is typed, and the exit code."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [*SHELL, *arguments], cwd=ROOT, stdin=end, stdout=end, stderr=end, start_new_session=True
    )
    os.close(end)
    os.write(terminal, typed)
    seen = b""
    try:
        while more := os.read(terminal, 4096):
            seen += more
    except OSError:  # how a terminal ends
        pass
    os.close(terminal)
    return seen.decode(), process.wait(LONGEST)


def test_a_command_finds_the_plan_and_meets_the_fault():
    """What is said in the scenario's network is its cause, and the exit code is the command's own."""
    done = shell("sg_drop", "--", "linkdoctor", "check", "plan.yaml", "--format", "json")

    assert ("sg_drop", 2) == (json.loads(done.stdout)["findings"][0]["cause"], done.returncode)


def test_the_scenarios_own_point_of_view():
    """A scenario of the VPC host is entered there, with its addresses."""
    done = shell("healthy_vpc_host", "--", "ip", "-brief", "address", "show", "dev", "eth0")

    assert "10.10.1.50/24" in done.stdout


@pytest.mark.parametrize(("options", "told"), [((), False), (("--truth",), True)])
def test_the_truth_is_told_where_it_is_asked_for(options, told):
    """Faults and cause stand on standard error alone, and only with --truth."""
    done = shell(*options, "sg_drop", "--", "true")

    assert ("", told) == (done.stdout, "sg_drop, of metastore" in done.stderr)


def test_an_interactive_shell():
    """A terminal gets a banner and a shell in the plan's folder; its exit code is given on."""
    seen, code = on_terminal(b"ls\nexit 4\n", "healthy")
    if code == 3:
        unavailable(seen)

    assert code == 4
    assert "linkdoctor check plan.yaml" in seen
    assert "lab-ca.pem" in seen.split("linkdoctor check plan.yaml", 1)[1]


def test_nothing_is_left_behind():
    """A server that was started there has ended with the command."""
    done = shell("healthy", "--", "sh", "-c", "sleep 600 >/dev/null 2>&1 & readlink /proc/self/ns/pid")

    assert done.stdout.startswith("pid:")
    assert done.stdout.strip() not in set(_process_namespaces())


def test_an_unknown_name_is_answered_with_those_near_it():
    """Exit code 2, and what may have been meant."""
    done = shell("sg_dorp")

    assert done.returncode == 2
    assert "near: sg_drop" in done.stderr


def _process_namespaces():
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):  # it has ended, or is no process, or another user's
            yield os.readlink(f"/proc/{entry.name}/ns/pid")  # noqa: PTH115 - what it reads is no path
