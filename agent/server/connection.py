"""Connections: few enough, and none that takes its time. Whoever sends no whole request soon makes room for others."""

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import web

from agent.schedule.log import Log
from probes.local import descriptor_limit

# Requests are counted, not logged.
_ACCESS = logging.getLogger("linkdoctor.access")
# Connections at once, and the part of all descriptors that they may take: the others are for probes. Beyond, one that
# waits for its request is closed for each that comes.
MOST_CONNECTIONS = 2048
_PART_OF_DESCRIPTORS = 4
# Seconds for the head of a request to arrive, from its first byte or the connection's beginning on.
RECEIVE_WITHIN = 10.0
# Seconds for which a connection without a request is kept.
_IDLE = 75.0
_TLS_HANDSHAKE = 10.0
# Bytes of a request's line, and of each header.
_LONGEST_LINE = 8190
_MOST_HEADERS = 64
# Where no descriptor is left: seconds until it is tried again.
_SHORT_OF_DESCRIPTORS = 0.2
# What is said where a machine has no IPv6: of a socket, of an address.
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class Connection(web.RequestHandler):
    """One of them, which stands ``among`` the others as long as it is open.

    Answers that nobody's handler made tell no version and no more than their status.
    """

    __slots__ = ("_among", "_late", "busy")

    def __init__(self, server: web.Server, loop: asyncio.AbstractEventLoop, among: "dict[Connection, None]") -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=_ACCESS,
            keepalive_timeout=_IDLE,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
            max_headers=_MOST_HEADERS,
            lingering_time=1.0,
            auto_decompress=False,  # no body is read
        )
        self.busy = False
        self._among = among
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there: its request is waited for."""
        self._among[self] = None
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Some of a request, or all of it."""
        if self._late is None and not self.busy:
            self._expect()
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is over."""
        self._among.pop(self, None)
        self._forget()
        super().connection_lost(exc)

    def begun(self) -> None:
        """A whole request is here, and is answered."""
        self.busy = True
        self._forget()

    def ended(self) -> None:
        """It is answered."""
        self.busy = False

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is no HTTP, or an error of ours: its status alone. What a client wrote stands in no answer."""
        del message
        if isinstance(exc, UnicodeEncodeError):
            status = 400  # where no route is, aiohttp tells an Expect back that cannot be told
        if status >= 500:
            return super().handle_error(request, status, exc)
        answer = web.Response(status=status, text=f"{status}: this is no request that can be answered\n")
        answer.headers["Server"] = "linkdoctor"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.force_close()
        return answer

    def _expect(self) -> None:
        self._late = asyncio.get_running_loop().call_later(RECEIVE_WITHIN, self._too_late)

    def _forget(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _too_late(self) -> None:
        self._late = None
        if not self.busy:
            self.force_close()


class Listener:
    """Accepts connections at some addresses, and hands each to a Connection.

    ``secure``: gives the TLS context for a new connection; None where there is none.
    """

    def __init__(self, server: web.Server, secure: Callable[[], ssl.SSLContext | None], log: Log) -> None:
        self._server = server
        self._secure = secure
        self._log = log
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._open: dict[Connection, None] = {}  # the oldest first
        self._beginning: dict[asyncio.Task[Any], None] = {}
        self.most = min(MOST_CONNECTIONS, (descriptor_limit() or MOST_CONNECTIONS) // _PART_OF_DESCRIPTORS)
        self.turned_away = 0

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._open) + len(self._beginning)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens."""
        return [sock.getsockname()[:2] for sock in self._sockets]

    def listen(self, sock: socket.socket) -> None:
        """Accept from this one too."""
        sock.setblocking(False)
        self._sockets.append(sock)
        self._spawn(self._accept(sock))

    async def close(self) -> None:
        """Accept no more."""
        for sock in self._sockets:
            sock.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        trouble = ""
        while True:
            try:
                client, _ = await loop.sock_accept(sock)
            except OSError as error:
                # ECONNABORTED, or no descriptor: accept(2). Said once: it may last, and is tried often.
                if trouble != (trouble := error.strerror or str(error)):
                    self._log("no connection can be accepted", level="warning", reason=trouble)
                await asyncio.sleep(_SHORT_OF_DESCRIPTORS)
                continue
            if trouble:
                self._log("connections are accepted again")
            trouble = ""
            if self.connections >= self.most and not self._make_room():
                self.turned_away += 1
                client.close()
                continue
            begun = self._spawn(self._begin(client))
            self._beginning[begun] = None
            begun.add_done_callback(lambda task: self._beginning.pop(task, None))
            await asyncio.sleep(0)  # however many come, those that are there get their turn

    async def _begin(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        context = self._secure()
        try:
            await loop.connect_accepted_socket(
                lambda: Connection(self._server, loop, self._open),
                client,
                ssl=context,
                ssl_handshake_timeout=_TLS_HANDSHAKE if context is not None else None,
            )
        except (OSError, asyncio.CancelledError):
            client.close()  # no TLS, not soon enough, or others need the room

    def _make_room(self) -> bool:
        """Close the oldest connection without a request under way, or else without TLS yet; whether there is one."""
        idle = next((one for one in self._open if not one.busy), None)
        if idle is not None:
            del self._open[idle]
            idle.force_close()
            return True
        begun = next(iter(self._beginning), None)
        if begun is not None:
            del self._beginning[begun]
            begun.cancel()
        return begun is not None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def bound(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen at all addresses of the host; "" is every address. Raises OSError.

    IPv6 addresses are left out where this machine has no IPv6, as long as there are others.
    """
    found = socket.getaddrinfo(host or None, port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)
    without: OSError | None = None
    with contextlib.ExitStack() as undo:
        sockets = []
        for family, kind, protocol, _, address in dict.fromkeys(found):
            try:
                sockets.append(undo.enter_context(_listening(family, kind, protocol, address)))
            except OSError as error:
                if family != socket.AF_INET6 or error.errno not in _NO_IPV6:
                    raise
                without = error
        if without is not None and not sockets:
            raise without
        undo.pop_all()
    return sockets


def _listening(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    with contextlib.ExitStack() as undo:
        sock = undo.enter_context(socket.socket(family, kind | socket.SOCK_CLOEXEC, protocol))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(1024)
        undo.pop_all()
    return sock
