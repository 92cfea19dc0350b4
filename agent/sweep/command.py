"""`linkdoctor sweep`: part by part; answers are written down as they come, and in the end what they mean."""

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click
from attrs import frozen

from agent.files import to_output
from agent.sweep.asked import Asked, Part
from agent.sweep.outcome import Outcome, carried_out, prepared
from agent.sweep.progress import Progress
from agent.sweep.records import Records
from agent.sweep.stop import Stop
from probes.sweep import Sweep

if TYPE_CHECKING:
    from reports.model import Report

LINES = "jsonl"

# What opening a file and writing to it may meet.
_UNWRITABLE = frozenset(
    getattr(errno, name)
    for name in ("EACCES", "EDQUOT", "EFBIG", "EIO", "EISDIR", "ENAMETOOLONG", "ENOENT", "ENOSPC", "ENOTDIR", "EROFS")
)

# In place of what was typed, where addresses are taken out.
_REDACTED = "linkdoctor sweep NETWORK"

# Seconds between two parts: none counts what the other has sent within the same second.
_APART = 1.01


@frozen(kw_only=True)
class Command:
    """``style``: text, json or LINES; ``output``: a file in place of stdout.

    ``hand_over``: whose message is printed in place of the report, never that of LINES.
    """

    asked: Asked
    style: str
    output: str | None
    redacted: bool
    hand_over: str | None = None

    def run(self) -> tuple[str, int]:
        """The verdict, and the exit code of what a signal has ended; 0 where none has. Raises ClickException."""
        asked = self.asked.sweep()
        if self.output is not None and self.style != LINES:
            _check(self.output)
        # What cannot be had here is said before anything is sent.
        sweeps = [prepared(part) for part in asked.parts]
        started, start = round(time.time(), 6), time.monotonic()
        with Stop() as stop, self._records() as records:
            outcomes = self._carried_out(asked.parts, sweeps, records, stop)
            from agent.sweep.result import report_on  # loaded late: nothing of it is needed to ask

            report = report_on(asked.plan, outcomes, started, time.monotonic() - start)
            for reason in dict.fromkeys(outcome.sweep.pushed_back for outcome in outcomes):
                if reason:
                    click.echo(f"stopped: {reason}", err=True)
            if records is not None:
                records.conclude(
                    report, [one.survey.table for one in outcomes], sum(one.sweep.sent for one in outcomes)
                )
            else:
                self._print(report)
        return report.verdict, stop.code

    def _carried_out(
        self, parts: Sequence[Part], sweeps: Sequence[Sweep], records: Records | None, stop: Stop
    ) -> list[Outcome]:
        wanted = (self.style == "text" and self.hand_over is None) or bool(self.output)
        progress = Progress(sum(len(part.order) for part in parts), wanted=wanted)
        outcomes: list[Outcome] = []
        try:
            for part, sweep in zip(parts, sweeps, strict=True):
                if outcomes and part.order.rate and not stop:
                    time.sleep(_APART)
                outcomes.append(carried_out(part, sweep, records, progress, stop))
        finally:
            progress.end()
        return outcomes

    @contextlib.contextmanager
    def _records(self) -> Iterator[Records | None]:
        """Where answers are written to as they come; None where they are told in the end."""
        if self.style != LINES:
            yield None
            return
        rewrite = None
        if self.redacted:
            from reports.redact import Pseudonyms

            rewrite = Pseudonyms().rewrite
        with _opened(self.output) as file:
            yield Records(file, rewrite)

    def _print(self, report: "Report") -> None:
        from agent.formats import FORMATS, Page, write

        command = self.asked.command()
        if self.redacted:
            from reports.redact import redact

            report, command = redact(report), _REDACTED
        if self.hand_over is not None:
            from reports.render import handover

            message = handover.message(report, self.hand_over, command=command, verify=command)
            to_output(self.output, lambda file: write(file, message))
            return
        page = Page(reports=[report], command=command, redacted=self.redacted)
        to_output(self.output, lambda file: FORMATS[self.style](file, page))


@contextlib.contextmanager
def _opened(name: str | None) -> Iterator[TextIO]:
    """Stdout, or the file, to be written line by line. Raises ClickException."""
    if name is None:
        yield sys.stdout
        return
    try:
        with Path(name).open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        raise click.ClickException(f"{name}: cannot be written: {error.strerror}") from None


def _check(name: str) -> None:
    """Raise ClickException where no such file can be written whole, before anything is sent for it."""
    path = Path(name).resolve()
    takes_its_place = path.is_file() or not path.exists()
    if path.is_dir() or (takes_its_place and not os.access(path.parent, os.W_OK)):
        raise click.ClickException(f"{name}: cannot be written")
