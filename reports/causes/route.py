"""Layer route: the packets lose their way."""

from typing import Tuple

from reports.causes.entry import WARNING, Cause

ENTRIES: Tuple[Cause, ...] = (
    Cause(
        "subnet_partly_dark",
        "route",
        "a part of the CIDR is silent while the rest answers",
        "look for a route (route table, VPN, cloud enterprise network) or a network ACL that covers {part} alone; "
        "addresses that are merely unused are silent too",
        severity=WARNING,
        decided_by="the addresses in use there (the console, or `linkdoctor discover`), and a sweep from inside of it",
    ),
    Cause(
        "duplicate_address",
        "route",
        "two hosts answer for one address",
        "find the machines that answer for {ips} by their MAC addresses ({macs}), and give one of them another "
        "address: until then connections go to one or the other",
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
)
