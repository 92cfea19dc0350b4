"""``/metrics``: lines that are ready since the last run ended; a scrape only joins them."""

import asyncio

from aiohttp import web

from agent.schedule import Schedule
from agent.server.own import Own
from agent.server.sending import gzip, send, wants_gzip
from reports.metrics import OPENMETRICS_TYPE, TEXT_TYPE

_OPENMETRICS = "application/openmetrics-text"


class Metrics:
    """The route."""

    def __init__(self, schedule: Schedule, own: Own) -> None:
        self._schedule = schedule
        self._own = own
        self._texts: dict[bool, tuple[int, bytes]] = {}
        self._packed: dict[bool, tuple[int, asyncio.Future[bytes]]] = {}

    async def get(self, request: web.Request) -> web.StreamResponse:
        """All metrics, in the format that is wanted."""
        is_openmetrics = _OPENMETRICS in request.headers.get("Accept", "")
        kind = OPENMETRICS_TYPE if is_openmetrics else TEXT_TYPE
        version, text = self._text(is_openmetrics)
        own = self._own.text(is_openmetrics=is_openmetrics)
        if not wants_gzip(request):
            return await send(request, text + own, kind)
        packed = await self._pack(version, text, is_openmetrics)
        return await send(request, packed + gzip(own), kind, packed=True)

    def _text(self, is_openmetrics: bool) -> tuple[int, bytes]:
        """The plans' metrics, and of which version; made once a version."""
        known = self._texts.get(is_openmetrics)
        if known is None or known[0] != self._schedule.version:
            known = self._schedule.version, self._schedule.tally.text(openmetrics=is_openmetrics, last=False)
            self._texts[is_openmetrics] = known
        return known

    async def _pack(self, version: int, text: bytes, is_openmetrics: bool) -> bytes:
        """The same packed, once a version, on a thread: zlib lets others go on."""
        known = self._packed.get(is_openmetrics)
        if known is None or known[0] != version:
            known = version, asyncio.ensure_future(asyncio.to_thread(gzip, text))
            self._packed[is_openmetrics] = known
        return await asyncio.shield(known[1])
