"""What a failed job's log said, as observations beside those of a check: told, not measured."""

import time
from collections.abc import Iterable, Iterator

from agent.logs.endpoints import Endpoint, Kind, Ledger, Tally
from probes.contract import LONGEST_TEXT, identified
from reports.job_log import PROBE
from reports.model import Facts, Observation, Plan, Target


def observations(ledger: Ledger, plan: Plan) -> Iterator[Observation]:
    """One for each error of each endpoint; with the target that the plan has for it, if it has one."""
    started = round(time.time(), 6)
    by_host: dict[str, list[Target]] = {}
    for target in plan.targets:
        by_host.setdefault(target.host, []).append(target)
    for endpoint in ledger.sorted():
        named = by_host.get(endpoint.host, ())
        alike: list[Target | None] = [target for target in named if endpoint.port in (None, target.port)]
        for about in alike or [None]:
            yield from _of(endpoint, endpoint.errors.items(), about, started)
    for kind, tally in ledger.unplaced.items():
        yield _observation(kind, tally, None, started, {})


def _of(
    endpoint: Endpoint, errors: Iterable[tuple[Kind, Tally]], target: Target | None, started: float
) -> Iterator[Observation]:
    facts: Facts = {"host": endpoint.host}
    if endpoint.port is not None:
        facts["port"] = endpoint.port
    if endpoint.ips:
        facts["ips"] = ",".join(endpoint.ips)[:LONGEST_TEXT]
    for kind, tally in errors:
        yield _observation(kind, tally, target.name if target else None, started, facts)


def _observation(kind: Kind, tally: Tally, target: str | None, started: float, about: Facts) -> Observation:
    failure, phase = kind
    # No failure of its own: it is the job that failed, and not a step of this run. No line of the log, which may hold
    # what must not be shared.
    facts: Facts = {**about, "error": str(failure.value), "count": tally.count}
    if phase:
        facts["phase"] = phase
    if tally.nearby:
        facts["nearby"] = True
    if tally.first.text:
        facts["first"], facts["last"] = tally.first.iso or tally.first.text, tally.last.iso or tally.last.text
    return identified(Observation(probe=PROBE, step="error", target=target, started=started, facts=facts))
