"""How many connections the way to a target holds, and which limit it is: the ascents, and what tells limits apart.

A limit of connections is met at the same number again by a slower ascent, a limit of new ones per second is not.
"""

import asyncio
import contextlib
import itertools
from typing import Any, AsyncContextManager, AsyncIterator, Callable, Iterator, List, Mapping, Optional, Sequence, Tuple

from attrs import evolve

from agent.experiments.contract import Ground, patience
from probes import services
from probes.contract import Ask, Notes
from probes.controls import Control, Controls
from probes.holding import ANSWER, SILENT, UNANSWERED, Holding, Manners, Said
from probes.network import Network
from probes.pace import Count, Pace, approaching, is_limited, rising
from probes.saturation import TURNED_AWAY, Ramp
from probes.stream import SocketStream
from reports.failures import Failure
from reports.maxcompute.settings import read
from reports.maxcompute.ways import way_of
from reports.model import Facts, Observation, Plan, Saturate, Target
from reports.saturation import Ascent, limit_of, rate_of, same
from reports.services import HTTP, SERVICES, TCP_ONLY, is_mysql, is_tls

# Seconds. MySQL waits for a handshake to be finished (connect_timeout, 10 s by default).
_MYSQL_WAITS = 8.0
# A kill leaves so many handshakes unfinished at most: the server blocks our host after 100 (max_connect_errors).
_MYSQL_MOST = 50
# A service that answered in t is given so many t, and at least so many seconds.
_ANSWERS, _LEAST_ANSWER = 5, 0.3
# At a limit four handshakes are waited for, one after the other, in a second that is others' as well.
_LEAST_PATIENCE = 0.16
# A way that is as long as the usual patience is given this many round trips instead.
_FEWEST_ROUND_TRIPS = 2

# Services after whose first exchange the connection stays open.
_STAYS_OPEN = frozenset({"redis", "mongodb", "kafka", TCP_ONLY})

# How far a second ascent goes past the limit of the first: so many, or this part of it.
_PAST, _PAST_SHARE = 5, 5
# A limited rate is looked for between these parts of the rate at which some were refused.
_BELOW, _BEYOND = 0.9, 1.15
# It is counted so many times at least, and at most until it is sure.
_COUNTED, _MOST_COUNTED = 4, 8
# Seconds before whatever is tried again.
_PAUSE = 1.0
# Ascents after the first one; and for how long a router may keep the place of a connection that was reset
# (nf_conntrack_tcp_timeout_close is 10 s).
_MOST_ASCENTS, _FORGETS = 3, 11.0
# Other targets that may serve as controls, of each kind: through the same way, and at another port of the same host.
_CONTROLS = 3
# How many connections stay idle where the plan asks how long that may be.
_IDLE = 3


# Who holds so many connections at most; all of them are given back when it is left.
Hold = Callable[[Ask, Network, Manners, int], AsyncContextManager[Holding]]


@contextlib.asynccontextmanager
async def hold_here(ask: Ask, network: Network, manners: Manners, connections: int) -> AsyncIterator[Holding]:
    """This process holds all of them."""
    with network.holding(ask, connections):
        async with Holding(ask, network, manners) as holding:
            yield holding


async def measure(target: Target, ground: Ground, hold: Hold = hold_here) -> None:
    """Hold as many connections to the target as its way lets, at most as the plan says, and give all of them back."""
    asked = target.saturate
    if asked is None:
        return
    ask = ground.ask(target.name)
    if is_mysql(target.service, target.port):
        asked = evolve(asked, connections=min(asked.connections, _MYSQL_MOST))
    manners = await _tried(_manners(ask, ground), ask, ground)
    controls = Controls(
        ask, tuple(_controls(ask, ground)), ground.network, ground.notes, manners.patience, ground.look.finish
    )
    counted: List[Count] = []
    async with hold(ask, ground.network, manners, asked.connections) as holding:
        ramp = Ramp(ask, ground.notes, holding, controls, manners.patience)
        try:
            await _ascend(ramp, holding, manners, asked, counted)
        finally:
            _conclude(ask, ground.notes, asked, ramp.ascents, counted, holding.facts)
        if asked.idle:
            await holding.give_back(len(holding))
            await ramp.idle(min(_IDLE, asked.connections), asked.idle)


async def _ascend(ramp: Ramp, holding: Holding, manners: Manners, asked: Saturate, counted: List[Count]) -> None:
    first = await ramp.ascend(asked.connections, rising(asked.rate))
    if first.ended_by == "maximum" and first.rate < asked.rate:
        await holding.give_back(len(holding))
        await _count(ramp, Pace(max(1.0, first.rate_at_limit), asked.rate), asked.rate, counted)
    before = first
    for _ in range(_MOST_ASCENTS):
        # A service that says so itself has enough of what is asked at once, however many are held.
        if not before.refused or (before.spread and before.sign in (ANSWER, UNANSWERED)):
            return
        await asyncio.sleep(_FORGETS if _must_forget(ramp, first, before) else _PAUSE)
        now = await _again(ramp, holding, manners, asked, before.held, max(first.rate, before.rate) / 2)
        if now.ended_by == "maximum":
            # What stopped the last one was no number of connections: their rate, or it has passed.
            await holding.give_back(len(holding))
            most = min(asked.rate, _BEYOND * before.rate)
            await _count(ramp, approaching(max(1.0, _BELOW * before.rate_at_limit), most), most, counted)
            if counted:
                return
            ramp.lossy = before.spread
            now = await ramp.ascend(asked.connections, rising(asked.rate))
        elif before.spread and now.spread:
            if now.sign in TURNED_AWAY:
                return
            ramp.lossy = True
        elif not (before.spread or now.spread) and same(before.held, now.held):
            return
        before = now


def _must_forget(ramp: Ramp, first: Ascent, before: Ascent) -> bool:
    """Whether what ended may still take a place: a source port towards this destination, which was reset just now."""
    return before.held < first.held or (ramp.controls.others_pass and before.sign == SILENT and not before.spread)


async def _again(ramp: Ramp, holding: Holding, manners: Manners, asked: Saturate, near: int, rate: float) -> Ascent:
    """Once more, more slowly, and carefully where the last one ended; somewhat past it."""
    most = min(asked.connections, near + max(_PAST, near // _PAST_SHARE))
    if manners.longest:
        # Those that are still held are too old for a slow ascent.
        await holding.give_back(len(holding))
        return await ramp.ascend(most, rising(asked.rate), near, freed=True)
    return await ramp.ascend(most, Pace(max(1.0, rate)), near, freed=True)


async def _count(ramp: Ramp, pace: Pace, most: float, counted: List[Count]) -> None:
    """Count a limited rate a few times, if there is one."""
    for _ in range(_MOST_COUNTED):
        one = await ramp.count_rate(pace)
        if one is None:
            # What happens once is no limit.
            counted.clear()
            return
        counted.append(one)
        if len(counted) >= _COUNTED and is_limited(counted):
            return
        await asyncio.sleep(_PAUSE)
        pace = approaching(max(1.0, one.passed / one.seconds), most)
    counted.clear()


def _conclude(
    ask: Ask,
    notes: Notes,
    asked: Saturate,
    ascents: Sequence[Ascent],
    counted: Sequence[Count],
    holders: Facts,
) -> None:
    with notes.step("saturation", "limit", ask) as step:
        rate = rate_of([(one.passed, one.seconds) for one in counted])
        limit = limit_of(ascents) if rate is None else None
        if limit is not None:
            step.note("limit", int(limit.value))
            step.note("limit_low", int(limit.low))
            step.note("limit_high", int(limit.high))
        if rate is not None:
            step.note("rate_limit", round(rate.value, 1))
            step.note("rate_low", round(rate.low, 1))
            step.note("rate_high", round(rate.high, 1))
        step.note("held", max(one.held for one in ascents))
        step.note("tried", max(one.tried for one in ascents))
        step.note("maximum", asked.connections)
        step.note("ended_by", ascents[-1].ended_by or None)
        if limit is None:
            step.note("unlimited_to", max(one.held for one in ascents))
        for key, value in holders.items():
            step.note(key, value)


def with_controls(plan: Plan, measured: Mapping[str, Target]) -> Tuple[Target, ...]:
    """The measured ones and, of the others, those that may serve as their controls; in the plan's order."""
    declared = read(plan.settings, plan.region, plan.targets)
    ways = {target.name: way_of(declared, target) for target in plan.targets}
    others = [target for target in plan.targets if target.name not in measured]
    kept = set(measured)
    for target in measured.values():
        same_host = (one.name for one in others if one.host == target.host and one.port != target.port)
        same_way = (one.name for one in others if one.host != target.host and ways[one.name] == ways[target.name])
        kept.update(itertools.islice(same_host, _CONTROLS))
        kept.update(itertools.islice(same_way, _CONTROLS))
    return tuple(
        measured.get(target.name) or evolve(target, saturate=None, measure=())
        for target in plan.targets
        if target.name in kept
    )


def _controls(ask: Ask, ground: Ground) -> Iterator[Control]:
    """Other targets of the plan that answer: one through the same way, and one at another port of the same host."""
    wanted = {"way": True, "port": True}
    way = _way(ask.target.name, ground.notes.observations)
    for seen in ground.notes.observations:
        if (seen.probe, seen.step) != ("tcp", "connect") or seen.failure is not None or seen.target is None:
            continue
        address = str(seen.facts["ip"])
        other = ground.look.ask(ground.target(seen.target), address)
        if address != ask.address:
            kind = "way" if _way(seen.target, ground.notes.observations) == way else ""
        else:
            kind = "port" if other.port != ask.port else ""
        if wanted.pop(kind, False):
            yield Control(kind=kind, ask=other)


def _way(target: str, observations: Sequence[Observation]) -> Optional[Any]:
    coverage = (
        seen for seen in observations if (seen.probe, seen.step, seen.target) == ("settings", "coverage", target)
    )
    return next((seen.facts.get("way") for seen in coverage), None)


def _manners(ask: Ask, ground: Ground) -> Manners:
    round_trip = max(
        (float(seen.facts["rtt_s"]) for seen in _of(ask, ground) if seen.probe == "tcp" and "rtt_s" in seen.facts),
        default=0.0,
    )
    waits = max(patience(round_trip, _LEAST_PATIENCE), _FEWEST_ROUND_TRIPS * round_trip)
    answered = max((seen.duration_s for seen in _of(ask, ground) if seen.step == "exchange"), default=0.0)
    return manners_of(ask, waits, max(_LEAST_ANSWER, waits, _ANSWERS * answered))


def manners_of(ask: Ask, waits: float, answer: float) -> Manners:
    """How connections to this target are held: each is spoken to once, where its service then leaves it open.

    ``waits``, ``answer``: seconds in which a handshake, and the service's first answer, come or do not.
    """
    patient = evolve(ask, timeout=answer)
    target = ask.target
    service = SERVICES[target.service]
    if is_mysql(target.service, target.port):
        return Manners(
            patience=waits,
            answer=answer,
            greet=lambda stream: _greet_mysql(patient, stream),
            finish=lambda stream, number: services.finish_mysql(patient, stream, number),
            longest=_MYSQL_WAITS,
        )
    if is_tls(target.service, target.port):
        return Manners(patience=waits, answer=answer)
    if service.exchange == HTTP:
        return Manners(patience=waits, answer=answer, greet=lambda stream: _greet_http(patient, stream))
    if service.exchange not in _STAYS_OPEN:
        patient = evolve(patient, target=evolve(target, service="tcp"))
    return Manners(patience=waits, answer=answer, greet=lambda stream: _greet(patient, stream))


async def _tried(manners: Manners, ask: Ask, ground: Ground) -> Manners:
    """The same, without a word where one makes the service end the connection (HTTP without keep-alive)."""
    if manners.greet is None or manners.longest:
        return manners
    async with Holding(ask, ground.network, manners) as holding:
        await holding.open_one()
        await asyncio.sleep(manners.patience / 2)
        return manners if len(holding) and not await holding.bury() else evolve(manners, greet=None)


def _of(ask: Ask, ground: Ground) -> Iterator[Observation]:
    return (seen for seen in ground.notes.observations if seen.target == ask.target.name and seen.failure is None)


async def _greet_mysql(ask: Ask, stream: SocketStream) -> Said:
    notes = Notes()
    number = await services.begin_mysql(ask, stream, notes)
    return _said(notes, token=number)


async def _greet_http(ask: Ask, stream: SocketStream) -> Said:
    from probes import http  # noqa: PLC0415 - start-up: a plan of plain ports needs no HTTP

    notes = Notes()
    await http.probe(ask, stream, notes, sizes=http.Sizes(body=0, keep=True))
    return _said(notes)


async def _greet(ask: Ask, stream: SocketStream) -> Said:
    notes = Notes()
    await services.exchange(ask, stream, notes, stream.rtt_s)
    return evolve(_said(notes), spoken=SERVICES[ask.target.service].exchange != TCP_ONLY)


def _said(notes: Notes, token: Optional[Any] = None) -> Said:
    seen = notes.observations[-1]
    busy = seen.facts.get("status") in (429, 503) or seen.failure is Failure.TOO_MANY_CONNECTIONS
    return Said(failure=seen.failure, busy=busy, token=token)
