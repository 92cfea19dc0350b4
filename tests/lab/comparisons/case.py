"""What a case of a comparison is."""

from collections.abc import Mapping

from attrs import field, frozen

from tests.lab.network import EMR, INTERNET, SANDBOX, VPCHOST
from tests.lab.scenario import FAILING, Plan


@frozen(kw_only=True)
class Point:
    """A vantage point: a node, what it passes for there, and the faults that only it suffers."""

    node: str
    kind: str = "host"
    labels: Mapping[str, str] = field(factory=dict)
    faults: tuple[str, ...] = ()
    plan: Plan | None = None
    resolv_conf: str | None = None


def job(*faults: str, **changes: object) -> Point:
    """The job, as a UDF."""
    return Point(node=SANDBOX, kind="udf", faults=faults, **changes)


def executor(name: str, *faults: str, **changes: object) -> Point:
    """The job, as one of several executors."""
    return Point(node=SANDBOX, kind="spark", labels={"executor": name}, faults=faults, **changes)


VPC_HOST = Point(node=VPCHOST)
BESIDE_DB = Point(node=EMR)  # in vswitch-b
LAPTOP = Point(node=INTERNET, faults=("laptop",))


@frozen(kw_only=True)
class Case:
    """Vantage points whose difference, or common factor, proves the cause that must come first.

    ``says``: what one of the reasons must hold. ``surer``: why one report alone may name the cause first as well, and
    the comparison is surer; where it is empty none may.
    """

    name: str
    title: str
    plan: Plan
    points: tuple[Point, ...]
    expected: str
    targets: tuple[str, ...]
    faults: tuple[str, ...] = ()
    says: str = ""
    verdict: str = FAILING
    surer: str = ""
