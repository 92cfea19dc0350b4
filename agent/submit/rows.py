"""The rows of a job that has ended: through the instance tunnel, or, where that is out of reach, with its result.

A stream that breaks off may look like one that ended, so rows are counted; and the result outlives a broken download,
so a new session asks for all of it again.
"""

from typing import Any

from odps import errors

from agent.submit.interrupts import Interrupts
from agent.submit.progress import Progress
from reports.rows import NAMES, Value

Rows = list[dict[str, Value]]

# What PyODPS raises for reasons of the platform or of the network; the errors of requests are OSErrors.
PROBLEMS = (errors.ODPSError, OSError)

_ATTEMPTS = 4
# Seconds before the second attempt; each further one waits twice as long.
_PAUSE = 0.5


class Incomplete(OSError):
    """Not all rows came."""


def fetch(instance: Any, progress: Progress, interrupts: Interrupts) -> Rows:
    """All rows. Raises one of PROBLEMS when several attempts came to nothing."""
    limited = False
    for attempt in range(_ATTEMPTS):
        if attempt:
            interrupts.wait(_PAUSE * 2 ** (attempt - 1))
        interrupts.check()
        try:
            return _by_tunnel(instance, limited)
        except errors.NoPermission:
            # A protected project gives only so many rows of a result; a few are enough.
            if limited:
                raise
            limited = True
        except Exception as error:  # a decoder stumbles over a broken stream in any way
            if is_refusal(error):
                raise
            last = error
            if getattr(error, "status_code", None):
                break  # PyODPS has asked again, and waited longer each time
            progress.state("fetching the rows again: the tunnel broke off")
    progress.say("The tunnel gives no rows (ODPS_TUNNEL_ENDPOINT?): reading the job's result, which may be cut short.")
    try:
        return _by_result(instance)
    except PROBLEMS:
        raise (last if isinstance(last, PROBLEMS) else Incomplete(f"{type(last).__name__}: {last}")) from None


def is_refusal(error: Exception) -> bool:
    """Whether the platform has answered, and said no; 429 is a no for now."""
    status = getattr(error, "status_code", None)
    if status is None:  # an older PyODPS does not keep it
        return isinstance(error, errors.ServerDefinedException) and not isinstance(error, errors.InternalServerError)
    return bool(400 <= status < 500 and status != 429)


def _by_tunnel(instance: Any, limited: bool) -> Rows:
    with instance.open_reader(tunnel=True, reopen=True, limit=limited) as reader:
        rows = _rows(reader)
        if len(rows) != reader.count:
            raise Incomplete(f"{len(rows)} of {reader.count} rows came")
        return rows


def _by_result(instance: Any) -> Rows:
    with instance.open_reader(tunnel=False, limit=True) as reader:
        return _rows(reader)


def _rows(reader: Any) -> Rows:
    return [dict(zip(NAMES, record.values, strict=True)) for record in reader]
