"""What the rules and the report cost for many targets, a third of them silent, and that neither grows faster than they.

Growth is the CPU a target of 30,000 beside that of 3,000: 1 is linear, 10 quadratic.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.measure import Result
from probes import settings
from probes.contract import Notes
from reports.diagnose import conclude, diagnose
from reports.document import dumps
from reports.failures import Failure
from reports.model import Facts, Observation, Plan, Run, Target, Vantage

_FEW, _MANY = 3_000, 30_000
_GROWTH = 1.5
_TIMES = 3

_VANTAGE = Vantage(addresses=("10.0.0.2/8%eth0",))


def run() -> Iterator[Result]:
    """See the module."""
    few, many = observed(_FEW), observed(_MANY)
    yield _growth(
        "diagnose",
        _cpu(lambda: diagnose(few[0], _VANTAGE, few[1])),
        _cpu(lambda: diagnose(many[0], _VANTAGE, many[1])),
    )
    reports = [
        conclude(Run(id="r-0", started=0.0, duration_s=0.0, linkdoctor="", plan=plan), _VANTAGE, seen)
        for plan, seen in (few, many)
    ]
    texts = [_cpu(partial(dumps, report, lines=True)) for report in reports]
    yield _growth("report to JSON", *texts)


def _growth(what: str, few: float, many: float) -> Result:
    each = [seconds / count * 1e6 for seconds, count in ((many, _MANY), (few, _FEW))]
    return Result(
        what=f"{what}: CPU a target, {_MANY:,} / {_FEW:,} targets",
        measured=each[0] / each[1],
        goal=_GROWTH,
        detail=f"{each[0]:.0f} us / {each[1]:.0f} us",
    )


def _cpu(work: Callable[[], object]) -> float:
    """The best of a few: what disturbs it only adds."""
    taken = []
    for _ in range(_TIMES):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def observed(
    count: int, is_silent: Callable[[int], bool] = lambda index: index % 3 == 2
) -> tuple[Plan, list[Observation]]:
    """A plan, and what a run over its targets would have seen."""
    hosts = [f"10.{index >> 16}.{index >> 8 & 255}.{index & 255}" for index in range(256, 256 + count)]
    targets = tuple(Target(name=f"{host}:9083", host=host, port=9083, service="hive-metastore") for host in hosts)
    plan = Plan(name="benchmark", targets=targets)
    notes = Notes()
    settings.observe(plan, _VANTAGE, notes)
    for index, target in enumerate(targets):
        silent = is_silent(index)
        facts: Facts = {"ip": target.host, "port": target.port, "source": "10.0.0.2", "syns": 2 if silent else 1}
        failure = Failure.TIMED_OUT if silent else None
        seen = Observation(
            probe="tcp",
            step="connect",
            target=target.name,
            address=target.address,
            failure=failure,
            started=1e9 + index / 1e3,
            duration_s=3.0 if silent else 0.001,
            facts=facts,
        )
        notes.add(seen)
        if not silent:
            with notes.step("service", "exchange", address=target.address) as step:
                step.target = target.name
                step.note("service", target.service)
                step.note("bytes_in", 32)
                step.note("first_byte_s", 0.001)
    return plan, notes.observations
