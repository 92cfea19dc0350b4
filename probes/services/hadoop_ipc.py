"""Hadoop's IPC port (NameNode and others): an HTTP request, which it answers in words of its own.

Source: org.apache.hadoop.ipc.Server, RECEIVED_HTTP_REQ_RESPONSE: a connection that begins with ``GET `` gets a small
HTTP answer that says that this is no web server, and is closed. Nothing reaches the name space.
"""

from probes.services.link import Link
from reports.failures import Failed, Failure

_REQUEST = b"GET / HTTP/1.0\r\n\r\n"
_LONGEST_ANSWER = 4096


async def speak(link: Link) -> None:
    """The sentence is the answer; any other HTTP comes from a web server."""
    await link.say(_REQUEST)
    await link.to_end(_LONGEST_ANSWER)
    if link.spoke != "hadoop_ipc":
        raise Failed(Failure.WRONG_PROTOCOL, "no answer of a Hadoop IPC port")
