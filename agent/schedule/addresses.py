"""Where a single probe may go: what the plan declares, looked at again after its name was resolved.

Whoever owns a name may let it point to this machine, to a metadata service, or to whatever else answers only from here
(DNS rebinding). Such an address is asked only where the plan itself names it.
"""

import ipaddress
import socket
from collections.abc import Collection, Iterator, Mapping

from attrs import define, field

from probes import resolv_conf
from reports.addresses import Address, is_literal, parse_address
from reports.model import Plan
from reports.proxies import proxy_for

_ODD: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "this machine itself"),
    ("127.0.0.0/8", "this machine itself"),
    ("::1/128", "this machine itself"),
    ("::/128", "this machine itself"),
    ("169.254.0.0/16", "link-local: metadata services answer there"),
    ("fe80::/10", "link-local"),
    ("100.100.100.200/32", "the metadata service of ECS"),
    ("168.63.129.16/32", "a metadata service"),
    ("192.0.0.192/32", "a metadata service"),
    ("fd00:ec2::254/128", "a metadata service"),
    ("fd20:ce::254/128", "a metadata service"),
    ("224.0.0.0/4", "a multicast address"),
    ("ff00::/8", "a multicast address"),
    ("240.0.0.0/4", "no host's address"),
)
_NETWORKS = tuple((ipaddress.ip_network(cidr), why) for cidr, why in _ODD)

# Of IPv6, what carries an IPv4 address in it: its last 32 bits (RFC 4291, 2.5.5; RFC 6052), or others (RFC 3056, 4380).
_CARRYING = tuple(ipaddress.IPv6Network(cidr) for cidr in ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"))


def odd(ip: str) -> str:
    """Why nobody's name should lead to this address, in words; "" where it may."""
    address = parse_address(ip.partition("%")[0])
    if address is None:
        return "no address"
    for each in (address, *_carried(address)):
        for network, why in _NETWORKS:
            if each.version == network.version and each in network:
                return why
    return ""


def _carried(address: Address) -> Iterator[Address]:
    """The IPv4 addresses inside of an IPv6 one."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    if any(address in network for network in _CARRYING):
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo


@define
class Guard:
    """Forbids (it is a Network's ``forbids``) what no plan declares; ``refused`` is what it was asked for in vain.

    ``listening``: the ports at which this process itself answers.
    """

    plan: Plan
    environment: Mapping[str, str]
    listening: Collection[int] = ()
    refused: dict[str, str] = field(factory=dict)
    _declared: set[tuple[str, int]] = field(init=False)
    _proxies: set[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        plan = self.plan
        config = resolv_conf.declared(plan.name_servers) if plan.name_servers else resolv_conf.load()
        self._declared = {(target.host, target.port) for target in plan.targets if is_literal(target.host)}
        # RFC 6761, 6.3: these names mean this machine, and nobody else answers for them.
        for target in plan.targets:
            if target.host == "localhost" or target.host.endswith(".localhost"):
                self._declared.update({("127.0.0.1", target.port), ("::1", target.port)})
        self._declared.update((server.partition("%")[0], port) for server, port in (config.servers if config else ()))
        # The environment declares its proxies; at their ports no target is looked for.
        proxies = [proxy_for(target, self.environment) for target in plan.targets]
        self._proxies = {one.port for one in proxies if one is not None} - {target.port for target in plan.targets}

    def __call__(self, address: str, port: int) -> bool:
        """Whether nothing may be opened or sent there."""
        if (address, port) in self._declared or port in self._proxies or (port == 0 and self._is_declared(address)):
            return False
        why = odd(address)
        if not why and port in self.listening and _is_here(address):
            why = "this server itself"
        if why:
            self.refused[address] = why
        return bool(why)

    def _is_declared(self, address: str) -> bool:
        return any(address == declared for declared, _ in self._declared)


def _is_here(address: str) -> bool:
    """Whether it is one of this machine's own addresses: then it can be bound to."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.bind((address, 0))
        except OSError:
            return False
    return True
