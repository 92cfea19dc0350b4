"""Repeated handshakes: what a way loses, and how long it takes."""

from typing import Optional

from attrs import evolve

from agent.experiments.contract import MOST_PATIENCE, Ground, patience
from probes import loss
from probes.contract import Ask
from probes.stream import SocketStream
from reports.failures import Failure
from reports.rules.contract import Want
from reports.services import is_mysql

# A way that is as long as the usual patience is given this many instead.
_FEWEST_ROUND_TRIPS = 2

# What a plan asks for is measured more exactly: 4 % are told from nothing, and from 10 %.
_ASKED = 200
_WITHIN = 6.0
# The median of nine lies between the second and the eighth of them (96 %).
_TIMED = 9


async def handshakes(want: Want, ground: Ground) -> None:
    """Whether handshakes with the target, at the address ``want.address``, lose packets."""
    await _repeat(want, ground, loss.Series())


async def round_trips(want: Want, ground: Ground) -> None:
    """How long they take: enough of them that a slow one is no outlier, and not one more."""
    await _repeat(want, ground, loss.Series(enough=_TIMED))


async def _repeat(want: Want, ground: Ground, series: loss.Series) -> None:
    target = ground.target(want.target)
    ask = ground.look.ask(target, want.address or "")
    series = evolve(series, patience=_patience(ask, ground))
    if "loss" in target.measure:
        series = evolve(series, enough=_ASKED, most=_ASKED, within=_WITHIN)

    async def finish(stream: SocketStream) -> Optional[Failure]:
        if is_mysql(target.service, target.port):
            return await ground.look.finish(ask, stream)
        await stream.close()
        return None

    await loss.probe(ask, ground.network, ground.notes, finish, series)


def _patience(ask: Ask, ground: Ground) -> float:
    """As long as this way's answers make sensible; where it gave none, as the slowest of the run's do."""
    answered = [seen for seen in ground.notes.observations if seen.probe == "tcp" and "rtt_s" in seen.facts]
    answered = [seen for seen in answered if seen.facts.get("syns") == 1]
    own = [seen for seen in answered if seen.facts.get("ip") == ask.address]
    rtts = [float(seen.facts["rtt_s"]) for seen in own or answered]
    if not rtts:
        return min(ask.timeout, MOST_PATIENCE)
    return min(ask.timeout, max(patience(max(rtts)), _FEWEST_ROUND_TRIPS * max(rtts)))
