"""The observations of a run, put where rules find them: per target (Case) and for the whole run (Evidence).

Only joins and look-ups live here; what a fact means is in the rules. The order of observations changes nothing.
"""

import ipaddress
from collections import defaultdict
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from reports.failures import LOCAL_SHORTAGES, Failure
from reports.model import Network, Observation, Plan, Scalar, Target, Vantage
from reports.rules.contract import CONNECT, EXCHANGE, PROXY, RESOLVE, TLS

# Failures of an exchange that are an answer of the declared service all the same.
_SPOKEN = frozenset({Failure.HTTP_ERROR_STATUS, Failure.SERVICE_ERROR, Failure.CLIENT_DENIED, Failure.CLIENT_BLOCKED})


class Evidence:
    """Everything that a run observed, indexed once."""

    def __init__(self, plan: Plan, vantage: Vantage, observations: Iterable[Observation]) -> None:
        self.plan = plan
        self.vantage = vantage
        self.observations: Tuple[Observation, ...] = tuple(
            sorted(observations, key=lambda seen: (seen.started, seen.id))
        )
        self._by_target: Dict[Optional[str], List[Observation]] = defaultdict(list)
        self._by_name: Dict[Scalar, List[Observation]] = defaultdict(list)
        for seen in self.observations:
            self._by_target[seen.target].append(seen)
            if seen.probe == "dns" and "name" in seen.facts:
                self._by_name[seen.facts["name"]].append(seen)
        self.cases: Dict[str, Case] = {target.name: Case(target, self) for target in plan.targets}
        self._networks = [(ipaddress.ip_network(network.cidr), network) for network in plan.networks]
        self._cases_by_ip: Dict[str, List[Case]] = defaultdict(list)
        self._cases_by_subnet: Dict[str, List[Case]] = defaultdict(list)
        for case in self.cases.values():
            for ip in case.ips:
                self._cases_by_ip[ip].append(case)
            for subnet in {self.subnet_of(ip) for ip in case.ips}:
                self._cases_by_subnet[subnet].append(case)

    def of(self, probe: str, step: Optional[str] = None) -> List[Observation]:
        """What concerns the whole machine: observations without a target."""
        return [seen for seen in self._by_target[None] if seen.probe == probe and step in (None, seen.step)]

    def about_target(self, name: str) -> List[Observation]:
        """Observations that name the target."""
        return self._by_target[name]

    def about_name(self, host: str) -> List[Observation]:
        """What the dns probe saw of a host name."""
        return self._by_name.get(host, [])

    def network_of(self, ip: str) -> Optional[Network]:
        """The declared network that holds the address."""
        address = _address(ip)
        if address is None:
            return None
        for cidr, network in self._networks:
            if address.version == cidr.version and address in cidr:
                return network
        return None

    def subnet_of(self, ip: str) -> str:
        """The declared network's CIDR that holds the address, or its /24 (IPv6: /64)."""
        network = self.network_of(ip)
        if network is not None:
            return network.cidr
        address = _address(ip)
        if address is None:
            return ip
        return str(ipaddress.ip_network("%s/%d" % (address, 24 if address.version == 4 else 64), strict=False))

    def sharing_host(self, case: "Case") -> List["Case"]:
        """Other targets at one of the same addresses (another port)."""
        return self._others(case, (other for ip in case.ips for other in self._cases_by_ip[ip]))

    def sharing_subnet(self, case: "Case") -> List["Case"]:
        """Targets at other addresses of the same subnet."""
        subnets = {self.subnet_of(ip) for ip in case.ips}
        near = (other for subnet in subnets for other in self._cases_by_subnet[subnet])
        return [other for other in self._others(case, near) if not set(other.ips) & set(case.ips)]

    def sharing_way(self, case: "Case") -> List["Case"]:
        """Other targets that take the same way (internet, vpc, service)."""
        return [other for other in self.cases.values() if other is not case and other.way == case.way]

    @staticmethod
    def _others(case: "Case", found: Iterable["Case"]) -> List["Case"]:
        return list({id(other): other for other in found if other is not case}.values())


class Case:
    """One target, what was observed about it, and which of its stages is broken."""

    def __init__(self, target: Target, run: Evidence) -> None:
        self.target = target
        self.run = run
        self.seen: List[Observation] = run.about_target(target.name)
        self.names: List[Observation] = [] if is_literal(target.host) else run.about_name(target.host)
        self.connects: List[Observation] = [
            seen for seen in self.seen if seen.probe == "tcp" and seen.step == "connect"
        ]
        self.ips: Tuple[str, ...] = self._ips()
        self.stage: str = self._stage()

    def of(self, probe: str, step: Optional[str] = None) -> List[Observation]:
        """This target's observations of one probe."""
        return [seen for seen in self.seen if seen.probe == probe and step in (None, seen.step)]

    def fact(self, key: str) -> Optional[Scalar]:
        """A fact of this target's settings coverage (probe ``settings``, step ``coverage``), or None."""
        for seen in self.seen:
            if seen.probe == "settings" and seen.step == "coverage" and key in seen.facts:
                return seen.facts[key]
        return None

    @property
    def coverage(self) -> Tuple[Observation, ...]:
        """The settings' observation about this target."""
        return tuple(seen for seen in self.seen if seen.probe == "settings" and seen.step == "coverage")

    @property
    def way(self) -> str:
        """Which way this target takes: declared, else worked out by the settings probe, else by its addresses."""
        if self.target.via != "auto":
            return self.target.via
        way = self.fact("way")
        if isinstance(way, str) and way != "auto":
            return way
        if self.ips:
            return "vpc" if all(is_private(ip) for ip in self.ips) else "internet"
        return "auto"

    @property
    def connected(self) -> List[Observation]:
        """Handshakes that completed."""
        return [seen for seen in self.connects if seen.failure is None]

    @property
    def failed_connects(self) -> List[Observation]:
        """Handshakes that failed for a reason that is not this machine's shortage."""
        return [seen for seen in self.connects if seen.failure is not None and seen.failure not in LOCAL_SHORTAGES]

    @property
    def exchanges(self) -> List[Observation]:
        """What the service or HTTP exchange gave, one an address."""
        return [seen for seen in self.seen if seen.step == "exchange" and seen.probe in ("service", "http")]

    @property
    def handshakes(self) -> List[Observation]:
        """TLS handshakes, one an address."""
        return self.of("tls", "handshake")

    @property
    def reached(self) -> bool:
        """Bytes of the service itself came back: only that proves that the target was reached."""
        spoken = [seen for seen in self.exchanges if seen.failure is None or seen.failure in _SPOKEN]
        return any(seen.facts.get("bytes_in", seen.facts.get("status", 0)) for seen in spoken)

    @property
    def host_answers(self) -> Tuple[Observation, ...]:
        """Handshakes that show the host itself to be up: completed, or reset by it."""
        return tuple(
            seen
            for seen in self.connects
            if seen.failure is None or (seen.failure is Failure.CONNECTION_REFUSED and "icmp_from" not in seen.facts)
        )

    def failed_with(self, *failures: Failure) -> Tuple[Observation, ...]:
        """The failed handshakes of this target that ended so."""
        return tuple(seen for seen in self.connects if seen.failure in failures)

    def shortages(self) -> Tuple[Observation, ...]:
        """Observations of this target that this machine could not make."""
        return tuple(seen for seen in self.seen if seen.failure in LOCAL_SHORTAGES)

    def _ips(self) -> Tuple[str, ...]:
        literal = [self.target.host] if is_literal(self.target.host) else []
        tried = [str(seen.facts.get("ip", "")) for seen in self.connects]
        return tuple(dict.fromkeys(ip for ip in literal + tried if ip))

    def _stage(self) -> str:
        """The first broken stage, or "" where nothing is known to be broken.

        A stage is broken when it failed at every address at which it was tried; a single dead address of several is
        a matter of its own (one_address_dead).
        """
        if self.names and not self.connects and not _resolved(self.names):
            return RESOLVE
        for stage, tried in (
            (CONNECT, self.connects),
            (PROXY, self.of("http", "proxy")),
            (TLS, self.handshakes),
            (EXCHANGE, self.exchanges),
        ):
            failed = [seen for seen in tried if seen.failure is not None]
            if failed and len(failed) == len(tried):
                return "" if all(seen.failure in LOCAL_SHORTAGES for seen in failed) else stage
        return ""


def is_literal(host: str) -> bool:
    """Whether the host is an IP address."""
    return _address(host) is not None


def is_private(ip: str) -> bool:
    """Whether the address belongs to no public network (RFC 1918, 6598, 4193, loopback, link-local)."""
    address = _address(ip)
    if address is None:
        return False
    if address.version == 4 and address in _SHARED:
        return True
    return address.is_private and not any(address.version == net.version and address in net for net in _DOCUMENTATION)


def admits(entries: Sequence[str], ip: str) -> bool:
    """Whether a list of addresses and CIDRs holds the address."""
    address = _address(ip)
    if address is None:
        return False
    for entry in entries:
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            continue
        if network.version == address.version and address in network:
            return True
    return False


# 100.64.0.0/10: shared address space (RFC 6598).
_SHARED = ipaddress.ip_network("100.64.0.0/10")
# Documentation networks (RFC 5737, RFC 3849) stand for public ones wherever they appear.
_DOCUMENTATION = tuple(
    ipaddress.ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)


def _address(text: str) -> "Optional[ipaddress._BaseAddress]":
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _resolved(names: Sequence[Observation]) -> bool:
    return any(seen.failure is None and seen.facts.get("addresses") for seen in names if seen.step != "control")
