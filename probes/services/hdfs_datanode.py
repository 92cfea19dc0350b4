"""An HDFS DataNode: a request for shared memory, which it declines over TCP.

Source: Hadoop's DataTransferProtocol, version 28: the version (two bytes), an operation (one), a protobuf message
behind its length. REQUEST_SHORT_CIRCUIT_SHM (Hadoop 2.4 and later) names no block and no token. Over anything but a
UNIX domain socket DataXceiver.requestShortCircuitShm answers ERROR_INVALID with a text, opens nothing, logs one line.

A DataNode that wants SASL reads four bytes, which are not its magic number, and closes. So these go first, for it would
reset if there were more to read. One that is older closes behind the whole request.
"""

from probes.services.link import Link
from reports.failures import Failed, Failure

_VERSION, _REQUEST_SHORT_CIRCUIT_SHM = b"\0\x1c", b"\x59"
_CLIENT_NAME = b"\x0a\x0alinkdoctor"  # field 1, ten bytes: for the log alone
_REQUEST = _VERSION + _REQUEST_SHORT_CIRCUIT_SHM + bytes((len(_CLIENT_NAME),)) + _CLIENT_NAME
_MAGIC_NUMBER = 4

_STATUS = b"\x08"  # field 1, behind a length of one or two bytes
_DECLINED = b"over a UNIX domain socket"
_LONGEST_ANSWER = 1024


async def speak(link: Link) -> None:
    """The refusal is the answer. One that closes without a byte may want SASL: that proves the connection alone."""
    try:
        await link.say(_REQUEST[:_MAGIC_NUMBER])
        await link.listen(link.window)
        await link.say(_REQUEST[_MAGIC_NUMBER:])
        first = await link.exactly(3)
    except EOFError:
        if link.heard:
            raise
        link.note("answers", False)
        return
    if _STATUS not in first[1:]:
        raise Failed(Failure.WRONG_PROTOCOL, "no answer of a DataNode")
    await link.until(_DECLINED, _LONGEST_ANSWER)
