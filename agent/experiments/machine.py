"""Experiments with this machine itself: they send nothing."""

from agent.experiments.contract import Ground
from reports.failures import LOCAL_SHORTAGES
from reports.rules.contract import Want


async def way(want: Want, ground: Ground) -> None:
    """Which way this machine takes to an address that answers, for comparison."""
    ground.machine.way(str(want.address))


async def own_filter(want: Want, ground: Ground) -> None:  # noqa: ARG001 - the shape of an experiment
    """What of this machine's own packet filter keeps the connections that failed from leaving."""
    from probes import nftables  # noqa: PLC0415 - start-up: hardly any run has a use for it

    seen = tuple(ground.notes.observations)
    ways = {one.facts.get("ip"): one.facts for one in seen if (one.probe, one.step) == ("local", "way")}
    packets = []
    for one in seen:
        broken = one.failure is not None and one.failure not in LOCAL_SHORTAGES
        if (one.probe, one.step) == ("tcp", "connect") and broken:
            ask = ground.look.ask(ground.target(one.target), str(one.facts["ip"]))
            taken = ways.get(ask.address, {})
            source, interface = (str(taken.get(key, "")) for key in ("source", "interface"))
            packet = nftables.Packet(destination=ask.address, port=ask.port, source=source, interface=interface)
            packets.append((ask, packet))
    await nftables.probe(packets, ground.notes)


async def ports(want: Want, ground: Ground) -> None:  # noqa: ARG001 - the shape of an experiment
    """Which destination takes this machine's local ports."""
    from probes import ports as local_ports  # noqa: PLC0415 - as above

    for seen in tuple(ground.notes.observations):
        if (seen.probe, seen.step) == ("local", "limits") and "ports_low" in seen.facts:
            local_ports.observe(int(seen.facts["ports_low"]), int(seen.facts["ports_high"]), ground.notes)
