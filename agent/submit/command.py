"""What ``linkdoctor submit`` does, between the command line and the job."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from agent import submit
from agent.bundle import UdfBundle
from agent.bundle.command import errors_for_people
from agent.bundle.udf import script
from reports import words
from reports.model import Plan, Report


def prepare(plan: Plan, *, instances: int, wheels: str | None) -> UdfBundle:
    """The bundle to submit. Raises ClickException."""
    with errors_for_people():
        return submit.prepare(plan, instances, Path(wheels) if wheels else None)


def rehearse(bundle: UdfBundle) -> None:
    """Print what would be uploaded, and every statement; connects to nothing."""
    click.echo("\n".join(["Nothing is uploaded; names are new in every run.", "", *_resources(bundle), ""]))
    click.echo(script(bundle), nl=False)


def run(bundle: UdfBundle, plan: Plan, *, agreed: bool, keep: bool) -> tuple[Report, ...]:
    """Ask where that was not ``agreed``, and run; the reports. Raises ClickException, KeyboardInterrupt."""
    try:
        from agent.submit.account import connect  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "odps":
            raise
        raise click.ClickException("submit needs PyODPS: pip install 'linkdoctor[odps]'") from None
    try:
        o = connect(os.environ)
        if not agreed:
            _ask(bundle, plan, where=f"{o.project} at {o.endpoint}", keep=keep)
        return submit.run(o, bundle, keep=keep)
    except submit.SubmitError as error:
        raise click.ClickException(str(error)) from None


def _ask(bundle: UdfBundle, plan: Plan, *, where: str, keep: bool) -> None:
    targets = words.count(len(plan.targets), "target")
    lines = [
        f"This creates, in project {words.visible(where)}:",
        *(f"  {line}" for line in _resources(bundle)),
        *(f"  function {function.name}" for function in bundle.functions),
        f"runs one SQL query, which checks {targets} from inside MaxCompute and may cost money, like any query there,",
        "and leaves all of it there (--keep)." if keep else "and drops all of it afterwards.",
    ]
    click.echo("\n".join(lines), err=True)
    if not sys.stdin.isatty():
        raise click.ClickException("nobody is there to agree (no terminal): see --yes and --dry-run")
    if not click.confirm("Go on?", err=True):
        raise click.ClickException("not agreed: nothing was created")


def _resources(bundle: UdfBundle) -> Iterator[str]:
    for resource in bundle.resources:
        yield f"{resource.type:8} {resource.name}  {words.count(len(resource.content), 'byte')}"
