"""``/api/...``: what the page needs, as JSON. docs/serve.md names each route and key."""

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

from aiohttp import web
from attrs import asdict

from agent.schedule import Schedule
from agent.schedule.state import SCHEMA
from agent.server.asking import Bad, count_of, moment_of, needed, text_of
from agent.server.gate import said
from agent.server.own import Own
from agent.server.sending import encoded, send_json
from agent.store import DAY, AsyncStore, Store, StoreError
from reports.codec import rfc3339
from reports.history import Event, KeptRun, Outbound

T = TypeVar("T")

_RUN_ID = re.compile(r"r-[0-9a-f]{1,40}")
_MOST = 1000
_USUAL = 100
# A strip of 30 days has 720 hours.
_MOST_CELLS = 1000
_USUAL_CELLS = 90
# Seconds for which a state that nothing changed is told again as it was.
_FRESH = 1.0


class Api:
    """The routes."""

    def __init__(self, schedule: Schedule, store: AsyncStore, own: Own) -> None:
        self._schedule = schedule
        self._store = store
        self._own = own
        self._state: tuple[int, float, asyncio.Future[bytes]] | None = None

    async def state(self, request: web.Request) -> web.StreamResponse:
        """Every plan and target as it stands now, and this process's own health."""
        return await send_json(request, await self._stated())

    async def strips(self, request: web.Request) -> web.StreamResponse:
        """What each target of a plan looked like over time."""
        plan = needed(request, "plan")
        until = moment_of(request, "until", time.time() + 1)
        since = moment_of(request, "since", until - DAY)
        most = count_of(request, "most", _USUAL_CELLS, _MOST_CELLS)
        if since >= until:
            raise Bad("since is not before until")

        def asked(store: Store) -> dict[str, Any]:
            strips = store.strips(plan, since=since, until=until, most=most)
            rows = [{"target": row.target, "cells": row.letters} for row in strips.rows]
            return {"plan": plan, "since": rfc3339(strips.since), "width_s": strips.width_s, "rows": rows}

        return await self._told(request, asked)

    async def changes(self, request: web.Request) -> web.StreamResponse:
        """Changes of verdict or cause, newest first."""
        plan, target = text_of(request, "plan"), text_of(request, "target")
        since, most = moment_of(request, "since", 0.0), count_of(request, "most", _USUAL, _MOST)
        return await self._told(
            request, lambda store: [_event(one) for one in store.events(plan, target=target, since=since, most=most)]
        )

    async def runs(self, request: web.Request) -> web.StreamResponse:
        """The runs of a plan that are kept, newest first."""
        plan = needed(request, "plan")
        since, most = moment_of(request, "since", 0.0), count_of(request, "most", _USUAL, _MOST)
        return await self._told(request, lambda store: [_run(one) for one in store.runs(plan, since=since, most=most)])

    async def outbound(self, request: web.Request) -> web.StreamResponse:
        """Under which addresses a plan's runs went out."""
        plan = needed(request, "plan")
        return await self._told(request, lambda store: [_outbound(one) for one in store.outbound(plan)])

    async def run(self, request: web.Request) -> web.StreamResponse:
        """The report of one run."""
        id_ = request.match_info["run"]
        if not _RUN_ID.fullmatch(id_):
            return said(400, "a run's id is r- and hexadecimal digits")
        text = await self._asked(lambda store: store.text(id_))
        if text is None:
            return said(404, "no report of that run is kept")
        return await send_json(request, text)

    async def _told(self, request: web.Request, question: Callable[[Store], Any]) -> web.StreamResponse:
        return await send_json(request, await self._asked(lambda store: encoded(question(store))))

    async def _asked(self, question: Callable[[Store], T]) -> T:
        return await self._store.ask(question)

    async def _stated(self) -> bytes:
        now = time.monotonic()
        known = self._state
        if known is None or known[0] != self._schedule.version or now - known[1] > _FRESH:
            known = self._schedule.version, now, asyncio.ensure_future(self._made())
            self._state = known
        return await asyncio.shield(known[2])

    async def _made(self) -> bytes:
        states, watches = self._schedule.states(), dict(self._schedule.watches)
        keeper = self._schedule.keeper
        own = {
            "loop_lag_s": round(self._schedule.lag.lately, 4),
            "broken_off_runs": self._schedule.crashes,
            "lost_runs": keeper.lost if keeper is not None else 0,
            "store_trouble": keeper.trouble if keeper is not None else "",
            "last_reload_successful": self._own.reload_ok,
        }
        beside = {name: {"running": watch.running, "overruns": watch.overruns} for name, watch in watches.items()}
        at = rfc3339(time.time())

        def make() -> bytes:
            plans = [{**state.document(), **beside.get(state.plan.name, {})} for state in states]
            return encoded({"schema": SCHEMA, "at": at, "own": own, "plans": plans})

        return await asyncio.to_thread(make)


def answering(handler: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
    """The handler, whose troubles become answers in words."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            found: web.StreamResponse = await handler(request)
        except Bad as wrong:
            return said(400, str(wrong))
        except StoreError as wrong:
            return said(503, f"what was kept cannot be read now: {wrong}", {"Retry-After": "10"})
        return found

    return answer


def _event(event: Event) -> dict[str, Any]:
    return {**asdict(event), "at": rfc3339(event.at)}


def _run(run: KeptRun) -> dict[str, Any]:
    return {**asdict(run), "started": rfc3339(run.started)}


def _outbound(one: Outbound) -> dict[str, Any]:
    return {**asdict(one), "first": rfc3339(one.first), "last": rfc3339(one.last)}
