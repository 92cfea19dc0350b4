"""The points of view from which a cause can be met at all, and why not from the other one."""

from collections import defaultdict
from collections.abc import Mapping

from tests.lab.network import SANDBOX, VPCHOST
from tests.lab.scenarios import SCENARIOS

_JOB = "a host declares no settings of a job"
_LINK = "a host of the VPC stands in it, and needs no ENI of a link"
_LIST = "no outbound proxy with a list stands before a host of the VPC"

# Causes that are met from one point of view alone, and why.
ALONE: Mapping[str, Mapping[str, str]] = {
    SANDBOX: {
        **dict.fromkeys(
            (
                *("access_list_malformed", "access_not_enabled", "access_way_unsupported", "networklink_name_invalid"),
                *("eni_info_malformed", "vpc_domain_list_malformed", "endpoint_wrong_network", "approval_needed"),
                "destination_other_vpc",
            ),
            _JOB,
        ),
        **dict.fromkeys(("eni_missing", "eni_wrong_vswitch", "eni_group_blocks_outbound"), _LINK),
        **dict.fromkeys(("access_list_missing_host", "access_list_missing_port", "access_list_stale_ip"), _LIST),
    },
    VPCHOST: {
        "duplicate_address": "it takes ARP, which a sandbox may not send",
        "no_internet_egress": "a job reaches the Internet by the platform's proxy, whatever NAT gateway its VPC has",
    },
}

# Only what several vantage points saw proves them (tests/lab/comparisons).
BY_COMPARISON = frozenset({"dns_zone_not_attached", "dns_split_horizon"})

# Only holding many connections shows them (tests/lab/saturation).
BY_SATURATION = frozenset(
    {
        *("snat_rate_limit", "snat_ports_exhausted"),
        *("connections_queued", "connections_exceed_capacity", "idle_drop"),
    }
)


def possible(code: str) -> set[str]:
    """From where the cause can be met."""
    return next(({view} for view, codes in ALONE.items() if code in codes), {SANDBOX, VPCHOST})


def seen() -> Mapping[str, set[str]]:
    """By cause, from where a scenario meets it."""
    views: dict[str, set[str]] = defaultdict(set)
    for scenario in SCENARIOS.values():
        for code in (*scenario.causes, *scenario.infos):
            views[code].add(scenario.vantage)
    return views
