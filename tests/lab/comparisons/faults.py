"""Faults that depend on who asks, and what makes vantage points differ."""

from collections.abc import Mapping

from tests.lab.changes import behave, chain, links, resolve, table
from tests.lab.faults import Fault
from tests.lab.nameserver import EVERY
from tests.lab.network import DNS, ENI_ADDRESS, INTERNET, PROXY, ROUTER, SANDBOX, VPC_ROUTE, VPCHOST_ADDRESS

_PARTNER, _PARTNER_REFUSES = ("198.51.100.20", 443), ("198.51.100.20", 8443)
_FORWARDER = ("10.0.0.1", 7443)
_JOB_OUTBOUND = "203.0.113.7"


def _dropped(source: str, destination: str) -> Fault:
    return Fault(
        f"the security group of {destination} drops what comes from {source}",
        chain(ROUTER, "forward", f"ip saddr {source} ip daddr {destination} drop"),
    )


FAULTS: Mapping[str, Fault] = {
    "db_drops_eni": _dropped(ENI_ADDRESS, "10.10.2.40"),
    "db_drops_vpchost": _dropped(VPCHOST_ADDRESS, "10.10.2.40"),
    "db_drops_vswitch_a": _dropped("10.10.1.0/24", "10.10.2.40"),
    "eni_renumbered": Fault(
        "another ENI of the same vSwitch",
        links(
            (
                (SANDBOX, f"address del {ENI_ADDRESS}/24 dev eth1"),
                (SANDBOX, "address add 10.10.1.11/24 dev eth1"),
                (SANDBOX, f"route add {VPC_ROUTE}"),
            ),
            (
                (SANDBOX, "address del 10.10.1.11/24 dev eth1"),
                (SANDBOX, f"address add {ENI_ADDRESS}/24 dev eth1"),
                (SANDBOX, f"route add {VPC_ROUTE}"),
            ),
        ),
    ),
    "fabric_is_silent": Fault(
        "the VPC's router sends no messages of its own, so that no trace gets anywhere",
        chain(ROUTER, "output", "meta l4proto icmp drop"),
    ),
    "zone_not_attached": Fault(
        "the name servers do not know the private zone",
        resolve(EVERY, "es-1.vpc.internal", "rcode", "NXDOMAIN"),
    ),
    "stale_everywhere": Fault(
        "the name servers give the address that the service has left",
        resolve(EVERY, "es-1.vpc.internal", "records", {"A": ["10.10.3.98"]}),
    ),
    "partner_inside": Fault(
        "the private zone gives the address by which the partner is reached in the VPC",
        resolve(EVERY, "api.partner.example", "records", {"A": ["10.10.3.20"]}),
    ),
    "partner_serves_inside": Fault(
        "the partner's endpoint in the VPC", behave("10.10.3.20", 443, ("tls", "good", "http"))
    ),
    "partner_not_admitted": Fault(
        "the proxy's list lacks the partner",
        chain(PROXY, "forward", 'iifname "job" ip daddr 198.51.100.20 drop'),
    ),
    "partner_refuses": Fault(
        "where the partner refuses clients",
        behave(*_PARTNER_REFUSES, ("tls", "good", "http", 403, "Forbidden", "your address is not admitted\n")),
    ),
    "partner_knows_others": Fault(
        "the partner's load balancer leads the job's outbound address there",
        table(
            INTERNET,
            "chain prerouting {\ntype nat hook prerouting priority -100\n"
            f"ip saddr {_JOB_OUTBOUND} ip daddr {_PARTNER[0]} tcp dport {_PARTNER[1]} "
            f"dnat to {_PARTNER_REFUSES[0]}:{_PARTNER_REFUSES[1]}\n}}",
            "ip",
        ),
    ),
    "partner_drops_cloud": Fault(
        "the partner drops all addresses of the cloud",
        chain(INTERNET, "input", f"ip saddr {{ {_JOB_OUTBOUND}, 192.0.2.2 }} ip daddr {_PARTNER[0]} drop"),
    ),
    "partner_is_off": Fault("nothing of the partner answers", chain(INTERNET, "input", f"ip daddr {_PARTNER[0]} drop")),
    "forwarder": Fault("something that accepts and says nothing", behave(*_FORWARDER, ("hold",))),
    "forwarder_accepts": Fault(
        "the sandbox's forwarder accepts what the list does not admit",
        table(
            PROXY,
            "chain prerouting {\ntype nat hook prerouting priority -100\n"
            f'iifname "job" ip daddr 198.51.100.20 tcp dport 443 dnat to {_FORWARDER[0]}:{_FORWARDER[1]}\n}}',
            "ip",
        ),
    ),
    "laptop": Fault(
        "the namespace of the Internet asks the same name servers, as a laptop would ask its own",
        links(
            (
                (INTERNET, f"route add 100.100.2.0/24 via {_JOB_OUTBOUND}"),
                (DNS, "route add 203.0.113.0/24 via 100.100.0.1"),
            ),
            ((INTERNET, "route del 100.100.2.0/24"), (DNS, "route del 203.0.113.0/24")),
        ),
    ),
}
