"""The application: every route in one table."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from attrs import frozen

from agent.server.api import Api, answering
from agent.server.control import Control
from agent.server.events import Events
from agent.server.gate import Gate, said
from agent.server.metrics import Metrics
from agent.server.page import Page
from agent.server.probe import Probe

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@frozen(kw_only=True)
class Parts:
    """Who answers."""

    gate: Gate
    metrics: Metrics
    probe: Probe
    control: Control
    api: Api
    events: Events
    page: Page


def routes(parts: Parts) -> Mapping[tuple[str, str], Handler]:
    """Method and path, and who answers."""
    api, control, page = parts.api, parts.control, parts.page
    return {
        ("GET", "/"): answering(page.index),
        ("GET", "/target"): answering(page.target),
        ("GET", "/run/{run}"): answering(page.run),
        ("GET", "/page/events"): answering(page.events),
        ("GET", "/metrics"): parts.metrics.get,
        ("GET", "/probe"): answering(parts.probe.get),
        ("GET", "/-/healthy"): control.healthy,
        ("HEAD", "/-/healthy"): control.healthy,
        ("GET", "/-/ready"): control.ready,
        ("HEAD", "/-/ready"): control.ready,
        ("POST", "/-/reload"): control.reload,
        ("PUT", "/-/reload"): control.reload,
        ("GET", "/api/state"): answering(api.state),
        ("GET", "/api/strips"): answering(api.strips),
        ("GET", "/api/changes"): answering(api.changes),
        ("GET", "/api/runs"): answering(api.runs),
        ("GET", "/api/runs/{run}"): answering(api.run),
        ("GET", "/api/outbound"): answering(api.outbound),
        ("GET", "/api/events"): parts.events.get,
    }


def application(parts: Parts) -> web.Application:
    """The application."""

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await parts.gate.around(request, handler)

    app = web.Application(middlewares=[gate])
    table = routes(parts)
    for (method, path), handler in table.items():
        app.router.add_route(method, path, handler, expect_handler=_ignore)
    app.router.add_route("*", r"/{rest:[\s\S]*}", _nowhere(table), expect_handler=_ignore)
    app.on_response_prepare.append(parts.gate.add_headers)
    return app


def _nowhere(table: Mapping[tuple[str, str], Handler]) -> Handler:
    """Who answers where nobody does: that there is nothing, or by which methods there is."""

    async def answer(request: web.Request) -> web.StreamResponse:
        allowed = sorted({method for method, path in table if path == request.path})
        return said(405, "method not allowed", {"Allow": ", ".join(allowed)}) if allowed else said(404, "not found")

    return answer


async def _ignore(request: web.Request) -> None:
    """What a client expects before it sends a body: no body is read here (RFC 9110, 10.1.1)."""
