"""What was found, as a plan's text: what is known stands there, what only a person knows is left as a hint."""

import ipaddress
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from agent.cloud.inventory import Found
from reports import words
from reports.vpc.model import Eni, Vpc, VSwitch

_LONGEST_NAME = 120

# Where the job comes from, by what is known of it.
_ALL = """\
  # Which of these the job comes from is not known: keep the vSwitch of its network link, and take out the others."""
_OTHERS = "  # Other vSwitches, from which the job does not come:"

_HINTS = """
# What the job must reach, and by which way, is known to you alone:
# targets:
#   - {name: metastore, address: "emr-header-1:9083", via: vpc}
#   - {name: orders, address: "mysql://rm-x.mysql.rds.aliyuncs.com:3306", via: vpc}
# What the job declares, or the files in which it does:
# settings_from: [job.sql]
# Addresses of a network at which a check may ask: ports, beside its cidr. All keys: docs/plan.md
"""


def plan_text(found: Found, inventory_file: str) -> str:
    """The plan as YAML: agent.plan.load reads it beside its inventory. Names in it are printable."""
    inventory = found.inventory
    lines = [
        f"# Written by linkdoctor discover, {words.moment(inventory.read)}",
        *(f"# {_told(vpc)}" for vpc in inventory.vpcs),
        *(f"# not read: {words.visible(gap.why)}" for gap in found.gaps),
        f"region: {inventory.region}",
        f"inventory: {_quoted(inventory_file)}",
        "networks:",
    ]
    if not found.chosen and len(found.vswitches) > 1:
        lines.append(_ALL)
    names = _names(inventory.vswitches)
    lines += [_entry(each, names, found, "  - ") for each in found.vswitches]
    if found.others:
        lines.append(_OTHERS)
        lines += [_entry(each, names, found, "  # - ") for each in found.others]
    return "\n".join(lines) + "\n" + _HINTS


def _entry(vswitch: VSwitch, names: Mapping[str, str], found: Found, mark: str) -> str:
    enis = _inside(vswitch, found.link_enis)
    keys = {"name": names[vswitch.id], "cidr": _network(vswitch), **({"enis": enis} if enis else {})}
    free = "" if vswitch.free is None else f"{vswitch.free:,} addresses free"
    about = ", ".join(part for part in (vswitch.id, vswitch.zone, free) if part)
    pairs = ", ".join(f"{key}: {_quoted(value)}" for key, value in keys.items())
    return f"{mark}{{{pairs}}}  # {words.visible(about)}"


def overlapping(vswitches: Sequence[VSwitch]) -> tuple[VSwitch, VSwitch] | None:
    """Two vSwitches with addresses in common, which only those of different VPCs can have."""
    for version in (4, 6):
        ordered = sorted((net, one.id, one) for one in vswitches if (net := _parsed(one)).version == version)
        for (net, _, one), (next_net, _, other) in pairwise(ordered):
            if net.overlaps(next_net):
                return one, other
    return None


def _told(vpc: Vpc) -> str:
    return words.visible(f"{' '.join(part for part in (vpc.id, vpc.name) if part)}, {words.listed(vpc.cidrs)}")


def _inside(vswitch: VSwitch, enis: Sequence[Eni]) -> list[str]:
    """The addresses of these interfaces in the vSwitch's CIDR."""
    cidr = _parsed(vswitch)
    addresses = (ipaddress.ip_address(one) for eni in enis if eni.vswitch == vswitch.id for one in eni.addresses)
    return sorted({str(one) for one in addresses if one in cidr}, key=ipaddress.ip_address)


def _names(vswitches: Sequence[VSwitch]) -> dict[str, str]:
    """What the plan calls each: its name where that is one of a kind, and else its id."""
    times = Counter(name for vswitch in vswitches for name in {vswitch.name, vswitch.id})

    def fits(name: str) -> bool:
        return bool(name.strip()) and name.isprintable() and len(name) <= _LONGEST_NAME and times[name] == 1

    return {vswitch.id: vswitch.name if fits(vswitch.name) else vswitch.id for vswitch in vswitches}


def _quoted(value: object) -> str:
    """As YAML: JSON but for its surrogate pairs, which YAML does not know."""
    return json.dumps(value, ensure_ascii=False)


def _network(vswitch: VSwitch) -> str:
    return str(_parsed(vswitch))


def _parsed(vswitch: VSwitch) -> Any:
    """Its network, of either version: typed loosely, as those of one version alone have an order."""
    return ipaddress.ip_network(vswitch.cidr, strict=False)
