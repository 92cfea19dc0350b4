"""One part of a sweep, carried out: what it came to, and how."""

import time
from collections.abc import Callable

import click
from attrs import frozen

from agent.sweep.asked import Part
from agent.sweep.progress import Progress
from agent.sweep.records import Records
from agent.sweep.stop import Stop
from probes.sweep import Sweep, Unable
from reports.subnet.observations import Survey
from reports.sweep import Batch


@frozen(kw_only=True)
class Outcome:
    """``survey``: what it came to; ``sweep``: by which methods, why, and what stopped it. Unix seconds, and seconds."""

    part: Part
    survey: Survey
    sweep: Sweep
    started: float
    duration_s: float


def prepared(part: Part) -> Sweep:
    """The part, ready to go: nothing is sent yet. Raises ClickException with what this process lacks."""
    try:
        sweep = Sweep(part.order, part.method)
    except Unable as unable:
        raise click.ClickException(str(unable)) from None
    if not sweep.methods:
        raise click.ClickException(sweep.why)
    return sweep


def carried_out(part: Part, sweep: Sweep, records: Records | None, progress: Progress, stop: Stop) -> Outcome:
    """Ask, until all is settled or it is time to stop; answers are written down as they come."""
    survey = Survey(part.order, sweep.method, part.networks)
    hear: list[Callable[[Batch], None]] = [survey.take, progress.take]
    if records is not None:
        records.begin(part, sweep)
        hear.append(records.answers(survey.table))
    started, start = round(time.time(), 6), time.monotonic()
    for batch in sweep if not stop else ():
        for take in hear:
            take(batch)
        if stop:
            break
    if records is not None:
        records.rest(survey.table)
    return Outcome(part=part, survey=survey, sweep=sweep, started=started, duration_s=time.monotonic() - start)
