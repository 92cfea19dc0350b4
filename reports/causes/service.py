"""Layer service: the service itself."""

from typing import Tuple

from reports.causes.entry import AUTHOR, DBA, WARNING, Cause
from reports.maxcompute.documents import PAGE

ENTRIES: Tuple[Cause, ...] = (
    Cause(
        "service_not_listening",
        "service",
        "the host is up and refuses: nothing listens on this port",
        "start the service on {host}, or correct the port {ports}; a service bound to 127.0.0.1 refuses from elsewhere",
        DBA,
        decided_by="`ss -ltn` on {host}",
    ),
    Cause(
        "accept_queue_full",
        "service",
        "the listener's accept queue overflows",
        "the service on {destinations} accepts connections more slowly than they come: find out what holds it"
        " (threads that all wait, a garbage collection, a connection limit of its own), raise its backlog (and"
        " net.core.somaxconn on {host}, which bounds it); meanwhile let fewer tasks connect at once, and let them try"
        " again with pauses",
        DBA,
        decided_by="`ss -ltn` on {host}: Recv-Q above Send-Q",
    ),
    Cause(
        "destination_connection_limit",
        "service",
        "the destination itself limits connections",
        "the server says: {message}. Close unused connections there, or raise its limit",
        DBA,
        decided_by="what {host} counts at that moment (its connections, its log)",
    ),
    Cause(
        "accept_then_reset",
        "service",
        "the connection is accepted, then reset without a byte",
        "look into the log of the service (or load balancer) at {destinations}: it resets connections that it accepted",
        DBA,
    ),
    Cause(
        "accept_then_close",
        "service",
        "the connection is accepted, then closed without a byte",
        "look into the log of the service (or load balancer) at {destinations}: it closes at once; a load "
        "balancer without a healthy backend, TCP wrappers and connection limits do so",
        DBA,
    ),
    Cause(
        "reset_on_first_data",
        "service",
        "reset when the client first speaks",
        "a device that reads the traffic, or the service itself, resets at the first data: ask whoever runs "
        "the firewall in front of {destinations}",
    ),
    Cause(
        "service_hang",
        "service",
        "accepted, then silence; something on the way may have accepted in its place",
        "look at the service on {destinations}: it accepts and does not answer; from inside a sandbox the "
        "forwarder may have accepted in its place, so check what the job declares for this way, too",
        DBA,
        decided_by="a check from a host beside the service",
    ),
    Cause(
        "service_error",
        "service",
        "the service is there and answers with an error of its own",
        "the network is fine: ask whoever runs {destinations}, it says: {message}",
        DBA,
    ),
    Cause(
        "service_slow",
        "service",
        "the right answer, but after seconds",
        "look at the load of {destinations}; for MySQL also at reverse look-ups (`skip_name_resolve`)",
        DBA,
        WARNING,
    ),
    Cause(
        "wrong_service",
        "service",
        "something else answers on this port",
        "correct the address: {spoke} answers at {destinations}, not {service}",
        AUTHOR,
    ),
    Cause(
        "datanode_unreachable",
        "service",
        "DataNodes (RegionServers, brokers) fail while the NameNode (master, bootstrap) works",
        "admit {vswitch} at every node of the cluster on its own port, and declare every node, not only the "
        "master: {destinations} fail",
        reference=PAGE + "configure the security group of the Hadoop cluster",
    ),
    Cause(
        "one_address_dead",
        "service",
        "one of several addresses of the name is dead",
        "take {dead} out of the name {host}, or bring it back: every client that picks it fails",
        severity=WARNING,
    ),
    Cause(
        "mysql_host_denied",
        "service",
        "the server does not admit this client host (1130)",
        "on the server admit this client: {message}",
        DBA,
    ),
    Cause(
        "mysql_host_blocked",
        "service",
        "the server has blocked this client host after too many errors (1129)",
        "on the server run the statement below, and find out who interrupts handshakes from {source}",
        DBA,
    ),
    Cause(
        "client_denied",
        "service",
        "the service's own whitelist refuses this client",
        "add {vswitch} to the whitelist of {destinations}; it says: {message}",
        DBA,
    ),
)
