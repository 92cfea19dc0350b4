"""When a line was written: the moment as the log has it, and in ISO 8601 where its form is known.

A log says no time zone, or its own: the ISO form is that of the log's own clock.
"""

import re

from attrs import frozen

# Each begins a line: log4j, logback, Python's logging, ISO 8601; Spark's own; Go; java.util.logging; syslog; a time.
_ISO = r"(?P<iso>\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)"
_SHORT = r"(?P<short>\d\d/\d\d/\d\d \d\d:\d\d:\d\d)"
_SYSLOG = r"(?P<syslog>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)"
_JUL = r"(?P<jul>[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M)"
_CLOCK = r"(?P<clock>\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)(?= )"
_LEVEL = r"(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL|SEVERE)"

# Some collectors stamp each line, also those of a stack trace, which go on with the record all the same.
_COLLECTOR = r"(?:std(?:out|err) [FP] |\]: )"
_GOES_ON = r"(?:\s+at |Caused by: |Suppressed: |\s*\.\.\. \d+ |  File )"
_STAMPED = rf"(?![^\n]{{0,120}}?{_COLLECTOR}{_GOES_ON})"
HEADER = re.compile(
    rf"\[?(?:{_ISO}|{_SHORT}|{_SYSLOG}|{_JUL}|{_CLOCK}){_STAMPED}|(?P<level>{_LEVEL})\b[:\[ ]"
    rf"(?:[^\n]{{0,40}}?{_ISO.replace('?P<iso>', '?P<later>')})?"
)
STAMP = re.compile(rf"[A-Z\d][^\n]{{0,150}}?{_COLLECTOR}(?={_GOES_ON})".encode())
HEADER_BYTES = re.compile(HEADER.pattern.encode())


@frozen
class Moment:
    """``text`` as the log has it; ``iso`` to compare and compute with, empty where the form does not tell the day."""

    text: str
    iso: str = ""


NEVER = Moment("")


def moment_of(line: str) -> Moment:
    """The moment with which a line begins; NEVER where it begins with none."""
    header = HEADER.match(line)
    if header is None:
        return NEVER
    iso = header["iso"] or header["later"]
    if iso:
        return Moment(iso, iso.replace("/", "-").replace(" ", "T").replace(",", "."))
    if header["short"]:
        year, month, day = header["short"][:8].split("/")
        return Moment(header["short"], f"20{year}-{month}-{day}T{header['short'][9:]}")
    other = header["syslog"] or header["jul"] or header["clock"]
    return Moment(other) if other else NEVER
