"""Layer egress: the outbound proxy."""

from typing import Tuple

from reports.causes.entry import AUTHOR, DBA, WARNING, Cause
from reports.maxcompute.documents import PAGE

ENTRIES: Tuple[Cause, ...] = (
    Cause(
        "access_list_missing_host",
        "egress",
        "the outbound proxy does not let this host through",
        "add {destinations} to the access list of the job and of the project",
        AUTHOR,
        reference=PAGE + "access over the Internet",
    ),
    Cause(
        "access_list_missing_port",
        "egress",
        "the outbound proxy lets this host through on other ports, not on this one",
        "add {destinations} to the access list",
        AUTHOR,
        reference=PAGE + "access over the Internet",
    ),
    Cause(
        "access_list_stale_ip",
        "egress",
        "the name now has an address that the access list lacks",
        "replace the old address in the access list: {host} is now {ips}",
        AUTHOR,
        reference=PAGE + "access over the Internet",
    ),
    Cause(
        "snat_connection_cap",
        "egress",
        "the limit on concurrent connections through the outbound proxy is reached",
        "use fewer connections",
        AUTHOR,
    ),
    Cause("snat_rate_limit", "egress", "new connections per second are limited", "use persistent connections", AUTHOR),
    Cause(
        "snat_ports_exhausted",
        "egress",
        "the outbound address has no source port left towards this destination",
        "use persistent connections",
        AUTHOR,
    ),
    Cause(
        "connections_queued",
        "egress",
        "the proxy accepts more than it forwards",
        "use fewer connections",
        AUTHOR,
        WARNING,
    ),
    Cause(
        "connections_exceed_capacity",
        "egress",
        "the job's own connections are more than the way holds",
        "use fewer tasks or connections",
        AUTHOR,
    ),
    Cause(
        "idle_drop", "egress", "held connections are dropped after an idle time", "send keep-alives", AUTHOR, WARNING
    ),
    Cause(
        "outbound_ip_changed",
        "egress",
        "the outbound address is another than the one that is admitted",
        "let {host} admit {outbound}; {lasting}",
        DBA,
        reference=PAGE + "IP address whitelist",
        decided_by="ask for {host} from an address that it surely admits, or read in its log whom it turned away",
    ),
    Cause(
        "outbound_ip_pool_partly_admitted",
        "egress",
        "the outbound addresses take turns, and only some of them are admitted",
        "let {host} admit {outbound} as well; {lasting}",
        DBA,
        reference=PAGE + "IP address whitelist",
        decided_by="check {host} several times: some of the connections must be answered and the others not",
    ),
)
