"""An inventory with its look-ups: who has an address, which group, table and ACL an id is.

This module travels in the carry-in kit: CPython 3.7.
"""

import ipaddress
from typing import Dict, List, Optional, Set, Tuple

from reports.addresses import parse_address
from reports.vpc.matching import holds
from reports.vpc.model import Acl, Eni, Inventory, PortList, PrefixList, RouteTable, SecurityGroup, Vpc, VSwitch


class Cloud:
    """The configuration of one region, indexed once."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.vpcs: Dict[str, Vpc] = {one.id: one for one in inventory.vpcs}
        self.vswitches: Dict[str, VSwitch] = {one.id: one for one in inventory.vswitches}
        self.groups: Dict[str, SecurityGroup] = {one.id: one for one in inventory.groups}
        self.tables: Dict[str, RouteTable] = {one.id: one for one in inventory.route_tables}
        self.acls: Dict[str, Acl] = {one.id: one for one in inventory.acls}
        self.prefix_lists: Dict[str, PrefixList] = {one.id: one for one in inventory.prefix_lists}
        self.port_lists: Dict[str, PortList] = {one.id: one for one in inventory.port_lists}
        self.enis: Dict[str, Eni] = {one.id: one for one in inventory.enis}
        self.instances: Set[str] = {one.instance for one in inventory.enis if one.instance}
        self._by_address: Dict[str, List[Eni]] = {}
        self._with_prefixes = [one for one in inventory.enis if one.prefixes]
        for eni in inventory.enis:
            for address in {str(ipaddress.ip_address(text)) for text in eni.addresses}:
                self._by_address.setdefault(address, []).append(eni)

    def knows(self, part: str) -> bool:
        """Whether a part of the inventory was read."""
        return part not in self.inventory.unread

    def enis_of(self, ip: str) -> Tuple[Eni, ...]:
        """Those that have the address: of one VPC at most one, as addresses repeat from VPC to VPC."""
        address = parse_address(ip)
        if address is None:
            return ()
        found = self._by_address.get(str(address))
        return tuple(found or [eni for eni in self._with_prefixes if holds(eni.prefixes, ip)])

    def eni_of(self, ip: str, vpc: str = "") -> Optional[Eni]:
        """The one that has the address, in this VPC where it has one there; None: nobody, or several VPCs have one."""
        found = self.enis_of(ip)
        near = [eni for eni in found if eni.vpc == vpc] if vpc else []
        (only,) = near or found if len(near or found) == 1 else (None,)
        return only

    def vswitch_of(self, ip: str, vpc: str = "") -> Optional[VSwitch]:
        """The vSwitch in which the address lies, in this VPC first; None: none, or vSwitches of several VPCs."""
        eni = self.eni_of(ip, vpc)
        if eni is not None and eni.vswitch in self.vswitches:
            return self.vswitches[eni.vswitch]
        found = [one for one in self.inventory.vswitches if holds(cidrs_of(one), ip)]
        near = [one for one in found if one.vpc == vpc] if vpc else []
        (only,) = near or found if len(near or found) == 1 else (None,)
        return only

    def inside(self, ip: str, vpc: str) -> Optional[bool]:
        """Whether the address is one of the VPC's own; None where its CIDRs are not known."""
        known = self.vpcs.get(vpc)
        if known is None or not known.cidrs:
            return None
        return holds(known.cidrs, ip)

    def table_of(self, vswitch: VSwitch) -> Optional[RouteTable]:
        """The vSwitch's route table: its own, or the VPC's system table."""
        if vswitch.route_table:
            return self.tables.get(vswitch.route_table)
        system = [one for one in self.tables.values() if one.vpc == vswitch.vpc and one.type == "system"]
        return system[0] if len(system) == 1 else None


def cidrs_of(vswitch: VSwitch) -> Tuple[str, ...]:
    """The vSwitch's CIDRs of both versions."""
    return (vswitch.cidr, vswitch.cidr6) if vswitch.cidr6 else (vswitch.cidr,)
