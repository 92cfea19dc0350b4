"""The plans that are watched, read from their files: all of them, or none and the reasons."""

from collections.abc import Sequence
from pathlib import Path

from agent import plan as plans
from agent.cloud.auto import filled
from agent.cloud.metadata import MetadataError
from reports.model import Plan


class Refused(Exception):
    """The plans cannot be used; the text says why, in the words that ``linkdoctor check`` has for it."""


def load(names: Sequence[str]) -> list[Plan]:
    """The plans in these files. Raises Refused with everything that is wrong."""
    found: dict[str, tuple[str, Plan]] = {}
    wrong = []
    for name in names:
        if Path(name).is_fifo():
            wrong.append(f"{name}: is a pipe, which cannot be read again; allowed: a file")
            continue
        try:
            plan = filled(plans.load(name))
        except (plans.PlanError, MetadataError) as error:
            wrong.append(str(error))
            continue
        if plan.name in found:
            first = found[plan.name][0]
            wrong.append(
                f"{name}: named twice: once is enough"
                if first == name
                else f"{name}: the plan is called {plan.name}, as that in {first} is: give one another name"
            )
        found.setdefault(plan.name, (name, plan))
    if wrong:
        raise Refused("\n".join(wrong))
    return [plan for _, plan in found.values()]
