"""What `linkdoctor ingest` does, between the command line and the files."""

import re
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TextIO

import click
from attrs import field, frozen

from agent import commands
from agent.compare import tell_together
from agent.files import to_output
from agent.formats import MOST_PRINTED
from agent.ingest import Absent, read, told
from reports.comparison import Merge
from reports.diagnose import conclude_again
from reports.facts import OddFactsError
from reports.gather import Gatherer
from reports.model import Report, content_id, worst
from reports.redact import Pseudonyms, redact
from reports.render.text import open_console
from reports.words import count, visible

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@frozen(kw_only=True)
class Ingest:
    """One run of the command: ``names`` of files, and what becomes of the reports in them."""

    names: Sequence[str]
    style: str
    command: str
    output: str | None = None
    output_dir: str | None = None
    redacted: bool = False
    hand_over: str | None = None

    _gatherer: Gatherer = field(factory=Gatherer, init=False)
    _merge: Merge = field(factory=Merge, init=False)
    _pseudonyms: Pseudonyms = field(factory=Pseudonyms, init=False)
    _verdicts: list[str] = field(factory=list, init=False)

    def run(self) -> str:
        """Print the reports and what they prove together, the counts to stderr; the worst verdict.

        Raises ClickException for a file that cannot be opened or written, and where there is no report at all.
        """
        to_output(self.output, self._write)
        return worst(tuple(self._verdicts))

    def _write(self, file: TextIO) -> None:
        printer = commands.Printer(style=self.style, hand_over=self.hand_over)
        command = "linkdoctor ingest ROWS" if self.redacted else self.command
        in_text = self.style == "text" and self.hand_over is None
        with redirect_stdout(file):
            if in_text:
                # There may be thousands: what they prove together is then the answer.
                for number, report in enumerate(self._reports()):
                    if number < MOST_PRINTED:
                        printer.print(report, command=command)
                tell_together(self._merge, open_console(file), self._pseudonyms if self.redacted else None)
                untold = len(self._verdicts) - MOST_PRINTED
                if untold > 0 and self.output_dir is None:
                    click.echo(f"{count(untold, 'more report')}, each by itself: --output-dir DIR", err=True)
            else:
                printer.print(*self._reports(), command=command, verify="linkdoctor check PLAN")

    def _reports(self) -> Iterator[Report]:
        """Each diagnosed again where it has observations, merged, redacted and saved as was asked for."""
        for report in self._read():
            concluded = _again(report) if report.observations else report
            self._verdicts.append(concluded.verdict)
            self._merge.add(concluded)
            shown = redact(concluded, self._pseudonyms) if self.redacted else concluded
            if self.output_dir is not None:
                _save(shown, Path(self.output_dir))
            yield shown
        for line in told(self._gatherer.outcome):
            click.echo(line, err=True)
        if not self._verdicts:
            raise click.ClickException("there is no report in these rows")

    def _read(self) -> Iterator[Report]:
        try:
            yield from read(self.names, self._gatherer)
        except OSError as error:
            raise click.ClickException(f"{error.filename}: cannot be read: {error.strerror}") from None
        except Absent as error:
            raise click.ClickException(str(error)) from None


def _again(report: Report) -> Report:
    """Diagnosed again; what it says itself where that cannot be."""
    try:
        return conclude_again(report)
    except OddFactsError as error:
        click.echo(f"{visible(report.run.id)}: not diagnosed again: {error}", err=True)
        return report


def _save(report: Report, folder: Path) -> None:
    run = report.run.id
    path = folder / f"{run if _FILE_NAME.fullmatch(run) else content_id('r-', run)}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"{folder}: cannot be made: {error.strerror}") from None
    commands.Printer(style="json", output=str(path)).print(report, command="linkdoctor ingest ROWS")
