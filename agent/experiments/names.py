"""Experiments with name servers."""

from agent.experiments.contract import Ground
from probes import dns, resolv_conf
from reports.rules.contract import Want


async def ask_control(want: Want, ground: Ground) -> None:
    """Whether the name server ``want.address`` answers anything."""
    for index, server in enumerate(ground.config.servers):
        if resolv_conf.label(server) == want.address:
            await dns.control(server, index, ground.network, ground.notes, ground.plan.limits.connect_timeout)
