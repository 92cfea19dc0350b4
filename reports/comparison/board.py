"""All vantage points and all targets, and how each looked from each: columns of small numbers, one a target."""

import collections
import ipaddress
from array import array
from typing import Counter, Dict, Generic, Hashable, Iterator, List, Sequence, Set, Tuple, TypeVar, Union

from attrs import Factory, define, frozen

from reports.addresses import is_private, is_shared, parse_address
from reports.comparison.crossings import Sweep
from reports.comparison.model import JOB, OUTSIDE, VPC
from reports.comparison.symptoms import Sight, Symptom
from reports.model import DEGRADED, HEALTHY, Network, Remedy, Target

T = TypeVar("T", bound=Hashable)

# What runs on machines of the user's own; all other kinds run inside MaxCompute.
_HOSTS = frozenset({"host", "pyodps"})
WORKS = frozenset({HEALTHY, DEGRADED})

_KINDS = {
    "udf": "UDF",
    "spark": "Spark",
    "pyodps": "PyODPS node",
    "host": "host",
}


class Pool(Generic[T]):
    """Equal values once, by number."""

    def __init__(self) -> None:
        self._numbers: Dict[T, int] = {}
        self.values: List[T] = []

    def number(self, value: T) -> int:
        """The value's number: the same for equal values."""
        number = self._numbers.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number

    def one(self, value: T) -> T:
        """The one object that stands for all equal ones."""
        return self.values[self.number(value)]


class Pools:
    """What vantage points have in common."""

    def __init__(self) -> None:
        self.symptoms: Pool[Symptom] = Pool()
        self.strings: Pool[str] = Pool()
        self.lists: Pool[Tuple[str, ...]] = Pool()

    def text(self, text: str) -> str:
        """The text, kept once."""
        return self.strings.one(text)

    def texts(self, texts: Tuple[str, ...]) -> Tuple[str, ...]:
        """The texts, kept once."""
        return self.lists.one(tuple(self.text(text) for text in texts))


@frozen(kw_only=True)
class Point:
    """A vantage point: one run."""

    index: int
    run: str
    kind: str
    host: str
    labels: Tuple[Tuple[str, str], ...] = ()
    addresses: Tuple[str, ...] = ()
    name_servers: Tuple[str, ...] = ()
    platform: str = ""
    python: str = ""
    runtime: str = ""
    partial: bool = False

    def named(self, name: str) -> str:
        """The platform's name for this place: a label, or ""."""
        return dict(self.labels).get(name, "")


@frozen(kw_only=True, eq=False)
class Look:
    """How one target looked from one point."""

    point: Point
    symptom: Symptom
    number: int  # the symptom's
    source: str
    answers: Tuple[str, ...]
    outbound: str

    @property
    def works(self) -> bool:
        """Whether the target is good enough for the job from there."""
        return self.symptom.verdict in WORKS


@frozen(kw_only=True)
class Example:
    """The first report that showed a symptom: what happened there in words, and its observations."""

    words: str
    evidence: Tuple[str, ...]


def _numbers() -> "array[int]":
    return array("I")


@define
class Column:
    """One target. The arrays run side by side, one entry a vantage point that looked at it."""

    target: Target
    name: str
    points: "array[int]" = Factory(_numbers)
    symptoms: "array[int]" = Factory(_numbers)
    sources: "array[int]" = Factory(_numbers)
    answers: "array[int]" = Factory(_numbers)
    outbounds: "array[int]" = Factory(_numbers)
    examples: Dict[int, Example] = Factory(dict)
    remedies: Dict[str, Remedy] = Factory(dict)

    def add(self, point: int, sight: Sight, pools: Pools) -> None:
        """How the target looked from the point."""
        symptom = pools.symptoms.number(sight.symptom)
        self.points.append(point)
        self.symptoms.append(symptom)
        self.sources.append(pools.strings.number(sight.source))
        self.answers.append(pools.lists.number(tuple(sorted(sight.answers))))
        self.outbounds.append(pools.strings.number(sight.outbound))
        if symptom not in self.examples:
            self.examples[symptom] = Example(words=sight.words, evidence=sight.evidence)
        for cause, remedy in sight.remedies:
            self.remedies.setdefault(cause, remedy)


class Columns:
    """One column a target: targets are the same where address, service and path are."""

    def __init__(self) -> None:
        self._columns: Dict[Tuple[str, int, str, str], Column] = {}
        self._names: Set[str] = set()

    def __iter__(self) -> Iterator[Column]:
        return iter(self._columns.values())

    def of(self, target: Target) -> Column:
        """The target's; it bears the name that the first plan gave it, unless another bears it already."""
        key = (target.host, target.port, target.service, target.path)
        if key not in self._columns:
            names = (target.name, "%s (%s)" % (target.name, target.address), "%s (%s %s)" % key[1:])
            name = next((name for name in names if name not in self._names), "%s:%d %s %s" % key)
            self._names.add(name)
            self._columns[key] = Column(target, name)
        return self._columns[key]


class Board:
    """The whole, indexed once."""

    def __init__(
        self,
        points: Tuple[Point, ...],
        columns: Tuple[Column, ...],
        networks: Tuple[Network, ...],
        pools: Pools,
        sweeps: Sequence[Tuple[int, Sweep]] = (),
    ) -> None:
        self.points = points
        self.columns = columns
        self.pools = pools
        # Who swept what: the point's index, and the sweep.
        self.sweeps = tuple(sweeps)
        self._names = {sweep.cidr: sweep.network for _, sweep in self.sweeps}
        self._names.update((network.cidr, network.name) for network in networks)
        self._networks = [(cidr, network) for network in networks for cidr in _cidr(network)]
        self._subnets: Dict[str, str] = {}
        self._near: Set[str] = {str(cidr) for cidr, _ in self._networks}
        for column in columns:
            self._near.update(self._inside(column))
        self._places = [self._placed(point) for point in points]
        # How many targets a point reaches by each way, and how many it tried.
        self._reached: Counter[Tuple[int, str]] = collections.Counter()
        self._tried: Counter[Tuple[int, str]] = collections.Counter()
        self._outbounds: Dict[int, Set[int]] = {}
        for column in columns:
            for point, number, outbound in zip(column.points, column.symptoms, column.outbounds):
                symptom = pools.symptoms.values[number]
                self._tried[point, symptom.way] += 1
                if symptom.verdict in WORKS:
                    self._reached[point, symptom.way] += 1
                if symptom.way == "internet" and pools.strings.values[outbound]:
                    self._outbounds.setdefault(point, set()).add(outbound)

    def looks(self, column: Column) -> List[Look]:
        """How the target looked from each point."""
        symptoms, strings, lists = self.pools.symptoms.values, self.pools.strings.values, self.pools.lists.values
        return [
            Look(
                point=self.points[point],
                symptom=symptoms[symptom],
                number=symptom,
                source=strings[source],
                answers=lists[answers],
                outbound=strings[outbound],
            )
            for point, symptom, source, answers, outbound in zip(
                column.points, column.symptoms, column.sources, column.answers, column.outbounds
            )
        ]

    def place(self, point: Point) -> str:
        """Inside MaxCompute, on a host of the VPC, or anywhere else."""
        return self._places[point.index]

    def reached(self, point: Point, way: str) -> int:
        """How many targets the point reaches by this way."""
        return self._reached[point.index, way]

    def tried(self, point: Point, way: str) -> int:
        """How many targets the point tried by this way."""
        return self._tried[point.index, way]

    def outbounds(self, point: Point) -> Tuple[str, ...]:
        """The addresses from which the point was seen on the Internet, by whatever target says so."""
        return tuple(self.pools.strings.values[number] for number in sorted(self._outbounds.get(point.index, ())))

    def subnet_of(self, ip: str) -> str:
        """The declared network's CIDR that holds the address, or its /24 (IPv6: /64); "" for no address."""
        if ip not in self._subnets:
            self._subnets[ip] = self._subnet_of(ip)
        return self._subnets[ip]

    def crossings(self, whence: str, whither: str) -> List[Tuple[Point, Sweep]]:
        """The sweeps of one subnet (a CIDR) from an address in another."""
        return [
            (self.points[point], sweep)
            for point, sweep in self.sweeps
            if sweep.cidr == whither and self.subnet_of(sweep.source) == whence
        ]

    def name_of(self, subnet: str) -> str:
        """What the plan calls the subnet, or whoever swept it; else its CIDR."""
        return self._names.get(subnet, subnet)

    def in_vpc(self, ip: str) -> bool:
        """Whether the address is in a declared network, or beside a private target."""
        return self.subnet_of(ip) in self._near

    def vpc_addresses(self, point: Point) -> Tuple[str, ...]:
        """The point's own addresses in the VPC: its ENIs."""
        return tuple(ip for ip in point.addresses if self.in_vpc(ip))

    def label(self, point: Point) -> str:
        """What the point is called: ``UDF on n-3 (10.10.1.10)``, ``executor 3 on n-7 (10.10.1.11)``."""
        words = [_role(point)]
        addresses = self.vpc_addresses(point)
        if point.host:
            words.append(point.host if point.kind in _HOSTS else "on %s" % point.host)
        if addresses or point.addresses:
            words.append("(%s)" % (addresses or point.addresses)[0])
        return " ".join(words)

    def _placed(self, point: Point) -> str:
        if point.kind not in _HOSTS:
            return JOB
        return VPC if self.vpc_addresses(point) else OUTSIDE

    def _inside(self, column: Column) -> Iterator[str]:
        """Subnets of the VPC: those of private targets, and those from which somebody reaches them."""
        for look in self.looks(column):
            if look.answers and all(is_private(ip) for ip in look.answers):
                yield from (self.subnet_of(ip) for ip in look.answers)
                if look.works and look.source and not is_shared(look.source):
                    yield self.subnet_of(look.source)

    def _subnet_of(self, ip: str) -> str:
        address = parse_address(ip)
        if address is None:
            return ""
        for cidr, _ in self._networks:
            if address.version == cidr.version and address in cidr:
                return str(cidr)
        rest = address.max_prefixlen - (24 if address.version == 4 else 64)
        return str(ipaddress.ip_network((int(address) >> rest << rest, address.max_prefixlen - rest)))


def _role(point: Point) -> str:
    """``UDF``, ``executor 3``, ``Spark driver``: by the platform's own names where it has any."""
    if point.named("executor"):
        return "executor %s" % point.named("executor")
    if point.named("executors"):
        return "%s executors" % point.named("executors")
    return ("%s %s" % (_KINDS.get(point.kind, point.kind), point.named("role"))).strip()


def _cidr(network: Network) -> List[Union[ipaddress.IPv4Network, ipaddress.IPv6Network]]:
    """The network's CIDR; nothing where it is none, as in a report whose addresses were taken out."""
    try:
        return [ipaddress.ip_network(network.cidr)]
    except ValueError:
        return []
