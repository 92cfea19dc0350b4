"""Commands over runs that are kept: history, diff."""

from __future__ import annotations

import re

import click

from agent.cli import options

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def span(context: click.Context, option: click.Parameter, text: str) -> float:  # noqa: ARG001 - click's shape
    """Seconds, from a number with its unit: a callback of click."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", text)
    if match is None:
        raise click.BadParameter(
            f"{text!r} is no span of time; allowed: a number with its unit (m, h, d, w), such as 12h"
        )
    return float(match[1]) * _UNITS[match[2]]


_state = click.option(
    "--state", metavar="DIR|FILE", help="Where runs are kept; else $XDG_STATE_HOME/linkdoctor, in ~/.local/state."
)
_plan = click.option("--plan", metavar="NAME", help="The plan that is meant, where runs of several are kept.")
_target = click.option("--target", metavar="NAME", help="Only this target of the plan.")


@click.command(epilog=options.EPILOG)
@click.argument("plan", metavar="[PLAN]", required=False)
@_state
@_target
@click.option(
    "--since",
    metavar="SPAN",
    callback=span,
    default="30d",
    show_default=True,
    help="From so long ago on: 12h, 7d, 4w.",
)
@options.style_of_log
@options.output
@options.redact
def history(
    plan: str | None, state: str | None, target: str | None, since: float, style: str, output: str | None, redact: bool
) -> int:
    """Show the runs that are kept, and when what changed.

    Those that `linkdoctor serve` keeps, and those of `linkdoctor check --state DIR`. PLAN is a plan's name. The exit
    code is that of the newest run.

    \b
      linkdoctor history --state /var/lib/linkdoctor
      linkdoctor history nightly-etl --since 7d --target metastore
    """
    from agent.history.command import History
    from agent.history.sources import default_folder

    asked = History(
        state=state or default_folder(),
        since=since,
        plan=plan,
        target=target,
        style=style,
        output=output,
        redacted=redact,
    )
    return options.EXIT[asked.run()]


@click.command(epilog=options.EPILOG)
@click.argument("runs", metavar="[RUN RUN]", nargs=-1)
@_state
@_plan
@_target
@options.style_of_log
@options.output
@options.redact
def diff(
    runs: tuple[str, ...],
    state: str | None,
    plan: str | None,
    target: str | None,
    style: str,
    output: str | None,
    redact: bool,
) -> int:
    """Say what changed between the last good and the first bad run.

    Or between two others. A RUN is last-good, first-bad or last, the beginning of a run's id, or the file of a saved
    report. With --target it is that target's last good run. The exit code is that of the second run.

    \b
      linkdoctor diff --state /var/lib/linkdoctor
      linkdoctor diff last-good last --plan nightly-etl --target metastore
      linkdoctor diff before.json after.json
    """
    from agent.history.difference import Diff
    from agent.history.sources import default_folder

    if len(runs) not in (0, 2):
        raise click.UsageError("name two runs, or none for the last good and the first bad one")
    asked = Diff(
        runs=runs,
        state=state or default_folder(),
        plan=plan,
        target=target,
        style=style,
        output=output,
        redacted=redact,
    )
    return options.EXIT[asked.run()]
