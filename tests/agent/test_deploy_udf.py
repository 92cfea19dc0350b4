"""The worked example runs as it stands: from the plan to the answer, with nothing but odpscmd."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path):
    """A PATH with linkdoctor and an odpscmd."""
    command = tmp_path / "odpscmd"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m tests.odpscmd "$@"\n')
    command.chmod(0o755)
    return os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"]])


def test_from_the_plan_to_the_answer(path, tmp_path):
    """Everything is created, run, read and dropped by one script; its exit code is the verdict."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        plan = tmp_path / "plan.yaml"
        plan.write_text(f"targets: ['127.0.0.1:{server.getsockname()[1]}', '127.0.0.1:1']\n")
        done = subprocess.run(
            [ROOT / "deploy" / "udf" / "check.sh", plan],
            capture_output=True,
            text=True,
            env={"PATH": path, "HOME": os.environ.get("HOME", "/")},
            check=False,
        )

    assert (2, "") == (done.returncode, done.stderr.replace("4 rows: 4 used\n1 whole report\n", ""))
    assert "service_not_listening" in done.stdout
