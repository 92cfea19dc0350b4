"""The first look once more, at what failed fast and for certain: whether it still does."""

import asyncio
import time
from typing import Optional

from attrs import evolve

from agent.experiments.contract import MOST_PATIENCE, Ground
from probes import dns, tcp
from probes.contract import Ask, Notes, observed
from reports.failures import LOCAL_SHORTAGES, Failure
from reports.model import Facts, Observation
from reports.rules.contract import Want
from reports.services import is_mysql

# Seconds between the two, at least: what is over sooner is seen by nobody.
_APART = 0.25


async def look(want: Want, ground: Ground) -> None:
    """The target at the address ``want.address``, as at first, over one connection."""
    ask = ground.look.ask(ground.target(want.target), str(want.address))
    first = [seen for seen in ground.notes.observations if seen.target == want.target]
    await _pause(first[-1])
    brief = evolve(ask, timeout=MOST_PATIENCE + max(seen.duration_s for seen in first))
    heard, started, start = Notes(), round(time.time(), 6), time.monotonic()
    stream = await tcp.probe(brief, ground.network, heard)
    if stream is not None:
        mysql = is_mysql(ask.target.service, ask.port)
        # Whatever comes of the answer: how it begins is enough.
        await ground.look.speak(ground.look.patient(ask) if mysql else brief, stream, heard, sizes={"body": 1})
    _note(heard, ask, started, time.monotonic() - start, ground)


def _note(heard: Notes, ask: Ask, started: float, took: float, ground: Ground) -> None:
    last = heard.observations[-1]
    facts: Facts = {"ip": ask.address, "port": ask.port, "last": "%s %s" % (last.probe, last.step)}
    if last.failure not in LOCAL_SHORTAGES:
        seen = observed(
            "again", "look", ask.target.name, heard.observations[0].address, last.failure, started, took, facts
        )
        ground.notes.add(seen)


async def lookup(want: Want, ground: Ground) -> None:
    """The name servers, about the name ``want.address``."""
    name = str(want.address)
    first = [seen for seen in ground.notes.observations if seen.probe == "dns" and seen.facts.get("name") == name]
    await _pause(first[-1])
    asked, heard, started, start = dns.Lookup.of(name), Notes(), round(time.time(), 6), time.monotonic()
    await dns.probe(asked, ground.config, ground.network, heard, MOST_PATIENCE, None)
    failure = None if asked.addresses else _failure(heard)
    if failure not in LOCAL_SHORTAGES:
        took = time.monotonic() - start
        ground.notes.add(observed("again", "lookup", None, None, failure, started, took, {"name": name}))


def _failure(heard: Notes) -> Optional[Failure]:
    return next((seen.failure for seen in heard.observations if seen.failure is not None), None)


async def _pause(first: Observation) -> None:
    await asyncio.sleep(max(0.0, min(_APART, first.started + first.duration_s + _APART - time.time())))
