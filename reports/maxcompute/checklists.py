"""What no packet can show: short checks for a person, each with its source, where they could be the cause."""

from typing import Dict, FrozenSet, Tuple

from attrs import frozen

from reports.maxcompute.schemes import GOVERNED

_PAGE = " (network connection page, %s)"


@frozen
class Check:
    """``runtimes``: those that it concerns; empty: all that run inside MaxCompute."""

    text: str
    runtimes: FrozenSet[str] = frozenset()


_ACCOUNT = Check(
    "the project, the VPC and the destination belong to one Alibaba Cloud account, or to RAM users of one"
    + _PAGE % "prerequisites"
)
_ROLE = Check(
    "who made the network link is the project owner, or has the role Super_Administrator or Admin at tenant level"
    + _PAGE % "access over a VPC, step 1"
)
_AUTHORISED = Check(
    "the account of the VPC has authorised MaxCompute to create ENIs" + _PAGE % "access over a VPC, step 1"
)
_BASIC_GROUP = Check(
    "the link's security group is a basic one: an advanced one lets nothing out" + _PAGE % "configure a security group"
)
_PLATFORM_GROUPS = Check(
    "the groups MaxCompute-vpc-<vpc id> and MaxCompute-backup-vpc-<vpc id> are as the platform made them "
    "(MaxCompute, network connection)"
)
_OTHER_VPC = Check(
    "the destination is in the VPC of the link, or that VPC is connected to the destination's" + _PAGE % "note"
)
_VSWITCH = Check(
    "the destination admits the link's security group or the vSwitch's CIDR: the ENIs' addresses may change"
    + _PAGE % "access over a VPC, step 4"
)
_BOTH_LISTS = Check(
    "both lists hold the address: the project's (console: Projects, Manage, Parameter Configuration) and the job's"
    + _PAGE % "access over the Internet"
)
_LET_OUT = Check(
    "the job is let out: by a network link into a VPC; to a public address by both lists, the project's (console: "
    "Projects, Manage, Parameter Configuration) and the job's" + _PAGE % "access over the Internet, access over a VPC"
)
_APPLICATION = Check(
    "no application for the address is pending: the review takes about three business days"
    + _PAGE % "access application"
)
_OUTBOUND = Check(
    "a destination with a whitelist holds MaxCompute's outbound addresses, which a ticket tells and which may change"
    + _PAGE % "IP address whitelist"
)
_EDITION = Check(
    "the lakehouse project has the Hive-compatible data type edition, as is recommended" + _PAGE % "prerequisites",
    frozenset({"lakehouse"}),
)
_SANDBOX = Check(
    "run from DataWorks: the resource group has a connection to the destination too, and its sandbox list holds the "
    "address" + _PAGE % "important",
    GOVERNED | {"pyodps"},
)
_ALL_NODES = Check(
    "every node of the cluster is admitted, on its own port, not the master alone (Spark on MaxCompute, time-outs)"
)

_LINK: Tuple[Check, ...] = (_ACCOUNT, _ROLE, _AUTHORISED, _BASIC_GROUP, _EDITION, _SANDBOX)
_INTERNET: Tuple[Check, ...] = (_BOTH_LISTS, _APPLICATION, _SANDBOX)

_FOR: Dict[str, Tuple[Check, ...]] = {
    "access_list_malformed": (_BOTH_LISTS, _SANDBOX),
    "access_not_enabled": (_BOTH_LISTS, _APPLICATION, _ACCOUNT, _ROLE, _SANDBOX),
    "access_way_unsupported": (_SANDBOX,),
    "networklink_name_invalid": (_ROLE, _ACCOUNT),
    "eni_info_malformed": (_ROLE, _ACCOUNT),
    "vpc_domain_list_malformed": (_ACCOUNT, _ALL_NODES),
    "whitelist_lacks_vswitch": (_VSWITCH,),
    "approval_needed": (_APPLICATION, _BOTH_LISTS),
    "destination_other_vpc": (_OTHER_VPC, _ACCOUNT),
    "access_list_missing_host": _INTERNET,
    "access_list_missing_port": _INTERNET,
    "access_list_stale_ip": _INTERNET,
    "eni_missing": _LINK,
    "eni_wrong_vswitch": (_VSWITCH, _ACCOUNT),
    "eni_group_blocks_outbound": (_BASIC_GROUP, _PLATFORM_GROUPS),
    "blackhole_route": (_OTHER_VPC, _PLATFORM_GROUPS, _SANDBOX),
    "host_down": (_OTHER_VPC, _SANDBOX),
    "sg_drop": (_VSWITCH, _BASIC_GROUP, _SANDBOX),
    "host_firewall_drop": (_VSWITCH, _SANDBOX),
    "ip_whitelist_mismatch": (_VSWITCH, _SANDBOX),
    "return_path_drop": (_PLATFORM_GROUPS,),
    "no_internet_egress": _INTERNET,
    "outbound_ip_changed": (_OUTBOUND,),
    "outbound_ip_pool_partly_admitted": (_OUTBOUND,),
    "client_denied": (_VSWITCH, _OUTBOUND),
    "mysql_host_denied": (_VSWITCH, _OUTBOUND),
    "datanode_unreachable": (_ALL_NODES, _VSWITCH),
    "service_hang": (_LET_OUT, _SANDBOX),
}


def for_cause(cause: str, runtime: str) -> Tuple[str, ...]:
    """The checks that belong to a cause in a runtime; none where the runtime is outside MaxCompute."""
    return tuple(check.text for check in _FOR.get(cause, ()) if runtime in (check.runtimes or GOVERNED))
