"""This machine's own packet filter, as nft(8) tells it: whether it lets a connection out, and which rule does not.

nft decodes the kernel's expressions; a library would have to, and none travels in the carry-in kit. Only who may change
the filter (CAP_NET_ADMIN) may read it: everybody else does without. Source: libnftables-json(5).
"""

import asyncio
import ipaddress
import json
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from attrs import frozen

from probes.contract import Ask, Notes

_COMMAND = ("nft", "--json", "list", "ruleset")
_SECONDS = 2.0
_MOST_BYTES = 1 << 23
_MOST_JUMPS = 16  # NFT_JUMP_STACK_SIZE
# Chains that jump to several others, these again, and so on: so many statements a packet is taken past.
_MOST_STATEMENTS = 20_000

_NET_ADMIN = 12  # CAP_NET_ADMIN
_LEGACY_TABLES = "/proc/net/ip_tables_names"

# What a connection passes on its way out, in this order.
_HOOKS = ("output", "postrouting")
_REFUSALS = ("drop", "reject")
_OTHER_HEADERS = frozenset({"udp", "udplite", "sctp", "dccp", "icmp", "icmpv6"})
_VERDICTS = frozenset({"accept", "drop", "reject", "return", "jump", "goto"})
# They decide in a way that this reading does not follow.
_UNREAD = frozenset({"vmap", "queue", "xt"})
# Statements that neither select nor decide.
_NEUTRAL = frozenset({"counter", "log", "comment", "notrack", "mangle", "continue"})

Json = Dict[str, Any]

# What comes of JSON that is not as it is in libnftables-json(5).
_STRANGE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
# Stands for a statement that is not: it may decide anything.
_ODD: Json = {"xt": None}


@frozen(kw_only=True)
class Packet:
    """The SYN of a connection. ``interface`` and ``source`` are "" where they are not known."""

    destination: str
    port: int
    source: str = ""
    interface: str = ""

    @property
    def family(self) -> str:
        """``ip`` or ``ip6``."""
        return "ip6" if ":" in self.destination else "ip"


@frozen
class Refusal:
    """A rule, or a chain's policy, that keeps a packet from leaving.

    ``chain``: its family, table and name. ``verdict``: ``drop``, ``reject``. ``certain``: whether the packet meets it
    for certain; where not, something before it or in it is beyond this reading.
    """

    chain: str
    expression: str
    verdict: str
    certain: bool

    @property
    def words(self) -> str:
        """``tcp dport 9083 drop, in the chain inet filter output``."""
        return "%s, in the chain %s" % (self.expression, self.chain)


def may_read() -> bool:
    """Whether this process may ask for the rules."""
    try:
        lines = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
        effective = next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))
    except (OSError, StopIteration, ValueError):
        return False
    return bool(effective >> _NET_ADMIN & 1)


def legacy_tables() -> Tuple[str, ...]:
    """The tables of the older iptables that are in force beside it, which nft does not tell of."""
    try:
        return tuple(Path(_LEGACY_TABLES).read_text("ascii", "replace").split())
    except OSError:
        return ()


def read() -> Optional["Ruleset"]:
    """The rules of this network namespace; None where nft is missing, or does not give them. Waits for nft."""
    try:
        done = subprocess.run(  # noqa: S603 - no part of it is from outside
            _COMMAND, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_SECONDS, check=False
        )
        if done.returncode or len(done.stdout) > _MOST_BYTES:
            return None
    except (OSError, subprocess.SubprocessError):
        return None
    return parsed(done.stdout)


def parsed(text: bytes) -> Optional["Ruleset"]:
    """The rules in nft's JSON; None where that is something else."""
    try:
        return Ruleset(json.loads(text.decode("utf-8", "replace"))["nftables"])
    except _STRANGE:
        return None


async def probe(packets: Sequence[Tuple[Ask, Packet]], notes: Notes) -> None:
    """What of the filter keeps each of the packets from leaving. Nothing where this process may not know."""
    if not may_read():
        return
    rules = await asyncio.get_event_loop().run_in_executor(None, read)
    with notes.step("local", "filter") as step:
        step.note("readable", rules is not None)
        step.note("rules", rules.refusals if rules is not None else None)
        step.note("legacy", ",".join(legacy_tables()) or None)
    for ask, packet in packets:
        refusal = rules.refusal(packet) if rules is not None else None
        if refusal is not None:
            with notes.step("local", "filter_rule", ask) as step:
                step.note("ip", packet.destination)
                step.note("chain", refusal.chain)
                step.note("expression", refusal.expression)
                step.note("verdict", refusal.verdict)
                step.note("certain", refusal.certain)


class Ruleset:
    """The rules; ``entries`` is what nft's JSON holds under ``nftables``."""

    def __init__(self, entries: Sequence[Json]) -> None:
        self._chains: Dict[Tuple[str, ...], Json] = {}
        self._rules: Dict[Tuple[str, ...], List[Json]] = {}
        self._sets: Dict[Tuple[str, ...], Json] = {}
        for entry in entries:
            for kind, body in entry.items():
                if kind == "chain":
                    prio = body.get("prio", 0)
                    self._chains[_place(body, "name")] = {**body, "prio": prio if isinstance(prio, int) else 0}
                elif kind == "rule":
                    known = [_known(statement) for statement in body.get("expr", ())]
                    self._rules.setdefault(_place(body, "chain"), []).append({"expr": known})
                elif kind == "set":
                    self._sets[_place(body, "name")] = body

    @property
    def refusals(self) -> int:
        """How many rules and policies on the way out drop or reject."""
        found: int = sum(chain.get("policy") == "drop" for chain in self._on_the_way_out())
        places = [_place(chain, "name") for chain in self._on_the_way_out()]
        for place in places:  # grows while it is gone through
            for rule in self._rules.get(place, ()):
                found += _verdict(rule)[0] in _REFUSALS
                target = (*place[:2], _verdict(rule)[1])
                if target[2] and target not in places:
                    places.append(target)
        return found

    def refusal(self, packet: Packet) -> Optional[Refusal]:
        """What keeps the packet from leaving: the first that does for certain, else the first that may."""
        passage = _Passage(self._chains, self._rules, self._sets, packet)
        for chain in self._on_the_way_out():
            if chain["family"] in ("inet", packet.family):
                passage.enter(chain)
        certain = [one for one in passage.met if one.certain]
        return next(iter(certain + passage.met), None)

    def _on_the_way_out(self) -> List[Json]:
        chains = [chain for chain in self._chains.values() if chain.get("hook") in _HOOKS]
        return sorted(chains, key=lambda one: (_HOOKS.index(one["hook"]), one.get("prio", 0)))


class _Passage:
    """A packet's way through the chains. What this reading does not know makes what follows uncertain."""

    def __init__(self, chains: Any, rules: Any, sets: Any, packet: Packet) -> None:
        self._chains, self._rules, self._sets = chains, rules, sets
        self._packet = packet
        self._sure = True
        self._passed = 0
        self.met: List[Refusal] = []

    def enter(self, chain: Json) -> None:
        """A base chain."""
        if self._through(_place(chain, "name"), self._sure, 0) is None and chain.get("policy") == "drop":
            self._meet(_place(chain, "name"), "policy drop", "drop", self._sure)

    def _through(self, place: Tuple[str, ...], sure: bool, depth: int) -> Optional[str]:
        """``accept``, ``drop``, ``reject`` where that is certain; None where the next chain or the policy decides."""
        if depth > _MOST_JUMPS:
            return None
        for rule in self._rules.get(place, ()):
            self._passed += 1 + len(rule["expr"])
            if self._passed > _MOST_STATEMENTS:
                self._sure = False
                return None
            holds = self._holds(rule, place)
            verdict, target = _verdict(rule)
            if holds is False or not verdict:
                continue
            certain = sure and self._sure and holds is True
            if verdict in _REFUSALS:
                self._meet(place, _written(rule), verdict, certain)
            elif target:
                ended = self._through((*place[:2], target), certain, depth + 1)
                if ended is not None:
                    return ended
                if verdict == "jump":
                    continue
            if certain:
                return None if verdict in ("return", "goto") else verdict
            if verdict not in _REFUSALS:
                self._sure = False  # it may have ended here
        return None

    def _meet(self, place: Tuple[str, ...], expression: str, verdict: str, certain: bool) -> None:
        self.met.append(Refusal(" ".join(place), expression, verdict, certain))

    def _holds(self, rule: Json, place: Tuple[str, ...]) -> Optional[bool]:
        """Whether the rule selects the packet; None where that is not known."""
        known: List[Optional[bool]] = []
        for statement in rule.get("expr", ()):
            ((kind, body),) = statement.items()
            if kind == "match":
                try:
                    known.append(self._matches(body, place))
                except _STRANGE:
                    known.append(None)
            elif kind not in _NEUTRAL and kind not in _VERDICTS:
                known.append(None)
        return False if False in known else None if None in known else True

    def _matches(self, match: Json, place: Tuple[str, ...]) -> Optional[bool]:
        left, operator = match["left"], match["op"]
        absent = _OTHER_HEADERS | ({"ip", "ip6"} - {self._packet.family})
        if not absent.isdisjoint(_headers(left)):
            return False
        value = self._value(left)
        if value is None or operator not in ("==", "!=", "in"):
            return None
        same = self._same(value, match["right"], place)
        return same if same is None or operator != "!=" else not same

    def _value(self, left: Any) -> Any:
        """What the packet has there; None where that is not known."""
        if not isinstance(left, dict):
            return None
        ((kind, body),) = left.items()
        packet = self._packet
        if kind == "concat":
            values = [self._value(part) for part in body]
            return None if None in values else values
        known: Dict[Any, Any] = {
            ("payload", packet.family, "daddr"): packet.destination,
            ("payload", packet.family, "saddr"): packet.source or None,
            ("payload", "ip", "protocol"): "tcp",
            ("payload", "ip6", "nexthdr"): "tcp",
            ("payload", "tcp", "dport"): packet.port,
            ("payload", "th", "dport"): packet.port,
            ("meta", "l4proto"): "tcp",
            ("meta", "nfproto"): "ipv6" if packet.family == "ip6" else "ipv4",
            ("meta", "protocol"): packet.family,
            ("meta", "oifname"): packet.interface or None,
            ("meta", "oif"): packet.interface or None,
            ("ct", "state"): "new",
        }
        names = [body.get(key) for key in ("protocol", "field", "key")] if isinstance(body, dict) else []
        return known.get((kind, *(name for name in names if name)))

    def _same(self, value: Any, right: Any, place: Tuple[str, ...]) -> Optional[bool]:
        if isinstance(right, str) and right.startswith("@"):
            named = self._sets.get((*place[:2], right[1:]))
            return None if named is None else self._any(value, named.get("elem", ()), place)
        if isinstance(right, list):
            return self._any(value, right, place)
        if isinstance(right, dict):
            ((kind, body),) = right.items()
            if kind == "set":
                return self._any(value, body, place)
            if kind == "elem":
                return self._same(value, body["val"], place)
            if kind == "concat" and isinstance(value, list):
                parts = [self._same(one, part, place) for one, part in zip(value, body)]
                return False if False in parts else None if None in parts else True
            if kind in ("prefix", "range"):
                return _within(value, kind, body)
            return None
        if isinstance(value, str) and isinstance(right, str) and right.endswith("*"):
            return value.startswith(right[:-1])
        return bool(_plain(value) == _plain(right))

    def _any(self, value: Any, elements: Sequence[Any], place: Tuple[str, ...]) -> Optional[bool]:
        same = [self._same(value, element, place) for element in elements]
        return True if True in same else None if None in same else False


def _headers(left: Any) -> List[str]:
    """Those of which a match reads fields."""
    if not isinstance(left, dict):
        return []
    parts = left.get("concat", [left])
    return [part["payload"].get("protocol", "") for part in parts if isinstance(part, dict) and "payload" in part]


def _place(body: Json, key: str) -> Tuple[str, ...]:
    family, table, name = body["family"], body["table"], body[key]
    if not (isinstance(family, str) and isinstance(table, str) and isinstance(name, str)):
        raise TypeError("a place that is no name")
    return family, table, name


def _known(statement: Any) -> Json:
    """The statement, where it is one."""
    if not isinstance(statement, dict) or len(statement) != 1:
        return _ODD
    ((kind, body),) = statement.items()
    jumps = kind in ("jump", "goto")
    return _ODD if jumps and not (isinstance(body, dict) and isinstance(body.get("target"), str)) else statement


def _verdict(rule: Json) -> Tuple[str, str]:
    """The rule's verdict, and the chain to which it jumps; "" for a rule that has none."""
    unread = ""
    for statement in rule.get("expr", ()):
        for kind, body in statement.items():
            if kind in _VERDICTS:
                return kind, body["target"] if kind in ("jump", "goto") else ""
            if kind in _UNREAD:
                unread = kind
    return unread, ""


def _within(value: Any, kind: str, body: Any) -> Optional[bool]:
    try:
        if kind == "prefix":
            network = ipaddress.ip_network("%s/%s" % (body["addr"], body["len"]), strict=False)
            return bool(ipaddress.ip_address(value) in network)
        low, high = body
        if not isinstance(value, int):
            low, value, high = (int(ipaddress.ip_address(one)) for one in (low, value, high))
        return bool(int(low) <= value <= int(high))
    except (ValueError, TypeError, KeyError):
        return None


def _plain(value: Any) -> Any:
    """Two ways of writing the same address, port or protocol are equal."""
    if value == 6:
        return "tcp"
    try:
        return ipaddress.ip_address(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _written(rule: Json) -> str:
    """The rule nearly as nft writes it."""
    try:
        return " ".join(word for word in map(_statement, rule["expr"]) if word)
    except _STRANGE:
        return _verdict(rule)[0]


def _statement(statement: Json) -> str:
    ((kind, body),) = statement.items()
    if kind == "match":
        operator = "" if body["op"] in ("==", "in") else body["op"] + " "
        return "%s %s%s" % (_operand(body["left"]), operator, _operand(body["right"]))
    if kind in ("counter", "log", "comment"):
        return ""
    if kind == "reject" and isinstance(body, dict):
        return "reject with " + str(body.get("expr") or body.get("type"))
    if kind in ("jump", "goto"):
        return "%s %s" % (kind, body["target"])
    return str(kind)


def _operand(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_operand, value))
    if not isinstance(value, dict):
        return str(value)
    ((kind, body),) = value.items()
    if kind == "payload" and "protocol" in body:
        return "%s %s" % (body["protocol"], body["field"])
    if kind == "meta":
        return "meta %s" % body["key"]
    if kind == "ct":
        return "ct %s" % body["key"]
    if kind == "prefix":
        return "%s/%s" % (body["addr"], body["len"])
    if kind == "range":
        return "-".join(map(_operand, body))
    if kind == "set":
        return "{ %s }" % ", ".join(map(_operand, body))
    if kind == "concat":
        return " . ".join(map(_operand, body))
    if kind in ("&", "|", "^"):
        return (" %s " % kind).join(map(_operand, body))
    if kind == "elem":
        return _operand(body["val"])
    return str(kind)
