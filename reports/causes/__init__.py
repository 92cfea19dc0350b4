"""The catalogue of causes: what can be wrong, how bad it is, who must act, and what to change.

A code never changes its meaning; new ones may be added. A remedy is a text for a person; in braces stand fields that
reports/remedies.py fills from the evidence ({targets}, {destinations}, {ports}, {source}, {vswitch}, {host}, ...).
"""

from typing import Dict, FrozenSet, Tuple

from reports.causes import config, dns, egress, eni, filter, http, local, path, route, service, tls  # noqa: A004 - layers
from reports.causes.entry import ADMIN, AUTHOR, CRITICAL, DBA, INFO, NETWORK, TICKET, WARNING, Cause
from reports.failures import Failure

__all__ = [
    "ADMIN",
    "AUTHOR",
    "CAUSES",
    "CRITICAL",
    "DBA",
    "ENTRIES",
    "FALLBACK",
    "INFO",
    "LAYERS",
    "NETWORK",
    "TICKET",
    "UNDETERMINED_CAUSES",
    "WARNING",
    "Cause",
]

LAYERS = ("config", "dns", "local", "eni", "route", "filter", "egress", "service", "http", "tls", "path")


ENTRIES: Tuple[Cause, ...] = (
    config.ENTRIES
    + dns.ENTRIES
    + local.ENTRIES
    + eni.ENTRIES
    + route.ENTRIES
    + filter.ENTRIES
    + egress.ENTRIES
    + service.ENTRIES
    + http.ENTRIES
    + tls.ENTRIES
    + path.ENTRIES
)

CAUSES: Dict[str, Cause] = {cause.code: cause for cause in ENTRIES}

# A cause whose findings leave the target's verdict open: this machine, not the target, is at fault.
UNDETERMINED_CAUSES: FrozenSet[str] = frozenset({"local_resources"})

# What a failure means where no rule has anything better to say: no failure goes without a cause.
FALLBACK: Dict[Failure, str] = {
    Failure.TIMED_OUT: "service_hang",
    Failure.EOF: "accept_then_close",
    Failure.CONNECTION_RESET: "accept_then_reset",
}
