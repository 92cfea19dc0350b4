"""The parts of a report, with the numbers filled in that a test does not care about."""

from collections.abc import Iterable

from attrs import evolve

from probes.contract import identified
from reports.failures import Failure
from reports.model import Facts, Observation, Plan, Report, Run, TargetResult, Vantage

STARTED = 1795507200.123456  # 2026-11-24T08:00:00.123456Z


def seen(
    probe: str,
    step: str,
    target: str | None,
    address: str | None,
    *,
    after: float = 0.0,
    duration_s: float = 0.0004,
    failure: Failure | None = None,
    **facts: str | float | bool,
) -> Observation:
    """One observation, ``after`` seconds into the run."""
    started = round(STARTED + after, 6)
    return identified(
        Observation(
            probe=probe,
            step=step,
            target=target,
            address=address,
            started=started,
            duration_s=duration_s,
            failure=failure,
            facts=dict[str, str | int | float | bool](facts),
        )
    )


def connected(target: str, ip: str, port: int, rtt_s: float = 0.0004, source: str = "10.10.1.10") -> Observation:
    """A handshake that completed."""
    facts: Facts = {"ip": ip, "port": port, "source": source, "syns": 1, "rtt_s": rtt_s, "mss": 1460, "path_mtu": 1500}
    return seen("tcp", "connect", target, f"{ip}:{port}", duration_s=rtt_s, **facts)


def report_of(
    plan: Plan,
    vantage: Vantage,
    targets: Iterable[TargetResult],
    observations: Iterable[Observation],
    **rest: object,
) -> Report:
    """A report with the run's own numbers filled in."""
    run = Run(id="r-6d0f5b1c9a3e", started=STARTED, duration_s=3.2, linkdoctor="0.1.0", plan=plan)
    run = evolve(run, partial=bool(rest.pop("partial", False)))
    return Report(run=run, vantage=vantage, targets=tuple(targets), observations=tuple(observations), **rest)  # type: ignore[arg-type]
