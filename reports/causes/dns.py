"""Layer dns: from the name to an address."""

from typing import Tuple

from reports.causes.entry import AUTHOR, WARNING, Cause

ENTRIES: Tuple[Cause, ...] = (
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
        "dns_zone_not_attached",
        "dns",
        "the name exists for others, and not for the name servers that are asked here",
        "attach the private zone of {host} to the VPC whose name servers are asked here ({servers}), or use its "
        "address; elsewhere the name leads to {alternative}",
        decided_by="the zone's list of VPCs",
    ),
    Cause(
        "dns_split_horizon",
        "dns",
        "the name leads to a public address here, and to a private one where it is reached",
        "let {servers} answer {alternative} for {host} (attach its private zone), or open the way to {answers}",
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
)
