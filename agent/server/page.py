"""``/``: what a person sees, and what changes of it while he looks. docs/page.md.

Nothing is drawn while nobody looks, and everything once for all who do, beside the event loop.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from aiohttp import web

from agent.schedule import Schedule
from agent.schedule.state import PlanState, TargetState
from agent.schedule.watch import Watch
from agent.server.asking import Bad, text_of
from agent.server.gate import said
from agent.server.sending import gzip, send, wants_gzip
from agent.store import DAY, AsyncStore, Store, StoreError
from reports.history import Event, Standing, Strips
from reports.model import Report
from reports.render.html import LivePage, Shown, State, policy
from reports.words import seconds

_RUN_ID = re.compile(r"r-[0-9a-f]{1,40}")
_KEY = re.compile(r"t-[0-9a-f]{12}")
_VERSION = re.compile(r"\d{1,15}")

MOST_LISTENERS = 128
# What is so old, in seconds, is drawn anew for whoever comes; strips move by hours.
_FRESH, _STRIPS_FRESH = 5.0, 60.0
# After a run: until it is kept, and others have ended.
_SETTLES = 0.3
_HEARTBEAT = 15.0
_AGAIN_MS = 3000
_PIECE = 1 << 16
# Of pages of different ages.
_MOST_PATCHES = 8

_STRIPS_OVER, _CELLS, _MOST_EVENTS = 30 * DAY, 60, 50
# Seconds by which the event loop may come late until it is said.
_LATE = 0.25


class Page:
    """The routes."""

    def __init__(self, schedule: Schedule, store: AsyncStore) -> None:
        self._schedule = schedule
        self._store = store
        self._live = LivePage()
        self._drawing: tuple[int, float, asyncio.Task[None]] | None = None
        self._earlier: dict[str, Report | None] = {}
        self._strips: dict[str, tuple[float, Strips]] = {}
        self._patches: dict[int, bytes] = {}
        self._listeners: dict[asyncio.Event, str] = {}
        self._heard = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None
        self._closed = False
        schedule.listen(self._hear)

    async def index(self, request: web.Request) -> web.StreamResponse:
        """The page as it is now."""
        await self._fresh()
        return await self._answer(request, self._live.html)

    async def target(self, request: web.Request) -> web.StreamResponse:
        """What is known of one target."""
        key = text_of(request, "key") or ""
        if not _KEY.fullmatch(key):
            raise Bad("key is the id of a target's row in the page")
        await self._fresh()
        return await self._answer(request, partial(self._live.target, key))

    async def run(self, request: web.Request) -> web.StreamResponse:
        """A run that is kept."""
        run = request.match_info["run"]
        report = await self._store.ask(Store.report, run) if _RUN_ID.fullmatch(run) else None
        if report is None:
            return said(404, "no report of that run is kept")
        return await self._answer(request, partial(self._live.run, report))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """What changes of the page, as it changes: pieces of it (server-sent events; WHATWG HTML, 9.2)."""
        since = request.headers.get("Last-Event-ID") or text_of(request, "since") or "0"
        if not _VERSION.fullmatch(since):
            raise Bad("since is the version of a page")
        if len(self._listeners) >= MOST_LISTENERS or self._closed:
            return said(503, f"{MOST_LISTENERS} are listening already", {"Retry-After": "30"})
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        woken = asyncio.Event()
        self._listeners[woken] = ""
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())
        try:
            await answer.prepare(request)
            await answer.write(b"retry: %d\n\n" % _AGAIN_MS)
            await self._fresh()
            await self._follow(answer, woken, int(since))
        except (ConnectionError, TimeoutError):
            pass  # gone, or it does not read
        finally:
            self._listeners.pop(woken, None)
        answer.force_close()
        return answer

    def close(self) -> None:
        """Let all who look go."""
        self._closed = True
        for woken in self._listeners:
            woken.set()
        if self._telling is not None:
            self._telling.cancel()

    # --- whoever looks ----------------------------------------------------------------------------------------------

    async def _follow(self, answer: web.StreamResponse, woken: asyncio.Event, since: int) -> None:
        while not self._closed:
            event = b": still here\n\n"
            if self._listeners[woken]:
                event, self._listeners[woken] = b"event: plans\ndata: {}\n\n", ""
            elif since != self._live.version:
                event, since = self._patch(since), self._live.version
            for place in range(0, len(event), _PIECE):
                async with asyncio.timeout(_HEARTBEAT):
                    await answer.write(event[place : place + _PIECE])
            if since == self._live.version and not self._listeners[woken]:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_HEARTBEAT):
                        await woken.wait()
                woken.clear()

    def _patch(self, since: int) -> bytes:
        """The event that leads from that version to the one of now; the same for all who need it."""
        if since not in self._patches:
            if len(self._patches) >= _MOST_PATCHES:
                self._patches.clear()
            version, text = self._live.version, self._live.patch(since)
            self._patches[since] = b"id: %d\nevent: page\ndata: %s\n\n" % (version, text.encode())
        return self._patches[since]

    def _hear(self, word: str, facts: dict[str, Any]) -> None:  # noqa: ARG002 - a listener's shape
        """Of a run, or of other plans."""
        if word == "plans":
            self._earlier.clear()
            for woken in self._listeners:
                self._listeners[woken] = word
                woken.set()
        self._heard.set()

    async def _tell(self) -> None:
        """Draw what happens for as long as anybody looks."""
        while self._listeners:
            with suppress(TimeoutError):
                async with asyncio.timeout(_HEARTBEAT):
                    await self._heard.wait()
            await asyncio.sleep(_SETTLES)
            self._heard.clear()
            await self._fresh()
            for woken in self._listeners:
                woken.set()

    async def _answer(self, request: web.Request, drawn: Callable[[str], str | None]) -> web.StreamResponse:
        """A document, under the policy that admits its own script and style alone."""
        nonce, packed = secrets.token_urlsafe(16), wants_gzip(request)

        def made() -> bytes | None:
            text = drawn(nonce)
            body = text.encode() if text is not None else None
            return gzip(body) if packed and body is not None else body

        body = await asyncio.to_thread(made)
        if body is None:
            return said(404, "no target has that key")
        policed = {"Content-Security-Policy": policy(nonce)}
        return await send(request, body, "text/html; charset=utf-8", packed=packed, also=policed)

    # --- what there is to see ---------------------------------------------------------------------------------------

    async def _fresh(self) -> None:
        """Draw what is there, unless that was done."""
        version, now = self._schedule.version, time.monotonic()
        known = self._drawing
        if known is None or known[0] != version or (known[2].done() and now - known[1] > _FRESH):
            known = self._drawing = version, now, asyncio.create_task(self._draw(known[2] if known else None))
        await asyncio.shield(known[2])

    async def _draw(self, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait([before])
        state = await self._state()
        old = self._live.version
        if await self._schedule.aside(partial(self._live.update, state)) != old:
            self._patches.clear()

    async def _state(self) -> State:
        schedule, trouble = self._schedule, []
        keeper = schedule.keeper
        if keeper is not None and keeper.trouble:
            trouble.append(f"runs are not kept: {keeper.trouble}")
        if schedule.lag.lately > _LATE:
            trouble.append(f"this process was {seconds(schedule.lag.lately)} late lately: more than it can do here")
        try:
            events = await self._store.ask(partial(_events, names=list(schedule.watches)))
            shown = [await self._shown(watch, events[name]) for name, watch in list(schedule.watches.items())]
        except StoreError as wrong:
            trouble.append(f"what was kept cannot be read now: {wrong}")
            shown = [_shown(watch, watch.report, (), None) for watch in schedule.watches.values()]
        return State(plans=tuple(shown), trouble=tuple(trouble))

    async def _shown(self, watch: Watch, events: tuple[Event, ...]) -> Shown:
        name, report = watch.plan.name, watch.report
        if report is None:
            if name not in self._earlier:
                self._earlier[name] = await self._store.ask(Store.last, name)
            report = self._earlier[name]
        at, strips = self._strips.get(name, (0.0, Strips(since=0.0, width_s=1)))
        if time.monotonic() - at > _STRIPS_FRESH or not strips.rows:
            now = time.time()
            asked = partial(Store.strips, plan=name, since=now - _STRIPS_OVER, until=now, most=_CELLS)
            strips = await self._store.ask(asked)
            self._strips[name] = time.monotonic(), strips
        return _shown(watch, report, events, strips if strips.rows else None)


def _events(store: Store, names: list[str]) -> Mapping[str, tuple[Event, ...]]:
    return {name: tuple(store.events(name, most=_MOST_EVENTS)) for name in names}


def _shown(watch: Watch, report: Report | None, events: tuple[Event, ...], strips: Strips | None) -> Shown:
    return Shown(
        name=watch.plan.name,
        report=report,
        standing=_standing(watch.state),
        strips=strips,
        events=events,
        interval_s=watch.state.interval,
        next_run=watch.next_run,
        overruns=watch.overruns,
        trouble=_trouble(watch.state),
    )


def _standing(state: PlanState) -> tuple[Standing, ...]:
    return tuple(_stands(name, target) for name, target in state.targets.items())


def _stands(name: str, target: TargetState) -> Standing:
    return Standing(
        target=name,
        address=target.target.address,
        verdict=target.verdict,
        cause=target.cause,
        since=target.since,
        run=None,
        from_start=not target.since,
    )


def _trouble(state: PlanState) -> tuple[str, ...]:
    """What is wrong with the watching itself, in words."""
    words = [state.trouble] if state.trouble else []
    if state.last is not None and state.last.spoiled:
        words.append(f"nothing of the last run counts: {state.last.spoiled}")
    if state.last is not None and (off := state.last.clock_off_s):
        way = "forward" if off > 0 else "back"
        words.append(f"this machine's clock was set {way} by {seconds(abs(off))}: nothing by date counts for an hour")
    return tuple(words)
