"""What a sweep asks of which addresses: from what was typed, and refused where it must be, before anything is sent."""

import ipaddress
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click
from attrs import evolve, frozen

from reports.manners import MOST_ASKED, MOST_IPV6, foreign, never
from reports.model import Network, Plan
from reports.services import MYSQL, is_mysql
from reports.sweep import ARP, ECHO, Addresses, Order, Question, tcp
from reports.words import listed

AUTO = "auto"
# What these methods ask; the others ask ports.
_ASKING = {"icmp": ECHO, "arp": ARP}

_MOST_PORTS = 100
# A state, a round trip and a TTL are kept of each.
_MOST_CELLS = 1 << 24

# Single addresses are told together where so many of their first bits are the same.
_TOGETHER = {4: 24, 6: 64}

_PLAN_ENDINGS = (".yaml", ".yml", ".json")

_Cidr = ipaddress.IPv4Network | ipaddress.IPv6Network


@frozen(kw_only=True)
class Part:
    """An order, the networks that its addresses lie in, and the method that was asked for."""

    order: Order
    networks: tuple[Network, ...]
    method: str = AUTO


@frozen(kw_only=True)
class Sweep:
    """All that is asked; ``plan`` declares no target, and of the networks those that are not merely typed."""

    plan: Plan
    parts: tuple[Part, ...]


@frozen(kw_only=True)
class _Wanted:
    """A network, and which of its addresses are meant: CIDRs in it."""

    network: Network
    cidrs: tuple[_Cidr, ...]
    questions: tuple[Question, ...] = ()


@frozen(kw_only=True)
class Asked:
    """What was typed. ``what``: networks, addresses, plans. ``ports``: as typed; None: those of a plan's networks.

    ``echo``: None: where nothing else is asked. ``owned``: whoever typed it owns what is swept.
    """

    what: tuple[str, ...]
    ports: str | None = None
    echo: bool | None = None
    method: str = AUTO
    rate: int = 1000
    timeout: float = 1.0
    tries: int = 2
    owned: bool = False
    metadata: bool = False

    def sweep(self) -> Sweep:
        """What is to be done. Raises ClickException."""
        files = [name for name in self.what if name.endswith(_PLAN_ENDINGS) or Path(name).is_file()]
        typed = [_cidr(name) for name in self.what if name not in files]
        if not (typed or files or self.metadata):
            raise click.UsageError("name a network, an address or a PLAN, or say --metadata")
        ports = _ports(self.ports) if self.ports is not None else ()
        plans = _filled([_load(name) for name in files], metadata=self.metadata)
        mysql = {target.port for plan in plans for target in plan.targets if target.service == MYSQL}
        declared = [network for plan in plans for network in plan.networks]
        wanted = [
            evolve(one, questions=self._questions(ports or one.network.ports, mysql))
            for one in _wanted(declared, typed)
        ]
        if not wanted:
            raise click.ClickException(f"{listed(files)}: no network is named there")
        _refuse([cidr for one in wanted for cidr in one.cidrs], owned=self.owned)
        known = {ipaddress.ip_network(network.cidr) for network in declared}
        networks = tuple(
            evolve(one.network, ports=tuple(question.port for question in one.questions if question.port))
            for one in wanted
            if ipaddress.ip_network(one.network.cidr) in known
        )
        plan = Plan(
            name=plans[0].name if files else "sweep",
            region=next((plan.region for plan in plans if plan.region), None),
            networks=networks,
        )
        return Sweep(plan=plan, parts=tuple(self._parts(wanted)))

    def command(self) -> str:
        """The command that asks the same."""
        usual = Asked(what=self.what)
        words = [*self.what, *(("--ports", self.ports) if self.ports is not None else ())]
        words += ["--echo" if self.echo else "--no-echo"] if self.echo is not None else []
        for name in ("method", "rate", "timeout", "tries"):
            value = getattr(self, name)
            if value != getattr(usual, name):
                words += [f"--{name}", str(value)]
        words += [name for name, said in (("--i-own-this", self.owned), ("--metadata", self.metadata)) if said]
        return shlex.join(["linkdoctor", "sweep", *words])

    def _questions(self, ports: Sequence[int], mysql: Iterable[int]) -> tuple[Question, ...]:
        """What is asked in a network of which these ports are named. Raises UsageError."""
        kind = _ASKING.get(self.method)
        if kind is not None and self.ports is not None:
            raise click.UsageError(f"--method {self.method} asks no ports: leave out one of the two")
        if kind is ECHO and self.echo is False:
            raise click.UsageError(
                f"--method {self.method} asks for an echo, --no-echo for none: leave out one of the two"
            )
        asked = [tcp(port, MYSQL if port in mysql or is_mysql("tcp", port) else "tcp") for port in ports]
        if kind is not None:
            asked = [kind]
        elif not asked and self.method != AUTO:
            raise click.UsageError(f"--method {self.method} asks ports: name them with --ports")
        if ECHO not in asked and (self.echo or (self.echo is None and not asked)):
            asked.append(ECHO)
        if not asked:
            raise click.UsageError("nothing is asked: name --ports, or leave out --no-echo")
        return tuple(asked)

    def _parts(self, wanted: Sequence[_Wanted]) -> Iterator[Part]:
        """Networks of one IP version in which the same is asked are swept together."""
        together: dict[tuple[int, tuple[Question, ...]], list[_Wanted]] = {}
        for one in wanted:
            together.setdefault((one.cidrs[0].version, one.questions), []).append(one)
        for (_, questions), some in together.items():
            order = Order(
                addresses=Addresses.of(*(str(cidr) for one in some for cidr in one.cidrs)),
                questions=questions,
                timeout=self.timeout,
                tries=self.tries,
                rate=self.rate,
            )
            if len(order) > _MOST_CELLS:
                raise click.ClickException(
                    f"{len(order):,} questions are too many: {_MOST_CELLS:,} at most; name fewer ports or networks"
                )
            yield Part(order=order, networks=tuple(one.network for one in some), method=self.method)


def _cidr(text: str) -> _Cidr:
    """The network, or the address as a network of its own, that was typed. Raises ClickException."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        from agent.plan.hosts import address_or_network
        from agent.plan.problems import Wrong

        try:
            return ipaddress.ip_network(address_or_network(text))
        except Wrong as wrong:
            allowed = wrong.allowed or "a CIDR such as 10.10.1.0/24, an address, or a plan's file"
            said = "; ".join(filter(None, (wrong.message, f"allowed: {allowed}", wrong.advice)))
            raise click.ClickException(said) from None


def _ports(text: str) -> tuple[int, ...]:
    """Ports, and ranges of them, each once. Raises ClickException."""
    found: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        numbers = [int(each) if each.isascii() and each.isdecimal() and len(each) <= 5 else 0 for each in (first, last)]
        low, high = numbers if dash else (numbers[0], numbers[0])
        if not 1 <= low <= high <= 65535:
            raise click.ClickException(f"--ports: {part!r} is no port; allowed: 1 to 65535, as 8020,9083 or 8020-8025")
        found.update(dict.fromkeys(range(low, high + 1)))
    if len(found) > _MOST_PORTS:
        raise click.ClickException(f"--ports: {len(found):,} are too many; allowed: {_MOST_PORTS} at most")
    return tuple(found)


def _load(name: str) -> Plan:
    from agent.plan import PlanError, load

    try:
        return load(name)
    except PlanError as error:
        raise click.ClickException(str(error)) from None


def _filled(plans: list[Plan], *, metadata: bool) -> list[Plan]:
    """The plans, and what the instance's metadata say where they are to be asked. Raises ClickException."""
    if metadata:
        plans = [*plans, Plan(name="sweep", ask_networks=True)]
    if not any(plan.ask_networks for plan in plans):
        return plans
    from agent.cloud.auto import filled
    from agent.cloud.metadata import MetadataError

    try:
        return [filled(plan) for plan in plans]
    except MetadataError as error:
        raise click.ClickException(str(error)) from None


def _wanted(declared: Iterable[Network], typed: Sequence[_Cidr]) -> list[_Wanted]:
    """Each network once, with all interfaces and ports that are known of it; single addresses with those beside them.

    Of two plans' networks that are called the same, the later one is called by its CIDR: what is found goes by name.
    """
    networks: dict[_Cidr, Network] = {}
    names: set[str] = set()
    for network in (*declared, *(Network(name=str(cidr), cidr=str(cidr)) for cidr in typed if cidr.num_addresses > 1)):
        cidr = ipaddress.ip_network(network.cidr)
        if cidr in networks:
            known = networks[cidr]
            enis, ports = (*known.enis, *network.enis), (*known.ports, *network.ports)
            networks[cidr] = evolve(known, enis=tuple(dict.fromkeys(enis)), ports=tuple(dict.fromkeys(ports)))
        else:
            networks[cidr] = evolve(network, name=network.cidr) if network.name in names else network
            names.add(network.name)
    singles: dict[_Cidr, list[_Cidr]] = {}
    for cidr in dict.fromkeys(typed):
        if cidr.num_addresses == 1 and not any(_holds(network, cidr) for network in networks):
            singles.setdefault(cidr.supernet(new_prefix=_TOGETHER[cidr.version]), []).append(cidr)
    whole = [_Wanted(network=network, cidrs=_addresses_of(network)) for network in networks.values()]
    return whole + [
        _Wanted(network=_around(cidr, addresses), cidrs=tuple(addresses)) for cidr, addresses in singles.items()
    ]


def _addresses_of(network: Network) -> tuple[_Cidr, ...]:
    """All of them, but of an IPv6 network, which nobody enumerates, the interfaces that are known."""
    cidr = ipaddress.ip_network(network.cidr)
    if cidr.version == 6 and cidr.num_addresses > MOST_IPV6 and network.enis:
        return tuple(map(ipaddress.ip_network, network.enis))
    return (cidr,)


def _around(cidr: _Cidr, addresses: Sequence[_Cidr]) -> Network:
    """What addresses are called that are in no network; a single one is one by itself."""
    if len(addresses) == 1:
        return Network(name=str(addresses[0].network_address), cidr=str(addresses[0]))
    return Network(name=str(cidr), cidr=str(cidr))


def _holds(outer: _Cidr, inner: _Cidr) -> bool:
    return outer.version == inner.version and inner.network_address in outer


def _refuse(cidrs: Sequence[_Cidr], *, owned: bool) -> None:
    """Raise ClickException where any of these is not to be swept, or only by its owner."""
    for cidr in cidrs:
        shown = str(cidr) if cidr.num_addresses > 1 else str(cidr.network_address)
        why = never(str(cidr))
        if why:
            raise click.ClickException(f"{shown} is not swept: {why}")
        why = foreign(str(cidr))
        if why and not owned:
            raise click.ClickException(f"{shown} is not swept: {why}; if it is yours, say so with --i-own-this")
    of_version = ([str(cidr) for cidr in cidrs if cidr.version == version] for version in (4, 6))
    count = sum(len(Addresses.of(*some)) for some in of_version if some)
    if count > MOST_ASKED and not owned:
        raise click.ClickException(
            f"{count:,} addresses are not swept: more than a /20 ({MOST_ASKED:,}); if they are yours, say so with "
            "--i-own-this"
        )
