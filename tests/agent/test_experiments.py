"""The table of experiments names functions that are there, and loads none before it is made."""

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from agent.experiments import EXPERIMENTS


@pytest.mark.parametrize("name", sorted({*EXPERIMENTS.values(), "egress.look"}))
def test_it_is_there(name):
    """Each entry is a coroutine function of a module of the package."""
    module, _, function = name.partition(".")

    assert inspect.iscoroutinefunction(getattr(import_module(f"agent.experiments.{module}"), function))


def test_a_run_starts_without_them():
    """What no rule has asked for is not loaded, nor what it needs in its turn."""
    program = "import sys, agent.runner; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("agent.experiments.")}

    assert loaded == {"agent.experiments.contract"}
