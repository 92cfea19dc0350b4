"""The time line of one look at a target: what was done at each address, when, and how long it took."""

from collections.abc import Iterable, Sequence

from attrs import frozen

from reports import words
from reports.model import Observation, Target

# What is drawn of which step, in the order of a look. Experiments are told in the evidence.
_PHASES = {
    ("dns", "query"): "dns",
    ("dns", "resolver"): "dns",
    ("tcp", "connect_proxy"): "connect",
    ("tcp", "connect"): "connect",
    ("http", "proxy"): "proxy",
    ("tls", "handshake"): "tls",
    ("http", "exchange"): "exchange",
    ("service", "exchange"): "exchange",
}
_MOST_LANES = 8


@frozen(kw_only=True)
class Span:
    """One step. ``start`` and ``width`` are shares (0 to 1) of the whole time line; ``failure``: "" where it worked."""

    phase: str
    start: float
    width: float
    duration_s: float
    failure: str = ""

    @property
    def told(self) -> str:
        """``connect 0.4 ms``, ``connect: timed out after 3.0 s``."""
        took = words.seconds(self.duration_s)
        return f"{self.phase}: {self.failure} after {took}" if self.failure else f"{self.phase} {took}"


@frozen(kw_only=True)
class Lane:
    """What was done at one address, in the order of time."""

    address: str
    spans: tuple[Span, ...]

    @property
    def told(self) -> str:
        """All of it in words; of steps that say the same, one."""
        return ", ".join(dict.fromkeys(span.told for span in self.spans))


@frozen(kw_only=True)
class Waterfall:
    """One target's lanes, and how many seconds all of them span. ``more``: lanes that are left out."""

    seconds: float
    lanes: tuple[Lane, ...]
    more: int = 0


def waterfall(target: Target, own: Sequence[Observation], machine: Iterable[Observation]) -> Waterfall | None:
    """The time line of a target; None where nothing was sent. ``machine``: what names no target, as look-ups do."""
    looked_up = [seen for seen in machine if seen.probe == "dns" and seen.facts.get("name") == target.host]
    steps = [seen for seen in (*looked_up, *own) if (seen.probe, seen.step) in _PHASES and not _is_no_news(seen)]
    if not steps:
        return None
    first = min(seen.started for seen in steps)
    whole = max(max(seen.started + seen.duration_s for seen in steps) - first, 1e-6)
    by_address: dict[str, list[Observation]] = {}
    for seen in sorted(steps, key=lambda one: one.started):
        by_address.setdefault(seen.address or target.address, []).append(seen)
    lanes = [
        Lane(address=address, spans=tuple(_span(seen, first, whole) for seen in some))
        for address, some in by_address.items()
    ]
    return Waterfall(seconds=whole, lanes=tuple(lanes[:_MOST_LANES]), more=max(0, len(lanes) - _MOST_LANES))


def _is_no_news(seen: Observation) -> bool:
    """A record type that the name does not have, beside one that it has."""
    return seen.probe == "dns" and seen.facts.get("type") == "AAAA" and seen.failure is not None


def _span(seen: Observation, first: float, whole: float) -> Span:
    return Span(
        phase=_PHASES[seen.probe, seen.step],
        start=min(1.0, (seen.started - first) / whole),
        width=min(1.0, seen.duration_s / whole),
        duration_s=seen.duration_s,
        failure=seen.failure.value.replace("_", " ") if seen.failure else "",
    )
