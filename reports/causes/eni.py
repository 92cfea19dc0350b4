"""Layer eni: the interface that carries the job's traffic into the VPC."""

from typing import Tuple

from reports.causes.entry import ADMIN, WARNING, Cause
from reports.maxcompute.documents import PAGE

ENTRIES: Tuple[Cause, ...] = (
    Cause(
        "eni_missing",
        "eni",
        "there is no ENI in the VPC: VPC traffic takes the way of the Internet and dies there",
        "give the job {link}, so that an ENI in {vswitch} carries its traffic",
        ADMIN,
        reference=PAGE + "access over a VPC",
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
        reference=PAGE + "access over a VPC, step 4",
    ),
    Cause(
        "eni_group_blocks_outbound",
        "eni",
        "the ENI's own security group lets nothing out",
        "use a basic security group for the network link: an advanced one lets nothing out",
        reference=PAGE + "configure a security group",
    ),
    Cause(
        "vswitch_nearly_full",
        "eni",
        "few addresses are left for ENIs",
        "give the network link a larger vSwitch than {vswitch}, whose CIDR the destinations then admit, or free "
        "addresses there: MaxCompute makes two ENIs for each connection, and for what finds no address it makes none",
        severity=WARNING,
        decided_by="the console or `linkdoctor discover`, which tell how many addresses are free",
    ),
)
