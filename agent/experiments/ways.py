"""Experiments with the way to a target: how far it comes, and whether it is open in another way."""

import random
from typing import Iterator, List, Optional

from attrs import evolve

from agent.experiments.contract import Ground, patience
from probes import echo, path, tcp
from probes.connector import USUAL, Dial
from probes.contract import Ask
from probes.stream import SocketStream
from reports.addresses import is_private
from reports.groups import shows_host
from reports.model import Observation
from reports.rules.contract import Want
from reports.services import MYSQL, SERVICES, service_at

# Seconds that an experiment waits for an answer where no round trip of the way is known.
_PATIENCE = 0.5

# Where nearly every host listens, or its kernel resets.
_USUAL_PORTS = (22, 443, 80, 3389)
_MOST_PORTS = 8

# Ports that no protocol has for its own lie above; a port may be taken, then another one serves.
_LOWEST_PORT, _HIGHEST_PORT = 10000, 65535
_TRIES = 3


async def trace(want: Want, ground: Ground) -> None:
    """How far a SYN to the target comes."""
    await _trace(want, ground, path.MOST_HOPS)


async def first_hop(want: Want, ground: Ground) -> None:
    """What the first hop does with a SYN to the target: it may accept in its place."""
    await _trace(want, ground, 1)


async def _trace(want: Want, ground: Ground, most: int) -> None:
    ask = ground.ask(want.target)

    async def finish(stream: SocketStream) -> None:
        await ground.look.finish(ask, stream)

    await path.probe(hasty(ask, ground), ground.network, ground.notes, finish, most)


async def ask_host(want: Want, ground: Ground) -> None:
    """Whether the target's host answers anything but TCP."""
    await echo.probe(hasty(ground.ask(want.target), ground), ground.network, ground.notes)


async def explore(want: Want, ground: Ground) -> None:
    """Other ports of the target's host, where the plan allows them, until it answers at one."""
    if ground.plan.limits.explore != "hosts":
        return
    ask = hasty(ground.ask(want.target), ground)
    for port in _other_ports(ask, ground):
        made = await tcp.attempt(ask, "explore", ground.network, ground.notes, port)
        if made is None:
            return
        if made.stream is not None:
            await made.stream.close()
        if shows_host(made.seen):
            return


async def connect_from(want: Want, ground: Ground) -> None:
    """The target from another address of this machine, ``want.address``."""
    await _attempt(want, "connect_from", Dial(source=str(want.address)), ground)


async def connect_port(want: Want, ground: Ground) -> None:
    """The target from ports that this machine never takes by itself; where that is answered, from a usual one again."""
    answered = False
    for ports in _unused_ports(ground):
        for port in random.sample(ports, min(_TRIES, len(ports))):
            seen = await _attempt(want, "connect_port", Dial(source_port=port), ground)
            if seen is not None:
                answered = answered or shows_host(seen)
                break
    if answered:
        await _attempt(want, "connect_port", USUAL, ground)


async def _attempt(want: Want, step: str, dial: Dial, ground: Ground) -> Optional[Observation]:
    """One handshake with the target in another way, ended as its service wants it; None where it cannot be made."""
    ask = ground.ask(want.target)
    made = await tcp.attempt(hasty(ask, ground), step, ground.network, ground.notes, dial=dial)
    if made is None:
        return None
    if made.stream is not None:
        await ground.look.finish(ask, made.stream)
    return made.seen


def hasty(ask: Ask, ground: Ground) -> Ask:
    """The same, with as much patience as the slowest known round trip of its way suggests."""
    round_trips = [
        float(seen.facts["rtt_s"])
        for seen in ground.notes.observations
        if seen.probe == "tcp"
        and "rtt_s" in seen.facts
        and is_private(str(seen.facts["ip"])) == is_private(ask.address)
    ]
    return evolve(ask, timeout=min(ask.timeout, patience(max(round_trips)) if round_trips else _PATIENCE))


def _other_ports(ask: Ask, ground: Ground) -> List[int]:
    """Ports of the target's host that were not tried: the usual ones, and those of its group's services."""
    target = ask.target
    group = [other for other in ground.plan.targets if target.group is not None and other.group == target.group]
    services = dict.fromkeys(other.service for other in (target, *group))
    ports = dict.fromkeys((*_USUAL_PORTS, *(port for name in services for port in SERVICES[name].ports)))
    tried = {
        seen.facts.get("port")
        for seen in ground.notes.observations
        if seen.probe == "tcp" and seen.facts.get("ip") == ask.address
    }
    return [port for port in ports if port not in tried and service_at(port) != MYSQL][:_MOST_PORTS]


def _unused_ports(ground: Ground) -> Iterator[range]:
    """The ports below and above those that this machine takes for a connection (ip(7), ip_local_port_range)."""
    for seen in ground.notes.observations:
        if (seen.probe, seen.step) == ("local", "limits") and "ports_low" in seen.facts:
            yield range(_LOWEST_PORT, int(seen.facts["ports_low"]))
            yield range(int(seen.facts["ports_high"]) + 1, _HIGHEST_PORT + 1)


async def connect_past_proxy(want: Want, ground: Ground) -> None:
    """Whether a target that is reached through an HTTP proxy answers without it."""
    target = ground.target(want.target)
    if service_at(target.port) == MYSQL:
        return  # this look finishes no handshake
    for address in (await ground.resolve(target.host))[:1]:
        await tcp.probe_direct(ground.look.ask(target, address), ground.network, ground.notes)
