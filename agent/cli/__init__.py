"""The command line. Imports are lazy: what a command does not use, it does not load.

Exit codes, one table for every command: see options.EXIT. Results go to stdout, progress and errors to stderr.
"""

from __future__ import annotations

import atexit
import errno
import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# How many objects more before the garbage collector looks for cycles: loading a command makes 45,000.
_ALLOCATIONS = 75_000

_NO_DESCRIPTORS = "no file descriptors are left to run with: raise the limit (ulimit -n)"
_SHORTAGES = {
    errno.EMFILE: _NO_DESCRIPTORS,
    errno.ENFILE: _NO_DESCRIPTORS,
    errno.ENOSPC: "what was found cannot be written: no space is left on the device",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """The program: every error becomes a message and an exit code."""
    # What a run makes, it keeps to its end: looking for garbage in it finds none, often and at length.
    gc.set_threshold(_ALLOCATIONS)
    end = _End()
    if arguments is None:  # else whoever calls may have more to do
        atexit.register(end)
    if sys.stdout is None:  # it was closed when we began: as with /dev/null, and no socket becomes descriptor 1
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - start-up; until the end

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
    except Exception as error:  # noqa: BLE001 - whatever it is, it says nothing of any target: 1 would be `degraded`
        _tell(error)
        if isinstance(error, OSError):
            # Where it is stdout that is full, the interpreter must not try to flush it.
            sys.stdout = None
        code = COULD_NOT_RUN
    end.code = code
    sys.exit(code)


def _tell(error: Exception) -> None:
    """What this machine lacks in words; an error of our own with all that helps to mend it."""
    import click

    words = _SHORTAGES.get(error.errno or 0) if isinstance(error, OSError) else None
    if words is None:
        import traceback

        traceback.print_exception(error)
        words = "this is an error of linkdoctor's own, and says nothing of any target: please report the lines above"
    click.echo(f"Error: {words}", err=True)


class _End:
    """Ends the program where freeing all that it has made would begin: that takes a fifth of a short check.

    Threads have ended by then, and what was registered later has been called.
    """

    code: int | None = None

    def __call__(self) -> None:
        if self.code is None:
            return  # something else ends the program, in its own way
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(self.code)
