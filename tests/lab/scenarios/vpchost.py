"""The second point of view: what breaks a job breaks a host of the VPC too, and must get the same name there."""

from collections.abc import Iterable, Iterator, Mapping

from attrs import evolve

from tests.lab.network import SANDBOX, VPCHOST
from tests.lab.scenario import Scenario
from tests.lab.scenarios import config, healthy, machine, names, services, subnets, ways

# What breaks the job's own machine, and what breaks the host's in the same way.
_TWINS: Mapping[str, str] = {
    "local_drop": "vpchost_drop",
    "local_blackhole": "vpchost_blackhole",
    "local_unreachable": "vpchost_unreachable",
    "no_default": "vpchost_no_default",
    "wrong_route": "vpchost_tunnel",
    "ports_short": "vpchost_ports_short",
}

_NAMES = (
    *(scenario.name for scenario in names.SCENARIOS),
    *("whitelist_lacks_vswitch", "local_firewall_drop", "local_blackhole_route", "local_unreachable_route"),
    *(
        "no_default_route",
        "wrong_route",
        "local_resources",
        "local_pressure",
        "router_no_route",
        "host_down",
        "blackhole_route",
    ),
    *("sg_drop", "admin_prohibited", "host_firewall_drop", "ip_whitelist_mismatch"),
    *("service_not_listening", "destination_connection_limit", "accept_then_reset", "accept_then_close"),
    *("reset_on_first_data", "service_hang", "service_slow", "wrong_service_ssh", "datanode_unreachable"),
    *("one_address_dead", "mysql_host_denied", "mysql_host_blocked", "client_denied"),
    *("http_5xx", "http_403", "proxy_auth_required", "proxy_denied", "proxy_unavailable", "proxy_not_listening"),
    *("tls_expired", "tls_not_yet_valid", "tls_expiring_soon", "tls_wrong_name", "tls_untrusted", "tls_intercepted"),
    *("tls_port_speaks_plaintext", "tls_handshake_failed"),
    *("subnet_partly_dark", "subnet_partly_dark_with_target", "sg_drop_of_a_vswitch", "host_firewall_among_many"),
    *("admin_prohibited_of_a_vswitch", "vswitch_nearly_full_by_inventory", "acl_drop", "acl_drop_of_a_part"),
    "host_down_in_the_unused",
    *("healthy_sweep_in_order", "healthy_sweep_speaking_router", "healthy_sweep_own_vswitch", "healthy_inventory"),
    *("healthy", "healthy_icmp_blocked", "healthy_truncated_answer", "healthy_second_server_dead"),
    *("healthy_hosts_file", "healthy_lost_syn", "healthy_redis_noauth", "healthy_real_proxy"),
)


def from_host(scenario: Scenario) -> Scenario:
    """The same targets with the same faults, seen from the VPC host."""
    plan = {key: value for key, value in scenario.plan.items() if key != "settings"}
    proxies = {name: value.replace("//10.0.0.1:", "//203.0.113.7:") for name, value in scenario.env.items()}
    faults = [_TWINS.get(fault, fault) for fault in scenario.faults]
    return evolve(
        scenario,
        name=f"{scenario.name}_from_host",
        title=f"{scenario.title} (from a host of the VPC)",
        plan={**plan, "runtime": "host"},
        vantage=VPCHOST,
        env=proxies,
        faults=(*faults, *(("proxy_from_outside",) if proxies else ())),
    )


def _chosen(tables: Iterable[Iterable[Scenario]]) -> Iterator[Scenario]:
    known = {scenario.name: scenario for table in tables for scenario in table if scenario.vantage == SANDBOX}
    return (from_host(known[name]) for name in _NAMES)


SCENARIOS = tuple(_chosen(table.SCENARIOS for table in (config, names, ways, machine, services, subnets, healthy)))
