"""Reports that are kept between runs: DIR/PLAN/TIME-RUN.json, private to their owner, each written whole.

Under which outbound addresses an earlier run went out enters the next one as an observation.
"""

import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
from attrs import frozen

from agent.files import write_whole
from probes.contract import observed
from reports import document
from reports.case import names_of
from reports.codec import rfc3339
from reports.history import echoed
from reports.model import FAILING, UNDETERMINED, Facts, Observation, Report, content_id
from reports.words import visible

# So many runs of a plan are kept; an older one goes when a new one comes.
KEPT = 100

_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600
_OURS = re.compile(r"\d{8}T\d{12}Z-r-[0-9a-f]{1,40}\.json")
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}")
_LONGEST_SLUG = 60


@frozen
class State:
    """The folder in which runs are kept. What stands there beside them is left as it is."""

    folder: Path

    @classmethod
    def at(cls, name: str) -> "State":
        """The folder of that name; it is made where it is missing. Raises ClickException, before anything is sent."""
        folder = Path(name)
        _make(folder)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise click.ClickException(f"{name}: runs cannot be kept here: no permission to write")
        return cls(folder)

    def runs(self, plan: str) -> Iterator[Path]:
        """The kept runs of the plan of that name, newest first."""
        yield from reversed(ours(self._place(plan)))

    def folders(self) -> list[Path]:
        """Where runs of any plan are kept: a folder each, by name. Raises ClickException."""
        try:
            return sorted(entry for entry in self.folder.iterdir() if entry.is_dir() and any(ours(entry)))
        except OSError as error:
            raise click.ClickException(f"{self.folder}: kept runs cannot be read: {error.strerror}") from None

    def last(self, plan: str) -> Report | None:
        """The newest run of the plan that can be read. What cannot be read is told on stderr, and left."""
        for path in self.runs(plan):
            try:
                report = document.loads(path.read_bytes(), str(path))
            except (OSError, document.DocumentError) as error:
                click.echo(f"left as it is, and not used: {visible(str(error))}", err=True)
                continue
            if report.run.plan.name == plan:
                return report
            click.echo(f"left as it is, and not used: {path}: a run of another plan", err=True)
        return None

    def keep(self, report: Report) -> None:
        """Keep the report as the newest run of its plan. Raises ClickException."""
        plan, run = report.run.plan.name, report.run
        began = datetime.fromtimestamp(run.started, UTC)
        path = self._place(plan) / f"{began:%Y%m%dT%H%M%S%f}Z-{run.id}.json"
        _make(path.parent)
        text = document.dumps(report, lines=True)
        try:
            write_whole(path, lambda file: file.write(text + "\n"), mode=_PRIVATE_FILE)
            for old in list(self.runs(plan))[KEPT:]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise click.ClickException(f"{path}: the run cannot be kept: {error.strerror}") from None

    def _place(self, plan: str) -> Path:
        """The plan's folder: its name where that is safe as one, else what is left of it and a number of its own."""
        if _PLAIN.fullmatch(plan):
            return self.folder / plan
        slug = re.sub(r"[^A-Za-z0-9_]+", "-", plan)[:_LONGEST_SLUG].strip("-")
        return self.folder / f"{slug}.{content_id('', plan)}".lstrip(".")


def ours(folder: Path) -> list[Path]:
    """The runs that are kept in a plan's folder, oldest first. Raises ClickException."""
    try:
        return sorted(entry for entry in folder.iterdir() if _OURS.fullmatch(entry.name))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise click.ClickException(f"{folder}: kept runs cannot be read: {error.strerror}") from None


def remembered(report: Report) -> tuple[Observation, ...]:
    """What the run leaves to the next one: for each way out the outbound addresses that it saw.

    What a run was given itself it passes on where it saw none, and where it failed: while something fails, what counts
    is how it was when nothing did.
    """
    given = echoed(report, "remembered")
    kept = given if report.verdict in (FAILING, UNDETERMINED) else {}
    kind, host, at = report.vantage.kind, report.vantage.host, rfc3339(report.run.started)
    left = []
    for via, asked in sorted(echoed(report).items()):
        if via not in kept:
            seen = ",".join(names_of(asked, "seen"))
            facts: Facts = {"seen": seen, "via": via, "at": at, "kind": kind, "host": host}
            left.append(observed("egress", "remembered", None, None, None, time.time(), 0.0, facts))
    made = {seen.facts["via"] for seen in left}
    return (*left, *(seen for via, some in given.items() if via not in made for seen in some[:1]))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    except FileExistsError:
        raise click.ClickException(f"{folder}: runs cannot be kept here: this is no folder") from None
    except OSError as error:
        raise click.ClickException(f"{folder}: runs cannot be kept here: {error.strerror}") from None
