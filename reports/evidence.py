"""The observations of a run, put where rules find them: per target (reports/case.py) and for the whole run (Evidence).

Only joins and look-ups live here; what a fact means is in the rules. The order of observations changes nothing.
"""

import ipaddress
from collections import defaultdict
from typing import Dict, FrozenSet, Iterable, List, Optional, Tuple, Union

from reports.addresses import parse_address
from reports.case import Case
from reports.failures import UNANSWERED
from reports.groups import Group, Once
from reports.model import Network, Observation, Plan, Scalar, Target, Vantage

# Kinds of evidence beside the probes' steps: a stage of a target is broken; a target to which no handshake was tried;
# the plan says what a target admits.
BROKEN, UNTRIED, ADMITTING = "broken", "untried", "admitting"

# Stands for the job itself where the plan names no target.
NOBODY = Target(name="", host="", port=0)


class Evidence:
    """Everything that a run observed, indexed once."""

    def __init__(self, plan: Plan, vantage: Vantage, observations: Iterable[Observation]) -> None:
        self.plan = plan
        self.vantage = vantage
        self.observations: Tuple[Observation, ...] = tuple(
            sorted(observations, key=lambda seen: (seen.started, seen.id))
        )
        self._by_target: Dict[Optional[str], List[Observation]] = defaultdict(list)
        self._of_machine: Dict[Tuple[str, Optional[str]], List[Observation]] = defaultdict(list)
        self._by_name: Dict[Scalar, List[Observation]] = defaultdict(list)
        self._by_server: Dict[Optional[str], List[Observation]] = defaultdict(list)
        self._way_to: Dict[Scalar, Observation] = {}
        for seen in self.observations:
            if seen.target is None:
                self._of_machine[seen.probe, None].append(seen)
                self._of_machine[seen.probe, seen.step].append(seen)
            else:
                self._by_target[seen.target].append(seen)
            if seen.probe == "dns" and "name" in seen.facts:
                self._by_name[seen.facts["name"]].append(seen)
                if seen.step != "resolver":
                    self._by_server[seen.address].append(seen)
            elif seen.probe == "local" and seen.step == "way":
                self._way_to[seen.facts.get("ip", "")] = seen
        self._networks = [(cidr, network) for network in plan.networks for cidr in _cidr(network)]
        self._links = [
            ipaddress.ip_interface(own).network
            for seen in self.of("local", "interface")
            for own in str(seen.facts.get("addresses", "")).split(",")
            if "/" in own and parse_address(own.partition("/")[0]) is not None
        ]
        # Settings without targets still have somebody to be told to.
        targets = plan.targets or (NOBODY,)
        self.cases: Dict[str, Case] = {target.name: Case(target, self) for target in targets}
        self._hosts: Dict[str, Group] = defaultdict(Group)
        self._ways: Dict[str, Group] = defaultdict(Group)
        self._clusters: Dict[Tuple[str, Optional[str]], Group] = defaultdict(Group)
        for case in self.cases.values():
            for group in {None, case.target.group}:
                self._clusters[case.target.service, group].cases.append(case)
            self._ways[case.way].cases.append(case)
            for ip in case.ips:
                self._hosts[ip].cases.append(case)
        # The steps of which anything was seen (``probe`` and ``probe step``), and what else there is of the above.
        steps = {(seen.probe, seen.step) for seen in self.observations}
        beside = {
            BROKEN: any(case.stage for case in self.cases.values()),
            UNTRIED: any(not case.connects for case in self.cases.values()),
            ADMITTING: any(target.admits for target in targets),
        }
        self.kinds: FrozenSet[str] = frozenset(probe for probe, _ in steps).union(
            ("%s %s" % step for step in steps), (kind for kind, there in beside.items() if there)
        )
        self.dead_servers: FrozenSet[Optional[str]] = frozenset(
            address for address, seen in self._by_server.items() if all(one.failure in UNANSWERED for one in seen)
        )

    def release(self) -> None:
        """Forget the cases. They and this hold each other: whoever makes many would wait for the garbage collector."""
        for held in (self.cases, self._hosts, self._ways, self._clusters, self.__dict__.get("_subnets", {})):
            held.clear()

    @property
    def runtime(self) -> str:
        """The job's runtime: declared, worked out by the settings probe, or where the probes ran."""
        for seen in self.of("settings", "job"):
            if "runtime" in seen.facts:
                return str(seen.facts["runtime"])
        return self.plan.runtime or self.vantage.kind

    def of(self, probe: str, step: Optional[str] = None) -> List[Observation]:
        """What concerns the whole machine: observations without a target."""
        return self._of_machine.get((probe, step), [])

    def about_target(self, name: str) -> List[Observation]:
        """Observations that name the target."""
        return self._by_target.get(name, [])

    def about_name(self, host: str) -> List[Observation]:
        """What the dns probe saw of a host name."""
        return self._by_name.get(host, [])

    def way_to(self, ip: str) -> Optional[Observation]:
        """Which route, interface and source address this machine takes to the address."""
        return self._way_to.get(ip)

    def is_on_link(self, ip: str) -> bool:
        """Whether no router lies before it: this machine itself, or in a network of one of its interfaces."""
        address = parse_address(ip)
        if address is None or address.is_loopback:
            return address is not None
        return any(address.version == network.version and address in network for network in self._links)

    def network_of(self, ip: str) -> Optional[Network]:
        """The declared network that holds the address."""
        address = parse_address(ip)
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
        address = parse_address(ip)
        if address is None:
            return ip
        prefix = 24 if address.version == 4 else 64
        rest = address.max_prefixlen - prefix
        return str(ipaddress.ip_network((int(address) >> rest << rest, prefix)))

    @Once
    def _subnets(self) -> Dict[str, Group]:
        """Worked out where anybody asks: of targets that work, hardly ever."""
        found: Dict[str, Group] = defaultdict(Group)
        for case in self.cases.values():
            for subnet in case.subnets:
                found[subnet].cases.append(case)
        return found

    def of_server(self, address: Optional[str]) -> List[Observation]:
        """What a name server was asked and said, for all names."""
        return self._by_server.get(address, [])

    def hosts_of(self, case: Case) -> List[Group]:
        """The targets at each of the case's addresses, itself among them."""
        return [self._hosts[ip] for ip in case.ips]

    def is_targets(self, ip: str) -> bool:
        """Whether a target of the plan has the address."""
        return ip in self._hosts

    def subnets_of(self, case: Case) -> List[Group]:
        """The targets in each of the case's subnets, itself among them."""
        return [self._subnets[subnet] for subnet in case.subnets]

    def cluster(self, service: str, group: Optional[str]) -> Group:
        """The targets of a service in a group; in the whole plan where there is no group."""
        return self._clusters[service, group]

    def way_of(self, case: Case) -> Group:
        """The targets that take the same way (internet, vpc, service), itself among them."""
        return self._ways[case.way]

    def other_ways(self, case: Case) -> List[Group]:
        """The targets that take each of the other ways."""
        return [group for way, group in self._ways.items() if way != case.way]


def _cidr(network: Network) -> List[Union[ipaddress.IPv4Network, ipaddress.IPv6Network]]:
    """The network's CIDR; nothing where it is none, as in a report whose addresses were taken out."""
    try:
        return [ipaddress.ip_network(network.cidr)]
    except ValueError:
        return []
