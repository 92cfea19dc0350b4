"""Security groups as packet filters, and real connections through them.

`script` writes the groups of one interface as nftables would have them: rules in the order of their priority, the first
that matches decides, established connections pass. As a program, `python -m tests.lab.groupfilter FILE` in a node of
the lab builds two namespaces that own every address, loads one script after the other, and tells what plain connects
meet: "open", or the errno's name. A filter resets in place of dropping, so that nobody waits.
"""

import errno
import json
import socket
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from attrs import asdict, frozen

from reports.vpc.model import EGRESS, INGRESS, Eni, Inventory, Rule
from tests.lab import network

NEAR, FAR = "sg-near", "sg-far"
_LINK = ("10.255.0.1/30", "10.255.0.2/30")
_TIMEOUT = 5.0
_IP_TRANSPARENT = 19  # linux/in.h: any address is one's own

_TOPOLOGY = network.Topology(
    namespaces=(NEAR, FAR),
    links=((NEAR, "eth0", FAR, "eth0"),),
    addresses={NEAR: {"eth0": _LINK[:1]}, FAR: {"eth0": _LINK[1:]}},
    routes={NEAR: ("default via 10.255.0.2",), FAR: ("default via 10.255.0.1",)},
)


@frozen
class Connect:
    """A connection to try; ``source_port`` 0: any."""

    source: str
    source_port: int
    dest: str
    port: int


@frozen
class Trial:
    """A filter, and the connections to try through it."""

    script: str
    connects: Sequence[Connect]

    def as_json(self) -> dict[str, object]:
        """As the program reads it."""
        return asdict(self)


def script(inventory: Inventory, eni: Eni, direction: str) -> str:
    """The filter of the interface, where connections come to it (INGRESS) or go out from it (EGRESS).

    It stands at the far end. The interface's rules of the other direction meet the answers.
    """
    requests = "\n".join(_chain(inventory, eni, direction, "reject with tcp reset"))
    answers = "\n".join(_chain(inventory, eni, EGRESS if direction == INGRESS else INGRESS, "drop"))
    return f"""
        flush ruleset
        table ip groups {{
            chain input {{
                type filter hook input priority 0; policy accept;
                ct state established,related accept
                {requests}
            }}
            chain output {{
                type filter hook output priority 0; policy accept;
                ct state established,related accept
                {answers}
            }}
        }}
    """


def _chain(inventory: Inventory, eni: Eni, direction: str, deny: str) -> Iterator[str]:
    own, other = ("daddr", "saddr") if direction == INGRESS else ("saddr", "daddr")
    groups = [group for group in inventory.groups if group.id in eni.groups]
    mine = f"ip {own} {{ {', '.join((*eni.addresses[:1], *eni.prefixes))} }}"
    for group in groups:
        if group.type == "normal" and group.inner_access == "accept":
            yield f"{mine} ip {other} {{ {', '.join(_members(inventory, group.id))} }} accept"
    rules = sorted((rule for group in groups for rule in group.rules), key=lambda rule: rule.priority)
    for _, equal in groupby(rules, lambda rule: rule.priority):
        same = [rule for rule in equal if rule.direction == direction]
        for policy, action in (("drop", deny), ("accept", "accept")):
            for rule in same:
                match = _match(inventory, rule, direction)
                if rule.policy == policy and match is not None:
                    yield f"{mine} {match} {action}"
    if direction == INGRESS or any(group.type == "enterprise" for group in groups):
        yield f"{mine} {deny}"


def _match(inventory: Inventory, rule: Rule, direction: str) -> str | None:
    """What the rule speaks of; None where that is no TCP over IPv4."""
    if rule.protocol not in ("tcp", "all", "6"):
        return None
    parts = []
    for side, cidr, group, prefixes in (
        ("saddr", rule.source_cidr, rule.source_group, rule.source_prefix_list),
        ("daddr", rule.dest_cidr, rule.dest_group, rule.dest_prefix_list),
    ):
        if not (cidr or group or prefixes):
            continue
        held: Sequence[str] = (
            (cidr,) if cidr else _members(inventory, group) if group else _prefixes(inventory, prefixes)
        )
        held = [one for one in held if ":" not in one]
        if not held:
            return None
        parts.append(f"ip {side} {{ {', '.join(held)} }}")
    ranges = _ranges(inventory, rule)
    parts += [f"tcp {key} {{ {', '.join(texts)} }}" for key, texts in ranges.items()]
    return " ".join(parts)


def _ranges(inventory: Inventory, rule: Rule) -> dict[str, list[str]]:
    listed = {one.id: one.ranges for one in inventory.port_lists}
    texts = {"dport": listed[rule.port_list] if rule.port_list else (rule.ports,), "sport": (rule.source_ports,)}
    limited = {
        key: [text.replace("/", "-") for text in held if text not in ("", "-1/-1")] for key, held in texts.items()
    }
    return {key: held for key, held in limited.items() if held}


def _members(inventory: Inventory, group: str) -> list[str]:
    enis = [eni for eni in inventory.enis if group in eni.groups]
    return [one for eni in enis for one in (*eni.addresses, *eni.prefixes) if ":" not in one]


def _prefixes(inventory: Inventory, name: str) -> Sequence[str]:
    """A list that was not read is taken for an empty one: it is met only where it decides nothing."""
    return next((one.cidrs for one in inventory.prefix_lists if one.id == name), ())


# --- the program ----------------------------------------------------------------------------------------------------


def main() -> None:
    """Try everything that the file tells, and print what was met as JSON: a list for each trial."""
    trials = json.loads(Path(sys.argv[1]).read_text())
    network.build(_TOPOLOGY)
    try:
        for namespace in (NEAR, FAR):
            network.ip(["rule add iif eth0 lookup 100", "route add local default dev lo table 100"], namespace)
        listeners = [_listener(port) for port in sorted({one["port"] for trial in trials for one in trial["connects"]})]
        met = [_through(trial) for trial in trials]
        for listener in listeners:
            listener.close()
    finally:
        network.remove(_TOPOLOGY)
    json.dump(met, sys.stdout)


def _listener(port: int) -> socket.socket:
    with network.inside(FAR):
        listener = socket.socket()
    listener.setsockopt(socket.SOL_IP, _IP_TRANSPARENT, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", port))
    listener.listen(4096)
    return listener


def _through(trial: dict[str, object]) -> list[str]:
    network.nft(str(trial["script"]), FAR)
    return [_meet(Connect(**one)) for one in trial["connects"]]  # type: ignore[attr-defined]


def _meet(wanted: Connect) -> str:
    with network.inside(NEAR):
        sock = socket.socket()
    with sock:
        sock.setsockopt(socket.SOL_IP, _IP_TRANSPARENT, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
        )  # no TIME_WAIT: the port is free again
        sock.settimeout(_TIMEOUT)
        sock.bind((wanted.source, wanted.source_port))
        try:
            sock.connect((wanted.dest, wanted.port))
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, type(error).__name__)
    return "open"


if __name__ == "__main__":
    main()
