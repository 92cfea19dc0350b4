"""``linkdoctor history``: runs, strips, changes and outbound addresses of each plan."""

import time
from collections.abc import Sequence
from typing import TextIO

import click
from attrs import evolve, frozen

from agent.commands import command_line
from agent.files import to_output
from agent.history.sources import Source, opened
from agent.store import StoreError
from reports.history import KeptPlan, KeptRun, PlanHistory, dumps
from reports.model import worst

# So many runs and changes stand in the JSON.
_MOST = 1000
_CELLS = 60
# The time since the last run, in cells.
_NOT_YET = 2


@frozen(kw_only=True)
class History:
    """What was asked for: of one ``plan`` or all, of one ``target`` or all, of the last ``since`` seconds."""

    state: str
    since: float
    plan: str | None = None
    target: str | None = None
    style: str = "text"
    output: str | None = None
    redacted: bool = False

    def run(self) -> str:
        """Print it; the verdict: the worst of the plans' newest runs. Raises ClickException."""
        with opened(self.state) as sources:
            try:
                there = [(source, plan) for source in sources for plan in source.store.plans()]
                found = [self._of(source, plan) for source, plan in there if self.plan in (None, plan.name)]
            except StoreError as error:
                raise click.ClickException(str(error)) from None
        if not there:
            raise click.ClickException(f"{self.state}: no run is kept there yet")
        if not found:
            known = ", ".join(sorted({plan.name for _, plan in there}))
            raise click.ClickException(f"no run of {self.plan} is kept in {self.state}; there are {known}")
        if self.target is not None and not any(one.standing or one.strips.rows or one.events for one in found):
            raise click.ClickException(f"no run that is kept in {self.state} looked at a target {self.target}")
        verdict = worst(tuple(one.plan.newest.verdict for one in found))
        if self.redacted:
            from reports.redact_history import redact  # noqa: PLC0415 - start-up: few ask for it

            found = redact(found)
        to_output(self.output, lambda file: self._write(file, found))
        return verdict

    def _of(self, source: Source, plan: KeptPlan) -> PlanHistory:
        store, now = source.store, time.time()
        # A plan that has not been run for long, or is run by a clock that is ahead, is shown as of its newest run.
        newest = plan.newest.started
        until = now if now - self.since <= newest <= now else newest + 1
        since = until - self.since
        runs = store.runs(plan.name, since=since, most=_MOST)
        # More cells than runs would be gaps.
        strips = store.strips(
            plan.name, since=max(since, plan.first), until=until, most=min(_CELLS, len(runs) + _NOT_YET)
        )
        return PlanHistory(
            kept_in=source.where,
            plan=evolve(plan, newest=_having(source, plan.newest)),
            standing=tuple(one for one in store.standing(plan.name) if self._wanted(one.target)),
            strips=evolve(strips, rows=tuple(row for row in strips.rows if self._wanted(row.target))),
            events=tuple(store.events(plan.name, target=self.target, since=since, most=_MOST)),
            outbound=tuple(store.outbound(plan.name, since=since)),
            runs=tuple(_having(source, run) for run in runs),
        )

    def _wanted(self, target: str) -> bool:
        return self.target in (None, target)

    def _write(self, file: TextIO, found: Sequence[PlanHistory]) -> None:
        if self.style == "json":
            file.write(dumps(found) + "\n")
        else:
            from reports.render import history, text  # noqa: PLC0415 - start-up: JSON needs no renderer

            place = "DIR" if self.redacted else self.state
            history.render(found, text.open_console(file), command=command_line("diff", ("--state", place)))
        file.flush()


def _having(source: Source, run: KeptRun) -> KeptRun:
    """The run, with the report that stands in a file of its own."""
    return evolve(run, has_report=run.has_report or run.id in source.files)
