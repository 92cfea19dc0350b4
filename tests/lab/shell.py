"""A shell where a scenario's job runs: `python -m tests.lab.shell [--truth] NAME [-- COMMAND...]`.

The lab stands as long as the shell, with the scenario's faults, servers, name servers and environment; the scenario's
plan is in the current directory. A command in place of the shell runs to its end, and its exit code is given on.
"""

import argparse
import difflib
import os
import shutil
import sys
from collections.abc import Sequence

from tests.lab.faults import FAULTS
from tests.lab.harness import LINKDOCTOR, PLAN, Lab, LabError, LabUnavailableError, plan_file
from tests.lab.network import NAMESPACES
from tests.lab.real import PATH
from tests.lab.scenario import Scenario
from tests.lab.scenarios import SCENARIOS

_BANNER = """\
{name}: {title}
You are in {vantage}, one of the network's nodes, as a job is. The faults are in place; {plan} is the job's plan.

    linkdoctor {command}
    ip address; ip route; cat /etc/resolv.conf
    ip netns exec {other} COMMAND; from another node: {others}
    exit; everything here ends with this shell
"""


def enter(lab: Lab, scenario: Scenario, argv: Sequence[str]) -> int:
    """Run a program on this terminal where the scenario's job runs; its exit code."""
    inherited = {name: os.environ[name] for name in ("TERM", "COLORTERM", "NO_COLOR") if name in os.environ}
    return lab.enter(
        argv,
        scenario.vantage,
        files={**scenario.files, PLAN: plan_file(scenario.plan)},
        env={**inherited, "PATH": f"{LINKDOCTOR.parent}:{PATH}", "PS1": f"{scenario.vantage} $ ", **scenario.env},
        resolv_conf=scenario.resolv_conf,
        hosts=scenario.hosts,
        descriptors=scenario.descriptors,
    )


def banner(scenario: Scenario) -> str:
    """Where one is, and what to type."""
    others = [name for name in NAMESPACES if name != scenario.vantage]
    return _BANNER.format(
        name=scenario.name,
        title=scenario.title,
        vantage=scenario.vantage,
        plan=PLAN,
        command=" ".join(scenario.command(PLAN)),
        other=others[0],
        others=" ".join(others),
    )


def truth(scenario: Scenario) -> str:
    """What is broken, and what must come out."""
    lines = [f"broken: {name}: {FAULTS[name].truth}" for name in scenario.faults]
    lines += [f"cause:  {cause}, of {', '.join(targets) or 'the run'}" for cause, targets in scenario.causes.items()]
    return "\n".join(lines or ["nothing is broken"]) + "\n"


def main() -> int:
    """The shell's exit code; 3 where there can be no lab."""
    arguments = argparse.ArgumentParser(prog="python -m tests.lab.shell", description=__doc__)
    arguments.add_argument("name", metavar="NAME", help="a scenario")
    arguments.add_argument("--truth", action="store_true", help="say what is broken")
    arguments.add_argument("command", nargs="*", metavar="COMMAND", help="in place of a shell")
    options = arguments.parse_args()
    scenario = SCENARIOS.get(options.name)
    if scenario is None:
        near = difflib.get_close_matches(options.name, SCENARIOS, n=5, cutoff=0.4)
        arguments.error(f"no scenario is called {options.name}" + (f"; near: {', '.join(near)}" if near else ""))
    try:
        with Lab() as lab:
            lab.start(*scenario.real)
            with lab.broken(*scenario.faults):
                said = banner(scenario) if not options.command else ""
                print(said + (truth(scenario) if options.truth else ""), end="", file=sys.stderr, flush=True)
                return enter(lab, scenario, options.command or _shell())
    except (LabUnavailableError, LabError) as error:
        print(f"no lab: {error}", file=sys.stderr)
        return 3


def _shell() -> tuple[str, ...]:
    bash = shutil.which("bash", path=PATH)
    return (bash, "--noprofile", "--norc", "-i") if bash else ("sh", "-i")


if __name__ == "__main__":
    sys.exit(main())
