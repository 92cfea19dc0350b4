"""`linkdoctor check`: what is checked, with what before it, and what is kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from attrs import frozen

from agent import commands

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.state import State
    from reports.model import Observation, Report


@frozen(kw_only=True)
class Check:
    """``what`` names a plan, targets, or (``of_job``) a failed job's own files.

    ``again``: the saved report of which only what was broken is checked. ``state``: the folder in which runs are kept.
    ``push``, ``textfile``: where the run's metrics go.
    """

    what: tuple[str, ...]
    of_job: bool = False
    again: str | None = None
    state: str | None = None
    push: str | None = None
    textfile: str | None = None

    def run(self, printer: commands.Printer, *, progress: bool) -> tuple[Report, bool]:
        """Check, print, keep; the report, and whether Ctrl-C ended it."""
        outlets = self._outlets(redacted=printer.redacted)
        state = self._state()
        before = commands.read_report(self.again) if self.again else None
        report, interrupted = self._measured(before, state, progress=progress)
        typed = self._typed()
        printer.print(report, before=before, command=typed, verify=typed if self.again else None)
        for deliver in (*([state.keep] if state is not None else []), *outlets):
            try:
                deliver(report)
            except click.ClickException as wrong:
                # What was found is printed, and counts.
                wrong.show()
        return report, interrupted

    def _state(self) -> State | None:
        if self.state is None:
            return None
        from agent.state import State  # noqa: PLC0415 - start-up, as below

        return State.at(self.state)

    def _outlets(self, *, redacted: bool) -> Sequence[Callable[[Report], None]]:
        if self.push is None and self.textfile is None:
            return ()
        from agent import publish  # noqa: PLC0415 - start-up, as below

        return publish.outlets(self.push, self.textfile, redacted=redacted)

    def _measured(self, before: Report | None, state: State | None, *, progress: bool) -> tuple[Report, bool]:
        if self.of_job:
            from agent.logs import command  # noqa: PLC0415 - start-up: a plan needs no reader of logs

            return command.check_files(self.what, progress=progress)
        plan = commands.plan_for(self.what) if before is None else commands.plan_again(before, self.what)
        earlier = before or (state.last(plan.name) if state is not None else None)
        return commands.run(plan, progress=progress, remembered=_remembered(earlier))

    def _typed(self) -> str:
        if self.of_job:
            return commands.command_line("check", ("--from", *self.what))
        kept = ("--state", self.state) if self.state is not None else ()
        again = ("--again", self.again) if self.again else ()
        return commands.command_line("check", (*self.what, *again, *kept))


def _remembered(earlier: Report | None) -> Sequence[Observation]:
    if earlier is None:
        return ()
    from agent.state import remembered  # noqa: PLC0415 - start-up, as above

    return remembered(earlier)
