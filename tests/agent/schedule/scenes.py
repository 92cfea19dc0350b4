"""A schedule and its targets for tests: real servers on loopback that behave as they are told, and what is heard."""

import asyncio
import contextlib

from attrs import evolve

from agent.plan import from_targets
from agent.schedule import Schedule
from agent.schedule.log import silent
from reports.metrics import Tally
from tests.tls_servers import HERE

PATIENCE = 60


class Heard:
    """What a schedule tells; waits for what it will."""

    def __init__(self, schedule):
        self._news = asyncio.Condition()
        self.events = []
        self._tasks = set()
        schedule.listen(self._listen)

    def _listen(self, word, facts):
        self.events.append((word, facts))
        task = asyncio.get_running_loop().create_task(self._tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self):
        async with self._news:
            self._news.notify_all()

    def of(self, word):
        """The facts of all events of a word."""
        return [facts for each, facts in self.events if each == word]

    async def until(self, holds):
        """Wait until it holds."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(holds)

    async def runs(self, count):
        """Wait for so many more runs."""
        wanted = len(self.of("run")) + count
        await self.until(lambda: len(self.of("run")) >= wanted)


@contextlib.asynccontextmanager
async def watched(*plans, store=None):
    """A schedule of these plans, and what it tells."""
    schedule = Schedule(silent, Tally(), "duty-1", store)
    heard = Heard(schedule)
    await schedule.begin(plans)
    try:
        yield schedule, heard
    finally:
        await schedule.stop()


def plan(*targets, every=0.1, name="nightly-etl", **keys):
    """A plan that is run more often than a file may ask for."""
    return evolve(from_targets(targets, name=name, **keys), interval=every)


class Peer:
    """A server on loopback: ``behave`` is done with each connection, and may be another at any time."""

    def __init__(self):
        self.behave = self.idle
        self.connections = self.now = self.most = 0
        self.met = asyncio.Event()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, HERE, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.address = f"{HERE}:{self.port}"
        return self

    async def __aexit__(self, *exception):
        self.close()

    def close(self):
        """Listen no more."""
        self._server.close()

    async def again(self):
        """Listen again, at the same port."""
        self._server = await asyncio.start_server(self._serve, HERE, self.port)

    async def _serve(self, reader, writer):
        self.connections += 1
        self.now += 1
        self.most = max(self.most, self.now)
        self.met.set()
        try:
            await self.behave(reader, writer)
        except ConnectionError:
            pass
        finally:
            self.now -= 1
            writer.close()

    async def idle(self, reader, writer):
        """Listen, and say nothing."""
        await reader.read()

    async def http(self, reader, writer):
        """Answer each request."""
        while await reader.read(4096):
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def hang_up(self, reader, writer):
        """Close at once."""

    async def flood(self, reader, writer):
        """Send without an end, and listen to nothing."""
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async def endless(self, reader, writer):
        """Answer without an end."""
        await reader.read(4096)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()


def state_of(schedule, target, name="nightly-etl"):
    """What is known of a target."""
    return schedule.watches[name].state.targets[target]
