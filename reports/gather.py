"""Rows that came back from a job -> the reports that they hold, whatever became of the rows on their way.

The reverse of reports/rows.py for any mix of partial, duplicated, truncated, reordered and foreign rows. A report is
given as soon as its parts are complete, so that memory holds the unfinished ones alone; what is left at the end is
rebuilt from the rows of targets and findings. Every row is counted once, and no row is silently dropped. This module
travels in the carry-in kit: CPython 3.7, attrs alone.
"""

import hashlib
from itertools import islice, product
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from attrs import frozen

from reports.codec import WrongValue
from reports.columns import FindingRow, Key, PartRow, ReportRow, TargetRow, is_report, is_row, read
from reports.document import DocumentError, dumps, loads
from reports.model import Report
from reports.rebuild import Remains, rebuild, salvage
from reports.rows import FINDING, TARGET

# Of the rows that could not be used, so many are told one by one.
_MOST_TROUBLES = 50
# Different texts of one part that are kept, and combinations of them that are tried.
_MOST_CANDIDATES = 4
_MOST_COMBINATIONS = 64

Place = str


@frozen
class Trouble:
    """A row that could not be used, or not as it should: where it stands (``FILE:LINE``), and why."""

    place: Place
    reason: str


@frozen(kw_only=True)
class Outcome:
    """The counts so far: ``rows`` is the sum of the five below it.

    ``used``: rows that belong to a report that was, or may still be, given. ``duplicates``: said before, by a row of
    the same run and kind, and of the same name or part. ``contradictory``: such a row that says something else.
    ``foreign``: none of ours. ``unreadable``: ours, and of no use. ``whole`` and ``partial`` count reports.
    ``troubles`` are the first of the rows that need a word, ``untold`` how many more there are.
    """

    rows: int = 0
    used: int = 0
    duplicates: int = 0
    contradictory: int = 0
    foreign: int = 0
    unreadable: int = 0
    whole: int = 0
    partial: int = 0
    troubles: Tuple[Trouble, ...] = ()
    untold: int = 0


class Gatherer:
    """Takes rows one by one, in any order; gives each report as soon as it is complete, and the others at the end."""

    def __init__(self) -> None:
        self._counts: Dict[str, int] = dict.fromkeys(
            ("used", "duplicates", "contradictory", "foreign", "unreadable", "whole", "partial", "untold"), 0
        )
        self._troubles: List[Trouble] = []
        self._pending: Dict[str, _Pending] = {}
        self._given: Dict[str, _Given] = {}

    @property
    def outcome(self) -> Outcome:
        """What became of the rows so far."""
        rows = sum([self._counts[key] for key in ("used", "duplicates", "contradictory", "foreign", "unreadable")])
        return Outcome(rows=rows, troubles=tuple(self._troubles), **self._counts)

    def add(self, row: Mapping[str, object], place: Place = "") -> Optional[Report]:
        """One row by its columns (reports/rows.py); the report that it completes.

        Numbers may stand as text; a row without our columns is searched for a cell that holds a report.
        ``place`` says where the row stands, for whoever has to look at it.
        """
        if not is_row(row):
            cells = [value for value in row.values() if is_report(value)]
            return self.add_text(cells[0] if cells else None, place)
        try:
            said = read(row)
        except WrongValue as error:
            self.unreadable("%s: %s" % (error.path, error.problem), place)
            return None
        return self._take(str(row["run"]), said, place)

    def add_text(self, cell: object, place: Place = "") -> Optional[Report]:
        """One cell that should hold a whole report, as the scalar function gives it; that report."""
        if not is_report(cell):
            self._counts["foreign"] += 1
            return None
        text = str(cell)
        try:
            report = loads(text, "the report")
        except DocumentError as error:
            self._cut_short(text, error, place)
            return None
        return self._give(report, text, place)

    def unreadable(self, reason: str, place: Place = "") -> None:
        """Count a row that could not even be taken apart."""
        self._counts["unreadable"] += 1
        self._tell(reason, place)

    def finish(self) -> Iterator[Report]:
        """What is left: the reports some of whose parts are lost, rebuilt from their other rows."""
        for run, pending in list(self._pending.items()):
            del self._pending[run]
            report = rebuild(pending.remains(run))
            if report is None:
                self._counts["used"] -= pending.rows
                self._counts["unreadable"] += pending.rows
                self._tell("%s, and no other row of it is there" % pending.lost(run), pending.place)
            else:
                self._counts["partial"] += 1
                self._tell("%s: rebuilt from what is left" % pending.lost(run), pending.place)
                yield report

    # --- one row ------------------------------------------------------------------------------------------------

    def _take(self, run: str, row: ReportRow, place: Place) -> Optional[Report]:
        given = self._given.get(run)
        if given is not None:
            self._counts["used" if given.awaits(row) else "duplicates"] += 1
            return None
        pending = self._pending.setdefault(run, _Pending(place, row.vantage))
        became = pending.take(row)
        self._counts[became] += 1
        if became == "contradictory":
            self._tell("run %s has another %s" % (run, " ".join([str(piece) for piece in row.key])), place)
        if became == "duplicates" or not isinstance(row, PartRow):
            return None
        found = pending.assembled(row)
        if found is None:
            return None
        report, text = found
        pending.parts.clear()
        if not pending.known:
            del self._pending[run]
        return self._give(report, text, place, counted=True)

    def _give(self, report: Report, text: str, place: Place, counted: bool = False) -> Optional[Report]:
        run = report.run.id
        mark = _fingerprint(report, text)
        given = self._given.get(run)
        if given is not None:
            became = "duplicates" if given.mark == mark else "contradictory"
            if became == "contradictory":
                self._tell("run %s has another report" % run, place)
            self._counts[became] += 0 if counted else 1
            return None
        pending = self._pending.pop(run, None)
        awaited = _keys(report).difference(pending.known if pending is not None else ()) if counted else set()
        self._given[run] = _Given(mark, awaited)
        self._counts["used"] += 0 if counted else 1
        self._counts["whole"] += 1
        return report

    def _cut_short(self, text: str, error: DocumentError, place: Place) -> None:
        kept = salvage(text)
        if kept is None:
            self.unreadable(str(error), place)
            return
        if kept.run.id in self._given:
            self._counts["contradictory"] += 1
            self._tell("run %s has a whole report beside this one: %s" % (kept.run.id, error), place)
            return
        pending = self._pending.setdefault(kept.run.id, _Pending(place))
        self._counts["used"] += 1
        pending.rows += 1
        pending.keep(kept)

    def _tell(self, reason: str, place: Place) -> None:
        if len(self._troubles) < _MOST_TROUBLES:
            self._troubles.append(Trouble(place, reason))
        else:
            self._counts["untold"] += 1


# --- what is kept of a run -------------------------------------------------------------------------------------------


class _Given:
    """A report that was given: what tells it from another, and the rows of it that may still come."""

    def __init__(self, mark: bytes, awaited: Set[Key]) -> None:
        self.mark = mark
        self._awaited = awaited

    def awaits(self, row: ReportRow) -> bool:
        if row.key not in self._awaited:
            return False
        self._awaited.discard(row.key)
        return True


class _Pending:
    """The rows of a run whose text is not complete."""

    def __init__(self, place: Place, vantage: str = "") -> None:
        self.place = place
        self.vantage = vantage
        self.rows = 0
        self.parts: Dict[int, Dict[int, List[PartRow]]] = {}
        self._rows: Dict[Key, ReportRow] = {}
        self._text: Optional[Report] = None

    @property
    def known(self) -> Sequence[Key]:
        return tuple(self._rows)

    def take(self, row: ReportRow) -> str:
        """Keep the row, and say which count is its."""
        if isinstance(row, PartRow):
            became = self._take_part(row)
        else:
            before = self._rows.setdefault(row.key, row)
            became = "used" if before is row else "duplicates" if before == row else "contradictory"
        self.rows += became == "used"
        return became

    def keep(self, text: Report) -> None:
        """Keep what was saved of a text that was cut short, if it is more than what is there."""
        if self._text is None or len(dumps(text)) > len(dumps(self._text)):
            self._text = text

    def assembled(self, latest: PartRow) -> Optional[Tuple[Report, str]]:
        """The report, and its text, if it is complete with this part."""
        known = self.parts[latest.parts]
        if len(known) < latest.parts:
            return None
        # Of two texts the longer first: the other one was cut short.
        choices = [sorted(known[index], key=lambda part: -len(part.text)) for index in range(latest.parts)]
        for combination in islice(product(*choices), _MOST_COMBINATIONS):
            text = "".join([part.text for part in combination])
            if any(part.length == len(text) for part in combination):
                try:
                    return loads(text, "the report"), text
                except DocumentError:
                    continue
        return None

    def lost(self, run: str) -> str:
        """What is wrong with the run's text, in words."""
        if not self.parts:
            return "the report of run %s %s" % (run, "is lost" if self._text is None else "was cut short")
        parts, known = max(self.parts.items(), key=lambda item: len(item[1]))
        if len(known) == parts:
            return "the report of run %s was cut short" % run
        return "of the report of run %s, %d of %d parts are lost" % (run, parts - len(known), parts)

    def remains(self, run: str) -> Remains:
        """All that is left, for the partial report."""
        first = [part for known in self.parts.values() for part in known.get(0, ())]
        for part in first:
            kept = salvage(part.text)
            if kept is not None and kept.run.id == run:
                self.keep(kept)
        return Remains(
            run=run,
            vantage=self.vantage,
            targets=[row for row in self._rows.values() if isinstance(row, TargetRow)],
            findings=[row for row in self._rows.values() if isinstance(row, FindingRow)],
            verdicts=[part.verdict for known in self.parts.values() for texts in known.values() for part in texts],
            text=self._text,
        )

    def _take_part(self, row: PartRow) -> str:
        texts = self.parts.setdefault(row.parts, {}).setdefault(row.number, [])
        if any(row.text == other.text for other in texts):
            return "duplicates"
        if len(texts) < _MOST_CANDIDATES:
            texts.append(row)
        return "contradictory" if len(texts) > 1 else "used"


def _keys(report: Report) -> Set[Key]:
    targets: List[Key] = [(TARGET, result.name) for result in report.targets]
    return {*targets, *((FINDING, finding.id) for finding in report.findings)}


def _fingerprint(report: Report, text: str) -> bytes:
    """Equal for equal reports, however their texts are spaced: ours have line breaks, or no space at all."""
    written = dumps(report) if "\n" in text else text
    return hashlib.blake2b(written.encode("utf-8", "surrogatepass"), digest_size=8).digest()
