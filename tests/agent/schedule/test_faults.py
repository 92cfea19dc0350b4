"""What goes wrong around a schedule: it goes on, blames nobody for it, and is as before when it is over."""

import asyncio
import contextlib
import json
import resource
import socket
import subprocess
import sys
import textwrap

from agent.demo.nameserver import NameServer
from agent.schedule import Schedule
from agent.schedule.keeper import Keeper
from agent.schedule.log import silent
from agent.store import Full
from reports.metrics import Tally
from reports.model import DEGRADED, FAILING, HEALTHY, UNDETERMINED
from reports.services import SERVICES
from tests.agent.schedule.scenes import PATIENCE, Heard, Peer, plan, state_of, watched
from tests.agent.store import runs
from tests.tls_servers import HERE


async def test_a_name_server_that_is_gone():
    """Its targets cannot be resolved, others can; when it is back, so are they."""
    with contextlib.ExitStack() as stack:
        server = NameServer.at(HERE, {"job.example": (HERE,)}, ())
        await server.start(stack)
        address = server.address
        async with Peer() as peer:
            targets = [{"name": "named", "address": f"job.example:{peer.port}"}, peer.address]
            declared = plan(*targets, name_servers=[address], limits={"connect_timeout": "100ms"})
            async with watched(declared) as (schedule, heard):
                await heard.runs(1)
                assert state_of(schedule, "named").verdict == HEALTHY
                stack.close()
                server.close()
                await heard.until(lambda: state_of(schedule, "named").verdict != HEALTHY)
                assert state_of(schedule, "named").cause.startswith("dns_")
                assert state_of(schedule, peer.address).verdict == HEALTHY
                with contextlib.ExitStack() as again:
                    ip, _, port = address.partition(":")
                    back = await _at(ip, int(port), server.records)
                    await back.start(again)
                    await heard.until(lambda: state_of(schedule, "named").verdict == HEALTHY)
                back.close()


async def _at(ip, port, records):
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((ip, port))
    streams = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    streams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    streams.bind((ip, port))
    return NameServer(records, (), datagrams, streams)


async def test_a_target_that_never_stops_sending():
    """It costs its bytes and no more; the runs go on, and others are well."""
    async with Peer() as endless, Peer() as good:
        endless.behave = endless.endless
        targets = [{"name": "endless", "address": f"http://{endless.address}/"}, good.address]
        async with watched(plan(*targets)) as (schedule, heard):
            await heard.runs(3)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            await heard.runs(10)

            assert state_of(schedule, good.address).verdict == HEALTHY
            assert state_of(schedule, "endless").verdict in (HEALTHY, DEGRADED)
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


async def test_no_service_waits_for_the_end():
    """Whatever is spoken: what is sent without an end, from the first moment on, is not read to its end, nor kept."""
    async with contextlib.AsyncExitStack() as stack:
        good = await stack.enter_async_context(Peer())
        targets = []
        for service in SERVICES:
            flood = await stack.enter_async_context(Peer())
            flood.behave = flood.flood
            targets.append({"name": service, "address": f"{service}://{flood.address}"})
        async with watched(plan(*targets, good.address, every=1.0)) as (schedule, heard):
            await heard.runs(2)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            await heard.runs(3)

            assert state_of(schedule, good.address).verdict == HEALTHY
            assert all(state_of(schedule, service).counts for service in SERVICES)
            assert state_of(schedule, "mysql").cause == "wrong_service"
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10
            assert schedule.crashes == 0


_SHORT = """
import asyncio, json, os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
from agent.schedule import Schedule
from agent.schedule.log import silent
from reports.metrics import Tally
from tests.agent.schedule.scenes import Heard, Peer, plan, state_of

async def main():
    async with Peer() as peer:
        schedule = Schedule(silent, Tally(), "duty-1")
        heard = Heard(schedule)
        await schedule.begin([plan(peer.address)])
        await heard.runs(2)
        taken = []
        while True:
            try:
                taken.append(os.dup(0))
            except OSError:
                break
        await heard.until(lambda: heard.of("short"))
        trouble = schedule.watches["nightly-etl"].state.trouble
        os.close(taken.pop())
        await heard.runs(4)
        short = state_of(schedule, peer.address)
        for one in taken:
            os.close(one)
        await heard.until(lambda: state_of(schedule, peer.address).counts)
        back = state_of(schedule, peer.address)
        text = schedule.tally.text().decode()
        await schedule.stop()
        print(json.dumps({
            "short": [short.measured, short.verdict, short.counts],
            "back": [back.measured, back.verdict, back.counts],
            "trouble": trouble,
            "changes": heard.of("verdict"),
            "crashes": schedule.crashes,
            "counted": 'linkdoctor_shortages_total{failure="no_descriptors"' in text,
        }))

asyncio.run(main())
"""


def test_no_descriptors():
    """Without any no run begins; with one, what cannot be looked at is undetermined; no verdict changes, ever."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_SHORT)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    assert found["trouble"] == "no run could begin: no_descriptors"
    assert found["short"] == [UNDETERMINED, HEALTHY, False]
    assert found["back"] == [HEALTHY, HEALTHY, True]
    assert (found["changes"], found["crashes"], found["counted"]) == ([], 0, True)


class _NoRoom:
    """A store whose disk is full as long as it is told."""

    path = "history.db"

    def __init__(self):
        self.full = True
        self.kept = []

    async def keep(self, report, *, held):
        if self.full:
            raise Full("history.db: no room is left to write")
        self.kept.append((report, held))


async def test_a_full_disk():
    """Runs are lost and counted, said once; with room again they are kept again."""
    said = []
    store = _NoRoom()
    keeper = Keeper(store, lambda event, **facts: said.append(event))
    working = asyncio.create_task(keeper.work())
    for _ in range(3):
        keeper.take(runs.report({"a": HEALTHY}), {})
        await keeper.rest()
    store.full = False
    keeper.take(runs.report({"a": FAILING}), {"a": HEALTHY})
    await keeper.rest()
    working.cancel()

    assert (keeper.lost, keeper.trouble) == (3, "")
    assert said == ["a run is not kept", "runs are kept again"]
    assert [held for _, held in store.kept] == [{"a": HEALTHY}]


async def test_an_error_of_ours_ends_no_watch():
    """It is counted and told, and the next run is made."""
    async with Peer() as peer:
        schedule = Schedule(silent, Tally(), "duty-1")
        heard = Heard(schedule)
        await schedule.begin([plan(peer.address)])
        await heard.runs(1)
        watch = schedule.watches["nightly-etl"]
        room, broken = watch._room, asyncio.Event()

        def break_off(report):
            broken.set()
            raise ZeroDivisionError

        watch._room = break_off
        await asyncio.wait_for(broken.wait(), PATIENCE)
        watch._room = room
        await heard.runs(1)
        await schedule.stop()

        assert schedule.crashes == 1
        assert heard.of("verdict") == []
