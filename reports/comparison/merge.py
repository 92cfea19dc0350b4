"""Many reports become one: of each only what a comparison needs is kept, in columns of small numbers.

Whatever vantage points share (a symptom, a list of name servers, an address) is kept once. So the memory grows by some
ten bytes a target and vantage point, and not with the size of the reports.
"""

from typing import Dict, List, Optional, Set, Tuple

from reports.comparison.board import Board, Columns, Point, Pools
from reports.comparison.conclude import conclude
from reports.comparison.crossings import Sweep, sweeps
from reports.comparison.model import Comparison, Counts
from reports.comparison.symptoms import LABELS, has_probed, own_addresses, sights
from reports.model import Network, Report


class NothingInCommon(ValueError):
    """No target was looked at from two vantage points, and no two swept anything."""


class Merge:
    """Takes reports one at a time; ``conclude`` says what they prove together."""

    def __init__(self) -> None:
        self._runs: Set[str] = set()
        self._plan: Optional[str] = None
        self._points: Dict[int, Point] = {}
        self._networks: Dict[str, Network] = {}
        self._columns = Columns()
        self._pools = Pools()
        self._sweeps: List[Tuple[int, Sweep]] = []
        self._read = self._duplicates = self._did_not_probe = self._partial = 0

    @property
    def usable(self) -> int:
        """How many vantage points have looked at anything."""
        return len(self._points)

    @property
    def read(self) -> int:
        """How many reports were taken in."""
        return self._read

    def add(self, report: Report) -> None:
        """Take one report in. A run that is known already (a platform may run a task twice) counts once."""
        self._read += 1
        if report.run.id in self._runs:
            self._duplicates += 1
            return
        self._runs.add(report.run.id)
        if not has_probed(report):
            self._did_not_probe += 1
            return
        self._partial += report.run.partial
        if self._plan is None:
            self._plan = report.run.plan.name
        for network in report.run.plan.networks:
            self._networks.setdefault(network.cidr, network)
        point = self._point(report)
        self._points[point.index] = point
        for sight in sights(report):
            self._columns.of(sight.target).add(point.index, sight, self._pools)
        self._sweeps.extend((point.index, sweep) for sweep in sweeps(report))

    def conclude(self) -> Comparison:
        """What the reports say together. Raises NothingInCommon where no target, and no sweep, has two points."""
        if (
            not any(len(column.points) > 1 for column in self._columns)
            and len({point for point, _ in self._sweeps}) < 2
        ):
            raise NothingInCommon("no target was looked at from two vantage points")
        counts = Counts(
            reports=self._read,
            duplicates=self._duplicates,
            did_not_probe=self._did_not_probe,
            partial=self._partial,
        )
        points = tuple(self._points.values())
        board = Board(points, tuple(self._columns), tuple(self._networks.values()), self._pools, self._sweeps)
        return conclude(self._plan or "", counts, board)

    def _point(self, report: Report) -> Point:
        vantage, share = report.vantage, self._pools.text
        return Point(
            index=len(self._points),
            run=report.run.id,
            kind=share(vantage.kind),
            host=share(vantage.host),
            labels=tuple((name, share(vantage.labels[name])) for name in LABELS if name in vantage.labels),
            addresses=self._pools.texts(own_addresses(vantage)),
            name_servers=self._pools.texts(vantage.name_servers),
            platform=share(vantage.platform),
            python=share(vantage.python),
            runtime=share(report.run.plan.runtime or vantage.kind),
            partial=report.run.partial,
        )
