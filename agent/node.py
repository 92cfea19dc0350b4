"""From a PyODPS node of DataWorks: the node itself and MaxCompute are two vantage points, and their difference proves.

    from agent.node import check
    check(o, "nightly-etl.yaml")

``o`` is a global of the node; nothing else is needed.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from attrs import evolve

from agent import plan as plans
from agent import submit
from agent.commands import Printer
from agent.runner import Runner
from reports.model import Plan, Report

_KIND = "pyodps"


def check(
    o: Any,
    plan: str | Sequence[str] | Plan,
    *,
    here: bool = True,
    there: bool = True,
    instances: int = 1,
) -> tuple[Report, ...]:
    """Check from this node (``here``), from inside MaxCompute (``there``), print both and what differs; the reports.

    ``o``: PyODPS's entry, a global of the node. ``plan``: a file, targets as they are typed, or a Plan. ``instances``:
    in how many of the job's instances to check there. Raises PlanError, submit.SubmitError, BundleError, WheelsError.
    """
    declared = _plan(plan)
    reports: list[Report] = []
    if here:
        reports.append(_from_here(declared))
    if there:
        reports.extend(submit.submit(o, declared, instances=instances))
    Printer(compared=True).print(*reports, command="linkdoctor check PLAN")
    return tuple(reports)


def _plan(plan: str | Sequence[str] | Plan) -> Plan:
    if isinstance(plan, Plan):
        return plan
    return plans.load(plan) if isinstance(plan, str) else plans.from_targets(plan)


def _from_here(plan: Plan) -> Report:
    """In a thread, because a notebook's own has a running event loop.

    The node's sockets are not the job's: no access list or network link of MaxCompute governs them.
    """
    own = evolve(plan, runtime=_KIND)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(Runner(own, kind=_KIND).run())).result()
