"""`linkdoctor saturate`: how many connections the way to some of a plan's targets holds, and nothing else."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from attrs import evolve, frozen

from agent import commands
from agent.experiments.saturation import with_controls
from agent.runner import Runner
from reports import words
from reports.model import HEALTHY, UNDETERMINED, Egress, Observation, Plan, Report, Saturate, Target, worst

# What the looks at a limit and the pauses between ascents take, about.
_BESIDE_S = 4

# What to write, where nothing is said yet.
_EXAMPLE = Saturate(connections=200)


@frozen(kw_only=True)
class Saturation:
    """What is to be measured: the plan's targets that allow it, or those that are named (``targets``).

    ``connections`` and ``rate``: less than what the plan allows; where a target is named, also what it does not say.
    ``tasks``, ``connections_per_task``: another size of the job than the plan's.
    """

    plan: str
    targets: tuple[str, ...] = ()
    connections: int | None = None
    rate: int | None = None
    tasks: int | None = None
    connections_per_task: int | None = None

    def planned(self) -> Plan:
        """The plan, with those targets and their controls alone. Raises ClickException."""
        plan = commands.plan_for([self.plan])
        measured = {target.name: evolve(target, saturate=self._allowed(target)) for target in self._named(plan)}
        job = evolve(
            plan.job,
            instances=self.tasks or plan.job.instances,
            connections=self.connections_per_task or plan.job.connections,
        )
        networks = tuple(evolve(network, sweep=False) for network in plan.networks)
        return evolve(plan, targets=with_controls(plan, measured), networks=networks, egress=Egress(), job=job)

    def run(self, printer: commands.Printer, *, agreed: bool, progress: bool) -> tuple[str, bool]:
        """Say what will be done at most, ask where somebody is there and has not ``agreed``, do it, print.

        The verdict, UNDETERMINED where something could not be measured; and whether Ctrl-C ended it. Raises
        ClickException.
        """
        plan = self.planned()
        if progress and sys.stderr.isatty():
            click.echo("\n".join(announced(plan)), err=True)
            if not agreed and sys.stdin.isatty() and not click.confirm("Go on?", err=True):
                raise click.ClickException("not agreed: nothing was opened")
        plan = commands.located(plan)
        with _progress(plan, wanted=progress) as listener:
            report, interrupted = commands.to_its_end(Runner(plan, listener=listener, saturate=True))
        printer.print(report, command=self._typed())
        missing = unmeasured(report)
        if missing and not interrupted:
            names = words.visible(words.listed(missing))
            click.echo(f"Not measured: {names} (it has to answer, and not through an HTTP proxy)", err=True)
        return worst((report.verdict, UNDETERMINED if missing else HEALTHY)), interrupted

    def _typed(self) -> str:
        options = (
            *(("--target", name) for name in self.targets),
            ("--connections", self.connections),
            ("--rate", self.rate),
            ("--tasks", self.tasks),
            ("--connections-per-task", self.connections_per_task),
        )
        said = (str(part) for option in options if option[1] is not None for part in option)
        return commands.command_line("saturate", (self.plan, *said))

    def _named(self, plan: Plan) -> list[Target]:
        known = {target.name: target for target in plan.targets}
        for name in self.targets:
            if name not in known:
                there = words.visible(words.listed(list(known)))
                raise click.ClickException(f"no target of the plan is called {words.visible(name)}; there are: {there}")
        named = [known[name] for name in dict.fromkeys(self.targets)]
        chosen = named or [target for target in plan.targets if target.saturate is not None]
        silent = [target for target in chosen if target.saturate is None and self.connections is None]
        if silent or not chosen:
            raise click.ClickException("\n".join(self._to_add((silent or list(plan.targets))[0])))
        return chosen

    def _allowed(self, target: Target) -> Saturate:
        """What the plan allows, or less."""
        allowed = target.saturate
        if allowed is None:
            allowed = Saturate(connections=self.connections or 0)
            return evolve(allowed, rate=self.rate or allowed.rate)
        for asked, most, what in (
            (self.connections, allowed.connections, "connections"),
            (self.rate, allowed.rate, "new ones a second"),
        ):
            if asked is not None and asked > most:
                raise click.ClickException(
                    f"{words.visible(target.name)}: the plan allows {most:,} {what} at most, {asked:,} are asked for"
                )
        return evolve(allowed, connections=self.connections or allowed.connections, rate=self.rate or allowed.rate)

    def _to_add(self, target: Target) -> Iterator[str]:
        """How a target allows to be measured."""
        name = words.visible(target.name)
        typed = ("--target", name, "--connections", str(_EXAMPLE.connections))
        yield f"{words.visible(self.plan)}: nothing there allows to hold more than one connection; add to a target"
        yield ""
        yield f"  - name: {json.dumps(target.name)}"
        yield f"    address: {json.dumps(f'{target.service}://{target.address}')}"
        yield f"    saturate: {{connections: {_EXAMPLE.connections}, rate: {_EXAMPLE.rate}}}"
        yield ""
        yield "or say it here: " + commands.command_line("saturate", (words.visible(self.plan), *typed))


def announced(plan: Plan) -> Iterator[str]:
    """What will be done at most, in words."""
    yield "This holds connections open, more and more of them, and gives all of them back:"
    for target, allowed in _measured(plan):
        # A first ascent opens them more slowly at its beginning, a second one looks again.
        about = 2 * allowed.connections / allowed.rate + _BESIDE_S + allowed.idle
        yield (
            f"  up to {words.count(allowed.connections, 'connection')} to {words.visible(target.name)}, "
            f"{allowed.rate:,} new a second, about {about:,.0f} s"
        )
    yield f"  and ends after {words.seconds(plan.limits.deadline)} at the latest (limits.deadline)"


def unmeasured(report: Report) -> list[str]:
    """The targets that were to be measured and were not."""
    done = {seen.target for seen in report.observations if (seen.probe, seen.step) == ("saturation", "limit")}
    return [target.name for target, _ in _measured(report.run.plan) if target.name not in done]


def _measured(plan: Plan) -> Iterator[tuple[Target, Saturate]]:
    return ((target, target.saturate) for target in plan.targets if target.saturate is not None)


@contextmanager
def _progress(plan: Plan, *, wanted: bool) -> Iterator[Callable[[Observation], None] | None]:
    """How many are held and were tried, live on stderr, where that is a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - start-up
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - start-up

    most = {target.name: allowed.connections for target, allowed in _measured(plan)}
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("first look", total=None, said="")

        def show(seen: Observation) -> None:
            held, tried = seen.facts.get("held"), seen.facts.get("tried")
            if (seen.probe, seen.step) == ("saturation", "level") and isinstance(held, int) and isinstance(tried, int):
                name, total = str(seen.target), most.get(str(seen.target))
                said = f"{held:,} held, {tried:,} tried"
                bar.update(task, description=words.visible(name), completed=held, total=total, said=said)

        yield show
