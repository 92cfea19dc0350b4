"""Where the servers of the demonstration live: their sockets, and the thread in which they work."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Protocol, Self

from attrs import frozen

from agent.demo.behaviours import Behaviour

_MOST_TRIES = 16


class Server(Protocol):
    """Something that answers."""

    async def start(self, begun: ExitStack) -> None:
        """Begin, on the running loop, and leave on the stack how to end."""


@frozen
class Place:
    """A port at two addresses: a server at the first, if anybody, and nobody at the second.

    Both are held, so that no stranger is met there.
    """

    behaviour: Behaviour | None
    tls: ssl.SSLContext | None
    here: socket.socket
    gone: socket.socket

    @classmethod
    def at(cls, here: str, gone: str, behaviour: Behaviour | None, tls: ssl.SSLContext | None) -> Self:
        """A place at a port that is free at both addresses."""
        return cls(behaviour, tls, *pair((here, socket.SOCK_STREAM), (gone, socket.SOCK_STREAM)))

    @property
    def port(self) -> int:
        """The port at both addresses."""
        return int(self.here.getsockname()[1])

    async def start(self, begun: ExitStack) -> None:
        """See Server."""
        if self.behaviour is not None:
            server = await asyncio.start_server(client_of(self.behaviour), sock=self.here, ssl=self.tls)
            begun.callback(server.close)

    def close(self) -> None:
        """Give the port back."""
        self.here.close()
        self.gone.close()


def pair(*kinds: tuple[str, int]) -> list[socket.socket]:
    """Sockets bound to one port that is free for each address and type."""
    for _ in range(_MOST_TRIES):
        with ExitStack() as bound:
            port = 0
            sockets = []
            try:
                for ip, kind in kinds:
                    sock = bound.enter_context(socket.socket(socket.AF_INET, kind))
                    sock.bind((ip, port))
                    port = sock.getsockname()[1]
                    sockets.append(sock)
            except OSError:
                continue
            bound.pop_all()
            return sockets
    raise OSError("no port is free for all of them")


@contextmanager
def serving(*servers: Server) -> Iterator[None]:
    """The servers work until the block ends, on a loop of their own in a thread of their own.

    The probes measure on another loop, which must not wait for them.
    """
    with asyncio.Runner() as runner:
        loop, begun = runner.get_loop(), ExitStack()
        thread = threading.Thread(target=loop.run_forever, name="demo", daemon=True)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(_start(servers, begun), loop).result()
            yield
        finally:
            loop.call_soon_threadsafe(begun.close)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()


async def _start(servers: Iterable[Server], begun: ExitStack) -> None:
    for server in servers:
        await server.start(begun)


def client_of(behave: Behaviour) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
    """What asyncio.start_server calls: the behaviour towards one client, which may hang up at any time.

    No coroutine: of one that the end of the loop cancels, Python 3.11 prints an error.
    """
    clients: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError):
            await behave(reader, writer)

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        clients.add(task)
        task.add_done_callback(clients.discard)
        # Also of a task that is cancelled before it has begun.
        task.add_done_callback(lambda _: writer.close())

    return begin
