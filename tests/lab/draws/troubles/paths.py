"""What the path does to packets: it is long, loses them, or carries less than the ends believe."""

from collections.abc import Mapping

from attrs import evolve

from tests.lab.changes import Change, Ground, Undo, chain, links
from tests.lab.delay import Delay, Link
from tests.lab.draws.places import GATEWAY, JOB
from tests.lab.draws.troubles.scene import Scene, Template, Trouble
from tests.lab.scenario import DEGRADED

_FAR = 0.08
_MTU = 800
_NOT_TOLD = "icmp type destination-unreachable icmp code frag-needed drop"


def far(scene: Scene) -> Trouble | None:
    """All that comes out of the VPC comes late."""
    if not scene.inside:
        return None
    link = Link((JOB, scene.places.eni), (GATEWAY, "job"))

    def apply(ground: Ground) -> Undo:
        return Delay((link,), _FAR, _FAR).end

    words = "what comes out of the VPC comes 80 ms later"
    return scene.trouble(words, "high_latency", scene.inside, apply, verdict=DEGRADED)


def lossy(scene: Scene) -> Trouble | None:
    """Packets to the vSwitches behind a router are lost; the plan asks for the loss to one target."""
    hit = scene.aims(lambda aim: not aim.public and aim.host.subnet != 0)
    if not hit:
        return None
    lost = f"ip daddr {scene.places.vpc} ip daddr != {scene.places.subnets[0].cidr} meta l4proto tcp"
    change = chain(GATEWAY, "forward", f"{lost} numgen random mod 100 < 30 drop")
    declared = evolve(scene.declared, measured=(scene.random.choice(hit),))
    # Which of the targets lose packets while they are looked at is chance.
    return scene.trouble("30 of 100 packets into the VPC are lost", "packet_loss", (), change, declared=declared)


def black_hole(scene: Scene) -> Trouble | None:
    """The gateway carries less towards the job's vSwitch and tells nobody: certificates do not pass."""
    own = scene.places.subnets[0]
    hit = scene.aims(
        lambda aim: (
            aim.service.kind == "https" and (not scene.places.sandboxed if aim.public else aim.host.subnet != own.index)
        )
    )
    if not hit:
        return None
    route = f"route change {own.cidr} dev vsw0 proto kernel scope link src {own.gateway}"
    narrow: Change = links(((GATEWAY, f"{route} mtu {_MTU}"),), ((GATEWAY, route),))
    words = f"the gateway carries {_MTU} bytes towards the job, and tells nobody"
    return scene.trouble(words, "pmtu_black_hole", hit, chain(GATEWAY, "output", _NOT_TOLD), narrow)


TEMPLATES: Mapping[Template, float] = {far: 1.5, lossy: 1.5, black_hole: 3}
