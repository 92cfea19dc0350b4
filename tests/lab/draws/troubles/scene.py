"""What a fault's template sees, and what it makes: a trouble with its truth."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random

from attrs import field, frozen

from tests.lab.changes import Change, chain, table
from tests.lab.draws.declared import Aim, Declared
from tests.lab.draws.places import Places, Subnet
from tests.lab.scenario import FAILING

_NOTHING_ANSWERS = "no other port of the host is known to answer"


@frozen(kw_only=True)
class Trouble:
    """What is wrong, and the truth about it.

    ``cause`` is None where nothing is wrong. ``alike``: what truly cannot be told apart from it in this draw, each with
    the reason. ``declared``: the declarations, where the fault lies in them too.
    """

    words: str
    cause: str | None
    targets: tuple[str, ...] = ()
    verdict: str = FAILING
    changes: tuple[Change, ...] = field(default=(), eq=False)
    alike: Mapping[str, str] = field(factory=dict)
    declared: Declared


@frozen
class Scene:
    """A draw before anything is wrong in it."""

    random: Random
    places: Places
    declared: Declared

    def aims(self, which: Callable[[Aim], bool] = lambda _: True) -> list[Aim]:
        """The declared targets that are so."""
        return [aim for aim in self.declared.aims if which(aim)]

    def one(self, which: Callable[[Aim], bool] = lambda _: True) -> Aim | None:
        """One of them at random; None where there is none."""
        found = self.aims(which)
        return self.random.choice(found) if found else None

    @property
    def inside(self) -> list[Aim]:
        """Those in the VPC."""
        return self.aims(lambda aim: not aim.public)

    @property
    def outside(self) -> list[Aim]:
        """Those in the Internet."""
        return self.aims(lambda aim: aim.public)

    def of_host(self, aim: Aim) -> list[Aim]:
        """All at the same address, itself among them."""
        return self.aims(lambda other: other.address == aim.address)

    def of_subnet(self, subnet: Subnet) -> list[Aim]:
        """All in the vSwitch."""
        return self.aims(lambda other: other.host.subnet == subnet.index)

    def subnet(self, aim: Aim) -> Subnet:
        """The vSwitch of a target in the VPC."""
        assert aim.host.subnet is not None
        return self.places.subnets[aim.host.subnet]

    def trouble(
        self,
        words: str,
        cause: str | None,
        targets: Iterable[Aim],
        *changes: Change,
        alike: Mapping[str, str] | None = None,
        verdict: str = FAILING,
        declared: Declared | None = None,
    ) -> Trouble:
        """A trouble of these targets."""
        targets, alike = list(targets), dict(alike or {})
        if targets and all(aim.service.kind == "hdfs-datanode" for aim in targets) and self._has_master(targets):
            alike["datanode_unreachable"] = (
                "what keeps DataNodes from being reached bears this name where a master works"
            )
        return Trouble(
            words=words,
            cause=cause,
            targets=tuple(aim.name for aim in targets),
            verdict=verdict,
            changes=changes,
            alike={other: why for other, why in alike.items() if other != cause},
            declared=declared or self.declared,
        )

    def _has_master(self, hit: Sequence[Aim]) -> bool:
        return any(aim.service.kind == "hdfs-namenode" and aim.host.group and aim not in hit for aim in self.inside)

    def silence(self, hit: Sequence[Aim], *, whole: bool = True) -> dict[str, str]:
        """Why one host, or one port of it, may be silent as these are, as far as nothing else in the draw tells.

        ``whole``: the host is silent to everything, and not only at the port of the one target that is hit.
        """
        first, subnet = hit[0], self.subnet(hit[0])
        answering = [aim for aim in self.inside if aim not in hit]
        # Other ports would answer if they were asked, as the plan allows.
        if not whole and "explore" in self.declared.limits:
            return {}
        if any(aim.address == first.address for aim in answering):
            return {}
        if not whole and first.host.echoes:
            return {"host_firewall_drop": "the host's own firewall may let ICMP through, and no other port is asked"}
        alike = dict.fromkeys(("sg_drop", "host_firewall_drop", "return_path_drop"), _NOTHING_ANSWERS)
        if subnet.routers and not subnet.routers[-1].speaks:
            alike["host_down"] = "the last router sends no ICMP: a host that is off is silent too"
        if (
            subnet.routers
            and not any(aim.host.subnet == subnet.index for aim in answering)
            and not self.shows_route(hit)
        ):
            alike["blackhole_route"] = (
                "nothing in the vSwitch answers, and no trace can show whether a route leads there"
            )
        if not answering and not self.places.gateway.speaks and self.places.sandboxed:
            alike["eni_group_blocks_outbound"] = "nothing in the VPC answers, and no router tells that it was passed"
        return alike

    def shows_route(self, hit: Sequence[Aim]) -> bool:
        """Whether a trace can be compared with one that reaches its host through the VPC's gateway."""
        subnet = self.subnet(hit[0])
        return all(router.speaks for router in subnet.routers) and any(
            aim.host.subnet not in (0, subnet.index) and aim not in hit for aim in self.inside
        )


# None: the draw has nothing to which it could be done.
Template = Callable[[Scene], Trouble | None]


def inside(make: Callable[[Scene, Aim], Trouble | None]) -> Template:
    """A template that is done to one target in the VPC."""
    return _of_one(make, lambda aim: not aim.public)


def outside(make: Callable[[Scene, Aim], Trouble | None]) -> Template:
    """A template that is done to one target in the Internet."""
    return _of_one(make, lambda aim: aim.public)


def anywhere(make: Callable[[Scene, Aim], Trouble | None]) -> Template:
    """A template that is done to one target."""
    return _of_one(make, lambda _: True)


def _of_one(make: Callable[[Scene, Aim], Trouble | None], which: Callable[[Aim], bool]) -> Template:
    @functools.wraps(make)
    def template(scene: Scene) -> Trouble | None:
        aim = scene.one(which)
        return None if aim is None else make(scene, aim)

    return template


def before(places: Places, subnet: Subnet, *filters: str) -> Change:
    """Filters in front of the hosts of a vSwitch, as a security group: at the last router, or at their own port."""
    if subnet.routers:
        return chain(subnet.routers[-1].namespace, "forward", *filters)
    rules = "\n".join(filters)
    return table(
        subnet.namespace,
        f'chain ingress {{\ntype filter hook ingress device "eth0" priority 0\n{rules}\n}}',
        "netdev",
    )
