"""The units: systemd finds nothing wrong with them, they give little away, and linkdoctor works within."""

import shlex
import shutil
import subprocess
import sys

import pytest

from tests.deploy.duty import DEPLOY
from tests.lab.harness import LINKDOCTOR, ROOT
from tests.lab.network import SANDBOX
from tests.lab.scenario import udf
from tests.tls_servers import program

UNITS = DEPLOY / "systemd"
SERVE, CHECK, TIMER = "linkdoctor.service", "linkdoctor-check@.service", "linkdoctor-check@.timer"
ONE_CHECK = "linkdoctor-check@etl.service"
# Tenths, of a hundred: docs/operations.md says so. What is left is the network, and files that anyone may read.
EXPOSURE = 20
RAW = "linkdoctor.service.d/raw-packets.conf"
HERE = {"PYTHONPATH": str(ROOT)}


@pytest.fixture
def root(tmp_path):
    """The root of a file system with the units, where docs/operations.md puts them."""
    program("systemd-analyze")
    shutil.copytree("/lib/systemd/system", tmp_path / "usr/lib/systemd/system", symlinks=True)
    place = tmp_path / "etc/systemd/system"
    place.mkdir(parents=True)
    for name in (SERVE, CHECK, TIMER):
        shutil.copy(UNITS / name, place)
    for command in ("opt/linkdoctor/bin/linkdoctor", "bin/sh"):
        (tmp_path / command).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shutil.which("true"), tmp_path / command)
    return tmp_path


def systemd(word, root, *arguments):
    """What a program of systemd says of that root."""
    return subprocess.run([program(word), *arguments, f"--root={root}"], capture_output=True, text=True, check=False)


def confined(unit, *argv):
    """The command line of a program within the unit's restrictions."""
    program("systemd-analyze")
    return [sys.executable, "-m", "tests.deploy.confined", str(UNITS / unit), *map(str, argv)]


@pytest.mark.parametrize("dropped_in", [False, True])
def test_nothing_is_wrong_with_the_units(root, dropped_in):
    """Not a word, with and without the drop-in for raw packets."""
    if dropped_in:
        place = root / "etc/systemd/system" / RAW
        place.parent.mkdir()
        shutil.copy(UNITS / RAW, place)

    done = systemd("systemd-analyze", root, "verify", SERVE, ONE_CHECK, "linkdoctor-check@etl.timer")

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("unit", [SERVE, ONE_CHECK])
def test_the_units_are_exposed_little(root, unit):
    """By systemd's own figure they stay below what is promised, and are not so good that the promise is out of date."""
    within = systemd("systemd-analyze", root, "security", "--offline=yes", f"--threshold={EXPOSURE}", unit)
    beyond = systemd("systemd-analyze", root, "security", "--offline=yes", f"--threshold={EXPOSURE - 10}", unit)

    assert 0 == within.returncode, within.stdout[-200:]
    assert 0 != beyond.returncode


@pytest.mark.parametrize("unit", [SERVE, CHECK])
def test_the_diagnosis_is_the_same_within(lab, unit):
    """What the unit forbids (system calls, address families, code that is written at run time) is not missed."""
    plan = udf("metastore", "namenode", "mysql", "aliyun", limits={"connect_timeout": "300ms", "deadline": "20s"})
    argv = confined(unit, LINKDOCTOR, "check", "plan.yaml", "--format", "json", "--state", "runs")

    with lab.broken("group_drops_metastore"):
        outcome = lab.outcome(argv, plan, SANDBOX, env=HERE, bare=True)

    assert 2 == outcome.code, outcome.stderr
    assert ["sg_drop"] == [one["cause"] for one in outcome.report["findings"] if one["severity"] == "critical"]
    assert [] == [one["step"] for one in outcome.report["observations"] if one["failure"] == "not_permitted"]


def test_serve_begins_and_ends_within(lab):
    """The web server, the history and their threads need nothing that the unit forbids."""
    line = (
        f"{shlex.join(confined(SERVE, LINKDOCTOR, 'serve', 'plan.yaml', '--state', 'runs'))} & "
        f"for _ in $(seq 100); do {sys.executable} {DEPLOY}/docker/healthy.py 2>/dev/null && break; sleep 0.1; done; "
        "kill $!; wait $!"
    )

    done = lab.run(["sh", "-c", line], SANDBOX, files={"plan.yaml": "targets: ['127.0.0.1:1']"}, env=HERE, bare=True)

    assert 0 == done["code"], done["stderr"]
    assert "listening" in done["stderr"]


@pytest.mark.parametrize(
    "wrong",
    [
        "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "import os; os.chroot('/')",
        "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)",
    ],
)
def test_what_is_forbidden_within_is(lab, wrong):
    """Root itself is refused what the unit does not admit: the tests above are not in vain."""
    done = lab.run(confined(SERVE, sys.executable, "-c", wrong), SANDBOX, env=HERE)

    assert "Operation not permitted" in done["stderr"]
