"""What works, as every medium tells it: the healthy targets, those alike in one row, and what was proved of each."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from attrs import frozen

from reports.model import HEALTHY, Observation, TargetResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from reports.render.story import Story

# What a success proves, from the most to the least.
_STAGES = (("http", "exchange"), ("service", "exchange"), ("tls", "handshake"), ("tcp", "connect"))
_PROVED = {"http": "answers", "service": "answers", "tls": "encrypts", "tcp": "accepts"}


@frozen(kw_only=True)
class Healthy:
    """Targets that work alike: their names, their place, the durations of their handshakes, what was proved."""

    names: tuple[str, ...]
    place: str
    latencies: tuple[float, ...]
    proof: str


def healthy(story: Story, most: int) -> list[Healthy]:
    """The healthy targets, those alike in one row; where that gives more than ``most`` rows, one a service."""
    fine = [result for result in story.report.targets if result.verdict == HEALTHY]
    proofs = {result.name: proof(story, result.name) for result in fine}
    services = {name: target.service for name, target in story.targets.items()}
    alike = _grouped(fine, lambda result: (services.get(result.name, ""), _port(result), proofs[result.name]))
    if len(alike) > most:
        alike = _grouped(fine, lambda result: (services.get(result.name, ""),))
    return [_row(group, proofs) for group in alike]


def proof(story: Story, name: str) -> str:
    """What was proved of a target: ``answers``, ``HTTP 200``, ``accepts``; and how long its certificate lasts."""
    proofs = [_proof(seen) for probe, step in _STAGES for seen in story.of(name, probe, step) if seen.ok][:1]
    days = [seen.facts["days_left"] for seen in story.of(name, "tls", "handshake") if "days_left" in seen.facts]
    if days:
        proofs.append(f"certificate {min(map(float, days)):.0f} days")
    return ", ".join(proofs)


def _row(group: Sequence[TargetResult], proofs: dict[str, str]) -> Healthy:
    ports = {_port(result) for result in group}
    place = group[0].address if len(group) == 1 else ports.pop() if len(ports) == 1 else ""
    named_already = all(result.name.endswith(place) for result in group)
    each = list(dict.fromkeys(proofs[result.name] for result in group))
    return Healthy(
        names=tuple(result.name for result in group),
        place="" if named_already else place,
        latencies=tuple(result.latency_s for result in group if result.latency_s is not None),
        proof=each[0] if len(each) == 1 else "",
    )


def _grouped(
    results: Iterable[TargetResult], key: Callable[[TargetResult], tuple[str, ...]]
) -> list[list[TargetResult]]:
    groups: dict[tuple[str, ...], list[TargetResult]] = defaultdict(list)
    for result in results:
        groups[key(result)].append(result)
    return list(groups.values())


def _port(result: TargetResult) -> str:
    return ":" + result.address.rpartition(":")[2]


def _proof(seen: Observation) -> str:
    facts = seen.facts
    if facts.get("answers") is False:
        return "accepts (it sends no greeting)"
    if "status" in facts:
        return f"HTTP {facts['status']}"
    return f"{_PROVED[seen.probe]}, {facts['version']}" if "version" in facts else _PROVED[seen.probe]
