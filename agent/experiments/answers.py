"""Experiments where somebody on the way accepts every connection: whole exchanges tell what handshakes do not."""

from attrs import evolve

from agent.experiments.contract import MOST_PATIENCE, Ground
from probes import answer
from probes.contract import Ask, Notes
from probes.stream import Stream
from reports.addresses import is_private
from reports.rules.contract import Want
from reports.services import is_mysql

# The median of nine lies between the second and the eighth of them (96 %).
_TIMED = 9
# What a plan asks for is measured more exactly.
_ASKED = 90
_WITHIN = 6.0
# The part of a target's bytes that a series may take.
_PART = 4


async def exchange_from(want: Want, ground: Ground) -> None:
    """The target's exchange from another address of this machine, ``want.address``."""
    ask = _hasty(ground.ask(want.target), ground)
    await answer.probe_from(ask, str(want.address), ground.network, ground.notes, _speaker(ask, ground))


async def exchanges(want: Want, ground: Ground) -> None:
    """Whether exchanges with the target, at the address ``want.address``, lose packets."""
    await _repeat(want, ground, answer.Series())


async def round_trips(want: Want, ground: Ground) -> None:
    """How long they take: no more of them than it needs."""
    await _repeat(want, ground, answer.Series(most=_TIMED, within=_WITHIN))


async def _repeat(want: Want, ground: Ground, series: answer.Series) -> None:
    target = ground.target(want.target)
    ask = _hasty(ground.look.ask(target, want.address or ""), ground)
    series = evolve(series, most_bytes=ground.plan.limits.bytes_per_target // _PART)
    if "loss" in target.measure:
        series = evolve(series, most=_ASKED, within=_WITHIN)
    await answer.probe_series(ask, ground.network, ground.notes, _speaker(ask, ground), series)


def _speaker(ask: Ask, ground: Ground) -> answer.Speak:
    async def speak(stream: Stream, notes: Notes) -> None:
        # Of HTTP the head is enough.
        await ground.look.speak(ask, stream, notes, sizes={"body": 0})

    return speak


def _hasty(ask: Ask, ground: Ground) -> Ask:
    """The same, with as much patience as the promptest answer by its way suggests. MySQL's handshakes are finished."""
    if is_mysql(ask.target.service, ask.port):
        return ground.look.patient(ask)
    answered = [
        seen.duration_s
        for seen in ground.notes.observations
        if seen.step in ("exchange", "handshake")
        and seen.facts.get("bytes_in")
        and is_private((seen.address or "").rpartition(":")[0].strip("[]")) == is_private(ask.address)
    ]
    return evolve(ask, timeout=MOST_PATIENCE + min(answered, default=0.0))
