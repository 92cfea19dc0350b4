"""Policy routing: the rules that say which table a packet's route is looked up in, before any route is.

Source: ip-rule(8), include/uapi/linux/fib_rules.h.
"""

import errno
import ipaddress
from typing import Dict, Iterable, Optional, Tuple

from attrs import frozen

LOCAL, MAIN, DEFAULT = 255, 254, 253
_NAMES: Dict[int, str] = {LOCAL: "local", MAIN: "main", DEFAULT: "default"}

LOOKUP = "lookup"
# How connect(2) fails by a rule of the kind (fib4_rule_action, fib6_rule_action). No route gives ENETUNREACH, too.
REJECTIONS: Dict[str, int] = {
    "blackhole": errno.EINVAL,
    "unreachable": errno.ENETUNREACH,
    "prohibit": errno.EACCES,
}

# The rules that every machine has (fib_default_rules_init): priority and table.
_USUAL = ((0, LOCAL), (32766, MAIN), (32767, DEFAULT))


@frozen(kw_only=True)
class PolicyRule:
    """One rule. ``source`` and ``destination`` are CIDRs, "" for all; ``version`` is 4 or 6.

    ``selectors``: what else it selects by, as ip-rule(8) writes it. ``foreign``: by that it selects nothing that an
    ordinary socket of this machine sends (marked, or forwarded packets). ``inverted``: it selects all other packets.
    """

    priority: int
    version: int = 4
    source: str = ""
    destination: str = ""
    selectors: str = ""
    action: str = LOOKUP
    table: int = 0
    foreign: bool = False
    inverted: bool = False

    @property
    def usual(self) -> bool:
        """Whether every machine has it."""
        plain = not (self.source or self.destination or self.selectors or self.inverted)
        return plain and self.action == LOOKUP and (self.priority, self.table) in _USUAL

    def selects(self, address: str, source: str) -> bool:
        """Whether it may select what an ordinary socket sends from the source to the address."""
        address = address.partition("%")[0]
        if self.foreign or self.version != ipaddress.ip_address(address).version:
            return False
        selected = _holds(self.destination, address) and _holds(self.source, source)
        return selected != self.inverted

    def __str__(self) -> str:
        words = ["%d:" % self.priority]
        words += ["not"] if self.inverted else []
        words += ["from", _written(self.source) or "all"]
        words += ["to", _written(self.destination)] if self.destination else []
        words += [self.selectors] if self.selectors else []
        words += [self.action, name_of(self.table)] if self.action == LOOKUP else [self.action]
        return " ".join(words)


def name_of(table: int) -> str:
    """A table's name; its number where it has none."""
    return _NAMES.get(table, str(table))


def deciding(rules: Iterable[PolicyRule], address: str, source: str, table: int, refusal: int) -> Optional[PolicyRule]:
    """The rule that made the kernel decide as it says: by this table, or to refuse with this errno.

    None where it is one that every machine has: then the routes alone decided.
    """
    if table in _NAMES:
        return None
    for rule in sorted(rules, key=lambda one: one.priority):
        led = rule.action == LOOKUP and rule.table == table
        refused = refusal != 0 and not table and REJECTIONS.get(rule.action) == refusal
        if (led or refused) and rule.selects(address, source):
            return rule
    return None


def telling(rules: Iterable[PolicyRule]) -> Tuple[PolicyRule, ...]:
    """Those that not every machine has."""
    return tuple(rule for rule in rules if not rule.usual)


def _written(cidr: str) -> str:
    """As ip-rule(8) writes it: a single address without its length."""
    address, _, length = cidr.partition("/")
    return address if length == ("128" if ":" in address else "32") else cidr


def _holds(cidr: str, address: str) -> bool:
    if not cidr:
        return True
    return bool(address) and ipaddress.ip_address(address) in ipaddress.ip_network(cidr, strict=False)
