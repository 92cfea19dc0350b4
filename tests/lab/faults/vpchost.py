"""What is broken on the VPC host itself, as reach.py breaks the job's machine; and its way to the HTTP proxy."""

from collections.abc import Mapping

from tests.lab.changes import chain, links, routes
from tests.lab.faults.contract import Fault
from tests.lab.faults.local import short_of_ports
from tests.lab.faults.reach import forwarding
from tests.lab.network import INTERNET, VPCHOST

_VPC = "10.10.0.0/16 via 10.10.1.1"

FAULTS: Mapping[str, Fault] = {
    "vpchost_drop": Fault(
        "the host's own output chain drops the SYN before it leaves",
        chain(VPCHOST, "output", "ip daddr 10.10.2.40 tcp dport 3306 drop"),
    ),
    "vpchost_blackhole": Fault("a blackhole route on the host itself", routes(VPCHOST, "blackhole 10.10.2.40")),
    "vpchost_unreachable": Fault("an unreachable route on the host itself", routes(VPCHOST, "unreachable 10.10.2.40")),
    "vpchost_no_default": Fault(
        "the host has a route to the VPC, and none to anything else",
        links(
            ((VPCHOST, f"route add {_VPC}"), (VPCHOST, "route del default")),
            ((VPCHOST, "route add default via 10.10.1.1"), (VPCHOST, f"route del {_VPC}")),
        ),
    ),
    "vpchost_tunnel": Fault(
        "a tunnel of the host's own took the route to vswitch-b, and nobody is behind it",
        links(
            (
                (VPCHOST, "link add vpn0 type bridge"),
                (VPCHOST, "address add 172.31.7.2/24 dev vpn0"),
                (VPCHOST, "link set vpn0 up"),
                (VPCHOST, "route add 10.10.2.0/24 dev vpn0"),
            ),
            ((VPCHOST, "link del vpn0"),),
        ),
    ),
    "vpchost_ports_short": Fault(
        "85 of the host's 100 local ports wait for the end of connections to Elasticsearch",
        short_of_ports(100, 85, VPCHOST),
    ),
    "proxy_from_outside": Fault(
        "the Internet carries the VPC host's connections to the outside of the proxy's machine",
        forwarding(INTERNET, "proxy", "router"),
    ),
}
