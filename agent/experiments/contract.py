"""What an experiment is given, and what it is."""

from typing import Awaitable, Callable, Optional, Tuple

from attrs import frozen

from agent.look import Look
from probes.contract import Ask, Notes
from probes.local import Machine
from probes.network import Network
from probes.resolv_conf import ResolverConfig
from reports.model import Plan, Target
from reports.proxies import Proxy
from reports.rules.contract import Want

# How long an experiment waits for an answer (seconds): so many round trips of its way, in these bounds. Well before
# Linux would send a SYN again, and no sooner than a host that is busy for a moment answers.
_ROUND_TRIPS = 10
LEAST_PATIENCE, MOST_PATIENCE = 0.2, 0.6


def patience(round_trip: float, least: float = LEAST_PATIENCE) -> float:
    """Seconds that an answer is waited for where the way takes ``round_trip`` seconds."""
    return min(max(least, _ROUND_TRIPS * round_trip), MOST_PATIENCE)


@frozen
class Ground:
    """What a run has when it comes to experiments.

    ``resolve`` gives the addresses of a host, by whom the run asks; ``proxy`` the HTTP proxy that leads to a target.
    """

    plan: Plan
    network: Network
    notes: Notes
    machine: Machine
    look: Look
    config: ResolverConfig
    resolve: Callable[[str], Awaitable[Tuple[str, ...]]]
    proxy: Callable[[Target], Optional[Proxy]]

    def target(self, name: Optional[str]) -> Target:
        """The plan's target of that name."""
        return next(target for target in self.plan.targets if target.name == name)

    def ask(self, name: Optional[str]) -> Ask:
        """The target at the address at which it was tried last."""
        tried = [seen for seen in self.notes.observations if (seen.probe, seen.target) == ("tcp", name)]
        return self.look.ask(self.target(name), str(tried[-1].facts["ip"]))


Experiment = Callable[[Want, Ground], Awaitable[None]]
