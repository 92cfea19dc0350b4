"""Name servers and what they say."""

from collections.abc import Mapping

from tests.lab.changes import chain, resolve
from tests.lab.faults.contract import Fault
from tests.lab.nameserver import EVERY, FIRST, SECOND
from tests.lab.network import DNS

FAULTS: Mapping[str, Fault] = {
    "dns_servfail": Fault("the server's own answer", resolve(EVERY, "es-1.vpc.internal", "rcode", "SERVFAIL")),
    "dns_refused": Fault("the servers refuse this client, whatever it asks", resolve(EVERY, EVERY, "rcode", "REFUSED")),
    "dns_dead": Fault(
        "both name servers' host drops port 53", chain(DNS, "input", "meta l4proto { tcp, udp } th dport 53 drop")
    ),
    "dns_first_dead": Fault("the first name server is silent", chain(DNS, "input", f"ip daddr {FIRST} drop")),
    "dns_second_dead": Fault("the second name server is silent", chain(DNS, "input", f"ip daddr {SECOND} drop")),
    "dns_name_dropped": Fault(
        "queries for one name get no answer",
        resolve(
            EVERY,
            "es-1.vpc.internal",
            "silent",
        ),
    ),
    "dns_truncates": Fault(
        "UDP answers are truncated",
        resolve(
            EVERY,
            "es-1.vpc.internal",
            "truncate",
        ),
    ),
    "dns_tcp_closed": Fault("TCP 53 is dropped", chain(DNS, "input", "tcp dport 53 drop")),
    "dns_poisoned": Fault(
        "the VPC's servers give a private address, which nothing holds, for a public name",
        resolve(EVERY, "api.partner.example", "records", {"A": ["10.66.0.20"]}),
    ),
    "dns_private_but_reachable": Fault(
        "a split view: the public name leads to a live host of the VPC",
        resolve(EVERY, "api.partner.example", "records", {"A": ["10.10.3.20"]}),
    ),
    "dns_stale": Fault(
        "the first server still gives the address that the service has left",
        resolve(FIRST, "es-1.vpc.internal", "records", {"A": ["10.10.3.98"]}),
    ),
    "dns_late": Fault("every answer comes after 1.3 s", resolve(EVERY, EVERY, "delay", 1.3)),
    "dns_second_late": Fault("the second server answers after 1.3 s", resolve(SECOND, EVERY, "delay", 1.3)),
}
