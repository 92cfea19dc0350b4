"""The phases through which a job goes, of what a run observed: how long each took, and how it failed.

A look-up counts as the job sees it: its own resolver, and the name servers only where nothing else was asked. What
experiments tried afterwards is no phase.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from reports.codec import WrongValue, unix_seconds
from reports.failures import LOCAL_SHORTAGES, Failure
from reports.model import Observation, Scalar
from reports.rules.contract import CONNECT, EXCHANGE, PROXY, RESOLVE, STAGES, TLS

PHASES = STAGES

# The probe that looks names up, and what it speaks: a service beside those of targets.
DNS = "dns"

_STEPS = {
    ("tcp", "connect"): CONNECT,
    ("tcp", "connect_proxy"): CONNECT,
    ("http", "proxy"): PROXY,
    ("tls", "handshake"): TLS,
    ("http", "exchange"): EXCHANGE,
    ("service", "exchange"): EXCHANGE,
}
# Of these, what the peer needed until its first byte: how long it was then listened to is no matter.
_UNTIL_FIRST_BYTE = frozenset({PROXY, EXCHANGE})


class Step(NamedTuple):
    """One phase at one address of a target, or (``target`` is None) the look-up of a name.

    ``seconds``: None where it failed, or where nothing was waited for.
    """

    target: str | None
    phase: str
    seconds: float | None
    failure: Failure | None


def steps(observations: Iterable[Observation]) -> Iterator[Step]:
    """The phases of all targets, one an address."""
    for seen in observations:
        phase = _STEPS.get((seen.probe, seen.step))
        if phase is not None and seen.target is not None:
            yield Step(seen.target, phase, _seconds(seen, phase), _blamed(seen.failure))


def lookups(observations: Iterable[Observation]) -> dict[str, Step]:
    """What became of each name that was looked up."""
    by_resolver: dict[str, Observation] = {}
    by_servers: dict[str, list[Observation]] = defaultdict(list)
    for seen in observations:
        if seen.probe == DNS and seen.step in ("resolver", "query"):
            name = str(seen.facts.get("name", ""))
            if seen.step == "query":
                by_servers[name].append(seen)
            elif seen.failure not in LOCAL_SHORTAGES:
                by_resolver[name] = seen
    return {
        name: _lookup([by_resolver[name]] if name in by_resolver else by_servers[name])
        for name in dict.fromkeys((*by_resolver, *by_servers))
    }


def measured(value: Scalar | None) -> float | None:
    """A fact that is a number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def moment(value: Scalar | None) -> float | None:
    """A fact that is a time, as Unix seconds; None for anything else."""
    try:
        return unix_seconds(value)
    except WrongValue:
        return None


def _lookup(asked: list[Observation]) -> Step:
    """The fastest answer that has an address; without one, what the first server said of the first record type."""
    answered = [seen for seen in asked if seen.failure is None and seen.facts.get("addresses")]
    if answered:
        return Step(None, RESOLVE, min(_sane(seen.duration_s) for seen in answered), None)
    failed = [seen for seen in asked if seen.failure is not None]
    first = min(
        failed, key=lambda seen: (str(seen.facts.get("index", "")), str(seen.facts.get("type", ""))), default=None
    )
    return Step(None, RESOLVE, None, _blamed(first.failure) if first is not None else None)


def _seconds(seen: Observation, phase: str) -> float | None:
    if seen.failure is not None:
        return None
    if phase in _UNTIL_FIRST_BYTE:
        waited = measured(seen.facts.get("first_byte_s"))
        return None if waited is None else _sane(waited)
    return _sane(seen.duration_s)


def _sane(seconds: float) -> float:
    return max(0.0, seconds)


def _blamed(failure: Failure | None) -> Failure | None:
    """The failure, unless it is this machine's own."""
    return None if failure in LOCAL_SHORTAGES else failure
