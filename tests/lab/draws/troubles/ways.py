"""Routes on the way, the job's own machine and its ENI."""

from collections.abc import Mapping

from tests.lab.changes import Change, chain, links, routes, rules, table
from tests.lab.draws.declared import Aim
from tests.lab.draws.places import GATEWAY, HOST, JOB
from tests.lab.draws.troubles.scene import Scene, Template, Trouble, inside
from tests.lab.network import LIMBO

_NO_TRACE = "no trace can show whether a route leads to the vSwitch"


def _lost_subnet(scene: Scene, hit: list[Aim]) -> dict[str, str]:
    if scene.shows_route(hit):
        return {}
    alike = dict.fromkeys(("blackhole_route", "sg_drop", "host_firewall_drop", "return_path_drop"), _NO_TRACE)
    if all(aim in hit for aim in scene.inside) and (scene.places.sandboxed or not scene.outside):
        # Where it discards, the gateway does not speak either.
        alike["eni_group_blocks_outbound"] = "nothing in the VPC answers, and nothing tells that the ENI was left"
    if not scene.subnet(hit[0]).routers[-1].speaks and len({aim.address for aim in hit}) == 1:
        alike["host_down"] = "the last router sends no ICMP: a host that is off is silent too"
    return alike


@inside
def blackhole(scene: Scene, aim: Aim) -> Trouble | None:
    """A route of the VPC's gateway discards what goes to a vSwitch."""
    subnet = scene.subnet(aim)
    if not subnet.routers:
        return None
    hit = scene.of_subnet(subnet)
    return scene.trouble(
        f"the gateway discards {subnet.cidr}",
        "blackhole_route",
        hit,
        routes(GATEWAY, *(f"blackhole {half}" for half in subnet.halves)),
        alike=_lost_subnet(scene, hit),
    )


@inside
def no_route(scene: Scene, aim: Aim) -> Trouble | None:
    """The VPC's gateway has no route to a vSwitch."""
    subnet = scene.subnet(aim)
    if not subnet.routers:
        return None
    hit, says = scene.of_subnet(subnet), scene.places.gateway.speaks
    return scene.trouble(
        f"the gateway has no route to {subnet.cidr}{'' if says else ' and does not say so'}",
        "router_no_route",
        hit,
        routes(GATEWAY, *(f"throw {half}" for half in subnet.halves), "unreachable default metric 1"),
        alike={} if says else _lost_subnet(scene, hit),
    )


def local_reject_route(scene: Scene) -> Trouble | None:
    """A route of the job's machine rejects a host."""
    aim = scene.one()
    if aim is None:
        return None
    kind = scene.random.choice(("blackhole", "unreachable"))
    words = f"a route of the job's machine: {kind} {aim.address}"
    return scene.trouble(words, "local_reject_route", scene.of_host(aim), routes(JOB, f"{kind} {aim.address}"))


def local_filter(scene: Scene) -> Trouble | None:
    """An output rule of the job's machine."""
    aim = scene.one()
    if aim is None:
        return None
    verdict = scene.random.choice(("drop", "reject"))
    change = chain(JOB, "output", f"ip daddr {aim.address} tcp dport {aim.port} {verdict}")
    words = f"the job's machine has an output rule: {verdict} {aim.where}"
    return scene.trouble(words, "local_firewall_drop", [aim], change)


def no_default(scene: Scene) -> Trouble | None:
    """The job's default route is gone."""
    if not scene.outside or not scene.places.sandboxed:
        return None
    change = links(((JOB, "route del default"),), ((JOB, "route add default via 172.30.0.1"),))
    return scene.trouble("the job's machine has no default route", "no_default_route", scene.outside, change)


@inside
def wrong_route(scene: Scene, aim: Aim) -> Trouble | None:
    """A narrower route sends a vSwitch to the outbound proxy."""
    subnet = scene.subnet(aim)
    if not subnet.routers or not scene.places.sandboxed:
        return None
    change = routes(JOB, f"{subnet.cidr} via 172.30.0.1 dev eth0")
    words = f"a route of the job's machine sends {subnet.cidr} to the outbound proxy"
    return scene.trouble(words, "wrong_route", scene.of_subnet(subnet), change)


def _eni_back(scene: Scene) -> tuple[tuple[str, str], ...]:
    own = scene.places.subnets[0]
    return (
        (JOB, "link set eth1 up"),
        (JOB, f"route add {scene.places.vpc} via {own.gateway} dev eth1"),
    )


def _of_eni(scene: Scene) -> bool:
    return scene.places.sandboxed and bool(scene.inside)


def detached(scene: Scene) -> Change:
    """The ENI is kept elsewhere."""
    length = scene.places.subnets[0].cidr.partition("/")[2]
    address = ((JOB, f"address add {scene.places.address}/{length} dev eth1"),)
    back = ((LIMBO, f"link set eth1 netns {JOB}"), *address, *_eni_back(scene))
    return links(((JOB, f"link set eth1 netns {LIMBO}"),), back)


def eni_missing(scene: Scene) -> Trouble | None:
    """There is no ENI."""
    if not _of_eni(scene):
        return None
    return scene.trouble("there is no ENI", "eni_missing", scene.inside, detached(scene))


def eni_down(scene: Scene) -> Trouble | None:
    """The ENI is down."""
    if not _of_eni(scene):
        return None
    change = links(((JOB, "link set eth1 down"),), _eni_back(scene))
    return scene.trouble("the ENI is down", "eni_down", scene.inside, change)


def eni_unplugged(scene: Scene) -> Trouble | None:
    """The ENI is not attached."""
    if not _of_eni(scene):
        return None
    change = links(((GATEWAY, "link set job down"),), ((GATEWAY, "link set job up"),))
    return scene.trouble("the ENI has no carrier", "eni_no_carrier", scene.inside, change)


def eni_group(scene: Scene) -> Trouble | None:
    """The ENI's security group lets nothing out."""
    if not _of_eni(scene):
        return None
    hit = scene.inside
    hosts, subnets = {aim.address for aim in hit}, {aim.host.subnet for aim in hit}
    why = "all targets in the VPC are in one vSwitch: nothing tells whether another answers"
    alike = {}
    if len(subnets) == 1:
        alike = dict.fromkeys(("blackhole_route", "sg_drop", "host_firewall_drop", "return_path_drop"), why)
        if len(hosts) == 1 and subnets != {0}:
            alike["host_down"] = why
    change = table(
        GATEWAY,
        'chain ingress {\ntype filter hook ingress device "job" priority 0\nether type ip drop\n}',
        "netdev",
    )
    words = "the ENI's security group lets nothing out"
    return scene.trouble(words, "eni_group_blocks_outbound", hit, change, alike=alike)


def no_nat(scene: Scene) -> Trouble | None:
    """The VPC has no NAT gateway."""
    if scene.places.runtime != HOST or not scene.outside:
        return None
    alike = {}
    if len({aim.address for aim in scene.outside}) == 1:
        why = "there is only one public host to look at"
        alike = dict.fromkeys(("host_firewall_drop", "host_down"), why)
    change = rules(
        GATEWAY, "flush chain ip nat postrouting", 'add rule ip nat postrouting oifname "wan" snat to 192.0.2.2'
    )
    return scene.trouble("the VPC has no NAT", "no_internet_egress", scene.outside, change, alike=alike)


TEMPLATES: Mapping[Template, float] = {
    blackhole: 3,
    no_route: 2,
    local_reject_route: 1.5,
    local_filter: 2,
    no_default: 1.5,
    wrong_route: 2,
    eni_missing: 3,
    eni_down: 1,
    eni_unplugged: 1,
    eni_group: 2,
    no_nat: 3,
}
