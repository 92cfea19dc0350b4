"""Under which address the job goes out, and whom the partner admits."""

from typing import Any

from tests.lab.network import VPCHOST
from tests.lab.scenario import DEGRADED, Plan, Scenario, host, target, udf

_ECHO = "http://ip.example/ip"
_YESTERDAY, _TODAY = "203.0.113.7", "203.0.113.8"


def _job(*expected: str, **partner: Any) -> Plan:
    return udf(
        *("metastore", "mysql", "aliyun", "amap", target("partner", **partner)),
        egress={"echo": _ECHO, **({"expected": list(expected)} if expected else {})},
    )


def _host(*expected: str, **partner: Any) -> Plan:
    return host(
        *("metastore", "mysql", "aliyun", "amap", target("partner", **partner)),
        egress={"echo": _ECHO, **({"expected": list(expected)} if expected else {})},
    )


_CHANGED = (
    *(
        Scenario(
            name=f"outbound_ip_changed_{how}",
            title=f"the outbound address has changed, and the partner, who admits the old one, {does}",
            plan=_job(_YESTERDAY),
            faults=("outbound_moved", f"partner_admits_one_{how}"),
            expected="outbound_ip_changed",
            targets=("partner",),
        )
        for how, does in (
            ("drop", "drops it"),
            ("reject", "resets it"),
            ("close", "closes the connection"),
            ("forbid", "answers 403"),
        )
    ),
    Scenario(
        name="outbound_ip_changed_said_of_target",
        title="the same, and the partner alone is said to admit something",
        plan=_job(admits=[_YESTERDAY]),
        faults=("outbound_moved", "partner_admits_one_drop"),
        expected="outbound_ip_changed",
        targets=("partner",),
    ),
    Scenario(
        name="outbound_ip_changed_unpunished",
        title="the outbound address has changed, and nobody minds yet",
        plan=_job(_YESTERDAY),
        faults=("outbound_moved",),
        expected="outbound_ip_changed",
        targets=("aliyun", "amap", "partner"),
        verdict=DEGRADED,
    ),
    Scenario(
        name="outbound_ip_reached_all_the_same",
        title="the partner is said to admit the old address, and is reached from the new one",
        plan=_job(admits=[_YESTERDAY]),
        faults=("outbound_moved",),
        expected="config_disagrees",
        targets=("partner",),
        verdict=DEGRADED,
    ),
    Scenario(
        name="outbound_ip_reached_all_the_same_vpchost",
        title="the partner is said to admit the NAT gateway's old address, and is reached from the new one",
        plan=_host(admits=["192.0.2.2"]),
        faults=("nat_gateway_moved",),
        expected="config_disagrees",
        targets=("partner",),
        verdict=DEGRADED,
        vantage=VPCHOST,
    ),
    Scenario(
        name="outbound_ip_changed_vpchost",
        title="the NAT gateway's address has changed, and the partner drops it",
        plan=_host("192.0.2.2"),
        faults=("nat_gateway_moved", "partner_admits_one_drop"),
        expected="outbound_ip_changed",
        targets=("partner",),
        vantage=VPCHOST,
    ),
)

_POOL = (
    Scenario(
        name="outbound_ip_pool_partly_admitted",
        title="two outbound addresses take turns, and the partner drops one of them",
        plan=_job(_YESTERDAY),
        faults=("outbound_rotates", "partner_admits_one_drop"),
        expected="outbound_ip_pool_partly_admitted",
        targets=("partner",),
    ),
    Scenario(
        name="outbound_ip_pool_partly_admitted_close",
        title="the same, and the partner closes the connections of one of them",
        plan=_job(_YESTERDAY),
        faults=("outbound_rotates", "partner_admits_one_close"),
        expected="outbound_ip_pool_partly_admitted",
        targets=("partner",),
    ),
    Scenario(
        name="outbound_ip_pool_partly_admitted_by_chance",
        title="any of three outbound addresses, of which the partner admits one",
        plan=_job(admits=[_YESTERDAY]),
        faults=("outbound_rotates_by_chance", "partner_admits_one_drop"),
        expected="outbound_ip_pool_partly_admitted",
        targets=("partner",),
        repeat=9,
    ),
    Scenario(
        name="outbound_ip_pool_partly_admitted_vpchost",
        title="two addresses of the NAT gateway take turns, and the partner drops one of them",
        plan=_host("192.0.2.2"),
        faults=("nat_gateway_rotates", "partner_admits_one_drop"),
        expected="outbound_ip_pool_partly_admitted",
        targets=("partner",),
        vantage=VPCHOST,
    ),
    Scenario(
        name="outbound_ip_pool_unpunished",
        title="two outbound addresses take turns, one of them is not expected, and nobody minds yet",
        plan=_job(_YESTERDAY),
        faults=("outbound_rotates",),
        expected="outbound_ip_pool_partly_admitted",
        targets=("aliyun", "amap", "partner"),
        verdict=DEGRADED,
    ),
)

_HEALTHY = (
    Scenario(
        name="outbound_ip_expected",
        title="the outbound address is the expected one, which the partner admits",
        plan=_job(_YESTERDAY),
        faults=("partner_admits_one_drop",),
    ),
    Scenario(
        name="outbound_ip_pool_expected",
        title="two outbound addresses take turns, and both are expected",
        plan=_job("203.0.113.0/24"),
        faults=("outbound_rotates",),
    ),
    Scenario(
        name="outbound_ip_expected_vpchost",
        title="the NAT gateway's address is the expected one",
        plan=_host("192.0.2.2"),
        faults=("partner_admits_one_drop",),
        vantage=VPCHOST,
    ),
    Scenario(
        name="outbound_ip_known_by_nobody",
        title="nothing is expected of the outbound address, which is only looked at",
        plan=_job(),
        faults=("outbound_moved",),
    ),
)

SCENARIOS = (*_CHANGED, *_POOL, *_HEALTHY)
