"""What the two plans declare: settings, targets, and the rest."""

import re
from typing import Any, Dict, Iterator, Tuple

from attrs import fields, has

from reports.differences.view import Seen, Things, View
from reports.maxcompute.settings import normal
from reports.model import Plan, Setting, Target

# What an access list holds, and what names a host in any other setting.
_ENTRIES = re.compile(r"[\s,;]+")
_LONGEST_SHOWN = 80

# Compared by themselves; the interval and the name say nothing of a single run.
_APART = frozenset({"settings", "targets", "name", "interval", "inventory", "ask_networks"})


def settings(view: View) -> Things:
    """By key, in whatever way it is written; lists may be in another order."""
    return {normal(setting.key): _setting(view, setting) for setting in view.plan.settings}


def _setting(view: View, setting: Setting) -> Seen:
    entries = tuple(sorted(entry for entry in _ENTRIES.split(setting.value) if entry))
    return Seen(entries, setting.value, view.names)


def entries_of(before: Seen, after: Seen, view: View) -> Tuple[str, ...]:
    """The targets whose host stands in what one list has and the other has not; all, where no target's does."""
    sides = [set(seen.value) if isinstance(seen.value, tuple) else set() for seen in (before, after)]
    moved = " ".join(sides[0] ^ sides[1]).lower()
    named = tuple(
        target.name
        for target in view.plan.targets
        if re.search(r"(?<![\w.-])%s(?![\w.-])" % re.escape(target.host), moved)
    )
    return named or view.names


def targets(view: View) -> Things:
    """What is looked at under each name, and how."""
    return {target.name: _target(target) for target in view.plan.targets if target.name in view.results}


def _target(target: Target) -> Seen:
    parts = [target.service, target.address]
    parts += [target.path] if target.path != "/" else []
    parts += ["via " + target.via] if target.via != "auto" else []
    parts += ["admits " + ", ".join(target.admits)] if target.admits else []
    return Seen(
        (target.service, target.host, target.port, target.path, target.via, target.admits),
        " ".join(parts),
        (target.name,),
    )


def plan(view: View) -> Things:
    """Everything else that the plan says, leaf by leaf: ``limits.connect_timeout``."""
    return {key: Seen(value, _shown(value), view.names) for key, value in _leaves(view.plan)}


def _leaves(value: Any, path: Tuple[str, ...] = ()) -> Iterator[Tuple[str, Any]]:
    for field in fields(type(value)):
        if isinstance(value, Plan) and field.name in _APART:
            continue
        inner = getattr(value, field.name)
        if has(type(inner)):
            yield from _leaves(inner, (*path, field.name))
        else:
            yield ".".join((*path, field.name)), inner


def _shown(value: Any) -> str:
    if value in (None, ()):
        return "none"
    if isinstance(value, tuple):
        text = ", ".join(_shown(item) for item in value)
    elif has(type(value)):
        named: Dict[str, Any] = {field.name: getattr(value, field.name) for field in fields(type(value))}
        text = " ".join(_shown(item) for item in named.values() if item not in (None, ()))
    else:
        text = str(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."
