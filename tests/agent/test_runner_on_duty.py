"""What a run leaves out for whoever runs plans again and again: targets, addresses, sweeps."""

import asyncio
import threading

from agent.plan import from_targets
from agent.runner import Runner
from reports.failures import Failure
from reports.model import FAILING, HEALTHY, UNDETERMINED
from tests.tls_servers import HERE, free_port, server


async def _silent(reader, writer):
    await reader.read()


async def test_a_target_that_is_not_asked():
    """Nothing is opened to it; what was seen of it before is judged with the rest."""
    met = []

    async def count(reader, writer):
        met.append(1)
        await reader.read()

    refused = free_port()
    async with server(_silent) as good, server(count) as other:
        plan = from_targets([f"{HERE}:{good}", f"{HERE}:{refused}", f"{HERE}:{other}"])
        first = await Runner(plan, {}).run()
        earlier = [seen for seen in first.observations if seen.target == f"{HERE}:{refused}"]
        counted = len(met)
        second = await Runner(plan, {}, remembered=earlier, skip={f"{HERE}:{refused}", f"{HERE}:{other}"}).run()
    verdicts = {result.name: result.verdict for result in second.targets}

    assert (counted, len(met)) == (1, 1)
    assert verdicts == {f"{HERE}:{good}": HEALTHY, f"{HERE}:{refused}": FAILING, f"{HERE}:{other}": UNDETERMINED}
    fresh = [seen for seen in second.observations if seen.target == f"{HERE}:{refused}" and seen not in earlier]
    assert fresh == []
    assert not second.run.partial


async def test_an_address_that_is_forbidden():
    """Nothing is opened or sent there, by no probe and no experiment, and the target is not to blame."""
    met, asked = [], []

    async def count(reader, writer):
        met.append(1)

    def forbids(address, port):
        asked.append((address, port))
        return True

    async with server(count) as port:
        plan = from_targets([f"http://{HERE}:{port}/", f"mysql://{HERE}:{port}"], limits={"explore": "hosts"})
        report = await Runner(plan, {}, forbids=forbids).run()

    assert met == []
    assert (HERE, port) in asked
    assert {result.verdict for result in report.targets} == {UNDETERMINED}
    assert {seen.failure for seen in report.observations if seen.probe == "tcp"} == {Failure.NOT_PERMITTED}


async def test_what_it_means_is_worked_out_beside_the_loop():
    """In whatever place the caller has for that; the answer is the same."""
    threads = set()

    def work_on(work):
        def noted():
            threads.add(threading.get_ident())
            return work()

        return asyncio.to_thread(noted)

    plan = from_targets([f"{HERE}:{free_port()}"])
    report = await Runner(plan, {}, aside=work_on).run()

    assert threads
    assert threading.get_ident() not in threads
    assert report.verdict == FAILING
