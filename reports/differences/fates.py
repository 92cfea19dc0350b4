"""What became of each target from one run to the other."""

from typing import Dict, List, Optional, Tuple

from reports.case import Case
from reports.differences.model import BROKE, FATES, MENDED, OPEN, OTHER, STAYED, Condition, Moved
from reports.differences.view import View
from reports.model import HEALTHY, UNDETERMINED, VERDICTS


def fates(before: View, after: View) -> Tuple[Moved, ...]:
    """The targets that were not healthy in one of the runs, what broke first. Targets are the same by their names."""
    moved = []
    for name in dict.fromkeys((*before.names, *after.names)):
        old, new = _condition(before, name), _condition(after, name)
        fate = _fate(old, new)
        if fate is not None:
            address = (after.results.get(name) or before.results[name]).address
            moved.append(Moved(target=name, address=address, fate=fate, before=old, after=new))
    return tuple(sorted(moved, key=lambda one: FATES.index(one.fate)))


def _fate(old: Optional[Condition], new: Optional[Condition]) -> Optional[str]:
    was, is_ = (None if one is None else one.verdict for one in (old, new))
    if is_ is None:
        return OPEN if was != HEALTHY else None
    if HEALTHY in (was, is_) and was in (None, is_):
        return None
    if is_ == UNDETERMINED:
        return STAYED if was == UNDETERMINED else OPEN
    if was == UNDETERMINED:
        return MENDED if is_ == HEALTHY else OTHER
    if was is None or VERDICTS.index(is_) > VERDICTS.index(was):
        return BROKE
    if VERDICTS.index(is_) < VERDICTS.index(was):
        return MENDED
    assert old is not None  # noqa: S101 - it has a verdict
    assert new is not None  # noqa: S101 - as above
    return STAYED if old.cause == new.cause else OTHER


def _condition(view: View, name: str) -> Optional[Condition]:
    result = view.results.get(name)
    if result is None:
        return None
    findings = view.findings(name)
    case = view.evidence.cases.get(name)
    stage, failure = _broken(case) if case is not None else ("", "")
    if not findings:
        return Condition(verdict=result.verdict, stage=stage, failure=failure)
    first = findings[0]
    return Condition(
        verdict=result.verdict,
        cause=first.cause,
        confidence=first.confidence,
        stage=stage,
        failure=failure,
        words=first.because[0] if first.because else "",
    )


def _broken(case: Case) -> Tuple[str, str]:
    failures: List[str] = [seen.failure.value for seen in case.broken if seen.failure is not None]
    return case.stage, ", ".join(dict.fromkeys(failures))


def suspects(view: View, name: str) -> Dict[str, float]:
    """The causes that the run thought possible for the target, each with its share of what they have together."""
    findings = view.findings(name) if name in view.results else []
    if not findings:
        return {}
    shares = {findings[0].cause: findings[0].confidence}
    shares.update((candidate.cause, candidate.confidence) for candidate in findings[0].candidates)
    total = sum(shares.values())
    return {cause: share / total for cause, share in shares.items()} if total else {}
