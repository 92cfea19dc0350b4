"""Experiments with the declared neighbours of a silent target: interfaces of its vSwitch that no target names."""

from attrs import evolve

from agent.experiments.contract import Ground
from agent.experiments.ways import hasty
from probes import tcp
from reports.groups import shows_host
from reports.model import Target, join_port
from reports.rules.contract import Want

# Of the ports that the plan declares for a vSwitch, so many are tried.
_MOST_PORTS = 3


async def connect(want: Want, ground: Ground) -> None:
    """The declared interface ``want.address`` at declared ports of its vSwitch, until it answers at one."""
    interface = str(want.address)
    ports = next((network.ports for network in ground.plan.networks if interface in network.enis), ())
    silent = hasty(ground.ask(want.target), ground)
    for port in ports[:_MOST_PORTS]:
        neighbour = Target(name=join_port(interface, port), host=interface, port=port)
        ask = evolve(silent, target=neighbour, address=interface)
        made = await tcp.attempt(ask, "connect_neighbour", ground.network, ground.notes, of_target=False)
        if made is None:
            return
        if made.stream is not None:
            await ground.look.finish(ask, made.stream)
        if shows_host(made.seen):
            return
