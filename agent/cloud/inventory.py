"""Reads what an account has in a region, and says what it could not read.

What the account may not read leaves a gap, and the rest is read. Anything else that goes wrong ends it: CloudError.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from attrs import define, evolve, field, frozen

from agent.cloud import actions, shapes
from agent.cloud.actions import Action
from agent.cloud.calls import Cloud, Row, rows_of
from agent.cloud.trouble import CloudError, Forbidden, NotThere
from reports import words
from reports.codec import WrongValue
from reports.maxcompute.links import is_link_group
from reports.vpc import document
from reports.vpc.model import Acl, Eni, Inventory, PortList, PrefixList, RouteTable, SecurityGroup, Vpc, VSwitch

# How many ids one call may name.
_VPCS_AT_ONCE, _GROUPS_AT_ONCE = 20, 100

# The parts of an inventory, for people: one, and several.
NAMES = {
    "vpcs": ("VPC", "VPCs"),
    "vswitches": ("vSwitch", "vSwitches"),
    "enis": ("network interface", "network interfaces"),
    "groups": ("security group", "security groups"),
    "route_tables": ("route table", "route tables"),
    "acls": ("network ACL", "network ACLs"),
    "prefix_lists": ("prefix list", "prefix lists"),
    "port_lists": ("port list", "port lists"),
}


class _Noun(Protocol):
    @property
    def id(self) -> str: ...


N = TypeVar("N", bound=_Noun)
Filters = Sequence[dict[str, str]]


@frozen(kw_only=True)
class Scope:
    """What is wanted: VPCs, vSwitches and security groups by their ids; without any, all of the region."""

    vpcs: tuple[str, ...] = ()
    vswitches: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@frozen
class Gap:
    """What could not be read: the part of the inventory, and why, for people."""

    part: str
    why: str


@frozen(kw_only=True)
class Found:
    """What was read, and what could not be read.

    ``link_enis``: the interfaces of network links of MaxCompute, those in a group that the platform made for one.
    ``named``: the vSwitches that were asked for by their ids.
    """

    inventory: Inventory
    link_enis: tuple[Eni, ...] = ()
    named: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def chosen(self) -> tuple[VSwitch, ...]:
        """Those from which the job comes: that were named, or else that a network link is in; none: that is open."""
        ids = set(self.named) or {eni.vswitch for eni in self.link_enis}
        return tuple(one for one in self.inventory.vswitches if one.id in ids)

    @property
    def vswitches(self) -> tuple[VSwitch, ...]:
        """Those from which the job may come: the chosen ones, or else all of them."""
        return self.chosen or self.inventory.vswitches

    @property
    def others(self) -> tuple[VSwitch, ...]:
        """All other vSwitches."""
        return tuple(one for one in self.inventory.vswitches if one not in self.vswitches)


def read(cloud: Cloud, scope: Scope, tell: Callable[[str], None]) -> Found:
    """Everything of the VPCs of the scope; ``tell`` hears what is being read. Raises CloudError."""
    reading = _Reading(cloud, tell)
    inventory = reading.inventory(scope)
    gaps = tuple(reading.gaps)
    return Found(
        inventory=evolve(inventory, unread=tuple(dict.fromkeys(gap.part for gap in gaps))),
        named=scope.vswitches,
        link_enis=tuple(eni for eni in inventory.enis if not reading.link_groups.isdisjoint(eni.groups)),
        gaps=gaps,
    )


@define(eq=False)
class _Reading:
    _cloud: Cloud
    _tell: Callable[[str], None]
    gaps: list[Gap] = field(factory=list)
    link_groups: set[str] = field(factory=set)

    def inventory(self, scope: Scope) -> Inventory:
        started = time.time()
        within = self._vpcs_of(scope)
        filters: Filters = [{"VpcId": id_} for id_ in within] or [{}]
        vpcs = self._vpcs(within)
        vswitches = self._sound("vswitches", map(shapes.vswitch, self._rows("vswitches", actions.VSWITCHES, filters)))
        enis = self._sound("enis", map(shapes.eni, self._rows("enis", actions.ENIS, filters)))
        groups = self._groups(filters, enis, scope)
        return Inventory(
            region=self._cloud.region,
            read=round(started, 6),
            vpcs=vpcs,
            vswitches=vswitches,
            enis=enis,
            groups=groups,
            route_tables=self._route_tables(filters),
            acls=self._acls(vswitches),
            prefix_lists=self._prefix_lists(groups),
            port_lists=self._port_lists(groups),
        )

    def _vpcs_of(self, scope: Scope) -> tuple[str, ...]:
        """The VPCs that the scope names or what it names is in; none where it names nothing."""
        vpcs = list(scope.vpcs)
        for id_ in scope.vswitches:
            rows = self._cloud.rows(actions.VSWITCHES, VSwitchId=id_)
            self._there("vSwitch", [id_], rows, "VSwitchId")
            vpcs += [str(row.get("VpcId")) for row in rows]
        for ids in _chunks(scope.groups, _GROUPS_AT_ONCE):
            try:
                rows = self._cloud.rows(actions.GROUPS, SecurityGroupIds=json.dumps(ids))
            except Forbidden as error:
                if not vpcs:
                    advice = "have it granted (docs/discover.md has the policy), or name the groups' VPC too: --vpc"
                    raise CloudError(f"{error}\n  What to do: {advice}") from None
                break  # where they are read with all others, the gap is said
            self._there("security group", ids, rows, "SecurityGroupId")
            vpcs += [str(row.get("VpcId")) for row in rows]
        return tuple(dict.fromkeys(vpcs))

    def _vpcs(self, within: Sequence[str]) -> tuple[Vpc, ...]:
        named: Filters = [{"VpcId": ",".join(ids)} for ids in _chunks(within, _VPCS_AT_ONCE)] or [{}]
        rows = self._rows("vpcs", actions.VPCS, named)
        if not self.gaps:
            self._there("VPC", within, rows, "VpcId")
        return self._sound("vpcs", map(shapes.vpc, rows))

    def _groups(self, filters: Filters, enis: Sequence[Eni], scope: Scope) -> tuple[SecurityGroup, ...]:
        """The groups that an interface is in, those that are named, and those of network links, with their rules."""
        rows = {str(row.get("SecurityGroupId")): row for row in self._rows("groups", actions.GROUPS, filters)}
        used = [group for eni in enis for group in eni.groups]
        self.link_groups = {id_ for id_, row in rows.items() if is_link_group(str(row.get("SecurityGroupName")))}

        def ask(id_: str) -> SecurityGroup:
            answers = list(self._cloud.pages(actions.RULES, SecurityGroupId=id_))
            permissions = [row for answer in answers for row in rows_of(answer, actions.RULES)]
            return shapes.group(rows.get(id_, {}), answers[0], permissions)

        return self._sound("groups", self._each("groups", [*scope.groups, *used, *self.link_groups], ask))

    def _route_tables(self, filters: Filters) -> tuple[RouteTable, ...]:
        rows = {str(row.get("RouteTableId")): row for row in self._rows("route_tables", actions.ROUTE_TABLES, filters)}

        def ask(id_: str) -> RouteTable:
            return shapes.route_table(rows[id_], self._cloud.rows(actions.ROUTES, RouteTableId=id_))

        return self._sound("route_tables", self._each("route_tables", rows, ask))

    def _acls(self, vswitches: Sequence[VSwitch]) -> tuple[Acl, ...]:
        def ask(id_: str) -> Acl:
            (answer,) = self._cloud.pages(actions.ACL, NetworkAclId=id_)
            return shapes.acl(answer)

        return self._sound("acls", self._each("acls", [one.acl for one in vswitches], ask))

    def _prefix_lists(self, groups: Sequence[SecurityGroup]) -> tuple[PrefixList, ...]:
        def ask(id_: str) -> PrefixList:
            (answer,) = self._cloud.pages(actions.PREFIX_LIST, PrefixListId=id_)
            return shapes.prefix_list(answer, rows_of(answer, actions.PREFIX_LIST))

        rules = [rule for group in groups for rule in group.rules]
        ids = [id_ for rule in rules for id_ in (rule.source_prefix_list, rule.dest_prefix_list)]
        return self._sound("prefix_lists", self._each("prefix_lists", ids, ask))

    def _port_lists(self, groups: Sequence[SecurityGroup]) -> tuple[PortList, ...]:
        def ask(id_: str) -> PortList:
            return shapes.port_list(id_, self._cloud.rows(actions.PORT_LIST, PortRangeListId=id_))

        ids = [rule.port_list for group in groups for rule in group.rules]
        return self._sound("port_lists", self._each("port_lists", ids, ask))

    # --- what all of them need --------------------------------------------------------------------------------------

    def _rows(self, part: str, action: Action, filters: Filters) -> list[Row]:
        """The rows of an action, as far as they may be read."""
        rows: list[Row] = []
        for number, where in enumerate(filters, 1):
            self._tell(_progress(part, number, len(filters)))
            try:
                rows += self._cloud.rows(action, **where)
            except Forbidden as error:
                self._gap(part, str(error))
                break
        return rows

    def _each(self, part: str, ids: Iterable[str], ask: Callable[[str], N]) -> Iterator[N]:
        """What ``ask`` gives for each id, as far as it may be read."""
        distinct = list(dict.fromkeys(id_ for id_ in ids if id_))
        for number, id_ in enumerate(distinct, 1):
            self._tell(_progress(part, number, len(distinct)))
            try:
                yield ask(id_)
            except Forbidden as error:
                self._gap(part, str(error))
                return
            except NotThere as error:
                self._gap(part, str(error))

    def _sound(self, part: str, nouns: Iterable[N]) -> tuple[N, ...]:
        """By id and each once, without what no inventory could hold: the plan that names it must load."""
        found = {}
        for noun in nouns:
            alone: dict[str, Any] = {"region": self._cloud.region, "read": 0.0, part: (noun,)}
            try:
                document.decode(document.encode(Inventory(**alone)))
            except WrongValue as wrong:
                why = f"linkdoctor does not know what the API says of {words.visible(noun.id[:60])}"
                self._gap(part, f"{why}: {words.visible(wrong.path)}: {wrong.problem}")
            else:
                found[noun.id] = noun
        return tuple(found[id_] for id_ in sorted(found))

    def _there(self, what: str, ids: Iterable[str], rows: Iterable[Row], key: str) -> None:
        """That all that was named exists."""
        there = {str(row.get(key)) for row in rows}
        missing = [words.visible(id_) for id_ in ids if id_ not in there]
        if missing:
            raise CloudError(
                f"{self._cloud.region} has no {what} {words.listed(missing)} of this account: check the id and --region"
            )

    def _gap(self, part: str, why: str) -> None:
        gap = Gap(part, why)
        if gap not in self.gaps:
            self.gaps.append(gap)


def _progress(part: str, number: int, total: int) -> str:
    several = NAMES[part][1]
    return several if total == 1 else f"{several}, {number} of {total}"


def _chunks(ids: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(ids), size):
        yield list(ids[start : start + size])
