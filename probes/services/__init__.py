"""The service probe: the harmless first exchange of each service, one file a protocol.

Adding a service is a module here with ``async def speak(link: Link) -> None`` and a row in reports/services.py. It
asks what changes nothing, notes what it learnt, and calls ``link.fail`` where the service's own answer is a failure.
An error in the service's own protocol is an answer, unless it says that this client, or every client, is turned away.
"""

import asyncio
import contextlib
import importlib
from types import ModuleType
from typing import Awaitable, Optional

from probes.contract import Ask, Notes
from probes.services.link import Link
from probes.stream import Stream, unheard
from reports.failures import Failed, Failure
from reports.services import SERVICES, TCP_ONLY, service_at

_MYSQL = "mysql"

# How long a peer may take to speak first, or to turn us away: a reset after accept(2) needs one round trip.
_WINDOW = 0.05
_ROUND_TRIPS = 3

# What a cancelled run still waits for a MySQL handshake to be finished. Seconds.
_GRACE = 2.0


async def exchange(ask: Ask, stream: Stream, notes: Notes, rtt_s: float = 0.0) -> None:
    """Speak the target's service over a connected stream within ``ask.timeout`` seconds, and write down what came.

    One observation, probe ``service``, step ``exchange``; the caller closes the stream. ``rtt_s`` is the round-trip
    time of the connection, where it is known: the peer is given three of them (at least 50 ms) to speak first, so that
    one that turns us away at once is told from one that does so at our first bytes, and another service is known by
    its greeting.

    Whoever greets as MySQL gets a finished handshake, also when the task is cancelled meanwhile: an interrupted one
    counts against the client's host (max_connect_errors).
    """
    declared = SERVICES[ask.target.service].exchange
    with notes.step("service", "exchange", ask) as step, unheard(step, stream):
        step.note("service", ask.target.service)
        link = Link(stream, step, ask.timeout, max(_WINDOW, _ROUND_TRIPS * rtt_s))
        try:
            await _converse(ask, link, declared)
            # A DataNode may close without a word, and prove no more than a port that is not asked.
            if declared != TCP_ONLY and link.heard:
                link.note("spoke", ask.target.service)
        except Failed as failed:
            if failed.failure is Failure.WRONG_PROTOCOL:
                # A few bytes were enough to see what it is not; a few more may tell what it is.
                await link.listen(_WINDOW)
                link.quote()
            raise
        except (EOFError, OSError, asyncio.TimeoutError):
            # Who spoke says more than how it ended.
            if declared != TCP_ONLY and link.spoke not in ("", declared):
                link.quote()
                raise _stranger(link) from None
            raise
        finally:
            link.report()


async def begin_mysql(ask: Ask, stream: Stream, notes: Notes) -> Optional[int]:
    """Hear MySQL's greeting and leave its handshake unfinished for now: what ``finish_mysql`` needs, or None.

    The server waits for connect_timeout (10 s by default), and counts who never finishes. So one that is cancelled
    meanwhile is finished first.
    """
    with notes.step("service", "exchange", ask) as step:
        link = Link(stream, step, ask.timeout)
        greeting: asyncio.Future[Optional[int]] = asyncio.ensure_future(_module(_MYSQL).greeting(link))
        try:
            return await asyncio.shield(greeting)
        except asyncio.CancelledError:
            with contextlib.suppress(OSError, EOFError, asyncio.TimeoutError, Failed):
                await asyncio.wait_for(_finish_after(greeting, link), _GRACE)
            raise
    return None


async def _finish_after(greeting: "asyncio.Future[Optional[int]]", link: Link) -> None:
    number = await greeting
    if number is not None:
        await _module(_MYSQL).finish(link, number)


async def finish_mysql(ask: Ask, stream: Stream, number: int) -> None:
    """Finish the handshake that ``begin_mysql`` began."""
    with Notes().step("service", "exchange", ask) as step:
        await _uninterrupted(_module(_MYSQL).finish(Link(stream, step, ask.timeout), number))


async def _converse(ask: Ask, link: Link, declared: str) -> None:
    if declared == _MYSQL:
        await _uninterrupted(_module(_MYSQL).speak(link))
        return
    if service_at(ask.port) == _MYSQL:
        # A server that looks up our name first greets late, and our closing before would count.
        await _uninterrupted(_hear(link, ask.timeout if declared == TCP_ONLY else ask.timeout / 2))
    else:
        await _hear(link, link.window)
    if declared == TCP_ONLY:
        if not link.heard:
            link.note("answers", False)
        return
    if link.heard and link.spoke != declared:
        raise _stranger(link)
    await _module(declared).speak(link)


async def _hear(link: Link, window: float) -> None:
    """What the peer says unasked. A MySQL handshake that it begins is finished, whatever was declared."""
    await link.listen(window)
    if link.spoke == _MYSQL:
        await _uninterrupted(_module(_MYSQL).speak(link))


async def _uninterrupted(work: Awaitable[None]) -> None:
    """Do the work; a cancellation waits until it is done, or for the grace."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_GRACE)
        raise
    finally:
        if not task.done():
            task.cancel()
            # The caller closes the stream as soon as we are gone.
            await asyncio.wait({task})
        if not task.cancelled():
            # Seen, so that the loop does not complain of a failure that the cancellation made pointless.
            task.exception()


def _stranger(link: Link) -> Failed:
    return Failed(Failure.WRONG_PROTOCOL, "%s answers" % (link.spoke or "an unknown protocol"))


def _module(name: str) -> ModuleType:
    return importlib.import_module("probes.services." + name)
