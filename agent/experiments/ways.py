"""Experiments with the way to a target."""

from agent.experiments.contract import Ground
from probes import path, tcp
from probes.network import SocketStream
from reports.rules.contract import Want
from reports.services import MYSQL, service_at


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

    await path.probe(ask, ground.network, ground.notes, finish, most)


async def connect_past_proxy(want: Want, ground: Ground) -> None:
    """Whether a target that is reached through an HTTP proxy answers without it."""
    target = ground.target(want.target)
    if service_at(target.port) == MYSQL:
        return  # this look finishes no handshake
    for address in (await ground.resolve(target.host))[:1]:
        await tcp.probe_direct(ground.look.ask(target, address), ground.network, ground.notes)
