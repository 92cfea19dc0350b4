"""Check again what was broken, and say what became of it. This module travels in the carry-in kit: CPython 3.7."""

from typing import Dict, Iterable, Optional, Tuple

from attrs import evolve, frozen

from reports.model import HEALTHY, UNDETERMINED, Plan, Report, TargetResult

FIXED = "fixed"
STILL = "still broken"
CHANGED = "another cause"
NEW = "newly broken"
OPEN = "not settled"
SKIPPED = "not checked"

# What needs a look first.
CHANGES = (NEW, STILL, CHANGED, OPEN, SKIPPED, FIXED)


@frozen(kw_only=True)
class State:
    """What a report says of one target: its verdict, and the causes of its findings above ``info``."""

    verdict: str
    causes: Tuple[str, ...] = ()


@frozen(kw_only=True)
class Change:
    """What became of one target. ``before`` or ``after`` is None where that run did not have the target."""

    target: str
    address: str
    before: Optional[State]
    after: Optional[State]
    change: str


def subset(report: Report) -> Plan:
    """The report's plan with only the targets that were not healthy. It may have no target left."""
    broken = {result.name for result in report.targets if result.verdict != HEALTHY}
    plan = report.run.plan
    return evolve(plan, targets=tuple(target for target in plan.targets if target.name in broken))


def compare(before: Report, after: Report) -> Tuple[Change, ...]:
    """What changed, worst first; a target that was and is healthy has no row.

    Targets are the same where their names are. ``after`` may have checked only some of them.
    """
    old, new = _states(before), _states(after)
    addresses = {result.name: result.address for report in (before, after) for result in report.targets}
    changes = []
    for name in dict.fromkeys([*old, *new]):
        change = _change(old.get(name), new.get(name))
        if change is not None:
            changes.append(
                Change(target=name, address=addresses[name], before=old.get(name), after=new.get(name), change=change)
            )
    return tuple(sorted(changes, key=lambda row: CHANGES.index(row.change)))


def _change(before: Optional[State], after: Optional[State]) -> Optional[str]:
    was_fine = before is None or before.verdict == HEALTHY
    if after is None:
        return None if was_fine else SKIPPED
    if after.verdict == HEALTHY:
        return None if was_fine else FIXED
    if after.verdict == UNDETERMINED:
        return OPEN
    if before is None or was_fine:
        return NEW
    return STILL if set(before.causes) == set(after.causes) else CHANGED


def _states(report: Report) -> Dict[str, State]:
    causes = {finding.id: finding.cause for finding in report.findings if finding.severity != "info"}
    return {result.name: State(verdict=result.verdict, causes=_causes(result, causes)) for result in report.targets}


def _causes(result: TargetResult, causes: Dict[str, str]) -> Tuple[str, ...]:
    found: Iterable[str] = (causes[id_] for id_ in result.findings if id_ in causes)
    return tuple(dict.fromkeys(found))
