"""What a contrast is: a difference between vantage points, or a likeness, and what it proves.

A contrast that holds multiplies how likely each cause is: above 1 it supports, below it weakens, 0 clears (the cause is
then reported as ruled out, with the contrast's words). What one vantage point alone could not think of is brought in
with a weight. The causes start with the shares that the reports of those that fail gave them.
"""

from typing import Callable, Dict, FrozenSet, Iterable, Mapping, Optional, Tuple

from attrs import Factory, frozen

from reports.causes import CAUSES
from reports.comparison.view import View

Test = Callable[[View], Optional[str]]

# The destination itself: whoever reaches it from anywhere clears these.
OF_TARGET: FrozenSet[str] = frozenset(
    {"host_down", "service_not_listening", "accept_queue_full", "service_hang", "service_error", "service_slow"}
    | {"wrong_service", "http_5xx", "accept_then_reset", "accept_then_close", "destination_connection_limit"}
    | {"tls_expired", "tls_not_yet_valid", "tls_port_speaks_plaintext"}
)
# What the job declares and what the platform made of it; equal for all instances of one job.
OF_JOB: FrozenSet[str] = frozenset(
    {cause.code for cause in CAUSES.values() if cause.layer == "config"}
    | {"access_list_missing_host", "access_list_missing_port", "access_list_stale_ip"}
)
OF_ENI: FrozenSet[str] = frozenset(cause.code for cause in CAUSES.values() if cause.layer == "eni")
OF_ROUTE: FrozenSet[str] = frozenset({"blackhole_route", "router_no_route", "destination_other_vpc"})
OF_MACHINE: FrozenSet[str] = frozenset({"local_firewall_drop", "local_reject_route", "no_default_route", "wrong_route"})


@frozen(kw_only=True)
class Contrast:
    """One difference, or likeness.

    ``test`` gives its words where it holds, else None; empty words: another contrast tells it already.
    """

    name: str
    test: Test
    factors: Mapping[str, float] = Factory(dict)
    brings: Mapping[str, float] = Factory(dict)


def of(*families: Tuple[Iterable[str], float], **single: float) -> Dict[str, float]:
    """Factors for whole families, then for single causes."""
    factors = {cause: factor for family, factor in families for cause in family}
    factors.update(single)
    return factors
