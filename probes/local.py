"""The local probe: what this machine is and may do. It sends nothing; each source that is forbidden is done without."""

import os
import time
from io import FileIO
from pathlib import Path
from typing import Dict, FrozenSet, List, Mapping, Optional, Set, Tuple

from probes import kernel, netdevice, netlink, policy, pressure
from probes.contract import Notes
from probes.resolv_conf import ResolverConfig, label
from reports.failures import Failure
from reports.model import Share

_ATF_COM = 0x02
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy")


class Machine:
    """What was learnt of this machine in one run, and what it was asked about already."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._links: Optional[netlink.Links] = None
        self._kernel = netlink  # or netdevice, which does with less
        self._defaults: Optional[FrozenSet[int]] = None
        self._ways: Set[str] = set()
        self._rules: Optional[Tuple[policy.PolicyRule, ...]] = None
        self._counted: Dict[str, int] = {}
        self._counted_at = 0.0

    @property
    def interfaces(self) -> Tuple[netlink.Interface, ...]:
        """The interfaces, where the kernel gives them."""
        return self._links.interfaces if self._links is not None else ()

    @property
    def rtnetlink(self) -> bool:
        """Whether the kernel tells everything."""
        return self._links is not None and self._kernel is netlink

    @property
    def has_ipv6(self) -> bool:
        """Whether there is a global IPv6 address here, or it is not known."""
        if not self.rtnetlink:
            return self._defaults is None or netlink.IPV6 in self._defaults
        addresses = (address for interface in self.interfaces for address in interface.addresses)
        return any(":" in address and not address.startswith("fe80:") for address in addresses if address != "::1/128")

    def observe(self, config: Optional[ResolverConfig], environment: Mapping[str, str]) -> None:
        """Interfaces, routes, name servers, proxies, limits and pressure."""
        for source in (netlink, netdevice):
            try:
                self._links, self._defaults = source.links(), source.default_routes()
            except OSError:
                continue
            self._kernel = source
            break
        for interface in self.interfaces:
            if not interface.loopback and (interface.up or interface.addresses):
                self._interface(interface)
        if self._defaults is not None:
            with self._notes.step("local", "routes") as step:
                step.note("default4", netlink.IPV4 in self._defaults)
                step.note("default6", netlink.IPV6 in self._defaults)
        self._name_servers(config)
        self._proxies(environment)
        self._limits()
        self._pressure()
        self._counted, self._counted_at = self._count((0, 0)), time.monotonic()

    def way(self, ip: str) -> None:
        """Which route, interface and source address the packets to the address take; once an address."""
        if ip in self._ways:
            return
        self._ways.add(ip)
        route = self.route(ip)
        if route is None:
            return
        rule = policy.deciding(self._policy_rules(), ip, route.source, route.table, route.errno)
        with self._notes.step("local", "way", address=ip) as step:
            step.note("ip", ip)
            step.failure = kernel.REFUSED_HERE.get(route.errno)
            for key in ("interface", "gateway", "source"):
                step.note(key, getattr(route, key) or None)
            step.note("route", route.cidr or None)
            step.note("table", policy.name_of(route.table) if route.table else None)
            step.note("rule", str(rule) if rule is not None else None)
            step.note("arp", None if route.gateway else _arp(ip))

    def route(self, ip: str) -> Optional[netlink.Route]:
        """What the kernel would do with a packet to the address; None where it does not tell."""
        if self._links is None:
            return None
        try:
            return self._kernel.route_to(ip, self._links)
        except OSError:
            return None

    def _policy_rules(self) -> Tuple[policy.PolicyRule, ...]:
        """The rules, read when the first way is asked for: a run in which everything answers has no use for them."""
        if self._rules is None:
            self._rules = ()
            if self._kernel is netlink:
                with self._notes.step("local", "rules") as step:
                    self._rules = netlink.rules()
                    step.note("count", len(self._rules))
                    step.note("policy", ",".join(map(str, policy.telling(self._rules))) or None)
        return self._rules

    def share(self, share: Share, short_of: str) -> None:
        """This instance's part of a job's budget; ``short_of``: the limit of which nothing is left for it."""
        if share.of > 1:
            with self._notes.step("local", "share") as step:
                step.note("index", share.index)
                step.note("of", share.of)
                step.note("probes", not short_of)
                step.note("short_of", short_of or None)

    def counted(self, syns: Tuple[int, int]) -> None:
        """What the kernel has counted of all connections of this machine since this was asked last.

        ``syns``: how many were this run's own, since it began: for the first time, and again.
        """
        before, begun = self._counted, self._counted_at
        if before:
            self._counted, self._counted_at = self._count(syns), time.monotonic()
            with self._notes.step("local", "counters") as step:
                step.note("seconds", round(self._counted_at - begun, 3))
                step.facts.update(pressure.since(before, self._counted))
                if self._counted.get("segments_out"):
                    again = self._counted.get("segments_again", 0)
                    step.note("again_since_boot", round(again / self._counted["segments_out"], 6))

    def loop(self, lag: float) -> None:
        """How late the event loop came at worst, in seconds."""
        with self._notes.step("local", "loop") as step:
            step.note("lag_s", round(lag, 4))
            step.note("cpu_s", round(sum(os.times()[:2]), 3))

    def _interface(self, interface: netlink.Interface) -> None:
        with self._notes.step("local", "interface", address=interface.name) as step:
            step.note("name", interface.name)
            step.note("up", interface.up)
            # A link that is down has no carrier to speak of.
            step.note("carrier", interface.carrier if interface.up else None)
            step.note("mtu", interface.mtu)
            step.note("addresses", ",".join(interface.addresses))

    def _name_servers(self, config: Optional[ResolverConfig]) -> None:
        with self._notes.step("local", "name_servers") as step:
            if config is None:
                step.fail(Failure.DNS_NO_SERVERS, "there is no resolv.conf")
                return
            step.note("source", config.source)
            step.note("servers", ",".join(label(server) for server in config.servers))
            step.note("search", ",".join(config.search) or None)
            step.note("ndots", config.ndots)
            if not config.servers:
                step.fail(Failure.DNS_NO_SERVERS)

    def _proxies(self, environment: Mapping[str, str]) -> None:
        for variable in _PROXY_VARIABLES:
            name = variable if variable in environment else variable.upper()
            if not environment.get(name):
                continue
            from reports.proxies import parse  # noqa: PLC0415 - start-up: few machines have one

            proxy = parse(environment[name], name)
            if proxy is not None:
                with self._notes.step("local", "proxy") as step:
                    step.note("variable", name)
                    step.note("proxy", proxy.address)
                    step.note("no_proxy", environment.get("no_proxy") or environment.get("NO_PROXY"))

    def _limits(self) -> None:
        with self._notes.step("local", "limits") as step:
            step.note("descriptors", descriptor_limit())
            step.note("descriptors_used", descriptors_used())
            ports = (_read("/proc/sys/net/ipv4/ip_local_port_range") or "").split()
            if len(ports) == 2:
                step.note("ports_low", int(ports[0]))
                step.note("ports_high", int(ports[1]))
            reuse = (_read("/proc/sys/net/ipv4/tcp_tw_reuse") or "").strip()
            step.note("time_wait_reuse", int(reuse) if reuse.isdigit() else None)

    @staticmethod
    def _count(own: Tuple[int, int]) -> Dict[str, int]:
        found = pressure.counted(_read)
        return {**found, "own_opened": own[0], "own_syns_again": own[1]} if found else found

    def _pressure(self) -> None:
        used = pressure.usage(_read)
        if used:
            with self._notes.step("local", "pressure") as step:
                step.facts.update(used)


def raise_descriptor_limit() -> None:
    """Raise the soft limit on descriptors to the hard one, which needs no privilege."""
    try:
        import resource  # noqa: PLC0415 - absent where there are no limits to raise

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ImportError, OSError, ValueError):
        return


def descriptor_limit() -> Optional[int]:
    """How many descriptors this process may have open."""
    try:
        import resource  # noqa: PLC0415

        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    except (ImportError, OSError):
        return None


def descriptors_used() -> Optional[int]:
    """How many it has open."""
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return None


def own_addresses(interfaces: Tuple[netlink.Interface, ...]) -> Tuple[str, ...]:
    """``ip/prefix%interface`` of all but the loopback."""
    found: List[str] = []
    for interface in interfaces:
        if not interface.loopback:
            found.extend("%s%%%s" % (address, interface.name) for address in interface.addresses)
    return tuple(found)


def _arp(ip: str) -> Optional[str]:
    """Whether a neighbour has answered ARP for the address, or is still asked; None where it is not known.

    Source: proc(5), /proc/net/arp; the flag is ATF_COM of include/uapi/linux/if_arp.h.
    """
    rows = (line.split() for line in (_read("/proc/net/arp") or "").splitlines()[1:])
    flags = next((row[2] for row in rows if len(row) > 3 and row[0] == ip), None)
    return None if flags is None else ("answered" if int(flags, 16) & _ATF_COM else "unanswered")


def _read(path: str) -> Optional[str]:
    try:
        # Many are read in each run, and most are short: no buffer is worth its price.
        with FileIO(path) as file:
            return file.read().decode("ascii", "replace")
    except OSError:
        return None
