"""The nouns of kept runs: what a list, a strip, a change and an outbound address over time are.

Frozen values that `agent/store/` fills and the renderers show. Moments are Unix seconds by the clock of the machine
that ran, durations seconds.
"""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from attrs import frozen

from reports.codec import Codec, Codecs, refused, rfc3339, unix_seconds
from reports.document import written
from reports.model import VERDICTS, Observation, Report

SCHEMA = "linkdoctor/history/1"

# A cell of a strip: a bit for each verdict that was seen in its time, by its place in VERDICTS; 0 where nobody looked.
BIT: Dict[str, int] = {verdict: 1 << place for place, verdict in enumerate(VERDICTS)}
# Of every cell its worst verdict, as a letter: the first of its word, and - where nobody looked.
LETTERS = "-hdduuuuffffffff"


@frozen(kw_only=True)
class KeptRun:
    """One line of a list of runs. ``number`` is the order in which they were kept, whatever the clock said.

    ``broken``: how many of its ``targets`` were not healthy. ``has_report``: false where only this line is left.
    """

    number: int
    id: str
    plan: str
    started: float
    duration_s: float
    verdict: str
    partial: bool
    kind: str
    host: str
    targets: int
    broken: int
    has_report: bool = True


@frozen(kw_only=True)
class Standing:
    """How a target stands: the verdict in force, its likeliest cause, and since when it is so.

    ``run``: the id of the run since which that is so; None where that is forgotten. ``from_start``: nothing older is
    known, so that it may be so for longer.
    """

    target: str
    address: str
    verdict: str
    cause: str
    since: float
    run: Optional[str]
    from_start: bool


@frozen(kw_only=True)
class Event:
    """The verdict on a target changed, or the cause of what is wrong with it did: in which run, and when that began."""

    at: float
    run: str
    plan: str
    target: str
    before: str
    after: str
    cause_before: str
    cause: str


@frozen(kw_only=True)
class Strip:
    """One target over time: a cell for each bucket (see BIT)."""

    target: str
    cells: bytes

    @property
    def letters(self) -> str:
        """The worst of each cell, as a letter: ``hhhh-hff``."""
        return "".join([LETTERS[cell] for cell in self.cells])


@frozen(kw_only=True)
class Strips:
    """The strips of all targets of a plan: buckets of ``width_s`` seconds each, the first one from ``since`` on."""

    since: float
    width_s: int
    rows: Tuple[Strip, ...] = ()

    def folded(self, most: int) -> "Strips":
        """The same in no more cells than that: as many neighbours as it takes become one."""
        count = len(self.rows[0].cells) if self.rows else 0
        each = -(-count // most)
        if each <= 1:
            return self
        rows = tuple(Strip(target=row.target, cells=_folded(row.cells, each)) for row in self.rows)
        return Strips(since=self.since, width_s=self.width_s * each, rows=rows)


@frozen(kw_only=True)
class Outbound:
    """An address under which the outside saw this job, by which way out (``direct``, ``proxy``), first and last."""

    way: str
    address: str
    first: float
    last: float


@frozen(kw_only=True)
class KeptPlan:
    """A plan of which runs are kept: how many, the time that they span, and the newest."""

    name: str
    runs: int
    first: float
    last: float
    newest: KeptRun


@frozen(kw_only=True)
class PlanHistory:
    """Everything that a history tells of one plan, newest first. ``kept_in``: the file or folder."""

    kept_in: str
    plan: KeptPlan
    standing: Tuple[Standing, ...] = ()
    strips: Strips = Strips(since=0.0, width_s=3600)
    events: Tuple[Event, ...] = ()
    outbound: Tuple[Outbound, ...] = ()
    runs: Tuple[KeptRun, ...] = ()


def _folded(cells: bytes, each: int) -> bytes:
    folded = bytearray(-(-len(cells) // each))
    for place, cell in enumerate(cells):
        folded[place // each] |= cell
    return bytes(folded)


def echoed(report: Report, step: str = "address") -> Dict[str, List[Observation]]:
    """The observations that name an outbound address, by the way out (docs/observations.md, egress)."""
    found: Dict[str, List[Observation]] = {}
    for seen in report.observations:
        if (seen.probe, seen.step) == ("egress", step) and seen.facts.get("seen"):
            found.setdefault(str(seen.facts.get("via")), []).append(seen)
    return found


def dumps(histories: Sequence[PlanHistory]) -> str:
    """All of them as one JSON text, a line for each plan (docs/history.md)."""
    return written({"schema": SCHEMA, "plans": [_ENCODE(one) for one in histories]}, lines=True)


def _unread(value: Any) -> Any:
    raise refused(value, "nothing: a history is not read back")


_MOMENT: Codec = (rfc3339, unix_seconds)
_LETTERS: Codec = (lambda cells: "".join([LETTERS[cell] for cell in cells]), _unread)
_MOMENTS = (
    (KeptRun, "started"),
    (Standing, "since"),
    (Event, "at"),
    (Strips, "since"),
    (Outbound, "first"),
    (Outbound, "last"),
    (KeptPlan, "first"),
    (KeptPlan, "last"),
)
_ENCODE: Callable[[Any], Any] = Codecs({(Strip, "cells"): _LETTERS, **dict.fromkeys(_MOMENTS, _MOMENT)}).of(
    PlanHistory
)[0]  # type: ignore[assignment]
