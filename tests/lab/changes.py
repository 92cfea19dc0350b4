"""The ways to change the lab. A change is done by calling it; what it gives undoes it exactly.

A filter is a table of its own, so that undoing it is deleting it and nothing that was there is touched.
"""

import functools
import zlib
from collections.abc import Callable
from typing import Any, Protocol

from tests.lab import network
from tests.lab.nameserver import NameServers
from tests.lab.servers import Behaviour, Servers


class Ground(Protocol):
    """What changes are done to, beside the namespaces."""

    servers: Servers
    name_servers: NameServers


Undo = Callable[[], object]
Change = Callable[[Ground], Undo]


def together(*changes: Change) -> Change:
    """All of them, one after the other; undone in the opposite order."""

    def apply(ground: Ground) -> Undo:
        undone = [change(ground) for change in changes]

        def undo() -> None:
            for back in reversed(undone):
                back()

        return undo

    return apply


def table(namespace: str, rules: str, family: str = "inet") -> Change:
    """A packet filter's table; family netdev for what must not even be bridged."""
    name = f"{family} fault_{zlib.crc32(rules.encode()):08x}"

    def apply(ground: Ground) -> Undo:
        network.nft(f"table {name} {{\n{rules}\n}}\n", namespace)
        return functools.partial(network.nft, f"delete table {name}\n", namespace)

    return apply


def chain(namespace: str, hook: str, *rules: str) -> Change:
    """Rules in a chain of their own at a hook, before the chains that are there."""
    return table(namespace, f"chain {hook} {{\ntype filter hook {hook} priority -5\n" + "\n".join(rules) + "\n}")


def rules(namespace: str, change: str, back: str) -> Change:
    """Changes to the rules that are there."""

    def apply(ground: Ground) -> Undo:
        network.nft(change + "\n", namespace)
        return functools.partial(network.nft, back + "\n", namespace)

    return apply


def links(change: tuple[tuple[str, str], ...], back: tuple[tuple[str, str], ...]) -> Change:
    """Changes to routes, addresses and links: (namespace, command), one after the other."""

    def run(commands: tuple[tuple[str, str], ...]) -> None:
        for namespace, command in commands:
            network.ip([command], namespace)

    def apply(ground: Ground) -> Undo:
        run(change)
        return functools.partial(run, back)

    return apply


def routes(namespace: str, *added: str) -> Change:
    """Routes more."""
    return links(
        tuple((namespace, f"route add {route}") for route in added),
        tuple((namespace, f"route del {route}") for route in added),
    )


def behave(address: str, port: int, behaviour: Behaviour) -> Change:
    """A service behaves otherwise; None: nothing listens."""

    def apply(ground: Ground) -> Undo:
        return functools.partial(ground.servers.behave, address, port, ground.servers.behave(address, port, behaviour))

    return apply


def resolve(server: str, name: str, *action: Any) -> Change:
    """A name server (or nameserver.EVERY) answers otherwise for a name (or EVERY)."""

    def apply(ground: Ground) -> Undo:
        ground.name_servers.override(server, name, action)
        return functools.partial(ground.name_servers.override, server, name, None)

    return apply
