"""What stands before every route: who may ask, from where, and what every answer carries."""

import traceback
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from agent.schedule.log import Log
from agent.server.connection import Connection
from agent.server.limits import Bucket
from agent.server.place import is_loopback, names_loopback
from agent.server.users import TooManyQuestions, Users
from agent.server.web import Web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Every answer's, where its route says nothing else: it is no page, and nobody may make one of it.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "deny",
}
_SAFE = ("GET", "HEAD", "OPTIONS")
_LONGEST_QUERY = 4096
# The route of whatever is nowhere else.
NOWHERE = "/{rest}"


class Gate:
    """``local``: only this machine reaches the server. ``answered``: hears route and status of each answer."""

    def __init__(self, web_config: Web, users: Users, log: Log, answered: Callable[[str, int], None]) -> None:
        self.local = True
        self._web = web_config
        self._users = users
        self._log = log
        self._answered = answered
        self._bucket = Bucket()

    async def add_headers(self, request: web.Request, answer: web.StreamResponse) -> None:  # noqa: ARG002 - a signal's
        """What every answer carries; what the web.config.file says comes last."""
        answer.headers["Server"] = "linkdoctor"
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        answer.headers.update(self._web.config.headers)

    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Around all others: nothing of an error of ours leaves, and nothing that a client wrote comes back."""
        connection = request.protocol
        assert isinstance(connection, Connection)  # noqa: S101 - the only ones that there are
        connection.begun()
        try:
            answer = await self._answer(request, handler)
        finally:
            connection.ended()
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else ""
        self._answered("" if route == NOWHERE else route, answer.status)
        return answer

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            refused = await self._refusal(request)
            return refused if refused is not None else await handler(request)
        except web.HTTPException as answer:
            headers = {"Allow": answer.headers["Allow"]} if "Allow" in answer.headers else None
            return said(answer.status, answer.reason.lower(), headers)
        except (ConnectionError, TimeoutError):
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it stays here
            self._log("an answer broke off", level="error", path=request.path, error=traceback.format_exc())
            return said(500, "an error of this server's own: its log says more")

    async def _refusal(self, request: web.Request) -> web.Response | None:
        """Why this request is not answered; None where it is."""
        config = self._web.config
        if not self._bucket.admits(config.rate):
            return said(429, "too many requests: rate_limit of the web.config.file")
        if self.local and not names_loopback(request.headers.get("Host")):
            return said(421, "this server answers to this machine alone: ask for it as 127.0.0.1 or localhost")
        if len(request.query_string) > _LONGEST_QUERY:
            return said(414, f"the query is longer than {_LONGEST_QUERY} characters")
        if request.can_read_body:
            return said(413, "no request has a body here")
        if request.method not in _SAFE and _is_from_elsewhere(request):
            return said(403, "a page from elsewhere may not ask for that")
        if not _has_allowed_name(request, config.tls.client_allowed_sans if config.tls is not None else ()):
            return said(403, "the client's certificate has none of the names of client_allowed_sans")
        if config.users:
            try:
                known = await self._users.knows(request.headers.get("Authorization"), config.users)
            except TooManyQuestions:
                return said(503, "too many passwords wait to be looked at", {"Retry-After": "5"})
            if not known:
                return said(401, "who asks?", {"WWW-Authenticate": 'Basic realm="linkdoctor", charset="UTF-8"'})
        return None

    def may_control(self, request: web.Request) -> bool:
        """Whether whoever asks may change anything: somebody who is known, or somebody on this machine."""
        if self._web.config.authenticates:
            return True
        return is_loopback(request.remote or "")


def said(status: int, words: str, headers: dict[str, str] | None = None) -> web.Response:
    """A short answer in words."""
    return web.Response(status=status, text=words + "\n", headers=headers)


def _is_from_elsewhere(request: web.Request) -> bool:
    """Whether a browser sends it on behalf of another site (Fetch Metadata; RFC 6454, section 7)."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return True
    origin = request.headers.get("Origin")
    try:
        return origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("Host", "").lower()
    except ValueError:  # no URL, and so nobody's of ours
        return True


def _has_allowed_name(request: web.Request, allowed: tuple[str, ...]) -> bool:
    if not allowed:
        return True
    certificate = request.get_extra_info("peercert") or {}
    return any(name in allowed for _, name in certificate.get("subjectAltName", ()))
