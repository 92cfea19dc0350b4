"""The outbound proxy and the access lists."""

from collections.abc import Mapping

from attrs import evolve

from tests.lab.changes import Change, chain
from tests.lab.draws.declared import Aim
from tests.lab.draws.places import PROXY, UDF
from tests.lab.draws.troubles.scene import Scene, Template, Trouble, inside, outside
from tests.lab.draws.troubles.ways import detached
from tests.lab.scenario import DEGRADED


def _dropped(*filters: str) -> Change:
    return chain(PROXY, "forward", *filters)


@outside
def lacks_host(scene: Scene, aim: Aim) -> Trouble | None:
    """The job's list lacks a host."""
    hit = scene.of_host(aim)
    if not scene.places.sandboxed or len(hit) == len(scene.outside):
        return None
    return scene.trouble(
        f"the access list lacks {aim.host.name}",
        "access_list_missing_host",
        hit,
        _dropped(f"ip daddr {aim.address} drop"),
        declared=evolve(scene.declared, unlisted=tuple(hit)),
    )


@outside
def project_lacks_host(scene: Scene, aim: Aim) -> Trouble | None:
    """The job's list has the host, the project's has not."""
    if not scene.places.sandboxed:
        return None
    why = "the host lies behind the proxy, and no router in between tells who drops"
    return scene.trouble(
        f"the project's list lacks {aim.host.name}",
        "access_list_missing_host",
        scene.of_host(aim),
        _dropped(f"ip daddr {aim.address} drop"),
        alike=dict.fromkeys(("host_firewall_drop", "host_down"), why),
    )


@outside
def lacks_port(scene: Scene, aim: Aim) -> Trouble | None:
    """The job's list has the host with another port."""
    if not scene.places.sandboxed:
        return None
    return scene.trouble(
        f"the access list has {aim.host.name} without port {aim.port}",
        "access_list_missing_port",
        [aim],
        _dropped(f"ip daddr {aim.address} tcp dport {aim.port} drop"),
        declared=evolve(scene.declared, elsewhere=(aim,)),
    )


def no_list(scene: Scene) -> Trouble | None:
    """The job has no access list."""
    if not scene.places.sandboxed or not scene.outside:
        return None
    answer = scene.random.choice(("drop", "drop", "meta l4proto tcp reject with tcp reset"))
    return scene.trouble(
        "the job has no access list",
        "access_not_enabled",
        scene.outside,
        _dropped(f'iifname "job" oifname "wan" {answer}'),
        declared=evolve(scene.declared, unlisted=tuple(scene.outside)),
    )


@outside
def malformed(scene: Scene, aim: Aim) -> Trouble | None:
    """The job's list has the host without a port, which the proxy does not admit."""
    hit = scene.of_host(aim)
    if not scene.places.sandboxed:
        return None
    return scene.trouble(
        f"the access list has {aim.host.name} without a port",
        "access_list_malformed",
        hit,
        _dropped(f"ip daddr {aim.address} drop"),
        declared=evolve(scene.declared, portless=tuple(hit)),
    )


@outside
def disagrees(scene: Scene, aim: Aim) -> Trouble | None:
    """The job's list lacks a host that is reached all the same."""
    hit = scene.of_host(aim)
    if not scene.places.sandboxed or len(hit) == len(scene.outside):
        return None
    declared = evolve(scene.declared, unlisted=tuple(hit))
    words = f"the access list lacks {aim.host.name}, which is reached"
    return scene.trouble(words, "config_disagrees", hit, declared=declared, verdict=DEGRADED)


@inside
def lacks_vswitch(scene: Scene, aim: Aim) -> Trouble | None:
    """A whitelist holds today's address of the ENI alone."""
    if not scene.places.sandboxed:
        return None
    said = evolve(aim, admits=(scene.places.address,))
    declared = evolve(scene.declared, aims=tuple(said if one is aim else one for one in scene.declared.aims))
    words = f"the whitelist of {aim.where} holds {scene.places.address} alone"
    return scene.trouble(words, "whitelist_lacks_vswitch", [aim], declared=declared, verdict=DEGRADED)


def no_link(scene: Scene) -> Trouble | None:
    """The job names no network link, or none that there can be: there is no ENI."""
    if scene.places.runtime != UDF or not scene.inside:
        return None
    link, cause = scene.random.choice(((None, "access_not_enabled"), ("1-link", "networklink_name_invalid")))
    declared = evolve(scene.declared, link=link)
    return scene.trouble(f"the network link is {link}", cause, scene.inside, detached(scene), declared=declared)


TEMPLATES: Mapping[Template, float] = {
    lacks_host: 6,
    project_lacks_host: 2,
    lacks_port: 3,
    no_list: 3,
    malformed: 2,
    disagrees: 1,
    lacks_vswitch: 1,
    no_link: 3,
}
