"""How the servers of the demonstration behave towards one client, which may hang up at any time."""

import asyncio
import struct
from collections.abc import Callable, Coroutine

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]

_END_OF_HEAD = b"\r\n\r\n"
_CHUNK = 4096


# --- that work -------------------------------------------------------------------------------------------------------


def http(status: str, body: str = "") -> Behaviour:
    """One request, one answer."""
    head = f"HTTP/1.1 {status}\r\nServer: demo\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    answer = f"{head}Connection: close{_END_OF_HEAD.decode()}{body}".encode()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(_END_OF_HEAD)
        writer.write(answer)
        await writer.drain()

    return behave


async def redis(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """PING is answered; whatever else comes ends the connection."""
    ping = b"*1\r\n$4\r\nPING\r\n"
    while await reader.readexactly(len(ping)) == ping:
        writer.write(b"+PONG\r\n")


async def hive_metastore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """``getStatus`` gives ALIVE (2), in Thrift's strict binary protocol."""
    _, length = struct.unpack(">II", await reader.readexactly(8))
    method, sequence = await reader.readexactly(length), await reader.readexactly(4)
    writer.write(struct.pack(">II", 0x80010002, length) + method + sequence)
    writer.write(b"\x08\0\0" + struct.pack(">I", 2) + b"\0")
    await until_closed(reader, writer)


async def until_closed(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Listen and say nothing: right where the client has to begin, and a hang everywhere else."""
    while await reader.read(_CHUNK):
        pass


# --- that do not -----------------------------------------------------------------------------------------------------


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The end in place of the first byte."""
    writer.write_eof()
    # Closed with something unread, a connection ends in a reset instead.
    await until_closed(reader, writer)


async def ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that nobody expects behind a database's address."""
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    await until_closed(reader, writer)


async def mysql_blocked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Error 1129 in place of the greeting."""
    client = writer.get_extra_info("peername")[0]
    words = f"Host '{client}' is blocked because of many connection errors; unblock with 'mysqladmin flush-hosts'"
    error = b"\xff" + struct.pack("<H", 1129) + words.encode()
    writer.write(len(error).to_bytes(3, "little") + b"\0" + error)
    await until_closed(reader, writer)
