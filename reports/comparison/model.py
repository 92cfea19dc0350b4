"""The nouns of a comparison. Frozen values; findings are those of a report (reports/model.py)."""

from typing import Optional, Tuple

from attrs import frozen

from reports.failures import Failure
from reports.model import Cleared, Finding

SCHEMA = "linkdoctor/comparison/1"

# Where a vantage point stands towards MaxCompute: inside it, as the job; on a host of the VPC; anywhere else.
JOB = "job"
VPC = "vpc"
OUTSIDE = "outside"
PLACES = (JOB, VPC, OUTSIDE)


@frozen(kw_only=True)
class Member:
    """One vantage point: what it is called, and the id of its run."""

    label: str
    run: str


@frozen(kw_only=True)
class Trait:
    """What all members of a row share: ``kind`` is a word such as ``vSwitch``, ``name server``, ``Python``."""

    kind: str
    value: str


@frozen(kw_only=True)
class Row:
    """Vantage points of one kind to which every target looks the same. ``members`` names the first of ``count``."""

    id: str
    label: str
    kind: str
    place: str
    count: int
    partial: int = 0
    members: Tuple[Member, ...] = ()
    shared: Tuple[Trait, ...] = ()


@frozen(kw_only=True)
class Cell:
    """How one target looks from one row: its verdict there, first broken stage, failure, likeliest cause."""

    target: str
    row: str
    verdict: str
    stage: str = ""
    failure: Optional[Failure] = None
    cause: str = ""
    confidence: float = 0.0


@frozen(kw_only=True)
class Compared:
    """The verdict on one target, and at how many of the vantage points that settled it it fails."""

    name: str
    address: str
    verdict: str
    failing: int
    settled: int
    findings: Tuple[str, ...] = ()


@frozen(kw_only=True)
class Crossing:
    """A sweep of a network from one vantage point: how many of its addresses were asked, and how many answered.

    ``label``: the vantage point. ``source``: the address that it asked from, ``whence`` the network which holds that;
    "" where it is not known.
    """

    label: str
    source: str
    whence: str
    network: str
    cidr: str
    asked: int
    answered: int


@frozen(kw_only=True)
class Counts:
    """What was read: reports, repeated ones (dropped), those that probed nothing, those that were cut short."""

    reports: int
    duplicates: int
    did_not_probe: int
    partial: int


@frozen(kw_only=True)
class Comparison:
    """Everything that several reports say together."""

    plan: str
    verdict: str
    counts: Counts
    rows: Tuple[Row, ...] = ()
    targets: Tuple[Compared, ...] = ()
    matrix: Tuple[Cell, ...] = ()
    findings: Tuple[Finding, ...] = ()
    cleared: Tuple[Cleared, ...] = ()
    sweeps: Tuple[Crossing, ...] = ()
    schema: str = SCHEMA
