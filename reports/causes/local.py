"""Layer local: this machine itself."""

from typing import Tuple

from reports.causes.entry import AUTHOR, WARNING, Cause

ENTRIES: Tuple[Cause, ...] = (
    Cause(
        "local_firewall_drop",
        "local",
        "an outbound rule on this machine drops or rejects the packets",
        "on {vantage}: let the output chain pass TCP to {destinations} ({filter_rule})",
        decided_by="the machine's own rules, read with root",
    ),
    Cause(
        "local_reject_route",
        "local",
        "a blackhole, unreachable or prohibit route or policy rule on this machine",
        "on {vantage}: remove {rejection}, which rejects {ips} (`ip rule`, `ip route get {ip}`)",
    ),
    Cause(
        "no_default_route",
        "local",
        "this machine has no route to this address and no default route",
        "on {vantage}: add a default route (`ip route` shows none)",
    ),
    Cause(
        "wrong_route",
        "local",
        "a more specific route or a policy rule here sends the traffic the wrong way",
        "on {vantage}: remove or correct {route}, so that {ips} leaves by {right_interface}",
    ),
    Cause(
        "local_resources",
        "local",
        "this machine is out of descriptors, ports or memory, or too busy to measure",
        "raise the limit (`ulimit -n`), lower `limits.concurrency`, or run where there is more room; then check again",
        AUTHOR,
        WARNING,
    ),
    Cause(
        "local_pressure",
        "local",
        "connections from this machine are under strain: the next ones may have to wait, or fail",
        "on {vantage}: {relief}. Connections that are kept open and used again (HTTP keep-alive, the driver's "
        "connection pool), in place of one for each request, relieve most of this",
        AUTHOR,
        WARNING,
    ),
)
