"""One target as all vantage points see it: who fails, who does not, and what is to be explained."""

from collections import Counter
from typing import Dict, List, Sequence, Tuple

from attrs import frozen

from reports.comparison.board import Board, Column, Look
from reports.comparison.factors import Parting, partings
from reports.comparison.model import JOB, OUTSIDE, PLACES, VPC
from reports.comparison.symptoms import Symptom
from reports.failures import Failure
from reports.model import FAILING, Target
from reports.words import count, listed


@frozen(kw_only=True)
class Side:
    """The vantage points of one place: those from which the target fails, and those from which it works."""

    fails: Tuple[Look, ...] = ()
    works: Tuple[Look, ...] = ()


class View:
    """What the rules read. ``subject`` is the place whose failure is to be explained, ``fails`` its failing looks."""

    def __init__(self, board: Board, column: Column) -> None:
        self.board = board
        self.column = column
        self.target: Target = column.target
        self.looks = board.looks(column)
        sides: Dict[str, Tuple[List[Look], List[Look]]] = {place: ([], []) for place in PLACES}
        for look in self.looks:
            fails, works = sides[board.place(look.point)]
            if look.symptom.verdict == FAILING:
                fails.append(look)
            elif look.works:
                works.append(look)
        self.sides = {place: Side(fails=tuple(fails), works=tuple(works)) for place, (fails, works) in sides.items()}
        self.job, self.host, self.outside = (self.sides[place] for place in (JOB, VPC, OUTSIDE))
        self.way = self._way()
        if self.way in ("vpc", "service") and (self.job.fails or self.job.works or self.host.fails or self.host.works):
            # What stands outside the VPC need not reach a private address: it says nothing of the others.
            self.outside = self.sides[OUTSIDE] = Side()
        # The job's failure comes first: it is what is asked about.
        self.subject = next((place for place in PLACES if self.sides[place].fails), "")
        side = self.sides.get(self.subject, Side())
        self.fails: Tuple[Look, ...] = side.fails
        # A neighbour of the target is no peer of those that come from afar.
        beside = {look.point.index for look in self.beside(side.works)} if self.subject == VPC else set()
        self.peers: Tuple[Look, ...] = tuple(look for look in side.works if look.point.index not in beside)
        self.lead = self._lead()
        self.partings: Tuple[Parting, ...] = partings(board, self.fails, self.peers) if self.peers else ()

    @property
    def in_vpc(self) -> bool:
        """Whether the target is reached over the VPC, as far as is known."""
        return self.way not in ("internet", "service")

    @property
    def on_internet(self) -> bool:
        """The same of the Internet."""
        return self.way not in ("vpc", "service")

    @property
    def works(self) -> Tuple[Look, ...]:
        """Everywhere where the target works."""
        return self.job.works + self.host.works + self.outside.works

    @property
    def fails_anywhere(self) -> Tuple[Look, ...]:
        """Everywhere where it fails."""
        return self.job.fails + self.host.fails + self.outside.fails

    @property
    def others_work(self) -> Tuple[Look, ...]:
        """The looks of other places at which it works."""
        return tuple(look for place in PLACES if place != self.subject for look in self.sides[place].works)

    @property
    def others_fail(self) -> Tuple[Look, ...]:
        """The looks of other places at which it fails."""
        return tuple(look for place in PLACES if place != self.subject for look in self.sides[place].fails)

    @property
    def stage(self) -> str:
        """The first stage that is broken for most of those that fail."""
        return self.lead.stage

    @property
    def failure(self) -> "Failure":
        """How it is broken there."""
        return self.lead.failure or Failure.UNKNOWN

    @property
    def sources(self) -> Tuple[str, ...]:
        """The addresses from which those that fail speak to the target."""
        return tuple(dict.fromkeys(look.source for look in self.fails if look.source))

    @property
    def subnets(self) -> Tuple[str, ...]:
        """The vSwitches in which those are; none where they are in no network of the VPC."""
        inside = (source for source in self.sources if self.board.in_vpc(source))
        return tuple(dict.fromkeys(self.board.subnet_of(source) for source in inside))

    @property
    def answers(self) -> Tuple[str, ...]:
        """The addresses that those that fail were given for the target."""
        return tuple(dict.fromkeys(ip for look in self.fails for ip in look.answers))

    def beside(self, looks: Sequence[Look]) -> Tuple[Look, ...]:
        """Those of the looks that were taken from the target's own subnet."""
        return tuple(
            look
            for look in looks
            if {self.board.subnet_of(ip) for ip in look.answers} & {self.board.subnet_of(look.source)} - {""}
        )

    def near(self, looks: Sequence[Look]) -> Tuple[Look, ...]:
        """Those of the looks that were taken from the vSwitch of those that fail."""
        return tuple(look for look in looks if look.source and self.board.subnet_of(look.source) in self.subnets)

    def names(self, looks: Sequence[Look]) -> str:
        """The vantage points in words, at most three."""
        labels = list(dict.fromkeys(self.board.label(look.point) for look in looks))
        return listed(labels)

    def reaches_others(self) -> bool:
        """Whether any of those that fail reaches another target by the same way."""
        return any(self.board.reached(look.point, self.way) for look in self.fails)

    def _way(self) -> str:
        """The way that the job takes to it; that of the others where the job did not look."""
        for place in PLACES:
            side = self.sides[place]
            ways = Counter(look.symptom.way for look in side.fails + side.works if look.symptom.way != "auto")
            if ways:
                return ways.most_common(1)[0][0]
        return "auto"

    def _lead(self) -> Symptom:
        """The symptom of most of those that fail."""
        counts = Counter((look.symptom.stage, look.symptom.failure) for look in self.fails)
        if not counts:
            return Symptom(verdict="healthy")
        face = counts.most_common(1)[0][0]
        return next(look.symptom for look in self.fails if (look.symptom.stage, look.symptom.failure) == face)

    def told(self, looks: Sequence[Look], most: int = 3) -> Tuple[str, ...]:
        """What was seen from each of the looks, equal symptoms together: ``UDF (10.10.1.10): 2 SYNs to ...``."""
        groups: Dict[int, List[Look]] = {}
        for look in looks:
            groups.setdefault(look.number, []).append(look)
        rows = []
        for number, group in sorted(groups.items(), key=lambda one: -len(one[1]))[:most]:
            words = self.column.examples[number].words
            if words:
                rows.append("%s: %s" % (self.names(group), words))
        if len(groups) > most:
            rows.append("and %s more" % count(len(groups) - most, "symptom"))
        return tuple(rows)

    def evidence(self, looks: Sequence[Look], most: int = 3) -> Tuple[str, ...]:
        """Observation ids of the first report with each symptom."""
        numbers = list(dict.fromkeys(look.number for look in looks))[:most]
        return tuple(dict.fromkeys(id_ for number in numbers for id_ in self.column.examples[number].evidence))
