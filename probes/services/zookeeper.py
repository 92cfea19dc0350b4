"""ZooKeeper: the four-letter word ``srvr``.

Source: ZooKeeper Administrator's Guide, The Four Letter Words. The answer is text, and the server closes behind it. A
word that is not on the server's list (4lw.commands.whitelist) is refused in text, which is an answer as well.
"""

import re

from probes.services.link import Link
from reports.failures import Failed, Failure
from reports.recognise import printable

_WORD = b"srvr"
_LONGEST_ANSWER = 4096

_VERSION = re.compile(rb"Zookeeper version: ([^\s,]{1,64})")
_REFUSED = re.compile(rb"srvr is not executed because[^\n]*")
_NOT_SERVING = re.compile(rb"This ZooKeeper instance is not[^\n]*")


async def speak(link: Link) -> None:
    """The version; or in what words the server declines."""
    await link.say(_WORD)
    answer = await link.to_end(_LONGEST_ANSWER)
    version = _VERSION.match(answer)
    declined = _REFUSED.match(answer) or _NOT_SERVING.match(answer)
    if version:
        link.note("version", printable(version.group(1), 64))
    elif declined:
        link.note("message", printable(declined.group(), _LONGEST_ANSWER))
        if declined.re is _NOT_SERVING:
            link.fail(Failure.SERVICE_ERROR)
    else:
        raise Failed(Failure.WRONG_PROTOCOL, "no answer of ZooKeeper")
