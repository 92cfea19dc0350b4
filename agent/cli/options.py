"""What the commands share: options, and the table of exit codes."""

from __future__ import annotations

import errno
import math
import os
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reports.model import Report

_Command = TypeVar("_Command", bound="Callable[..., Any]")

EXIT = {"healthy": 0, "degraded": 1, "failing": 2, "undetermined": 3}
COULD_NOT_RUN = 3
INTERRUPTED = 130

EPILOG = """\b
Exit codes: 0 healthy, 1 degraded, 2 failing, 3 undetermined or could not run, 130 after Ctrl-C.
"""

# Those of reports/model.py, without the cost of loading it.
OWNERS = ("job author", "project administrator", "network", "DBA", "platform ticket")

# Those of agent/formats.py, as above.
FORMATS = ("text", "json", "markdown", "html", "junit", "nagios")

MANY = click.IntRange(1, 1_000_000)


class _Number(click.FloatRange):
    """Of the range, and a number at all: NaN is neither below nor above anything."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click.ParamType."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is no number.", param, ctx)
        return number


SECONDS = _Number(0.01, 60)


def _style(*formats: str) -> Callable[[_Command], _Command]:
    return click.option(
        "--format", "style", type=click.Choice(formats), default="text", show_default=True, help="What to print."
    )


style = _style(*FORMATS)
# Of what is no report: a comparison, what a log says.
style_of_comparison = _style("text", "json", "markdown", "html")
style_of_log = _style("text", "json")


def _in_a_folder(_context: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    """The name; what has no folder to be written to is refused before anything is sent."""
    from pathlib import Path

    if name is not None and not Path(name).resolve().parent.is_dir():
        raise click.ClickException(f"{name}: cannot be written: {os.strerror(errno.ENOENT)}")
    return name


output = click.option(
    "--output",
    metavar="FILE",
    callback=_in_a_folder,
    help="Write to FILE, whole or not at all, instead of stdout.",
)
redact = click.option("--redact", is_flag=True, help="Take host names and addresses out of what is printed.")
hand_over = click.option(
    "--hand-over",
    metavar="OWNER",
    type=click.Choice(OWNERS, case_sensitive=False),
    help="Print the message for whoever must act (%s), ready to send." % ", ".join(OWNERS),
)
folder = click.option(
    "--output", "folder", metavar="DIR", default="linkdoctor-bundle", show_default=True, help="Where to write it."
)
wheels = click.option("--wheels", metavar="DIR", help="Where the kit's libraries are; else they are downloaded once.")


def worst(reports: Iterable[Report]) -> int:
    """The exit code of several reports."""
    from reports.model import worst

    return EXIT[worst(tuple(report.verdict for report in reports))]
