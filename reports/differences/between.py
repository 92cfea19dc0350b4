"""Two reports, compared: what became of each target, what is other than it was, and what of it explains the most."""

from typing import Dict, FrozenSet, Iterator, List, Mapping, Sequence, Tuple

from attrs import evolve

from reports.causes import CAUSES
from reports.differences.fates import fates, suspects
from reports.differences.kinds import BY_CODE, KINDS, Kind
from reports.differences.model import (
    BESIDE,
    BROKE,
    LIKELY,
    MENDED,
    OTHER,
    POSSIBLE,
    Changes,
    Difference,
    Moved,
    Same,
    Side,
)
from reports.differences.view import Things, View
from reports.model import HEALTHY, Report
from reports.words import count, listed, ranges

# From so much on a difference is said to be likely, or possible, to explain what became of the targets.
_LIKELY, _POSSIBLE = 0.45, 0.15
# What is left of a difference that concerns very many targets of which hardly any broke; the same where it may pick.
_UNSPECIFIC, _PICKED = 0.4, 0.8

_ORDER = {kind.code: place for place, kind in enumerate(KINDS)}


def compare(before: Report, after: Report) -> Changes:
    """What changed from the earlier run to the later one. Neither has to be healthy, nor of the same plan."""
    views = View(before), View(after)
    moved = fates(*views)
    question = _Question(views, moved)
    found: List[Difference] = []
    same, unseen = [], []
    for kind in KINDS:
        differences, alike, single = kind.differ(*views) if kind.differ else _compared(kind, *views)
        found += differences
        same += [Same(kind=kind.code, count=alike)] if alike else []
        unseen += [Same(kind=kind.code, count=single)] if single else []
    weighed = [question.weighed(one) for one in _together(found)]
    return Changes(
        before=_side(before),
        after=_side(after),
        targets=moved,
        healthy=sum(views[0].is_healthy(name) and views[1].is_healthy(name) for name in views[1].names),
        differences=tuple(sorted(weighed, key=lambda one: (-one.score, _ORDER[one.kind]))),
        same=tuple(same),
        unseen=tuple(unseen),
    )


def _side(report: Report) -> Side:
    run, place = report.run, report.vantage
    return Side(
        run=run.id,
        started=run.started,
        duration_s=run.duration_s,
        verdict=report.verdict,
        partial=run.partial,
        plan=run.plan.name,
        place=("%s %s" % (place.kind, place.host)).strip(),
    )


def _compared(kind: Kind, before: View, after: View) -> Tuple[List[Difference], int, int]:
    """What is other than it was, how much is the same, and how much only one of the runs has seen."""
    old, new = kind.read(before), kind.read(after)
    found, alike, single = [], 0, 0
    for subject in dict.fromkeys((*old, *new)):
        if subject in old and subject in new:
            if old[subject].value == new[subject].value:
                alike += 1
            else:
                found.append(_difference(kind, subject, old, new, after))
        elif kind.absent:
            found.append(_difference(kind, subject, old, new, after))
        elif kind.code != "target":
            single += 1
    return found, alike, single


def _difference(kind: Kind, subject: str, old: Things, new: Things, after: View) -> Difference:
    sides = old.get(subject), new.get(subject)
    words = tuple("" if side is None else side.words for side in sides)
    first, last = sides
    concerned: Tuple[str, ...] = tuple(
        dict.fromkeys(name for side in sides if side is not None for name in side.targets)
    )
    if first is not None and last is not None:
        if kind.tell is not None:
            words = kind.tell(first, last)
        if kind.concern is not None:
            concerned = kind.concern(first, last, after)
    return Difference(kind=kind.code, subject=subject, before=words[0], after=words[1], targets=concerned)


def _together(found: Sequence[Difference]) -> Iterator[Difference]:
    """What changed in the same way is one difference: 40 targets that are spoken to from another address."""
    alike: Dict[Tuple[str, str, str], List[Difference]] = {}
    for one in found:
        alike.setdefault((one.kind, one.before, one.after), []).append(one)
    for group in alike.values():
        targets = tuple(dict.fromkeys(name for one in group for name in one.targets))
        yield evolve(group[0], subject=listed(ranges([one.subject for one in group])), targets=targets)


class _Question:
    """What is to be explained: the targets that broke, or where none did, those that are mended."""

    def __init__(self, views: Tuple[View, View], moved: Sequence[Moved]) -> None:
        broke = tuple(one.target for one in moved if one.fate in (BROKE, OTHER))
        mended = tuple(one.target for one in moved if one.fate == MENDED)
        self._asked = broke or mended
        self._set: FrozenSet[str] = frozenset(self._asked)
        self._became = "broke" if broke else "came back"
        # The causes are those of the run in which it was broken.
        ill = views[1] if broke else views[0]
        self._suspects: Mapping[str, Mapping[str, float]] = {name: suspects(ill, name) for name in self._asked}
        self._steady = frozenset(
            name for name, result in views[1].results.items() if name not in self._set and result.verdict == HEALTHY
        )

    def weighed(self, one: Difference) -> Difference:
        """The difference with how likely it explains that, and why."""
        concerned = frozenset(one.targets)
        hits = len(concerned & self._set)
        if not hits:
            return one
        others = len(concerned & self._steady)
        fit = sum(self._fit(one.kind, name) for name in self._asked if name in concerned) / len(self._asked)
        least = _PICKED if BY_CODE[one.kind].picks else _UNSPECIFIC
        score = round(fit * (least + (1 - least) * hits / (hits + others)), 3)
        likelihood = LIKELY if score >= _LIKELY else POSSIBLE if score >= _POSSIBLE else BESIDE
        because = "" if likelihood == BESIDE else self._because(one, hits, others)
        return evolve(one, score=score, likelihood=likelihood, because=because)

    def _fit(self, kind: str, name: str) -> float:
        entry = BY_CODE[kind]
        return sum(
            share * entry.fit(cause, CAUSES[cause].layer if cause in CAUSES else "")
            for cause, share in self._suspects[name].items()
        )

    def _because(self, one: Difference, hits: int, others: int) -> str:
        total = len(self._asked)
        whom = "the one target" if total == 1 else "all %d targets" % total
        if hits < total:
            whom = "%d of the %d targets" % (hits, total)
        whom = "it concerns %s that %s" % (whom, self._became)
        whom += ", and %s beside" % count(others, "healthy target") if others else " and no other"
        return "%s; %s" % (whom, BY_CODE[one.kind].why)
