"""Layer filter: somebody does not let this source through."""

from typing import Tuple

from reports.causes.entry import DBA, Cause
from reports.maxcompute.documents import PAGE

ENTRIES: Tuple[Cause, ...] = (
    Cause(
        "sg_drop",
        "filter",
        "the destination's security group drops this source silently",
        "in the security group of {host} allow inbound TCP {ports} from {vswitch}",
        reference=PAGE + "access over a VPC, step 4",
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
        reference=PAGE + "access over a VPC, step 4",
    ),
    Cause(
        "return_path_drop",
        "filter",
        "the connection request arrives, the answer is lost on the way back",
        "look at the way back from {host} to {source}: its route and its outbound rules",
        decided_by="a packet capture on {host}",
    ),
)
