"""Reports with the verdicts, causes and outbound addresses that a test asks for."""

from collections.abc import Iterable, Mapping

from probes.contract import identified
from reports.causes import CAUSES
from reports.model import (
    DEGRADED,
    HEALTHY,
    Finding,
    Observation,
    Plan,
    Report,
    Run,
    Target,
    TargetResult,
    Vantage,
    content_id,
    worst,
)

AT = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC


def report(
    found: Mapping[str, str],
    *,
    started: float = AT,
    plan: str = "nightly-etl",
    causes: Mapping[str, str] | None = None,
    outbound: Iterable[str] = (),
    host: str = "duty-1",
    ballast: str = "",
) -> Report:
    """A run that found these verdicts, by target; ``causes`` of those that are not healthy (sg_drop else).

    ``ballast``: text that makes the report as large.
    """
    targets = tuple(Target(name=name, host=f"{name}.example", port=9083) for name in found)
    findings = tuple(
        Finding(
            id=f"f-{name}",
            cause=(causes or {}).get(name, "sg_drop"),
            layer=CAUSES[(causes or {}).get(name, "sg_drop")].layer,
            severity="warning" if verdict == DEGRADED else "critical",
            confidence=0.9,
            targets=(name,),
        )
        for name, verdict in found.items()
        if verdict != HEALTHY
    )
    results = tuple(
        TargetResult(
            name=target.name,
            address=target.address,
            verdict=found[target.name],
            findings=() if found[target.name] == HEALTHY else (f"f-{target.name}",),
        )
        for target in targets
    )
    echoes = [
        identified(
            Observation(
                probe="egress", step="address", started=started, facts={"seen": ip, "via": "direct", "n": number}
            )
        )
        for number, ip in enumerate(outbound)
    ]
    return Report(
        run=Run(
            id=content_id("r-", plan, started, host),
            started=started,
            duration_s=1.5,
            linkdoctor="0.1.0",
            plan=Plan(name=plan, targets=targets),
        ),
        vantage=Vantage(kind="host", host=host, platform=ballast),
        verdict=worst(tuple(found.values())),
        targets=results,
        findings=findings,
        observations=tuple(echoes),
    )
