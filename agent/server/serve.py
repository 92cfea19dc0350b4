"""``linkdoctor serve``: from the command line to the last connection."""

import asyncio
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from aiohttp import web
from attrs import field, frozen

from agent.plan.problems import Wrong
from agent.runner import load_all
from agent.schedule import Schedule
from agent.schedule.log import Log, to_stderr
from agent.schedule.plans import Refused, load
from agent.schedule.single import Singles
from agent.server.api import Api
from agent.server.app import Parts, application
from agent.server.connection import Listener, bound
from agent.server.control import Control
from agent.server.events import Events
from agent.server.gate import Gate
from agent.server.metrics import Metrics
from agent.server.own import Own
from agent.server.page import Page
from agent.server.place import Place, exposed
from agent.server.probe import Probe
from agent.server.users import Users
from agent.server.web import Web
from agent.server.web_config import BadConfig
from agent.store import NAME, AsyncStore, Retention, StoreError
from probes.local import raise_descriptor_limit
from reports.metrics import Tally, wants_created
from reports.model import Plan

# Threads that compute let the loop have its turn after so many seconds: it sends and hears probes.
_SWITCH = 0.001
# Seconds that answers under way have at the end.
_LAST_WORDS = 2.0


@frozen(kw_only=True)
class Serve:
    """What was asked for. ``state``: the folder or the file of the history."""

    plans: tuple[str, ...]
    listen: str
    state: str
    web_config: str | None = None
    insecure: bool = False
    retention: Retention = field(factory=Retention)
    log: str = "console"

    def run(self) -> int:
        """Serve until SIGTERM (0) or Ctrl-C (130). Raises ClickException for whatever keeps it from beginning."""
        # It ends nothing, however early it comes: the plans are read again then, as soon as they can be.
        early: list[int] = []
        signal.signal(signal.SIGHUP, lambda number, _: early.append(number))
        log = to_stderr(self.log)
        raise_descriptor_limit()
        try:
            plans = load(self.plans)
            web_config = Web(self.web_config, log)
            path = self._path()
            sockets = self._sockets(web_config)
        except (Refused, BadConfig) as wrong:
            raise click.ClickException(str(wrong)) from None
        # Now, because clients and targets may take all descriptors later.
        load_all()
        sys.setswitchinterval(_SWITCH)
        gc.freeze()
        return asyncio.run(self._serve(plans, web_config, sockets, path, log, early))

    def _sockets(self, web_config: Web) -> list[socket.socket]:
        """They listen, where that is safe. Raises ClickException."""
        try:
            place = Place.of(self.listen)
            sockets = bound(place.host, place.port)
        except Wrong as wrong:
            allowed = wrong.allowed or "HOST:PORT, :PORT or [v6]:PORT"
            raise click.UsageError(f"--listen {self.listen}: {wrong.message}; allowed: {allowed}") from None
        except (OSError, UnicodeError) as error:
            raise click.ClickException(f"--listen {self.listen}: {getattr(error, 'strerror', None) or error}") from None
        web_config.exposed = exposed(sockets) and not self.insecure
        if web_config.exposed and not web_config.config.protects:
            for sock in sockets:
                sock.close()
            raise click.UsageError(
                f"--listen {self.listen}: others would reach it, and could read everything and have targets probed: "
                "give it TLS and users (--web.config.file), or say --insecure-listen where something else protects it"
            )
        return sockets

    async def _serve(
        self,
        plans: list[Plan],
        web_config: Web,
        sockets: list[socket.socket],
        path: Path,
        log: Log,
        early: Sequence[int],
    ) -> int:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: log("unexpected", level="error", what=_words(context)))
        ending: asyncio.Future[int] = loop.create_future()

        def end(code: int) -> None:
            if not ending.done():
                ending.set_result(code)

        # Early: whoever ends the process while it begins is heard.
        loop.add_signal_handler(signal.SIGTERM, end, 0)
        loop.add_signal_handler(signal.SIGINT, end, 130)
        store = await self._store(path, log)
        try:
            schedule = Schedule(log, Tally(created=wants_created(os.environ)), socket.gethostname(), store)
            duty = _Duty(self, schedule, web_config, store, log)
            await duty.begin(plans, sockets)
            loop.add_signal_handler(signal.SIGHUP, duty.hang_up)
            if early:
                duty.hang_up()
            code = await ending
            began = time.monotonic()
            await duty.end()
        finally:
            await store.close()
        log("ended", seconds=round(time.monotonic() - began, 2))
        return code

    def _path(self) -> Path:
        """The file of the history. Raises ClickException."""
        place = Path(self.state)
        try:
            path = place if place.is_file() or place.suffix == ".db" else place / NAME
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise click.ClickException(f"--state {self.state}: {error.strerror or error}") from None
        return path

    async def _store(self, path: Path, log: Log) -> AsyncStore:
        """The history. Raises ClickException."""
        try:
            return await AsyncStore.open(
                path, retention=self.retention, tell=lambda words: log("history", level="warning", reason=words)
            )
        except StoreError as wrong:
            raise click.ClickException(f"--state: {wrong}") from None


class _Duty:
    """The parts of a process that serves, from beginning to end."""

    def __init__(self, asked: Serve, schedule: Schedule, web_config: Web, store: AsyncStore, log: Log) -> None:
        self._schedule = schedule
        self._web = web_config
        self._log = log
        self._listener: Listener | None = None
        self._ports: list[int] = []
        self._later: set[asyncio.Task[Any]] = set()
        self._users = Users()
        self._events = Events()
        schedule.listen(self._events.tell)
        self._page = Page(schedule, store)
        own = Own(schedule, lambda: self._listener)
        self._gate = Gate(web_config, self._users, log, own.answered)
        self._control = Control(asked.plans, schedule, self._gate, own, log)
        self._singles = Singles(schedule, dict(os.environ), self._ports)
        self._parts = Parts(
            gate=self._gate,
            metrics=Metrics(schedule, own),
            probe=Probe(self._singles),
            control=self._control,
            api=Api(schedule, store, own),
            events=self._events,
            page=self._page,
        )
        self._runner: web.AppRunner | None = None

    async def begin(self, plans: list[Plan], sockets: list[socket.socket]) -> None:
        """Run the plans, and answer."""
        self._gate.local = not exposed(sockets)
        self._runner = web.AppRunner(application(self._parts), handler_cancellation=True, access_log=None)
        await self._runner.setup()
        assert self._runner.server is not None  # noqa: S101 - it is there after setup
        self._listener = Listener(self._runner.server, self._web.context, self._log)
        for sock in sockets:
            self._ports.append(sock.getsockname()[1])
            self._listener.listen(sock)
        await self._schedule.begin(plans)
        addresses = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self._listener.addresses]
        self._log("listening", at=addresses, tls=self._web.config.tls is not None, plans=[plan.name for plan in plans])

    def hang_up(self) -> None:
        """SIGHUP: read everything again."""
        self._spawn(self._control.read_again(self._web.refresh))

    async def end(self) -> None:
        """End probes, runs, answers and connections, in this order, within seconds."""
        self._control.ending = True
        self._events.close()
        self._page.close()
        await self._singles.stop()
        await self._schedule.stop()
        if self._listener is not None:
            await self._listener.close()
        if self._runner is not None:
            server = self._runner.server
            if server is not None:
                server.pre_shutdown()
                await server.shutdown(_LAST_WORDS)
            await self._runner.cleanup()
        for task in self._later:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*self._later, return_exceptions=True)
        self._users.close()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)


def _words(context: dict[str, Any]) -> str:
    error = context.get("exception")
    return f"{context.get('message', '')}: {error!r}" if error is not None else str(context.get("message", ""))
