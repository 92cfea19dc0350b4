"""``linkdoctor explain``, and ``linkdoctor check --from``: between the command line and the logs."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

import click
from attrs import frozen

from agent import commands
from agent import plan as plans
from agent.files import to_output
from agent.logs import LogError, read_logs
from agent.logs.document import redacted, to_document
from agent.logs.endpoints import Endpoint, Ledger
from agent.logs.observations import observations
from agent.logs.plan import choose, name_of, plan_of, plan_of_files, plan_text
from reports.diagnose import conclude
from reports.model import Plan, Report
from reports.words import count, visible

STDOUT = "-"
# Files of settings, by their ending; everything else is a log.
_SETTINGS = (".sql", ".conf", ".properties", ".json")
_PLANS = (".yaml", ".yml")
_MOST_NAMED = 10


@frozen(kw_only=True)
class Explain:
    """What ``explain`` was asked for. ``plan``: where the plan goes, STDOUT for instead of the explanation."""

    logs: Sequence[str]
    style: str = "text"
    output: str | None = None
    redacted: bool = False
    plan: str | None = None
    checks: bool = False

    def run(self) -> tuple[Report | None, bool]:
        """Read, print, and check where that is asked for: the check's report, and whether Ctrl-C ended anything."""
        if self.plan not in (None, STDOUT) and not str(self.plan).endswith(_PLANS):
            raise click.UsageError(f"--plan {self.plan}: a plan's file ends in .yaml; without a name it goes to stdout")
        if self.redacted and self.plan is not None:
            raise click.UsageError("--redact takes out what a plan is made of: use one of the two")
        ledger, interrupted = read(self.logs)
        choice, name = choose(ledger), name_of(self.logs)
        if self.plan is not None:
            self._write_plan(plan_text(choice, ledger, name) if choice.targets else "")
        plan = plan_of(choice, ledger, name) if self.checks and not interrupted else None
        if self.checks and not interrupted and plan is None:
            warn_left_out(choice.left_out)
            raise click.ClickException("the logs name nothing that can be checked")
        # One document: with a check it is the check's report, in which the log's errors stand too.
        if self.plan != STDOUT and (plan is None or (self.style == "text" and self.output is None)):
            self._print(ledger, interrupted, hint=bool(choice.targets) and plan is None)
        if plan is None:
            return None, interrupted
        warn_left_out(choice.left_out)
        return joined(plan, ledger, progress=self.style == "text")

    def _write_plan(self, text: str) -> None:
        if not text:
            raise click.ClickException("the logs name nothing that can be checked: there is no plan to write")
        target = self.output if self.plan == STDOUT else self.plan
        to_output(target, lambda file: _write_text(file, text))

    def _print(self, ledger: Ledger, interrupted: bool, hint: bool) -> None:
        document = to_document(ledger)
        if interrupted:
            document["partial"] = True
        if self.redacted:
            document = redacted(document)
        command = commands.command_line("explain", [*self.logs, "--check"])
        # What was read from a pipe is gone, and a redacted text names no file.
        told = command if hint and STDOUT not in self.logs and not self.redacted else ""
        to_output(self.output, lambda file: _write(file, document, self.style, told))


def check_files(files: Sequence[str], *, progress: bool) -> tuple[Report, bool]:
    """Check what a failed job's own files declare and its logs name; the report, and whether Ctrl-C ended it."""
    wrong = [name for name in files if name.endswith(_PLANS)]
    if wrong:
        raise click.UsageError(f"{wrong[0]} is a plan: --from takes a job's own files, and needs none")
    settings = [name for name in files if name.endswith(_SETTINGS)]
    logs = [name for name in files if name not in settings]
    ledger, interrupted = read(logs)
    if interrupted:
        raise KeyboardInterrupt
    try:
        plan, left_out = plan_of_files(settings, ledger, name_of(files))
    except plans.PlanError as error:
        raise click.ClickException(str(error)) from None
    warn_left_out(left_out)
    return joined(plan, ledger, progress=progress)


def read(logs: Sequence[str]) -> tuple[Ledger, bool]:
    """What the logs say; on Ctrl-C what they said so far, and True."""
    ledger = Ledger()
    try:
        read_logs(logs, ledger)
    except LogError as error:
        raise click.ClickException(visible(str(error))) from None
    except KeyboardInterrupt:
        return ledger, True
    return ledger, False


def joined(plan: Plan, ledger: Ledger, *, progress: bool) -> tuple[Report, bool]:
    """Run the plan, and put what the logs say beside what is measured."""
    report, interrupted = commands.run(plan, progress=progress)
    told = tuple(observations(ledger, plan))
    return conclude(report.run, report.vantage, report.observations + told), interrupted


def warn_left_out(left_out: Iterable[tuple[Endpoint, str]]) -> None:
    """Say on stderr what is not checked, and why."""
    rows = list(left_out)
    for endpoint, reason in rows[:_MOST_NAMED]:
        click.echo(f"not checked: {visible(endpoint.shown)}: {reason}", err=True)
    if len(rows) > _MOST_NAMED:
        click.echo(f"not checked: {count(len(rows) - _MOST_NAMED, 'more endpoint')}", err=True)


def _write(file: TextIO, document: dict[str, Any], style: str, hint: str) -> None:
    if style == "json":
        file.write(json.dumps(document, indent=2) + "\n")
    else:
        from reports.render import logs, text  # noqa: PLC0415 - start-up: JSON needs no renderer

        logs.render(document, text.open_console(file), hint=hint)
    file.flush()


def _write_text(file: TextIO, text: str) -> None:
    file.write(text)
    file.flush()
