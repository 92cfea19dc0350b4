"""The table of experiments names functions that are there, and loads none before it is made; or all, where asked."""

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from agent.experiments import EXPERIMENTS
from tests.tls_servers import free_port


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


_NOTHING_MORE = """
import sys
from agent import plan, runner

class Full:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("agent", "probes", "reports"):
            raise OSError(24, "Too many open files", name)

runner.load_all()
sys.meta_path.insert(0, Full())
report = runner.run_here(runner.Runner(plan.from_targets(sys.argv[1:])))
print(*(finding.cause for finding in report.findings))
"""


def test_a_run_needs_no_module_more_once_all_are_loaded():
    """As where clients and targets have taken all descriptors meanwhile: a broken target is explained all the same."""
    address = f"127.0.0.1:{free_port()}"
    done = subprocess.run([sys.executable, "-c", _NOTHING_MORE, address], capture_output=True, text=True, check=False)

    assert (done.stdout.strip(), done.stderr) == ("service_not_listening", "")
