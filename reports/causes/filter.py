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
        "acl_drop",
        "filter",
        "a network ACL between the two vSwitches drops the request",
        "in {acl} let TCP {ports} from {vswitch} to {destinations} through, before the entry that drops it; an ACL "
        "knows no connections: let the answers through the other way too, to TCP ports 1024-65535",
        decided_by="the entries of {acl} in the console, in their order",
    ),
    Cause(
        "sg_reset",
        "filter",
        "a security device answers the SYN with a reset although the service listens",
        "ask for a rule that admits TCP {ports} from {source} to {destinations} on the device between them that resets "
        "(a firewall, an intrusion prevention system); the service itself needs no change",
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
        decided_by="a check from a host beside {ips}, and the rules on {host}",
    ),
    Cause(
        "ip_whitelist_mismatch",
        "filter",
        "the destination admits other addresses, not this one",
        "in the whitelist of {destinations}, or in the security group where that holds single addresses, admit "
        "{vswitch}; as far as is known it admits {admits}, and this job comes from {source}",
        DBA,
        reference=PAGE + "access over a VPC, step 4",
    ),
    Cause(
        "return_path_drop",
        "filter",
        "the connection request arrives, the answer is lost on the way back",
        "the way back from {host} to {source} loses the answers: a network ACL knows no connections, so that of the "
        "job's vSwitch must let TCP ports 1024-65535 in, and that of the destination's let them out; and the "
        "destination's route table needs a route back to {source}",
        decided_by="a packet capture on {host}: the SYN arrives, and the answer leaves",
    ),
)
