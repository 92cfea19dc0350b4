"""Layer egress: the outbound proxy, and what it holds."""

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
        "the way out holds only so many connections at once, whoever they lead to",
        "{fits}; others go out by the same way, so that fewer may be free at another time; {more}",
        AUTHOR,
        reference=PAGE + "limits",
        decided_by="a measurement with another target by the same way in the plan",
    ),
    Cause(
        "snat_rate_limit",
        "egress",
        "the way out lets only so many new connections pass per second",
        "{pace}; let the tasks begin one after the other, and try again after pauses that grow",
        AUTHOR,
        reference=PAGE + "limits",
        decided_by="a measurement with a lower `saturate.rate`",
    ),
    Cause(
        "snat_ports_exhausted",
        "egress",
        "the outbound address has no source port left towards this destination",
        "{fits}: each connection to {destinations} takes a port of the outbound address, and one that was closed may "
        "keep it for minutes; a destination with several addresses has as many times the ports; {more}",
        AUTHOR,
        reference=PAGE + "limits",
        decided_by="a measurement with another port of {host} in the plan",
    ),
    Cause(
        "connections_queued",
        "egress",
        "more connections are accepted than are served: the others wait in a queue",
        "{fits}: beyond that a connection is accepted and its request waits, so that time-outs for reading must be "
        "longer than the wait, and more connections bring nothing",
        AUTHOR,
        WARNING,
        decided_by="what the proxy counts as waiting (haproxy: `qcur`)",
    ),
    Cause(
        "connections_exceed_capacity",
        "egress",
        "the job needs more connections at once than can be held",
        "{split}; connections that stay open and are used again need no more than that; a part is left free because "
        "what others hold counts as well",
        AUTHOR,
        reference=PAGE + "limits",
    ),
    Cause(
        "idle_drop",
        "egress",
        "connections that say nothing for some time are dropped",
        "let something be said at least every {idle} (TCP keep-alive, or the pool's own test of its connections), or "
        "let the pool close what was idle for longer, before the job meets a connection that is dead",
        AUTHOR,
        WARNING,
        decided_by="the log of {host}: whether it closed them itself, by an idle time-out of its own",
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
