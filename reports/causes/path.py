"""Layer path: what the path does to packets."""

from typing import Tuple

from reports.causes.entry import WARNING, Cause

ENTRIES: Tuple[Cause, ...] = (
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
