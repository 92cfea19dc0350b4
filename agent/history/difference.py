"""``linkdoctor diff``: two runs, found by what people call them, and what changed between them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

import click
from attrs import frozen

from agent.commands import read_report
from agent.files import to_output
from agent.history.sources import Source, opened
from agent.store import StoreError
from reports.differences import Changes, compare, dumps
from reports.facts import OddFactsError, as_written
from reports.history import KeptRun
from reports.model import Report
from reports.words import listed, moment

LAST_GOOD, FIRST_BAD, LAST = "last-good", "first-bad", "last"
QUESTION = (LAST_GOOD, FIRST_BAD)


@frozen(kw_only=True)
class Diff:
    """What was asked for. ``runs``: two, each a word, the beginning of a run's id, or a report's file; or none.

    ``plan`` and ``target`` say whose last good run is meant.
    """

    runs: Sequence[str]
    state: str
    plan: str | None = None
    target: str | None = None
    style: str = "text"
    output: str | None = None
    redacted: bool = False

    def run(self) -> str:
        """Print it; the verdict of the second run. Raises ClickException."""
        before, after = self._reports()
        try:
            with as_written():
                changes = compare(before, after)
        except OddFactsError as error:
            raise click.ClickException(f"{' or '.join(self.runs or QUESTION)}: {error}") from None
        if self.redacted:
            from reports.differences.redact import redact  # noqa: PLC0415 - start-up, as below
            from reports.redact import Pseudonyms, learn  # noqa: PLC0415 - as above

            names = Pseudonyms()
            learn(before, names)
            learn(after, names)
            changes = redact(changes, names)
        to_output(self.output, lambda file: self._write(file, changes))
        return after.verdict

    def _reports(self) -> list[Report]:
        asked = self.runs or QUESTION
        if all(_is_file(name) for name in asked):
            return [read_report(name) for name in asked]
        with ExitStack() as stack:
            kept = Kept(stack.enter_context(opened(self.state)), self.state, self.plan, self.target)
            try:
                return [read_report(name) if _is_file(name) else kept.report(name) for name in asked]
            except StoreError as error:
                raise click.ClickException(str(error)) from None

    def _write(self, file: TextIO, changes: Changes) -> None:
        if self.style == "json":
            file.write(dumps(changes, lines=True) + "\n")
        else:
            from reports.render import changes as pages  # noqa: PLC0415 - start-up: JSON needs no renderer
            from reports.render import text  # noqa: PLC0415 - as above

            pages.render(changes, text.open_console(file))
        file.flush()


@frozen
class Kept:
    """Runs by what people call them."""

    sources: Sequence[Source]
    state: str
    plan: str | None
    target: str | None

    def report(self, name: str) -> Report:
        """The report of the run of that name. Raises ClickException, StoreError."""
        source, run = _WORDS[name](self) if name in _WORDS else self._by_id(name)
        return source.report(run)

    def last_good(self) -> tuple[Source, KeptRun]:
        """The run before the plan, or the target, last became worse."""
        source, (good, _) = self._turn()
        return source, good

    def first_bad(self) -> tuple[Source, KeptRun]:
        """The run in which it did."""
        source, (_, bad) = self._turn()
        return source, bad

    def last(self) -> tuple[Source, KeptRun]:
        """The newest run."""
        source, plan = self._place()
        return source, source.store.runs(plan, most=1)[0]

    def _by_id(self, name: str) -> tuple[Source, KeptRun]:
        found = [(source, run) for source in self.sources for run in source.store.runs_like(name)]
        ids = {run.id for _, run in found}
        if not found:
            words = ", ".join(_WORDS)
            raise click.ClickException(
                f"{name}: no run in {self.state} has an id that begins so, and no file is called so; a run is {words}, "
                "the beginning of an id (`linkdoctor history` lists them), or a saved report"
            )
        if len(ids) > 1:
            raise click.ClickException(f"{name}: several runs begin so: {listed(sorted(ids))}")
        return found[0]

    def _turn(self) -> tuple[Source, tuple[KeptRun, KeptRun]]:
        source, plan = self._place()
        turn = source.store.turn(plan, self.target)
        if turn is None:
            what = plan if self.target is None else f"{self.target} of {plan}"
            newest = source.store.runs(plan, most=1)[0]
            raise click.ClickException(
                f"{what} never became worse in the runs that are kept, the newest of which is {newest.verdict} "
                f"({moment(newest.started)}): name two runs (`linkdoctor history` lists them)"
            )
        return source, turn

    def _place(self) -> tuple[Source, str]:
        """The plan that is meant, where it was kept last."""
        found = [(source, plan) for source in self.sources for plan in source.store.plans()]
        known = sorted({plan.name for _, plan in found})
        meant = [(source, plan) for source, plan in found if self.plan in (None, plan.name)]
        if not known:
            raise click.ClickException(f"{self.state}: no run is kept there yet")
        if not meant:
            raise click.ClickException(f"no run of {self.plan} is kept in {self.state}; there are {', '.join(known)}")
        if len({plan.name for _, plan in meant}) > 1:
            raise click.ClickException(f"runs of several plans are kept: name one with --plan: {', '.join(known)}")
        source, plan = max(meant, key=lambda one: one[1].newest.started)
        return source, plan.name


_WORDS: Mapping[str, Callable[[Kept], tuple[Source, KeptRun]]] = {
    LAST_GOOD: Kept.last_good,
    FIRST_BAD: Kept.first_bad,
    LAST: Kept.last,
}


def _is_file(name: str) -> bool:
    try:
        return name == "-" or Path(name).is_file()
    except OSError as error:
        raise click.ClickException(f"{name}: cannot be read: {error.strerror}") from None
