"""What the cloud is configured to, where both plans hold an inventory of it: groups, routes, ACLs, interfaces."""

from typing import Any, Iterator

from attrs import fields, has

from reports.differences.view import Seen, Things, View

# The parts of an inventory, and what one of each is called.
_PARTS = (
    ("groups", "security group"),
    ("acls", "network ACL"),
    ("route_tables", "route table"),
    ("vswitches", "vSwitch"),
    ("enis", "ENI"),
    ("prefix_lists", "prefix list"),
    ("port_lists", "port list"),
    ("vpcs", "VPC"),
)
_SINGULAR = {"rules": "rule", "routes": "route", "addresses": "address", "groups": "group", "prefixes": "prefix"}
# They change without a change of the configuration, or say nothing to the network.
_BESIDE = frozenset({"id", "name", "description", "place", "free", "managed", "service"})


def configuration(view: View) -> Things:
    """Each thing with what it holds, line by line; it may concern every target in the VPC."""
    inventory = view.plan.inventory
    if inventory is None:
        return {}
    concerned = view.by_way("vpc")
    found: Things = {}
    for part, called in _PARTS:
        if part not in inventory.unread:
            for one in getattr(inventory, part):
                lines = tuple(sorted(_lines(one)))
                label = "%s (%s)" % (one.id, one.name) if one.name else one.id
                found["%s %s" % (called, label)] = Seen(lines, ", ".join(lines), concerned)
    return found


def _lines(value: Any) -> Iterator[str]:
    """What a thing holds: each of its lists' entries is a line, and each of its plain values."""
    for field in fields(type(value)):
        inner = getattr(value, field.name)
        if field.name in _BESIDE:
            continue
        if isinstance(inner, tuple):
            for place, entry in enumerate(inner, 1):
                # The entries of an ACL are tried in their order, all other lists have none.
                number = "%d: " % place if field.name in ("ingress", "egress") else ""
                yield "%s %s%s" % (_SINGULAR.get(field.name, field.name), number, _said(entry))
        elif inner not in ("", None):
            yield "%s %s" % (field.name, inner)


def _said(value: Any) -> str:
    if not has(type(value)):
        return str(value)
    parts = []
    for field in fields(type(value)):
        inner = getattr(value, field.name)
        if field.name not in _BESIDE and inner not in ("", (), None, True):
            named = inner if isinstance(inner, (str, tuple)) else "%s %s" % (field.name, inner)
            parts.append(" ".join(map(_said, named)) if isinstance(named, tuple) else named)
    return " ".join(parts)
