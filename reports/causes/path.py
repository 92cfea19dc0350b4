"""Layer path: what the path does to packets."""

from typing import Tuple

from reports.causes.entry import WARNING, Cause

ENTRIES: Tuple[Cause, ...] = (
    Cause(
        "pmtu_black_hole",
        "path",
        "large packets vanish without ICMP while small ones pass",
        "packets larger than {mtu} vanish {direction} {destinations}, and whoever sends them is not told. Let ICMP "
        'type 3 code 4 ("fragmentation needed") pass in every filter and security group towards both ends; or clamp '
        "the MSS to {mss} on the router at the narrow place (a VPN, a tunnel, an express connect); or set the MTU of "
        "the interface that sends to {mtu}",
        decided_by="a check from a host on the other side of the VPN or tunnel; or, where echoes (ICMP) are admitted,"
        " `measure: [mtu]` for {destinations}",
    ),
    Cause(
        "packet_loss",
        "path",
        "a share of the packets is lost",
        "each lost packet costs the job a wait of 0.2 s to some seconds. Look at what lies on the way to"
        " {destinations}: a bandwidth or packet limit that is reached (of the ENI, the NAT gateway, the cloud"
        " enterprise network or VPN, the destination's instance), an overloaded host, its own drops (`ip -s link`"
        " and `nstat -az TcpExtListenDrops` at {host}); raise the limit or spread the load, and meanwhile let the job"
        " try again with pauses",
        severity=WARNING,
        decided_by="the same series at another hour, and from a host beside {host}: where that one loses nothing, it is"
        " the way there",
    ),
    Cause(
        "high_latency",
        "path",
        "the path adds a large round-trip time",
        "every question to {destinations} costs one such round trip, a connection with TLS three: ask in batches, keep"
        " connections open, or run the job in the region of the destination. Where the evidence says queue, look for an"
        " overloaded link or instance; where it says distance, at the regions and the detours (VPN, cloud enterprise"
        " network, an accelerator in another city) between them. If this is as it must be, raise slow.vpc_rtt or"
        " slow.internet_rtt in the plan",
        severity=WARNING,
        decided_by="the same from a host of the destination's own vSwitch",
    ),
    Cause(
        "bandwidth_throttled",
        "path",
        "the throughput is limited",
        "a large answer of {destinations} comes at {rate} and no faster. Look at what is bought or set: the bandwidth"
        " of the NAT gateway, the elastic IP or the VPN, the limit of the ENI's or the destination's instance type,"
        " traffic policies on the way, and limits of the service itself (of a user, of a bucket). Raise it, spread the"
        " load over time, or use an internal endpoint where there is one. If this is as it must be, lower"
        " slow.throughput in the plan",
        severity=WARNING,
        decided_by="the same with `measure: [throughput]` for another target by the same way, and from a host beside "
        "{host}: what is slow from there too is the service's own limit",
    ),
)
