"""The table of security-group cases: security_groups.txt beside this file, which says how it is written."""

from collections.abc import Iterator
from pathlib import Path

from attrs import field, frozen

from reports.vpc.matching import Packet
from reports.vpc.model import (
    ADVANCED,
    BASIC,
    EGRESS,
    INGRESS,
    Eni,
    Inventory,
    PortList,
    PrefixList,
    Rule,
    SecurityGroup,
    Vpc,
)

VPC = Vpc(id="vpc-lab", cidrs=("10.10.0.0/16", "2001:db8::/56"))
_TYPES = {"basic": BASIC, "advanced": ADVANCED, "?": ""}
_DIRECTIONS = {"in": INGRESS, "out": EGRESS}
_OWN = "sg-own"


@frozen(kw_only=True)
class Case:
    """One packet in one setting. ``by``: "N" (of sg-own), "ID/N", "inner", "default", or "" where it is open."""

    name: str
    sentence: str
    line: int
    inventory: Inventory
    packet: Packet
    direction: str
    verdict: str
    by: str

    @property
    def id(self) -> str:
        """What the tests call it."""
        return f"{self.line}: {self.name}"


@frozen
class _Setting:
    """The groups and lists of one setting, while it is read."""

    kinds: dict[str, tuple[str, str]] = field(factory=dict)
    rules: dict[str, list[Rule]] = field(factory=dict)
    lists: dict[str, tuple[str, ...]] = field(factory=dict)

    def inventory(self, hosts: dict[str, Eni]) -> Inventory:
        """All of it, with a basic group of inner access for every id that nothing is said of."""
        ids = sorted({group for eni in hosts.values() for group in eni.groups if group != "sg-unread"})
        groups = []
        for name in ids:
            kind, inner = self.kinds.get(name, ("advanced" if name == "sg-big" else "basic", "accept"))
            inner = "" if inner == "?" else inner
            rules = tuple(self.rules.get(name, ()))
            groups.append(SecurityGroup(id=name, type=_TYPES[kind], vpc=VPC.id, inner_access=inner, rules=rules))
        ports = tuple(PortList(id=name, ranges=held) for name, held in self.lists.items() if name.startswith("plp-"))
        cidrs = tuple(PrefixList(id=name, cidrs=held) for name, held in self.lists.items() if name.startswith("pl-"))
        return Inventory(
            region="cn-lab",
            read=0.0,
            vpcs=(VPC,),
            enis=tuple(hosts.values()),
            groups=tuple(groups),
            prefix_lists=cidrs,
            port_lists=ports,
        )


def _read() -> Iterator[Case]:
    hosts: dict[str, Eni] = {}
    sentence, setting = "", _Setting()
    questions: list[tuple[int, str]] = []
    lines = Path(__file__).with_name("security_groups.txt").read_text("utf-8").splitlines()
    for number, line in enumerate([*lines, "--"], 1):
        first, _, rest = line.strip().partition(" ")
        if first in ("*", "--"):
            for at, question in questions:
                yield _question(question, at, sentence, setting.inventory(hosts), hosts)
            questions = []
            setting = _Setting()
            sentence = rest if first == "*" else sentence
        elif first == "host":
            name, addresses, groups = rest.split()
            hosts[name] = _host(name, addresses.split(","), groups)
        elif first == "group":
            group, kind, inner = rest.split()
            setting.kinds[group] = (kind, inner)
        elif first == "list":
            group, held = rest.split()
            setting.lists[group] = tuple(held.split(","))
        elif first == "?":
            questions.append((number, rest))
        elif first and not first.startswith("#"):
            words = line.split()
            group = _OWN if words[0] in _DIRECTIONS else words.pop(0)
            rules = setting.rules.setdefault(group, [])
            rules.append(_rule(words, len(rules) + 1))


def _host(name: str, addresses: list[str], groups: str) -> Eni:
    return Eni(
        id=f"eni-{name}",
        vpc=VPC.id,
        addresses=tuple(one for one in addresses if "/" not in one),
        prefixes=tuple(one for one in addresses if "/" in one),
        groups=tuple(groups.split(",")) if groups != "-" else (),
    )


def _rule(words: list[str], place: int) -> Rule:
    direction, priority, policy, protocol, *rest = words
    ports = rest.pop(0) if rest and rest[0] not in ("from", "to", "sport") else ""
    given = {"port_list": ports} if ports.startswith("plp-") else {"ports": ports}
    for key, value in zip(rest[::2], rest[1::2], strict=True):
        if key == "sport":
            given["source_ports"] = value
        else:
            kind = {"sg": "group", "pl": "prefix_list"}.get(value.split("-")[0], "cidr")
            given[f"{'source' if key == 'from' else 'dest'}_{kind}"] = value
    return Rule(
        place=place,
        direction=_DIRECTIONS[direction],
        priority=int(priority),
        policy=policy,
        protocol=protocol,
        id=f"sgr-{place}",
        **given,
    )


def _question(text: str, line: int, sentence: str, inventory: Inventory, hosts: dict[str, Eni]) -> Case:
    asked, _, expected = text.partition("=")
    direction, protocol, source, _, dest = asked.split()
    verdict, *rest = expected.split()
    by = "" if verdict == "unknown" else rest.pop(0)
    source_ip, source_port = _end(source, hosts, inbound_port=False)
    dest_ip, port = _end(dest, hosts, inbound_port=protocol in ("tcp", "udp"))
    packet = Packet(source=source_ip, dest=dest_ip, protocol=protocol, port=port, source_port=source_port)
    return Case(
        name=" ".join(rest),
        sentence=sentence,
        line=line,
        inventory=inventory,
        packet=packet,
        direction=_DIRECTIONS[direction],
        verdict=verdict,
        by=by,
    )


def _end(text: str, hosts: dict[str, Eni], *, inbound_port: bool) -> tuple[str, int | None]:
    """A host or an address, with its port where it has one; the last part of an IPv6 address is a port when wanted."""
    name, colon, port = text.rpartition(":")
    has_port = bool(colon) and (inbound_port or text.count(":") == 1)
    host = name if has_port else text
    return hosts[host].addresses[0] if host in hosts else host, int(port) if has_port else None


CASES = tuple(_read())
