"""Jumps of the wall clock: intervals, verdicts and the order of what is kept do not care."""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.store import NAME, Store
from tests.agent.server.serving import LINKDOCTOR, serve, write_plan
from tests.tls_servers import HERE, Authority, program

_HOUR, _DAY = 3600, 86_400
# When clocks are set forward, and back, where the process lives.
_ZONE = "America/New_York"
_SPRING, _AUTUMN = datetime(2027, 3, 14, 7, tzinfo=UTC), datetime(2027, 11, 7, 6, tzinfo=UTC)


def jump(path, seconds):
    """From now on the process's wall clock is so much ahead; at once, and whole for whoever reads it."""
    beside = path.with_suffix(".new")
    beside.write_text(f"{seconds:+.0f}\n")
    beside.rename(path)


@pytest.fixture
def clock(tmp_path):
    """The file that moves a clock, and the environment of a process that heeds it."""
    program("faketime")
    library = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
    if library is None or shutil.which("faketime") is None:
        pytest.skip("libfaketime is not where Debian has it")
    path = tmp_path / "clock"
    jump(path, 0)
    return path, {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(path),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@contextlib.contextmanager
def secure(folder, pem):
    """A server that ends TLS handshakes with this certificate; gives its port. Its clock does not jump."""
    (folder / "server.pem").write_text(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")

    def serve_all(listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client, contextlib.suppress(OSError), context.wrap_socket(client, server_side=True) as shaken:
                    shaken.recv(1024)

    with socket.create_server((HERE, 0)) as listener:
        threading.Thread(target=serve_all, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def metrics(serving):
    """Name and labels of each sample, and its value."""
    families = text_string_to_metric_families(serving.ask("/metrics")[2].decode())
    return {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}


def history(state, **environment):
    """What `linkdoctor history` says of a store, by the clock of this environment; its runs, newest first."""
    command = [LINKDOCTOR, "history", "--state", state, "--format", "json"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **environment}
    )
    assert (done.returncode, done.stderr) == (0, "")
    (plan,) = json.loads(done.stdout)["plans"]
    return plan["runs"]


def test_jumps(tmp_path, clock):
    """An hour, a day, a year, to and fro, over both ends of summer time.

    Runs go on, each of them once; no verdict changes, not by a certificate either whose dates are far from such a time;
    all is kept in its order, and stays.
    """
    path, faked = clock
    authority = Authority("An Authority")
    (tmp_path / "ca.pem").write_text(authority.pem)
    to_spring, to_autumn = (moment.timestamp() - time.time() - 2 for moment in (_SPRING, _AUTUMN))
    jumps = (_HOUR, -_HOUR, to_spring, to_autumn, 365 * _DAY, -365 * _DAY, _DAY, 0)
    with socket.create_server((HERE, 0)) as good, secure(tmp_path, authority.issue(HERE)) as port:
        plan = write_plan(
            tmp_path,
            "%s:%d" % good.getsockname(),
            {"name": "secure", "address": f"tls://{HERE}:{port}", "tls": {"ca": "ca.pem"}},
        )
        with serve(plan, program=(LINKDOCTOR,), state=tmp_path, TZ=_ZONE, **faked) as serving:
            serving.wait("run", 2)
            begun = time.monotonic()
            for seconds in jumps:
                jump(path, seconds)
                serving.more("run", 3)
                if seconds == _HOUR:
                    page = serving.ask("/")[2].decode()
            slots = 2 + time.monotonic() - begun
            seen = metrics(serving)
            shown = serving.state()
            runs = len(serving.of("run"))
            strips = json.loads(serving.ask("/api/strips?plan=nightly-etl")[2])
            assert serving.end() == 0

    told = serving.of("run")
    assert {event["time"][:4] for event in told} >= {"2025", "2026", "2027"}, "the clock did not jump"
    assert {run["in_force"] for run in told} == {"healthy"}
    assert {round(run["clock_off_s"] / _DAY) for run in told if "clock_off_s" in run} >= {365, -365, 1}
    assert "clock was set forward by 1 h" in page
    assert "clock_off_s" not in told[1]
    assert "clock_off_s" not in told[-1]
    assert [target["verdict"] for target in shown["targets"]] == ["healthy", "healthy"]
    assert len(strips["rows"]) == len(shown["targets"])
    assert serving.of("verdict") == []
    assert all(0 <= run["duration_s"] < 60 for run in told)
    assert abs(seen["linkdoctor_last_run_timestamp_seconds", ("plan", "nightly-etl")] - time.time()) < 120
    made = sum(value for (name, *_), value in seen.items() if name == "linkdoctor_runs_total")
    left_out = seen["linkdoctor_overruns_total", ("plan", "nightly-etl")]
    assert abs(made + left_out - slots) <= 4, "a second each: none is lost or doubled"
    expiry = seen[
        "linkdoctor_target_certificate_expiry_timestamp_seconds", ("plan", "nightly-etl"), ("target", "secure")
    ]
    assert round((expiry - time.time()) / _DAY, 1) == 90.5

    with Store.look(tmp_path / NAME) as store:
        kept = store.runs("nightly-etl")
        assert store.events("nightly-etl") == []
    assert [one.id for one in reversed(kept)] == [run["id"] for run in told][: len(kept)]
    assert len(kept) >= runs
    lately = time.time() - 30 * _DAY
    assert [run["id"] for run in history(tmp_path, TZ=_ZONE)] == [one.id for one in kept if one.started >= lately]
