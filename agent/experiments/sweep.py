"""The plan's networks, address by address: after everything else, and by one instance of a job."""

import asyncio
import errno
import math
import time
from functools import partial
from typing import TYPE_CHECKING, List, Optional, Sequence

from agent.experiments import link
from agent.experiments.contract import MOST_PATIENCE, Ground, patience
from agent.together import together
from probes import subnet
from probes.local import Machine
from probes.sweep.contract import why_not
from reports.addresses import is_private
from reports.model import Network
from reports.services import MYSQL

if TYPE_CHECKING:
    from probes.nftables import Ruleset

# Seconds that an answer is waited for where no round trip is known.
_PATIENCE = 0.5
# Seconds that the networks take which nobody has asked for.
_BY_ITSELF = 10.0
# Seconds of the run that are left to what comes after.
_KEPT = 0.5


async def networks(swept: Sequence[Network], ground: Ground, at_once: int, end: float) -> None:
    """Ask all of them, ``at_once`` questions at a time, and begin none that does not end before ``end`` (monotonic)."""
    plan = ground.plan
    patient = partial(_patience, plan.limits.connect_timeout, _slowest_known(ground))
    manner = partial(
        subnet.Manner,
        patience=patient,
        # More would only wait to be let begin.
        at_once=max(1, min(at_once, math.ceil(plan.limits.rate * MOST_PATIENCE))),
        rate=plan.limits.rate,
        packet_rate=plan.limits.packet_rate,
        mysql=[target.port for target in plan.targets if target.service == MYSQL],
        why_not=why_not,
        kept_back=_OwnFilter(ground.machine).keeps_back,
    )
    for asked_for, most in ((False, _BY_ITSELF), (True, plan.limits.deadline)):
        some = [network for network in swept if bool(network.sweep) is asked_for]
        within = min(most, end - time.monotonic() - _KEPT)
        if not some:
            continue
        over, finish, route = time.monotonic() + within, ground.look.finish, ground.machine.route
        asked = subnet.probe(some, ground.network, ground.notes, finish, manner(within=within), route)
        await together([asked, *(link.ask(network, ground, partial(patient, 0.0), over) for network in some)])


class _OwnFilter:
    """This machine's own packet filter, read once, and only where a port is silent throughout."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._read: List[Optional[Ruleset]] = []

    async def keeps_back(self, address: str, port: int) -> str:
        """Why it lets nothing out to the port of the address; "" where it does, or where this process may not know."""
        from probes import nftables  # noqa: PLC0415 - start-up: hardly any run has a use for it

        if not nftables.may_read():
            return ""
        if not self._read:
            self._read.append(await asyncio.get_event_loop().run_in_executor(None, nftables.read))
        [rules], way = self._read, self._machine.route(address)
        source, interface = (way.source, way.interface) if way is not None else ("", "")
        packet = nftables.Packet(destination=address, port=port, source=source, interface=interface)
        refusal = rules.refusal(packet) if rules is not None else None
        if refusal is None or not refusal.certain:
            return ""
        return "%s (%s)" % (why_not(errno.EPERM), refusal.words)


def _slowest_known(ground: Ground) -> float:
    """The slowest round trip to a private address, in seconds; 0.0 where none is known."""
    round_trips = (
        float(seen.facts["rtt_s"])
        for seen in ground.notes.observations
        if seen.probe == "tcp" and "rtt_s" in seen.facts and is_private(str(seen.facts["ip"]))
    )
    return max(round_trips, default=0.0)


def _patience(most: float, known: float, slowest: float, again: bool) -> float:
    """See probes.subnet.Manner. A network of which nothing came may be farther away than any that is known."""
    if not slowest and (again or not known):
        return min(most, MOST_PATIENCE if again else _PATIENCE)
    return min(most, patience(max(slowest, known)))
