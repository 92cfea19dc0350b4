"""Layer config: what the job declares."""

from typing import Tuple

from reports.causes.entry import ADMIN, AUTHOR, DBA, INFO, NETWORK, WARNING, Cause
from reports.maxcompute.documents import PAGE

ENTRIES: Tuple[Cause, ...] = (
    Cause(
        "access_list_malformed",
        "config",
        "an entry of the access list is not host:port",
        "correct the entry in the access list",
        AUTHOR,
        reference=PAGE + "access over the Internet",
    ),
    Cause(
        "access_not_enabled",
        "config",
        "the job does not switch on the way that this target needs",
        "switch the way on in the job's settings",
        AUTHOR,
        reference=PAGE + "access over the Internet; access over a VPC",
    ),
    Cause(
        "access_way_unsupported",
        "config",
        "the way that the job declares is not supported here",
        "take a way that is supported here",
        AUTHOR,
        reference=PAGE + "supported regions",
    ),
    Cause(
        "networklink_name_invalid",
        "config",
        "the name of the network link is not valid",
        "use the name of the network link as it was created: 1 to 63 letters, digits and underscores, "
        "starting with a letter",
        AUTHOR,
        reference=PAGE + "access over a VPC, step 1",
    ),
    Cause(
        "eni_info_malformed",
        "config",
        "the ENI setting is not REGION:VPC, or names another region",
        "set it to REGION:VPC of the job's own region",
        AUTHOR,
        reference=PAGE + "access over a VPC, step 3",
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
        reference=PAGE + "access to specific Alibaba Cloud services",
    ),
    Cause(
        "whitelist_lacks_vswitch",
        "config",
        "what the destination admits does not cover the vSwitch",
        "admit the vSwitch's CIDR {vswitch} at {destinations}: ENI addresses may change",
        DBA,
        WARNING,
        PAGE + "access over a VPC, step 4",
    ),
    Cause(
        "approval_needed",
        "config",
        "the address does not verify by itself: it needs an application",
        "apply for {destinations}; the review takes about three working days",
        ADMIN,
        INFO,
        PAGE + "access application",
    ),
    Cause(
        "destination_other_vpc",
        "config",
        "the destination is in another VPC or region than the link reaches",
        "connect the two VPCs, or create a network link to the VPC of {destinations}",
        NETWORK,
        reference=PAGE + "access over a VPC, note",
    ),
    Cause(
        "config_disagrees",
        "config",
        "the configuration and the measurement contradict each other",
        "check which is current: the settings that were given to linkdoctor, or the ones that the job runs with",
        AUTHOR,
        WARNING,
    ),
)
