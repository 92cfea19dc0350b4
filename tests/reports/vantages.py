"""Targets and vantage points for the tests of comparisons: each look is put together from a few words."""

from collections.abc import Iterable, Mapping

from attrs import evolve, frozen

from reports.comparison.board import Board, Columns, Point, Pools
from reports.comparison.crossings import Sweep
from reports.comparison.symptoms import Sight, Symptom
from reports.comparison.view import View
from reports.failures import Failure
from reports.model import FAILING, HEALTHY, UNDETERMINED, Network, Target

NETWORKS = (
    Network(name="vswitch-a", cidr="10.10.1.0/24"),
    Network(name="vswitch-b", cidr="10.10.2.0/24"),
    Network(name="vswitch-d", cidr="10.10.9.0/24"),
)
MYSQL = Target(name="mysql", host="db.vpc.internal", port=3306, service="mysql", via="vpc")
CACHE = Target(name="cache", host="cache.vpc.internal", port=6379, service="redis", via="vpc")
PARTNER = Target(name="partner", host="api.partner.example", port=443, service="https", via="internet")
OTHER = Target(name="other", host="www.partner.example", port=443, service="https", via="internet")
OSS = Target(name="oss", host="lake.oss-cn-hangzhou-internal.aliyuncs.com", port=443, service="https", via="service")

_ANSWERS = {
    OSS: "100.118.28.10",
    MYSQL: "10.10.2.40",
    CACHE: "10.10.2.41",
    PARTNER: "198.51.100.20",
    OTHER: "198.51.100.21",
}

WORKS = Symptom(verdict=HEALTHY, reached=True, accepted=True)
OPEN = Symptom(verdict=UNDETERMINED)
SILENT = Symptom(
    verdict=FAILING, stage="connect", failure=Failure.TIMED_OUT, shares=(("host_firewall_drop", 0.4), ("sg_drop", 0.3))
)
REFUSED = Symptom(
    verdict=FAILING,
    stage="connect",
    failure=Failure.CONNECTION_REFUSED,
    shares=(("service_not_listening", 0.7), ("sg_reset", 0.1)),
)
NOBODY = evolve(SILENT, failure=Failure.HOST_UNREACHABLE)
HANGS = Symptom(
    verdict=FAILING, stage="exchange", failure=Failure.TIMED_OUT, shares=(("service_hang", 0.9),), accepted=True
)
CLOSES = evolve(HANGS, failure=Failure.EOF, shares=(("accept_then_close", 0.9),))
FORBIDDEN = evolve(HANGS, failure=Failure.HTTP_ERROR_STATUS, shares=(("http_403", 0.9),), reached=True)
UNKNOWN_NAME = Symptom(verdict=FAILING, stage="resolve", failure=Failure.DNS_NXDOMAIN, shares=(("dns_nxdomain", 0.9),))
UNTRUSTED = Symptom(
    verdict=FAILING, stage="tls", failure=Failure.TLS_UNTRUSTED, shares=(("tls_untrusted", 0.8),), accepted=True
)


@frozen(kw_only=True)
class At:
    """A vantage point, how the targets look from there (a symptom, or one with other answers), and what it swept."""

    kind: str
    address: str
    looks: Mapping[Target, Symptom]
    answers: Mapping[Target, str] = {}
    host: str = "lab"
    source: str = ""
    name_servers: tuple[str, ...] = ("10.10.1.2",)
    labels: tuple[tuple[str, str], ...] = ()
    python: str = "3.7.3"
    outbound: str = ""
    # How many of how many addresses answered in networks that it swept.
    swept: Mapping[Network, tuple[int, int]] = {}


def job(looks: Mapping[Target, Symptom], address: str = "10.10.1.10", **rest: object) -> At:
    """A UDF with an ENI."""
    return At(kind="udf", address=address, looks=looks, **rest)


def host(looks: Mapping[Target, Symptom], address: str = "10.10.1.50", **rest: object) -> At:
    """A host of the VPC."""
    return At(kind="host", address=address, looks=looks, **rest)


def laptop(looks: Mapping[Target, Symptom], **rest: object) -> At:
    """Somewhere else."""
    return At(kind="host", address="192.168.1.5", looks=looks, **rest)


def executors(*groups: tuple[int, At]) -> list[At]:
    """So many of each, as executors."""
    return [evolve(at, kind="spark") for number, at in groups for _ in range(number)]


def board(places: Iterable[At]) -> Board:
    """All that they saw."""
    columns, pools, points, sweeps = Columns(), Pools(), [], []
    for index, at in enumerate(places):
        points.append(
            Point(
                index=index,
                run=f"r-{index}",
                kind=at.kind,
                host=at.host,
                addresses=(at.address,),
                name_servers=at.name_servers,
                labels=at.labels,
                python=at.python,
                runtime="udf",
            )
        )
        for network, (answered, asked) in at.swept.items():
            sweeps.append((index, Sweep(network.name, network.cidr, at.source or at.address, asked, answered)))
        for target, symptom in at.looks.items():
            resolved = at.answers.get(target, "" if symptom.stage == "resolve" else _ANSWERS[target])
            sight = Sight(
                target=target,
                symptom=evolve(symptom, way=target.via),
                source=at.source or at.address,
                answers=(resolved,) if resolved else (),
                outbound=at.outbound,
                words=f"{symptom.stage} fails" if symptom.stage else "answers",
                evidence=(f"o-{index}-{target.name}",),
            )
            columns.of(target).add(index, sight, pools)
    return Board(tuple(points), tuple(columns), NETWORKS, pools, sweeps)


def view(places: Iterable[At], target: Target | None = None) -> View:
    """One target, the first one, as they see it."""
    whole = board(places)
    column = next(column for column in whole.columns if target in (None, column.target))
    return View(whole, column)
