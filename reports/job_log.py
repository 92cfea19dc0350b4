"""What a failed job's own log says of a target, as the log probe's observations hold it, in plain words.

This module travels in the carry-in kit: CPython 3.7.
"""

from reports.failures import Failure
from reports.model import Observation
from reports.words import count

PROBE = "log"

# By the phase in which the job's time ran out.
_TIMED_OUT = {"connect": "connect timed out", "read": "read timed out"}


def error_words(error: str, phase: str = "") -> str:
    """What happened to the job: ``connect timed out``, ``refused``, ``dns nxdomain``. ``error``: a Failure's value."""
    if error == Failure.TIMED_OUT.value:
        return _TIMED_OUT.get(phase, "timed out")
    if error == Failure.UNKNOWN.value:
        return "not connected, no reason given"
    if error.startswith("connection_"):
        error = error[len("connection_") :]
    return error.replace("_", " ")


def times(number: int, first: str, last: str) -> str:
    """``14 times, 2026-11-23 03:12:44 to 03:20:01``: the moments as the log has them, the day once."""
    often = "once" if number == 1 else count(number, "time")
    if not first:
        return often
    if first == last:
        return "%s, %s" % (often, first)
    day = max(first.rfind("T"), first.rfind(" ")) + 1
    return "%s, %s to %s" % (often, first, last[day:] if last[:day] == first[:day] else last)


def sentence(seen: Observation) -> str:
    """``the job said: timed out, 14 times, last 2026-11-23T03:12:44``."""
    facts = seen.facts
    number = int(facts.get("count", 1))
    text = "the job said: %s, %s" % (
        error_words(str(facts.get("error", "")), str(facts.get("phase", ""))),
        "once" if number == 1 else count(number, "time"),
    )
    last = facts.get("last")
    return "%s, last %s" % (text, last) if last else text
