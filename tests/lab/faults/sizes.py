"""Sizes: links that carry less than the ends believe, and links that are slow."""

from collections.abc import Mapping

from tests.lab import network
from tests.lab.changes import Change, Ground, Undo, behave, chain, together
from tests.lab.faults.contract import Fault
from tests.lab.network import NAMESPACES, PROXY, ROUTER

# A certificate and a large page do not fit; a small answer and every datagram of a name server do.
_MTU = 800
_NOT_TOLD = "icmp type destination-unreachable icmp code frag-needed drop"

_TO_JOB = (PROXY, "10.0.0.0/24 dev job proto kernel scope link src 10.0.0.1")
_TO_VSWITCH_A = (ROUTER, "10.10.1.0/24 dev vswa proto kernel scope link src 10.10.1.1")
_TO_VSWITCH_C = (ROUTER, "10.10.3.0/24 dev vswc proto kernel scope link src 10.10.3.1")


def _narrow(namespace: str, route: str) -> Change:
    """Less passes by the route, which the ends are told. What they have learnt of it is forgotten with it."""

    def apply(ground: Ground) -> Undo:
        network.ip([f"route change {route} mtu {_MTU}"], namespace)

        def undo() -> None:
            network.ip([f"route change {route}"], namespace)
            for end in NAMESPACES:
                network.ip(["route flush cache"], end)

        return undo

    return apply


def _black_hole(namespace: str, *routes: str) -> Change:
    """Less passes by the routes, and nobody is told."""
    return together(chain(namespace, "output", _NOT_TOLD), *(_narrow(namespace, route) for route in routes))


def _slow(namespace: str, interface: str) -> Change:
    """A token bucket: 125,000 bytes a second, after a burst of 8,000; what has to wait is kept, and not dropped."""

    def apply(ground: Ground) -> Undo:
        shape = "root tbf rate 1mbit burst 64kbit latency 2000ms"
        network.run(["tc", "qdisc", "add", "dev", interface, *shape.split()], namespace)
        return lambda: network.run(["tc", "qdisc", "del", "dev", interface, "root"], namespace)

    return apply


_LARGE = ("http", 200, "OK", "a line of an index that is much longer than any segment\n" * 1250)

_ENDLESS = ("http", 200, "OK", "more\n" * 1_000_000)

FAULTS: Mapping[str, Fault] = {
    "elasticsearch_large": Fault("the answer fills many segments", behave("10.10.3.21", 9200, _LARGE)),
    "oss_large": Fault("the answer fills many segments", behave("198.51.100.12", 443, ("tls", "good", *_LARGE))),
    "elasticsearch_endless": Fault("the answer never ends", behave("10.10.3.21", 9200, _ENDLESS)),
    "narrow_vpc": Fault("the router carries less towards vswitch-a, and says so", _narrow(*_TO_VSWITCH_A)),
    "narrow_internet": Fault("the outbound proxy carries less towards the job, and says so", _narrow(*_TO_JOB)),
    "black_hole_vpc": Fault(
        "the router carries less towards vswitch-a, and its message is lost", _black_hole(*_TO_VSWITCH_A)
    ),
    "black_hole_vpc_out": Fault(
        "the router carries less towards vswitch-c, and its message is lost", _black_hole(*_TO_VSWITCH_C)
    ),
    "black_hole_vpc_both": Fault(
        "the router carries less between vswitch-a and vswitch-c, and its messages are lost",
        _black_hole(*_TO_VSWITCH_A, _TO_VSWITCH_C[1]),
    ),
    "black_hole_internet": Fault(
        "the outbound proxy carries less towards the job, and its message is lost", _black_hole(*_TO_JOB)
    ),
    "throttled_vpc": Fault("a token bucket towards vswitch-a", _slow(ROUTER, "vswa")),
    "throttled_internet": Fault("a token bucket towards the job", _slow(PROXY, "job")),
}
