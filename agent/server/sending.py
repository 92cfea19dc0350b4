"""How an answer is sent: in pieces, so that whoever reads slowly costs a piece and not the whole, and not for long."""

import asyncio
import json
import zlib
from collections.abc import Mapping
from typing import Any

from aiohttp import web

_PIECE = 1 << 16
# Seconds for each piece, and for all of them.
_PATIENCE = 20.0
_IN_ALL = 120.0
# Smaller answers are not worth packing; the level is the one that costs least.
_WORTH_PACKING = 1 << 12
_LEVEL = 1
_GZIP = 31  # zlib's number for the format of gzip


async def send(
    request: web.Request, body: bytes, kind: str, *, packed: bool = False, also: Mapping[str, str] | None = None
) -> web.StreamResponse:
    """Answer with the body. ``packed``: it is gzip's; ``also``: more headers."""
    headers = {"Content-Type": kind, "Vary": "Accept, Accept-Encoding", **(also or {})}
    if packed:
        headers["Content-Encoding"] = "gzip"
    if len(body) <= _PIECE:
        return web.Response(body=body, headers=headers)
    answer = web.StreamResponse(headers=headers)
    answer.content_length = len(body)
    await answer.prepare(request)
    view = memoryview(body)
    try:
        async with asyncio.timeout(_IN_ALL):
            for place in range(0, len(view), _PIECE):
                async with asyncio.timeout(_PATIENCE):
                    await answer.write(bytes(view[place : place + _PIECE]))
            await answer.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the client reads too slowly") from None
    return answer


async def send_json(request: web.Request, body: bytes) -> web.StreamResponse:
    """Answer with a JSON text, packed where that is worth it and wanted."""
    wanted = wants_gzip(request) and len(body) >= _WORTH_PACKING
    if wanted:
        body = await asyncio.to_thread(gzip, body)
    return await send(request, body, "application/json; charset=utf-8", packed=wanted)


def encoded(value: Any) -> bytes:
    """The JSON text of a value."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()


def gzip(body: bytes) -> bytes:
    """The body, packed; several of them after each other are one."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()


def wants_gzip(request: web.Request) -> bool:
    """Whether the client takes gzip (RFC 9110, 12.5.3; a weight of 0 is a no)."""
    for entry in request.headers.get("Accept-Encoding", "").lower().split(","):
        name, _, weight = entry.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
