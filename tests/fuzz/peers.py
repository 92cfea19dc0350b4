"""Servers on loopback that say whatever bytes say, in pieces and with any end; and the loop in which one talks to them.

Bytes are a conversation: how it ends, how it is cut into pieces, whether a socket is between, and then the turns,
parted by TURN. The first turn is said unasked, each later one when the client has spoken.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from random import Random
from typing import Any

from attrs import frozen

from probes.network import Network
from probes.stream import Stream
from tests.probes.service_cases import END, RESET, SILENCE, Peer

HERE = "127.0.0.1"
TURN = b"\xf0TURN\xf1"
# The last turn goes on and on until the client leaves.
CLOSES, SILENT, RESETS, ENDLESS = range(4)
_WHOLE, _TWO, _BYTES, _PIECES = range(4)
# Without a socket between: ten times as many a second.
_NEAR = 0x10
_MOST_PIECES = 64
# Seconds that a step has: the usual ones are for networks that are far away.
PATIENCE = 0.015


@frozen
class Conversation:
    """What a peer says: the pieces of each turn, and how it ends."""

    turns: tuple[tuple[bytes, ...], ...]
    end: int
    near: bool

    @classmethod
    def of(cls, data: bytes) -> "Conversation":
        """Any bytes are one."""
        how, seed, rest = data[:1] or b"\0", data[1:2], data[2:]
        random = Random(seed)
        turns = tuple(tuple(_pieces(turn, how[0] >> 2 & 3, random)) for turn in rest.split(TURN))
        return cls(turns, how[0] & 3, bool(how[0] & _NEAR))


def conversation(*turns: bytes, end: int = CLOSES, near: bool = False) -> bytes:
    """The bytes of one."""
    return bytes((end | _NEAR * near, 0)) + TURN.join(turns)


def _pieces(turn: bytes, cut: int, random: Random) -> Iterator[bytes]:
    if cut == _WHOLE or not turn:
        marks: Sequence[int] = ()
    elif cut == _BYTES:
        marks = range(1, min(len(turn), _MOST_PIECES))
    else:
        marks = sorted(random.randrange(len(turn)) for _ in range(1 if cut == _TWO else random.randrange(_MOST_PIECES)))
    return (turn[start:end] for start, end in zip((0, *marks), (*marks, len(turn)), strict=True) if start < end)


class Loop:
    """An event loop with the real network in it, for one run after the other."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()

    def run(self, work: Callable[[Network], Coroutine[Any, Any, Any]]) -> Any:
        """What the work gives; whatever it leaves running is ended."""
        try:
            return self._loop.run_until_complete(self._within(work))
        except BaseException:
            # It may have been left anywhere.
            self.close()
            self._loop = asyncio.new_event_loop()
            raise

    async def _within(self, work: Callable[[Network], Awaitable[Any]]) -> Any:
        unseen: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
        network = Network()
        try:
            result = await work(network)
        finally:
            network.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        for context in unseen:
            if isinstance(context.get("exception"), asyncio.CancelledError):  # of a server's task, which we have ended
                continue
            raise context.get("exception") or RuntimeError(context["message"])
        return result

    def close(self) -> None:
        """Nothing of it goes on."""
        with contextlib.suppress(Exception):
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


@contextlib.asynccontextmanager
async def connected(network: Network, said: Conversation) -> AsyncIterator[Stream]:
    """A stream to a peer that has this conversation."""
    if said.near:
        yield Peer(*said.turns, then={CLOSES: END, RESETS: RESET}.get(said.end, SILENCE))
        return
    async with listening(said) as port:
        opened = await network.connect_to(HERE, port, 5.0, "t")
        assert opened.stream is not None, opened.handshake
        try:
            yield opened.stream
        finally:
            await opened.stream.close()


@contextlib.asynccontextmanager
async def listening(said: Conversation) -> AsyncIterator[int]:
    """The port of a peer that has this conversation with whoever comes."""
    loop = asyncio.get_running_loop()
    with socket.create_server((HERE, 0)) as server:
        server.setblocking(False)

        async def serve() -> None:
            while True:
                client, _ = await loop.sock_accept(server)
                tasks.append(asyncio.ensure_future(_talk(client, said)))

        async with meanwhile(serve()) as tasks:
            yield server.getsockname()[1]


@contextlib.asynccontextmanager
async def meanwhile(*work: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Future[None]]]:
    """The work goes on beside the block, with what is added to it, and ends with it."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _talk(client: socket.socket, said: Conversation) -> None:
    loop = asyncio.get_running_loop()
    client.setblocking(False)
    with client, contextlib.suppress(OSError):
        for number, pieces in enumerate(said.turns):
            if number and not await loop.sock_recv(client, 65536):
                return
            for piece in pieces:
                await loop.sock_sendall(client, piece)
                await asyncio.sleep(0)  # the client may read it by itself
        if said.end == ENDLESS:
            again = b"".join(said.turns[-1]) or b"\0"
            while True:
                await loop.sock_sendall(client, again)
                await asyncio.sleep(0)
        if said.end == RESETS:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        if said.end == CLOSES:
            client.shutdown(socket.SHUT_WR)
        while await loop.sock_recv(client, 65536):
            pass
