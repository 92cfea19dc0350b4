"""A sweep that is ended before its time gives what it has found, and leaves nothing behind."""

import os
import signal

import pytest

from tests.lab.sweep.bench import command, document, ended
from tests.lab.sweep.places import NOBODY, WIDE

SIZE = 65_536
CORES = len(os.sched_getaffinity(0))
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
# In one process, and as fast as it goes: in several.
RATES = pytest.mark.parametrize("rate", [4000, 0], ids=["one process", "several"])
METHODS = pytest.mark.parametrize("method", ["syn", "connect"])


def _ended(ground, sign, *more, after, **manner):
    argv = [*command(WIDE, ports=(NOBODY,), owned=True, **manner), *more]
    done = ground.call("sweeping", action="end", argv=argv, sign=int(sign), after=after)
    assert (done["running"] > 1) == (manner["rate"] == 0 and CORES > 1)
    return done


@METHODS
@RATES
@pytest.mark.parametrize("sign", CODES)
def test_what_was_found_so_far(ground, method, rate, sign):
    """Ctrl-C and SIGTERM end it with a whole document that is marked partial."""
    done = _ended(ground, sign, after=1000, method=method, rate=rate)
    result = ended(done)
    counts = result.counts(str(NOBODY))

    assert result.code == CODES[sign], result.stderr
    assert result.run["partial"] is True
    assert 500 < counts["r"] < SIZE
    assert counts["?"] == SIZE - counts["r"]
    assert (done["processes"], done["sockets"]) == ([], [])


@METHODS
@RATES
def test_killed(ground, method, rate):
    """Killed, it leaves the lines that it had written, all of them whole, and no process nor socket."""
    done = _ended(ground, signal.SIGKILL, "--output", "{output}", style="jsonl", after=5000, method=method, rate=rate)
    lines = done["output"].splitlines(keepends=True)

    assert done["code"] == -signal.SIGKILL
    assert len(lines) > 100
    assert [line for line in lines if not line.endswith("\n") or document(line) is None] == []
    assert (done["processes"], done["sockets"]) == ([], [])
