"""The command line. Imports are lazy: what a command does not use, it does not load.

Exit codes, one table for every command: see options.EXIT. Results go to stdout, progress and errors to stderr.
"""

from __future__ import annotations

import errno
import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# How many objects more before the garbage collector looks for cycles: as many as loading a command makes.
_ALLOCATIONS = 50_000


def main(arguments: Sequence[str] | None = None) -> None:
    """The program: every error becomes a message and an exit code."""
    # What a run makes, it keeps to its end: looking for garbage in it finds none, often and at length.
    gc.set_threshold(_ALLOCATIONS)
    import click

    from agent.cli.group import cli
    from agent.cli.options import COULD_NOT_RUN, INTERRUPTED

    try:
        code = cli.main(arguments, prog_name="linkdoctor", standalone_mode=False)
    except click.exceptions.Exit as done:
        code = done.exit_code
    except click.ClickException as wrong:
        wrong.show()
        code = COULD_NOT_RUN
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read stdout has gone; the interpreter must not try to flush it.
        sys.stdout = None
        code = COULD_NOT_RUN
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        click.echo("Error: no file descriptors are left to run with: raise the limit (ulimit -n)", err=True)
        code = COULD_NOT_RUN
    gc.freeze()
    sys.exit(code)
