"""Filters in front of a host, and the host itself."""

from collections.abc import Mapping

from attrs import evolve

from tests.lab.changes import behave, chain, resolve, table
from tests.lab.draws.declared import Aim
from tests.lab.draws.places import unused
from tests.lab.draws.troubles.scene import Scene, Template, Trouble, anywhere, before, inside, outside
from tests.lab.nameserver import EVERY
from tests.lab.scenario import DEGRADED

# What a filter of a whole host drops: many let ICMP through.
_WHAT = ("", "meta l4proto tcp ")


def _of_tcp(what: str) -> str:
    return " TCP" if what else ""


@inside
def group_drops_port(scene: Scene, aim: Aim) -> Trouble:
    """The security group does not admit one port."""
    drop = before(scene.places, scene.subnet(aim), f"ip daddr {aim.address} tcp dport {aim.port} drop")
    words = f"the security group drops {aim.where}"
    return scene.trouble(words, "sg_drop", [aim], drop, alike=scene.silence([aim], whole=False))


@inside
def group_drops_host(scene: Scene, aim: Aim) -> Trouble:
    """The security group admits nothing to one host."""
    hit = scene.of_host(aim)
    what = scene.random.choice(_WHAT)
    drop = before(scene.places, scene.subnet(aim), f"ip daddr {aim.address} {what}drop")
    words = f"the security group drops all{_of_tcp(what)} of {aim.address}"
    return scene.trouble(words, "sg_drop", hit, drop, alike=scene.silence(hit))


@inside
def host_firewall(scene: Scene, aim: Aim) -> Trouble:
    """A host's own firewall drops whatever comes from the job's vSwitch."""
    hit, source = scene.of_host(aim), scene.places.subnets[0].cidr
    what = scene.random.choice(_WHAT)
    drop = chain(aim.host.namespace, "input", f"ip daddr {aim.address} ip saddr {source} {what}drop")
    words = f"the firewall of {aim.address} drops {source}{_of_tcp(what)}"
    return scene.trouble(words, "host_firewall_drop", hit, drop, alike=scene.silence(hit))


@inside
def whitelist(scene: Scene, aim: Aim) -> Trouble:
    """A whitelist holds another address of the job's vSwitch, and the plan says so."""
    old = unused(scene.random, scene.places, scene.places.subnets[0])
    said = evolve(aim, admits=(old,))
    declared = evolve(scene.declared, aims=tuple(said if one is aim else one for one in scene.declared.aims))
    drop = chain(aim.host.namespace, "input", f"ip daddr {aim.address} tcp dport {aim.port} ip saddr != {old} drop")
    words = f"the whitelist of {aim.where} holds {old} alone"
    return scene.trouble(words, "ip_whitelist_mismatch", [aim], drop, declared=declared)


@inside
def host_down(scene: Scene, aim: Aim) -> Trouble:
    """The host is gone: nothing holds the address."""
    hit, subnet = scene.of_host(aim), scene.subnet(aim)
    # Without ARP and without the address's own traffic the host is off, and its neighbours in the namespace are not.
    gone = table(
        aim.host.namespace,
        f'chain ingress {{\ntype filter hook ingress device "eth0" priority 0\n'
        f"arp daddr ip {aim.address} drop\nip daddr {aim.address} drop\n}}",
        "netdev",
    )
    told = not subnet.routers or subnet.routers[-1].speaks
    words = f"nothing holds {aim.address}"
    return scene.trouble(words, "host_down", hit, gone, alike={} if told else scene.silence(hit))


@inside
def prohibited(scene: Scene, aim: Aim) -> Trouble | None:
    """A filter says that it prohibits."""
    subnet = scene.subnet(aim)
    if not subnet.routers or not subnet.routers[-1].speaks:
        return None
    reject = f"ip daddr {aim.address} tcp dport {aim.port} reject with icmp admin-prohibited"
    words = f"the last router prohibits {aim.where}"
    return scene.trouble(words, "admin_prohibited", [aim], before(scene.places, subnet, reject))


@outside
def partner_drops(scene: Scene, aim: Aim) -> Trouble:
    """A public host drops whatever comes."""
    hit = scene.of_host(aim)
    alike = {"host_down": "what lies in the Internet says nothing of a host that is off"}
    if scene.places.sandboxed:
        alike["access_list_missing_host"] = "the outbound proxy drops as silently what the project's own list lacks"
    elif len(hit) == len(scene.outside):
        alike["no_internet_egress"] = "there is only one public host to look at"
    drop = chain(aim.host.namespace, "input", f"ip daddr {aim.address} drop")
    return scene.trouble(f"{aim.address} drops everything", "host_firewall_drop", hit, drop, alike=alike)


_RESETS: Mapping[str, str] = {
    "service_not_listening": "a closed port resets as a device does that resets in its place",
    "sg_reset": "a device that resets in a host's place looks like a closed port",
}


@inside
def device_resets(scene: Scene, aim: Aim) -> Trouble | None:
    """A device answers the SYN in the host's place."""
    subnet = scene.subnet(aim)
    if not subnet.routers:
        return None
    reject = f"ip daddr {aim.address} tcp dport {aim.port} reject with tcp reset"
    words = f"the last router resets {aim.where}"
    return scene.trouble(words, "sg_reset", [aim], before(scene.places, subnet, reject), alike=_RESETS)


@anywhere
def stopped(scene: Scene, aim: Aim) -> Trouble:
    """Nothing listens."""
    alike = {} if aim.public else _RESETS
    change = behave(aim.address, aim.port, None)
    return scene.trouble(f"nothing listens at {aim.where}", "service_not_listening", [aim], change, alike=alike)


@inside
def return_path(scene: Scene, aim: Aim) -> Trouble:
    """What the host answers is lost on the way back."""
    hit = scene.of_host(aim)
    drop = chain(aim.host.namespace, "output", f"ip saddr {aim.address} ip daddr {scene.places.subnets[0].cidr} drop")
    words = f"the answers of {aim.address} are lost"
    return scene.trouble(words, "return_path_drop", hit, drop, alike=scene.silence(hit))


def group_drops_datanodes(scene: Scene) -> Trouble | None:
    """The security group admits the NameNode's port and forgot the DataNodes'."""
    hit = scene.aims(lambda aim: aim.service.kind == "hdfs-datanode")
    master = scene.one(lambda aim: aim.service.kind == "hdfs-namenode" and aim.host.group is not None)
    if not hit or master is None:
        return None
    drop = before(scene.places, scene.subnet(hit[0]), "tcp dport 50010 drop")
    words = "the security group drops port 50010"
    # One of several is no matter of the cluster; here it is all of them.
    return scene.trouble(words, "datanode_unreachable", hit, drop, alike={"sg_drop": "it is a security group"})


def one_address_dead(scene: Scene) -> Trouble | None:
    """A name has two addresses, and nothing holds one of them."""
    aim = scene.one(lambda aim: aim.named and not aim.public)
    if aim is None:
        return None
    dead, name = unused(scene.random, scene.places, scene.subnet(aim)), aim.host.name
    hit = scene.aims(lambda other: other.named and other.host.name == name)
    change = resolve(EVERY, name, "records", {"A": [aim.address, dead]})
    return scene.trouble(f"{name} is {dead} too", "one_address_dead", hit, change, verdict=DEGRADED)


TEMPLATES: Mapping[Template, float] = {
    group_drops_port: 10,
    group_drops_host: 4,
    host_firewall: 3,
    whitelist: 5,
    host_down: 5,
    prohibited: 2,
    device_resets: 1,
    stopped: 6,
    return_path: 2,
    partner_drops: 2,
    group_drops_datanodes: 10,
    one_address_dead: 2,
}
