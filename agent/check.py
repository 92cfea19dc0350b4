"""`linkdoctor check`: what is checked, with what before it, and what is kept of it."""

import click
from attrs import frozen

from agent import commands
from agent.state import State, remembered
from reports.model import Report


@frozen(kw_only=True)
class Check:
    """``what`` names a plan, targets, or (``of_job``) a failed job's own files.

    ``again``: the saved report of which only what was broken is checked. ``state``: the folder in which runs are kept.
    """

    what: tuple[str, ...]
    of_job: bool = False
    again: str | None = None
    state: str | None = None

    def run(self, printer: commands.Printer, *, progress: bool) -> tuple[Report, bool]:
        """Check, print, keep; the report, and whether Ctrl-C ended it."""
        state = State.at(self.state) if self.state is not None else None
        before = commands.read_report(self.again) if self.again else None
        report, interrupted = self._measured(before, state, progress=progress)
        typed = self._typed()
        printer.print(report, before=before, command=typed, verify=typed if self.again else None)
        if state is not None:
            try:
                state.keep(report)
            except click.ClickException as wrong:
                # What was found is printed, and counts.
                wrong.show()
        return report, interrupted

    def _measured(self, before: Report | None, state: State | None, *, progress: bool) -> tuple[Report, bool]:
        if self.of_job:
            from agent.logs import command  # noqa: PLC0415 - start-up: a plan needs no reader of logs

            return command.check_files(self.what, progress=progress)
        plan = commands.plan_for(self.what) if before is None else commands.plan_again(before, self.what)
        earlier = before or (state.last(plan.name) if state is not None else None)
        return commands.run(plan, progress=progress, remembered=remembered(earlier) if earlier is not None else ())

    def _typed(self) -> str:
        if self.of_job:
            return commands.command_line("check", ("--from", *self.what))
        kept = ("--state", self.state) if self.state is not None else ()
        again = ("--again", self.again) if self.again else ()
        return commands.command_line("check", (*self.what, *again, *kept))
