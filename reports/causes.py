"""The catalogue of causes: what can be wrong, how bad it is, who must act, and what to change.

A code never changes its meaning; new ones may be added. A remedy is a text for a person; in braces stand fields that
reports/remedies.py fills from the evidence ({targets}, {destinations}, {ports}, {source}, {vswitch}, {host}, ...).
"""

from typing import Dict, Tuple

from attrs import frozen

from reports.failures import Failure

CRITICAL = "critical"
WARNING = "warning"
INFO = "info"

AUTHOR = "job author"
ADMIN = "project administrator"
NETWORK = "network"
DBA = "DBA"
TICKET = "platform ticket"

LAYERS = ("config", "dns", "local", "eni", "route", "filter", "egress", "service", "http", "tls", "path")


@frozen
class Cause:
    """One entry. ``decided_by``: what would make surer, where it cannot be told apart from here."""

    code: str
    layer: str
    meaning: str
    remedy: str
    owner: str = NETWORK
    severity: str = CRITICAL
    reference: str = ""
    decided_by: str = ""


_PAGE = "MaxCompute, network connection process: "

ENTRIES: Tuple[Cause, ...] = (
    # config: what the job declares
    Cause(
        "access_list_malformed",
        "config",
        "an entry of the access list is not host:port",
        "correct the entry in the access list",
        AUTHOR,
        reference=_PAGE + "access over the Internet",
    ),
    Cause(
        "access_not_enabled",
        "config",
        "the job does not switch on the way that this target needs",
        "switch the way on in the job's settings",
        AUTHOR,
        reference=_PAGE + "access over the Internet; access over a VPC",
    ),
    Cause(
        "access_way_unsupported",
        "config",
        "the way that the job declares is not supported here",
        "take a way that is supported here",
        AUTHOR,
        reference=_PAGE + "supported regions",
    ),
    Cause(
        "networklink_name_invalid",
        "config",
        "the name of the network link is not valid",
        "use the name of the network link as it was created: 1 to 63 letters, digits and underscores, "
        "starting with a letter",
        AUTHOR,
        reference=_PAGE + "access over a VPC, step 1",
    ),
    Cause(
        "eni_info_malformed",
        "config",
        "the ENI setting is not REGION:VPC, or names another region",
        "set it to REGION:VPC of the job's own region",
        AUTHOR,
        reference=_PAGE + "access over a VPC, step 3",
    ),
    Cause(
        "vpc_domain_list_malformed",
        "config",
        "the VPC domain list is not one line of JSON without spaces, or lacks the target",
        "write it as one line of JSON without spaces, holding the target",
        AUTHOR,
        reference="Spark on MaxCompute: access instances in a VPC",
    ),
    Cause(
        "endpoint_wrong_network",
        "config",
        "the endpoint belongs to a network that this runtime cannot use",
        "use the endpoint that fits the runtime",
        AUTHOR,
        reference=_PAGE + "access to specific Alibaba Cloud services",
    ),
    Cause(
        "whitelist_lacks_vswitch",
        "config",
        "what the destination admits does not cover the vSwitch",
        "admit the vSwitch's CIDR {vswitch} at {destinations}: ENI addresses may change",
        DBA,
        WARNING,
        _PAGE + "access over a VPC, step 4",
    ),
    Cause(
        "approval_needed",
        "config",
        "the address does not verify by itself: it needs an application",
        "apply for {destinations}; the review takes about three working days",
        ADMIN,
        INFO,
        _PAGE + "access application",
    ),
    Cause(
        "destination_other_vpc",
        "config",
        "the destination is in another VPC or region than the link reaches",
        "connect the two VPCs, or create a network link to the VPC of {destinations}",
        NETWORK,
        reference=_PAGE + "access over a VPC, note",
    ),
    Cause(
        "config_disagrees",
        "config",
        "the configuration and the measurement contradict each other",
        "check which is current: the settings that were given to linkdoctor, or the ones that the job runs with",
        AUTHOR,
        WARNING,
    ),
    # dns
    Cause(
        "dns_nxdomain",
        "dns",
        "the name does not exist",
        "correct the name {host}, or create its record; in a private zone: attach the zone to the VPC that asks",
        AUTHOR,
    ),
    Cause(
        "dns_servfail",
        "dns",
        "the name server fails for this name",
        "ask whoever runs {servers}: it answers SERVFAIL for {host} (broken delegation, DNSSEC, or an "
        "upstream that does not answer)",
    ),
    Cause(
        "dns_refused",
        "dns",
        "the name server refuses to answer this client",
        "let {servers} answer queries from {source}, or use another name server",
    ),
    Cause(
        "dns_unreachable",
        "dns",
        "no configured name server answers",
        "open UDP and TCP 53 from {source} to {servers}, or configure name servers that answer",
        decided_by="a query to the same name servers from another host",
    ),
    Cause(
        "dns_bad_resolv_conf",
        "dns",
        "the configuration names no usable name server",
        "put a usable `nameserver ADDRESS` line into /etc/resolv.conf",
    ),
    Cause(
        "dns_one_name_dropped",
        "dns",
        "the name servers stay silent for this name and answer others",
        "whoever runs {servers}: queries for {host} are dropped (a filter or a policy zone); others are answered",
    ),
    Cause(
        "dns_tcp_blocked",
        "dns",
        "the answer is truncated, and port 53 over TCP is blocked",
        "open TCP 53 from {source} to {servers}: the answer for {host} does not fit one UDP datagram (RFC 7766)",
    ),
    Cause("dns_cname_loop", "dns", "the CNAME records form a loop", "correct the CNAME records of {host}: {chain}"),
    Cause(
        "dns_aaaa_only",
        "dns",
        "the name has only IPv6 addresses, and this node has no IPv6",
        "give {host} an IPv4 address (an A record)",
    ),
    Cause(
        "dns_no_address", "dns", "the name exists without any address", "give {host} an A record; it has none (NODATA)"
    ),
    Cause(
        "dns_wrong_private_answer",
        "dns",
        "a public name resolves to a private address that is not reachable from here",
        "{host} leads to {answers}: let this name server give the public address, or take the way into that "
        "private network",
    ),
    Cause(
        "dns_stale_answer",
        "dns",
        "the name leads to an address that the service has left",
        "correct what leads {host} to {answers}; {alternative} answers",
    ),
    Cause(
        "dns_slow",
        "dns",
        "the answer is right but late",
        "use a name server that is nearer, or find out why {servers} is slow",
        severity=WARNING,
    ),
    Cause(
        "dns_first_server_dead",
        "dns",
        "the first name server is dead; another one answers after the time-out",
        "take {servers} out of the configuration or bring it back: every look-up waits for it",
        severity=WARNING,
    ),
    # local
    Cause(
        "local_firewall_drop",
        "local",
        "an outbound rule on this machine drops or rejects the packets",
        "on {vantage}: let the output chain pass TCP to {destinations} (`nft list ruleset`, `iptables -S OUTPUT`)",
        decided_by="the machine's own rules, read with root",
    ),
    Cause(
        "local_reject_route",
        "local",
        "a blackhole, unreachable or prohibit route on this machine",
        "on {vantage}: remove the route that rejects {ips} (`ip route get {ip}`)",
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
        "a more specific route here sends the traffic out of the wrong interface",
        "on {vantage}: remove or correct the route {route}, so that {ips} leaves by {right_interface}",
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
        "retransmits, TIME_WAIT or ports in use announce saturation",
        "use persistent connections",
        AUTHOR,
        WARNING,
    ),
    # eni
    Cause(
        "eni_missing",
        "eni",
        "there is no ENI in the VPC: VPC traffic takes the way of the Internet and dies there",
        "give the job the network link, so that an ENI in {vswitch} carries its traffic",
        ADMIN,
        reference=_PAGE + "access over a VPC",
    ),
    Cause("eni_down", "eni", "the ENI is there but down", "bring {interface} up (`ip link set {interface} up`)"),
    Cause(
        "eni_no_carrier",
        "eni",
        "the ENI is up but not attached",
        "attach the ENI behind {interface} again: it has no carrier",
    ),
    Cause(
        "eni_wrong_vswitch",
        "eni",
        "the ENI sits in a vSwitch that the destination does not admit",
        "admit {vswitch} at {destinations}, or move the network link to a vSwitch that is admitted ({admits})",
        reference=_PAGE + "access over a VPC, step 4",
    ),
    Cause(
        "eni_group_blocks_outbound",
        "eni",
        "the ENI's own security group lets nothing out",
        "use a basic security group for the network link: an advanced one lets nothing out",
        reference=_PAGE + "configure a security group",
    ),
    Cause("vswitch_nearly_full", "eni", "few addresses are left for ENIs", "use a larger vSwitch", severity=WARNING),
    # route
    Cause(
        "subnet_partly_dark",
        "route",
        "a part of the CIDR is silent while the rest answers",
        "look for a route or ACL that covers just this part",
        severity=WARNING,
    ),
    Cause(
        "duplicate_address",
        "route",
        "two hosts answer for one address",
        "give one of them another address",
        severity=WARNING,
    ),
    Cause(
        "router_no_route",
        "route",
        "a router on the way has no route to the destination",
        "give the router {router} a route to {ips}",
    ),
    Cause(
        "blackhole_route",
        "route",
        "a route on the way discards the packets silently",
        "look for a blackhole or missing return route towards {subnets} in the VPC's route tables",
        decided_by="a trace, and a check from a host inside {subnets}",
    ),
    Cause(
        "host_down",
        "route",
        "the destination's host is off, or its address is unused",
        "start the host {ips}, or correct the address",
        decided_by="a check from a host in the same vSwitch as {ips}",
    ),
    Cause(
        "no_internet_egress",
        "route",
        "there is no way from here to public addresses: no NAT gateway",
        "give the vSwitch a NAT gateway with SNAT (or the host a public address); internal endpoints work without",
    ),
    # filter
    Cause(
        "sg_drop",
        "filter",
        "the destination's security group drops this source silently",
        "in the security group of {host} allow inbound TCP {ports} from {vswitch}",
        reference=_PAGE + "access over a VPC, step 4",
        decided_by="a check from a host in the destination's own security group",
    ),
    Cause(
        "sg_reset",
        "filter",
        "a security device answers the SYN with a reset although the service listens",
        "ask for a rule that admits {source} to {destinations} on the device that resets",
        decided_by="a check from a host beside the destination, and a packet capture there",
    ),
    Cause(
        "admin_prohibited",
        "filter",
        "a filter answers that the connection is prohibited",
        "the filter at {router} rejects it: allow TCP from {source} to {destinations} there",
    ),
    Cause(
        "host_firewall_drop",
        "filter",
        "the destination's own firewall drops everything from here",
        "on {host}: let its firewall admit TCP {ports} from {vswitch}",
        decided_by="a check from a host in the same vSwitch as {ips}, and the rules on {host}",
    ),
    Cause(
        "ip_whitelist_mismatch",
        "filter",
        "the destination admits other addresses, not this one",
        "in the whitelist of {destinations} admit {vswitch}; it is said to hold {admits}, and this job comes "
        "from {source}",
        DBA,
        reference=_PAGE + "access over a VPC, step 4",
    ),
    Cause(
        "return_path_drop",
        "filter",
        "the connection request arrives, the answer is lost on the way back",
        "look at the way back from {host} to {source}: its route and its outbound rules",
        decided_by="a packet capture on {host}",
    ),
    # egress
    Cause(
        "access_list_missing_host",
        "egress",
        "the outbound proxy does not let this host through",
        "add {destinations} to the access list of the job and of the project",
        AUTHOR,
        reference=_PAGE + "access over the Internet",
    ),
    Cause(
        "access_list_missing_port",
        "egress",
        "the outbound proxy lets this host through on other ports, not on this one",
        "add {destinations} to the access list",
        AUTHOR,
        reference=_PAGE + "access over the Internet",
    ),
    Cause(
        "access_list_stale_ip",
        "egress",
        "the name now has an address that the access list lacks",
        "replace the old address in the access list: {host} is now {ips}",
        AUTHOR,
        reference=_PAGE + "access over the Internet",
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
        "the outbound address is another than the one that the partner admits",
        "admit the new address",
        DBA,
    ),
    Cause(
        "outbound_ip_pool_partly_admitted",
        "egress",
        "the outbound pool rotates and the partner admits only part of it",
        "admit the whole pool",
        DBA,
    ),
    # service
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
        "the service on {destinations} accepts too slowly: raise its backlog and net.core.somaxconn, find out"
        " what holds it",
        DBA,
        decided_by="`ss -ltn` on {host}: Recv-Q above Send-Q",
    ),
    Cause(
        "destination_connection_limit",
        "service",
        "the destination itself limits connections",
        "the server says: {message}. Close unused connections there, or raise its limit",
        DBA,
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
        "forwarder may have accepted in its place, so check its access list too",
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
        reference=_PAGE + "configure the security group of the Hadoop cluster",
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
    # http
    Cause(
        "http_5xx",
        "http",
        "the network works, the backend fails",
        "the network is fine: ask whoever runs {destinations}, it answers {status}",
        DBA,
    ),
    Cause(
        "http_403",
        "http",
        "the network works, permissions are missing",
        "the network is fine: {destinations} answers 403, so give this client (its key, its role, or its "
        "address) the permission",
        DBA,
    ),
    Cause(
        "proxy_auth_required",
        "http",
        "the HTTP proxy wants credentials (407)",
        "give the proxy {proxy} credentials (in the proxy variable of the job), or name {host} in NO_PROXY",
        AUTHOR,
    ),
    Cause(
        "proxy_denied",
        "http",
        "the HTTP proxy does not let this destination through (403)",
        "ask whoever runs the proxy {proxy} to let {destinations} through",
    ),
    Cause(
        "proxy_unavailable",
        "http",
        "the HTTP proxy cannot reach the destination",
        "ask whoever runs the proxy {proxy}: it answers {status} for {destinations}",
    ),
    Cause(
        "proxy_not_listening",
        "http",
        "nothing listens at the HTTP proxy's address",
        "correct the proxy {proxy} in the job's environment, or start it",
        AUTHOR,
    ),
    # tls
    Cause(
        "tls_expired",
        "tls",
        "the certificate is out of date",
        "renew the certificate of {destinations}; it ended on {not_after}",
        DBA,
    ),
    Cause(
        "tls_wrong_name",
        "tls",
        "the certificate is for another name",
        "use a name that the certificate holds ({names}), or get one that holds {host}",
        AUTHOR,
    ),
    Cause(
        "tls_untrusted",
        "tls",
        "the certificate's issuer is not known here",
        "put the authority into the trust store (plan: `tls: {{ca: FILE}}`), or use a certificate of a public"
        " one; the issuer is {issuer}",
        AUTHOR,
    ),
    Cause(
        "tls_not_yet_valid",
        "tls",
        "the certificate is not valid yet",
        "correct the clock, or the certificate of {destinations}; it begins on {not_before}",
        DBA,
    ),
    Cause(
        "tls_expiring_soon",
        "tls",
        "the certificate ends within days",
        "renew the certificate of {destinations} before {not_after}",
        DBA,
        WARNING,
    ),
    Cause(
        "tls_intercepted",
        "tls",
        "a middlebox ends TLS with its own authority",
        "exempt {destinations} from TLS inspection, or trust its authority: the issuer is {issuer}",
    ),
    Cause(
        "tls_port_speaks_plaintext",
        "tls",
        "there is no TLS on this port",
        "use the plain service, or the TLS port: {destinations} answers {spoke} in plain text",
        AUTHOR,
    ),
    Cause(
        "tls_handshake_failed",
        "tls",
        "no version, cipher or client certificate in common",
        "agree on TLS with {destinations}: {message}",
        DBA,
    ),
    # path
    Cause(
        "pmtu_black_hole",
        "path",
        "large packets vanish without ICMP while small ones pass",
        "let ICMP type 3 code 4 pass, or clamp the MSS",
    ),
    Cause(
        "packet_loss",
        "path",
        "a share of the packets is lost",
        "look for an overloaded link on the way",
        severity=WARNING,
    ),
    Cause(
        "high_latency",
        "path",
        "the path adds a large round-trip time",
        "move the job nearer to {destinations}",
        severity=WARNING,
    ),
    Cause("bandwidth_throttled", "path", "the throughput is limited", "spread the load", severity=WARNING),
)

CAUSES: Dict[str, Cause] = {cause.code: cause for cause in ENTRIES}

# A cause whose findings leave the target's verdict open: this machine, not the target, is at fault.
UNDETERMINED_CAUSES = frozenset({"local_resources"})

# What a failure means where no rule has anything better to say: no failure goes without a cause.
FALLBACK: Dict[Failure, str] = {
    Failure.TIMED_OUT: "service_hang",
    Failure.EOF: "accept_then_close",
    Failure.CONNECTION_RESET: "accept_then_reset",
}
