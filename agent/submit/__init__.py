"""Run the check of a plan inside MaxCompute: upload, run, fetch, and take everything away again.

    from agent import plan, submit
    reports = submit.submit(o, plan.load("nightly-etl.yaml"))

``o`` is PyODPS's entry, as a PyODPS node of DataWorks has it. PyODPS is an extra (linkdoctor[odps]), and is imported by
whoever has an ``o``.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.bundle import UdfBundle
from agent.bundle.udf import build
from agent.submit.trouble import SubmitError
from reports.diagnose import conclude_again
from reports.gather import Gatherer
from reports.model import Plan, Report
from reports.rows import Value

__all__ = ["SubmitError", "prepare", "run", "submit"]


def submit(o: Any, plan: Plan, *, instances: int = 1, keep: bool = False) -> tuple[Report, ...]:
    """Check the plan in ``instances`` instances of one job of the project of ``o``: a report an instance.

    Asks nothing: to call it is to agree. What happens is told on stderr. ``keep``: what was created is left there.
    Raises SubmitError, BundleError, WheelsError; KeyboardInterrupt after Ctrl-C or SIGTERM, when all is cleaned up.
    """
    return run(o, prepare(plan, instances), keep=keep)


def prepare(plan: Plan, instances: int = 1, wheels: Path | None = None) -> UdfBundle:
    """The bundle under names that nobody has: it is created, and never updated. ``wheels``: see wheels.files."""
    return build(plan, instances=instances, tag=secrets.token_hex(6), wheels=wheels)


def run(o: Any, bundle: UdfBundle, *, keep: bool = False) -> tuple[Report, ...]:
    """Run a bundle that was prepared; see submit."""
    from agent.submit.interrupts import Interrupts  # noqa: PLC0415 - what --dry-run does not need
    from agent.submit.job import Job  # noqa: PLC0415 - as above: PyODPS
    from agent.submit.progress import telling  # noqa: PLC0415 - as above

    with telling() as progress, Interrupts() as interrupts:
        return _reports(Job(o, bundle, progress, interrupts).run(keep=keep))


def _reports(rows: Sequence[dict[str, Value]]) -> tuple[Report, ...]:
    """What the rows hold, diagnosed by the rules of this linkdoctor; what is left of a broken one stays as it is."""
    gatherer = Gatherer()
    completed = [gatherer.add(row, f"row {number}") for number, row in enumerate(rows, 1)]
    reports = [conclude_again(report) for report in completed if report]
    reports += gatherer.finish()
    if not reports:
        troubles = [f"  {trouble.place}: {trouble.reason}" for trouble in gatherer.outcome.troubles]
        raise SubmitError(
            "\n".join([f"the job ended well, and none of its {len(rows)} rows holds a report", *troubles])
        )
    return tuple(reports)
