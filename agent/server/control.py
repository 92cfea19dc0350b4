"""``/-/healthy``, ``/-/ready``, ``/-/reload``."""

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web

from agent.schedule import Schedule
from agent.schedule.log import Log
from agent.schedule.plans import Refused, load
from agent.server.gate import Gate, said
from agent.server.own import Own


class Control:
    """The routes, and the reload that SIGHUP asks for too. ``names``: the files of the plans."""

    def __init__(self, names: Sequence[str], schedule: Schedule, gate: Gate, own: Own, log: Log) -> None:
        self.ending = False
        self._names = tuple(names)
        self._schedule = schedule
        self._gate = gate
        self._own = own
        self._log = log
        self._one = asyncio.Lock()

    async def healthy(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler
        """That the loop answers."""
        return said(200, "linkdoctor is healthy")

    async def ready(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler
        """Whether every plan has been looked at, and the process stays."""
        if self.ending:
            return said(503, "linkdoctor is ending")
        if not self._schedule.has_looked:
            return said(503, "not every plan has been run yet")
        return said(200, "linkdoctor is ready")

    async def reload(self, request: web.Request) -> web.Response:
        """Read the plans again; what is wrong with them is the answer."""
        if not self._gate.may_control(request):
            return said(403, "only somebody on this machine, or one of basic_auth_users, may ask for that")
        wrong = await self.read_again()
        return said(422, f"refused, the old plans stay:\n{wrong}") if wrong else said(200, "the plans were read again")

    async def read_again(self, refresh: Callable[[], None] | None = None) -> str:
        """Read the plans again; why they were refused, "" where they are in force."""
        async with self._one:
            if refresh is not None:
                refresh()
            try:
                plans = await asyncio.to_thread(load, self._names)
            except Refused as wrong:
                self._own.reloaded(ok=False)
                self._log("reload refused, the old plans stay", level="error", reasons=str(wrong))
                return str(wrong)
            await self._schedule.replace(plans)
            self._own.reloaded(ok=True)
            self._log("plans read again", plans=[plan.name for plan in plans])
            return ""
