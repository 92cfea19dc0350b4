"""Redis and its kin: PING, then QUIT.

Source: the Redis serialization protocol (RESP): a request is an array of bulk strings; an answer begins with ``+``
(fine) or ``-`` (an error, whose first word is its code). Some errors come unasked, as soon as the server has accepted.
"""

import re
from typing import Pattern, Tuple

from probes.services.link import Link
from reports.failures import Failed, Failure
from reports.recognise import printable

_PING = b"*1\r\n$4\r\nPING\r\n"
_QUIT = b"*1\r\n$4\r\nQUIT\r\n"
_LONGEST_LINE = 4096  # the text about protected mode alone has over a thousand characters

# Errors that turn the client away. Any other (NOAUTH, LOADING, BUSY, MASTERDOWN, ...) shows that the server lives.
_FAILURES: Tuple[Tuple[Pattern[str], Failure], ...] = (
    (re.compile(r"ERR illegal address"), Failure.CLIENT_DENIED),  # the whitelist of Redis and Tair in the cloud
    (re.compile(r"DENIED "), Failure.CLIENT_DENIED),  # protected mode
    (re.compile(r"ERR max number of clients"), Failure.TOO_MANY_CONNECTIONS),
)

# "ERR illegal address" may be followed by the address that the server saw.
_ADDRESS = re.compile(r"illegal address\W+([0-9a-fA-F.:]*[0-9a-fA-F])")


async def speak(link: Link) -> None:
    """One PING; an error that came before it is the answer."""
    if not link.heard:
        await link.say(_PING)
    line = (await link.until(b"\n", _LONGEST_LINE)).rstrip()
    if line[:1] == b"-":
        _note_error(link, line[1:])
    elif line[:1] != b"+":
        raise Failed(Failure.WRONG_PROTOCOL, "no answer of Redis")
    await link.leave(_QUIT)


def _note_error(link: Link, line: bytes) -> None:
    link.error(printable(line.split(b" ")[0], 32), line)
    text = line.decode("utf-8", "replace")
    for pattern, failure in _FAILURES:
        if pattern.match(text):
            link.fail(failure)
    seen = _ADDRESS.search(text)
    if seen:
        link.note("sees_client", seen.group(1))
