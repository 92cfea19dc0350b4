"""Whatever comes from outside, no reader of it breaks: what once was a finding, and a minute of looking for more."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.engine import CASES, Search
from tests.fuzz.limits import done
from tests.fuzz.targets import TARGETS

_ROOT = Path(__file__).resolve().parents[2]
# The same bytes in every run. Another one: make fuzz.
_SEED = "minute"


@pytest.fixture(scope="module", autouse=True)
def _nothing_ends_the_tests():
    """A run that hangs ends its process, and only while there is one."""
    yield
    done()


def test_cases_are_of_targets():
    """No case is left of a reader that is called otherwise by now."""
    assert {path.name for path in CASES.iterdir()} <= set(TARGETS)


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_what_was_found(name):
    """Bytes that once broke a reader are read like any others, and so is what is really said to it."""
    with TARGETS[name]() as target:
        assert list(Search(name, target, _SEED).over(0)) == []


def test_a_minute(tmp_path):
    """A minute of `make fuzz` finds nothing: no crash, no hang, no unbounded memory, nothing that cannot be told."""
    command = [sys.executable, "-m", "tests.fuzz", "--minutes", "1", "--seed", _SEED, "--keep", str(tmp_path)]
    told = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    print(told.stdout)  # which holds the seed, the bytes' place, and the trace
    assert told.returncode == 0
    assert all(f"\n{name} " in told.stdout for name in TARGETS)
