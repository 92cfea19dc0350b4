"""One target among all the others of its run: what was observed about it, and which of its stages is broken.

Only joins and look-ups live here; what a fact means is in the rules.
"""

from typing import TYPE_CHECKING, Dict, FrozenSet, List, Optional, Sequence, Tuple

from reports.addresses import is_literal, is_private
from reports.failures import LOCAL_SHORTAGES, REFUSALS, Failure
from reports.groups import Once, shows_host
from reports.model import Observation, Scalar, Target
from reports.rules.contract import CONNECT, EXCHANGE, PROXY, RESOLVE, TLS

if TYPE_CHECKING:
    from reports.evidence import Evidence

# Failures of an exchange that are an answer of the declared service all the same.
_SPOKEN = frozenset(
    {
        Failure.HTTP_ERROR_STATUS,
        Failure.SERVICE_ERROR,
        Failure.CLIENT_DENIED,
        Failure.CLIENT_BLOCKED,
        Failure.TOO_MANY_CONNECTIONS,
    }
)

# Where somebody accepts in place of the target: what its own handshake met, by how the connection then ends.
_BEHIND: Dict[Failure, FrozenSet[Failure]] = {
    Failure.TIMED_OUT: frozenset({Failure.TIMED_OUT}),
    Failure.EOF: REFUSALS,
    Failure.CONNECTION_RESET: REFUSALS,
}

# What the job's own resolver says for certain; anything else it may only have been too slow for.
_DEFINITE = frozenset({Failure.DNS_NXDOMAIN, Failure.DNS_NO_ANSWER})


class Case:
    """One target, what was observed about it, and which of its stages is broken."""

    def __init__(self, target: Target, run: "Evidence") -> None:
        self.target = target
        self.run = run
        self.seen: List[Observation] = run.about_target(target.name)
        self._of: Dict[Tuple[str, Optional[str]], List[Observation]] = {}
        for seen in self.seen:
            self._of.setdefault((seen.probe, None), []).append(seen)
            self._of.setdefault((seen.probe, seen.step), []).append(seen)
        # What the settings say about this target.
        self.coverage: Tuple[Observation, ...] = tuple(self.of("settings", "coverage"))
        self.names: List[Observation] = [] if is_literal(target.host) else run.about_name(target.host)
        # One an address each; ``exchanges`` with the service, or by HTTP.
        self.connects: List[Observation] = self.of("tcp", "connect")
        self.handshakes: List[Observation] = self.of("tls", "handshake")
        self.exchanges: List[Observation] = self.of("service", "exchange") + self.of("http", "exchange")
        # Handshakes with ports of its host that no target names.
        self.explored: List[Observation] = self.of("tcp", "explore")
        # Whether an HTTP proxy was used: name resolution and the direct way do not matter then.
        self.proxied: bool = bool(self.of("tcp", "connect_proxy"))
        self.ips: Tuple[str, ...] = self._ips()
        self.stage: str
        self.broken: Tuple[Observation, ...]  # the failed observations of the broken stage
        self.stage, self.broken = self._first_broken()
        self.way: str = self._way()

    def of(self, probe: str, step: Optional[str] = None) -> List[Observation]:
        """This target's observations of one probe."""
        return self._of.get((probe, step)) or []

    def fact(self, key: str) -> Optional[Scalar]:
        """A fact of this target's settings coverage (probe ``settings``, step ``coverage``), or None."""
        for seen in self.coverage:
            if key in seen.facts:
                return seen.facts[key]
        return None

    @Once
    def subnets(self) -> Tuple[str, ...]:
        """The subnets of its addresses."""
        return tuple(dict.fromkeys(self.run.subnet_of(ip) for ip in self.ips))

    @property
    def connected(self) -> List[Observation]:
        """Handshakes that completed."""
        return [seen for seen in self.connects if seen.failure is None]

    @property
    def failed_connects(self) -> List[Observation]:
        """Handshakes that failed for a reason that is not this machine's shortage."""
        return [seen for seen in self.connects if seen.failure is not None and seen.failure not in LOCAL_SHORTAGES]

    @Once
    def silent(self) -> Tuple[Observation, ...]:
        """The unanswered handshakes, where the connect stage gave nothing else, nor did repeating them."""
        if self.answers_again:
            return ()
        return self.only_failed_with(Failure.TIMED_OUT)

    @Once
    def accepted_for(self) -> Tuple[Observation, ...]:
        """What shows that somebody on the way accepts connections in place of the targets; empty where nothing does.

        A SYN that expires at the first router was accepted all the same, at an address that is not on the link.
        """
        return () if self.proxied else self.run.way_of(self).accepted_early

    @Once
    def series(self) -> List[Observation]:
        """Repeated handshakes, where there was a reason for them; exchanges, where another takes the handshakes."""
        return self.of("answer", "series") if self.accepted_for else self.of("loss", "handshakes")

    @Once
    def is_mute(self) -> bool:
        """Whether the target accepts and ends without a byte, where somebody on the way may have accepted for it."""
        if self.proxied or self.stage not in (TLS, EXCHANGE) or any(self.run.is_on_link(ip) for ip in self.ips):
            return False
        return all(not seen.facts.get("bytes_in") and seen.failure in _BEHIND for seen in self.broken)

    @property
    def answers_again(self) -> bool:
        """Whether handshakes were answered after the first look had failed for want of an answer; or exchanges were."""
        return (self.stage == CONNECT or self.behind) and any(seen.facts.get("answered") for seen in self.series)

    @property
    def behind(self) -> bool:
        """Whether the broken stage may show how the target's own handshake went, behind one who accepts in its place.

        So where that is seen, and where the first hop was asked and does not tell.
        """
        return self.is_mute and (bool(self.accepted_for) or self.run.way_of(self).first_hop_silent)

    @property
    def unproven(self) -> bool:
        """Whether a handshake is all that is known, and somebody on the way may have done it."""
        return bool(self.accepted_for) and not self.behind and not self.host_answers

    @property
    def reached(self) -> bool:
        """Bytes of the service itself came back: only that proves that the target was reached."""
        spoken = [seen for seen in self.exchanges if seen.failure is None or seen.failure in _SPOKEN]
        return any(seen.facts.get("bytes_in", 0) for seen in spoken)

    @property
    def settled(self) -> bool:
        """Whether it is known how the target is: a stage is broken, or the last step worked."""
        return bool(self.stage) or any(seen.failure is None for seen in self.exchanges)

    @property
    def queries(self) -> List[Observation]:
        """What each name server said of the target's name, one a record type."""
        return [seen for seen in self.names if seen.step == "query"]

    @property
    def job_ips(self) -> Tuple[str, ...]:
        """The addresses that the job itself would try: its resolver's, else those of the first server that has any.

        Empty where that is not known, or is this very literal.
        """
        if not self.names:
            return ()
        resolver = [seen for seen in self.names if seen.step == "resolver"]
        found = names_of(resolver, "addresses")
        if found:
            return found
        with_answers = [seen for seen in self.queries if seen.facts.get("addresses")]
        first = min((int(seen.facts.get("index", 0)) for seen in with_answers), default=0)
        return names_of([seen for seen in with_answers if int(seen.facts.get("index", 0)) == first], "addresses")

    @property
    def host_answers(self) -> Tuple[Observation, ...]:
        """Handshakes that show the host itself to be up: completed, or reset by it.

        Where somebody accepts in its place, only what it says itself shows that.
        """
        if self.accepted_for:
            return tuple(seen for seen in self.exchanges + self.handshakes if seen.facts.get("bytes_in"))
        return tuple(seen for seen in self.connects if shows_host(seen))

    @property
    def source(self) -> str:
        """The address from which this machine speaks to the target, or ""."""
        for seen in self.connects:
            if seen.facts.get("source") and seen.facts["source"] not in ("0.0.0.0", "::"):
                return str(seen.facts["source"])
        for ip in self.ips:
            way = self.run.way_to(ip)
            if way is not None and way.facts.get("source"):
                return str(way.facts["source"])
        return ""

    @property
    def latency(self) -> Optional[float]:
        """Seconds until the target answered at its fastest address: handshake, TLS, first byte. None: it did not."""
        return min((self._latency_at(seen) for seen in self.seen if self._is_opening(seen)), default=None)

    def only_failed_with(self, *failures: Failure) -> Tuple[Observation, ...]:
        """The failed handshakes of a broken connect stage, where none ended otherwise; empty where one did.

        Where somebody accepts in place of the target, what came instead of its first byte stands for them.
        """
        if self.behind:
            fits = all(not _BEHIND[seen.failure].isdisjoint(failures) for seen in self.broken if seen.failure)
            return self.broken if fits else ()
        if self.stage != CONNECT or any(seen.failure not in failures for seen in self.broken):
            return ()
        return self.broken

    def shortages(self) -> Tuple[Observation, ...]:
        """Observations of this target that this machine could not make."""
        return tuple(seen for seen in self.seen + self.names if seen.failure in LOCAL_SHORTAGES)

    @staticmethod
    def _is_opening(seen: Observation) -> bool:
        return seen.probe == "tcp" and seen.step in ("connect", "connect_proxy") and seen.failure is None

    def _latency_at(self, opening: Observation) -> float:
        latency = opening.duration_s
        for seen in self.seen:
            # Through a proxy the later steps bear the target's address, and there is only one way.
            same = seen.address == opening.address or opening.step == "connect_proxy"
            if same and seen.failure is None:
                if seen.probe == "tls":
                    latency += seen.duration_s
                elif seen.step == "exchange":
                    latency += float(seen.facts.get("first_byte_s", 0.0))
        return round(latency, 6)

    def _way(self) -> str:
        """Which way this target takes: declared, else worked out by the settings probe, else by its addresses."""
        if self.target.via != "auto":
            return self.target.via
        way = self.fact("way")
        if isinstance(way, str) and way != "auto":
            return way
        if self.ips:
            return "vpc" if all(is_private(ip) for ip in self.ips) else "internet"
        return "auto"

    def _ips(self) -> Tuple[str, ...]:
        """Those that the job would try, as far as they were; what other name servers say is no matter of its way."""
        literal = [self.target.host] if is_literal(self.target.host) else []
        tried = [str(seen.facts.get("ip", "")) for seen in self.connects]
        own = [ip for ip in tried if ip in self.job_ips]
        return tuple(dict.fromkeys(ip for ip in literal + (own or tried) if ip))

    def _first_broken(self) -> Tuple[str, Tuple[Observation, ...]]:
        """The first broken stage and what failed there; "" where nothing is known to be broken.

        A stage is broken when it failed at every address at which it was tried: one dead address of several is a
        matter of its own (one_address_dead). An address that the job would not get does not help it. Where this
        machine fell short, nothing is known.
        """
        if not self.proxied:
            unresolved = self._unresolved()
            if unresolved:
                return RESOLVE, unresolved
        own = set(self.job_ips)
        for stage, tried in (
            (CONNECT, [seen for seen in self.connects if seen.facts.get("ip") in own] or self.connects),
            (PROXY, [seen for seen in self.seen if seen.step in ("connect_proxy", "proxy")]),
            (TLS, self.handshakes),
            (EXCHANGE, self.exchanges),
        ):
            failed = [seen for seen in tried if seen.failure is not None]
            # Two steps make the stage PROXY, and either breaks it.
            if failed and (len(failed) == len(tried) or stage == PROXY):
                short = any(seen.failure in LOCAL_SHORTAGES for seen in failed)
                return ("", ()) if short else (stage, tuple(failed))
        return "", ()

    def _unresolved(self) -> Tuple[Observation, ...]:
        """What the name servers and the resolver said, where it leaves the job without an address."""
        asked = [seen for seen in self.names if seen.step in ("query", "resolver")]
        failed = tuple(seen for seen in asked if seen.failure is not None and seen.failure not in LOCAL_SHORTAGES)
        if any(seen.failure in _DEFINITE for seen in asked if seen.step == "resolver"):
            return failed
        if any(seen.facts.get("addresses") for seen in asked):
            return ()
        silent = all(seen.failure is Failure.TIMED_OUT for seen in failed)
        return () if silent and len(failed) < len(asked) else failed


def names_of(observations: Sequence[Observation], key: str) -> Tuple[str, ...]:
    """The values of a comma-joined fact over several observations, each once, in order."""
    values = (value for seen in observations for value in str(seen.facts.get(key, "")).split(","))
    return tuple(dict.fromkeys(value for value in values if value))
