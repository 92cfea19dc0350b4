"""One row of a UDF over five reachable targets: its CPU, and that of the bare probes of the same targets.

Both in one process that has imported everything: the row adds what a report takes, the machine's own state, the
settings, the diagnosis and the text.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator

from agent import plan as plans
from agent import udf
from benchmarks.measure import Result, addresses, listener
from probes import services, tcp
from probes.contract import Ask, Notes
from probes.network import Network
from reports.document import plan_dumps
from reports.model import Plan, Target

_TARGETS = 5
_ROWS = 60


def run() -> Iterator[Result]:
    """See the module."""
    with listener() as port:
        plan = plans.from_targets([f"{address}:{port}" for address in addresses("127.1", _TARGETS)])
        task = plan_dumps(plan)
        # Each row is another task to the function: the same one again would not be probed again.
        costs = [(_cpu(lambda: udf.report_of(task + " " * row)), _cpu(lambda: _bare(plan))) for row in range(_ROWS)]  # noqa: B023
    # In turns, so that both meet the same machine; the first of each warms up.
    row, bare = (statistics.median(each) for each in zip(*costs[1:], strict=True))
    yield Result(
        what="CPU of one row of five targets / its bare probes",
        measured=row / bare,
        goal=3.0,
        detail=f"{row * 1e3:.1f} ms / {bare * 1e3:.1f} ms",
    )


def _cpu(work: Callable[[], object]) -> float:
    """Seconds of CPU that it takes."""
    before = time.process_time()
    work()
    return time.process_time() - before


def _bare(plan: Plan) -> None:
    loop = asyncio.new_event_loop()  # as a row has it: asyncio.run does more
    try:
        loop.run_until_complete(_probe_all(plan))
    finally:
        loop.close()


async def _probe_all(plan: Plan) -> None:
    network, notes = Network(), Notes()
    try:
        await asyncio.gather(*[_probe(target, network, notes) for target in plan.targets])
    finally:
        network.close()


async def _probe(target: Target, network: Network, notes: Notes) -> None:
    ask = Ask(target=target, address=target.host, timeout=3.0)
    stream = await tcp.probe(ask, network, notes)
    assert stream is not None
    await services.exchange(ask, stream, notes, stream.rtt_s)
    await stream.close()
