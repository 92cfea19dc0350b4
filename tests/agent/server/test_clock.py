"""Jumps of the wall clock: intervals, verdicts and the order of what is kept do not care."""

import shutil
import socket
from pathlib import Path

import pytest

from agent.store import NAME, Store
from tests.agent.server.serving import LINKDOCTOR, serve, write_plan
from tests.tls_servers import HERE, program

_DAY = 86_400


def jump(path, seconds):
    """From now on the process's wall clock is so much ahead; at once, and whole for whoever reads it."""
    beside = path.with_suffix(".new")
    beside.write_text(f"{seconds:+d}\n")
    beside.rename(path)


def test_jumps(tmp_path):
    """A day ahead, a year back, to and fro: runs go on, no verdict changes, all of it is kept in its order."""
    program("faketime")
    library = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
    if library is None or shutil.which("faketime") is None:
        pytest.skip("libfaketime is not where Debian has it")
    clock = tmp_path / "clock"
    jump(clock, 0)
    faked = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with socket.create_server((HERE, 0)) as good:
        plan = write_plan(tmp_path, "%s:%d" % good.getsockname())
        with serve(plan, program=(LINKDOCTOR,), state=tmp_path, **faked) as serving:
            serving.wait("run", 2)
            for seconds in (_DAY, 0, -365 * _DAY, 3600, -3600, 0):
                jump(clock, seconds)
                serving.more("run", 2)
            runs = len(serving.of("run"))
            assert serving.end() == 0

    years = {event["time"][:4] for event in serving.of("run")}
    assert len(years) > 1, "the clock did not jump"
    assert serving.of("verdict") == []
    assert {run["in_force"] for run in serving.of("run")} == {"healthy"}
    assert all(run["duration_s"] < 60 for run in serving.of("run"))
    with Store.look(tmp_path / NAME) as store:
        kept = store.runs("nightly-etl")
        assert len(kept) >= runs - 1
        assert [one.number for one in kept] == sorted((one.number for one in kept), reverse=True)
        assert store.events("nightly-etl") == []
