"""What the commands do, between the command line and the runner."""

import asyncio
import json
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import click
from attrs import evolve, frozen

from agent import plan as plans
from agent.files import to_output
from agent.formats import FORMATS, Page
from agent.runner import Runner
from probes import settings
from probes.contract import Notes
from reports import __version__, document
from reports.diagnose import conclude, conclude_again, diagnose
from reports.facts import OddFactsError
from reports.model import Observation, Plan, Report, Run, Vantage, content_id

_PLAN_ENDINGS = (".yaml", ".yml", ".json")
# A report of hundreds of thousands of observations; more is a mistake.
LARGEST_REPORT = 1 << 30


def plan_for(what: Sequence[str]) -> Plan:
    """The plan in the one file named, or of the targets typed."""
    try:
        if len(what) == 1 and _is_file(what[0]):
            return plans.load(what[0])
        return plans.from_targets(what)
    except plans.PlanError as error:
        raise click.ClickException(str(error)) from None


def plan_to_lint(files: Sequence[str]) -> Plan:
    """A plan, or settings alone out of a job's own files."""
    try:
        if len(files) == 1 and _is_plan(Path(files[0])):
            return plans.load(files[0])
        return plans.from_targets([], name="settings", settings_from=list(files))
    except plans.PlanError as error:
        raise click.ClickException(str(error)) from None


def located(plan: Plan) -> Plan:
    """The plan as it is run here: with ``networks: auto`` the metadata of this VPC host are asked, now."""
    if not plan.ask_networks:
        return plan
    from agent.cloud.auto import filled
    from agent.cloud.metadata import MetadataError

    try:
        return filled(plan)
    except MetadataError as error:
        raise click.ClickException(str(error)) from None


def plan_again(before: Report, what: Sequence[str]) -> Plan:
    """The report's own plan, or the one that is named now, reduced to what was not healthy."""
    from reports.again import subset

    broken = subset(before)
    if what:
        now = plan_for(what)
        names = {target.name for target in broken.targets}
        broken = evolve(now, targets=tuple(target for target in now.targets if target.name in names))
    if not broken.targets:
        raise click.ClickException("nothing was broken in that report: there is nothing to check again")
    return broken


def read_report(name: str) -> Report:
    """A saved report; ``-`` is standard input."""
    try:
        if name == "-":
            return document.loads(sys.stdin.buffer.read(LARGEST_REPORT), "standard input")
        with Path(name).open("rb") as file:
            return document.loads(file.read(LARGEST_REPORT), name)
    except OSError as error:
        raise click.ClickException(f"{name}: cannot be read: {error.strerror}") from None
    except document.DocumentError as error:
        raise click.ClickException(str(error)) from None


def read_again(name: str) -> Report:
    """A saved report, with the rules applied again to its own observations."""
    try:
        return conclude_again(read_report(name))
    except OddFactsError as error:
        raise click.ClickException(f"{name}: {error}") from None


def run(
    plan: Plan,
    *,
    progress: bool,
    environment: Mapping[str, str] | None = None,
    remembered: Sequence[Observation] = (),
) -> tuple[Report, bool]:
    """Run the plan; the report, and whether Ctrl-C (or SIGTERM) ended it.

    ``environment``: this one where None. ``remembered``: what earlier runs left (agent/state.py).
    """
    plan = located(plan)
    with _progress(progress) as show:
        return to_its_end(Runner(plan, environment, progress=show, remembered=remembered))


def to_its_end(runner: Runner) -> tuple[Report, bool]:
    """Its report, and whether Ctrl-C (or SIGTERM) ended it."""
    interrupted = False

    async def running() -> Report:
        def interrupt() -> None:
            nonlocal interrupted
            interrupted = True
            runner.stop()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, interrupt)
        return await runner.run()

    return asyncio.run(running()), interrupted


def lint(plan: Plan) -> Report:
    """What the settings alone say; nothing is sent."""
    started = round(time.time(), 6)
    notes = Notes()
    vantage = Vantage()
    settings.observe(plan, vantage, notes)
    run = Run(
        id=content_id("r-", plan.name, started),
        started=started,
        duration_s=round(time.time() - started, 3),
        linkdoctor=__version__,
        plan=plan,
    )
    diagnosis = diagnose(plan, vantage, notes.observations, settings_only=True)
    return conclude(run, vantage, notes.observations, diagnosis)


def command_line(command: str, arguments: Sequence[str]) -> str:
    """What the user typed, for the report's hints."""
    return shlex.join(["linkdoctor", command, *arguments])


@frozen(kw_only=True)
class Printer:
    """Prints reports in one style (agent/formats.py), to stdout or, whole or not at all, to a file.

    ``compared``: what several reports prove together is told too.
    """

    style: str = "text"
    output: str | None = None
    redacted: bool = False
    hand_over: str | None = None
    compared: bool = False

    def print(self, *reports: Report, command: str, verify: str | None = None, before: Report | None = None) -> None:
        """All of them; ``before`` is what a single report is compared with.

        ``command`` is what was typed, ``verify`` what tells whether it is mended, if not the same with ``--again``.
        """
        if self.redacted:
            from reports.redact import Pseudonyms, redact

            names = Pseudonyms()
            before = redact(before, names) if before is not None else None
            reports = tuple(redact(report, names) for report in reports)
            command, verify = "linkdoctor check PLAN", None
        to_output(self.output, lambda file: self._write(file, reports, command, verify, before))

    def _write(
        self, file: TextIO, reports: Sequence[Report], command: str, verify: str | None, before: Report | None
    ) -> None:
        if self.hand_over is not None:
            from reports.render import handover

            file.write(
                "\n".join(
                    handover.message(report, self.hand_over, command=command, verify=verify) for report in reports
                )
            )
        else:
            page = Page(reports=reports, command=command, before=before, compared=self.compared, redacted=self.redacted)
            FORMATS[self.style](file, page)
        file.flush()


@contextmanager
def _progress(wanted: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Live progress on stderr, where that is a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("checking"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _is_plan(path: Path) -> bool:
    """YAML is a plan; JSON is one where it names targets or networks, and else a mapping of settings."""
    if path.suffix != ".json":
        return path.suffix in _PLAN_ENDINGS
    with suppress(OSError, ValueError):
        keys = json.loads(path.read_bytes())
        return isinstance(keys, dict) and not {"targets", "networks"}.isdisjoint(keys)
    return False


def _is_file(name: str) -> bool:
    return name.endswith(_PLAN_ENDINGS) or Path(name).is_file()
