"""What looks like a fault and is none."""

from collections.abc import Mapping

from tests.lab.changes import chain
from tests.lab.faults.contract import Fault, forward
from tests.lab.network import INTERNET, STORE

FAULTS: Mapping[str, Fault] = {
    "icmp_blocked_vpc": Fault("no ICMP in the VPC, TCP is fine", forward("meta l4proto icmp drop")),
    "icmp_blocked_store": Fault("no echo from this host", chain(STORE, "input", "meta l4proto icmp drop")),
    "icmp_blocked_internet": Fault("no echo from the Internet", chain(INTERNET, "input", "meta l4proto icmp drop")),
    "first_syn_lost": Fault(
        "one SYN is lost, the retransmission passes",
        forward(
            "ip daddr 10.10.2.40 tcp dport 3306 tcp flags syn limit rate over 1/hour burst 1 packets accept\n"
            "ip daddr 10.10.2.40 tcp dport 3306 tcp flags syn drop"
        ),
    ),
}
