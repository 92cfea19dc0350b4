"""``/api/events``: what happens, as it happens (server-sent events; WHATWG HTML, 9.2)."""

import asyncio
from contextlib import suppress
from typing import Any

from aiohttp import web

from agent.server.gate import said
from agent.server.sending import encoded

MOST_LISTENERS = 128
# Events that wait for one listener; whoever is further behind is let go, and comes again.
_MOST_WAITING = 256
# Seconds of silence until a listener is told that all is well, and after which it should come again.
_HEARTBEAT = 15.0
_AGAIN_MS = 3000


class Events:
    """Tells every listener what happens. Each event has a number; what was missed is in /api/state."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[bytes | None]] = set()
        self._number = 0

    def tell(self, word: str, facts: dict[str, Any]) -> None:
        """To all of them."""
        if not self._listeners:
            return
        self._number += 1
        event = b"id: %d\nevent: %s\ndata: %s\n\n" % (self._number, word.encode(), encoded(facts))
        for listener in list(self._listeners):
            if listener.full():
                self._listeners.discard(listener)
                listener.get_nowait()
                listener.put_nowait(None)
            else:
                listener.put_nowait(event)

    def close(self) -> None:
        """Let all of them go."""
        for listener in list(self._listeners):
            with suppress(asyncio.QueueFull):
                listener.put_nowait(None)
        self._listeners.clear()

    async def get(self, request: web.Request) -> web.StreamResponse:
        """The route."""
        if len(self._listeners) >= MOST_LISTENERS:
            return said(503, f"{MOST_LISTENERS} are listening already", {"Retry-After": "30"})
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        listener: asyncio.Queue[bytes | None] = asyncio.Queue(_MOST_WAITING)
        self._listeners.add(listener)
        try:
            await answer.prepare(request)
            await answer.write(b"retry: %d\n\n" % _AGAIN_MS)
            while True:
                try:
                    async with asyncio.timeout(_HEARTBEAT):
                        event = await listener.get()
                except TimeoutError:
                    event = b": still here\n\n"
                if event is None:
                    break
                async with asyncio.timeout(_HEARTBEAT):
                    await answer.write(event)
        except (ConnectionError, TimeoutError):
            pass  # gone, or it does not read
        finally:
            self._listeners.discard(listener)
        answer.force_close()
        return answer
