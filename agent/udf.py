"""What a MaxCompute UDF calls: a task comes in as text, a report goes out as text or as rows.

A task is a plan as canonical JSON (reports/document.py); its additional key ``share`` (``{"index": 3, "of": 40}``) says
which of the job's instances this is. Networks never make these functions raise: only a task that is no plan does
(DocumentError). It travels in the carry-in kit: CPython 3.7.
"""

from typing import Dict, Iterator, Optional

from attrs import evolve

from agent.runner import Runner, run_here
from reports.document import dumps, task_loads
from reports.model import Report
from reports.rows import Row, to_rows

# A STRING of MaxCompute holds 8 MB; the text is ASCII.
LARGEST_TEXT = 8 * 1024 * 1024 - 1024

# A task that comes again, in the next row or from a second function, is not probed again.
_reports: Dict[str, Report] = {}


def report_of(task: Optional[str]) -> Optional[str]:
    """The scalar function: the report as one JSON document, small enough for a STRING. NULL gives NULL."""
    return None if task is None else _small_enough(_run(task))


def rows_of(task: Optional[str]) -> Iterator[Row]:
    """The table function: the report as the rows of reports/rows.py. NULL gives none."""
    if task is not None:
        yield from to_rows(_run(task))


def _run(task: str) -> Report:
    if task not in _reports:
        plan, share = task_loads(task)
        _reports[task] = run_here(Runner(plan, kind="udf", share=share))
    return _reports[task]


def _small_enough(report: Report) -> str:
    """The report's text, without what matters least where it is too long: then it says that it is partial."""
    text = dumps(report)
    if len(text) <= LARGEST_TEXT:
        return text
    cited = {id_ for finding in report.findings for id_ in finding.evidence}
    kept = tuple(seen for seen in report.observations if seen.id in cited or seen.target is None)
    for smaller in (
        evolve(report, observations=kept),
        evolve(report, observations=(), cleared=()),
        evolve(report, observations=(), cleared=(), targets=(), findings=report.findings[:100]),
    ):
        text = dumps(evolve(smaller, run=evolve(smaller.run, partial=True)))
        if len(text) <= LARGEST_TEXT:
            break
    return text
