"""The page for operators: what it tells to type works as it stands, and what it names is there.

What asks a running server is in test_on_duty.py; how containers and manifests are built, in tests of their own.
"""

import os
import re
import shlex
import subprocess

import pytest
from click import Context

from agent.cli.group import cli
from tests.deploy.operations import PAGE, block, commands
from tests.deploy.test_prometheus import alerts
from tests.lab.harness import ROOT
from tests.tls_servers import program

_TEXT = PAGE.read_text()
# What is installed by the network, and what needs a machine that was booted by systemd.
_ELSEWHERE = ("python3 -m venv", "/opt/linkdoctor/bin/pip", "systemctl")
# Everything that is written is written into folders of the test's own.
_PREPARE = """
set -eu
mount -t tmpfs none "$1"
for place in etc usr/lib usr/local var/lib; do
    mkdir -p "$1/$place/upper" "$1/$place/work"
    mount -t overlay none -o "lowerdir=/$place,upperdir=$1/$place/upper,workdir=$1/$place/work" "/$place"
done
mkdir -p /var/lib/prometheus/node-exporter /etc/prometheus
"""


def typed(tmp_path, *names, then):
    """What these blocks, typed by root in a checkout, lead to; ``then`` tells."""
    if os.geteuid() != 0:
        pytest.skip("only root can install a system's files, and give them to a group")
    for needed in ("systemd-sysusers", "systemd-tmpfiles"):
        program(needed)
    lines = "".join(block(name).replace("\\\n", " ") for name in names).splitlines()
    script = "\n".join([_PREPARE, *(line for line in lines if not line.startswith(_ELSEWHERE)), then])
    command = ["unshare", "--mount", "sh", "-c", script, "sh", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return done.stdout


def test_the_installation_works_as_it_is_written(tmp_path):
    """Units are where systemd looks for them; plans and settings are for the group alone, which the page has made."""
    etc, units, texts = "/etc/linkdoctor", "/etc/systemd/system", "/var/lib/prometheus/node-exporter"
    look = f"stat --format='%n %a %G' {texts} {etc} {etc}/* {units}/linkdoctor* {units}/linkdoctor.service.d/*"
    said = typed(tmp_path, "install", "raw", "check", then=f"{look}; readlink /usr/local/bin/linkdoctor")

    found = {name: rest for name, *rest in map(str.split, said.splitlines())}
    assert ["750", "linkdoctor-files"] == found[etc]
    for name in ("plan.yaml", "nightly-etl.yaml", "linkdoctor.env"):
        assert ["640", "linkdoctor-files"] == found[f"{etc}/{name}"]
    assert found.pop("/opt/linkdoctor/bin/linkdoctor") == []
    assert ["775", "linkdoctor-files"] == found[texts]
    assert {
        f"{units}/{name}"
        for name in (
            "linkdoctor.service",
            "linkdoctor.service.d/raw-packets.conf",
            "linkdoctor-check@.service",
            "linkdoctor-check@.timer",
        )
    } <= found.keys()


def test_the_rules_are_installed_as_it_is_written(tmp_path):
    """Promtool finds them in Prometheus's own folder."""
    program("promtool")

    assert "SUCCESS" in typed(tmp_path, "prometheus", then="")


@pytest.mark.parametrize("line", commands("linkdoctor"))
def test_commands_of_linkdoctor_are_commands(line):
    """The command is there, with these options."""
    _, name, *words = shlex.split(line)
    command = cli.get_command(Context(cli), name)

    command.make_parser(Context(command)).parse_args(words)


def test_what_is_named_is_there():
    """Files, folders and pages."""
    links = re.findall(r"\]\((?!http)([^)#]+)", _TEXT)
    named = re.findall(
        r"(?:--file|--kustomize|install (?:-\w+ (?:\d+ )?(?:linkdoctor-files )?)*)\s*((?:deploy|examples)/\S+)", _TEXT
    )

    assert [] == [link for link in links if not (PAGE.parent / link).exists()]
    assert len(named) > 2
    assert [] == [name for name in named if not (ROOT / name).exists()]


def test_every_alert_is_told():
    """And none that is not there."""
    assert set(alerts()) == set(re.findall(r"`(Linkdoctor\w+)`", _TEXT))
