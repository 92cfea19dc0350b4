"""The same networks under other circumstances: what is different, which scenarios meet it, and what it takes away.

Where a variant takes away what told two causes apart, the one may stand in the other's place: that is written down
here, one by one and with the reason. It then has to name the true one beside it, and may not be sure.
"""

import contextlib
from collections.abc import Callable, Mapping

from attrs import field, frozen

from reports.causes import CAUSES
from tests.lab import network
from tests.lab.changes import Change, Ground, Undo, table
from tests.lab.faults.contract import Fault
from tests.lab.forwarder import forward
from tests.lab.network import DB, DNS, EMR, INTERNET, PROXY, ROUTER, SANDBOX, STORE
from tests.lab.scenario import Scenario

# What may not be surer than this, where several causes look the same.
SURE_OF_SEVERAL = 0.75

_BRIDGES = ("vswa", "vswb", "vswc")


def together(*changes: Change) -> Change:
    """Several changes as one."""

    def apply(ground: Ground) -> Undo:
        undo = contextlib.ExitStack()
        for change in changes:
            undo.callback(change(ground))
        return undo.close

    return apply


def sysctls(namespace: str, settings: Mapping[str, str]) -> Change:
    """Values of /proc/sys."""

    def apply(ground: Ground) -> Undo:
        before = network.sysctl_values(namespace, settings)
        network.sysctl(namespace, settings)
        return lambda: network.sysctl(namespace, before)

    return apply


def no_icmp(namespace: str) -> Change:
    """It sends none, takes none and passes none on."""
    hooks = (
        f"chain {hook} {{\ntype filter hook {hook} priority -10\nmeta l4proto icmp drop\n}}"
        for hook in ("input", "forward", "output")
    )
    return table(namespace, "\n".join(hooks))


def answers_every_arp(namespace: str, *interfaces: str) -> Change:
    """Also for neighbours of the same segment: they see nothing of each other, and all of it is routed."""
    return sysctls(
        namespace,
        {
            name: value
            for interface in interfaces
            for name, value in (
                (f"net/ipv4/conf/{interface}/proxy_arp", "1"),
                (f"net/ipv4/conf/{interface}/proxy_arp_pvlan", "1"),
                (f"net/ipv4/neigh/{interface}/proxy_delay", "0"),
            )
        },
    )


def _isolated(*ports: str) -> Change:
    def apply(ground: Ground) -> Undo:
        def isolate(word: str) -> None:
            network.ip((f"link set {port} type bridge_slave isolated {word}" for port in ports), ROUTER)
            network.forget_neighbours()

        isolate("on")
        return lambda: isolate("off")

    return apply


_SILENT_FABRIC = together(
    *(no_icmp(namespace) for namespace in (PROXY, ROUTER, INTERNET, EMR, DB, STORE, DNS)),
    answers_every_arp(ROUTER, *_BRIDGES),
    answers_every_arp(PROXY, "job"),
    _isolated("a-sandbox", "a-vpchost", "b-emr", "b-db", "c-store"),
)

FAULTS: Mapping[str, Fault] = {
    "silent_fabric": Fault("no node sends or passes ICMP, and the routers answer every ARP request", _SILENT_FABRIC),
    "forwarder": Fault("something on either way out accepts every connection itself", forward),
}

Lookalikes = Mapping[str, Mapping[str, str]]


def _any(scenario: Scenario) -> bool:
    return True


def _on_the_way(scenario: Scenario) -> bool:
    """What the way between the job and its targets is to blame for, and what is healthy."""
    return scenario.expected is None or CAUSES[scenario.expected].layer in ("local", "eni", "route", "filter", "path")


@frozen(kw_only=True, eq=False)
class Variant:
    """``floor``: the share of scenarios that must be right. ``bare``: linkdoctor runs without any capability.

    ``apart``: the floor also holds for those alone that the path, a route or a filter breaks, without the healthy.
    ``meets``: whether a scenario belongs to it; ``spared``: those that do not, and why. ``indistinguishable``: true
    cause -> the causes that look the same, each with the reason.
    """

    name: str
    title: str
    floor: float
    apart: bool = False
    faults: tuple[str, ...] = ()
    bare: bool = False
    meets: Callable[[Scenario], bool] = _any
    spared: Mapping[str, str] = field(factory=dict)
    indistinguishable: Lookalikes = field(factory=dict)

    def has(self, scenario: Scenario) -> bool:
        """Whether it is scored."""
        return scenario.name not in self.spared and self.meets(scenario)

    def lookalikes(self, scenario: Scenario) -> Mapping[str, str]:
        """The causes that truly cannot be told from the true one, each with the reason."""
        return self.indistinguishable.get(scenario.expected or "", {})


# Without messages, whoever discards a SYN looks like any other who does.
_ALONE = "where nothing else in its subnet is tried, silence does not tell whether route, host or filter made it"
_OUTSIDE = "whether the proxy let a SYN out would show in who answers behind it, and nobody does"
_SILENT: Lookalikes = {
    "router_no_route": {"blackhole_route": "a router without a route discards as a blackhole does, and cannot say so"},
    "host_down": {
        "host_firewall_drop": "the router's message that nobody answers is missing: the host may be there and drop all",
        "sg_drop": "its security group may drop all that is asked of it as well",
        "blackhole_route": _ALONE,
    },
    "blackhole_route": dict.fromkeys(("sg_drop", "host_firewall_drop", "host_down"), _ALONE),
    "acl_drop": {"blackhole_route": "a list that drops for a part looks as a route does that discards for it"},
    "host_firewall_drop": {
        "sg_drop": "a filter before the host drops as one on it does",
        "host_down": "a host that is off is as silent as one that drops all",
        "access_list_missing_host": _OUTSIDE,
    },
    "admin_prohibited": {
        "sg_drop": "the message that it is prohibited is missing; what is left is a filter that drops"
    },
}

# Whoever accepts in the target's place hears why the connection fails, and only ends it; or hears nothing, and holds.
_ENDED = "the forwarder was told why, and only ends the connection: a reset by the host or a message looks the same"
_HELD = "the forwarder waits for an answer: a SYN that is dropped and a service that is silent look the same"
_ENDINGS = ("service_not_listening", "sg_reset", "accept_then_close", "accept_then_reset", "reset_on_first_data")
_DROPS = ("sg_drop", "host_firewall_drop", "blackhole_route", "service_hang")
_ACCEPTED: Lookalikes = {
    **{
        cause: dict.fromkeys((*_ENDINGS, *{"host_down", "router_no_route", "admin_prohibited"} - {cause}), _ENDED)
        for cause in ("host_down", "router_no_route", "admin_prohibited")
    },
    **{cause: {other: _HELD for other in _DROPS if other != cause} for cause in ("sg_drop", "blackhole_route")},
    "host_firewall_drop": {
        **dict.fromkeys(("sg_drop", "blackhole_route", "service_hang"), _HELD),
        "access_list_missing_host": _OUTSIDE,
    },
    "return_path_drop": dict.fromkeys(_DROPS, "the forwarder takes the ports to which it is answered, not the job"),
    **{
        cause: {"service_slow": "what the forwarder waits for comes late, whoever is late"}
        for cause in ("packet_loss", "high_latency")
    },
}

PLAIN = Variant(name="plain", title="the networks as they are", floor=0.95)

VARIANTS: Mapping[str, Variant] = {
    variant.name: variant
    for variant in (
        PLAIN,
        Variant(
            name="bare",
            title="linkdoctor without any capability",
            floor=0.90,
            bare=True,
            spared={
                "duplicate_address": "ARP takes CAP_NET_RAW, and that is said",
                "duplicate_address_in_a_check": "ARP takes CAP_NET_RAW",
            },
        ),
        Variant(
            name="silent",
            title="no ICMP from anybody, one hardware address for every neighbour",
            floor=0.85,
            apart=True,
            faults=("silent_fabric",),
            meets=_on_the_way,
            spared={
                "healthy_narrow_path": "a narrow path of which nobody is told is a black hole",
                "policy_wrong_gateway_from_host": "the router answers for the neighbour too: all of it arrives",
                "duplicate_address": "where one answers ARP for all nothing is known of the rest, and that is said",
            },
            indistinguishable=_SILENT,
        ),
        Variant(
            name="forwarder",
            title="every connection of the job is accepted on the way",
            floor=0.85,
            apart=True,
            faults=("forwarder",),
            meets=lambda scenario: scenario.vantage == SANDBOX and _on_the_way(scenario),
            spared={
                "eni_no_carrier": "what has no carrier is then the forwarder's other end",
                "several_groups_and_route": "both look the same there, and either may come first",
                **dict.fromkeys(
                    ("changing_group_opened", "changing_group_opened_one_target"),
                    "the forwarder tries on until the group is open",
                ),
                "sg_reset": "how far away the reset came from is known to the forwarder alone",
                **dict.fromkeys(
                    ("subnet_partly_dark_with_target", "acl_drop_of_a_part", "host_down_in_the_unused"),
                    "that nobody answers in a part is hidden by who accepts for all of it",
                ),
            },
            indistinguishable=_ACCEPTED,
        ),
    )
}
