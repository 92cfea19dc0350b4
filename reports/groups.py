"""Targets that share a host, a subnet, a way or a cluster, and what holds for all of them together."""

from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any, Callable, Dict, FrozenSet, Generic, List, Optional, Tuple, Type, TypeVar

from reports.failures import Failure
from reports.model import Observation
from reports.rules.contract import CONNECT
from reports.services import is_mysql

if TYPE_CHECKING:
    from reports.case import Case

T = TypeVar("T")

_SAMPLES = 3


class Once(Generic[T]):
    """A property that is worked out once (functools.cached_property came with 3.8)."""

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        self._work_out = work_out
        self.__doc__ = work_out.__doc__

    def __get__(self, instance: Any, owner: Type[Any]) -> T:
        value = self._work_out(instance)
        instance.__dict__[self._work_out.__name__] = value
        return value


def ip_of(seen: Observation) -> str:
    """The address that was spoken to, without its port."""
    return str(seen.facts.get("ip") or (seen.address or "").rpartition(":")[0].strip("[]"))


def shows_host(seen: Observation) -> bool:
    """Whether the handshake shows that its host is up: completed, or reset by it."""
    if seen.failure is Failure.CONNECTION_REFUSED:
        return "icmp_from" not in seen.facts and not seen.facts.get("immediate")
    return seen.failure is None


class Group:
    """Targets that share something. ``cases`` is filled first, and then only read."""

    def __init__(self) -> None:
        self.cases: List[Case] = []

    @Once
    def answers(self) -> Tuple[Observation, ...]:
        """The handshakes that hosts of the group answered."""
        return tuple(seen for case in self.cases for seen in case.host_answers)

    @Once
    def traces(self) -> Tuple[List[Observation], ...]:
        """The traces towards targets of the group, each from its first hop on."""
        traces = (case.of("path", "hop") for case in self.cases)
        return tuple(sorted(hops, key=lambda seen: int(seen.facts.get("ttl", 0))) for hops in traces if hops)

    @Once
    def accepted_early(self) -> Tuple[Observation, ...]:
        """Hops at which a connection to a host that lies behind a router was accepted before it came to one."""
        first = (hops[0] for hops in self.traces)
        return tuple(seen for seen in first if _accepted_early(seen) and not self.cases[0].run.is_on_link(ip_of(seen)))

    @Once
    def routers_heard(self) -> bool:
        """Whether any router on the way to a target of the group has sent a message."""
        hops = (seen for trace in self.traces for seen in trace if seen.failure is None and "from" in seen.facts)
        said = (seen for case in self.cases for seen in case.connects if seen.facts.get("icmp_from"))
        return any(not seen.facts.get("icmp_local") for seen in (*hops, *said))

    @Once
    def refused_by_route(self) -> Tuple[Observation, ...]:
        """The handshakes to which a router answered that it has no route."""
        failed = (seen for case in self.cases for seen in case.failed_connects)
        unreachable = (seen for seen in failed if seen.failure is Failure.NETWORK_UNREACHABLE)
        return tuple(seen for seen in unreachable if not seen.facts.get("icmp_local"))

    @Once
    def way_in(self) -> "Optional[Case]":
        """The first mute target, whose first hop is to be asked; no MySQL where there is another: it takes its time."""
        mute = [case for case in self.cases if case.is_mute]
        return min(mute, key=lambda case: is_mysql(case.target.service, case.target.port), default=None)

    @Once
    def first_hop_silent(self) -> bool:
        """Whether first hops were asked, and none of them told anything."""
        return bool(self.traces) and all(hops[0].failure is Failure.TIMED_OUT for hops in self.traces)

    @Once
    def series(self) -> Tuple[Observation, ...]:
        """The repeated handshakes, or exchanges, with targets of the group."""
        return tuple(seen for case in self.cases for seen in case.series)

    @Once
    def samples(self) -> "Tuple[Case, ...]":
        """The first few silent targets: what is tried with these need not be tried with all."""
        return tuple(islice((case for case in self.cases if case.silent), _SAMPLES))

    @Once
    def quickest(self) -> "Optional[Case]":
        """A silent target that is tried again soonest: MySQL's handshakes are waited for."""
        silent = (case for case in self.cases if case.silent)
        return min(silent, key=lambda case: is_mysql(case.target.service, case.target.port), default=None)

    @Once
    def explored(self) -> Tuple[Observation, ...]:
        """The answers of ports that no target names."""
        return tuple(seen for case in self.cases for seen in case.explored if shows_host(seen))

    @Once
    def unconnected(self) -> "Tuple[Case, ...]":
        """The targets of the group whose connect stage is broken."""
        return tuple(case for case in self.cases if case.stage == CONNECT)

    @Once
    def silence(self) -> Tuple[Observation, ...]:
        """The unanswered handshakes, where every target of the group that was tried is silent; else empty."""
        tried = [case for case in self.cases if case.connects and not case.unproven]
        if not all(case.silent for case in tried):
            return ()
        return tuple(seen for case in tried for seen in case.silent)

    @Once
    def silent_hosts(self) -> FrozenSet[str]:
        """The addresses of ``silence``."""
        return frozenset(ip_of(seen) for seen in self.silence)

    @Once
    def silent_subnets(self) -> Tuple[str, ...]:
        """The subnets of ``silence``, in order."""
        silent = self.cases if self.silence else ()
        found = {case.run.subnet_of(ip_of(seen)) for case in silent for seen in case.silent}
        return tuple(sorted(found))

    @Once
    def singled_out(self) -> "Dict[int, List[Case]]":
        """The silent targets at whose host another target answers, by port."""
        found: Dict[int, List[Case]] = defaultdict(list)
        for case in self.unconnected:
            answers = (seen for host in case.run.hosts_of(case) for seen in host.answers)
            if case.silent and any(seen.target != case.target.name for seen in answers):
                found[case.target.port].append(case)
        return found


def _accepted_early(seen: Observation) -> bool:
    """The first router at most had this SYN, and it was accepted."""
    return seen.facts.get("ttl") == 1 and bool(seen.facts.get("reached")) and seen.failure is None
